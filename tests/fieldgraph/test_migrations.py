"""Roles, extensions and the upgrade: repeatable, safe side by side, closed to those who pass policies by."""

import ast
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from fieldgraph.addresses import APP_ROLE
from fieldgraph.auditing import verify
from fieldgraph.grounds import newest, prepared
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from resolvers.reads import ENTER
from tests.conftest import Database, connected

SYSTEM = "fieldgraph_system"
LENT = (SYSTEM, "fieldgraph_search", "fieldgraph_audit")
"""Roles that functions run as, and nobody logs in as."""
MIGRATE = "import asyncio, sys; from fieldgraph.migrations import migrate; asyncio.run(migrate(sys.argv[1]))"


async def test_a_migrated_database_has_roles_that_cannot_pass_row_policies_by(database: Database) -> None:
    async with connected(database.owner_url) as owner:
        rows = await owner.fetch(
            "SELECT rolname, rolcanlogin, rolinherit, rolsuper OR rolbypassrls OR rolcreaterole AS strong"
            " FROM pg_roles WHERE starts_with(rolname, 'fieldgraph_') ORDER BY 1"
        )
        extensions = await owner.fetch("SELECT extname FROM pg_extension ORDER BY 1")

    assert [tuple(row) for row in rows] == [
        ("fieldgraph_app", True, False, False),
        ("fieldgraph_audit", False, True, False),
        ("fieldgraph_search", False, True, False),
        ("fieldgraph_system", False, True, False),
    ]
    assert [row["extname"] for row in extensions] == ["btree_gin", "btree_gist", "pg_trgm", "plpgsql"]


async def test_the_app_is_the_system_role_only_where_it_says_so(database: Database) -> None:
    async with connected(database.owner_url) as owner:
        await owner.execute("CREATE TABLE seen_by_system (n integer)")
        await owner.execute(f"GRANT SELECT ON seen_by_system TO {SYSTEM}")

    async with connected(database.app_url) as app, connected(database.app_url, SYSTEM) as system:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.fetch("SELECT * FROM seen_by_system")
        assert await system.fetch("SELECT * FROM seen_by_system") == []


async def test_another_login_of_the_app_has_its_rights_and_not_the_systems(
    postgres: EmbeddedPostgres, database: Database
) -> None:
    app_url = postgres.url(database.name, user="hosted_app")
    async with connected(database.owner_url) as owner:
        await owner.execute("CREATE ROLE hosted_app LOGIN")
        await owner.execute("CREATE TABLE seen_by_system (n integer); CREATE TABLE seen_by_app (n integer)")
        await owner.execute(f"GRANT SELECT ON seen_by_system TO {SYSTEM}")
        await owner.execute("GRANT SELECT ON seen_by_app TO fieldgraph_app")

        await migrate(database.owner_url, app_url)

        async with connected(app_url) as app, connected(app_url, SYSTEM) as system:
            assert await app.fetch("SELECT * FROM seen_by_app") == []
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetch("SELECT * FROM seen_by_system")
            assert await system.fetch("SELECT * FROM seen_by_system") == []
        await owner.execute("DROP ROLE hosted_app")


async def test_a_superuser_is_refused_as_the_app(postgres: EmbeddedPostgres, database: Database) -> None:
    with pytest.raises(PermissionError, match="fieldgraph may pass row-level security by"):
        await migrate(database.owner_url, postgres.url(database.name, user="fieldgraph"))


async def test_an_unknown_login_is_refused_as_the_app(postgres: EmbeddedPostgres, database: Database) -> None:
    with pytest.raises(LookupError, match="nobody_yet, who does not exist"):
        await migrate(database.owner_url, postgres.url(database.name, user="nobody_yet"))


async def test_processes_that_start_together_do_not_collide(postgres: EmbeddedPostgres) -> None:
    # given two empty databases of one cluster
    names = ("race_one", "race_two")
    async with connected(postgres.url("postgres")) as maintenance:
        for name in names:
            await maintenance.execute(f"CREATE DATABASE {name}")

        # when two processes bring up each of them at the same time
        starters = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, postgres.url(name))
            for name in names
            for _ in range(2)
        ]
        codes = [await starter.wait() for starter in starters]

        # then all succeed, each database is whole, and nobody holds the lock any more
        assert codes == [0, 0, 0, 0]
        for name in names:
            async with connected(postgres.url(name)) as fresh:
                assert (
                    await fresh.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'btree_gist'")
                    == 1
                )
                assert await fresh.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
            await maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")


COMPANY = """
INSERT INTO organization (id, name, time_zone, currency, version, updated_at)
VALUES ('01a206fd-6700-7905-bd5c-a22426ab97f0', 'North', 'Europe/Helsinki', 'EUR', 1, now());
INSERT INTO work_type (organization_id, id, version, updated_at, created_at, code, name, duration_seconds,
    priority, needs_approval, crew_size)
VALUES ('01a206fd-6700-7905-bd5c-a22426ab97f0', '01a206fd-6700-7905-bd5c-a22426ab97f1', 1, now(), now(), 'W',
    'Repair', 3600, 'NORMAL', false, 1);
"""
TASK = """
INSERT INTO work_type_task (organization_id, id, version, updated_at, created_at, work_type_id, position,
    name, required, safety)
VALUES ('01a206fd-6700-7905-bd5c-a22426ab97f0', gen_random_uuid(), 1, now(), now(),
    '01a206fd-6700-7905-bd5c-a22426ab97f1', {n}, 'Task {n}', true, false)
"""


async def test_what_was_kept_before_a_change_belonged_to_anything_stays_as_it_was_sealed(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a database at revision 0015, with a history
    async with connected(postgres.url("postgres")) as maintenance:
        await maintenance.execute("CREATE DATABASE at_0015")
    url, upgrade = postgres.url("at_0015"), command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _head: upgrade(config, "0015"))
        await migrate(url)
    async with connected(url) as owner:
        assert await owner.fetchval("SELECT version_num FROM alembic_version") == "0015"
        await owner.execute(COMPANY + TASK.format(n=1))
        sealed = await owner.fetch("SELECT * FROM audit_seal ORDER BY seq")

        # when
        await migrate(url)

        # then it says nothing else than before, what comes now belongs, and the whole is one chain
        await owner.execute(TASK.format(n=2))
        assert [row[0] for row in await owner.fetch("SELECT belongs_to FROM audit ORDER BY id")] == [
            *[None] * 3,
            [UUID("01a206fd-6700-7905-bd5c-a22426ab97f1")],
        ]
        seals = await owner.fetch("SELECT * FROM audit_seal ORDER BY seq")
        assert seals[: len(sealed)] == sealed
        assert len(seals) == len(sealed) + 1
    said: list[str] = []
    assert await verify(postgres.url("at_0015", user=APP_ROLE), None, None, tell=said.append)
    assert "4 changes" in said[0]
    async with connected(postgres.url("postgres")) as maintenance:
        await maintenance.execute("DROP DATABASE at_0015 WITH (FORCE)")


EVENTS = """
INSERT INTO event SELECT pg_current_xact_id(), n, '01a206fd-6700-7905-bd5c-a22426ab97f0', 'visits',
    'Event ' || n, gen_random_uuid(), 1, '{}', '{}', '{}', 'API', 'tester', NULL, now(), now() - age
FROM unnest(ARRAY[interval '40 days', '3 days', '0']) WITH ORDINALITY AS kept(age, n)
"""


@asynccontextmanager
async def owned_by(postgres: EmbeddedPostgres, user: str) -> AsyncIterator[str]:
    """A new database of a user who is a superuser only if that is the cluster's own."""
    name, made = f"owned_by_{user}", user != "fieldgraph"
    async with connected(postgres.url("postgres")) as maintenance:
        if made:
            await maintenance.execute(f"CREATE ROLE {user} LOGIN CREATEROLE")
            for role in (*LENT, APP_ROLE):
                grant = f"GRANT {role} TO {user} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
                await maintenance.execute(grant)
        await maintenance.execute(f"CREATE DATABASE {name} OWNER {user}")
        yield name
        await maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if made:
            await maintenance.execute(f"DROP OWNED BY {user}")
            await maintenance.execute(f"DROP ROLE {user}")


@pytest.mark.parametrize("user", ["fieldgraph", "keeping"])
async def test_events_from_before_the_log_had_days_are_kept(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """Also where the owner is under the policies as everybody is."""
    async with owned_by(postgres, user) as name:
        # given a database at revision 0019, with events in it
        url, upgrade = postgres.url(name, user=user), command.upgrade
        with monkeypatch.context() as patched:
            patched.setattr(command, "upgrade", lambda config, _head: upgrade(config, "0019"))
            await migrate(url)
        async with connected(postgres.url(name)) as boss:
            await boss.execute(COMPANY + EVENTS)
            before = await boss.fetch("SELECT * FROM event ORDER BY n")
            # when
            await migrate(url)
            # then they lie together and are read as before
            assert await boss.fetch("SELECT * FROM event ORDER BY n") == before
            assert await boss.fetchval("SELECT count(*) FROM event_before") == 3
            await boss.execute(EVENTS.replace("now() - age", "now()"))
            await boss.execute(EVENTS.replace("now() - age", "now() + interval '1 day'"))
            assert await boss.fetchval("SELECT count(*) FROM event_before") == 6
            rows = await boss.fetch("SELECT name FROM log_days WHERE parent = 'event' ORDER BY since")
            assert [row[0][:7] for row in rows] == ["event_b", "event_2", "event_2"]
        async with connected(postgres.url(name, user=APP_ROLE)) as app:
            await app.execute(ENTER, "01a206fd-6700-7905-bd5c-a22426ab97f0", "ADMIN", "ada", "", "", "", "")
            assert await app.fetchval("SELECT count(*) FROM event") == 9
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetch("SELECT * FROM event_before")
        async with connected(postgres.url(name, user=APP_ROLE), SYSTEM) as system:
            assert await system.fetchval("SELECT log_ahead()") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not past its time"):
                await system.fetchval("SELECT log_drop('event_before')")


async def test_an_owner_who_is_no_superuser_brings_a_database_up(postgres: EmbeddedPostgres) -> None:
    # given a cluster of their own, as far as roles go: whoever made the roles gives functions to them
    async with connected(postgres.url("postgres")) as maintenance:
        await maintenance.execute("CREATE ROLE hosting LOGIN CREATEROLE")
        for role in LENT:
            await maintenance.execute(f"GRANT {role} TO hosting WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")
        await maintenance.execute(
            "GRANT fieldgraph_app TO hosting WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
        )
        await maintenance.execute("CREATE DATABASE hosted OWNER hosting")

        # when
        await migrate(postgres.url("hosted", user="hosting"))

        # then the look-ups run as roles that may still make nothing, nor is the owner one of them
        async with connected(postgres.url("hosted", user="hosting")) as owner:
            owners = await owner.fetch(
                "SELECT proname, proowner::regrole::text FROM pg_proc WHERE prosecdef ORDER BY 1"
            )
            assert [tuple(row) for row in owners] == [
                ("asker_by_digest", SYSTEM),
                ("asker_by_subject", SYSTEM),
                ("asker_of_user", SYSTEM),
                ("audit_capture", "fieldgraph_audit"),
                ("audit_forget", "fieldgraph_audit"),
                ("audit_seal_unit", "fieldgraph_audit"),
                ("credential_by_digest", SYSTEM),
                ("log_ahead", "hosting"),
                ("log_drop", "hosting"),
                ("search_ids", "fieldgraph_search"),
                ("touch_organization", "fieldgraph_audit"),
                ("touch_rows", "fieldgraph_audit"),
                ("touch_table", "fieldgraph_audit"),
            ]
            for role in LENT:
                assert not await owner.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)
                assert not await owner.fetchval("SELECT pg_has_role($1, 'SET')", role)
        async with connected(postgres.url("hosted", user="fieldgraph_app")) as app:
            assert await app.fetchval("SELECT search_ids('skill', 'heat')") == []
        await maintenance.execute("DROP DATABASE hosted WITH (FORCE)")
        await maintenance.execute("DROP OWNED BY hosting")
        await maintenance.execute("DROP ROLE hosting")


async def test_a_migrated_database_is_at_the_one_head(database: Database) -> None:
    heads = revisions().get_heads()
    async with connected(database.owner_url) as owner:
        versions = await owner.fetch("SELECT version_num FROM alembic_version")

    assert len(heads) == 1
    assert [row["version_num"] for row in versions] == heads


def test_a_new_revision_is_bound_to_wait_briefly_and_to_work_with_the_previous_release(
    tmp_path: Path,
) -> None:
    config = Config()
    config.set_main_option("script_location", "domain:migrations")
    config.set_main_option("version_locations", str(tmp_path))
    config.set_main_option("path_separator", "os")

    ScriptDirectory.from_config(config).generate_revision("0001", "first tables", head="base")

    (written,) = tmp_path.glob("*.py")
    upgrade = next(
        node for node in ast.parse(written.read_text()).body if getattr(node, "name", "") == "upgrade"
    )
    assert isinstance(upgrade, ast.FunctionDef)
    assert ast.unparse(upgrade.body[0]) == "op.execute(\"SET LOCAL lock_timeout = '4s'\")"
    assert "# Works with the previous release" in written.read_text()
    assert written.read_text().startswith('"""first tables\n\nRevision 0001, after nothing, made on ')


def revisions() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "domain:migrations")
    return ScriptDirectory.from_config(config)


async def test_nothing_is_left_to_migrate_where_the_last_migration_has_run(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", "domain:migrations")
    assert newest() == ScriptDirectory.from_config(config).get_current_head()
    assert await prepared(database.owner_url)

    async with connected(database.owner_url) as owner:
        await owner.execute("DROP EXTENSION btree_gin CASCADE")
        assert await prepared(database.owner_url)
        assert await owner.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'btree_gin'") == 1
        await owner.execute("UPDATE alembic_version SET version_num = '0018'")
        assert not await prepared(database.owner_url)
        await owner.execute("DROP TABLE alembic_version")
        assert not await prepared(database.owner_url)
