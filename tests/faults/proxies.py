"""Proxies: a way to a server that a test can cut, at once or after a given number of bytes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

PIECE_BYTES = 4096
Limit = Callable[[], int | None]


def endless() -> None:
    """No connection is cut by itself."""


@dataclass
class Proxy:
    """Listens on a port of its own and hands on to a server's, byte by byte as they come.

    `limit` says of each new connection after how many bytes of the server's it is cut (None: never); what was
    before that byte is handed over.
    """

    target: int
    limit: Limit = endless
    port: int = 0
    cuts: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_raised: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def cut(self) -> int:
        """Every connection ends without a word; how many there were."""
        for writer in list(self._open):
            writer.transport.abort()
        return len(self._open)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, forth}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_hand_on(reader, forth))
                group.create_task(self._answer(back, writer))
        except* OSError:
            pass
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.limit()
        if left is None:
            await _hand_on(reader, writer)
            return
        while left > 0 and (piece := await reader.read(min(PIECE_BYTES, left))):
            writer.write(piece)
            await writer.drain()
            left -= len(piece)
        if left == 0:
            self.cuts += 1
            await _emptied(writer)
        raise ConnectionAbortedError


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends, which ends the other."""
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    await _emptied(writer)
    raise ConnectionAbortedError


async def _emptied(writer: asyncio.StreamWriter) -> None:
    """What was handed over is on its way before the end comes."""
    with suppress(OSError):
        writer.transport.set_write_buffer_limits(0)
        await writer.drain()
