"""The WebSocket door: graphql-transport-ws and nothing else, as a bare ASGI callable."""

import asyncio
import itertools
import secrets
from uuid import UUID

from starlette.types import Receive, Scope, Send

from fieldgraph.transport import origins
from fieldgraph.transport.connections import Connection
from fieldgraph.transport.crowds import Crowd
from fieldgraph.transport.observers import Observer
from fieldgraph.transport.operations import SocketLimits, Surroundings
from fieldgraph.transport.ports import Executor
from fieldgraph.transport.watches import Watch
from integrations.identity import Identity

SUBPROTOCOL = "graphql-transport-ws"


class GraphQLWebSocket:
    """Accepts sockets and ends them together: on `closing` with 1012, on a revocation with 4403."""

    def __init__(
        self,
        executor: Executor,
        identity: Identity,
        *,
        observer: Observer,
        closing: asyncio.Event,
        crowd: Crowd,
        watch: Watch,
        limits: SocketLimits | None = None,
    ) -> None:
        boot = secrets.token_hex(6)
        numbers = itertools.count(1)
        self._around = Surroundings(
            executor=executor,
            identity=identity,
            observer=observer,
            limits=limits or SocketLimits(),
            crowd=crowd,
            watch=watch,
            correlate=lambda: f"{boot}-{next(numbers):x}",
        )
        self._closing = closing
        self._connections: set[Connection] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect, by ASGI always the first
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        host = headers.get(b"host", b"").decode("latin-1")
        if origin is not None and not origins.is_allowed(
            origin.decode("latin-1"), host, allowed=self._around.limits.allowed_origins
        ):
            await send({"type": "websocket.close"})  # before accept: the server answers 403
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            await _refuse(send, 4406, "Subprotocol not acceptable")
        elif self._closing.is_set():
            await _refuse(send, 1012, "Service restart")
        else:
            await self._enter(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = client[0] if client else ""
        if not self._around.crowd.enter(address):
            await _refuse(send, 1013, "Too many sockets and streams are open")
            return
        try:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await self._serve(Connection(self._around, address=address, receive=receive, send=send))
        finally:
            self._around.crowd.leave(address)

    def revoke(self, ground: UUID) -> None:
        """Ends at once every socket that was opened with this credential, or by this user."""
        for connection in self._connections:
            if connection.stands_on(ground):
                connection.end(4403, "Token revoked")

    async def _serve(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        self._around.observer.metrics.socket_opened()
        try:
            await connection.run()
        finally:
            self._around.observer.metrics.socket_left()
            self._connections.discard(connection)
            if not self._connections and self._watcher is not None:
                self._watcher.cancel()
                self._watcher = None

    async def _watch(self) -> None:
        """One task for all sockets, alive only while there are any."""
        await self._closing.wait()
        for connection in self._connections:
            connection.end(1012, "Service restart")


async def _refuse(send: Send, code: int, reason: str) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code, "reason": reason})
