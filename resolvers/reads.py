"""Reads: where compiled statements run: read-only, in UTC, on connections that remember whose they are."""

from collections.abc import Sequence
from types import TracebackType

import asyncpg

from domain.errors import TooSlow
from domain.unit_of_work import SETTINGS, settings_of
from domain.viewers import Viewer
from resolvers.connections import Connection, Connections

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

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.statements = 0

    async def value(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> bytes | None:
        """The one JSON value that a statement answers, as Postgres wrote it."""
        async with in_time(), self.connections.lend(viewer) as connection:
            if connection.viewer is not viewer:
                await _enter(connection, viewer)
            self.statements += 1
            found: bytes | None = await connection.driver.fetchval(sql, *parameters)
            return found

    async def counted(
        self, sql: str, parameters: Sequence[object], *, viewer: Viewer
    ) -> tuple[bytes | None, int]:
        """The JSON value, and how many objects a compiled statement counted in it."""
        return (await self.seen(sql, parameters, viewer=viewer))[:2]

    async def seen(
        self, sql: str, parameters: Sequence[object], *, viewer: Viewer
    ) -> tuple[bytes | None, int, str]:
        """The same; and of a query the text of the snapshot that it saw."""
        async with in_time(), self.connections.lend(viewer) as connection:
            if connection.viewer is not viewer:
                await _enter(connection, viewer)
            self.statements += 1
            found = await connection.driver.fetchrow(sql, *parameters)
            return (
                (None, 0, "") if found is None else (found[0], found[1], found[2] if len(found) > 2 else "")
            )

    async def rows(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> list[asyncpg.Record]:
        """Rows, for the plain path."""
        async with in_time(), self.connections.lend(viewer) as connection:
            if connection.viewer is not viewer:
                await _enter(connection, viewer)
            self.statements += 1
            found: list[asyncpg.Record] = await connection.driver.fetch(sql, *parameters)
            return found

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """What is asked without any viewer, such as which tables there are."""
        async with self.connections.lend(None) as connection:
            found: list[asyncpg.Record] = await connection.driver.fetch(query, *values)
            return found

    async def fetchrow(self, query: str, *values: object) -> asyncpg.Record | None:
        """One row of what is asked before any viewer is known, such as whose a token is."""
        async with self.connections.lend(None) as connection:
            return await connection.driver.fetchrow(query, *values)


class in_time:  # noqa: N801  # reads as the words of a `with`
    """What the database gives up after its time is TooSlow; a class, since each read passes through it."""

    __slots__ = ()

    async def __aenter__(self) -> None: ...

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncpg.QueryCanceledError):
            raise TooSlow from error


async def _enter(connection: Connection, viewer: Viewer) -> None:
    """The extra round trip is paid only when the connection was somebody else's before."""
    if connection.viewer != viewer:
        connection.viewer = None  # in doubt until the database has said yes
        await connection.driver.execute(ENTER, *settings_of(viewer).values())
    connection.viewer = viewer


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


MOST_STATEMENTS = 256
"""Kept prepared by each connection: a client mix of some 30 documents in all roles."""


MOST_OF_CLIENT = 4
"""Reads of one client at a time: others find some of the ten connections free, whatever one asks for."""


async def open_reads(app_url: str, *, most: int = 10) -> Reads:
    """Connects as the app's role, which owns nothing and cannot bypass a policy.

    The first connection is opened here, so that a wrong address is told at once.
    """

    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(
            app_url,
            server_settings=SERVER_SETTINGS,
            statement_cache_size=MOST_STATEMENTS,
            # By default a statement is forgotten after five minutes, one of more than 15 kB is never kept.
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
        )
        try:
            await _set_up(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    connections = Connections(connect, most=most, of_client=MOST_OF_CLIENT)
    async with connections.lend(None):
        return Reads(connections)
