"""One socket speaking graphql-transport-ws: its greeting, its operations, its end."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from starlette.types import Message, Receive, Send

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from fieldgraph.transport import faults, requests
from fieldgraph.transport.operations import Asked, Operations, Surroundings
from fieldgraph.transport.outbox import Gone, Outbox

REASON_BYTES_MOST = 123  # RFC 6455, 5.5.1: a close frame holds 125 bytes, two of them the code
ID_CHARACTERS_MOST = 128


class Closing(Exception):
    """The socket is to be closed by us, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MOST].decode(errors="ignore")


class Connection:
    """Reads one socket until it ends; every operation is a task of its own, none outlives `run`."""

    def __init__(self, around: Surroundings, *, receive: Receive, send: Send) -> None:
        self._around = around
        self._receive = receive
        self._outbox = Outbox(
            send,
            stall_seconds=around.limits.stall_seconds,
            waiting_most=around.limits.waiting_characters,
            on_stall=lambda reason: self.end(1013, reason),
        )
        self._is_greeted = False
        self._viewer: Viewer | None = None
        self._token = ""
        self._operations = Operations(
            around,
            self._outbox,
            find_viewer=self._current_viewer,
            on_revoked=lambda: self.end(4403, "Token revoked"),
        )
        self._deadline = asyncio.timeout(None)
        self._last_word = Closing(4408, "Connection initialisation timeout")
        self._is_listening = False
        self._is_ending = False

    async def run(self) -> None:
        """Serves the socket; returns when it is closed and everything it opened is closed too."""
        closing = None
        try:
            closing = await self._listen()
        finally:
            self._outbox.stop()
            self._operations.cancel()
            if closing is not None:
                self._around.metrics.socket_closed(closing.code)
                await self._outbox.close(
                    closing.code, closing.reason, linger_seconds=self._around.limits.linger_seconds
                )
            await self._operations.ended()

    def end(self, code: int, reason: str) -> None:
        """Closes the socket from anywhere; the first reason wins."""
        if self._is_ending or not self._is_listening or self._deadline.expired():
            return
        self._is_ending = True
        self._last_word = Closing(code, reason)
        self._deadline.reschedule(asyncio.get_running_loop().time())

    def stands_on(self, ground: UUID) -> bool:
        """Whether this credential, or this user, opened the socket."""
        return self._viewer is not None and ground in self._viewer.grounds

    async def _listen(self) -> Closing | None:
        """Reads until the client leaves (None) or there is a reason to close."""
        loop = asyncio.get_running_loop()
        try:
            async with self._deadline:
                self._is_listening = True
                self._deadline.reschedule(loop.time() + self._around.limits.init_seconds)
                while True:
                    message = await self._receive()
                    if message["type"] == "websocket.disconnect":
                        return None
                    await self._take(message)
        except TimeoutError:
            return self._last_word
        except Closing as closing:
            return closing
        except Gone:
            return None
        finally:
            self._is_listening = False

    async def _take(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            raise Closing(4400, "Messages are text")
        source = text.encode()
        if len(source) > self._around.limits.frame_bytes:
            raise Closing(1009, f"A message is at most {self._around.limits.frame_bytes} bytes")
        try:
            said = orjson.loads(source)
        except orjson.JSONDecodeError as error:
            raise Closing(4400, "A message is a JSON object") from error
        if type(said) is not dict:
            raise Closing(4400, "A message is a JSON object")
        match said.get("type"):
            case "subscribe":
                await self._subscribe(said, source)
            case "complete":
                self._operations.complete(_identifier(said))
            case "ping":
                payload = _payload(said)
                await self._say({"type": "pong", "payload": payload} if payload else {"type": "pong"})
            case "pong":
                _payload(said)
            case "connection_init":
                await self._init(_payload(said))
            case _:
                raise Closing(4400, "Unknown message type")

    async def _init(self, payload: Mapping[str, Any]) -> None:
        if self._is_greeted:
            raise Closing(4429, "Too many initialisation requests")
        self._is_greeted = True
        said = payload.get("authorization", payload.get("Authorization"))
        scheme, _, token = said.partition(" ") if isinstance(said, str) else ("", "", "")
        if scheme.lower() != "bearer":
            raise Closing(4403, "Forbidden")
        viewer = await self._known(token.strip())
        self._token = token.strip()
        self._viewer = viewer
        if not self._is_ending:
            self._last_word = Closing(4403, "Token expired")
            self._deadline.reschedule(_when(viewer))
        await self._say({"type": "connection_ack"})

    async def _known(self, token: str) -> Viewer:
        try:
            return await self._around.identity.viewer(token)
        except Unauthenticated as error:
            raise Closing(4403, "Forbidden") from error
        except Exception as error:
            faults.report(self._around.correlate(), None)
            raise Closing(1011, "Something went wrong on our side") from error

    async def _subscribe(self, said: Mapping[str, Any], source: bytes) -> None:
        if self._viewer is None:
            raise Closing(4401, "Unauthorized")
        key = _identifier(said)
        try:
            parameters = requests.read_parameters(said.get("payload"))
        except requests.Malformed as refusal:
            raise Closing(4400, str(refusal)) from refusal
        if key in self._operations:
            raise Closing(4409, f"Subscriber for {key} already exists")
        await self._operations.begin(Asked(key, parameters, source))

    async def _current_viewer(self) -> Viewer:
        """Who asks now: a credential may have been revoked since the greeting, a signed token cannot be."""
        if self._viewer is None:
            raise Unauthenticated("The socket has not been greeted")
        if not self._viewer.grounds:
            return self._viewer
        return await self._around.identity.viewer(self._token)

    async def _say(self, message: dict[str, object]) -> None:
        await self._outbox.write(orjson.dumps(message).decode())


def _identifier(said: Mapping[str, Any]) -> str:
    key = said.get("id")
    if type(key) is not str or not 0 < len(key) <= ID_CHARACTERS_MOST:
        raise Closing(4400, f"`id` is a string of 1 to {ID_CHARACTERS_MOST} characters")
    return key


def _payload(said: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = said.get("payload")
    if payload is None:
        return {}
    if type(payload) is not dict:
        raise Closing(4400, "`payload` is an object")
    return payload


def _when(viewer: Viewer) -> float | None:
    """The loop's time at which the viewer's token ends."""
    if viewer.expires_at is None:
        return None
    return asyncio.get_running_loop().time() + viewer.expires_at.timestamp() - time.time()
