"""What leaves through one socket or event stream: one writer at a time, bounded in bytes and in patience."""

import asyncio
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from starlette.types import Message, Send

Frame = TypeVar("Frame", str, bytes)


class Slowness(NamedTuple):
    """How slowly a client may read."""

    stall_seconds: float
    waiting_most: int


class Gone(Exception):
    """Nothing can be written any more: the client left, or the socket is closing."""


class Outbox(Generic[Frame]):
    """Writes frames in order.

    There is no queue: an operation waits until its own frame is out, so a client that reads slowly
    slows its own subscriptions, whose backlog is bounded where they are fed. While the transport is
    free a write takes neither a task nor a timer. `on_stall` is told once when a client takes too long
    to read one frame, or when more than `waiting_most` characters or bytes wait.
    """

    def __init__(
        self,
        send: Send,
        *,
        frame: Callable[[Frame], Message],
        patience: Slowness,
        on_stall: Callable[[str], None],
    ) -> None:
        self._send = send
        self._frame: Callable[[Frame], Message] = frame
        self._stall_seconds = patience.stall_seconds
        self._waiting_most = patience.waiting_most
        self._on_stall = on_stall
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def is_writing(self) -> bool:
        return self._since is not None

    async def write(self, content: Frame) -> None:
        size = len(content)
        if self._waiting and self._waiting + size > self._waiting_most:
            self._on_stall("Too much unread")
            raise Gone
        self._waiting += size
        try:
            async with self._lock:
                await self._write(self._frame(content))
        finally:
            self._waiting -= size

    def at_once(self, framed: bytes) -> bool:
        """Writes bytes that the wire takes as they are, if nothing else waits; else does nothing.

        ASGI has no such way; of our own wire `send` is a method.
        """
        if self._closed or self._waiting:
            return False
        write = getattr(getattr(self._send, "__self__", None), "write_whole", None)
        return write is not None and bool(write(framed))

    async def close(self, last: Message, *, linger_seconds: float) -> None:
        """Says the last message if the client reads it within `linger_seconds`, else cuts the line."""
        self.stop()
        try:
            async with asyncio.timeout(linger_seconds):
                await self._send(last)
        except TimeoutError:
            self.abort()
        except (OSError, RuntimeError):  # uvicorn's two ways to say that the socket is closed already
            return

    def stop(self) -> None:
        """Refuses every further write."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _write(self, message: Message) -> None:
        if self._closed:
            raise Gone
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._stall_seconds, self._look)
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # as in close()
            raise Gone from error
        finally:
            self._since = None

    def _look(self) -> None:
        """One timer for all frames: armed by the first, armed again only while one is under way."""
        self._timer = None
        if self._since is None:
            return
        loop = asyncio.get_running_loop()
        left = self._since + self._stall_seconds - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look)
        else:
            self._on_stall("Nothing was read for too long")

    def abort(self) -> None:
        """ASGI knows no abort, and uvicorn's close waits for a peer that never reads; its transport can."""
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        abort = getattr(transport, "abort", None)
        if abort is not None:
            abort()
