"""Frames that no message of ours is made of: too large, too many, or never read."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fieldgraph.transport import wires
from fieldgraph.transport.wires import FRAGMENTS_MOST, Wire
from tests.fieldgraph.transport.conftest import Doors, until
from tests.patience import PATIENCE_SECONDS

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
TEXT, CONTINUATION, PING = 1, 0, 9


@asynccontextmanager
async def raw(doors: Doors) -> AsyncIterator[Streams]:
    """A socket past its handshake, whose frames are made by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /graphql HTTP/1.1",
        "Host: x",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Protocol: graphql-transport-ws",
        "",
        "",
    ]
    writer.write("\r\n".join(lines).encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    yield reader, writer
    writer.transport.abort()


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    head = bytes([opcode | (0x80 if final else 0), 0x80 | len(payload)])
    return head + b"\0\0\0\0" + payload


async def test_a_large_frame_is_refused_by_its_head(doors: Doors) -> None:
    async with raw(doors) as (reader, writer):
        writer.write(bytes([0x81, 0xFF]) + struct.pack("!Q", 65_537) + b"\0\0\0\0")
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await reader.read()

    assert said[:1] == b"\x88"
    assert struct.unpack("!H", said[2:4]) == (1009,)
    await until(lambda: not doors.websocket._connections)


async def test_a_message_in_pieces_has_the_same_size(doors: Doors) -> None:
    async with raw(doors) as (reader, writer):
        writer.write(frame(TEXT, b"x" * 125, final=False))
        writer.write(frame(CONTINUATION, b"x" * 125, final=False) * 524)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await reader.read()

    assert struct.unpack("!H", said[2:4]) == (1009,)


async def test_a_message_of_empty_pieces_has_an_end(doors: Doors) -> None:
    async with raw(doors) as (reader, writer):
        writer.write(frame(TEXT, b"", final=False))
        writer.write(frame(CONTINUATION, b"", final=False) * FRAGMENTS_MOST)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
    await until(lambda: not doors.websocket._connections)


async def test_who_pings_reads_the_answers(doors: Doors) -> None:
    async with raw(doors) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket reads

        async def flood() -> None:
            while True:
                writer.write(frame(PING, b"x" * 125) * 1_000)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flood(), PATIENCE_SECONDS)
    await until(lambda: not doors.websocket._connections)


@pytest.mark.parametrize("size", [7, 64, 8_192])
async def test_what_arrives_at_once_is_read_in_slices_and_all_of_it(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    read: list[int] = []
    whole = WebSocketsSansIOProtocol.data_received

    def data_received(self: Wire, data: bytes) -> None:
        if self.handshake_initiated:
            read.append(len(data))
        whole(self, data)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", data_received)
    monkeypatch.setattr(wires, "SLICE_BYTES", size)
    pings = [b'{"type":"ping","payload":{"n":%d}}' % number for number in range(300)]
    async with raw(doors) as (reader, writer):
        writer.write(b"".join(frame(TEXT, ping) for ping in pings))
        async with asyncio.timeout(PATIENCE_SECONDS):
            for ping in pings:
                pong = ping.replace(b"ping", b"pong")
                assert await reader.readexactly(len(pong) + 2) == bytes([0x81, len(pong)]) + pong
            # and reading goes on afterwards
            writer.write(frame(TEXT, b'{"type":"ping"}'))
            assert await reader.readexactly(17) == b'\x81\x0f{"type":"pong"}'

    assert max(read) <= size
    assert sum(read) == sum(len(ping) + 6 for ping in pings) + 21
