"""Brings a database up to date: roles and extensions first, then every migration that it lacks."""

import asyncio
import random
from contextlib import suppress

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldgraph.addresses import APP_ROLE, AUDIT_ROLE, SEARCH_ROLE, SYSTEM_ROLE, login_of, sqlalchemy_url

EXTENSIONS = ("btree_gin", "btree_gist", "pg_trgm")
MIGRATION_LOCK = (
    0x4669656C64  # "Field": one advisory key of this database, held while it is brought up to date
)
BOOTSTRAP_TRIES = 8


async def migrate(owner_url: str, app_url: str | None = None) -> None:
    """Brings the owner's database to this release; who comes second waits, finds it done and goes on.

    `app_url` names the app's own login where it is not `fieldgraph_app` itself; it is made a member of it.
    One call at a time in a process (Alembic has one context there); processes may collide freely.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        # Of the session, because each migration has a transaction of its own.
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await bootstrap(connection, app_user=login_of(app_url))
        await _upgrade(owner_url)
    finally:
        await connection.close()


async def bootstrap(connection: asyncpg.Connection, app_user: str | None = None) -> None:
    """Roles and extensions, as often as you like; roles belong to the cluster, so no migration can hold them.

    Two databases of one cluster may do this at once; the catalogue then refuses one, which tries again.
    """
    for turn in range(BOOTSTRAP_TRIES):
        try:
            async with connection.transaction():
                await _make_roles(connection, app_user)
                await _make_extensions(connection)
        except (
            asyncpg.UniqueViolationError,
            asyncpg.DuplicateObjectError,
            asyncpg.InternalServerError,  # "tuple concurrently updated"
        ):
            if turn == BOOTSTRAP_TRIES - 1:
                raise
            await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311  # spreads the tries; guards nothing
        else:
            return


async def _make_roles(connection: asyncpg.Connection, app_user: str | None) -> None:
    # NOINHERIT: the app reads across organizations only where it says so, by SET ROLE on a pool of its own.
    await _make_role(connection, APP_ROLE, "LOGIN NOINHERIT")
    await _make_role(connection, SYSTEM_ROLE, "NOLOGIN")
    await _make_role(connection, SEARCH_ROLE, "NOLOGIN")
    await _make_role(connection, AUDIT_ROLE, "NOLOGIN")
    await _make_member(connection, SYSTEM_ROLE, APP_ROLE)
    if app_user is not None:
        await _make_member(connection, APP_ROLE, app_user)
    database = _quoted(await connection.fetchval("SELECT current_database()"))
    for role in (APP_ROLE, SYSTEM_ROLE):
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    # Nobody is ever these: one owns the look-up of `search`, the other the triggers of the audit.
    for role in (SEARCH_ROLE, AUDIT_ROLE):
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


async def _make_role(connection: asyncpg.Connection, role: str, options: str) -> None:
    found = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1", role)
    if found is None:
        await connection.execute(
            f"CREATE ROLE {role} {options} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        )
    elif found["rolsuper"] or found["rolbypassrls"]:
        raise PermissionError(
            f"Role {role} may pass row-level security by; take SUPERUSER and BYPASSRLS from it."
        )


async def _make_member(connection: asyncpg.Connection, role: str, member: str) -> None:
    refused = await connection.fetchval(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1", member
    )
    if refused is None:
        raise LookupError(
            f"APP_DATABASE_URL names the user {member}, who does not exist; create the login first."
        )
    if refused:
        raise PermissionError(f"The user {member} may pass row-level security by; the app must not.")
    already = await connection.fetchval(
        "SELECT true FROM pg_auth_members WHERE roleid = $1::regrole AND member = $2::regrole",
        role,
        _quoted(member),
    )
    if not already:
        await connection.execute(f"GRANT {role} TO {_quoted(member)}")


async def _make_extensions(connection: asyncpg.Connection) -> None:
    present = {row["extname"] for row in await connection.fetch("SELECT extname FROM pg_extension")}
    for extension in EXTENSIONS:
        if extension not in present:
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")


async def _upgrade(owner_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(owner_url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_to_head)
    finally:
        with suppress(OSError):
            await engine.dispose()


def _to_head(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "domain:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
