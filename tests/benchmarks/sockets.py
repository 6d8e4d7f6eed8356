"""Sockets: the load, one process with thousands of bare WebSocket clients, which makes the changes as well.

Each line of its input is a command as JSON, each line of its output the answer. So one clock tells when a
change was asked for and when each socket heard of it.
"""

import asyncio
import gc
import json
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

import uvloop

from fieldgraph import lifelines
from tests.benchmarks.figures import spread
from tests.benchmarks.frames import CLOSE, PING, PONG, TEXT, Frames, handshake, masked

PATIENCE_SECONDS = 180.0
ASKED, ANSWERED = b'{"type":"ping"', masked(TEXT, b'{"type":"pong"}')
CURSOR = b'"cursor":"'
FIRST = b'"next"'
HERE = "HERE"
"""Stands in a subscription where the socket's own cursor belongs."""
KEPT_SECONDS = 2.0
"""A connection is used again within; uvicorn closes it after 5, which a change may take to be told."""
SEGMENT_BYTES = 1_448
SMALL_BYTES = 4_096
"""A network's segments and a small window: over loopback the kernel alone would hold megabytes."""


class Socket(asyncio.Protocol):
    """One client: connecting, greeting, subscribing, then counting what comes."""

    __slots__ = ("_frames", "_head", "crowd", "last", "slow", "step", "transport", "wanted")

    def __init__(self, crowd: "Crowd", *, slow: bool) -> None:
        self.crowd = crowd
        self.slow = slow
        self.last = b""
        self.step: asyncio.Future[bytes] | None = None
        self.wanted = b"HTTP/1.1 101"
        self._frames = Frames()
        self._head: bytes | None = b""

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self.crowd.lost.append("cut")
        self._stepped(None)

    def data_received(self, data: bytes) -> None:
        now = monotonic()
        if self._head is not None:
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = None if end else head
            if not end:
                return
            self._stepped(head)
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                self._told(payload, now)
            elif opcode == PING:
                self.transport.write(masked(PONG, payload))
            elif opcode == CLOSE:
                self.crowd.lost.append(payload.decode("latin-1"))

    def _told(self, payload: bytes, now: float) -> None:
        if payload.startswith(ASKED):
            self.transport.write(ANSWERED)
            return
        is_greeted = self.step is None or self.wanted == FIRST
        self._stepped(payload)
        if is_greeted:
            self.last = payload
            self.crowd.told(payload, now)

    async def take(self, message: bytes, wanted: bytes) -> None:
        """Says something and waits for an answer that holds `wanted`. Raises RuntimeError for another."""
        self.wanted = wanted
        self.step = asyncio.get_running_loop().create_future()
        self.transport.write(message)
        answer = await self.step
        if wanted not in answer:
            raise RuntimeError(f"The server answers {answer[:300]!r}")

    def _stepped(self, answer: bytes | None) -> None:
        step, self.step = self.step, None
        if step is not None and not step.done():
            step.set_result(b"nothing" if answer is None else answer)

    def cursor(self) -> str:
        start = self.last.index(CURSOR) + len(CURSOR)
        return self.last[start : self.last.index(b'"', start)].decode()


class Crowd:
    """All sockets to one server."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.cursors: list[str] = []
        self.lost: list[str] = []
        self.given: dict[str, Any] = {}
        self.expect(b"\0", 0)

    def expect(self, mark: bytes, number: int) -> None:
        """From now on so many sockets are to hear of this change."""
        self.mark, self.expected = mark, number
        self.arrivals: list[float] = []
        self.others: list[bytes] = []
        self.done = asyncio.Event()
        if not number:
            self.done.set()

    def told(self, payload: bytes, now: float) -> None:
        if self.mark in payload:
            self.arrivals.append(now)
            if len(self.arrivals) == self.expected:
                self.done.set()
        else:
            self.others.append(payload)

    async def finish(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.done.wait()
        except TimeoutError:
            found = (
                f"{len(self.arrivals)} of {self.expected} heard; others {self.others[:1]}, {self.lost[:1]}"
            )
            raise RuntimeError(found) from None

    async def open(self, given: dict[str, Any]) -> dict[str, Any]:
        """Connects and greets all, then subscribes all; how long each took of both."""
        self.given = given
        began = monotonic()
        greeted = await _all(given["at_once"], (self._greet(n) for n in range(given["count"])))
        connected = monotonic()
        subscribed = await _all(given["at_once"], (self._subscribe(n) for n in range(given["count"])))
        return {
            "connect_ms": (connected - began) / given["count"] * 1000,
            "subscribe_ms": (monotonic() - connected) / given["count"] * 1000,
            "connecting": spread(greeted),
            "subscribing": spread(subscribed),
        }

    async def _greet(self, n: int) -> None:
        given, loop = self.given, asyncio.get_running_loop()
        line = socket.socket()
        line.setblocking(False)
        if _is_slow(n, given):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        await loop.sock_connect(line, ("127.0.0.1", given["port"]))
        _, one = await loop.create_connection(lambda: Socket(self, slow=_is_slow(n, given)), sock=line)
        self.sockets.append(one)
        await one.take(handshake(given["port"], given["path"]), b" 101 ")
        greetings = given["greetings"]
        if greetings:
            greeting = greetings[n * len(greetings) // given["count"]]
            await one.take(masked(TEXT, greeting.encode()), b'"connection_ack"')

    async def _subscribe(self, n: int) -> None:
        given = self.given
        if not given["subscriptions"]:
            return
        text = given["subscriptions"][n % len(given["subscriptions"])]
        if self.cursors:
            text = text.replace(HERE, self.cursors[n])
        await self.sockets[n].take(masked(TEXT, text.encode()), FIRST)

    async def change(self, given: dict[str, Any]) -> dict[str, Any]:
        """One change after the other, each when all have heard of the one before."""
        latencies: list[float] = []
        written: list[float] = []
        stray, last = 0, b""
        asked = began = monotonic()
        spent = time.process_time()
        reader, writer = await asyncio.open_connection("127.0.0.1", given["port"])
        for mark, wire, number in given["changes"]:
            self.expect(mark.encode(), number)
            if monotonic() - asked > KEPT_SECONDS:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", given["port"])
            asked = monotonic()
            writer.write(wire.encode())
            await _answer(reader)
            written.append(monotonic() - asked)
            await self.finish()
            latencies.extend(at - asked for at in self.arrivals)
            stray += len(self.others)
        elapsed, busy = monotonic() - began, time.process_time() - spent
        writer.close()
        if self.sockets:
            last = self.sockets[-1].last
        return {
            "messages": len(latencies),
            "seconds": elapsed,
            "latency": spread(latencies),
            "written": spread(written),
            "others": stray,
            "lost": len(self.lost),
            "sample": last.decode(),
            "busy": busy / elapsed,
        }

    async def pause(self, _given: dict[str, Any]) -> dict[str, Any]:
        """The slow ones read no more."""
        paused = [one for one in self.sockets if one.slow]
        for one in paused:
            one.transport.pause_reading()
        return {"paused": len(paused)}

    async def cut(self, given: dict[str, Any]) -> dict[str, Any]:
        """All lines at once, without a word; `cursors`: each remembers where it stood."""
        self.cursors = [one.cursor() for one in self.sockets] if given["cursors"] else []
        for one in self.sockets:
            one.transport.abort()
        number = len(self.sockets)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.lost) < number:  # noqa: ASYNC110  # the loop tells each of its own
                await asyncio.sleep(0.01)
        self.sockets, self.lost = [], []
        return {"cut": number}

    async def resume(self, given: dict[str, Any]) -> dict[str, Any]:
        """All again at once, from their cursors, until each has heard of the newest change."""
        self.expect(given["mark"].encode(), self.given["count"])
        began = monotonic()
        opened = await self.open({**self.given, **given})
        await self.finish()
        last = max(self.arrivals) - began
        caught = spread([at - began for at in self.arrivals])
        return {"seconds": last, "caught_up": caught, "missed": len(self.others), **opened}


def _is_slow(n: int, given: Mapping[str, Any]) -> bool:
    """Whether it is one of those that will stop reading: every so many-th; none where that is 0."""
    return bool(given["slow"]) and n % given["slow"] == 0


async def _all(at_once: int, steps: Iterable[Coroutine[Any, Any, None]]) -> list[float]:
    """Runs them, so many at a time; the seconds of each."""
    spent: list[float] = []
    waiting: Iterator[Coroutine[Any, Any, None]] = iter(steps)

    async def take() -> None:
        for step in waiting:
            began = monotonic()
            await asyncio.wait_for(step, PATIENCE_SECONDS)
            spent.append(monotonic() - began)

    await asyncio.gather(*(take() for _ in range(at_once)))
    return spent


async def _answer(reader: asyncio.StreamReader) -> None:
    """Raises RuntimeError for a change that was not made."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 200 " not in head[:20] or b'"errors"' in body or b'"code"' in body:
        raise RuntimeError(f"The change was refused: {body[:300]!r}")


async def _serve() -> None:
    crowd, loop = Crowd(), asyncio.get_running_loop()
    commands: dict[str, Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]] = {
        "open": crowd.open,
        "change": crowd.change,
        "pause": crowd.pause,
        "cut": crowd.cut,
        "resume": crowd.resume,
    }
    reader = asyncio.StreamReader(limit=1 << 28)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        given = json.loads(line)
        try:
            answer = await commands[given["do"]](given)
        except Exception as error:  # noqa: BLE001  # whatever it is, the benchmark tells it
            answer = {"error": f"{given['do']}: {type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        gc.collect()


def main(_arguments: Sequence[str] | None = None) -> None:
    lifelines.hold()
    gc.disable()  # collected between commands, so that no pause of ours is taken for the server's
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
