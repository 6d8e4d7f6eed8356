"""Event streams: one operation's results as server-sent events, until it ends or may not go on."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from starlette.types import Message, Receive, Send

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from fieldgraph.transport import faults, frames, negotiation, replies
from fieldgraph.transport.crowds import Crowd, User, user_of
from fieldgraph.transport.operations import BURST
from fieldgraph.transport.outbox import Gone, Outbox, Slowness
from fieldgraph.transport.ports import Executor, Operation
from fieldgraph.transport.records import Record
from fieldgraph.transport.watches import Watch
from resolvers.refusals import Refusal

RETRY_SECONDS = 5


class StreamLimits(NamedTuple):
    """How slowly a client may read its events, and how often it hears that the line is alive."""

    stall_seconds: float = 30.0
    waiting_bytes: int = 1_048_576
    linger_seconds: float = 2.0
    quiet_seconds: float = 12.0


class Followed(NamedTuple):
    """An operation that will be answered by events."""

    operation: Operation
    variables: Mapping[str, object]
    viewer: Viewer
    token: str
    address: str
    record: Record
    idempotency_key: str | None


class EventStreams:
    """Every open event stream of a process; `closing` ends them all, without `complete`: ask another one."""

    def __init__(
        self,
        executor: Executor,
        *,
        closing: asyncio.Event,
        crowd: Crowd,
        watch: Watch,
        limits: StreamLimits | None = None,
    ) -> None:
        self.executor = executor
        self.limits = limits or StreamLimits()
        self.watch = watch
        self._closing = closing
        self._crowd = crowd
        self._open: set[EventStream] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def serve(self, asked: Followed, *, receive: Receive, send: Send) -> None:
        """Answers to the end; its record says how it went. Raises Refusal, before anything is sent."""
        user = user_of(asked.viewer)
        if self._closing.is_set():
            raise _later("This server is about to stop")
        if not self._crowd.enter(asked.address):
            raise _later("Too many sockets and streams are open")
        try:
            if not self._crowd.admit(user):
                raise _later("You have too many sockets and streams open")
            try:
                await self._admitted(user, EventStream(self, asked, receive=receive, send=send))
            finally:
                self._crowd.release(user)
        finally:
            self._crowd.leave(asked.address)

    def revoke(self, ground: UUID) -> None:
        """Ends at once every stream that was opened with this credential, or by this user."""
        for stream in list(self._open):
            stream.revoke(ground)

    async def _admitted(self, user: User, stream: "EventStream") -> None:
        if not self._crowd.begin(user):
            raise _later("You have too many operations running")
        try:
            await self._run(stream)
        finally:
            self._crowd.end(user)

    async def _run(self, stream: "EventStream") -> None:
        self._open.add(stream)
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch_closing())
        try:
            await stream.run()
        finally:
            self._open.discard(stream)
            if not self._open and self._watcher is not None:
                self._watcher.cancel()
                self._watcher = None

    async def _watch_closing(self) -> None:
        await self._closing.wait()
        for stream in list(self._open):
            stream.end()


class EventStream:
    """One of them. Its results, the client's leaving and the token's end race; the first ends it."""

    def __init__(self, around: EventStreams, asked: Followed, *, receive: Receive, send: Send) -> None:
        self._around = around
        self._asked = asked
        self._receive = receive
        self._send = send
        limits = around.limits
        self._outbox: Outbox[bytes] = Outbox(
            send,
            frame=_framed,
            patience=Slowness(limits.stall_seconds, limits.waiting_bytes),
            on_stall=lambda _: self._cut(),
        )
        self._over = asyncio.Event()
        self._record = asked.record
        self._last = b""
        self._is_gone = False

    async def run(self) -> None:
        asked = self._asked
        loop = asyncio.get_running_loop()
        expires_at = asked.viewer.expires_at
        expiry = None
        if expires_at is not None:
            left = expires_at.timestamp() - time.time()
            expiry = loop.call_later(left, self._refuse, "The token has expired")
        self._around.watch.begin(asked.token, asked.viewer, self._refuse)
        tasks = {loop.create_task(one) for one in (self._pump(), self._listen(), self._reassure())}
        try:
            await self._over.wait()
        finally:
            if expiry is not None:
                expiry.cancel()
            self._around.watch.stop(asked.token, self._refuse)
            self._outbox.stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._record.was_stopped = self._is_gone
        if not self._is_gone:
            last: Message = {"type": "http.response.body", "body": self._last}
            await self._outbox.close(last, linger_seconds=self._around.limits.linger_seconds)

    def end(self) -> None:
        """Ends a stream without `complete`: the client may go on elsewhere. An answer ends by itself."""
        if self._asked.operation.is_streamed:
            self._over.set()

    def revoke(self, ground: UUID) -> None:
        """Ends it if this credential, or this user, opened it."""
        if ground in self._asked.viewer.grounds:
            self._refuse("This token has been revoked")

    def _refuse(self, reason: str) -> None:
        if not self._over.is_set():
            self._record.outcome = "UNAUTHENTICATED"
            errors = replies.errors("UNAUTHENTICATED", reason)
            self._last = frames.following(replies.body(errors)) + frames.COMPLETE
            self._over.set()

    def _cut(self) -> None:
        """The client reads too slowly: it would not read a last word either."""
        self._outbox.abort()
        self._is_gone = True
        self._over.set()

    async def _listen(self) -> None:
        """Until the client leaves; a body that has been read already says nothing more."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True
        self._over.set()

    async def _reassure(self) -> None:
        """A comment now and then, so that nobody on the way takes a quiet stream for a dead one."""
        while True:
            await asyncio.sleep(self._around.limits.quiet_seconds)
            if not self._outbox.is_writing:
                try:
                    await self._outbox.write(frames.COMMENT)
                except Gone:
                    return

    async def _pump(self) -> None:
        try:
            await self._start()
            errors = await self._follow()
            if errors:
                await self._outbox.write(frames.following(orjson.dumps({"errors": errors})))
            await self._outbox.write(frames.COMPLETE)
        except Gone:
            self._is_gone = True
        except Unauthenticated as error:
            self._refuse(str(error))
        finally:
            self._over.set()

    async def _start(self) -> None:
        headers = [
            negotiation.EVENTS.header,
            (b"x-request-id", self._record.request_id.encode("ascii")),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would keep events until it has enough of them
        ]
        self._record.status = 200
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._outbox.write(frames.COMMENT)  # the head leaves with the first bytes of the body

    async def _follow(self) -> list[dict[str, object]]:
        """Writes every result; answers the errors that it ended with."""
        told = 0
        try:
            async with aclosing(self._results()) as results:
                async for payload in results:
                    await self._outbox.write(frames.following(payload))
                    self._record.sent(len(payload))
                    told += 1
                    if told % BURST == 0:
                        await asyncio.sleep(0)
        except (Gone, Unauthenticated):
            raise
        except Refusal as refusal:
            self._record.outcome = refusal.code
            return refusal.errors
        except Exception:  # noqa: BLE001  # the last place before the loop, which would only log it
            self._record.outcome = "INTERNAL_SERVER_ERROR"
            return faults.report(self._record.request_id, self._asked.operation.name)
        return []

    async def _results(self) -> AsyncGenerator[bytes, None]:
        executor, asked = self._around.executor, self._asked
        operation, variables, viewer = asked.operation, asked.variables, asked.viewer
        if not operation.is_streamed:
            yield await executor.answer(
                operation, variables, viewer=viewer, idempotency_key=asked.idempotency_key
            )
            return
        stream: AsyncIterator[bytes] = executor.stream(operation, variables, viewer=viewer)
        try:
            async for payload in stream:
                yield payload
        finally:
            close: Any = getattr(stream, "aclose", None)
            if close is not None:
                await close()


def _framed(content: bytes) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": True}


def _later(message: str) -> Refusal:
    said = {"code": "RATE_LIMITED", "retryAfterSeconds": RETRY_SECONDS}
    return Refusal([{"message": message, "extensions": said}])
