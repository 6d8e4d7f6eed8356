"""The audit: every change with who, why, when, before and after, in an order that nobody can alter."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from domain import chains, erasures, scheduling, tracking, visits
from domain.audit import KEPT
from domain.customers import Contact, Customer
from domain.errors import Conflict
from domain.events import Origin
from domain.technicians import AbsenceReason, Skill
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Visit
from fieldgraph.addresses import APP_ROLE
from tests.conftest import Database, connected
from tests.domain.world import MORNING, World, at
from tests.patience import PATIENCE_SECONDS

KEPT_OF = (
    "SELECT action, actor, actor_role AS role, origin, reason, at, entity_version, before, after FROM audit"
    " WHERE entity_id = $1 ORDER BY id"
)
FIELDS = (
    "SELECT audit_fields(organization_id, before, after, apart) FROM audit WHERE entity_id = $1 ORDER BY id"
)
DIGESTS = (
    f"SELECT {chains.SAID} AS said FROM audit a JOIN audit_seal s ON s.unit_id = a.unit_id"
    " ORDER BY s.seq, a.id"
)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.owner_url) as connection:
        yield connection


async def kept(owner: asyncpg.Connection, key: UUID) -> list[dict[str, Any]]:
    """The changes of one row, with the columns that differ as values."""
    rows = [dict(row) for row in await owner.fetch(KEPT_OF, key)]
    for row in rows:
        row["before"], row["after"] = (
            json.loads(row[one]) if row[one] else None for one in ("before", "after")
        )
    return rows


async def test_a_change_is_kept_with_who_why_when_before_and_after(
    world: World, owner: asyncpg.Connection
) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    world.now = at(8)

    async with world.unit(Role.DISPATCHER) as work:
        await visits.unschedule(work, visit, reason="The customer is away.")

    created, scheduled, given_back = await kept(owner, visit)
    assert (created["action"], created["before"], created["reason"]) == ("CREATED", None, None)
    assert created["after"]["state"] == "UNSCHEDULED"
    assert not {"id", "version", "organization_id", "updated_at", "pin"} & set(created["after"])
    assert scheduled["before"] == {"state": "UNSCHEDULED", "planned_start": None, "planned_end": None}
    assert given_back == {
        "action": "CHANGED",
        "actor": "test",
        "role": "DISPATCHER",
        "origin": "API",
        "reason": "The customer is away.",
        "at": at(8),
        "entity_version": 3,
        "before": {
            "state": "SCHEDULED",
            "reason": None,
            "planned_start": "2026-11-23T07:00:00+00:00",
            "planned_end": "2026-11-23T08:00:00+00:00",
        },
        "after": {
            "state": "UNSCHEDULED",
            "reason": "The customer is away.",
            "planned_start": None,
            "planned_end": None,
        },
    }


async def test_what_one_unit_does_for_several_reasons_is_kept_with_each(
    world: World, owner: asyncpg.Connection
) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    begun, waiting = await world.visit(kind), await world.visit(kind)
    await world.schedule(begun, ada, 9)
    await world.schedule(waiting, ada, 11)
    await world.dispatch(begun)
    world.now = at(9)
    async with world.unit() as work:
        await visits.start_travel(work, begun)
        await tracking.record_arrival(work, begun, occurred_at=None)
        await visits.start_work(work, begun)
    async with world.unit() as work:
        absence, _ = await scheduling.absent(work, ada, (at(8), at(16)), reason=AbsenceReason.SICK)

    assert [(await kept(owner, key))[-1]["reason"] for key in (begun, waiting)] == [
        "TECHNICIAN",
        "Ada is absent.",
    ]
    assert (await kept(owner, absence.id))[0]["reason"] is None


async def test_sql_of_ones_own_is_kept_too(world: World, owner: asyncpg.Connection) -> None:
    skill = await world.skill("Gas")

    await owner.execute("SET timezone = 'Asia/Tokyo'")
    await owner.execute("UPDATE skill SET name = 'Fire' WHERE id = $1", skill)
    await owner.execute("UPDATE skill SET name = 'Fire', version = 9 WHERE id = $1", skill)
    await owner.execute("DELETE FROM skill WHERE id = $1", skill)

    _, changed, deleted = await kept(owner, skill)
    assert (changed["actor"], changed["role"], changed["origin"]) == ("database:fieldgraph", None, "DATABASE")
    assert (changed["before"], changed["after"]) == ({"name": "Gas"}, {"name": "Fire"})
    was = {"name": "Fire", "requires_certification": False}
    assert (deleted["action"], deleted["before"], deleted["after"]) == ("DELETED", was, None)
    assert deleted["entity_version"] == 9


async def test_who_lends_a_role_for_a_moment_is_kept_as_who_they_are(
    world: World, owner: asyncpg.Connection
) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        moved = await visits.start_travel(work, visit)

    order = (await kept(owner, moved.work_order_id))[-1]
    assert (order["role"], order["after"]) == ("TECHNICIAN", {"state": "IN_PROGRESS"})


async def test_each_door_and_time_is_kept(world: World, owner: asyncpg.Connection) -> None:
    who = Viewer(organization_id=world.organization_id, role=Role.MANAGER, subject="worker")
    skill = Skill(name="Gas")
    async with UnitOfWork(world.engine, who, MORNING + timedelta(days=9), origin=Origin.OPTIMIZER) as work:
        work.add(skill)

    (row,) = await kept(owner, skill.id)
    assert (row["actor"], row["origin"], row["at"]) == ("worker", "OPTIMIZER", MORNING + timedelta(days=9))


async def test_a_secret_is_not_kept_and_what_is_computed_is_left_out(
    world: World, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO credential (organization_id, id, version, updated_at, created_at, digest, role, subject,"
        " scopes, expires_at) VALUES ($1, $2, 1, now(), now(), sha256('a'), 'ADMIN', 'x', '', now())",
        world.organization_id,
        world.customer_id,
    )
    await owner.execute("UPDATE credential SET digest = sha256('b')")

    found = [json.loads(row[0]) for row in await owner.fetch(FIELDS, world.customer_id)]
    assert {"field": "digest", "before": None, "after": "•••", "withheld": False} in found[-2]
    assert found[-1] == [{"field": "digest", "before": "•••", "after": "•••", "withheld": False}]
    assert not [one for fields in found for one in fields if one["field"] == "searched"]
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    (assigned,) = await owner.fetch("SELECT after FROM audit WHERE entity_type = 'assignment'")
    assert not {"during"} & set(json.loads(assigned["after"]))


async def test_what_is_taken_back_leaves_no_change_and_no_gap(
    world: World, owner: asyncpg.Connection
) -> None:
    before = await owner.fetchval("SELECT seq FROM audit_chain")
    async with world.unit() as work:
        savepoint = await work.session.begin_nested()
        lost = work.add(Skill(name="Lost"))
        await work.session.flush()
        await savepoint.rollback()
        work.forget()
        won = work.add(Skill(name="Won"))
    with pytest.raises(Conflict):
        async with world.unit() as work:
            work.add(Skill(name="Won"))

    assert await kept(owner, lost.id) == []
    assert len(await kept(owner, won.id)) == 1
    assert await owner.fetchval("SELECT seq FROM audit_chain") == before + 1
    await whole(owner)


async def whole(owner: asyncpg.Connection) -> int:
    """Every change is sealed once, in the chain's order, by what is said of it; how many there are."""
    digests = [hashlib.sha256(row["said"].encode()).digest() for row in await owner.fetch(DIGESTS)]
    assert len(digests) == await owner.fetchval("SELECT count(*) FROM audit")
    seals = [
        chains.Seal(*row)
        for row in await owner.fetch("SELECT seq, unit_id, changes, hash FROM audit_seal ORDER BY seq")
    ]
    assert [digest for seal in seals for _, digest in seal.named()] == digests
    previous = b""
    for number, seal in enumerate(seals, 1):
        assert (seal.seq, seal.hash) == (number, chains.link(previous, seal))
        previous = seal.hash
    (head,) = await owner.fetch("SELECT seq, hash FROM audit_chain")
    assert tuple(head) == (len(seals), previous)
    return len(digests)


async def test_fifty_writers_make_one_chain(world: World, owner: asyncpg.Connection) -> None:
    async def write(number: int) -> None:
        for turn in range(4):
            async with world.unit() as work:
                work.add(Skill(name=f"{number} {turn} a"))
                await work.session.flush()
                work.add(Skill(name=f"{number} {turn} b"))

    before = await whole(owner)
    await asyncio.gather(*(write(number) for number in range(50)))

    assert await whole(owner) == before + 50 * 4 * 2


async def test_writers_do_not_wait_for_each_other_before_they_end(world: World) -> None:
    async with world.unit() as first:
        first.add(Skill(name="First"))
        await first.session.flush()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await world.skill("Second")  # begins later and ends sooner


@pytest.mark.parametrize("when", ["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"])
async def test_what_is_sealed_early_goes_on_in_another_seal(
    world: World, owner: asyncpg.Connection, when: str
) -> None:
    async with world.unit() as work:
        await work.session.execute(text(when))
        work.add(Skill(name="One"))
        await work.session.flush()
        await work.session.execute(text(when))
        work.add(Skill(name="Two"))
        await work.session.flush()
        work.add(Skill(name="Three"))

    await whole(owner)


async def test_two_organizations_in_one_transaction_have_each_their_own(
    world: World, owner: asyncpg.Connection
) -> None:
    other = await World.make(world.engine)
    await world.skill("Gas")
    await other.skill("Gas")

    await owner.execute("UPDATE skill SET name = 'Fire'")

    heads = await owner.fetch("SELECT organization_id, seq FROM audit_chain")
    assert {row["organization_id"] for row in heads} == {world.organization_id, other.organization_id}
    for key, seq in heads:
        sealed = await owner.fetchval(
            "SELECT count(*) FROM audit a JOIN audit_seal s USING (organization_id, unit_id)"
            ' WHERE s.organization_id = $1 AND s.seq = $2 AND a.after = \'{"name": "Fire"}\'',
            key,
            seq,
        )
        assert sealed == 1


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.usefixtures("world")
async def test_nobody_alters_what_is_kept(owner: asyncpg.Connection, database: Database, table: str) -> None:
    assert await owner.fetchval(f"SELECT count(*) FROM {table}") > 0
    async with connected(database.app_url) as app:
        for connection in (owner, app):
            for statement in (
                f"UPDATE {table} SET organization_id = organization_id",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"INSERT INTO {table} SELECT * FROM {table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="deleted, not truncated"):
        await owner.execute("TRUNCATE visit CASCADE")


async def test_the_app_cannot_have_something_kept_that_did_not_happen(database: Database) -> None:
    async with connected(database.app_url) as app:
        await app.execute("CREATE TEMPORARY TABLE mine (organization_id uuid, id uuid, version integer)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="audit_capture"):
            await app.execute(
                "CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION audit_capture('{}')"
            )
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="ADMIN"):
            await app.execute("SELECT audit_forget('{}')")
        assert not await app.fetchval("SELECT pg_has_role($1, 'fieldgraph_audit', 'SET')", APP_ROLE)


async def test_an_erasure_takes_the_values_and_leaves_the_chain(
    world: World, owner: asyncpg.Connection
) -> None:
    contact = Contact(customer_id=world.customer_id, name="Zsófia Quux", email="zsofia@quux.example")
    other = Contact(customer_id=world.customer_id, name="Somebody Else")
    await world.keep(contact, other)
    async with world.unit() as work:
        row = await work.get(Contact, contact.id)
        row.phone, row.email_opt_in = "+358401112223", True
    assert await mentions(owner, "quux") == {"contact", "audit_value"}

    async with world.unit() as work:
        erased = await erasures.contact(work, contact.id)

    assert (erased.name, erased.email, erased.phone, erased.email_opt_in) == ("Erased", None, None, False)
    assert await mentions(owner, "quux") == await mentions(owner, "358401112223") == set()
    assert await mentions(owner, "Somebody Else") == {"contact", "audit_value"}
    await whole(owner)
    fields = [json.loads(row[0]) for row in await owner.fetch(FIELDS, contact.id)]
    assert {one["field"]: one["withheld"] for one in fields[-1]} == {
        "name": True,
        "email": True,
        "phone": True,
        "emailOptIn": False,
    }


async def mentions(owner: asyncpg.Connection, word: str) -> set[str]:
    """Every table that has the word in any row, in whatever column."""
    tables = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND NOT relispartition"
    )
    found = "SELECT count(*) FROM {} t WHERE strpos(lower(t::text), $1) > 0"
    return {name for (name,) in tables if await owner.fetchval(found.format(name), word.lower())}


async def test_another_organizations_values_are_not_erased(world: World, owner: asyncpg.Connection) -> None:
    other = await World.make(world.engine)
    theirs = await owner.fetchval(
        "SELECT count(*) FROM audit_value WHERE organization_id = $1", other.organization_id
    )

    async with world.unit() as work:
        await work.session.execute(
            text("SELECT audit_forget(ARRAY[:key]::uuid[])"), {"key": other.customer_id}
        )

    assert theirs > 0
    assert theirs == await owner.fetchval(
        "SELECT count(*) FROM audit_value WHERE organization_id = $1", other.organization_id
    )
    assert (await other.read(Customer, other.customer_id)).name == "Aalto"


async def test_a_change_costs_no_statement_more(world: World) -> None:
    visit = await world.visit(await world.work_type())
    async with world.unit() as work:
        row = await work.get(Visit, visit)
        row.duration_seconds += 60
        await work.session.flush()
        told = await work.session.execute(
            text("SELECT count(*) FROM audit WHERE entity_id = :key"), {"key": visit}
        )
        assert told.scalar_one() == 2  # at once, before the end
