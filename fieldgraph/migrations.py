"""Brings a database up to date: roles and extensions first, then every migration that it lacks."""

from contextlib import suppress

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldgraph.addresses import login_of, sqlalchemy_url
from fieldgraph.grounds import bootstrap

MIGRATION_LOCK = (
    0x4669656C64  # "Field": one advisory key of this database, held while it is brought up to date
)


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
