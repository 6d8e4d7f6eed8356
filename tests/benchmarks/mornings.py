"""Mornings: a day of field service that has begun, with a good plan, and emergencies that come in at ten.

The day is one of days.py; its last visits come in as emergencies.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.plan import Plan, Stop
from optimizer.problem import Pin, Planned, Problem, Visit, Window
from optimizer.search import solve
from tests.benchmarks.days import HOUR, LATENESS, PENALTIES

NOW = 10 * HOUR


@dataclass(frozen=True)
class Morning:
    """`problem` is the day at ten o'clock, emergencies and locks in it; `plan` is the one that stands."""

    problem: Problem
    plan: Plan
    emergencies: tuple[str, ...]
    locked: frozenset[str]
    """Visits that have begun, are dispatched or are pinned."""


def morning(day: Problem, *, emergencies: int, locked: float, seed: int, seconds: float) -> Morning:
    """The day at ten: planned for so many seconds without the emergencies, which are its last visits."""
    before = replace(day, visits=day.visits[:-emergencies])
    plan = solve(before, seconds=seconds, seed=seed)
    rows = {row.key: row for row in before.visits}
    spots = {stop.visit: (route.technician, stop) for route in plan.routes for stop in route.stops}
    heads = {route.technician: _head(route.stops) for route in plan.routes}
    fixed = {key for head in heads.values() for key in head}
    free = [key for key in spots if key not in fixed]
    count = max(0, round(locked * len(spots)) - len(fixed))
    pinned = set(np.random.default_rng(seed).permutation(free)[:count].tolist())
    for key, (technician, stop) in spots.items():
        pin: Pin | None = "BOTH" if key in pinned else None
        rows[key] = replace(rows[key], planned=Planned(technician, stop.start), pin=pin)
    team = tuple(replace(row, fixed=heads[row.key]) for row in day.technicians)
    urgent = tuple(_urgent(row) for row in day.visits[-emergencies:])
    problem = replace(
        day,
        technicians=team,
        visits=(*rows.values(), *urgent),
        earliest_start=NOW,
        policy=replace(day.policy, hold_planned_starts=True),
    )
    return Morning(problem, plan, tuple(row.key for row in urgent), frozenset(fixed | pinned))


def moved(before: Plan, after: Plan) -> list[str]:
    """Visits of the plan that stands whose technician is another one now, or nobody."""
    new = after.technicians()
    return [key for key, technician in before.technicians().items() if new.get(key) != technician]


def broken(case: Morning, after: Plan) -> list[str]:
    """Locked visits that are elsewhere: with another technician, or (begun or pinned) at another time."""
    starts = {stop.visit: stop.start for route in after.routes for stop in route.stops}
    new = after.technicians()
    rows = {row.key: row for row in case.problem.visits}
    found = []
    for key in sorted(case.locked):
        planned = rows[key].planned
        stays = planned is not None and new.get(key) == planned.technician
        if stays and planned is not None and (rows[key].pin or planned.start <= NOW):
            stays = starts[key] == planned.start
        if not stays:
            found.append(key)
    return found


def _head(stops: tuple[Stop, ...]) -> tuple[str, ...]:
    """What has begun by now, and what the technician is on the way to."""
    return tuple(stop.visit for stop in stops if stop.arrive - stop.travel_seconds < NOW)


def _urgent(row: Visit) -> Visit:
    """The same place and skills, at once: priority 1, to be begun by five, late from one o'clock on."""
    return replace(
        row,
        service_seconds=2700,
        windows=(Window(NOW, 17 * HOUR),),
        priority=1,
        unassigned_penalty=PENALTIES[1],
        due=13 * HOUR,
        lateness_weight=LATENESS[1],
    )
