"""The operations of one socket: each a task of its own, begun, cancelled and told by its id."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from fieldgraph.transport import faults, requests
from fieldgraph.transport.crowds import Crowd, User
from fieldgraph.transport.heartbeats import Quiet
from fieldgraph.transport.observers import Observer
from fieldgraph.transport.outbox import Gone, Outbox
from fieldgraph.transport.ports import Executor
from fieldgraph.transport.records import Record
from fieldgraph.transport.requests import Parameters
from fieldgraph.transport.watches import Watch
from fieldgraph.transport.wires import text_frame
from integrations.identity import Identity
from realtime.members import Direct, Shared
from resolvers import notes
from resolvers.refusals import Refusal

# Neither a replay nor a free transport ever waits: without a break a backlog would stop the whole process.
BURST = 16
FRAMED_MOST = 16
"""Frames of one result that are kept while it is told: most clients name their operations alike."""


class SocketLimits(NamedTuple):
    """Who may open a socket, how many there may be, and what each may take of the process.

    A page of the request's own host is always allowed; `allowed_origins` are others, as
    "https://portal.example".
    """

    frame_bytes: int = 65_536
    operations: int = 50
    operations_of_guest: int = 5
    init_seconds: float = 5.0
    stall_seconds: float = 30.0
    waiting_characters: int = 1_048_576
    linger_seconds: float = 2.0
    quiet: Quiet = Quiet(25.0, 10.0)
    messages_a_second: float = 100.0
    messages_at_once: float = 500.0
    allowed_origins: frozenset[str] = frozenset()


class Surroundings(NamedTuple):
    """What every socket of a process shares."""

    executor: Executor
    identity: Identity
    observer: Observer
    limits: SocketLimits
    crowd: Crowd
    watch: Watch
    correlate: Callable[[], str]


class Asked(NamedTuple):
    """One `subscribe` message: its id, what it asks, and the bytes it came in."""

    key: str
    parameters: Parameters
    source: bytes


class Operations:
    """Runs what a socket subscribes to; `on_revoked` is told when a token stops being good under way."""

    def __init__(
        self,
        around: Surroundings,
        outbox: Outbox[str],
        *,
        find_viewer: Callable[[], Awaitable[Viewer]],
        on_revoked: Callable[[], None],
    ) -> None:
        self._around = around
        self._outbox = outbox
        self._find_viewer = find_viewer
        self._on_revoked = on_revoked
        self._live: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._close: int | None = None
        self.traceparent: str | None = None
        """Of the greeting: what every operation hangs on that says nothing else."""

    def __contains__(self, key: str) -> bool:
        return key in self._live

    async def begin(self, asked: Asked, user: User) -> None:
        """Starts an operation, or refuses it when there are enough, here or on all sockets of the user."""
        key, crowd, limits = asked.key, self._around.crowd, self._around.limits
        most = limits.operations_of_guest if user.is_guest else limits.operations
        # Operations that the client completed count until they have cleaned up.
        if len(self._tasks) >= most:
            await self.refuse(key, Refusal.of("RATE_LIMITED", f"A socket runs at most {most} operations"))
            return
        if not crowd.begin(user):
            await self.refuse(key, Refusal.of("RATE_LIMITED", "You have too many operations running"))
            return
        task = asyncio.get_running_loop().create_task(self._run(asked))
        self._live[key] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: crowd.end(user))
        task.add_done_callback(lambda done: self._release(key, done))

    async def refuse(self, key: str, refusal: Refusal) -> None:
        """Says no to an operation: by the reader itself, so that who floods waits for its own refusals."""
        record = self._record(None)
        record.outcome = refusal.code
        self._around.observer.end(record)
        await self._error(key, refusal.errors)

    def complete(self, key: str) -> None:
        """The client wants no more of it; an id that is not running is one that has just ended."""
        task = self._live.pop(key, None)
        if task is not None:
            task.cancel()

    def cancel(self, close: int | None = None) -> None:
        """Cancels what runs; what was cancelled before is left to its cleaning up, not cut short.

        `close` is the code with which the server closes the socket.
        """
        self._close = close
        for task in self._live.values():
            task.cancel()
        self._live.clear()

    async def ended(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _release(self, key: str, task: "asyncio.Task[None] | None") -> None:
        """Frees the id: before the last message is written, since the client may use it again at once."""
        if task is not None and self._live.get(key) is task:
            del self._live[key]

    async def _run(self, asked: Asked) -> None:
        observer = self._around.observer
        record = self._record(asked.parameters.traceparent)
        notes.CURRENT.set(record)
        observer.metrics.operation_started()
        try:
            await self._tell(asked, record)
        except Gone:
            record.was_stopped = True
        except asyncio.CancelledError:
            record.was_stopped = True
            raise
        finally:
            record.close = self._close
            observer.metrics.operation_ended()
            observer.end(record)

    def _record(self, traceparent: str | None) -> Record:
        record = Record("websocket")
        record.request_id = self._around.correlate()
        record.follow(traceparent or self.traceparent)
        return record

    async def _tell(self, asked: Asked, record: Record) -> None:
        """Answers to the end: what the executor says, then `complete`, or one `error`."""
        key = asked.key
        try:
            await self._answer(asked, record)
        except Gone:
            raise
        except Refusal as refusal:
            record.outcome = refusal.code
            errors = refusal.errors
        except Unauthenticated as error:
            record.outcome = error.code
            self._on_revoked()
            return
        except Exception:  # noqa: BLE001  # the last place before the loop, which would only log it
            record.outcome = "INTERNAL_SERVER_ERROR"
            errors = faults.report(record.request_id, record.name)
        else:
            self._release(key, asyncio.current_task())
            await self._outbox.write('{"type":"complete","id":' + _quoted(key) + "}")
            return
        self._release(key, asyncio.current_task())
        await self._error(key, errors)

    async def _answer(self, asked: Asked, record: Record) -> None:
        ref, operation_name, variables, _ = asked.parameters
        requests.check_values(variables, asked.source)
        viewer = record.viewer = await self._find_viewer()
        executor = self._around.executor
        operation = await executor.prepare(ref, operation_name, viewer=viewer)
        viewer = record.viewer = await self._find_viewer()  # a document may have waited for its turn
        record.know(operation)
        self._around.observer.begin(record)
        head = '{"type":"next","id":' + _quoted(asked.key) + ',"payload":'
        if operation.is_streamed:
            direct = self._direct(head.encode(), record)
            stream = executor.stream(operation, variables, viewer=viewer, direct=direct)
            await self._follow(head, stream, record)
        else:
            payload = await executor.answer(operation, variables, viewer=viewer)
            await self._outbox.write(head + payload.decode() + "}")
            record.sent(len(payload))

    def _direct(self, head: bytes, record: Record) -> Direct:
        """Writes what many are told without a pause; who has the same id has the same bytes."""

        def write(shared: Shared) -> bool:
            frame = shared.framed.get(head)
            if frame is None:
                frame = text_frame(b"%b%b}" % (head, shared.body))
                if len(shared.framed) < FRAMED_MOST:
                    shared.framed[head] = frame
            if not self._outbox.at_once(frame):
                return False
            record.sent(len(shared.body))
            return True

        return write

    async def _follow(self, head: str, stream: AsyncIterator[bytes], record: Record) -> None:
        try:
            told = 0
            async for payload in stream:
                await self._outbox.write(head + payload.decode() + "}")
                record.sent(len(payload))
                told += 1
                if told % BURST == 0:
                    await asyncio.sleep(0)
        finally:
            close: Any = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _error(self, key: str, errors: list[dict[str, object]]) -> None:
        await self._outbox.write(orjson.dumps({"type": "error", "id": key, "payload": errors}).decode())


def _quoted(key: str) -> str:
    return orjson.dumps(key).decode()
