"""Routes: the one exact simulation of a technician's day, in numba kernels.

A simulated route carries two labels after each stop: the earliest end of service with lunch still open,
and with lunch taken (ties by price). Both are kept until one dies, so lunch is placed exactly. A start
is never delayed on purpose except by `hold` (model.py), so earlier is never worse for what follows.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimizer.model import (
    BEGUN_START,
    CHANGE_START,
    CHANGE_TECHNICIAN,
    DUE,
    END_LOCATION,
    FIXED_COUNT,
    FREE_FROM,
    HARD_END,
    HOLD,
    HOLD_TECHNICIAN,
    LATENESS_WEIGHT,
    LEAVE,
    LOCATION,
    LUNCH_EARLIEST,
    LUNCH_LATEST,
    LUNCH_SECONDS,
    NEVER,
    OVERTIME_WEIGHT,
    PLANNED_START,
    PLANNED_TECHNICIAN,
    SERVICE,
    SHIFT_END,
    START_LOCATION,
    START_TOLERANCE,
    STRETCH,
    TRAVEL_WEIGHT,
    WINDOW_AFTER,
    WINDOW_FIRST,
    Ints,
    Model,
)


class Labels(NamedTuple):
    """Where a route stands after a stop. `here`: the label `taken` took its lunch at this stop."""

    open_at: int
    open_price: int
    taken_at: int
    taken_price: int
    here: bool


OPEN_AT, OPEN_PRICE, TAKEN_AT, TAKEN_PRICE, LATEST = range(5)
"""Layers of `State.labels`. After LATEST nobody may arrive at stop i (i = length: at the end location)."""

LENGTH, TIMED, TOTAL, VERSION = range(4)
"""Columns of `State.totals`: stops, the price that depends on times, the whole price, the version."""


class State(NamedTuple):
    """All routes: `stops[k, i]`, `labels[k, i]` after i stops, `totals[k]`, parts left, visit → owner."""

    stops: Ints
    labels: Ints
    totals: Ints
    left: Ints
    owner: Ints


def empty_state(model: Model) -> State:
    """Routes without stops; the caller refreshes each (insertion.start)."""
    technicians, visits = model.allowed.shape
    return State(
        stops=np.zeros((technicians, visits + 1), np.int64),
        labels=np.zeros((technicians, visits + 1, 5), np.int64),
        totals=np.zeros((technicians, 4), np.int64),
        left=model.stock.copy(),
        owner=np.full(visits, -1, np.int64),
    )


@njit(cache=True, forceinline=True)
def begin(model: Model, visit: int, ready: int) -> int:
    """The first moment from `ready` on at which the visit may start, or NEVER."""
    stretch = model.rules[STRETCH]
    for window in range(model.work[visit, WINDOW_FIRST], model.work[visit, WINDOW_AFTER]):
        if ready <= model.windows[window, 1] + stretch:
            return max(ready, model.windows[window, 0])
    return NEVER


@njit(cache=True, forceinline=True)
def start_price(model: Model, visit: int, start: int) -> int:
    """What starting then costs: lateness and a moved planned start."""
    price = 0
    if start > model.work[visit, DUE]:
        price += (start - model.work[visit, DUE]) * model.work[visit, LATENESS_WEIGHT]
    planned = model.work[visit, PLANNED_START]
    if planned != -NEVER and abs(start - planned) > model.rules[START_TOLERANCE]:
        price += model.rules[CHANGE_START]
    return price


@njit(cache=True)
def first_labels(model: Model, technician: int) -> Labels:
    """Before any stop: lunch is open where one is owed and can still be taken."""
    leave = model.crew[technician, LEAVE]
    if leave <= model.crew[technician, LUNCH_LATEST]:
        return Labels(leave, 0, NEVER, 0, False)
    return Labels(NEVER, 0, leave, 0, False)


@njit(cache=True, forceinline=True)
def after_lunch(model: Model, technician: int, left_at: int, travel: int) -> int:
    """When the technician is ready at the next place if lunch falls on the way there; NEVER if too late."""
    latest = model.crew[technician, LUNCH_LATEST]
    earliest = model.crew[technician, LUNCH_EARLIEST]
    seconds = model.crew[technician, LUNCH_SECONDS]
    if left_at + travel <= latest:
        return max(left_at + travel, earliest) + seconds
    if left_at <= latest:
        return max(left_at, earliest) + seconds + travel
    return NEVER


@njit(cache=True, forceinline=True)
def step(model: Model, technician: int, place: int, visit: int, labels: Labels) -> Labels:
    """Drive from `place` to a movable visit and serve it."""
    travel = model.travel[place, model.work[visit, LOCATION]]
    service = model.work[visit, SERVICE]
    hold = -NEVER
    if model.work[visit, HOLD_TECHNICIAN] == technician:
        hold = model.work[visit, HOLD]
    open_at, open_price, taken_at, taken_price, here = NEVER, 0, NEVER, 0, False
    if labels.open_at < NEVER:
        start = begin(model, visit, max(labels.open_at + travel, hold))
        # Lunch before a stop that ends before lunch may begin is never better than lunch after it.
        if start < NEVER and start + service > model.crew[technician, LUNCH_EARLIEST]:
            ready = after_lunch(model, technician, labels.open_at, travel)
            late = begin(model, visit, max(ready, hold)) if ready < NEVER else NEVER
            if late < NEVER:
                taken_at, here = late + service, True
                taken_price = labels.open_price + start_price(model, visit, late)
        if start < NEVER and start + service <= model.crew[technician, LUNCH_LATEST]:
            open_at, open_price = start + service, labels.open_price + start_price(model, visit, start)
    if labels.taken_at < NEVER:
        start = begin(model, visit, max(labels.taken_at + travel, hold))
        if start < NEVER:
            price = labels.taken_price + start_price(model, visit, start)
            if start + service < taken_at or (start + service == taken_at and price < taken_price):
                taken_at, taken_price, here = start + service, price, False
    return Labels(open_at, open_price, taken_at, taken_price, here)


@njit(cache=True)
def fixed_begin(model: Model, visit: int, ready: int) -> int:
    """The start of a fixed visit: the fact if it has begun, else as soon as it can be, window or not."""
    if model.work[visit, BEGUN_START] != -NEVER:
        return model.work[visit, BEGUN_START]
    start = begin(model, visit, ready)
    return start if start < NEVER else ready


@njit(cache=True)
def fixed_step(model: Model, technician: int, place: int, visit: int, labels: Labels) -> Labels:
    """Serve a fixed visit: it is never refused, and a lunch that it leaves no room for is waived."""
    travel = model.travel[place, model.work[visit, LOCATION]]
    service = model.work[visit, SERVICE]
    hold = model.work[visit, HOLD]
    open_at, open_price, taken_at, taken_price, here = NEVER, 0, NEVER, 0, False
    if labels.open_at < NEVER:
        start = fixed_begin(model, visit, max(labels.open_at + travel, hold))
        price = labels.open_price + start_price(model, visit, start)
        ready = after_lunch(model, technician, labels.open_at, travel)
        late = fixed_begin(model, visit, max(ready, hold)) if ready < NEVER else NEVER
        if late < NEVER and ready <= late:
            taken_at, here = late + service, True
            taken_price = labels.open_price + start_price(model, visit, late)
        if start + service <= model.crew[technician, LUNCH_LATEST]:
            open_at, open_price = start + service, price
        elif taken_at == NEVER and labels.taken_at == NEVER:
            taken_at, taken_price = start + service, price
    if labels.taken_at < NEVER:
        start = fixed_begin(model, visit, max(labels.taken_at + travel, hold))
        price = labels.taken_price + start_price(model, visit, start)
        if start + service < taken_at or (start + service == taken_at and price < taken_price):
            taken_at, taken_price, here = start + service, price, False
    return Labels(open_at, open_price, taken_at, taken_price, here)


@njit(cache=True)
def free_labels(model: Model, technician: int, labels: Labels) -> Labels:
    """The labels once the fixed head is done: not before now, and a lunch that is past is waived."""
    free_from = model.crew[technician, FREE_FROM]
    open_at, taken_at = labels.open_at, labels.taken_at
    if open_at < NEVER:
        open_at = max(open_at, free_from)
    if taken_at < NEVER:
        taken_at = max(taken_at, free_from)
    if NEVER > open_at > model.crew[technician, LUNCH_LATEST]:
        if taken_at == NEVER:
            return Labels(NEVER, 0, open_at, labels.open_price, labels.here)
        open_at = NEVER
    return Labels(open_at, labels.open_price, taken_at, labels.taken_price, labels.here)


class Ending(NamedTuple):
    """How a route ends: `taken` tells which label it came from, `lunch` that lunch is before the way."""

    end: int
    price: int
    taken: bool
    lunch: bool


@njit(cache=True, forceinline=True)
def overtime_price(model: Model, technician: int, end: int) -> int:
    return max(0, end - model.crew[technician, SHIFT_END]) * model.rules[OVERTIME_WEIGHT]


@njit(cache=True, forceinline=True)
def finish(model: Model, technician: int, place: int, labels: Labels) -> Ending:
    """The cheaper end of the two labels (ties: the earlier); its price is NEVER if neither may be."""
    travel = model.travel[place, model.crew[technician, END_LOCATION]]
    limit = model.crew[technician, HARD_END] + model.rules[STRETCH]
    best = Ending(NEVER, NEVER, False, False)
    if labels.open_at < NEVER:
        end = labels.open_at + travel
        lunch = end > model.crew[technician, LUNCH_LATEST]
        if lunch:
            earliest = max(labels.open_at, model.crew[technician, LUNCH_EARLIEST])
            end = earliest + model.crew[technician, LUNCH_SECONDS] + travel
        if end <= limit:
            best = Ending(end, labels.open_price + overtime_price(model, technician, end), False, lunch)
    if labels.taken_at < NEVER:
        end = labels.taken_at + travel
        price = labels.taken_price + overtime_price(model, technician, end)
        if end <= limit and (price < best.price or (price == best.price and end < best.end)):
            best = Ending(end, price, True, False)
    return best


@njit(cache=True)
def finish_fixed(model: Model, technician: int, place: int, labels: Labels) -> Ending:
    """The end of a route of fixed stops only: whatever it is, it is a fact."""
    taken = labels.taken_at < labels.open_at
    left_at = labels.taken_at if taken else labels.open_at
    price = labels.taken_price if taken else labels.open_price
    end = left_at + model.travel[place, model.crew[technician, END_LOCATION]]
    return Ending(end, price + overtime_price(model, technician, end), taken, False)


@njit(cache=True, forceinline=True)
def place_before(model: Model, state: State, technician: int, position: int) -> int:
    """The location from which the technician drives to the stop at that position."""
    if position == 0:
        return model.crew[technician, START_LOCATION]
    return model.work[state.stops[technician, position - 1], LOCATION]


@njit(cache=True, forceinline=True)
def labels_at(state: State, technician: int, position: int) -> Labels:
    return Labels(
        state.labels[technician, position, OPEN_AT],
        state.labels[technician, position, OPEN_PRICE],
        state.labels[technician, position, TAKEN_AT],
        state.labels[technician, position, TAKEN_PRICE],
        False,
    )


@njit(cache=True, forceinline=True)
def keep_labels(state: State, technician: int, position: int, labels: Labels) -> None:
    state.labels[technician, position, OPEN_AT] = labels.open_at
    state.labels[technician, position, OPEN_PRICE] = labels.open_price
    state.labels[technician, position, TAKEN_AT] = labels.taken_at
    state.labels[technician, position, TAKEN_PRICE] = labels.taken_price


@njit(cache=True)
def walk(model: Model, state: State, technician: int, here: NDArray[np.bool_]) -> bool:
    """Simulate a route from its start and keep its labels; False where a stop cannot be."""
    fixed = model.crew[technician, FIXED_COUNT]
    labels = first_labels(model, technician)
    here[0] = False
    for position in range(state.totals[technician, LENGTH] + 1):
        if position == fixed:
            labels = free_labels(model, technician, labels)
        keep_labels(state, technician, position, labels)
        if position == state.totals[technician, LENGTH]:
            break
        visit = state.stops[technician, position]
        place = place_before(model, state, technician, position)
        if position < fixed:
            labels = fixed_step(model, technician, place, visit, labels)
        else:
            labels = step(model, technician, place, visit, labels)
            if labels.open_at == NEVER and labels.taken_at == NEVER:
                return False
        here[position + 1] = labels.here
    return True


@njit(cache=True)
def ending(model: Model, state: State, technician: int) -> Ending:
    """The end of a simulated route; without stops nobody leaves and nothing is paid."""
    length = state.totals[technician, LENGTH]
    if length == 0:
        return Ending(model.crew[technician, LEAVE], 0, False, False)
    place = place_before(model, state, technician, length)
    labels = labels_at(state, technician, length)
    if length == model.crew[technician, FIXED_COUNT]:
        return finish_fixed(model, technician, place, labels)
    return finish(model, technician, place, labels)


@njit(cache=True)
def keep_latest(model: Model, state: State, technician: int) -> None:
    """Fill `latest` backwards (lunch left aside, so it is a bound and never refuses a feasible stop)."""
    length = state.totals[technician, LENGTH]
    bound = model.crew[technician, HARD_END]
    state.labels[technician, length, LATEST] = bound
    place = model.crew[technician, END_LOCATION]
    for position in range(length - 1, model.crew[technician, FIXED_COUNT] - 1, -1):
        visit = state.stops[technician, position]
        here = model.work[visit, LOCATION]
        last_start = bound - model.travel[here, place] - model.work[visit, SERVICE]
        bound = -NEVER
        for window in range(model.work[visit, WINDOW_FIRST], model.work[visit, WINDOW_AFTER]):
            if model.windows[window, 0] <= last_start:
                bound = max(bound, min(last_start, model.windows[window, 1]))
        state.labels[technician, position, LATEST] = bound
        place = here


@njit(cache=True)
def settled_price(model: Model, state: State, technician: int) -> int:
    """The price of a route that does not depend on times: travel and changed technicians."""
    length = state.totals[technician, LENGTH]
    if length == 0:
        return 0
    travel, changed = 0, 0
    for position in range(length):
        visit = state.stops[technician, position]
        place = place_before(model, state, technician, position)
        travel += model.travel[place, model.work[visit, LOCATION]]
        if model.work[visit, PLANNED_TECHNICIAN] not in (-1, technician):
            changed += 1
    last = place_before(model, state, technician, length)
    travel += model.travel[last, model.crew[technician, END_LOCATION]]
    return travel * model.rules[TRAVEL_WEIGHT] + changed * model.rules[CHANGE_TECHNICIAN]


@njit(cache=True)
def refresh(model: Model, state: State, technician: int) -> bool:
    """Simulate a route and keep everything that is known of it; False if it breaks a rule."""
    here = np.empty(state.totals[technician, LENGTH] + 1, np.bool_)
    if not walk(model, state, technician, here):
        return False
    end = ending(model, state, technician)
    if end.price == NEVER:
        return False
    keep_latest(model, state, technician)
    state.totals[technician, TIMED] = end.price
    state.totals[technician, TOTAL] = end.price + settled_price(model, state, technician)
    for part in range(model.stock.shape[1]):
        state.left[technician, part] = model.stock[technician, part]
        for position in range(state.totals[technician, LENGTH]):
            state.left[technician, part] -= model.parts[state.stops[technician, position], part]
    return True
