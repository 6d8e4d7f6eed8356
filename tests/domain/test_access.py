"""Access: what domain/access.py declares is what the database does, for every role and every table."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from domain import access
from domain.audit import KEPT
from domain.credentials import find_viewer
from domain.unit_of_work import settings_of
from domain.viewers import Role, Viewer
from fieldgraph.addresses import APP_ROLE, SYSTEM_ROLE, sqlalchemy_url
from fieldgraph.postgres import EmbeddedPostgres
from resolvers.reads import ENTER
from tests.conftest import Database, connected
from tests.domain.copies import inserts
from tests.domain.places import Places, furnish

REFUSED = asyncpg.InsufficientPrivilegeError
POLICIES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, p.policyname, p.permissive, p.roles::text, p.cmd,
       p.qual, p.with_check
FROM pg_class c LEFT JOIN pg_policies p ON p.schemaname = 'public' AND p.tablename = c.relname
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1) ORDER BY c.relname, p.policyname
"""


@dataclass(frozen=True)
class Town:
    """One database with two companies in it."""

    owner_url: str
    app_url: str
    north: Places
    south: Places


@pytest.fixture(scope="module")
async def town(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Town]:
    """Made once, because its tests only look, or roll back."""
    name = "test_access"
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    app_url = postgres.url(name, user=APP_ROLE)
    engine: AsyncEngine = create_async_engine(sqlalchemy_url(app_url), poolclass=NullPool)
    yield Town(postgres.url(name), app_url, await furnish(engine, "North"), await furnish(engine, "South"))
    await engine.dispose()
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def app(town: Town) -> AsyncIterator[asyncpg.Connection]:
    async with connected(town.app_url) as connection:
        yield connection


@pytest.fixture
async def owner(town: Town) -> AsyncIterator[asyncpg.Connection]:
    async with connected(town.owner_url) as connection:
        yield connection


async def enter(connection: asyncpg.Connection, viewer: Viewer) -> None:
    await connection.execute(ENTER, *settings_of(viewer).values())


async def rows(connection: asyncpg.Connection, table: str) -> set[str]:
    return {row[0] for row in await connection.fetch(f"SELECT {table}::text FROM {table}")}


async def selected(connection: asyncpg.Connection, table: str, viewer: Viewer) -> set[str]:
    """The rows that the compiled predicate selects for a viewer, bound as parameters as a read binds them."""
    bound: list[object] = []

    def bind(name: str) -> str:
        bound.append(getattr(viewer, f"{name}_id"))
        return f"${len(bound)}::uuid"

    predicate = access.predicate(viewer.role, table, "seen", bind)
    found = await connection.fetch(f"SELECT seen::text FROM {table} AS seen WHERE {predicate}", *bound)
    return {row[0] for row in found}


async def policies(connection: asyncpg.Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.fetch(POLICIES, sorted(access.TABLES))]


async def declare_anew(connection: asyncpg.Connection) -> None:
    """Takes every policy away and makes what the declaration says now."""
    for name, table in await connection.fetch(
        "SELECT policyname, tablename FROM pg_policies WHERE tablename = ANY ($1)", sorted(access.TABLES)
    ):
        await connection.execute(f"DROP POLICY {name} ON {table}")
    for table in access.TABLES:
        await connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        await connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        for statement in access.statements(table):
            await connection.execute(statement)


async def test_every_table_has_its_access_declared_and_nothing_else_has() -> None:
    assert set(access.TABLES) == set(SQLModel.metadata.tables)


async def test_the_policies_of_a_migrated_database_are_what_is_declared(database: Database) -> None:
    async with connected(database.owner_url) as connection:
        migrated = await policies(connection)
        await declare_anew(connection)

        assert migrated == await policies(connection)

        for statement in (
            "DROP POLICY reads ON visit",
            "CREATE POLICY open ON part FOR SELECT TO fieldgraph_app USING (true)",
            "ALTER TABLE site NO FORCE ROW LEVEL SECURITY",
            "ALTER POLICY reads ON eta USING (organization_id IS NOT NULL)",
        ):
            before = await policies(connection)
            await connection.execute(statement)
            assert before != await policies(connection), statement


async def test_each_company_of_these_tests_has_rows_in_every_table(
    town: Town, owner: asyncpg.Connection
) -> None:
    for table, rules in access.TABLES.items():
        for places in (town.north, town.south):
            found = await owner.fetchval(
                f"SELECT count(*) FROM {table} WHERE {rules.organization} = $1", places.world.organization_id
            )
            assert found > 0, table


@pytest.mark.parametrize("role", Role)
async def test_a_role_sees_what_its_compiled_predicate_selects(
    town: Town, app: asyncpg.Connection, owner: asyncpg.Connection, role: Role
) -> None:
    for places in (town.north, town.south):
        viewer = places.viewer(role)
        await enter(app, viewer)
        for table, rules in access.TABLES.items():
            seen = await rows(app, table)
            assert seen == await selected(owner, table, viewer), table
            assert bool(seen) == (role in rules.read), table
            own = f"SELECT t::text FROM {table} t WHERE {rules.organization} = $1"
            theirs = {row[0] for row in await owner.fetch(own, viewer.organization_id)}
            assert seen <= theirs, table
            if rules.read.get(role) == access.ALL:
                assert seen == theirs, table


NARROW = {
    Role.TECHNICIAN: {
        "visit",
        "work_order",
        "site",
        "customer",
        "assignment",
        "eta",
        "position",
        "stock_level",
    },
    Role.SUBCONTRACTOR: {
        "visit",
        "work_order",
        "site",
        "customer",
        "assignment",
        "technician",
        "reservation",
    },
    Role.CUSTOMER: {
        "visit",
        "work_order",
        "site",
        "customer",
        "contract",
        "contact",
        "technician",
        "arrival",
    },
    Role.TRACKING: {"visit", "work_order", "site", "assignment", "technician", "eta", "arrival"},
}


@pytest.mark.parametrize("role", NARROW)
async def test_a_narrow_role_sees_some_and_not_all_of_its_company(
    town: Town, app: asyncpg.Connection, owner: asyncpg.Connection, role: Role
) -> None:
    await enter(app, town.north.viewer(role))
    for table in NARROW[role]:
        all_of_them = await owner.fetchval(
            f"SELECT count(*) FROM {table} WHERE organization_id = $1", town.north.world.organization_id
        )
        assert 0 < len(await rows(app, table)) < all_of_them, table


@pytest.mark.parametrize("role", NARROW)
async def test_another_companys_keys_open_nothing(town: Town, app: asyncpg.Connection, role: Role) -> None:
    """A customer, technician or visit of the second company under the first one's id."""
    foreign, own = town.south.viewer(role), town.north.viewer(role)
    await app.execute(ENTER, *{**settings_of(foreign), "organization_id": str(own.organization_id)}.values())

    for table in NARROW[role]:
        assert await rows(app, table) == set(), table


async def test_without_a_viewer_no_row_is_seen(app: asyncpg.Connection, town: Town) -> None:
    nobody = dict.fromkeys(settings_of(town.north.viewer(Role.ADMIN)), "")
    for table in access.TABLES:
        assert await rows(app, table) == set(), table
    await app.execute(ENTER, *nobody.values())
    for table in access.TABLES:
        assert await rows(app, table) == set(), table
    for name, value in (("organization_id", str(town.north.world.organization_id)), ("role", "ADMIN")):
        await app.execute(ENTER, *{**nobody, name: value}.values())
        for table in access.TABLES:
            assert await rows(app, table) == set(), (name, table)


@pytest.mark.parametrize("role", Role)
async def test_a_role_writes_where_it_is_declared_and_nowhere_else(
    town: Town, app: asyncpg.Connection, role: Role
) -> None:
    await enter(app, town.north.viewer(role))
    for table, rules in access.TABLES.items():
        seen = await app.fetchval(f"SELECT count(*) FROM {table}")
        touched = await outcome(app, f"UPDATE {table} SET {rules.organization} = {rules.organization}")
        removed = await outcome(app, f"DELETE FROM {table}")
        added = await outcome(app, bare_row(table))
        if table in LEDGERS:
            assert (touched, removed) == ("refused", "refused"), table
        elif role in rules.write:
            assert touched == f"UPDATE {seen}", table
        else:
            assert (touched, removed) == ("UPDATE 0", "DELETE 0"), table
        # The policy is asked first: only who may add a row gets to hear that its columns are missing.
        bare = role in rules.adds and (role not in rules.write or rules.read.get(role) == access.ALL)
        assert added == ("incomplete" if bare else "refused"), table


LEDGERS = {"attachment", "bucket", "event", "stock_movement", "touched", *KEPT}


@pytest.mark.parametrize("role", [Role.SALES, Role.CUSTOMER, Role.TRACKING])
def test_who_only_reads_may_add_nothing_but_the_record_of_asking(role: Role) -> None:
    writable = {table for table, rules in access.TABLES.items() if role in rules.adds}

    assert writable == {"idempotency", "event"}


async def outcome(app: asyncpg.Connection, statement: str) -> str:
    """What a statement would do; it is taken back."""
    transaction = app.transaction()
    await transaction.start()
    try:
        return await app.execute(statement)
    except REFUSED:
        return "refused"
    except asyncpg.NotNullViolationError:
        return "incomplete"
    except asyncpg.ForeignKeyViolationError:
        return "referred to"
    except asyncpg.UniqueViolationError:
        return "known"
    finally:
        await transaction.rollback()


def bare_row(table: str) -> str:
    column = access.TABLES[table].organization
    return f"INSERT INTO {table} ({column}) VALUES (current_setting('app.organization_id')::uuid)"


@pytest.mark.parametrize("role", access.FIELD)
async def test_at_work_only_own_rows_are_added(
    town: Town, app: asyncpg.Connection, owner: asyncpg.Connection, role: Role
) -> None:
    """Every row of the company once more: the policy is asked before the key that it has already."""
    await enter(app, viewer := town.north.viewer(role))
    added = {table for table, rules in access.TABLES.items() if role in rules.adds & rules.write}
    for table in sorted(added - {"idempotency"}):
        own = await selected(owner, table, viewer)
        for row, again in await inserts(owner, table, viewer.organization_id):
            assert await outcome(app, again) == ("known" if row in own else "refused"), (table, row)
    stock = {"stock_level", "stock_movement", "reservation", "transfer", "stock_serial", "meter_reading"}
    live = {"absence", "position", "position_current", "eta", "arrival", "idempotency"}
    assert added == live | stock | {"attachment", "upload"}


async def test_a_row_cannot_be_given_to_or_taken_from_another_company(
    town: Town, app: asyncpg.Connection
) -> None:
    await enter(app, town.north.viewer(Role.ADMIN))
    south = town.south.world.organization_id

    assert await outcome(app, f"UPDATE skill SET organization_id = '{south}'") == "refused"
    assert await outcome(app, f"INSERT INTO skill (organization_id) VALUES ('{south}')") == "refused"
    assert (
        await outcome(app, f"UPDATE skill SET name = 'mine' WHERE organization_id = '{south}'") == "UPDATE 0"
    )
    assert await outcome(app, f"DELETE FROM skill WHERE organization_id = '{south}'") == "DELETE 0"


async def test_the_apps_role_has_no_way_past_the_policies(town: Town, app: asyncpg.Connection) -> None:
    await enter(app, town.north.viewer(Role.ADMIN))
    rights = await app.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit FROM pg_roles"
        " WHERE rolname = ANY ($1) ORDER BY rolname",
        [APP_ROLE, SYSTEM_ROLE],
    )
    assert [tuple(row) for row in rights] == [
        (APP_ROLE, False, False, False, False, False),
        (SYSTEM_ROLE, False, False, False, False, True),
    ]
    assert (
        await app.fetchval(
            "SELECT count(*) FROM pg_class WHERE pg_has_role($1, relowner, 'USAGE')"
            " AND relnamespace = 'public'::regnamespace",
            APP_ROLE,
        )
        == 0
    )
    await app.execute("SET row_security = off")
    with pytest.raises(REFUSED, match="row-level security"):
        await app.fetch("SELECT * FROM visit")
    await app.execute("RESET row_security")
    for statement in (
        "ALTER TABLE visit DISABLE ROW LEVEL SECURITY",
        "DROP POLICY reads ON visit",
        "CREATE POLICY mine ON visit USING (true)",
        "TRUNCATE visit",
        "SET session_replication_role = replica",
        "ALTER TABLE visit DISABLE TRIGGER legal_transition",
        "INSERT INTO visit_transition VALUES ('COMPLETED', 'SCHEDULED')",
        "DELETE FROM alembic_version",
        "CREATE TABLE public.mine (id int)",
    ):
        assert await outcome(app, statement) == "refused", statement
    assert await outcome(app, "DELETE FROM visit_transition") == "DELETE 0"


async def test_the_system_role_reads_what_belongs_to_no_viewer_and_no_more(
    town: Town, owner: asyncpg.Connection
) -> None:
    async with connected(town.app_url, role=SYSTEM_ROLE) as system:
        for table, rules in access.TABLES.items():
            if rules.system:
                counted = f"SELECT count(organization_id) FROM {table}"
                assert await system.fetchval(counted) == await owner.fetchval(counted), table
            else:
                with pytest.raises(REFUSED):
                    await rows(system, table)


async def test_a_credential_is_found_by_its_digest_while_it_is_good(
    town: Town, app: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    """By real time: the link of this town expires two days after its (past or future) morning."""
    digest, tracked = town.south.digest, town.south.viewer(Role.TRACKING)
    change = "UPDATE credential SET revoked_at = {revoked}, expires_at = {expires} WHERE digest = $1"
    tomorrow, yesterday = "now() + interval '1 day'", "now() - interval '1 day'"

    await owner.execute(change.format(revoked="NULL", expires=tomorrow), digest)
    found = await find_viewer(app, digest)
    assert found is not None
    assert (found.organization_id, found.role, found.visit_id) == (
        tracked.organization_id,
        Role.TRACKING,
        tracked.visit_id,
    )
    assert found.credential_id == await owner.fetchval("SELECT id FROM credential WHERE digest = $1", digest)

    assert await find_viewer(app, bytes(32)) is None
    await owner.execute(change.format(revoked="NULL", expires=yesterday), digest)
    assert await find_viewer(app, digest) is None
    await owner.execute(change.format(revoked=yesterday, expires=tomorrow), digest)
    assert await find_viewer(app, digest) is None
    await owner.execute(change.format(revoked="NULL", expires=tomorrow), digest)
    assert await find_viewer(app, digest) is not None


async def test_a_credential_of_another_company_is_not_read(town: Town, app: asyncpg.Connection) -> None:
    for role in Role:
        await enter(app, town.north.viewer(role))
        found = {row["digest"] for row in await app.fetch("SELECT digest FROM credential")}
        assert len(found) == (2 + len(town.north.users) if role == Role.ADMIN else role in access.OFFICE)
        assert found & {town.north.digest, town.south.digest} <= {town.north.digest}


def test_a_table_or_role_that_is_not_declared_is_closed() -> None:
    assert access.predicate(Role.TRACKING, "credential", "t", str) == "FALSE"
    with pytest.raises(KeyError):
        access.predicate(Role.ADMIN, "unheard_of", "t", str)
