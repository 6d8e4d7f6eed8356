"""Faults: what is malformed in a Problem, in words.

Names that point at nothing in `forbidden`, `preferred` and `planned` are no faults: technicians come and go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from optimizer import links

if TYPE_CHECKING:  # problem imports this module
    from optimizer.problem import Depot, Policy, Problem, Technician, Visit

PINS = ("TECHNICIAN", "TIME", "BOTH")
MOST = 1 << 40
"""Beyond it (35,000 years, or a million millions of a price) sums would leave int64."""


MOST_DEPOTS = 62


def faults(problem: "Problem") -> Iterator[str]:
    """Every fault, one sentence each."""
    matrix = problem.travel_seconds
    if matrix.ndim not in {2, 3} or matrix.shape[-2] != matrix.shape[-1]:
        yield f"travel_seconds has the shape {matrix.shape}, a square matrix is needed"
        return
    oversized = list(_oversized(problem, "the problem"))
    if oversized:
        yield from oversized
        return
    if matrix.size and int(matrix.min()) < 0:
        yield "travel_seconds has a negative time"
    if matrix.size and int(matrix.max()) >= 1 << 31:
        yield "travel_seconds has a time of 2^31 seconds or more"
    if len(problem.depots) > MOST_DEPOTS:
        yield f"{len(problem.depots)} depots are too many, {MOST_DEPOTS} can be told apart"
    yield from _time_faults(problem)
    yield from _policy_faults(problem.policy)
    for technician in problem.technicians:
        yield from _technician_faults(technician, matrix.shape[-1])
    for visit in problem.visits:
        yield from _visit_faults(visit, matrix.shape[-1])
    for depot in problem.depots:
        yield from _depot_faults(depot, matrix.shape[-1])
    yield from links.link_faults(problem)


def _oversized(value: Any, where: str) -> Iterator[str]:
    """Every number that is too large to reckon with."""
    if isinstance(value, int) and not -MOST <= value <= MOST:
        yield f"{where} is beyond {MOST} either way"
    elif is_dataclass(value):
        name = getattr(value, "key", None)
        inside = where if name is None else f"{type(value).__name__.lower()} {name}"
        for field in fields(value):
            yield from _oversized(getattr(value, field.name), f"{field.name} of {inside}")
    elif isinstance(value, tuple):
        for each in value:
            yield from _oversized(each, where)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _oversized(each, f"{key} in {where}")


def _time_faults(problem: "Problem") -> Iterator[str]:
    matrix, slices = problem.travel_seconds, problem.travel_slices
    matrices = matrix.shape[0] if matrix.ndim == 3 else 1
    if len(slices) != matrices:
        yield f"travel_slices has {len(slices)} starts for {matrices} matrices"
    for name, starts in (("travel_slices", slices), ("day_starts", problem.day_starts)):
        if not _ascends(starts):
            yield f"{name} does not ascend: {', '.join(map(str, starts))}"


def _ascends(starts: Sequence[int]) -> bool:
    return all(earlier < later for earlier, later in pairwise(starts))


def _negative(value: object, names: Sequence[str]) -> list[str]:
    """Those of the fields that are below zero."""
    return [name for name in names if (getattr(value, name) or 0) < 0]


def _policy_faults(policy: "Policy") -> Iterator[str]:
    names = [field.name for field in fields(policy) if field.name != "hold_planned_starts"]
    for name in _negative(policy, names):
        yield f"the policy has a negative {name}"


def _technician_faults(technician: "Technician", locations: int) -> Iterator[str]:
    name = f"technician {technician.key}"
    if not (0 <= technician.start_location < locations and 0 <= technician.end_location < locations):
        yield f"{name} starts or ends outside the {locations} locations of the matrix"
    if technician.shift_end < technician.shift_start:
        yield f"{name} ends the shift at {technician.shift_end}, before it starts"
    limits = ("overtime_limit_seconds", "longest_seconds", "most_visits", "hourly_price", "shift_price")
    for field in _negative(technician, limits):
        yield f"{name} has a negative {field}"
    if any(amount < 0 for amount in technician.stock.values()):
        yield f"{name} has a negative stock"
    if any(level < 0 for level in technician.skills.values()):
        yield f"{name} has a negative level of a skill"
    for skill in sorted(set(technician.certified_until) - {*technician.skills, *technician.expired_skills}):
        yield f"{name} has a certificate for {skill}, which is not among the skills"
    lunch = technician.lunch
    if lunch is not None and (lunch.latest < lunch.earliest or lunch.seconds <= 0):
        yield f"{name} has a lunch without room: {lunch.earliest} to {lunch.latest} for {lunch.seconds} s"
    yield from _absence_faults(technician)


def _absence_faults(technician: "Technician") -> Iterator[str]:
    over = None
    for absence in sorted(technician.absences, key=lambda absence: (absence.start, absence.end)):
        if absence.end <= absence.start:
            yield (
                f"technician {technician.key} has an absence that ends at {absence.end}, not after its"
                f" start {absence.start}"
            )
        elif over is not None and absence.start < over:
            yield f"technician {technician.key} has absences that overlap at {absence.start}"
        over = absence.end if over is None else max(over, absence.end)


def _visit_faults(visit: "Visit", locations: int) -> Iterator[str]:
    name = f"visit {visit.key}"
    if not 0 <= visit.location < locations:
        yield f"{name} is at location {visit.location}, outside the {locations} of the matrix"
    if visit.service_seconds < 0:
        yield f"{name} has a negative service time"
    if not 1 <= visit.priority <= 4:
        yield f"{name} has the priority {visit.priority}, 1 to 4 is known"
    for field in _negative(visit, ("unassigned_penalty", "lateness_weight", "customer_value")):
        yield f"{name} has a negative {field}"
    if any(window.end < window.start for window in visit.windows):
        yield f"{name} has a window that ends before it starts"
    levels = [level for seat in (visit.skills, *visit.crew) for level in seat.values()]
    if any(amount < 0 for amount in (*visit.parts.values(), *levels)):
        yield f"{name} needs a negative number of a part or a negative level"
    if visit.pin is not None and visit.pin not in PINS:
        yield f"{name} has the pin {visit.pin}; TECHNICIAN, TIME and BOTH are known"
    if visit.pin is not None and visit.planned is None:
        yield f"{name} is pinned but nothing is planned for it"


def _depot_faults(depot: "Depot", locations: int) -> Iterator[str]:
    name = f"depot {depot.key}"
    if not 0 <= depot.location < locations:
        yield f"{name} is at location {depot.location}, outside the {locations} of the matrix"
    if depot.service_seconds < 0:
        yield f"{name} has a negative service time"
    if any(amount < 0 for amount in (depot.stock or {}).values()):
        yield f"{name} has a negative stock"
