"""Touching: every statement that writes a row is noted, whoever makes it and whatever it goes by."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain import access, audit
from domain.access import audited, touching
from fieldgraph.addresses import SYSTEM_ROLE
from resolvers.reads import ENTER
from tests.conftest import Database, connected
from tests.realtime.facts import organization

TRIGGERS = """
SELECT c.relname, t.tgname || ' ' || f.proname FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc f ON f.oid = t.tgfoid
WHERE starts_with(t.tgname, 'touched_') AND t.tgenabled = 'O' ORDER BY 1, 2
"""
NOTED = "SELECT organization_id, table_name, key FROM touched WHERE xid = pg_current_xact_id() ORDER BY key"
SKILL = (
    "INSERT INTO skill (organization_id, id, version, updated_at, created_at, name)"
    " SELECT $1, gen_random_uuid(), 1, now(), now(), 'Skill ' || n FROM generate_series($2::int, $3::int) n"
)

CREDENTIAL = (
    "INSERT INTO credential (organization_id, id, version, updated_at, created_at, digest, role, subject,"
    " scopes) VALUES ($1, $2, 1, now(), now(), $3, 'ADMIN', 'someone', '')"
)
USE = "INSERT INTO credential_use (organization_id, credential_id, used_at) VALUES ($1, $2, now())"
FORGED = (
    "CREATE TEMP TABLE mine (organization_id uuid, id uuid); CREATE TRIGGER forged AFTER INSERT ON mine"
    " REFERENCING NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION touch_rows()"
)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.owner_url) as one:
        yield one


async def noted(connection: asyncpg.Connection, statement: str, *values: object) -> set[tuple[object, ...]]:
    """What a statement leaves behind, by whichever connection; it is taken back."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(statement, *values)
    await connection.execute("RESET ROLE")
    found = [tuple(row) for row in await connection.fetch(NOTED)]
    await transaction.rollback()
    assert len(found) == len(set(found))
    return set(found)


def triggers_of(table: str) -> list[str]:
    noting = {"organization": "touch_organization", "credential_use": "touch_table"}.get(table, "touch_rows")
    events = [f"touched_by_{event} {noting}" for event in ("delete", "insert", "move", "update")]
    return sorted([*events, "touched_by_truncate touch_row_by_row"])


async def test_every_table_notes_its_changes_or_is_exempt_with_a_reason(owner: asyncpg.Connection) -> None:
    found: dict[str, list[str]] = {}
    for table, trigger in await owner.fetch(TRIGGERS):
        found.setdefault(table, []).append(trigger)

    assert found == {table: triggers_of(table) for table in touching.tables()}
    assert set(touching.EXEMPT) < set(access.TABLES)
    assert all(len(reason.split()) >= 2 for reason in touching.EXEMPT.values())
    assert set(audited.tables()) < set(touching.tables())

    await owner.execute("DROP TRIGGER touched_by_update ON visit; DROP TRIGGER touched_by_insert ON eta")
    for table in ("visit", "eta"):
        await owner.execute(touching.capture(table))
    assert {row[0] for row in await owner.fetch(TRIGGERS)} == set(touching.tables())
    assert len(await owner.fetch(TRIGGERS)) == 5 * len(touching.tables())


def test_of_a_table_that_notes_nothing_others_tell() -> None:
    assert touching.told_by("visit") == frozenset({"visit"})
    assert touching.told_by("audit") == frozenset(audited.tables())
    assert touching.told_by("counter") is None
    assert set(audit.KEPT) < set(touching.EXEMPT)


async def test_an_insert_an_update_and_a_delete_are_noted_by_the_rows_id(owner: asyncpg.Connection) -> None:
    heatworks = await organization(owner)
    await owner.execute(SKILL, heatworks, 1, 3)
    keys = [row[0] for row in await owner.fetch("SELECT id FROM skill ORDER BY name")]
    three = {(heatworks, "skill", key) for key in keys}

    assert len(await noted(owner, SKILL, heatworks, 4, 8)) == 5
    assert await noted(owner, "UPDATE skill SET name = name || '!'") == three
    assert await noted(owner, "UPDATE skill SET name = 'x' WHERE id = $1", keys[0]) == {
        (heatworks, "skill", keys[0])
    }
    assert await noted(owner, "DELETE FROM skill WHERE id <> $1", keys[0]) == three - {
        (heatworks, "skill", keys[0])
    }
    assert await noted(owner, "UPDATE skill SET name = 'x' WHERE false") == set()
    assert await noted(owner, "SELECT count(*) FROM skill") == set()
    other = uuid4()
    assert await noted(owner, "UPDATE skill SET id = $1 WHERE id = $2", other, keys[0]) == {
        (heatworks, "skill", keys[0]),
        (heatworks, "skill", other),
    }


async def test_a_row_that_goes_to_another_organization_is_noted_for_both(owner: asyncpg.Connection) -> None:
    heatworks, coolworks = await organization(owner), await organization(owner, "Coolworks")
    await owner.execute(SKILL, heatworks, 1, 1)
    key = await owner.fetchval("SELECT id FROM skill")

    assert await noted(owner, "UPDATE skill SET organization_id = $1", coolworks) == {
        (heatworks, "skill", key),
        (coolworks, "skill", key),
    }


async def test_more_than_a_hundred_rows_are_noted_as_any(owner: asyncpg.Connection) -> None:
    heatworks, coolworks = await organization(owner), await organization(owner, "Coolworks")
    await owner.execute(SKILL, heatworks, 1, 60)
    await owner.execute(SKILL, coolworks, 1, 41)
    any_of_both = {(heatworks, "skill", None), (coolworks, "skill", None)}

    assert len(await noted(owner, SKILL, heatworks, 101, 200)) == touching.MOST_KEYS
    assert await noted(owner, SKILL, heatworks, 101, 201) == {(heatworks, "skill", None)}
    assert await noted(owner, "UPDATE skill SET version = 2") == any_of_both
    assert await noted(owner, "DELETE FROM skill") == any_of_both
    assert len(await noted(owner, "UPDATE skill SET version = 2 WHERE organization_id = $1", heatworks)) == 60


async def test_an_organization_is_noted_as_its_own_and_a_use_without_a_key(owner: asyncpg.Connection) -> None:
    heatworks = await organization(owner)
    await owner.execute(CREDENTIAL, heatworks, key := uuid4(), bytes(32))

    assert await noted(owner, "UPDATE organization SET name = 'Other'") == {
        (heatworks, "organization", heatworks)
    }
    assert await noted(owner, USE, heatworks, key) == {(heatworks, "credential_use", None)}


async def test_what_a_key_takes_along_and_an_upsert_finds_is_noted(owner: asyncpg.Connection) -> None:
    """Statements that nobody wrote: of a cascade; and both halves of an upsert."""
    heatworks = await organization(owner)
    await owner.execute(SKILL, heatworks, 1, 1)
    key = await owner.fetchval("SELECT id FROM skill")
    upsert = (
        "INSERT INTO skill (organization_id, id, version, updated_at, created_at, name) VALUES"
        " ($1, $2, 1, now(), now(), 'a'), ($1, $3, 1, now(), now(), 'b')"
        " ON CONFLICT (organization_id, id) DO UPDATE SET name = excluded.name"
    )
    other = uuid4()
    assert await noted(owner, upsert, heatworks, key, other) == {
        (heatworks, "skill", key),
        (heatworks, "skill", other),
    }
    await owner.execute("CREATE TABLE part_of (id uuid, organization_id uuid, skill_id uuid)")
    await owner.execute(
        "ALTER TABLE part_of ADD FOREIGN KEY (organization_id, skill_id) REFERENCES skill ON DELETE CASCADE;"
        "SELECT touched_table('part_of')"
    )
    await owner.execute("INSERT INTO part_of VALUES ($1, $2, $3)", other, heatworks, key)
    assert await noted(owner, "DELETE FROM skill") == {
        (heatworks, "skill", key),
        (heatworks, "part_of", other),
    }


async def test_a_table_of_rows_is_not_emptied_at_once(owner: asyncpg.Connection) -> None:
    for table in ("eta", "position_current", "import"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not truncated"):
            await owner.execute(f'TRUNCATE "{table}" CASCADE')


async def entered(connection: asyncpg.Connection, organization_id: UUID) -> None:
    await connection.execute(ENTER, str(organization_id), "ADMIN", "ada", "", "", "", "")


async def test_the_app_and_the_system_write_what_is_noted_and_cannot_write_or_read_the_notes(
    database: Database, owner: asyncpg.Connection
) -> None:
    heatworks = await organization(owner)
    async with connected(database.app_url) as app, connected(database.app_url, SYSTEM_ROLE) as system:
        await entered(app, heatworks)
        await app.execute(SKILL, heatworks, 1, 1)
        key = await owner.fetchval("SELECT id FROM skill")
        rows = await owner.fetch("SELECT organization_id, key FROM touched WHERE table_name = 'skill'")
        assert [tuple(row) for row in rows] == [(heatworks, key)]
        assert await app.fetch("SELECT * FROM touched") == []
        assert await system.fetchval("SELECT count(*) FROM touched WHERE table_name = 'skill'") == 1

        note = "INSERT INTO touched VALUES (pg_current_xact_id(), $1, 'skill', NULL, now())"
        for connection in (app, system):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(note, heatworks)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("UPDATE touched SET key = NULL")
        for forged in (
            FORGED,
            "SELECT touched_table('skill')",
            "DELETE FROM touched",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(forged)
        assert await owner.fetchval("SELECT count(*) FROM touched WHERE table_name = 'skill'") == 1

        await system.execute("INSERT INTO bucket VALUES ($1, 'x', 1, 1, now())", heatworks)
        await owner.execute(CREDENTIAL, heatworks, key, bytes(32))
        await system.execute(USE, heatworks, key)
        rows = await owner.fetch("SELECT table_name FROM touched ORDER BY xid DESC LIMIT 2")
        assert [row[0] for row in rows] == ["credential_use", "credential"]


async def test_what_is_rolled_back_was_not_touched(owner: asyncpg.Connection) -> None:
    heatworks = await organization(owner)
    async with owner.transaction():
        before = await owner.fetchval("SELECT pg_current_xact_id()::text")
        savepoint = owner.transaction()
        await savepoint.start()
        await owner.execute(SKILL, heatworks, 1, 1)
        await savepoint.rollback()
        async with owner.transaction():
            await owner.execute(SKILL, heatworks, 2, 2)
    rows = await owner.fetch("SELECT xid::text FROM touched WHERE table_name = 'skill'")
    assert [row[0] for row in rows] == [before], "a savepoint's rows are the whole transaction's"
