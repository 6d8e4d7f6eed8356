"""Attacks: how long a healthy client waits at worst while each bomb comes in, and what memory it takes.

Four attackers send one bomb again and again for a while, or floods of requests of which each is new, or open
sockets and streams by the hundred; beside them one client, a process of its own, asks a point query, each
time as soon as it has its answer. First and last nobody attacks: what is then the longest wait is the own one
of the machine, whose load is told. Memory is the resident set of the server process above what it was before.

python3 run.py bench attacks [--seconds 2] [--only NAME] [--json FILE]
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.table import Table

from fieldgraph.addresses import APP_ROLE
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from tests.benchmarks.healthy import healthy
from tests.conftest import Database
from tests.fieldgraph.bombs import BOMBS, Bomb
from tests.fieldgraph.driven import Day, day
from tests.fieldgraph.floods import CROWDS, FLOODS

ATTACKERS = 4
GOAL_MILLISECONDS = 300.0
GOAL_MEGABYTES = 64.0
QUIET = "(nobody)"
Attack = Callable[[Day, float], Coroutine[Any, Any, list[int]]]
"""Goes on until an instant of `perf_counter`; answers the statuses or codes that it was answered."""


class Figure(NamedTuple):
    """One bomb: how often it was answered, and what it did to the others."""

    bomb: str
    answers: int
    statuses: list[int]
    healthy_median_ms: float
    healthy_worst_ms: float
    megabytes_more: float
    load: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each bomb")
    parser.add_argument("--only", action="append", help="this bomb; again for another")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    names = options.only or [*BOMBS, *FLOODS, *CROWDS]
    with tempfile.TemporaryDirectory(prefix="fieldgraph-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the account of the embedded server goes through it
        with EmbeddedPostgres(folder / "postgres") as postgres:
            asyncio.run(migrate(postgres.url()))
            database = Database("bench", postgres.url(), postgres.url(user=APP_ROLE))
            figures = asyncio.run(_measure(database, folder, names, seconds=options.seconds))
    _show(figures)
    if options.json:
        options.json.write_text(json.dumps([figure._asdict() for figure in figures], indent=1) + "\n")


async def _measure(database: Database, folder: Path, names: Sequence[str], *, seconds: float) -> list[Figure]:
    async with (
        day(database, folder, chosen={"apq": True}) as running,
        healthy(running.server.url, running.access["MANAGER"]) as client,
    ):

        async def figure(name: str, attack: Attack) -> Figure:
            await client.begin()
            statuses = await attack(running, time.perf_counter() + seconds)
            waits = await client.end()
            told, load = sorted(set(statuses)), os.getloadavg()[0]
            more = _resident(running) - before
            return Figure(name, len(statuses), told, waits[len(waits) // 2], waits[-1], more, load)

        before = 0.0
        await figure(QUIET, nobody)  # warm
        before = _resident(running)
        attacks = [(QUIET, nobody), *((name, attack_of(name)) for name in names), (QUIET, nobody)]
        return [await figure(name, attack) for name, attack in attacks]


async def nobody(_running: Day, until: float) -> list[int]:
    await asyncio.sleep(max(0.0, until - time.perf_counter()))
    return []


def attack_of(name: str) -> Attack:
    if name in CROWDS:
        return CROWDS[name]
    request = FLOODS[name].request if name in FLOODS else sent(BOMBS[name])

    async def attack(running: Day, until: float) -> list[int]:
        numbers = itertools.count()
        async with asking(running, "DISPATCHER") as client:
            attackers = (_attack(client, request, numbers, until) for _ in range(ATTACKERS))
            return list(itertools.chain(*await asyncio.gather(*attackers)))

    return attack


def sent(bomb: Bomb) -> Callable[[int], Mapping[str, Any]]:
    request = {"method": "POST", "url": "/graphql", "content": bomb.body, "headers": dict(bomb.headers)}
    return lambda _number: request


async def _attack(
    client: httpx.AsyncClient,
    request: Callable[[int], Mapping[str, Any]],
    numbers: "itertools.count[int]",
    until: float,
) -> list[int]:
    statuses: list[int] = []
    while time.perf_counter() < until:
        try:
            answer = await client.request(**request(next(numbers)))
        except (httpx.WriteError, httpx.ReadError):  # cut off: nobody reads so much
            statuses.append(0)
        else:
            statuses.append(answer.status_code)
    return statuses


def asking(running: Day, role: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {running.access[role]}"}
    return httpx.AsyncClient(base_url=running.server.url, headers=headers, timeout=60, trust_env=False)


def _resident(running: Day) -> float:
    """Megabytes of the server process."""
    for line in Path(f"/proc/{running.server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmRSS")


def _show(figures: Sequence[Figure]) -> None:
    table = Table("bomb", "answers", "statuses", "median ms", "worst ms", "MB more", "load")
    for one in figures:
        late = "bold" if one.healthy_worst_ms > GOAL_MILLISECONDS else ""
        table.add_row(
            one.bomb,
            str(one.answers),
            " ".join(map(str, one.statuses)),
            f"{one.healthy_median_ms:.1f}",
            f"{one.healthy_worst_ms:.1f}",
            f"{one.megabytes_more:+.1f}",
            f"{one.load:.1f}",
            style=late,
        )
    Console().print(table)
    bombs = [one for one in figures if one.bomb != QUIET]
    worst = max(bombs, key=lambda one: one.healthy_worst_ms)
    most = max(one.megabytes_more for one in bombs)
    sys.stdout.write(
        f"worst wait {worst.healthy_worst_ms:.0f} ms ({worst.bomb}; goal {GOAL_MILLISECONDS:.0f}),"
        f" memory {most:+.0f} MB (goal {GOAL_MEGABYTES:+.0f})\n"
    )


if __name__ == "__main__":
    main()
