"""Reads: the pool for compiled reads: read-only, in UTC, its connections remember whose they are."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg

from domain.unit_of_work import SETTINGS, settings_of
from domain.viewers import Viewer

ENTER = "SELECT " + ", ".join(f"set_config('app.{name}', ${n}, false)" for n, name in enumerate(SETTINGS, 1))
SERVER_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    # Pages lie in memory or on an SSD; a table holds every organization's rows, an index leads to ours; and a
    # read that would gain by parallel workers is longer than a read should be.
    "random_page_cost": "1.1",
    "seq_page_cost": "2",
    "max_parallel_workers_per_gather": "0",
    "default_transaction_read_only": "on",
    "statement_timeout": "5000",
    "application_name": "fieldgraph reads",
}


class Reads:
    """Runs compiled statements; counts them, so that a test can tell how many a request took."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.statements = 0
        self._viewers: WeakKeyDictionary[Any, Viewer] = WeakKeyDictionary()

    async def value(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> bytes | None:
        """The one JSON value that a statement answers, as Postgres wrote it."""
        async with self.pool.acquire() as connection:
            await self._enter(connection, viewer)
            self.statements += 1
            found: bytes | None = await connection.fetchval(sql, *parameters)
            return found

    async def rows(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> list[asyncpg.Record]:
        """Rows, for the plain path."""
        async with self.pool.acquire() as connection:
            await self._enter(connection, viewer)
            self.statements += 1
            found: list[asyncpg.Record] = await connection.fetch(sql, *parameters)
            return found

    async def _enter(self, pooled: Any, viewer: Viewer) -> None:
        """The extra round trip is paid only when the connection was somebody else's before."""
        connection = pooled._con  # noqa: SLF001  # the proxy is new at each acquire; the connection stays
        if self._viewers.get(connection) != viewer:
            await pooled.execute(ENTER, *settings_of(viewer).values())
            self._viewers[connection] = viewer


async def _set_up(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind,
            schema="pg_catalog",
            format="binary",
            encoder=_with_version if kind == "jsonb" else _as_bytes,
            decoder=_without_version if kind == "jsonb" else bytes,
        )


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _with_version(value: str | bytes) -> bytes:
    return b"\x01" + _as_bytes(value)


def _without_version(value: bytes) -> bytes:
    return bytes(value[1:])


async def _keep(_connection: asyncpg.Connection) -> None:
    """Nothing is reset between requests: asyncpg's own reset would erase the viewer."""


MOST_STATEMENTS = 256
"""Kept prepared by each connection: a client mix of some 30 documents in all roles."""


async def open_reads(app_url: str, *, most: int = 10) -> Reads:
    """Connects as the app's role, which owns nothing and cannot bypass a policy."""
    pool = await asyncpg.create_pool(
        app_url,
        min_size=1,
        max_size=most,
        init=_set_up,
        reset=_keep,
        server_settings=SERVER_SETTINGS,
        statement_cache_size=MOST_STATEMENTS,
        # By default a statement is forgotten after five minutes, and one of more than 15 kB is never kept.
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=0,
    )
    return Reads(pool)
