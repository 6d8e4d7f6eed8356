"""Insertion: what it costs to put one visit into the routes, exactly, and the cheapest place for it."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from collections.abc import Sequence
from typing import NamedTuple

from numba import njit

from optimizer.model import (
    CHANGE_TECHNICIAN,
    END_LOCATION,
    FIXED_COUNT,
    LAST_START,
    LOCATION,
    NEVER,
    PLANNED_TECHNICIAN,
    SERVICE,
    STRETCH,
    TRAVEL_WEIGHT,
    Encoded,
    Model,
    encode,
)
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.routes import (
    LATEST,
    LENGTH,
    OPEN_AT,
    TAKEN_AT,
    TIMED,
    State,
    begin,
    empty_state,
    finish,
    labels_at,
    place_before,
    refresh,
    step,
)


class Place(NamedTuple):
    """Where a visit would go and the price that it would add (NEVER: nowhere)."""

    price: int
    position: int


@njit(cache=True, forceinline=True)
def has_parts(model: Model, state: State, technician: int, visit: int) -> bool:
    for part in range(model.parts.shape[1]):
        need = model.parts[visit, part]
        if need > 0 and need > state.left[technician, part]:
            return False
    return True


@njit(cache=True, forceinline=True)
def detour(model: Model, state: State, technician: int, position: int, visit: int) -> int:
    """Seconds of travel that the visit adds at that position."""
    place = place_before(model, state, technician, position)
    here = model.work[visit, LOCATION]
    length = state.totals[technician, LENGTH]
    onward = model.crew[technician, END_LOCATION]
    if position < length:
        onward = model.work[state.stops[technician, position], LOCATION]
    added = model.travel[place, here] + model.travel[here, onward]
    return added if length == 0 else added - model.travel[place, onward]


@njit(cache=True)
def timed_price(model: Model, state: State, technician: int, position: int, visit: int) -> int:
    """The whole route's price of times with the visit at that position, NEVER if a rule breaks.

    The walk ends early where the route is back on the times that it has without the visit.
    """
    length = state.totals[technician, LENGTH]
    labels = step(
        model,
        technician,
        place_before(model, state, technician, position),
        visit,
        labels_at(state, technician, position),
    )
    place = model.work[visit, LOCATION]
    for after in range(position, length):
        earliest = min(labels.open_at, labels.taken_at)
        following = state.stops[technician, after]
        arrival = earliest + model.travel[place, model.work[following, LOCATION]]
        # Stretched windows may open a later one, so `latest` bounds only what is as stated.
        if arrival > state.labels[technician, after, LATEST] and model.rules[STRETCH] == 0:
            return NEVER
        labels = step(model, technician, place, following, labels)
        place = model.work[following, LOCATION]
        before = labels_at(state, technician, after + 1)
        if labels.open_at == before.open_at and labels.taken_at == before.taken_at:
            opened = labels.open_price - before.open_price
            taken = labels.taken_price - before.taken_price
            if before.open_at == NEVER or opened == taken:
                return state.totals[technician, TIMED] + taken
            if before.taken_at == NEVER:
                return state.totals[technician, TIMED] + opened
    if min(labels.open_at, labels.taken_at) == NEVER:
        return NEVER
    return finish(model, technician, place, labels).price


@njit(cache=True, forceinline=True)
def hopeless(model: Model, state: State, technician: int, position: int, visit: int) -> bool:
    """True where no window or the stop after it can be reached, lunch aside: most places, in O(1)."""
    place = place_before(model, state, technician, position)
    here = model.work[visit, LOCATION]
    left_at = min(state.labels[technician, position, OPEN_AT], state.labels[technician, position, TAKEN_AT])
    start = begin(model, visit, left_at + model.travel[place, here])
    if start == NEVER:
        return True
    onward = model.crew[technician, END_LOCATION]
    if position < state.totals[technician, LENGTH]:
        onward = model.work[state.stops[technician, position], LOCATION]
    arrival = start + model.work[visit, SERVICE] + model.travel[here, onward]
    # Stretched windows may open a later one, so LATEST bounds only what is as stated.
    return arrival > state.labels[technician, position, LATEST] and model.rules[STRETCH] == 0


@njit(cache=True)
def cheapest(model: Model, state: State, technician: int, visit: int, exact: bool) -> Place:
    """The cheapest position for a visit in one route (skills and parts are the caller's question).

    Inexact: positions whose detour alone costs more than the best so far are skipped, which is only
    wrong where a detour brings a planned start back into its tolerance.
    """
    price, at = NEVER, -1
    extra = 0
    if model.work[visit, PLANNED_TECHNICIAN] not in (-1, technician):
        extra = model.rules[CHANGE_TECHNICIAN]
    last = model.work[visit, LAST_START] + model.rules[STRETCH]
    for position in range(model.crew[technician, FIXED_COUNT], state.totals[technician, LENGTH] + 1):
        settled = detour(model, state, technician, position, visit) * model.rules[TRAVEL_WEIGHT] + extra
        if settled >= price and not exact:
            continue
        left_at = min(
            state.labels[technician, position, OPEN_AT], state.labels[technician, position, TAKEN_AT]
        )
        if left_at > last:
            break
        if hopeless(model, state, technician, position, visit):
            continue
        timed = timed_price(model, state, technician, position, visit)
        if timed < NEVER and settled + timed - state.totals[technician, TIMED] < price:
            price, at = settled + timed - state.totals[technician, TIMED], position
    return Place(price, at)


@njit(cache=True)
def put(model: Model, state: State, technician: int, position: int, visit: int) -> bool:
    """Put the visit there and simulate the route anew."""
    for after in range(state.totals[technician, LENGTH], position, -1):
        state.stops[technician, after] = state.stops[technician, after - 1]
    state.stops[technician, position] = visit
    state.totals[technician, LENGTH] += 1
    state.owner[visit] = technician
    return refresh(model, state, technician)


@njit(cache=True)
def take(model: Model, state: State, technician: int, position: int, count: int) -> bool:
    """Take `count` stops out and simulate the route anew; False where what is left breaks a rule."""
    for after in range(position, position + count):
        state.owner[state.stops[technician, after]] = -1
    for after in range(position + count, state.totals[technician, LENGTH]):
        state.stops[technician, after - count] = state.stops[technician, after]
    state.totals[technician, LENGTH] -= count
    return refresh(model, state, technician)


@njit(cache=True)
def cheapest_anywhere(model: Model, state: State, visit: int) -> tuple[int, int, int]:
    """(price, technician, position) over all technicians and positions, exactly."""
    price, who, at = NEVER, -1, -1
    for technician in range(state.totals.shape[0]):
        if model.allowed[technician, visit] and has_parts(model, state, technician, visit):
            place = cheapest(model, state, technician, visit, True)
            if place.price < price:
                price, who, at = place.price, technician, place.position
    return price, who, at


def start(encoded: Encoded) -> State:
    """Routes that hold the fixed heads and nothing else."""
    state = empty_state(encoded.model)
    for place, technician in enumerate(encoded.problem.technicians):
        for position, key in enumerate(technician.fixed):
            visit = encoded.visits[key]
            state.stops[place, position] = visit
            state.owner[visit] = place
        state.totals[place, LENGTH] = len(technician.fixed)
        refresh(encoded.model, state, place)
    return state


def load(encoded: Encoded, plan: Plan | None) -> State:
    """Routes that hold the fixed heads and, of a plan, every stop that still fits where it stood."""
    state = start(encoded)
    if plan is None:
        return state
    for route in plan.routes:
        technician = encoded.technicians.get(route.technician, -1)
        if technician >= 0:
            visits = [encoded.visits.get(stop.visit, -1) for stop in route.stops]
            _keep_route(encoded, state, technician=technician, visits=visits)
    return state


def _keep_route(encoded: Encoded, state: State, *, technician: int, visits: Sequence[int]) -> None:
    """The route as it stands; where that breaks a rule now, stop by stop, what still fits."""
    model = encoded.model
    movable = [
        visit
        for visit in visits
        if visit >= 0 and state.owner[visit] < 0 and model.allowed[technician, visit]
    ]
    head = int(model.crew[technician, FIXED_COUNT])
    state.stops[technician, head : head + len(movable)] = movable
    state.owner[movable] = technician
    state.totals[technician, LENGTH] = head + len(movable)
    needed = model.parts[movable].sum(axis=0) > 0
    # As a whole first: with travel without triangles a feasible route may begin with one that is not.
    if refresh(model, state, technician) and (state.left[technician][needed] >= 0).all():
        return
    take(model, state, technician, head, len(movable))
    for visit in movable:
        end = int(state.totals[technician, LENGTH])
        fits = has_parts(model, state, technician, visit)
        if fits and timed_price(model, state, technician, end, visit) < NEVER:
            put(model, state, technician, end, visit)


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
    return int(price), problem.technicians[technician].key, int(position)


def remove(encoded: Encoded, state: State, visit: int) -> int:
    """Take a movable visit out of its route; the technician who had it, or -1."""
    technician = int(state.owner[visit])
    if technician >= 0:
        position = state.stops[technician, : state.totals[technician, LENGTH]].tolist().index(visit)
        if position >= encoded.model.crew[technician, FIXED_COUNT]:
            take(encoded.model, state, technician, position, 1)
    return technician
