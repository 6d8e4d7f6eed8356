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


async def open_reads(app_url: str, *, most: int = 10) -> Reads:
    """Connects as the app's role, which owns nothing and cannot bypass a policy."""
    pool = await asyncpg.create_pool(
        app_url, min_size=1, max_size=most, init=_set_up, reset=_keep, server_settings=SERVER_SETTINGS
    )
    return Reads(pool)
