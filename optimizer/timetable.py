"""The timetable: simulated routes read out as a Plan."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from optimizer.encoding import penalty
from optimizer.kernels import NONE, entry_making, kernel, making
from optimizer.legs import begin_for, drive
from optimizer.model import (
    FIXED_COUNT,
    FREE_FROM,
    HOLD,
    HOLD_TECHNICIAN,
    LUNCH_EARLIEST,
    LUNCH_LATEST,
    LUNCH_SECONDS,
    NEVER,
    SERVICE,
    Encoded,
    Ints,
    Model,
)
from optimizer.plan import Objective, Plan, Restock, Route, Stop, Unassigned
from optimizer.problem import Problem, Technician, Visit
from optimizer.routes import first_labels, fixed_begin, fixed_step, free_labels, left_home, step
from optimizer.state import LENGTH, TOTAL, State, ending, place_before, place_of

TRAVEL, ARRIVE, START, END = range(4)
"""Columns of a timetable: a row for each stop, and one for the end location without the last two."""


class Day(NamedTuple):
    """What of a route's times is not in its rows (lunch -NEVER: none is taken)."""

    leave: int
    lunch: int


@kernel()
def lunch_position(model: Model, state: State, technician: int) -> int:
    """The position before which lunch is taken (length: before the way home), or -1."""
    length = state.totals[technician, LENGTH]
    fixed = model.staff[technician, FIXED_COUNT]
    end = ending(model, state, technician)
    if end.lunch:
        return length
    at = NONE
    labels = first_labels(model, technician)
    for position in range(length):
        if position == fixed:
            labels = free_labels(model, technician, labels)
        place, job = place_before(model, state, technician, position), state.stops[technician, position]
        if position < fixed:
            labels = fixed_step(model, technician, place, job, labels)
        else:
            labels = step(model, technician, place, job, labels)
        # The label that took its lunch last, of those that lead on: the ones before it were given up.
        if labels.here:
            at = position
    return at if end.taken else -1


@entry_making()
def timetable(model: Model, state: State, technician: int, rows: Ints) -> Day:
    """Fill the rows of a route with its times."""
    length, fixed = state.totals[technician, LENGTH], model.staff[technician, FIXED_COUNT]
    lunch_at = lunch_position(model, state, technician)
    at = left_home(model, technician) + ending(model, state, technician).late
    leave, lunch = at, -NEVER
    for position in range(length + 1):
        place = place_before(model, state, technician, position)
        to = place_of(model, state, technician, position)
        last = position == length
        if position == fixed and not (last and position > 0):
            at = max(at, model.staff[technician, FREE_FROM])
        before, arrive = drive(model, technician, place, to, at)
        ready = arrive
        if position == lunch_at:
            after = arrive <= model.staff[technician, LUNCH_LATEST] and not last
            lunch = max(arrive if after else at, model.staff[technician, LUNCH_EARLIEST])
            rested = lunch + model.staff[technician, LUNCH_SECONDS]
            if not after:
                before, arrive = drive(model, technician, place, to, rested)
            ready = rested if after else arrive
        rows[position, TRAVEL], rows[position, ARRIVE] = arrive - before, arrive
        if not last:
            at = serve(model, state, technician, (position, ready), rows)
    return Day(leave, lunch)


@kernel()
def serve(model: Model, state: State, technician: int, reached: tuple[int, int], rows: Ints) -> int:
    """Fill the times of the service at (position, ready); its end."""
    position, ready = reached
    job = state.stops[technician, position]
    if model.work[job, HOLD_TECHNICIAN] == technician:
        ready = max(ready, model.work[job, HOLD])
    if position < model.staff[technician, FIXED_COUNT]:
        start = fixed_begin(model, job, ready)
        rows[position, ARRIVE] = min(rows[position, ARRIVE], start)
    else:
        start = begin_for(model, technician, job, ready)
    rows[position, START], rows[position, END] = start, start + model.work[job, SERVICE]
    return rows[position, END]


@making()
def start_of(model: Model, state: State, technician: int, position: int) -> int:
    """When the stop at that position starts."""
    rows = np.zeros((state.totals[technician, LENGTH] + 1, 4), np.int64)
    timetable(model, state, technician, rows)
    return rows[position, START]


def read_route(encoded: Encoded, state: State, technician: int) -> Route:
    """One technician's route with its times."""
    row = encoded.problem.technicians[technician]
    length = int(state.totals[technician, LENGTH])
    if length == 0:
        return Route(row.key)
    rows = np.zeros((length + 1, 4), np.int64)
    day = timetable(encoded.model, state, technician, rows)
    stops: list[Stop] = []
    restock = None
    for job, times in zip(state.stops[technician, :length].tolist(), rows.tolist(), strict=False):
        if job >= len(encoded.jobs):
            depot = encoded.problem.depots[job - len(encoded.jobs)]
            restock = Restock(depot.key, len(stops), times[TRAVEL], times[ARRIVE], times[END], {})
            continue
        visit, seat = encoded.jobs[job]
        travel, arrive, starts, ends = times
        stops.append(Stop(encoded.problem.visits[visit].key, travel, arrive, starts, ends, seat))
    return Route(
        technician=row.key,
        stops=tuple(stops),
        lunch_start=None if day.lunch == -NEVER else int(day.lunch),
        return_travel_seconds=int(rows[length, TRAVEL]),
        end=int(rows[length, ARRIVE]),
        restock=None if restock is None else _laden(encoded.problem, row, stops, restock=restock),
        leave=int(day.leave),
    )


def _laden(problem: Problem, technician: Technician, stops: list[Stop], *, restock: Restock) -> Restock:
    """The stop at the depot with what the van lacks for the route."""
    visits = {visit.key: visit for visit in problem.visits}
    served = [visits[stop.visit] for stop in stops if stop.seat == 0]
    behind = [visits[stop.visit] for stop in stops[restock.position :] if stop.seat == 0]
    parts = {
        part: sum(visit.parts.get(part, 0) for visit in served) - technician.stock.get(part, 0)
        for part in sorted({part for visit in behind for part in visit.parts})
    }
    tools = {tool for visit in behind for tool in visit.tools} - technician.tools
    lacking = {part: pieces for part, pieces in parts.items() if pieces > 0}
    return replace(restock, parts=lacking, tools=tuple(sorted(tools)))


def read_plan(encoded: Encoded, state: State) -> Plan:
    """All routes, and the visits left out without reasons yet."""
    problem = encoded.problem
    routes = tuple(read_route(encoded, state, technician) for technician in range(len(problem.technicians)))
    absent = [problem.visits[job] for job in range(len(problem.visits)) if state.owner[job] < 0]
    unassigned = sum(penalty(problem, visit) for visit in absent)
    total = int(state.totals[:, TOTAL].sum()) + unassigned
    return Plan(
        routes=routes,
        unassigned=tuple(Unassigned(visit.key) for visit in absent),
        objective=_objective(encoded, routes, total=total, unassigned=unassigned),
    )


def _objective(encoded: Encoded, routes: tuple[Route, ...], *, total: int, unassigned: int) -> Objective:
    """The kernels' total beside its components (judge.py adds all up again, apart from this)."""
    problem = encoded.problem
    travel = lateness = overtime = preferences = labour = fairness = 0
    for route, technician in zip(routes, problem.technicians, strict=True):
        if not route.stops or route.end is None or route.leave is None:
            continue
        driven = sum(stop.travel_seconds for stop in route.stops) + route.return_travel_seconds
        busy = driven + sum(stop.end - stop.start for stop in route.stops)
        if route.restock is not None:
            driven += route.restock.travel_seconds
            depot = next(row for row in problem.depots if row.key == route.restock.depot)
            busy += route.restock.travel_seconds + depot.service_seconds
        travel += driven
        overtime += max(0, route.end - technician.shift_end) * problem.policy.overtime_weight
        labour += technician.shift_price + (route.end - route.leave) * technician.hourly_price // 3600
        fairness += problem.policy.fairness_weight * (busy // 60) ** 2 // 3600
        for stop in route.stops:
            if stop.seat == 0:
                visit = problem.visits[encoded.visits[stop.visit]]
                if visit.due is not None:
                    lateness += max(0, stop.start - visit.due) * visit.lateness_weight
                preferences += _preference(problem, technician, visit)
    changes = total - unassigned - travel * problem.policy.travel_weight - lateness - overtime
    changes -= preferences + labour + fairness
    return Objective(total, travel, lateness, overtime, unassigned, changes, preferences, labour, fairness)


def _preference(problem: Problem, technician: Technician, visit: Visit) -> int:
    policy, price = problem.policy, 0
    if visit.preferred and technician.key not in visit.preferred:
        price += policy.not_preferred_price
    if visit.territory is not None and visit.territory not in technician.territories:
        price += policy.outside_territory_price or 0
    return price
