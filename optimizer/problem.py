"""The Problem: everything one optimizer run decides about, as plain values.

Every time is int seconds since an origin the caller chose; every location is an index into the square,
asymmetric `travel_seconds` (row: from, column: to). Prices and penalties are ints of one currency, in
which one second of travel costs `Policy.travel_weight`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pin = Literal["TECHNICIAN", "TIME", "BOTH"]
PINS = ("TECHNICIAN", "TIME", "BOTH")


@dataclass(frozen=True, slots=True)
class Window:
    """A visit may start from `start` to `end`, both included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Break:
    """A break of `seconds` that must start from `earliest` to `latest` and never splits a service.

    It is owed only by a technician who is free at `latest` or before and whose route ends after it.
    """

    earliest: int
    latest: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What stands today for a visit: the change price is paid against it, pins hold it."""

    technician: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The weights of the objective and how the plan that stands is treated."""

    travel_weight: int = 1
    """Price of one second of travel."""
    change_technician_price: int = 600
    """Paid once for each planned visit that goes to another technician."""
    change_start_price: int = 0
    """Paid once for each planned visit whose start moves by more than `start_tolerance_seconds`."""
    start_tolerance_seconds: int = 900
    overtime_weight: int = 2
    """Price of one second between the end of the shift and the end of the route."""
    hold_planned_starts: bool = False
    """True: on its planned technician a visit waits until its planned start less the tolerance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Technician:
    """One technician on one day (a second day is a second technician with its own key)."""

    key: str
    start_location: int
    end_location: int
    shift_start: int
    shift_end: int
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill → level, of those whose certification is good on the day."""
    stock: Mapping[str, int] = field(default_factory=dict)
    """Part → pieces in the van, those held for this Problem's visits included."""
    lunch: Break | None = None
    overtime_limit_seconds: int = 0
    """The route must end by the end of the shift plus this."""
    fixed: tuple[str, ...] = ()
    """Visits started or dispatched, in order, at the head of the route: facts, never refused or moved."""
    available_from: int | None = None
    """No movable visit's travel starts before it; None: the start of the shift."""
    expired_skills: frozenset[str] = frozenset()
    """Skills left out of `skills` only because their certification has expired (for reasons)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit to be placed, or to be left out at `unassigned_penalty`."""

    key: str
    location: int
    service_seconds: int
    windows: tuple[Window, ...] = ()
    """It starts within any of them; none given: at any time."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill → level that the technician needs."""
    parts: Mapping[str, int] = field(default_factory=dict)
    priority: int = 3
    """1 (highest) to 4."""
    unassigned_penalty: int = 50_000
    due: int | None = None
    """The soft target: each second that the start is later costs `lateness_weight`."""
    lateness_weight: int = 0
    planned: Planned | None = None
    pin: Pin | None = None
    """What of `planned` must hold when the visit is assigned; it is left out only where it cannot."""
    forbidden: frozenset[str] = frozenset()
    """Technicians who may not be sent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """One run's input. `earliest_start` is now: no movable visit's travel starts before it."""

    technicians: tuple[Technician, ...]
    visits: tuple[Visit, ...]
    travel_seconds: NDArray[np.int32]
    policy: Policy = field(default_factory=Policy)
    earliest_start: int = 0

    def check(self) -> None:
        """Raise ValueError with one sentence about the first thing that is malformed."""
        for fault in _faults(self):
            raise ValueError(fault)

    def to_json(self) -> str:
        """This problem as text; equal problems give equal bytes."""
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Problem":
        """The problem that `to_json` wrote."""
        data = json.loads(text)
        locations = len(data["travel_seconds"])
        matrix = np.array(data["travel_seconds"], dtype=np.int32).reshape(locations, locations)
        return cls(
            technicians=tuple(_technician(row) for row in data["technicians"]),
            visits=tuple(_visit(row) for row in data["visits"]),
            travel_seconds=matrix,
            policy=Policy(**data["policy"]),
            earliest_start=data["earliest_start"],
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: int(amount) for key, amount in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _technician(row: dict[str, Any]) -> Technician:
    lunch = row["lunch"]
    return Technician(
        **row
        | {
            "lunch": None if lunch is None else Break(**lunch),
            "fixed": tuple(row["fixed"]),
            "expired_skills": frozenset(row["expired_skills"]),
        }
    )


def _visit(row: dict[str, Any]) -> Visit:
    planned = row["planned"]
    return Visit(
        **row
        | {
            "windows": tuple(Window(**window) for window in row["windows"]),
            "planned": None if planned is None else Planned(**planned),
            "forbidden": frozenset(row["forbidden"]),
        }
    )


def _faults(problem: Problem) -> Iterator[str]:
    matrix = problem.travel_seconds
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        yield f"travel_seconds has the shape {matrix.shape}, a square matrix is needed"
        return
    if matrix.size and int(matrix.min()) < 0:
        yield "travel_seconds has a negative time"
    policy = problem.policy
    if min(policy.travel_weight, policy.change_technician_price, policy.change_start_price) < 0:
        yield "the policy has a negative weight"
    if min(policy.overtime_weight, policy.start_tolerance_seconds) < 0:
        yield "the policy has a negative overtime weight or tolerance"
    for technician in problem.technicians:
        yield from _technician_faults(technician, len(matrix))
    for visit in problem.visits:
        yield from _visit_faults(visit, len(matrix))
    yield from _key_faults(problem)


def _key_faults(problem: Problem) -> Iterator[str]:
    for word, keys in (
        ("technicians", [technician.key for technician in problem.technicians]),
        ("visits", [visit.key for visit in problem.visits]),
        ("fixed visits", [key for technician in problem.technicians for key in technician.fixed]),
    ):
        if len(set(keys)) != len(keys):
            yield f"two {word} share the key {next(key for key in keys if keys.count(key) > 1)}"
    known = {visit.key for visit in problem.visits}
    for technician in problem.technicians:
        for key in technician.fixed:
            if key not in known:
                yield f"technician {technician.key} has the fixed visit {key}, which is not in the problem"


def _technician_faults(technician: Technician, locations: int) -> Iterator[str]:
    name = f"technician {technician.key}"
    if not (0 <= technician.start_location < locations and 0 <= technician.end_location < locations):
        yield f"{name} starts or ends outside the {locations} locations of the matrix"
    if technician.shift_end < technician.shift_start:
        yield f"{name} ends the shift at {technician.shift_end}, before it starts"
    if technician.overtime_limit_seconds < 0:
        yield f"{name} has a negative overtime limit"
    if any(amount < 0 for amount in technician.stock.values()):
        yield f"{name} has a negative stock"
    lunch = technician.lunch
    if lunch is not None and (lunch.latest < lunch.earliest or lunch.seconds <= 0):
        yield f"{name} has a lunch without room: {lunch.earliest} to {lunch.latest} for {lunch.seconds} s"


def _visit_faults(visit: Visit, locations: int) -> Iterator[str]:
    name = f"visit {visit.key}"
    if not 0 <= visit.location < locations:
        yield f"{name} is at location {visit.location}, outside the {locations} of the matrix"
    if visit.service_seconds < 0:
        yield f"{name} has a negative service time"
    if not 1 <= visit.priority <= 4:
        yield f"{name} has the priority {visit.priority}, 1 to 4 is known"
    if visit.unassigned_penalty < 0 or visit.lateness_weight < 0:
        yield f"{name} has a negative penalty or lateness weight"
    if any(window.end < window.start for window in visit.windows):
        yield f"{name} has a window that ends before it starts"
    if any(amount < 0 for amount in (*visit.parts.values(), *visit.skills.values())):
        yield f"{name} needs a negative number of a part or a negative level"
    if visit.pin is not None and visit.pin not in PINS:
        yield f"{name} has the pin {visit.pin}; TECHNICIAN, TIME and BOTH are known"
    if visit.pin is not None and visit.planned is None:
        yield f"{name} is pinned but nothing is planned for it"
