"""Days: field-service days drawn by seed: a city, shifts, lunch, skills, parts, promises."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optimizer.instances.instance import Instance
from optimizer.problem import Break, Problem, Technician, Visit, Window

HOUR, HALF_HOUR = 3_600, 1_800
LUNCH = Break(11 * HOUR + HALF_HOUR, 13 * HOUR + HALF_HOUR, HALF_HOUR)
SHIFT_SECONDS = 8 * HOUR + HALF_HOUR
"""Shifts begin at 7:30, 8:00 or 8:30."""
SKILLS, PARTS = 6, 3
PENALTIES: Mapping[int, int] = {1: 120_000, 2: 50_000, 3: 24_000, 4: 14_000}
LATENESS: Mapping[int, int] = {1: 6, 2: 3, 3: 2, 4: 1}
PRIORITY_SHARES = (0.05, 0.2, 0.5, 0.25)
LOAD = 1.03
"""Work and travel, over the time there is: a little more than fits."""
TYPICAL_WAY_SECONDS = 1_000
DETOUR = 1.3
"""Road over straight line."""
STOP_SECONDS = 60
"""Of each way, to park."""


def generated(name: str) -> Instance:
    """The day of a name such as `generated:50x400:1`: technicians, visits and seed."""
    try:
        _, size, seed = name.split(":")
        technicians, visits = (int(number) for number in size.split("x"))
        problem = day(technicians, visits, seed=int(seed))
    except ValueError as error:
        raise ValueError(f"{name} is no generated day; one is generated:50x400:1") from error
    label = f"generated_{technicians}x{visits}_s{int(seed)}"
    return Instance(
        family="fsm_generated",
        name=label,
        problem=problem,
        measure="price",
        unit="seconds",
        optional=True,
    )


def day(technicians: int, visits: int, *, seed: int) -> Problem:
    """A day of so many technicians (at least one) and visits; equal seeds give equal days."""
    if technicians < 1 or visits < 0:
        raise ValueError("a day has a technician at least, and no fewer visits than none")
    draw = np.random.default_rng([seed, technicians, visits])
    crew = [_technician(draw, place) for place in range(technicians)]
    mean = max(900.0, technicians * 8 * HOUR * LOAD / max(1, visits) - TYPICAL_WAY_SECONDS)
    rows = [_visit(draw, place, crew=crew, mean=mean) for place in range(visits)]
    return Problem(
        technicians=tuple(crew),
        visits=tuple(rows),
        travel_seconds=_travel(_points(draw, technicians, technicians + visits), draw),
    )


def _points(draw: np.random.Generator, technicians: int, count: int) -> NDArray[np.float64]:
    """Metres east and north: seven in ten in a district, the others anywhere. More people, more city."""
    side = 30_000 * float(np.sqrt(1 + technicians / 60))
    districts = draw.uniform(0, side, (max(3, technicians // 6), 2))
    points = districts[draw.integers(0, len(districts), count)] + draw.normal(0, side / 14, (count, 2))
    anywhere = draw.random(count) < 0.3
    points[anywhere] = draw.uniform(0, side, (int(anywhere.sum()), 2))
    return np.clip(points, 0, side)


def _travel(points: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.int32]:
    """Seconds, not the same both ways: 8 m/s next door, up to 14 m/s from 15 km on."""
    metres = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    speed = 8 + 6 * np.minimum(1, metres / 15_000)
    seconds = metres * DETOUR / speed * draw.uniform(0.92, 1.12, metres.shape) + STOP_SECONDS
    np.fill_diagonal(seconds, 0)
    whole: NDArray[np.int32] = np.rint(seconds).astype(np.int32)
    return whole


def _technician(draw: np.random.Generator, place: int) -> Technician:
    start = 7 * HOUR + HALF_HOUR * int(draw.integers(1, 4))
    skills = draw.choice(SKILLS, int(draw.integers(2, 5)), replace=False).tolist()
    return Technician(
        key=f"t{place}",
        start_location=place,
        end_location=place,
        shift_start=start,
        shift_end=start + SHIFT_SECONDS,
        skills={str(skill): 1 for skill in sorted(skills)},
        stock={str(part): int(draw.integers(1, 6)) for part in range(PARTS)},
        lunch=LUNCH,
    )


def _visit(draw: np.random.Generator, place: int, *, crew: list[Technician], mean: float) -> Visit:
    window = _window(draw)
    priority = int(draw.choice([1, 2, 3, 4], p=PRIORITY_SHARES))
    hurried = draw.random() < 0.2
    due = max(int(draw.integers(18, 32)) * HALF_HOUR, window.start + HALF_HOUR)
    service = np.clip(draw.gamma(6, mean / 6), 600, 4 * HOUR)
    return Visit(
        key=f"v{place}",
        location=len(crew) + place,
        service_seconds=int(np.rint(service / 300)) * 300,
        windows=(window,),
        skills=_needs(draw, crew),
        parts={str(draw.integers(0, PARTS)): 1} if draw.random() < 0.18 else {},
        priority=priority,
        unassigned_penalty=PENALTIES[priority],
        due=due if hurried else None,
        lateness_weight=LATENESS[priority] if hurried else 0,
    )


def _needs(draw: np.random.Generator, crew: list[Technician]) -> dict[str, int]:
    """No skill, one or two, such as somebody has together."""
    known = sorted(crew[int(draw.integers(0, len(crew)))].skills)
    count = int(draw.choice([0, 1, 2], p=[0.1, 0.75, 0.15]))
    return {str(skill): 1 for skill in sorted(draw.choice(known, count, replace=False).tolist())}


def _window(draw: np.random.Generator) -> Window:
    """Two hours in three of ten, half a day in three of ten, else the whole day."""
    kind = draw.random()
    if kind < 0.3:
        start = int(draw.integers(16, 30)) * HALF_HOUR
        return Window(start, start + 2 * HOUR)
    if kind < 0.45:
        return Window(8 * HOUR, 12 * HOUR)
    if kind < 0.6:
        return Window(12 * HOUR, 17 * HOUR)
    return Window(7 * HOUR, 17 * HOUR)
