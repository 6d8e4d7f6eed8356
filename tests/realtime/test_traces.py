"""The machine on real phone days, beside the usual per-fix rule, with the goals of REALTIME.md.

The references are another program's stays, not hand-marked truth: some of what does not match is theirs.
"""

import csv
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from realtime.fences import Fence, FenceEvent, FenceState, Machine, Transition, advance, replay
from realtime.positions import Fix, great_circle_metres, screen
from realtime.presences import Presence

PHONES = Path(__file__).parents[2] / ".." / "shared" / "data" / "realtime" / "phones"
TOLERANCE_SECONDS = 600.0
RADIUS_METRES = 100.0
AFTER_ALL = 2_000_000_000.0

pytestmark = pytest.mark.skipif(
    not PHONES.is_dir(), reason="the phone traces lie beside the project, and are not here"
)


@dataclass
class Place:
    """A fence where the reference knows stays; an arrival or departure outside the trace is None."""

    fence: Fence
    stays: list[tuple[float | None, float | None]]


@dataclass
class Score:
    """What was found of the reference, and what was told beside it."""

    evaluations: int = 0
    arrivals: list[bool] = field(default_factory=list)
    departures: list[bool] = field(default_factory=list)
    unmatched: int = 0

    @property
    def unmatched_per_thousand(self) -> float:
        return 1000 * self.unmatched / self.evaluations

    def add(self, place: Place, told: tuple[list[float], list[float]], evaluations: int) -> None:
        arrived, departed = told
        wanted_arrivals = [start for start, _ in place.stays if start is not None]
        wanted_departures = [end for _, end in place.stays if end is not None]
        self.evaluations += evaluations
        self.arrivals += self._matched(arrived, wanted_arrivals)
        self.departures += self._matched(departed, wanted_departures)

    def _matched(self, told: list[float], wanted: list[float]) -> list[bool]:
        left, found = list(told), []
        for instant in wanted:
            nearest = min(left, key=lambda at: abs(at - instant), default=None)
            hit = nearest is not None and abs(nearest - instant) <= TOLERANCE_SECONDS
            found.append(hit)
            if hit and nearest is not None:
                left.remove(nearest)
        self.unmatched += len(left)
        return found


def number(text: str) -> float | None:
    return float(text) if text else None


def longitude(text: str) -> float:
    """The traces are shifted past the date line, which no real device does."""
    return (float(text) + 180.0) % 360.0 - 180.0


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def traces() -> Iterator[tuple[tuple[Fix, ...], list[Place]]]:
    for path in sorted(PHONES.glob("*.stays.csv")):
        fixes = [
            Fix(
                float(row["ts"]),
                longitude(row["lon"]),
                float(row["lat"]),
                number(row["accuracy_m"]),
                number(row["speed_mps"]),
            )
            for row in rows(path.with_name(path.name.replace(".stays", "")))
        ]
        yield screen(fixes, now=AFTER_ALL, last=None).accepted, places(path)


def places(path: Path) -> list[Place]:
    """The reference's stays, those nearer than a fence's radius taken as one place."""
    found: list[Place] = []
    for row in rows(path):
        east, north = longitude(row["lon"]), float(row["lat"])
        times = (number(row["arrive_ts"]), number(row["depart_ts"]))
        for place in found:
            if great_circle_metres(east, north, place.fence.longitude, place.fence.latitude) < RADIUS_METRES:
                place.stays.append(times)
                break
        else:
            found.append(Place(Fence(f"{path.stem}-{len(found)}", east, north, RADIUS_METRES), [times]))
    return found


def begun(place: Place) -> Machine:
    """The machine as it stands when the trace begins within a stay."""
    if place.stays[0][0] is not None:
        return Machine()
    return Machine(presences={place.fence.key: Presence(FenceState.INSIDE, approached=True, arrivals=1)})


def by_machine(fixes: Sequence[Fix], place: Place) -> tuple[list[float], list[float]]:
    transitions = advance(begun(place), fixes, [place.fence]).transitions
    return (
        times_of(transitions, FenceEvent.ARRIVED, FenceEvent.REOPENED),
        times_of(transitions, FenceEvent.DEPARTED),
    )


def times_of(transitions: tuple[Transition, ...], *events: FenceEvent) -> list[float]:
    return [one.occurred_at for one in transitions if one.event in events]


def by_fix(fixes: Sequence[Fix], place: Place) -> tuple[list[float], list[float]]:
    """The usual rule: each fix is inside or outside, each change is told."""
    fence = place.fence
    inside = [
        great_circle_metres(fix.longitude, fix.latitude, fence.longitude, fence.latitude)
        <= fence.radius_metres
        for fix in fixes
    ]
    changes = [
        (fix.at, now)
        for (before, now), fix in zip(itertools.pairwise(inside), fixes[1:], strict=True)
        if now != before
    ]
    return [at for at, now in changes if now], [at for at, now in changes if not now]


def test_the_goals_hold_on_real_phone_days() -> None:
    machine, naive = Score(), Score()

    for fixes, found in traces():
        for place in found:
            machine.add(place, by_machine(fixes, place), len(fixes))
            naive.add(place, by_fix(fixes, place), len(fixes))

    assert (len(machine.arrivals), len(machine.departures)) == (49, 49)
    assert machine.unmatched_per_thousand <= 1.0  # the goal is 2; measured 0.63
    assert naive.unmatched_per_thousand >= 5 * machine.unmatched_per_thousand  # measured 12.6
    assert sum(machine.arrivals) / len(machine.arrivals) >= 0.93  # measured 46 of 49
    assert sum(machine.departures) / len(machine.departures) >= 0.88  # measured 44 of 49


def test_shuffled_doubled_and_batched_days_tell_the_same() -> None:
    chance = random.Random(20261123)  # noqa: S311  # a seed makes the shuffles the same in every run

    for fixes, found in traces():
        fences = [place.fence for place in found]
        once = replay(fixes, fences)
        for _ in range(10):
            shuffled = [*fixes, *chance.sample(fixes, k=len(fixes) // 3)]
            chance.shuffle(shuffled)
            assert replay(shuffled, fences) == once

        machine, transitions, at = Machine(), list[Transition](), 0
        while at < len(fixes):
            batch = fixes[at : at + chance.randint(1, 40)]
            step = advance(Machine.from_json(machine.to_json()), batch, fences)
            machine, at = step.machine, at + len(batch)
            transitions += step.transitions
        assert (machine, tuple(transitions)) == (once.machine, once.transitions)
