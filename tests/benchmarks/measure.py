"""Measure: a pinned server process, load on it over keep-alive connections, and what the rounds say."""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 180.0  # this machine may be busy with tests


@dataclass(frozen=True)
class Request:
    """What is sent, ready for the wire."""

    body: bytes
    authorization: str = ""
    path: str = "/graphql"

    def wire(self, port: int) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Authorization: {self.authorization}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True)
class Server:
    """One process that answers: `requests` holds, for each read, what it is asked in turn."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    requests: Mapping[str, Sequence[Request]] = field(default_factory=dict)

    def cpu_seconds(self) -> float:
        """User and system time so far; fields 14 and 15 of proc(5)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_megabytes(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def answer(self, read: str) -> Any:
        """The data of one read. Raises RuntimeError with the server's own words when there is none."""
        asked = self.requests[read][0]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{asked.path}",
            asked.body,
            {"Content-Type": "application/json", "Authorization": asked.authorization},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # our own server
                found = json.load(response)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name} refuses {read}: {error.read()[:400]!r}") from error
        if found.get("errors"):
            raise RuntimeError(f"{self.name} refuses {read}: {str(found['errors'])[:400]}")
        return found["data"]


@dataclass(frozen=True)
class Round:
    """What one server did in one round of one read."""

    rps: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    rss_mb: float


@contextmanager
def started(
    command: Sequence[str], port: int, *, core: int, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A server on one core, from when its port answers until it has ended; its words are in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own servers
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
        try:
            os.sched_setaffinity(process.pid, {core})
            _wait(process, port, log)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            except urllib.error.HTTPError as error:
                if error.code == 503:  # it says itself that it is not ready
                    continue
            return
        time.sleep(0.1)
    raise RuntimeError(f"A server did not start: {log.read_text(errors='replace')[-800:]}")


async def load(server: Server, read: str, seconds: float, *, connections: int) -> Round:
    """As many requests as get through in that time, the next on a connection when it has its answer."""
    wires = cycle([request.wire(server.port) for request in server.requests[read]])
    spent: list[float] = []
    before, began = server.cpu_seconds(), time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_ask(server, wires, until, spent=spent) for _ in range(connections)))
    elapsed, cpu = time.perf_counter() - began, server.cpu_seconds() - before
    spent.sort()
    return Round(
        rps=len(spent) / elapsed,
        p50_ms=spent[len(spent) // 2] * 1000,
        p99_ms=spent[len(spent) * 99 // 100] * 1000,
        cpu_ms=cpu / len(spent) * 1000,
        rss_mb=server.resident_megabytes(),
    )


async def _ask(server: Server, wires: Iterator[bytes], until: float, *, spent: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=16 * 1024 * 1024)
    try:
        for turn in count():
            began = time.perf_counter()
            if began >= until and turn:
                return
            writer.write(next(wires))
            await _read(reader, server.name)
            spent.append(time.perf_counter() - began)
    finally:
        writer.close()
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, name: str) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"{name} answers {head[:60]!r}")
    length = head.find(b"content-length: ")
    if length >= 0:
        await reader.readexactly(int(head[length + 16 : head.index(b"\r\n", length)]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


def typical(rounds: Sequence[Round]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    names = ("rps", "p50_ms", "p99_ms", "cpu_ms", "rss_mb")
    return {name: round(statistics.median(getattr(one, name) for one in rounds), 3) for name in names}


def ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> tuple[float, float, float]:
    """Median, least and greatest of ours over theirs, each pair taken in the same round."""
    pairs = [one.rps / other.rps for one, other in zip(ours, theirs, strict=True)]
    return statistics.median(pairs), min(pairs), max(pairs)
