"""Reads: what the compiled graph's four reads cost beside the floor, the usual way and two Node servers.

fieldgraph_fifty is the same process, asked by fifty viewers in turn; static is a server with nothing behind
it, for the point read alone. Each goal is told with the median of its paired ratios.

python3 run.py bench reads [--scale 1] [--rounds 7] [--seconds 2] [--connections 8] [--json FILE]
                            [--only fieldgraph,floor,usual,postgraphile,mercurius]
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from fieldgraph.addresses import APP_ROLE
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from tests.benchmarks.goals import Verdict, verdicts
from tests.benchmarks.lineup import Installation, compile_reads, line_up
from tests.benchmarks.measure import Round, Server, load, ratio, typical
from tests.benchmarks.queries import OURS, leaves
from tests.benchmarks.world import World, fill

WARM_SECONDS = 0.5
FOREMOST = "fieldgraph"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _leave)
    names = options.only.split(",") if options.only else None
    memory = Path("/dev/shm")  # noqa: S108  # made by mkdtemp below, so nobody can have guessed the name
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-", dir=parent))
    folder.chmod(0o711)  # the account of the embedded server goes through it
    try:
        with EmbeddedPostgres(folder / "postgres", durable=False) as postgres, ExitStack() as stack:
            world = World.of(options.scale)
            _fill(postgres, world)
            reads = asyncio.run(
                compile_reads(postgres.url(), postgres.url(user=APP_ROLE), folder, world=world)
            )
            installation = Installation(
                postgres.url(), postgres.url(user=APP_ROLE), folder, world, reads, server_core=min(_cores())
            )
            servers = line_up(stack, installation, names)
            _compare(servers)
            os.sched_setaffinity(0, {max(_cores())})
            measured = asyncio.run(_measure(servers, options))
            loaded = next((one.resident_megabytes() for one in servers if one.name == FOREMOST), None)
        found = list(verdicts(measured, loaded))
        _print(measured)
        for verdict in found:
            _show(verdict.line())
        if options.json:
            _write(options.json, measured, found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 200 k work orders")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds of each read")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one server in one round")
    parser.add_argument("--connections", type=int, default=8, help="kept open, one request each at a time")
    parser.add_argument("--json", type=Path, help="write the medians to this file")
    parser.add_argument("--only", help="servers to start, with commas between them")
    return parser.parse_args(arguments)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Told to stop, we still end what we started."""
    sys.exit(128 + signal.SIGTERM)


def _cores() -> set[int]:
    return os.sched_getaffinity(0)


def _fill(postgres: EmbeddedPostgres, world: World) -> None:
    began = time.monotonic()
    asyncio.run(migrate(postgres.url()))
    asyncio.run(fill(postgres.url(), world))
    counts = ", ".join(f"{number:,} {name}" for name, number in world.counts.items())
    _say(f"{counts} in {time.monotonic() - began:.1f} s")


def _compare(servers: Sequence[Server]) -> None:
    """Raises RuntimeError unless every server gives the same data."""
    for read in OURS:
        able = [server for server in servers if read in server.requests]
        wanted = list(leaves(able[0].answer(read)))
        for server in able[1:]:
            found = list(leaves(server.answer(read)))
            if found != wanted:
                differ = [pair for pair in zip(wanted, found, strict=False) if pair[0] != pair[1]][:2]
                raise RuntimeError(
                    f"{server.name} answers {read} otherwise: {len(found)} values for {len(wanted)}; {differ}"
                )
        _say(f"{read}: {len(wanted):,} values, the same from {len(able)} servers")


Measured = dict[str, dict[str, list[Round]]]


async def _measure(servers: Sequence[Server], options: argparse.Namespace) -> Measured:
    """Each round asks every server, a different one first, so that noise falls on all of them alike."""
    measured: Measured = {
        read: {server.name: [] for server in servers if read in server.requests} for read in OURS
    }
    for read, found in measured.items():
        able = [server for server in servers if read in server.requests]
        for server in able:
            await load(server, read, min(WARM_SECONDS, options.seconds), connections=options.connections)
        for turn in range(options.rounds):
            _say(f"{read}: round {turn + 1} of {options.rounds}")
            start = turn % len(able)
            for server in (*able[start:], *able[:start]):
                one = await load(server, read, options.seconds, connections=options.connections)
                found[server.name].append(one)
    return measured


def _print(measured: Measured) -> None:
    _show(f"{'':22}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'MB':>6}   fieldgraph ÷ it")
    for read, servers in measured.items():
        _show(read)
        for name, rounds in servers.items():
            one = typical(rounds)
            line = (
                f"  {name:20}{one['rps']:11,.1f}{one['p50_ms']:9.2f}{one['p99_ms']:9.2f}"
                f"{one['cpu_ms']:9.3f}{one['rss_mb']:6.0f}"
            )
            if FOREMOST in servers and name != FOREMOST:
                middle, least, most = ratio(servers[FOREMOST], rounds)
                line += f"   {middle:.2f} ({least:.2f} to {most:.2f})"
            _show(line)


def _write(file: Path, measured: Measured, found: Sequence[Verdict]) -> None:
    medians = {
        read: {name: typical(rounds) for name, rounds in servers.items()}
        for read, servers in measured.items()
    }
    goals = [one.to_json() for one in found]
    file.write_text(json.dumps({"queries": medians, "goals": goals}, indent=1) + "\n")


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
