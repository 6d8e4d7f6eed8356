"""Grounds: roles and extensions that every database needs, and whether its tables are this release's.

An API process looks at them itself: to load Alembic for nothing takes it as long as all else at its start.
"""

import asyncio
import random
import re
from pathlib import Path

import asyncpg

from fieldgraph.addresses import APP_ROLE, AUDIT_ROLE, SEARCH_ROLE, SYSTEM_ROLE, login_of

EXTENSIONS = ("btree_gin", "btree_gist", "pg_trgm")
BOOTSTRAP_TRIES = 8
VERSIONS = Path(__file__).parents[1] / "domain" / "migrations" / "versions"
NUMBERED = re.compile(r"(\d{4})_\w+\.py")


def newest() -> str:
    """The number of this release's last migration, by the names of the files."""
    return max(found[1] for file in VERSIONS.iterdir() if (found := NUMBERED.fullmatch(file.name)))


async def prepared(owner_url: str, app_url: str | None = None) -> bool:
    """Whether nothing is left to migrate; then roles and extensions are made sure of here."""
    connection = await asyncpg.connect(owner_url)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return False
        if await connection.fetchval("SELECT array_agg(version_num) FROM alembic_version") != [newest()]:
            return False
        await bootstrap(connection, app_user=login_of(app_url))
        return True
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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
