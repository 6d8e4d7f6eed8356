"""Loading: a plan that stands, taken up as routes."""

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.encoding import encode
from optimizer.insertion import POSITION_BITS, cheapest, cheapest_anywhere, cheapest_between, put, take
from optimizer.model import AGREED_FIRST, AGREED_LAST, FIXED_COUNT, NEVER, TERMS, TOOLS, Encoded, Ints
from optimizer.pairing import head_seats
from optimizer.plan import Plan, Route
from optimizer.problem import Dependency, Problem
from optimizer.provisions import NOWHERE, WITH_RESTOCK, first_short, suppliable
from optimizer.state import DEPOT, LENGTH, RESTOCK, State, empty_state, refresh
from optimizer.timetable import START, timetable


def start(encoded: Encoded) -> State:
    """Routes that hold the fixed heads and nothing else."""
    state = empty_state(encoded.model)
    seats = head_seats(encoded.problem)
    jobs = {pair: job for job, pair in enumerate(encoded.jobs)}
    for place, technician in enumerate(encoded.problem.technicians):
        for position, key in enumerate(technician.fixed):
            job = jobs[encoded.visits[key], seats[technician.key, key]]
            state.stops[place, position] = job
            state.owner[job] = place
        state.totals[place, LENGTH] = len(technician.fixed)
        refresh(encoded.model, state, place, 0)
    return state


def load(encoded: Encoded, plan: Plan | None) -> State:
    """Routes that hold the fixed heads and, of any plan, every stop that still fits where it stood.

    A technician's second route and a visit's second stop are left aside.
    What is linked keeps its times, and is out where not all of a crew, or not who it waits for, is left.
    """
    state = start(encoded)
    if plan is None:
        return state
    jobs = {pair: job for job, pair in enumerate(encoded.jobs)}
    _agree(encoded, state, plan, jobs=jobs)
    seen: set[int] = set()
    for route in plan.routes:
        technician = encoded.technicians.get(route.technician, -1)
        if technician >= 0 and technician not in seen:
            seen.add(technician)
            _keep_route(encoded, state, technician=technician, stops=_stops(encoded, route, jobs))
    _drop_partial(encoded, state)
    return state


def _stops(encoded: Encoded, route: Route, jobs: dict[tuple[int, int], int]) -> list[int]:
    """The jobs of a route in order, its stop at a depot among them."""
    depots = {depot.key: len(encoded.jobs) + place for place, depot in enumerate(encoded.problem.depots)}
    pairs = [(encoded.visits.get(stop.visit, -1), stop.seat) for stop in route.stops]
    found = [jobs.get(pair, -1) if pair not in pairs[:place] else -1 for place, pair in enumerate(pairs)]
    if route.restock is not None and route.restock.depot in depots:
        found.insert(route.restock.position, depots[route.restock.depot])
    return found


def _agree(encoded: Encoded, state: State, plan: Plan, *, jobs: dict[tuple[int, int], int]) -> None:
    """Bind linked visits to the times that they have in the plan; facts have their own and bind others."""
    visits = encoded.problem.visits
    facts = {key for technician in encoded.problem.technicians for key in technician.fixed}
    agreed = encoded.model.work[:, [AGREED_FIRST, AGREED_LAST]]
    starts = {stop.visit: stop.start for route in plan.routes for stop in route.stops if stop.seat == 0}
    starts |= {key: _fact_start(encoded, state, key) for key in facts}
    for (place, _), job in jobs.items():
        key = visits[place].key
        if visits[place].crew and key in starts and key not in facts:
            agreed[job] = starts[key]
    for row in encoded.problem.dependencies:
        if row.first in starts and row.second in starts and row.second not in facts:
            _tie(encoded, agreed, row, starts=starts)
            if row.first in facts:
                agreed[encoded.visits[row.first]] = -NEVER, NEVER
    encoded.model.work[:, [AGREED_FIRST, AGREED_LAST]] = agreed


def _fact_start(encoded: Encoded, state: State, key: str) -> int:
    job = encoded.visits[key]
    technician = int(state.owner[job])
    position = state.stops[technician, : state.totals[technician, LENGTH]].tolist().index(job)
    rows = np.zeros((int(state.totals[technician, LENGTH]) + 1, 4), np.int64)
    timetable(encoded.model, state, technician, rows)
    return int(rows[position, START])


def _tie(encoded: Encoded, agreed: Ints, row: Dependency, *, starts: Mapping[str, int]) -> None:
    """Bind the first to start in time for the second, and the second to start behind it."""
    first, second = encoded.visits[row.first], encoded.visits[row.second]
    ends = starts[row.first] + encoded.problem.visits[first].service_seconds
    later = max(starts[row.second], ends + row.gap_seconds)
    last = later - row.gap_seconds - encoded.problem.visits[first].service_seconds
    agreed[first, 1] = min(agreed[first, 1], last)
    agreed[second, 0] = max(agreed[second, 0], later)
    if row.longest_gap_seconds is not None:
        agreed[first, 0] = max(agreed[first, 0], starts[row.first])
        agreed[second, 1] = min(agreed[second, 1], ends + row.longest_gap_seconds)
    if row.same_day:
        day_first, day_last = _day(encoded.problem, starts[row.first])
        for job in (first, second):
            agreed[job] = max(agreed[job, 0], day_first), min(agreed[job, 1], day_last)


def _day(problem: Problem, at: int) -> tuple[int, int]:
    """The first and the last second of the day of that moment."""
    before = [day for day in problem.day_starts if day <= at]
    after = [day for day in problem.day_starts if day > at]
    return max(before, default=-NEVER), min(after, default=NEVER + 1) - 1


def _drop_partial(encoded: Encoded, state: State) -> None:
    """Take out crews that are not whole and visits whose first is out, until none is left."""
    model, jobs = encoded.model, range(len(encoded.jobs))
    dropped = True
    while dropped:
        out = {encoded.jobs[job][0] for job in jobs if state.owner[job] < 0}
        for row in encoded.problem.dependencies:
            if encoded.visits[row.first] in out:
                out.add(encoded.visits[row.second])
        gone = [job for job in jobs if encoded.jobs[job][0] in out and remove(encoded, state, job) >= 0]
        dropped = any(state.owner[job] < 0 for job in gone)
        for job in jobs:
            if encoded.jobs[job][0] in out:
                model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = -NEVER, NEVER


def _keep_route(encoded: Encoded, state: State, *, technician: int, stops: Sequence[int]) -> None:
    """The route as it stands; where that breaks a rule now, stop by stop, what still fits."""
    model, jobs = encoded.model, len(encoded.jobs)
    movable = [
        job
        for job in stops
        if job >= jobs or (job >= 0 and state.owner[job] < 0 and model.pairs[TERMS, job, technician] >= 0)
    ]
    head = int(model.staff[technician, FIXED_COUNT])
    movable = movable[: state.stops.shape[1] - head - 1]
    kept = [job for job in movable if job < jobs]
    state.stops[technician, head : head + len(movable)] = movable
    state.owner[kept] = technician
    state.totals[technician, LENGTH] = head + len(movable)
    # As a whole first: with travel without triangles a feasible route may begin with one that is not.
    if refresh(model, state, technician, 0) and _is_supplied(encoded, state, technician):
        return
    take(model, state, technician, head, len(movable))
    for job in kept:
        end = int(state.totals[technician, LENGTH])
        place = cheapest_between(model, state, technician, job, (end, end, NEVER))
        supplied = suppliable(model, state, technician, job)
        if supplied == WITH_RESTOCK:
            place = cheapest(model, state, technician, job, NEVER)
        if supplied == NOWHERE or place.position < 0:
            continue
        if not put(model, state, technician, place.position, job):
            take(model, state, technician, head, int(state.totals[technician, LENGTH]) - head)


def _is_supplied(encoded: Encoded, state: State, technician: int) -> bool:
    """Whether van and depot have what the movable stops need; a stop at a depot for nothing is left away."""
    model, restock = encoded.model, int(state.totals[technician, RESTOCK])
    short = first_short(model, state, technician)
    if short == state.totals[technician, LENGTH] and restock >= 0:
        # The stop at the depot is for nothing.
        return take(model, state, technician, restock, 1)
    if short < state.totals[technician, LENGTH] and (restock < 0 or short < restock):
        return False
    if restock < 0:
        return True
    depot = int(state.totals[technician, DEPOT])
    tools = [
        model.pairs[TOOLS, job, technician]
        for job in state.stops[technician, short : state.totals[technician, LENGTH]].tolist()
        if job < len(encoded.jobs)
    ]
    return bool((state.supply[depot] >= 0).all()) and all(each == -1 or each >> depot & 1 for each in tools)


def best(problem: Problem, plan: Plan, visit: str) -> tuple[int, str, int] | None:
    """(added price, technician, position) of the cheapest place for a visit that the plan leaves out.

    Exact over every technician and position; None where it fits nowhere. A visit that the plan has is
    taken out first, so the answer also tells what its present place costs.
    """
    encoded = encode(problem)
    state = load(encoded, plan)
    place = encoded.visits[visit]
    remove(encoded, state, place)
    price, technician, position = cheapest_anywhere(encoded.model, state, place)
    if technician < 0:
        return None
    return int(price), problem.technicians[technician].key, int(position % (1 << POSITION_BITS))


def remove(encoded: Encoded, state: State, job: int) -> int:
    """Take a movable job out of its route; the technician who had it, or -1.

    Where that breaks a rule for the rest, all movable ones go.
    """
    technician = int(state.owner[job])
    if technician >= 0:
        position = state.stops[technician, : state.totals[technician, LENGTH]].tolist().index(job)
        head = int(encoded.model.staff[technician, FIXED_COUNT])
        if position >= head and not take(encoded.model, state, technician, position, 1):
            # Travel without triangles: what is left of the route cannot be kept.
            take(encoded.model, state, technician, head, int(state.totals[technician, LENGTH]) - head)
    return technician
