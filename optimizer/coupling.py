"""Coupling: what binds routes to each other: who covers which visit, crews, and dependent visits."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from optimizer.case import Case
from optimizer.plan import Plan, Stop
from optimizer.problem import Dependency, Visit

Served = Mapping[str, Sequence[tuple[str, Stop]]]
"""Visit → (technician, stop) of each of its stops."""


def coupling_violations(case: Case, plan: Plan) -> Iterator[str]:
    """Every rule between routes that the plan breaks, depots' stock apart."""
    served: dict[str, list[tuple[str, Stop]]] = {}
    for route in plan.routes:
        for stop in route.stops:
            served.setdefault(stop.visit, []).append((route.technician, stop))
    yield from _coverage(case, plan, served=served)
    yield from _heads(case, plan)
    for key, stops in served.items():
        visit = case.visits.get(key)
        if visit is not None:
            yield from _fact(case, visit, stops) if key in case.facts else _crew(visit, stops)
    for dependency in case.problem.dependencies:
        # A fact is never refused, so what it should have waited for binds it no longer.
        if dependency.second not in case.facts:
            yield from _dependency(case, dependency, served)


def _coverage(case: Case, plan: Plan, *, served: Served) -> Iterator[str]:
    out = Counter(row.visit for row in plan.unassigned)
    for key in dict.fromkeys([*served, *out]):
        visit = case.visits.get(key)
        times = max(Counter(stop.seat for _, stop in served.get(key, ())).values(), default=0) + out[key]
        if visit is None:
            yield f"visit {key} is not in the problem"
        elif times > 1:
            yield f"visit {key} is in the plan {times} times"
        elif key in served and out[key]:
            yield f"visit {key} is assigned and unassigned"
    for visit in case.problem.visits:
        if visit.key not in served and not out[visit.key]:
            yield f"visit {visit.key} is neither assigned nor unassigned"


def _heads(case: Case, plan: Plan) -> Iterator[str]:
    for key, times in Counter(route.technician for route in plan.routes).items():
        if times > 1:
            yield f"{key} has {times} routes"
        if key not in case.technicians:
            yield f"the route of {key} belongs to no technician of the problem"
    routed = {route.technician: {stop.visit for stop in route.stops} for route in plan.routes}
    for technician in case.problem.technicians:
        for key in technician.fixed:
            if key not in routed.get(technician.key, set()):
                yield f"visit {key} has been started or dispatched by {technician.key} and is not there"


def _fact(case: Case, visit: Visit, stops: Sequence[tuple[str, Stop]]) -> Iterator[str]:
    """A fixed visit is where it is, with the seats that its technicians have, and nowhere else."""
    for technician, _ in stops:
        if technician not in case.facts[visit.key]:
            yield f"visit {visit.key} is fixed with others and cannot be given to {technician}"
    yield from _one_seat_each(visit, stops)
    seats = sorted(stop.seat for _, stop in stops)
    if seats and (seats[0] != 0 or seats[-1] > len(visit.crew)):
        yield f"visit {visit.key} has the seats 0 to {len(visit.crew)}, the plan fills {seats}"


def _crew(visit: Visit, stops: Sequence[tuple[str, Stop]]) -> Iterator[str]:
    seats = sorted(stop.seat for _, stop in stops)
    if seats != list(range(1 + len(visit.crew))):
        yield f"visit {visit.key} needs the seats 0 to {len(visit.crew)}, the plan fills {seats}"
    yield from _one_seat_each(visit, stops)
    starts = sorted({stop.start for _, stop in stops})
    if len(starts) > 1:
        yield f"visit {visit.key}: its crew does not start together but at {starts}"


def _one_seat_each(visit: Visit, stops: Sequence[tuple[str, Stop]]) -> Iterator[str]:
    for technician, times in Counter(technician for technician, _ in stops).items():
        if times > 1:
            yield f"visit {visit.key} has {technician} in {times} of its seats"


def _dependency(case: Case, dependency: Dependency, served: Served) -> Iterator[str]:
    first, second = served.get(dependency.first), served.get(dependency.second)
    if not second:
        return
    name = f"visit {dependency.second}"
    if not first:
        yield f"{name} is in the plan though {dependency.first}, which it waits for, is left out"
        return
    before = min((stop for _, stop in first), key=lambda stop: stop.seat)
    after = min((stop for _, stop in second), key=lambda stop: stop.seat)
    gap = after.start - before.end
    if gap < dependency.gap_seconds:
        yield f"{name} starts {gap} s after {dependency.first} ends, {dependency.gap_seconds} s are needed"
    longest = dependency.longest_gap_seconds
    if longest is not None and gap > longest:
        yield f"{name} starts {gap} s after {dependency.first} ends, at most {longest} s are allowed"
    days = case.problem.day_starts
    if dependency.same_day and bisect_right(days, before.start) != bisect_right(days, after.start):
        yield f"{name} is not on the same day as {dependency.first}"
