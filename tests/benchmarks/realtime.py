"""Realtime: what one change costs that thousands of sockets hear of, beside plain strawberry and raw frames.

Contenders: fieldgraph is `serve` with its own database; strawberry one generator and one queue a client, fed
in its process with rows read once; strawberry_reading the same where each client's generator reads its own;
raw a bare uvicorn that sends the bytes of our message; written the same with the frame made once. The real
change is pinVisit over HTTP, and the next is made when all have heard of the one before. Messages are counted
for each second of the server's processor, which makes the changes, too. All servers share one core; the
clients and Postgres have the rest.

python3 run.py bench realtime [--quick] [--sizes 100,1000,5000] [--rounds 3] [--messages 20000] [--json FILE]
                               [--scenes idle,fanout,cohorts,storm,slow] [--only strawberry,raw]
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from tests.benchmarks.contenders import Contender, Fieldgraph, Lineup, Pushed, Raw
from tests.benchmarks.figures import OURS, Round, paired, typical, verdicts, whole
from tests.benchmarks.queries import leaves
from tests.benchmarks.scenes import Scenes
from tests.benchmarks.stages import cores, open_files, staged
from tests.benchmarks.world import World

SCENES = ("idle", "fanout", "cohorts", "storm", "slow")
OPPONENTS = ("strawberry", "strawberry_reading", "raw")
WORLD = World(customers=2_000, days=10, technicians=300, parts=1)
"""Three hundred technicians: each has one visit a day, so a cohort is whoever watches one of them."""
Fanout = dict[str, dict[str, list[Round]]]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _leave)
    open_files()
    with staged(WORLD, _say) as stage, ExitStack() as stack:
        lineup = Lineup(stage, stack, core=min(cores()))
        os.sched_setaffinity(0, {max(cores())})
        contenders = _line_up(lineup, options.only.split(","))
        fanout, found = _play(lineup, contenders, options)
    _print(fanout, found)
    for verdict in verdicts(fanout, found):
        _show(verdict.line())
    if options.json:
        options.json.write_text(json.dumps(whole(fanout, found), indent=1) + "\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 sockets, one short round")
    parser.add_argument("--sizes", help="sockets of one cohort, with commas between them")
    parser.add_argument("--rounds", type=int, help="interleaved rounds of each size")
    parser.add_argument("--messages", type=int, help="told by one contender in one round")
    parser.add_argument("--json", type=Path, help="write the medians to this file")
    parser.add_argument("--scenes", default=",".join(SCENES), help="which to play")
    parser.add_argument("--only", default=",".join(OPPONENTS), help="opponents, with commas between them")
    options = parser.parse_args(arguments)
    usual = ("100,1000", 1, 4_000) if options.quick else ("100,1000,5000", 3, 20_000)
    options.scenes = options.scenes.split(",")
    options.sizes = [int(one) for one in (options.sizes or usual[0]).split(",")]
    options.rounds = options.rounds or usual[1]
    options.messages = options.messages or usual[2]
    return options


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Told to stop, we still end what we started."""
    sys.exit(128 + signal.SIGTERM)


def _line_up(lineup: Lineup, names: Sequence[str]) -> list[Contender]:
    """Ours always: the raw ones send a message of ours."""
    contenders: list[Contender] = [lineup.fieldgraph()]
    if "strawberry" in names:
        contenders.append(lineup.pushed("strawberry", reading=False))
    if "strawberry_reading" in names:
        contenders.append(lineup.pushed("strawberry_reading", reading=True))
    if "raw" in names:
        contenders.extend(lineup.raw())
    return contenders


def _play(
    lineup: Lineup, contenders: Sequence[Contender], options: argparse.Namespace
) -> tuple[Fanout, dict[str, Any]]:
    scenes = Scenes(options.messages, options.rounds, _say)
    _compare(scenes, contenders)
    written = {one.name: scenes.warm(one) for one in contenders}
    found: dict[str, Any] = {
        "written_cpu_ms": {name: round(cost * 1000, 3) for name, cost in written.items()},
        "cores": os.cpu_count(),
    }
    fanout: Fanout = {}
    for size in sorted(options.sizes, reverse=True):  # memory is told by the first that are opened
        able = [one for one in contenders if one.most >= size]
        _say(f"{size:,} sockets: opening")
        idle = {one.name: scenes.idle(one, size) for one in able if one.name != "written"}
        found.setdefault("idle", idle)
        if "fanout" in options.scenes:
            _say(f"{size:,} sockets: {options.rounds} rounds")
            fanout[str(size)] = scenes.fanout(able, size, written)
        for one in able:
            if one.name != "written":
                one.close()
    if "cohorts" in options.scenes:
        _say("1,000 sockets in 200 cohorts")
        able = [one for one in contenders if isinstance(one, Fieldgraph | Pushed) and one.share == 1]
        rounds = {one.name: scenes.cohorts(one, 1000, 200, written=written[one.name]) for one in able}
        found["cohorts"] = {name: typical(theirs) for name, theirs in rounds.items()}
    found.update(_alone(scenes, lineup, options, beside=contenders[0]))
    return dict(sorted(fanout.items(), key=lambda one: int(one[0]))), found


def _alone(
    scenes: Scenes, lineup: Lineup, options: argparse.Namespace, *, beside: Contender
) -> dict[str, Any]:
    """What ours plays without opponents, on new servers: one that has let 5,000 go has room for the slow."""
    sockets, changes = (200, 60) if options.quick else (1000, 100)
    found: dict[str, Any] = {}
    if "slow" in options.scenes:
        _say(f"{sockets:,} sockets of which a tenth stops reading")
        usual = lineup.fieldgraph("fieldgraph_usual", beside=beside)
        slowed = lineup.fieldgraph("fieldgraph_slowed", beside=beside)
        found["slow"] = scenes.slow(usual, slowed, sockets, changes)
    if "storm" in options.scenes:
        _say("1,000 sockets cut and resumed")
        alone = lineup.fieldgraph("fieldgraph_alone", beside=beside)
        scenes.warm(alone)
        found["storm"] = scenes.storm(alone, 1000, missed=5)
    return found


def _compare(scenes: Scenes, contenders: Sequence[Contender]) -> None:
    """Raises RuntimeError unless all tell as many values; the raw ones are given a message of ours."""
    told: dict[str, tuple[str, str]] = {}
    for one in contenders:
        if isinstance(one, Fieldgraph | Pushed):
            one.open(1)
            (mark,) = scenes.marks(1)
            told[one.name] = mark, one.change([mark], 1)["sample"]
            one.close()
    mark, ours = told[OURS]
    wanted = len(list(leaves(json.loads(ours)["payload"]["data"])))
    for name, (_, theirs) in told.items():
        found = len(list(leaves(json.loads(theirs)["payload"]["data"])))
        _say(f"{name}: {len(theirs)} bytes a message, {found} values")
        if found != wanted:
            raise RuntimeError(f"{name} tells {found} values, fieldgraph {wanted}: {theirs}")
    for one in contenders:
        if isinstance(one, Raw):
            one.sample, one.sample_mark = ours, mark


def _print(fanout: Fanout, found: dict[str, Any]) -> None:
    _show(f"{found['cores']} cores, shared by servers, clients and Postgres: ratios tell, not the figures")
    _show(
        f"{'':22}{'messages/s/core':>16}{'told alone':>12}{'p50 ms':>9}{'p99 ms':>9}{'client':>8}"
        "   fieldgraph ÷ it"
    )
    for size, contenders in fanout.items():
        _show(f"{int(size):,} sockets of one cohort")
        for name, rounds in contenders.items():
            line = _line(name, typical(rounds))
            if name != OURS and OURS in contenders:
                middle, least, most = paired(contenders[OURS], rounds, "messages_per_s")
                line += f"   {middle:.2f} ({least:.2f} to {most:.2f})"
            _show(line)
    if "cohorts" in found:
        _show("1,000 sockets in 200 cohorts")
        for name, figures in found["cohorts"].items():
            _show(_line(name, figures))
    for name, figures in found.get("idle", {}).items():
        _show(
            f"{figures['sockets']:,} idle, {name}: {figures['kb_per_socket']:.1f} kB, connect"
            f" {figures['connect_ms']:.2f} ms, subscribe {figures['subscribe_ms']:.2f} ms, CPU of both"
            f" {figures['cpu_ms']:.2f} ms a socket"
        )
    for name in ("written_cpu_ms", "storm", "slow"):
        if name in found:
            _show(f"{name}: {json.dumps(found[name])}")


def _line(name: str, one: dict[str, float]) -> str:
    return (
        f"  {name:20}{one['messages_per_s']:16,.0f}{one['told_per_s']:12,.0f}{one['p50_ms']:9.1f}"
        f"{one['p99_ms']:9.1f}{one['client_busy']:8.0%}"
    )


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
