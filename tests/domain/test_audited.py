"""Audited: what is declared of the audit is what the database's triggers were told, for every table."""

import json

import asyncpg
import pytest

from domain import access
from domain.access import audited
from domain.audit import PLACES
from domain.viewers import Role
from tests.conftest import Database, connected

TOLD = """
SELECT c.relname, t.tgargs FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname = 'audited' AND t.tgfoid = 'audit_capture'::regproc AND t.tgenabled = 'O' ORDER BY 1
"""
COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
"""


async def told(owner: asyncpg.Connection) -> dict[str, dict[str, object]]:
    """By table, what its trigger was told; which columns are computed is the catalogue's own affair."""
    found = {}
    for table, arguments in await owner.fetch(TOLD):
        found[table] = {
            key: value for key, value in json.loads(arguments.rstrip(b"\0")).items() if key != "computed"
        }
    return found


def declared() -> dict[str, dict[str, object]]:
    return {table: json.loads(json.dumps(audited.instruction(table))) for table in audited.tables()}


async def test_every_table_is_audited_as_it_is_declared_or_exempt_with_a_reason(database: Database) -> None:
    async with connected(database.owner_url) as owner:
        assert await told(owner) == declared()

        for statement in (
            "DROP TRIGGER audited ON visit",
            "ALTER TABLE site DISABLE TRIGGER audited",
            "SELECT audit_table('contact')",
            "SELECT audit_table('visit')",
            "SELECT audit_table('position')",
        ):
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute(statement)
            assert await told(owner) != declared(), statement
            await transaction.rollback()


async def test_a_later_revision_puts_the_trigger_on_as_declared(database: Database) -> None:
    async with connected(database.owner_url) as owner:
        await owner.execute("DROP TRIGGER audited ON technician; SELECT audit_table('site')")
        for table in ("technician", "site"):
            await owner.execute(audited.capture(table))
        assert await told(owner) == declared()


FIXED = frozenset({"assignment", "stock_movement"})
"""Tables whose rows stay part of what they are made for."""


async def test_each_table_says_what_its_rows_are_part_of(database: Database) -> None:
    """Also that they are of nothing; and no change belongs to more rows than are found by it."""
    assert sorted(audited.BELONGS) == audited.tables()
    async with connected(database.owner_url) as owner:
        for table, names in audited.BELONGS.items():
            columns = {row[0] for row in await owner.fetch(COLUMNS, table)}
            assert set(names) <= columns, table
            assert len(names) * (1 if table in FIXED else 2) <= PLACES, table
            assert not set(names) & audited.apart(table).keys(), table


async def test_what_is_declared_is_there(database: Database) -> None:
    assert set(audited.EXEMPT) < set(access.TABLES)
    assert all(len(reason.split()) >= 3 for reason in audited.EXEMPT.values())
    async with connected(database.owner_url) as owner:
        for table in {*audited.PERSONAL, *audited.READERS, *audited.SECRET}:
            columns = {row[0] for row in await owner.fetch(COLUMNS, table)}
            assert set(audited.apart(table)) <= columns, table
            assert set(audited.SECRET.get(table, ())) <= columns, table
            assert table in audited.tables()


@pytest.mark.parametrize("table", audited.tables())
def test_history_is_for_staff_who_see_all_rows(table: str) -> None:
    readers = audited.readers(table)

    assert Role.ADMIN in readers
    assert all(access.TABLES[table].read[role] == access.ALL for role in readers)
    assert all(Role.ADMIN in (how.readers or readers) for how in audited.apart(table).values())
