"""Mornings: a day of field service that has begun, with a good plan, and emergencies that come in at ten.

Everything is drawn from a seed: towns with visits around them, some across the country; skills, stock,
promised windows, targets and penalties by priority.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Plan, Stop
from optimizer.problem import Break, Pin, Planned, Problem, Technician, Visit, Window
from optimizer.search import solve

HOUR = 3600
SKILLS = ("gas", "power", "water", "lifts", "fire", "networks")
PARTS = ("valve", "fuse", "filter")
PENALTIES = {1: 120_000, 2: 50_000, 3: 24_000, 4: 14_000}
LATENESS = {1: 6, 2: 3, 3: 2, 4: 1}
NOW = 10 * HOUR
FULL = 1.03
"""Work drawn for each technician, of what eight hours hold with some 1,000 s of travel a visit."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Morning:
    """`problem` is the day at ten o'clock, emergencies and locks in it; `plan` is the one that stands."""

    problem: Problem
    plan: Plan
    emergencies: tuple[str, ...]
    locked: frozenset[str]
    """Visits that have begun, are dispatched or are pinned."""


def day(technicians: int, visits: int, seed: int) -> Problem:
    """A day before it begins."""
    draw = np.random.default_rng(seed)
    travel = _travel(draw, technicians, visits)
    team = tuple(_technician(draw, place) for place in range(technicians))
    mean = max(900.0, 8 * HOUR * FULL * technicians / visits - 1000)
    rows = tuple(_visit(draw, place, team=team, mean=mean) for place in range(visits))
    return Problem(technicians=team, visits=rows, travel_seconds=travel)


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


def _travel(draw: np.random.Generator, technicians: int, visits: int) -> NDArray[np.int32]:
    """Seconds between all places: slower in town, a minute to park, each way a little different."""
    side = 30_000 * (1 + technicians / 60) ** 0.5
    towns = draw.uniform(0, side, (max(3, technicians // 6), 2))
    size = technicians + visits
    places = towns[draw.integers(0, len(towns), size)] + draw.normal(0, side / 14, (size, 2))
    country = draw.random(size) < 0.3
    places[country] = draw.uniform(0, side, (int(country.sum()), 2))
    metres = 1.3 * np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    speed = 8 + 6 * np.minimum(1, metres / 20_000)
    seconds = metres / speed * draw.uniform(0.92, 1.12, (size, size)) + 60
    np.fill_diagonal(seconds, 0)
    return np.asarray(np.rint(seconds), np.int32)


def _technician(draw: np.random.Generator, place: int) -> Technician:
    start = int(7.5 * HOUR) + 1800 * int(draw.integers(0, 3))
    skills: list[str] = draw.choice(SKILLS, int(draw.integers(2, 5)), replace=False).tolist()
    return Technician(
        key=f"t{place}",
        start_location=place,
        end_location=place,
        shift_start=start,
        shift_end=start + int(8.5 * HOUR),
        skills=dict.fromkeys(skills, 1),
        stock={part: int(draw.integers(1, 6)) for part in PARTS},
        lunch=Break(int(11.5 * HOUR), int(13.5 * HOUR), 1800),
    )


def _visit(draw: np.random.Generator, place: int, *, team: tuple[Technician, ...], mean: float) -> Visit:
    priority = int(draw.choice([1, 2, 3, 4], p=[0.05, 0.2, 0.5, 0.25]))
    able = sorted(team[int(draw.integers(len(team)))].skills)
    count = int(draw.choice([0, 1, 2], p=[0.1, 0.75, 0.15]))
    window = _window(draw)
    due = max(window.start + 1800, int(draw.integers(18, 32)) * 1800) if draw.random() < 0.2 else None
    seconds = 300 * round(min(4 * HOUR, max(600.0, draw.gamma(6, mean / 6))) / 300)
    return Visit(
        key=f"v{place}",
        location=len(team) + place,
        service_seconds=seconds,
        windows=(window,),
        skills=dict.fromkeys(draw.permutation(able)[:count].tolist(), 1),
        parts={str(draw.choice(PARTS)): 1} if draw.random() < 0.18 else {},
        priority=priority,
        unassigned_penalty=PENALTIES[priority],
        due=due,
        lateness_weight=LATENESS[priority] if due is not None else 0,
    )


def _window(draw: np.random.Generator) -> Window:
    kind = draw.random()
    if kind < 0.3:
        start = int(draw.integers(16, 30)) * 1800
        return Window(start, start + 2 * HOUR)
    if kind < 0.45:
        return Window(8 * HOUR, 12 * HOUR)
    return Window(12 * HOUR, 17 * HOUR) if kind < 0.6 else Window(7 * HOUR, 17 * HOUR)


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
