"""A healthy client in a process of its own, which waits for the server and not for the attackers.

Each line of its input begins or ends a stretch of questions; at an end it tells their milliseconds as JSON.
"""

import asyncio
import json
import os
import select
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.fieldgraph.running import CHECKOUT

QUESTION = {"query": "{ viewer { role } }"}
TOKEN = "FIELDGRAPH_BENCH_TOKEN"  # the name of a variable


class Healthy:
    """The process, as the benchmark sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._said, self._heard = process.stdin, process.stdout

    async def begin(self) -> None:
        self._said.write(b"begin\n")
        await self._said.drain()

    async def end(self) -> list[float]:
        """How long each answer took, in milliseconds, sorted."""
        self._said.write(b"end\n")
        await self._said.drain()
        waits: list[float] = json.loads(await self._heard.readline())
        return sorted(waits)


@asynccontextmanager
async def healthy(url: str, token: str) -> AsyncIterator[Healthy]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.healthy", url),
        cwd=CHECKOUT,
        env=os.environ | {TOKEN: token},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16_000_000,
    )
    try:
        yield Healthy(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def main() -> None:
    url, headers = sys.argv[1], {"authorization": f"Bearer {os.environ[TOKEN]}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        while sys.stdin.readline():
            waits: list[float] = []
            while not waits or not select.select([sys.stdin], [], [], 0)[0]:
                began = time.perf_counter()
                client.post("/graphql", json=QUESTION).raise_for_status()
                waits.append((time.perf_counter() - began) * 1000)
            sys.stdin.readline()
            sys.stdout.write(json.dumps(waits) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
