"""A second simulation for the tests: plain Python, every place of lunch tried, no kernel used."""

from collections.abc import Sequence

from optimizer.problem import Problem, Technician, Visit

HOME = -1
"""The place of a lunch that is taken before the way home."""


def simulate(problem: Problem, technician: Technician, order: Sequence[str]) -> int | None:
    """The least price of serving these visits in this order, None where no place of lunch allows it."""
    visits = [next(visit for visit in problem.visits if visit.key == key) for key in order]
    if not _may(technician, visits):
        return None
    places = [None, HOME, *range(len(visits))] if technician.lunch is not None else [None]
    modes = [(place, driving_first) for place in places for driving_first in (False, True)]
    prices = [_price(problem, technician, visits=visits, lunch=mode) for mode in modes]
    return min((price for price in prices if price is not None), default=None)


def _may(technician: Technician, visits: Sequence[Visit]) -> bool:
    needed = [part for visit in visits[len(technician.fixed) :] for part in visit.parts]
    return all(_may_serve(technician, visit) for visit in visits[len(technician.fixed) :]) and all(
        sum(visit.parts.get(part, 0) for visit in visits) <= technician.stock.get(part, 0) for part in needed
    )


def _may_serve(technician: Technician, visit: Visit) -> bool:
    if any(technician.skills.get(skill, -1) < level for skill, level in visit.skills.items()):
        return False
    pinned = visit.planned if visit.pin in {"TECHNICIAN", "BOTH"} else None
    return technician.key not in visit.forbidden and (pinned is None or pinned.technician == technician.key)


def _price(
    problem: Problem, technician: Technician, *, visits: Sequence[Visit], lunch: tuple[int | None, bool]
) -> int | None:
    """The price with lunch on the way to the stop at `lunch[0]`: after the way (True) or before it."""
    if not visits:
        return 0
    at = max(technician.shift_start, technician.available_from or technician.shift_start)
    fixed, place, price, free = len(technician.fixed), technician.start_location, 0, at
    for position, visit in enumerate(visits):
        if position == fixed:
            free = at = max(at, free, problem.earliest_start)
        travel = int(problem.travel_seconds[place, visit.location])
        ready: int | None = at + travel
        if lunch[0] == position:
            ready = _after_lunch(technician, at=at, travel=travel, driving_first=lunch[1])
        begun = None if ready is None else _start(problem, technician, visit=visit, ready=ready)
        if ready is None or begun is None or (begun < ready and position == lunch[0]):
            return None
        if visit.planned is not None and visit.planned.technician != technician.key:
            price += problem.policy.change_technician_price
        price += travel * problem.policy.travel_weight
        at, place = begun + visit.service_seconds, visit.location
    way_home = int(problem.travel_seconds[place, technician.end_location])
    if len(visits) > fixed and not _may_end(technician, at=at, free=free, way=(way_home, lunch)):
        return None
    return price + way_home * problem.policy.travel_weight


def _after_lunch(technician: Technician, *, at: int, travel: int, driving_first: bool) -> int | None:
    if technician.lunch is None:
        return None
    start = max(at + travel if driving_first else at, technician.lunch.earliest)
    if start > technician.lunch.latest:
        return None
    return start + technician.lunch.seconds + (0 if driving_first else travel)


def _may_end(technician: Technician, *, at: int, free: int, way: tuple[int, tuple[int | None, bool]]) -> bool:
    """Whether a route whose last service ends at `at` ends in time and its lunch is taken or not owed."""
    travel, (place, driving_first) = way
    limit = technician.shift_end + technician.overtime_limit_seconds
    end: int | None = at + travel
    if place == HOME:
        end = None if driving_first else _after_lunch(technician, at=at, travel=travel, driving_first=False)
    if end is None or end > limit:
        return False
    return place is not None or technician.lunch is None or not end > technician.lunch.latest >= free


def _start(problem: Problem, technician: Technician, *, visit: Visit, ready: int) -> int | None:
    planned = visit.planned
    fixed = visit.key in technician.fixed
    if planned is not None and fixed:
        if planned.start <= problem.earliest_start:
            return planned.start
        ready = max(ready, planned.start)
    elif planned is not None and problem.policy.hold_planned_starts and planned.technician == technician.key:
        ready = max(ready, planned.start - problem.policy.start_tolerance_seconds)
    if planned is not None and visit.pin in {"TIME", "BOTH"}:
        return planned.start if ready <= planned.start else None
    options = [max(ready, window.start) for window in visit.windows if ready <= window.end]
    if not visit.windows:
        return ready
    return min(options) if options else (ready if fixed else None)
