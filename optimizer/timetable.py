"""The timetable: simulated routes read out as a Plan."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from collections.abc import Sequence

import numpy as np
from numba import njit

from optimizer.model import (
    END_LOCATION,
    FIXED_COUNT,
    FREE_FROM,
    HOLD,
    HOLD_TECHNICIAN,
    LEAVE,
    LOCATION,
    LUNCH_EARLIEST,
    LUNCH_LATEST,
    LUNCH_SECONDS,
    NEVER,
    SERVICE,
    Encoded,
    Ints,
    Model,
)
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.routes import LENGTH, TAKEN_AT, TOTAL, State, begin, ending, fixed_begin, place_before, walk


@njit(cache=True)
def lunch_position(model: Model, state: State, technician: int) -> int:
    """The position before which lunch is taken (length: before the way home), or -1."""
    length = state.totals[technician, LENGTH]
    here = np.empty(length + 1, np.bool_)
    walk(model, state, technician, here)
    end = ending(model, state, technician)
    if end.lunch:
        return length
    position = length
    while end.taken and position > 0 and state.labels[technician, position, TAKEN_AT] < NEVER:
        if here[position]:
            return position - 1
        position -= 1
    return -1


@njit(cache=True)
def timetable(model: Model, state: State, technician: int, times: Ints) -> tuple[int, int]:
    """Fill rows of (travel, arrive, start, end) by position; (start of lunch or -NEVER, return travel)."""
    lunch_at = lunch_position(model, state, technician)
    lunch_start = -NEVER
    left_at = model.crew[technician, LEAVE]
    for position in range(state.totals[technician, LENGTH] + 1):
        fixed = position < model.crew[technician, FIXED_COUNT]
        place = place_before(model, state, technician, position)
        last = position == state.totals[technician, LENGTH]
        visit = 0 if last else state.stops[technician, position]
        onward = model.crew[technician, END_LOCATION] if last else model.work[visit, LOCATION]
        travel = model.travel[place, onward]
        if position == model.crew[technician, FIXED_COUNT] and not (last and position > 0):
            left_at = max(left_at, model.crew[technician, FREE_FROM])
        arrive = ready = left_at + travel
        if position == lunch_at:
            after = arrive <= model.crew[technician, LUNCH_LATEST] and not last
            lunch_start = max(arrive if after else left_at, model.crew[technician, LUNCH_EARLIEST])
            ready = lunch_start + model.crew[technician, LUNCH_SECONDS] + (0 if after else travel)
            arrive = arrive if after else ready
        if last:
            times[position, 0], times[position, 1] = travel, arrive
            break
        if model.work[visit, HOLD_TECHNICIAN] == technician:
            ready = max(ready, model.work[visit, HOLD])
        start = fixed_begin(model, visit, ready) if fixed else begin(model, visit, ready)
        times[position, 0], times[position, 1] = travel, min(arrive, start)
        times[position, 2], times[position, 3] = start, start + model.work[visit, SERVICE]
        left_at = start + model.work[visit, SERVICE]
    return lunch_start, left_at


def read_route(encoded: Encoded, state: State, technician: int) -> Route:
    """One technician's route with its times."""
    row = encoded.problem.technicians[technician]
    length = int(state.totals[technician, LENGTH])
    if length == 0:
        return Route(row.key)
    times = np.zeros((length + 1, 4), np.int64)
    lunch_start, _ = timetable(encoded.model, state, technician, times)
    visits = [encoded.problem.visits[visit].key for visit in state.stops[technician, :length].tolist()]
    stops = tuple(Stop(key, *row) for key, row in zip(visits, times[:length].tolist(), strict=True))
    return Route(
        technician=row.key,
        stops=stops,
        lunch_start=None if lunch_start == -NEVER else int(lunch_start),
        return_travel_seconds=int(times[length, 0]),
        end=int(times[length, 1]),
    )


def read_plan(encoded: Encoded, state: State) -> Plan:
    """All routes, and the visits left out without reasons yet."""
    problem = encoded.problem
    routes = tuple(read_route(encoded, state, technician) for technician in range(len(problem.technicians)))
    absent = [visit for visit, owner in enumerate(state.owner.tolist()) if owner < 0]
    penalty = sum(problem.visits[visit].unassigned_penalty for visit in absent)
    return Plan(
        routes=routes,
        unassigned=tuple(Unassigned(problem.visits[visit].key) for visit in absent),
        objective=_objective(
            encoded, routes, total=int(state.totals[:, TOTAL].sum()) + penalty, penalty=penalty
        ),
    )


def _objective(encoded: Encoded, routes: Sequence[Route], *, total: int, penalty: int) -> Objective:
    """The kernels' total beside its components (judge.py adds both up again, apart from this)."""
    problem = encoded.problem
    travel = sum(stop.travel_seconds for route in routes for stop in route.stops)
    travel += sum(route.return_travel_seconds for route in routes)
    lateness = 0
    for stop in (stop for route in routes for stop in route.stops):
        visit = problem.visits[encoded.visits[stop.visit]]
        if visit.due is not None:
            lateness += max(0, stop.start - visit.due) * visit.lateness_weight
    over = sum(
        max(0, (route.end or 0) - technician.shift_end)
        for route, technician in zip(routes, problem.technicians, strict=True)
        if route.stops
    )
    overtime = over * problem.policy.overtime_weight
    changes = total - penalty - travel * problem.policy.travel_weight - lateness - overtime
    return Objective(total, travel, lateness, overtime, penalty, changes)
