"""Faults: what is malformed in a Problem, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # problem imports this module
    from optimizer.problem import Problem, Technician, Visit

PINS = ("TECHNICIAN", "TIME", "BOTH")


def faults(problem: "Problem") -> Iterator[str]:
    """Every fault, one sentence each."""
    matrix = problem.travel_seconds
    if matrix.ndim not in {2, 3} or matrix.shape[-2] != matrix.shape[-1]:
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
        yield from _technician_faults(technician, matrix.shape[-1])
    for visit in problem.visits:
        yield from _visit_faults(visit, matrix.shape[-1])
    yield from _key_faults(problem)


def _key_faults(problem: "Problem") -> Iterator[str]:
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


def _technician_faults(technician: "Technician", locations: int) -> Iterator[str]:
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


def _visit_faults(visit: "Visit", locations: int) -> Iterator[str]:
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
