"""Problems for the tests: small ones by hand, random ones by seed, the field-service instances by file."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.problem import Break, Planned, Policy, Problem, Technician, Visit, Window

HOUR = 3600
INSTANCES = Path(__file__).parents[2] / ".." / "shared" / "data" / "optimizer" / "fsm_generated"


def line(*places: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Travel between places on a line, in seconds."""
    points = np.array(places, dtype=np.int32)
    return np.abs(np.subtract.outer(points, points)).astype(np.int32)


def technician(key: str = "Ada", **fields: Any) -> Technician:
    """Someone at location 0 who works from 0 to 8 hours."""
    row: dict[str, Any] = {"start_location": 0, "end_location": 0, "shift_start": 0, "shift_end": 8 * HOUR}
    return Technician(key=key, **row | fields)


def visit(key: str = "a", location: int = 1, **fields: Any) -> Visit:
    """An hour of work."""
    row: dict[str, Any] = {"service_seconds": HOUR}
    return Visit(key=key, location=location, **row | fields)


def problem(technicians: list[Technician], visits: list[Visit], **fields: Any) -> Problem:
    """Locations 600 s apart on a line unless another matrix is given."""
    size = 1 + max([0, *(each.location for each in visits)])
    places = line(*(600 * place for place in range(size)))
    return Problem(
        **{"technicians": tuple(technicians), "visits": tuple(visits), "travel_seconds": places} | fields
    )


def random_problem(seed: int, *, technicians: int, visits: int, begun: bool = True) -> Problem:
    """A small day with everything in it: travel without triangles, lunch, pins, parts, fixed heads."""
    draw = np.random.default_rng(seed)
    locations = technicians + visits
    travel = draw.integers(60, 2400, (locations, locations)).astype(np.int32)
    keys = [f"t{place}" for place in range(technicians)]
    rows = [_random_visit(draw, place, technicians=keys) for place in range(visits)]
    heads: list[tuple[str, ...]] = [()] * technicians
    if begun and visits > 2 and technicians:
        rows[0] = _fixed(rows[0], start=HOUR)
        rows[1] = _fixed(rows[1], start=3 * HOUR)
        heads[0] = ("v0", "v1") if draw.random() < 0.5 else ("v0",)
    return Problem(
        technicians=tuple(_random_technician(draw, place, head=head) for place, head in enumerate(heads)),
        visits=tuple(rows),
        travel_seconds=travel,
        policy=Policy(
            change_technician_price=int(draw.integers(0, 900)),
            change_start_price=int(draw.integers(0, 2)) * 400,
            start_tolerance_seconds=600,
            overtime_weight=int(draw.integers(0, 4)),
            hold_planned_starts=bool(draw.random() < 0.3),
        ),
        earliest_start=int(draw.choice([0, 2 * HOUR, 5 * HOUR])) if begun else 0,
    )


def _random_technician(draw: np.random.Generator, place: int, *, head: tuple[str, ...]) -> Technician:
    lunch = Break(4 * HOUR, 5 * HOUR, 1800) if draw.random() < 0.7 else None
    return Technician(
        key=f"t{place}",
        start_location=place,
        end_location=place,
        shift_start=int(draw.integers(0, 3)) * 1800,
        shift_end=int(draw.integers(7, 10)) * HOUR,
        skills={name: int(draw.integers(1, 4)) for name in ("gas", "power") if draw.random() < 0.7},
        stock={"valve": int(draw.integers(0, 3))},
        lunch=lunch,
        overtime_limit_seconds=int(draw.integers(0, 2)) * 1800,
        fixed=head,
        available_from=int(draw.integers(0, 3)) * HOUR if draw.random() < 0.3 else None,
    )


def _random_visit(draw: np.random.Generator, place: int, *, technicians: list[str]) -> Visit:
    first = int(draw.integers(0, 14)) * 1800
    windows = [Window(first, first + 2 * HOUR)] if draw.random() < 0.6 else []
    if windows and draw.random() < 0.4:
        windows.append(Window(first + 3 * HOUR, first + 4 * HOUR))
    planned = None
    if technicians and draw.random() < 0.4:
        planned = Planned(str(draw.choice(technicians)), first + 900)
    pin = str(draw.choice(["TECHNICIAN", "TIME", "BOTH"])) if planned and draw.random() < 0.3 else None
    return Visit(
        key=f"v{place}",
        location=len(technicians) + place,
        service_seconds=int(draw.integers(1, 10)) * 600,
        windows=tuple(windows),
        skills={"gas": int(draw.integers(1, 4))} if draw.random() < 0.3 else {},
        parts={"valve": 1} if draw.random() < 0.3 else {},
        priority=int(draw.integers(1, 5)),
        unassigned_penalty=int(draw.integers(1, 12)) * 2000,
        due=first + HOUR if draw.random() < 0.4 else None,
        lateness_weight=int(draw.integers(0, 4)),
        planned=planned,
        pin=pin,  # type: ignore[arg-type]  # drawn from the three pins
        forbidden=frozenset(technicians[:1]) if draw.random() < 0.1 else frozenset(),
    )


def _fixed(row: Visit, *, start: int) -> Visit:
    return visit(row.key, row.location, service_seconds=row.service_seconds, planned=Planned("t0", start))


def instance(name: str) -> Problem:
    """A generated field-service day; the test is skipped where the shared data is not beside the checkout."""
    path = INSTANCES / f"{name}.json.gz"
    if not path.exists():
        pytest.skip(f"the shared instance {name} is not beside the checkout")
    data = json.loads(gzip.decompress(path.read_bytes()))
    return Problem(
        technicians=tuple(_instance_technician(data, place) for place in range(data["nt"])),
        visits=tuple(_instance_visit(data, place) for place in range(data["nv"])),
        travel_seconds=np.array(data["D"], dtype=np.int32),
    )


def _instance_technician(data: dict[str, Any], place: int) -> Technician:
    return Technician(
        key=f"t{place}",
        start_location=place,
        end_location=place,
        shift_start=data["ss"][place],
        shift_end=data["se"][place],
        skills={str(skill): 1 for skill, has in enumerate(data["tsk"][place]) if has},
        stock={str(part): count for part, count in enumerate(data["stock"][place])},
        lunch=Break(41_400, 48_600, 1_800),
    )


def _instance_visit(data: dict[str, Any], place: int) -> Visit:
    return Visit(
        key=f"v{place}",
        location=data["nt"] + place,
        service_seconds=data["serv"][place],
        windows=(Window(data["e"][place], data["l"][place]),),
        skills={str(skill): 1 for skill, needs in enumerate(data["vsk"][place]) if needs},
        parts={str(part): count for part, count in enumerate(data["parts"][place]) if count},
        priority=data["prio"][place],
        unassigned_penalty=data["pen"][place],
        due=data["sla"][place],
        lateness_weight=data["wl"][place],
    )
