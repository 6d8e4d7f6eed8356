"""verify-audit: a planted change, deletion, gap, swap or cut is told by its row, whoever did it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import chains, erasures, ids
from domain.customers import Contact
from domain.errors import BadInput
from domain.technicians import Skill
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.auditing import verify
from fieldgraph.settings import CHECKOUT
from tests.conftest import Database, connected
from tests.domain.world import World


@dataclass(frozen=True)
class Books:
    """A company's audit, and a superuser who writes past every trigger."""

    world: World
    database: Database
    owner: asyncpg.Connection
    skills: tuple[UUID, ...]

    async def faults(self, head: str | None = None) -> list[str]:
        """What is told of this company, without its name and the last line."""
        said: list[str] = []
        name = ids.encode("org", self.world.organization_id)
        good = await verify(self.database.app_url, name, head, tell=said.append)
        *faults, last = said
        assert good == (not faults)
        assert f"{len(faults) or 'no'} faults" in last
        return [fault.removeprefix(f"{name}: ") for fault in faults]

    async def change(self, skill: int) -> Any:
        """The audit's row, and its seal's number, of the making of a skill."""
        return await self.owner.fetchrow(
            "SELECT a.*, s.seq FROM audit a JOIN audit_seal s USING (organization_id, unit_id)"
            " WHERE entity_id = $1",
            self.skills[skill],
        )

    async def named(self, skill: int) -> str:
        row = await self.change(skill)
        return f"seq {row['seq']}, change {row['id']}, skill {self.skills[skill]}"


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    opened = create_async_engine(sqlalchemy_url(database.app_url))
    yield opened
    await opened.dispose()


@pytest.fixture
async def books(engine: AsyncEngine, database: Database) -> AsyncIterator[Books]:
    world = await World.make(engine)
    other = await World.make(engine)
    await other.technician()
    await world.technician()
    skills = [await world.skill(name) for name in "ABCDE"]
    pair = [Skill(name="F"), Skill(name="G")]
    await world.keep(*pair)
    async with connected(database.owner_url) as owner:
        await owner.execute("SET session_replication_role = replica")
        yield Books(world, database, owner, (*skills, *(one.id for one in pair)))


async def test_an_untouched_audit_is_whole(books: Books) -> None:
    said: list[str] = []

    assert await verify(books.database.app_url, None, None, tell=said.append)

    assert len(said) == 2
    assert all("no faults; head " in line for line in said)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "reason = 'another'",
        "at = at - interval '1 microsecond'",
        "recorded_at = recorded_at + interval '1 day'",
        'after = \'{"name": "H"}\'',
        "before = '{}'",
        "entity_version = 2",
        "actor_role = NULL",
        "readers = '{ADMIN}'",
        "belongs_to = ARRAY[entity_id]",
        "belongs_to = '{}'",
    ],
)
async def test_a_planted_change_is_told_by_its_row(books: Books, change: str) -> None:
    await books.owner.execute(f"UPDATE audit SET {change} WHERE entity_id = $1", books.skills[2])

    assert await books.faults() == [f"{await books.named(2)}: was changed"]


@pytest.mark.parametrize("change", ["NULL", "'{}'", "ARRAY[id]", "belongs_to || id"])
async def test_a_change_that_was_taken_from_what_it_belongs_to_is_told(books: Books, change: str) -> None:
    row = await books.owner.fetchrow(
        "SELECT a.id, a.entity_id, s.seq FROM audit a JOIN audit_seal s USING (organization_id, unit_id)"
        " WHERE entity_type = 'stock_location' AND a.organization_id = $1 AND belongs_to IS NOT NULL",
        books.world.organization_id,
    )
    assert row is not None

    await books.owner.execute(f"UPDATE audit SET belongs_to = {change} WHERE id = $1", row["id"])

    named = f"seq {row['seq']}, change {row['id']}, stock_location {row['entity_id']}: was changed"
    assert await books.faults() == [named]


async def test_a_planted_deletion_is_told_by_its_row(books: Books) -> None:
    rows = [await books.change(1), await books.change(5)]
    for row in rows:
        await books.owner.execute("DELETE FROM audit WHERE id = $1", row["id"])

    assert await books.faults() == [f"seq {row['seq']}, change {row['id']}: was taken out" for row in rows]


async def test_a_row_that_was_put_in_is_told(books: Books) -> None:
    await books.owner.execute(
        "INSERT INTO audit SELECT (jsonb_populate_record(a, jsonb_build_object('id', uuidv7()))).*"
        " FROM audit a WHERE entity_id = $1",
        books.skills[0],
    )
    key = await books.owner.fetchval(
        "SELECT max(id::text)::uuid FROM audit WHERE entity_id = $1", books.skills[0]
    )

    assert await books.faults() == [f"change {key}, skill {books.skills[0]}: was put in: no seal names it"]


async def test_two_rows_that_changed_places_are_both_told(books: Books) -> None:
    one, other = await books.change(0), await books.change(3)
    for row, values in ((one, other), (other, one)):
        await books.owner.execute(
            "UPDATE audit SET entity_id = $2, after = $3 WHERE id = $1",
            row["id"],
            values["entity_id"],
            values["after"],
        )

    assert await books.faults() == [
        f"seq {row['seq']}, change {row['id']}, skill {other['entity_id']}: was changed"
        for row, other in ((one, other), (other, one))
    ]


async def test_a_gap_is_told_with_the_rows_that_lost_their_seal(books: Books) -> None:
    row = await books.change(2)
    await books.owner.execute(
        "DELETE FROM audit_seal WHERE seq = $1 AND unit_id = $2", row["seq"], row["unit_id"]
    )

    assert await books.faults() == [
        f"seq {row['seq']}: the seal is missing",
        f"change {row['id']}, skill {books.skills[2]}: was put in: no seal names it",
    ]


async def test_two_seals_that_changed_places_are_told(books: Books) -> None:
    one, other = await books.change(1), await books.change(2)
    seqs = (one["seq"], other["seq"])
    organization = books.world.organization_id
    for start, end in ((seqs[0], -1), (seqs[1], seqs[0]), (-1, seqs[1])):
        await books.owner.execute(
            "UPDATE audit_seal SET seq = $2 WHERE seq = $1 AND organization_id = $3", start, end, organization
        )

    assert await books.faults() == [
        f"seq {seq}: the seal does not follow from the one before it" for seq in (*seqs, seqs[1] + 1)
    ]


async def test_a_row_and_its_seal_altered_alike_break_the_chain(books: Books) -> None:
    """The digest is made anew, so the row looks well: the seal's own hash does not."""
    row = await books.change(1)
    await books.owner.execute("UPDATE audit SET actor = 'x' WHERE id = $1", row["id"])
    await books.owner.execute(
        "UPDATE audit_seal s SET changes = uuid_send(a.id) || audit_digest(a) FROM audit a"
        " WHERE a.id = $1 AND s.unit_id = a.unit_id",
        row["id"],
    )

    assert await books.faults() == [f"seq {row['seq']}: the seal does not follow from the one before it"]


async def test_a_tail_that_was_cut_off_is_told_by_the_head(books: Books) -> None:
    row, last = await books.change(4), await books.change(5)
    await books.owner.execute(
        "DELETE FROM audit WHERE organization_id = $1 AND id >= $2", books.world.organization_id, row["id"]
    )
    await books.owner.execute(
        "DELETE FROM audit_seal WHERE organization_id = $1 AND seq >= $2",
        books.world.organization_id,
        row["seq"],
    )

    assert await books.faults() == [f"seq {row['seq']}: the chain is cut off here: its head is {last['seq']}"]


async def test_what_was_written_down_elsewhere_shows_even_a_chain_that_was_made_anew(books: Books) -> None:
    organization = books.world.organization_id
    (row,) = await books.owner.fetch(
        "SELECT seq, unit_id, changes, hash FROM audit_seal WHERE organization_id = $1"
        " ORDER BY seq DESC LIMIT 1",
        organization,
    )
    seal = chains.Seal(*row)
    head = f"{seal.seq}:{seal.hash.hex()}"
    assert await books.faults(head) == []
    await books.world.skill("Later")
    assert await books.faults(head) == []

    # when the last seals are taken out, and the head is put back to what is left
    await books.owner.execute(
        "DELETE FROM audit a USING audit_seal s WHERE s.unit_id = a.unit_id AND s.seq >= $2"
        " AND a.organization_id = $1",
        organization,
        seal.seq,
    )
    await books.owner.execute(
        "DELETE FROM audit_seal WHERE organization_id = $1 AND seq >= $2", organization, seal.seq
    )
    await books.owner.execute(
        "UPDATE audit_chain c SET seq = s.seq, hash = s.hash FROM audit_seal s"
        " WHERE c.organization_id = $1 AND s.organization_id = $1 AND s.seq = $2",
        organization,
        seal.seq - 1,
    )

    # then only who kept the old head can tell
    assert await books.faults() == []
    assert await books.faults(head) == [
        f"seq {seal.seq}: the chain is cut off here: {seal.seq} was written down"
    ]
    other = f"{seal.seq - 1}:{'0' * 64}"
    assert await books.faults(other) == [f"seq {seal.seq - 1}: is not the head that was written down"]


async def test_a_head_that_is_missing_or_another_is_told(books: Books) -> None:
    organization = books.world.organization_id
    seq = await books.owner.fetchval("SELECT seq FROM audit_chain WHERE organization_id = $1", organization)
    await books.owner.execute(
        "UPDATE audit_chain SET hash = sha256('x') WHERE organization_id = $1", organization
    )
    (fault,) = await books.faults()
    assert fault.startswith(f"seq {seq}: the head of the chain is another: {seq}:")

    await books.owner.execute("DELETE FROM audit_chain WHERE organization_id = $1", organization)
    assert await books.faults() == ["chain: the head of the chain is missing"]


async def test_a_value_that_is_kept_apart_is_guarded_too(books: Books) -> None:
    row = await books.owner.fetchrow(
        "SELECT a.id, a.entity_id, a.apart, s.seq FROM audit a"
        " JOIN audit_seal s USING (organization_id, unit_id)"
        " WHERE entity_type = 'technician' AND a.organization_id = $1",
        books.world.organization_id,
    )
    assert row is not None
    apart = json.loads(row["apart"])
    change = 'UPDATE audit_value SET value = \'{"after": "Eve"}\' WHERE id = $1'
    await books.owner.execute(change, UUID(apart["name"]["ref"]))
    for column in ("hourly_cost", "home_latitude"):  # of these only the second is personal, so may be erased
        await books.owner.execute("DELETE FROM audit_value WHERE id = $1", UUID(apart[column]["ref"]))

    named = f"seq {row['seq']}, change {row['id']}, technician {row['entity_id']}"
    assert sorted(await books.faults()) == [
        f"{named}: its hourly_cost was taken out",
        f"{named}: its name was changed",
    ]


async def test_an_erasure_is_no_fault(books: Books) -> None:
    contact = Contact(customer_id=books.world.customer_id, name="Somebody", phone="+358401112223")
    await books.world.keep(contact)
    values = "SELECT count(*) FROM audit_value WHERE entity_id = $1"
    assert await books.owner.fetchval(values, contact.id) == 2

    async with books.world.unit() as work:
        await erasures.contact(work, contact.id)

    assert await books.owner.fetchval(values, contact.id) == 0
    assert await books.faults() == []


async def test_what_is_no_id_and_no_head_is_refused(books: Books) -> None:
    url = books.database.app_url
    with pytest.raises(BadInput):
        await verify(url, "nothing", None, tell=print)
    with pytest.raises(ValueError, match="name it"):
        await verify(url, None, "3:ab", tell=print)
    with pytest.raises(ValueError, match="invalid literal"):
        await verify(url, ids.encode("org", books.world.organization_id), "three", tell=print)


async def test_the_command_ends_with_one_when_something_is_wrong(books: Books) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": books.database.owner_url,
        "APP_DATABASE_URL": books.database.app_url,
    }

    def run(*arguments: str) -> tuple[int, list[str]]:
        ended = subprocess.run(  # noqa: S603  # our own module
            [sys.executable, "-m", "fieldgraph.cli", "verify-audit", *arguments],
            cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip  # one call, one glance
        return ended.returncode, ended.stdout.splitlines()

    code, lines = run()
    assert (code, len(lines)) == (0, 2)
    await books.owner.execute("DELETE FROM audit WHERE entity_id = $1", books.skills[0])

    code, lines = run("--organization", ids.encode("org", books.world.organization_id))
    assert code == 1
    assert "was taken out" in lines[0]
    assert run("--head", "1:ab")[0] == 2
