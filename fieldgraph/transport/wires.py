"""Wires: uvicorn's WebSocket protocol, with bounds where a client could make it hold ever more."""

import asyncio
import logging
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

FRAGMENTS_MOST = 1_024
"""Of one message; the bytes of all are bounded by `ws_max_size`, empty ones were not."""


LOG = logging.getLogger("uvicorn.error.wire")
"""Uvicorn writes two lines about each socket, which `logs` leaves out: ours has one about each operation."""
SLICE_BYTES = 8_192
"""Read at a time: one read of the transport may hold 6,000 frames, which take the parser half a second."""


class Arrivals:
    """What has arrived and was not taken yet, for one taker: an asyncio.Queue without its 2 kB of deques."""

    __slots__ = ("_came", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[ASGIReceiveEvent] = []
        self._came: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._waiting

    def put_nowait(self, event: ASGIReceiveEvent) -> None:
        self._waiting.append(event)
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        while not self._waiting:
            self._came = asyncio.get_running_loop().create_future()
            try:
                await self._came
            finally:
                self._came = None
        return self._waiting.pop(0)  # a slice of frames at most


class Wire(WebSocketsSansIOProtocol):
    """Frames as uvicorn reads them, which reads all that there is, and answers pings that nobody reads."""

    _rest = b""
    _is_due = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = LOG
        self.queue = Arrivals()  # type: ignore[assignment]  # what is asked of the queue, it answers

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            # 4 kB that nobody looks at again, of each socket for as long as it is open.
            self.request = self.response = None  # type: ignore[assignment]  # as it was before the handshake

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated:
            self._rest += data
            self._feed()
        else:
            super().data_received(data)

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; what has arrived is read on when all before it has been taken."""
        message = await self.queue.get()
        if self.queue.empty() and not self._is_due:
            self._feed()
        return message

    def _feed(self) -> None:
        """Reads a slice; nothing more arrives while there are others."""
        self._is_due = False
        if self.transport.is_closing():
            self._rest = b""
            return
        piece, self._rest = self._rest[:SLICE_BYTES], self._rest[SLICE_BYTES:]
        if piece:
            super().data_received(piece)
        if not self.queue.empty() or self.transport.is_closing():
            return
        if self._rest:
            self._pause()
            self._is_due = True
            self.loop.call_soon(self._feed)
        elif self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _pause(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def write_whole(self, frame: bytes) -> bool:
        """Writes a frame that is ready, if it can leave now; else does nothing and answers False."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MOST:
            super().handle_cont(event)
        else:
            self.transport.abort()


def text_frame(text: bytes) -> bytes:
    """A whole message of a server as RFC 6455, 5.2, has it: final, of text, not masked."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), text)
