"""Patches: how long they take and how large they are, beside jsonpatch's, on a board of 500 visits.

`python -m tests.benchmarks.patches` prints ratios: ours ÷ jsonpatch.make_patch, both from bytes to bytes.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jsonpatch
import orjson

from realtime import patches

Board = dict[str, Any]
ROUNDS = 5


class Figures(NamedTuple):
    """Of one kind of change."""

    whole_bytes: int
    bytes: int
    theirs_bytes: int
    milliseconds: float
    theirs_milliseconds: float

    def line(self, name: str) -> str:
        return (
            f"{name:24} {self.bytes:6} of {self.whole_bytes} bytes in {self.milliseconds:6.2f} ms; jsonpatch"
            f" {self.theirs_bytes:6} in {self.theirs_milliseconds:6.2f} ms: ratios"
            f" {self.bytes / self.theirs_bytes:.2f} and {self.milliseconds / self.theirs_milliseconds:.2f}"
        )


def board(number: int = 500) -> Board:
    return {"visits": {"totalCount": number, "edges": [edge(n) for n in range(number)]}}


def edge(n: int) -> Board:
    visit = {
        "id": f"vis1_{n:08}",
        "state": "SCHEDULED",
        "planned": {"start": f"2026-11-23T{n % 24:02}:00:00Z", "end": None},
        "site": {"id": f"sit1_{n % 90}", "name": f"Site {n % 90}", "timeZone": "Europe/Helsinki"},
        "assignments": [{"id": f"asg1_{n}", "technician": {"id": f"tec1_{n % 40}", "name": f"T {n % 40}"}}],
    }
    return {"cursor": f"c{n}", "node": visit}


def state(one: Board) -> None:
    one["visits"]["edges"][250]["node"]["state"] = "DISPATCHED"


def insertion(one: Board) -> None:
    one["visits"]["edges"].insert(1, edge(9_000))
    one["visits"]["totalCount"] += 1


def removal(one: Board) -> None:
    del one["visits"]["edges"][1]
    one["visits"]["totalCount"] -= 1


def move(one: Board) -> None:
    edges = one["visits"]["edges"]
    edges.insert(400, edges.pop(20))


def a_tenth(one: Board) -> None:
    for n in range(0, 500, 10):
        one["visits"]["edges"][n]["node"]["planned"] = {"start": "2026-11-24T08:00:00Z", "end": None}


CHANGES: dict[str, Callable[[Board], None]] = {
    "one state": state,
    "one visit comes": insertion,
    "one visit goes": removal,
    "one visit moves": move,
    "a tenth is planned anew": a_tenth,
}


def measured(change: Callable[[Board], None]) -> Figures:
    old, new = board(), copy.deepcopy(board())
    change(new)
    before, after = orjson.dumps(old), orjson.dumps(new)

    def ours() -> bytes:
        return patches.between(orjson.loads(before), orjson.loads(after)) or after

    def theirs() -> bytes:
        return orjson.dumps(jsonpatch.make_patch(orjson.loads(before), orjson.loads(after)).patch)

    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for spent, make in zip(times, (ours, theirs), strict=True):
            began = time.perf_counter()
            make()
            spent.append(1_000 * (time.perf_counter() - began))
    return Figures(len(after), len(ours()), len(theirs()), *map(statistics.median, times))


def main() -> None:
    for name, change in CHANGES.items():
        sys.stdout.write(measured(change).line(name) + "\n")


if __name__ == "__main__":
    main()
