"""The look-up of `search`: ids of the asker's organization only, by an index where one helps; no more."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlmodel import SQLModel

from domain import access
from tests.conftest import Database, connected

REFUSED = asyncpg.InsufficientPrivilegeError
FOUND = "SELECT search_ids($1, $2)"
ADD = """
INSERT INTO skill (organization_id, id, name, version, updated_at, created_at)
VALUES ($1, $2, $3, 1, now(), now())
"""
NORTH, SOUTH = uuid4(), uuid4()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.owner_url) as connection:
        for organization in (NORTH, SOUTH):
            await connection.execute(
                "INSERT INTO organization (id, name, time_zone, currency, version, updated_at)"
                " VALUES ($1, 'One', 'UTC', 'EUR', 1, now())",
                organization,
            )
        yield connection


@pytest.fixture
async def app(database: Database, owner: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """North's."""
    del owner
    async with connected(database.app_url) as connection:
        await enter(connection, str(NORTH))
        yield connection


async def enter(connection: asyncpg.Connection, organization: str) -> None:
    await connection.execute("SELECT set_config('app.organization_id', $1, false)", organization)


async def add(owner: asyncpg.Connection, organization: UUID, names: list[str]) -> list[UUID]:
    """Skills by these names, each with a later id than the one before."""
    start = await owner.fetchval("SELECT count(*) FROM skill")
    keys = [UUID(int=(0x018F << 112) + start + n) for n in range(len(names))]
    await owner.executemany(ADD, [(organization, key, name) for key, name in zip(keys, names, strict=True)])
    return keys


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hämeentie ÅLAND Lönnrot", "hameentie aland lonnrot"),
        ("e\u0301te\u0301 É", "ete e"),
        ("Søren ŁÓDŹ Đorđe", "soren lodz dorde"),
        ("Ёлка ΆΛΦΑ Straße", "елка αλφα straße"),
        ("ﬁlter №5", "filter no5"),
        ("100% a_b \\ O'Neill", "100% a_b \\ o'neill"),
        ("", ""),
    ],
)
async def test_a_text_is_folded_to_plain_small_letters(
    app: asyncpg.Connection, text: str, folded: str
) -> None:
    assert await app.fetchval("SELECT searchable($1)", text) == folded
    assert await app.fetchval("SELECT searchable($1, NULL, 'X')", text) == f"{folded} x"


async def test_a_query_is_a_pattern_for_each_word_in_which_no_letter_is_wild(app: asyncpg.Connection) -> None:
    patterns = await app.fetchval("SELECT search_patterns($1)", " Ä  b_%\\\tb\u00a0B ")
    assert patterns == ["%a%", "%b%", "%b\\_\\%\\\\%"]
    assert await app.fetchval("SELECT search_patterns(' \u0301')") == []


async def test_the_look_up_tells_ids_of_the_askers_organization_only(
    owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    _, heating = await add(owner, NORTH, ["Plumbing", "Heating"])
    _, foreign = await add(owner, SOUTH, ["Plumbing", "Heating"])

    assert await app.fetchval(FOUND, "skill", "heat") == [heating]
    assert await app.fetchval(FOUND, "skill", "plumbing heating") == []
    await enter(app, str(SOUTH))
    assert await app.fetchval(FOUND, "skill", "heat") == [foreign]
    for nobody in (str(uuid4()), ""):
        await enter(app, nobody)
        assert await app.fetchval(FOUND, "skill", "heat") == []


async def test_the_look_up_gives_up_where_the_index_is_no_help(
    owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    # given 1,000 old rows with a word, 500 newer ones, nine of them with another
    old = await add(owner, NORTH, [f"Boiler {n:04}" for n in range(1000)])
    new = await add(owner, NORTH, [f"Pump {n:04} {'valve' if n < 9 else ''}" for n in range(500)])

    assert await app.fetchval(FOUND, "skill", "boiler 0042") == [old[42]]
    assert sorted(await app.fetchval(FOUND, "skill", "boiler")) == old
    assert sorted(await app.fetchval(FOUND, "skill", "valve")) == new[:9]
    # short words, and words of no letters, are not indexed
    for words in ("bo", "b o", "%", "-_- 42", ""):
        assert await app.fetchval(FOUND, "skill", words) is None, words
    # one more of either makes them frequent
    await owner.execute("UPDATE skill SET name = 'Pump 0100 valve' WHERE name = 'Pump 0100 '")
    assert await app.fetchval(FOUND, "skill", "valve") is None
    await owner.execute("UPDATE skill SET name = 'Boiler 1000' WHERE name = 'Pump 0499 '")
    assert await app.fetchval(FOUND, "skill", "boiler") is None


async def test_the_words_are_never_sql(owner: asyncpg.Connection, app: asyncpg.Connection) -> None:
    (odd,) = await add(owner, NORTH, ["It's 100% 'or' true; --$$\\"])

    for words in ("it's 100%", "'or' true", "; --$$\\ true", "100%"):
        assert await app.fetchval(FOUND, "skill", words) == [odd], words
    for words in ("100_", "' OR FALSE --", "itts"):
        assert await app.fetchval(FOUND, "skill", words) == [], words
    with pytest.raises(asyncpg.UndefinedTableError):
        await app.fetchval(FOUND, "skill; DROP TABLE skill", "heat")


async def test_the_look_up_reads_searched_tables_only_and_nobody_else_may_be_it(
    database: Database, owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    tables = {name for name, table in SQLModel.metadata.tables.items() if "searched" in table.columns}
    assert tables == access.SEARCHED
    for name in SQLModel.metadata.tables:
        if name in tables:
            assert await app.fetchval(FOUND, name, "no such word") == [], name
        else:
            with pytest.raises((REFUSED, asyncpg.UndefinedColumnError)):
                await app.fetchval(FOUND, name, "no such word")
    readable = await owner.fetch(
        "SELECT DISTINCT column_name FROM information_schema.column_privileges"
        " WHERE grantee = 'fieldgraph_search' ORDER BY 1"
    )
    assert [row[0] for row in readable] == ["id", "organization_id", "searched"]
    with pytest.raises(REFUSED):
        await app.execute("SET ROLE fieldgraph_search")
    async with connected(database.app_url, "fieldgraph_system") as system:
        with pytest.raises(REFUSED):
            await system.fetchval(FOUND, "skill", "heat")
