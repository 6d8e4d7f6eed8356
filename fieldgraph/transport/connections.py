"""One socket speaking graphql-transport-ws: its greeting, its operations, its end."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
from starlette.types import Message, Receive, Send

from domain.errors import Busy, Unauthenticated
from domain.viewers import Viewer
from fieldgraph.transport import faults, requests
from fieldgraph.transport.crowds import User, user_of
from fieldgraph.transport.heartbeats import Heartbeat
from fieldgraph.transport.operations import BURST, Asked, Operations, Surroundings
from fieldgraph.transport.outbox import Gone, Outbox, Slowness
from fieldgraph.transport.paces import Pace
from resolvers.answers import refused
from resolvers.refusals import Refusal

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

    def __init__(self, around: Surroundings, *, address: str, receive: Receive, send: Send) -> None:
        self._around = around
        self._address = address
        self._receive = receive
        self._outbox: Outbox[str] = Outbox(
            send,
            frame=_framed,
            patience=Slowness(around.limits.stall_seconds, around.limits.waiting_characters),
            on_stall=lambda reason: self.end(1013, reason),
        )
        self._is_greeted = False
        self._is_taking = False
        self._user: User | None = None
        limits = around.limits
        now = asyncio.get_running_loop().time()
        self._pace = Pace(a_second=limits.messages_a_second, burst=limits.messages_at_once, now=now)
        self._ping: asyncio.Task[None] | None = None
        self._heartbeat = Heartbeat(
            limits.quiet,
            is_busy=lambda: self._is_taking or self._outbox.is_writing,
            ask=self._ask,
            lose=lambda: self.end(1001, "No answer to a ping"),
        )
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
            self._heartbeat.stop()
            self._outbox.stop()
            self._operations.cancel(closing.code if closing is not None else None)
            self._around.watch.stop(self._token, self._revoked)
            if self._user is not None:
                self._around.crowd.release(self._user)
            if closing is not None:
                self._around.observer.socket_closed(closing.code)
                last = {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
                await self._outbox.close(last, linger_seconds=self._around.limits.linger_seconds)
            await self._operations.ended()
            if self._ping is not None:
                await self._ping

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
                taken = 0
                while True:
                    message = await self._receive()
                    if message["type"] == "websocket.disconnect":
                        return None
                    self._heartbeat.heard()
                    self._is_taking = True
                    await self._take(message)
                    self._is_taking = False
                    taken += 1
                    if taken % BURST == 0:  # neither a full queue nor a free transport ever waits
                        await asyncio.sleep(0)
        except TimeoutError:
            return self._last_word
        except Closing as closing:
            return closing
        except Gone:
            return None
        finally:
            self._is_listening = False

    def _read(self, message: Message) -> tuple[dict[str, Any], bytes]:
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
        return said, source

    async def _take(self, message: Message) -> None:
        left = self._pace.take(asyncio.get_running_loop().time())
        if left < -self._around.limits.messages_at_once:
            raise Closing(4429, "Too many messages")
        said, source = self._read(message)
        match said.get("type"):
            case "subscribe":
                await self._subscribe(said, source, is_too_much=left < 0)
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
        if scheme.lower() != "bearer" or not token.strip():
            raise Closing(4403, "A token is needed")
        viewer = await self._known(token.strip())
        user = user_of(viewer)
        if not self._around.crowd.admit(user):
            raise Closing(1013, "You have too many sockets and streams open")
        self._user = user
        traceparent = payload.get("traceparent")
        if isinstance(traceparent, str):
            self._operations.traceparent = traceparent
        self._token = token.strip()
        self._viewer = viewer
        self._around.watch.begin(self._token, viewer, self._revoked)
        if not self._is_ending:
            self._last_word = Closing(4403, "Token expired")
            self._deadline.reschedule(_when(viewer))
        await self._say({"type": "connection_ack"})

    async def _known(self, token: str) -> Viewer:
        try:
            return await self._around.identity.viewer(token, address=self._address)
        except Busy as error:
            raise Closing(1013, str(error)) from error
        except Unauthenticated as error:
            raise Closing(4403, str(error)) from error  # one short sentence of integrations/identity.py
        except Exception as error:
            faults.report(self._around.correlate(), None)
            raise Closing(1011, "Something went wrong on our side") from error

    async def _subscribe(self, said: Mapping[str, Any], source: bytes, *, is_too_much: bool) -> None:
        if self._user is None:
            raise Closing(4401, "Unauthorized")
        key = _identifier(said)
        try:
            parameters = requests.read_parameters(said.get("payload"))
        except requests.Malformed as refusal:
            raise Closing(4400, str(refusal)) from refusal
        if key in self._operations:
            raise Closing(4409, f"Subscriber for {key} already exists")
        if is_too_much:
            code = {"code": "RATE_LIMITED", "retryAfterSeconds": round(self._pace.wait_seconds(), 3)}
            too_much = Refusal([{"message": "Too many messages", "extensions": code}])
            await self._operations.refuse(key, too_much)
            return
        await self._operations.begin(Asked(key, parameters, source), self._user)

    async def _current_viewer(self) -> Viewer:
        """Who asks now: a token may have been revoked since the greeting."""
        if self._viewer is None:
            raise Unauthenticated("The socket has not been greeted")
        try:
            return await self._around.identity.viewer(self._token, address=self._address)
        except Busy as error:
            raise refused(error) from error

    def _revoked(self, _reason: str) -> None:
        self.end(4403, "Token revoked")

    def _ask(self) -> None:
        self._ping = asyncio.get_running_loop().create_task(self._say_ping())

    async def _say_ping(self) -> None:
        with suppress(Gone):
            await self._say({"type": "ping"})

    async def _say(self, message: dict[str, object]) -> None:
        await self._outbox.write(orjson.dumps(message).decode())


def _framed(text: str) -> Message:
    return {"type": "websocket.send", "text": text}


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
