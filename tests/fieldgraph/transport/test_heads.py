"""Heads that have no end, come too slowly, or are no heads at all."""

import asyncio

import pytest

from fieldgraph.transport import heads
from tests.fieldgraph.transport.asking import HELLO
from tests.fieldgraph.transport.conftest import Doors
from tests.patience import PATIENCE_SECONDS

POST = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n"
PIECE = 10_000


async def said(doors: Doors, first: bytes, piece: bytes = b"", pieces: int = 0) -> tuple[bytes, int]:
    """What the server says until it closes, and how many pieces could be sent to it before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    answer = asyncio.create_task(reader.read())
    sent = 0
    try:
        writer.write(first)
        for _ in range(pieces):
            if answer.done():
                break
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
            sent += 1
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer, sent
    except ConnectionError:
        return b"", sent
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"GET /", b"x" * PIECE),
        (b"GET / HTTP/1.1\r\nx: ", b"x" * PIECE),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n" * (PIECE // 6)),
        (b"GET / HTTP/1.1\r\n", b"x" * PIECE),
        (b"", b"\r\n" * (PIECE // 2)),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * PIECE),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * (PIECE // 6)),
    ],
    ids=["address", "header", "headers", "name", "empty lines", "extension of a chunk", "trailers"],
)
async def test_nothing_but_a_body_has_no_end(doors: Doors, first: bytes, piece: bytes) -> None:
    answer, sent = await said(doors, first, piece, pieces=100)

    assert sent < 30
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 4"))


async def test_a_long_head_is_refused_with_its_status(doors: Doors) -> None:
    answer, _ = await said(doors, b"GET / HTTP/1.1\r\nx: ", b"x" * heads.HEAD_BYTES_MOST, pieces=1)

    assert answer == heads.LARGE


async def test_heads_within_the_bound_are_answered_one_after_the_other(doors: Doors) -> None:
    head = POST.format(doors.token()) + f"X: {'x' * 60_000}\r\nContent-Length: {len(HELLO)}\r\n"
    last = f"{head}Connection: close\r\n"

    requests = (head + "\r\n").encode() + HELLO + (last + "\r\n").encode() + HELLO
    answer, _ = await said(doors, requests)

    assert answer.count(b"HTTP/1.1 200 ") == 2


async def test_a_body_may_come_in_the_smallest_pieces(doors: Doors) -> None:
    head = POST.format(doors.token()) + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = HELLO[:-1] + b" " * 30_000 + b"}"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    answer, _ = await said(doors, head.encode(), chunks, pieces=1)

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.fixture
async def hurried(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> Doors:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.05)
    return doors


@pytest.mark.parametrize("first", [b"", b"GET /gra", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_is_waited_for_only_so_long(hurried: Doors, first: bytes) -> None:
    assert await said(hurried, first) == (b"", 0)


async def test_the_next_head_is_not_hurried_while_an_answer_is_due(hurried: Doors) -> None:
    """The first request's body comes late; half of the second one's head is there with it."""
    head = POST.format(hurried.token()) + f"Content-Length: {len(HELLO)}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried.port)
    writer.write(f"{head}\r\n".encode())
    await asyncio.sleep(0.2)
    writer.write(HELLO)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.readuntil(b"}}")
    writer.transport.abort()

    assert answer.startswith(b"HTTP/1.1 200 ")
