"""The database: a lint of what every table must and must not have, and that it is what the models say."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import domain
from domain import (
    contracts,
    imports,
    maintenance,
    milestones,
    plans,
    purchasing,
    stock,
    transfers,
    uploads,
    visits,
    work_orders,
)
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.grounds import EXTENSIONS
from fieldgraph.postgres import EmbeddedPostgres
from tests.conftest import Database, connected
from tests.domain.world import World

COLUMNS = """
SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND
"""
MONEY_NAMES = "(price|cost|amount|total|fee|revenue|margin|value_of)"
MEASURES = "(longitude|latitude|_metres|_metres_per_second|_points)$"


@dataclass(frozen=True)
class Lint:
    """What must not be there: a query for it, a planted case, and what the query then answers."""

    name: str
    sql: str
    planted: str
    found: str

    def __str__(self) -> str:
        return self.name


LINTS = (
    Lint(
        "a table whose rows are not secured",
        """
        SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relname <> 'alembic_version'
        AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity
            AND (relispartition OR EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)))
        """,
        "CREATE TABLE planted (id uuid)",
        "planted",
    ),
    Lint(
        "a table whose owner passes its policies by",
        """
        SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity
        """,
        "CREATE TABLE planted (id uuid); ALTER TABLE planted ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY reads ON planted USING (true)",
        "planted",
    ),
    Lint(
        "a view that reads with its owner's eyes",
        """
        SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace
        AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
        """,
        "CREATE VIEW planted AS SELECT * FROM visit",
        "planted",
    ),
    Lint(
        "a table without its organization",
        """
        SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('alembic_version', 'organization') AND relname NOT LIKE '%\\_transition'
        AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid
            AND a.attname = 'organization_id' AND a.attnotnull)
        """,
        "CREATE TABLE planted (id uuid, organization_id uuid)",
        "planted",
    ),
    Lint(
        "a foreign key that may lead to another organization",
        """
        SELECT conrelid::regclass || '.' || conname FROM pg_constraint f WHERE contype = 'f'
        AND connamespace = 'public'::regnamespace AND confrelid <> 'organization'::regclass AND NOT EXISTS (
            SELECT 1 FROM unnest(f.conkey, f.confkey) AS pair(own, other)
            JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = pair.own
            JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = pair.other
            WHERE a.attname = 'organization_id' AND b.attname = 'organization_id')
        """,
        "CREATE TABLE planted (digest bytea CONSTRAINT leads REFERENCES credential (digest))",
        "planted.leads",
    ),
    Lint(
        "a foreign key whose columns no index leads with",
        """
        SELECT conrelid::regclass || '.' || conname FROM pg_constraint f WHERE contype = 'f'
        AND connamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT 1 FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indpred IS NULL AND i.indisvalid
            AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)
        """,
        "CREATE TABLE planted (organization_id uuid, other_id uuid, PRIMARY KEY (other_id, organization_id),"
        " visit_id uuid, CONSTRAINT slow FOREIGN KEY (organization_id, visit_id) REFERENCES visit);"
        "CREATE INDEX ON planted (organization_id, other_id, visit_id)",
        "planted.slow",
    ),
    Lint(
        "a native enum",
        "SELECT typname FROM pg_type WHERE typtype = 'e' AND typnamespace = 'public'::regnamespace",
        "CREATE TYPE planted AS ENUM ('A')",
        "planted",
    ),
    Lint(
        "a float that is no measure, so may be money",
        f"""{COLUMNS} c.data_type IN ('real', 'double precision', 'money')
        AND c.column_name !~ '{MEASURES}'""",
        "CREATE TABLE planted (tax double precision, width_metres double precision)",
        "planted.tax",
    ),
    Lint(
        "money that is not numeric(19,4)",
        f"""{COLUMNS} c.column_name ~ '{MONEY_NAMES}'
        AND (c.data_type, c.numeric_precision, c.numeric_scale) IS DISTINCT FROM ('numeric', 19, 4)""",
        "CREATE TABLE planted (unit_cost integer, price numeric(19, 4))",
        "planted.unit_cost",
    ),
    Lint(
        "money without its currency",
        f"""{COLUMNS} c.numeric_scale = 4 AND NOT EXISTS (
            SELECT 1 FROM information_schema.columns d WHERE d.table_name = c.table_name
            AND d.table_schema = c.table_schema AND d.column_name = 'currency' AND d.is_nullable = 'NO')""",
        "CREATE TABLE planted (price numeric(19, 4))",
        "planted.price",
    ),
    Lint(
        "a time without its zone",
        f"{COLUMNS} c.data_type IN ('timestamp without time zone', 'time without time zone')",
        "CREATE TABLE planted (at timestamp)",
        "planted.at",
    ),
    Lint(
        "JSON that is kept as text",
        f"{COLUMNS} c.data_type = 'json'",
        "CREATE TABLE planted (facts json)",
        "planted.facts",
    ),
    Lint(
        "text of limited length, which a policy cannot use an index on any better",
        f"{COLUMNS} c.data_type IN ('character varying', 'character') AND c.table_name <> 'alembic_version'",
        "CREATE TABLE planted (name varchar(20))",
        "planted.name",
    ),
    Lint(
        "a state that is any text (the kinds of jobs are the workers' own)",
        f"""{COLUMNS} c.column_name IN ('state', 'kind', 'role', 'priority', 'tier')
        AND c.table_name <> 'job' AND NOT EXISTS (
            SELECT 1 FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid
            AND a.attnum = ANY (k.conkey) WHERE k.contype = 'c' AND a.attname = c.column_name
            AND k.conrelid = (quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))::regclass)""",
        "CREATE TABLE planted (state text)",
        "planted.state",
    ),
)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.owner_url) as connection:
        yield connection


async def found(connection: asyncpg.Connection, lint: Lint) -> list[str]:
    return sorted(row[0] for row in await connection.fetch(lint.sql))


@pytest.mark.parametrize("lint", LINTS, ids=str)
async def test_the_database_has_none_of_what_it_must_not_have(owner: asyncpg.Connection, lint: Lint) -> None:
    assert await found(owner, lint) == []

    await owner.execute(lint.planted)

    assert await found(owner, lint) == [lint.found]


DIFFERENT = (
    ("ALTER TABLE visit ADD COLUMN planted text", "add_column|remove_column"),
    ("ALTER TABLE visit ALTER COLUMN reason SET NOT NULL", "modify_nullable"),
    ("ALTER TABLE part ALTER COLUMN unit_price TYPE numeric(9, 2)", "modify_type"),
    ("DROP INDEX ix_visit_organization_id_state", "add_index"),
    ("CREATE TABLE planted (id uuid)", "remove_table"),
)


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
@pytest.mark.filterwarnings("ignore:Did not recognize type 'uuidmultirange'")
async def test_the_migrated_database_is_what_the_models_say(database: Database) -> None:
    assert await differences(database) == []

    for statement, kind in DIFFERENT:
        async with connected(database.owner_url) as owner:
            await owner.execute(statement)
        assert re.search(kind, str(await differences(database))), statement


async def differences(database: Database) -> list[object]:
    engine = create_async_engine(sqlalchemy_url(database.owner_url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences)
    finally:
        await engine.dispose()


def _differences(connection: Connection) -> list[object]:
    def ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
        return kind != "table" or not re.search(r"_transition$|_rest$|_\d{8}$", str(name))

    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    found: list[object] = compare_metadata(
        MigrationContext.configure(connection, opts=options), SQLModel.metadata
    )
    return found


CONSTRAINTS = """
SELECT conrelid::regclass || ' ' || conname || ': ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x', 'f', 'u', 'p')
AND conrelid::regclass::text NOT LIKE '%_transition' AND conrelid::regclass::text <> 'alembic_version'
AND NOT EXISTS (SELECT FROM pg_class WHERE oid = conrelid AND relispartition)
"""
GENERATED = """
SELECT a.attrelid::regclass || '.' || a.attname || ': ' || pg_get_expr(d.adbin, d.adrelid)
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace
"""


async def test_its_checks_and_exclusions_are_what_the_models_say(
    postgres: EmbeddedPostgres, owner: asyncpg.Connection, database: Database
) -> None:
    """What Alembic does not compare, against tables that are made from the models alone."""
    name = f"{database.name}_models"
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    async with connected(postgres.url(name)) as connection:
        for extension in EXTENSIONS:
            await connection.execute(f"CREATE EXTENSION {extension}")
        await connection.execute(await owner.fetchval("SELECT pg_get_functiondef('searchable'::regproc)"))
        await connection.execute("CREATE TYPE uuidrange AS RANGE (subtype = uuid)")
    engine = create_async_engine(sqlalchemy_url(postgres.url(name)), poolclass=NullPool)
    async with engine.begin() as made:
        await made.run_sync(SQLModel.metadata.create_all)
    await engine.dispose()

    async with connected(postgres.url(name)) as models:
        for query in (CONSTRAINTS, GENERATED):
            said = {row[0] for row in await models.fetch(query)}
            assert said
            assert {row[0] for row in await owner.fetch(query)} == said
        await owner.execute("ALTER TABLE stock_level DROP CONSTRAINT ck_stock_level_reserved")
        said = {row[0] for row in await models.fetch(CONSTRAINTS)}
        assert len(said - {row[0] for row in await owner.fetch(CONSTRAINTS)}) == 1
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


LEGAL = {
    "visit": visits.TRANSITIONS,
    "work_order": work_orders.TRANSITIONS,
    "plan": plans.TRANSITIONS,
    "transfer": transfers.TRANSITIONS,
    "contract": contracts.TRANSITIONS,
    "milestone": milestones.TRANSITIONS,
    "maintenance_plan": maintenance.PLAN_TRANSITIONS,
    "maintenance_occurrence": maintenance.TRANSITIONS,
    "reservation": stock.TRANSITIONS,
    "purchase_order": purchasing.TRANSITIONS,
    "import": imports.TRANSITIONS,
    "upload": uploads.TRANSITIONS,
}


@pytest.mark.parametrize("table", LEGAL)
async def test_the_database_knows_the_same_transitions_as_the_domain(
    owner: asyncpg.Connection, table: str
) -> None:
    rows = await owner.fetch(f"SELECT from_state, to_state FROM {table}_transition")

    assert {tuple(row) for row in rows} == LEGAL[table]


async def test_a_state_that_no_transition_leads_to_is_refused(world: World, database: Database) -> None:
    key = await world.visit(await world.work_type())
    async with connected(database.owner_url) as owner:
        for end in visits.VisitState:
            change = "UPDATE visit SET state = $1 WHERE id = $2"
            transaction = owner.transaction()
            await transaction.start()
            if ("UNSCHEDULED", end) in visits.TRANSITIONS or end == "UNSCHEDULED":
                assert await owner.execute(change, end, key) == "UPDATE 1"
            else:
                with pytest.raises(asyncpg.CheckViolationError, match="no transition"):
                    await owner.execute(change, end, key)
            await transaction.rollback()


MIGRATIONS = sorted((Path(domain.__path__[0]) / "migrations" / "versions").glob("*.py"))


def waits_forever(source: str) -> bool:
    """Whether the first statement of `upgrade` fails to bound the wait for a lock, as the template does."""
    (upgrade,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    first = ast.unparse(upgrade.body[0])
    return re.fullmatch(r"op\.execute\(\"SET LOCAL lock_timeout = '\d+m?s'\"\)", first) is None


def test_every_migration_bounds_its_wait_for_locks() -> None:
    assert len(MIGRATIONS) >= 2
    assert [path.name for path in MIGRATIONS if waits_forever(path.read_text())] == []
    assert waits_forever("def upgrade():\n    op.execute('ALTER TABLE visit ADD COLUMN a text')")
    assert waits_forever("def upgrade():\n    op.execute(\"SET lock_timeout = '0'\")")
