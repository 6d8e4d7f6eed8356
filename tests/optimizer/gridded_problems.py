"""Random small days whose every time is a multiple of the brute force's step."""

from typing import Any

import numpy as np

from optimizer.problem import (
    Absence,
    Break,
    Dependency,
    Depot,
    Planned,
    Policy,
    Problem,
    Technician,
    Visit,
    Window,
)
from tests.optimizer.gridded import STEP

KEYS = ("t0", "t1")


def gridded_problem(seed: int, *, visits: int = 3) -> Problem:
    """Two technicians over six hours, each feature of a Problem now and then."""
    draw = np.random.default_rng(seed)
    size = visits + 3
    travel = draw.integers(0, 3, (size, size)).astype(np.int32) * STEP
    rows = tuple(_visit(draw, place) for place in range(visits))
    return Problem(
        technicians=tuple(_technician(draw, place) for place in range(2)),
        visits=rows,
        travel_seconds=travel,
        policy=_policy(draw),
        depots=(_depot(draw, size - 1),) if draw.random() < 0.6 else (),
        dependencies=(_dependency(draw),) if draw.random() < 0.5 else (),
        day_starts=(0, 5 * STEP),
    )


def _policy(draw: np.random.Generator) -> Policy:
    return Policy(
        travel_weight=int(draw.integers(0, 3)),
        change_technician_price=int(draw.integers(0, 900)),
        change_start_price=int(draw.integers(0, 2)) * 700,
        start_tolerance_seconds=int(draw.integers(0, 2)) * STEP,
        overtime_weight=int(draw.integers(0, 3)),
        not_preferred_price=int(draw.integers(0, 500)),
        outside_territory_price=None if draw.random() < 0.2 else int(draw.integers(0, 500)),
        fairness_weight=int(draw.integers(0, 300)),
        customer_value_weight=int(draw.integers(0, 100)),
    )


def _some(draw: np.random.Generator, chance: float, value: Any) -> Any:
    return value if draw.random() < chance else None


def _technician(draw: np.random.Generator, place: int) -> Technician:
    first = int(draw.integers(0, 3)) * STEP
    away = int(draw.integers(1, 9)) * STEP
    skilled, ending = draw.random() < 0.8, draw.random() < 0.3
    return Technician(
        key=KEYS[place],
        start_location=place,
        end_location=place,
        shift_start=first,
        shift_end=first + int(draw.integers(7, 12)) * STEP,
        skills={"gas": int(draw.integers(1, 3))} if skilled else {},
        certified_until={"gas": int(draw.integers(2, 10)) * STEP} if skilled and ending else {},
        stock={"valve": int(draw.integers(0, 3))},
        tools=frozenset({"crane"}) if draw.random() < 0.5 else frozenset(),
        lunch=_some(draw, 0.5, Break(4 * STEP, 6 * STEP, STEP)),
        absences=(Absence(away, away + STEP),) if draw.random() < 0.4 else (),
        overtime_limit_seconds=int(draw.integers(0, 2)) * STEP,
        longest_seconds=_some(draw, 0.2, 8 * STEP),
        most_visits=_some(draw, 0.2, 2),
        hourly_price=int(draw.integers(0, 3)) * 177,
        shift_price=int(draw.integers(0, 2)) * 900,
        territories=frozenset({"north"}) if draw.random() < 0.5 else frozenset(),
        available_from=_some(draw, 0.2, 2 * STEP),
    )


def _visit(draw: np.random.Generator, place: int) -> Visit:
    first = int(draw.integers(0, 6)) * STEP
    windows = [Window(first, first + 2 * STEP)] if draw.random() < 0.6 else []
    if windows and draw.random() < 0.4:
        windows.append(Window(first + 4 * STEP, first + 6 * STEP))
    planned = Planned(str(draw.choice(KEYS)), first + STEP) if draw.random() < 0.4 else None
    pin = str(draw.choice(["TECHNICIAN", "TIME", "BOTH"])) if planned and draw.random() < 0.3 else None
    return Visit(
        key=f"v{place}",
        location=2 + place,
        service_seconds=int(draw.integers(1, 3)) * STEP,
        windows=tuple(windows),
        skills={"gas": int(draw.integers(1, 3))} if draw.random() < 0.3 else {},
        crew=({"gas": 1} if draw.random() < 0.3 else {},) if draw.random() < 0.3 else (),
        parts={"valve": int(draw.integers(1, 3))} if draw.random() < 0.4 else {},
        tools=frozenset({"crane"}) if draw.random() < 0.2 else frozenset(),
        unassigned_penalty=int(draw.integers(1, 12)) * 2500,
        customer_value=int(draw.integers(0, 20)),
        due=_some(draw, 0.4, first),
        lateness_weight=int(draw.integers(0, 3)),
        planned=planned,
        pin=pin,  # type: ignore[arg-type]  # drawn from the three pins
        forbidden=frozenset(KEYS[:1]) if draw.random() < 0.1 else frozenset(),
        preferred=frozenset(KEYS[1:]) if draw.random() < 0.2 else frozenset(),
        territory=_some(draw, 0.3, "north"),
    )


def _depot(draw: np.random.Generator, location: int) -> Depot:
    return Depot(
        key="store",
        location=location,
        service_seconds=int(draw.integers(0, 2)) * STEP,
        stock=_some(draw, 0.6, {"valve": int(draw.integers(0, 4))}),
        tools=_some(draw, 0.5, frozenset({"crane"}) if draw.random() < 0.5 else frozenset()),
    )


def _dependency(draw: np.random.Generator) -> Dependency:
    return Dependency(
        first="v0",
        second="v1",
        gap_seconds=int(draw.integers(0, 3)) * STEP,
        longest_gap_seconds=_some(draw, 0.4, 4 * STEP),
        same_day=bool(draw.random() < 0.4),
    )
