"""Connections: a few open ones to the database; each is somebody's alone while it is borrowed.

asyncpg's own pool costs as much CPU as the query of a point read (46 of 89 µs); this one only hands over.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType

import asyncpg

from domain.buckets import client_of
from domain.viewers import Viewer
from resolvers.turns import Turns

CLOSE_SECONDS = 5.0
GIVEN_UP = (TimeoutError, asyncpg.InternalClientError)
"""Errors after which the driver may be amid an answer; so it is when a task is cancelled."""


class Connection:
    """An open connection, and whose settings it carries; None: nobody's."""

    __slots__ = ("driver", "viewer")

    def __init__(self, driver: asyncpg.Connection) -> None:
        self.driver = driver
        self.viewer: Viewer | None = None


class Connections:
    """Lends connections, the last used first, one that carries the viewer's settings before others.

    More than `most` borrowers wait in turn, and more than `of_client` of one client, so that none holds all.
    One that the database has closed is replaced when it is met.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        most: int,
        of_client: int | None = None,
    ) -> None:
        self._connect = connect
        self._most = most
        self.turns = Turns(of_client or most)
        self._open = 0
        self.waits = 0
        """How often a borrower found none free."""
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def used(self) -> int:
        """Lent at this moment, or being opened."""
        return self._open - len(self._idle)

    @property
    def most(self) -> int:
        return self._most

    @property
    def waiting(self) -> int:
        """Borrowers in line."""
        return sum(not waiter.done() for waiter in self._waiting)

    def lend(self, viewer: Viewer | None) -> "Loan":
        """A connection for the body of an `async with`."""
        return Loan(self, viewer)

    async def close(self) -> None:
        """Ends the idle ones, and those that are on their way out; call it when nothing is lent any more."""
        while self._idle:
            self._drop(self._idle.pop())
        while self._closing:
            await asyncio.gather(*self._closing)

    async def take(self, viewer: Viewer | None) -> Connection:
        """A connection to be given back. Raises what connecting raises."""
        while True:
            found = self._found(viewer)
            if found is not None:
                return found
            if self._open < self._most:
                return await self._opened()
            waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            self.waits += 1
            try:
                handed = await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._pass_on(waiter.result())
                raise
            if handed is not None:
                return handed

    def give_back(self, connection: Connection) -> None:
        """Ready for the next; one that is closed makes room for a new one."""
        if connection.driver.is_closed():
            self._open -= 1
            self._pass_on(None)
        else:
            self._pass_on(connection)

    def abandon(self, connection: Connection) -> None:
        """Given up in the middle of a query: the driver cancels that, then the connection ends."""
        self._drop(connection)
        self._pass_on(None)

    def _found(self, viewer: Viewer | None) -> Connection | None:
        idle = self._idle
        for n in range(len(idle) - 1, -1, -1):
            if idle[n].viewer is viewer:
                idle.append(idle.pop(n))
                break
        while idle:
            connection = idle.pop()
            if not connection.driver.is_closed():
                return connection
            self._open -= 1
        return None

    async def _opened(self) -> Connection:
        self._open += 1
        try:
            return Connection(await self._connect())
        except BaseException:
            self._open -= 1
            self._pass_on(None)
            raise

    def _pass_on(self, connection: Connection | None) -> None:
        """To the first who still waits; without a connection it is told that there is room for one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)

    def _drop(self, connection: Connection) -> None:
        self._open -= 1
        task = asyncio.get_running_loop().create_task(_close(connection.driver))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Loan:
    """One borrowing; a query that was given up costs the connection."""

    __slots__ = ("_client", "_connection", "_connections", "_viewer")

    def __init__(self, connections: Connections, viewer: Viewer | None) -> None:
        self._connections = connections
        self._viewer = viewer
        self._client = None if viewer is None else (viewer.organization_id, client_of(viewer))

    async def __aenter__(self) -> Connection:
        if self._client is not None:
            await self._connections.turns.begin(self._client)
        try:
            self._connection = await self._connections.take(self._viewer)
        except BaseException:
            self._end()
            raise
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is None or (issubclass(kind, Exception) and not issubclass(kind, GIVEN_UP)):
            self._connections.give_back(self._connection)
        else:
            self._connections.abandon(self._connection)
        self._end()

    def _end(self) -> None:
        if self._client is not None:
            self._connections.turns.end(self._client)


async def _close(driver: asyncpg.Connection) -> None:
    try:
        await driver.close(timeout=CLOSE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        driver.terminate()
