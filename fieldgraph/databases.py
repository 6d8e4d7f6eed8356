"""Databases: how a process reaches them: the addresses, the system's pool, the engine of units of work."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import tables
from fieldgraph.addresses import SYSTEM_ROLE, app_url_of, sqlalchemy_url
from fieldgraph.settings import Settings

SYSTEM_SETTINGS = {
    "role": SYSTEM_ROLE,
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}
"""Its few statements are planned once: to plan one over all days of the log anew takes a millisecond. And by
indexes, since a day has no rows yet when its statements are planned.
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the databases' doors are: the owner's for migrations, the app's for everything else."""

    owner: str
    app: str

    @classmethod
    def of(cls, settings: Settings) -> "Addresses":
        """Raises ValueError when no database is named; the embedded one is named by whoever starts it."""
        if settings.database_url is None:
            raise ValueError("No database is named: set DATABASE_URL, or start by `run.py serve`.")
        return cls(settings.database_url, settings.app_database_url or app_url_of(settings.database_url))


async def system_pool(app_url: str) -> asyncpg.Pool:
    """Reads across organizations what the process itself needs: events, jobs, credentials."""
    return await asyncpg.create_pool(app_url, min_size=1, max_size=3, server_settings=SYSTEM_SETTINGS)


def writing_engine(app_url: str) -> AsyncEngine:
    """For units of work: as the app, which owns nothing."""
    tables.resolve()
    engine = create_async_engine(
        sqlalchemy_url(app_url),
        pool_size=8,
        max_overflow=4,
        connect_args={
            "server_settings": {
                "timezone": "UTC",
                "jit": "off",
                "statement_timeout": "5000",
                "application_name": "fieldgraph writes",
            }
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    """The pool replaces what the server has ended meanwhile; unlike pool_pre_ping it costs no round trip."""
    driver: asyncpg.Connection = connection.driver_connection
    if driver.is_closed():
        raise DisconnectionError
