"""The State: all routes of a plan being made, kept simulated."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

import numpy as np

from optimizer.kernels import NONE, entry, kernel, leaf
from optimizer.legs import steady_until
from optimizer.model import (
    AGREED_LAST,
    DEPOTS,
    END_LOCATION,
    FIXED_COUNT,
    HARD_END,
    JOBS,
    LEAST,
    LEAVE,
    LOCATION,
    NEED,
    NEVER,
    PARTS,
    SERVICE,
    SHIFT_END,
    SHIFT_PRICE,
    SLICES,
    START_LOCATION,
    STOCK,
    STRETCH,
    TERMS,
    TRAVEL_WEIGHT,
    WINDOW_AFTER,
    WINDOW_FIRST,
    Ints,
    Model,
)
from optimizer.routes import (
    Ending,
    Label,
    Labels,
    Leg,
    fair_price,
    finish,
    finish_fixed,
    first_labels,
    fixed_step,
    free_labels,
    is_plain,
    no_label,
    plain_step,
    step,
)

OPEN_AT, TAKEN_AT, LATEST, WAY, PLACE, TAKEN_PRICE, ARRIVES, STEADY = range(8)
OPEN_PRICE, OPEN_WAITED, OPEN_SLACK, TAKEN_WAITED, TAKEN_SLACK = range(8, 13)
"""Layers of `State.labels` [technician, stop, layer]; what a scan looks at comes first, in one cache line.

ARRIVES: the arrival at that stop. After LATEST nobody may arrive there (stop length: at the end
location). WAY: seconds of travel from the stop before. PLACE: the location of the stop, or of the end.
Where lunch is no longer open an arrival from ARRIVES to STEADY changes the price of nothing."""
LAYERS = 13

LENGTH, TIMED_PRICE, TOTAL, VERSION, BUSY, RESTOCK, DEPOT, LEFT = range(8)
"""Columns of `State.totals`: stops, the price that depends on times, the whole price, the version, seconds
of travel and service, the place of the stop at a depot, and which depot; both -1 without.

From LEFT on: pieces of each part that no stop needs (below 0: taken along at the depot), then those that
no stop before the depot needs."""


class State(NamedTuple):
    """All routes: `stops[k, i]`, `labels[k, i]` after i stops, `totals[k]`.

    `supply` is what is left at the depots, `owner` job → technician or -1.
    """

    stops: Ints
    labels: Ints
    totals: Ints
    supply: Ints
    owner: Ints


def empty_state(model: Model) -> State:
    """Routes without stops; the caller refreshes each (insertion.start)."""
    _, jobs, technicians = model.pairs.shape
    width = longest_route(model) + 1
    return State(
        stops=np.zeros((technicians, width), np.int64),
        labels=np.zeros((technicians, width, LAYERS), np.int64),
        totals=_totals(model),
        supply=model.supply.copy(),
        owner=np.full(jobs, -1, np.int64),
    )


def _totals(model: Model) -> Ints:
    technicians = model.pairs.shape[2]
    totals = np.zeros((technicians, LEFT + 2 * int(model.rules[PARTS])), np.int64)
    totals[:, RESTOCK] = totals[:, DEPOT] = -1
    return totals


def longest_route(model: Model) -> int:
    """A bound of the stops on any route: what its longest shift and its fullest van could hold."""
    _, jobs, technicians = model.pairs.shape
    if not technicians:
        return 1
    span = int((model.staff[:, HARD_END] - model.staff[:, LEAVE]).max())
    services = np.sort(model.work[:jobs, SERVICE])
    most = int(np.searchsorted(np.cumsum(services), span, side="right"))
    if not len(model.supply):
        for part in range(model.rules[PARTS]):
            needs = np.cumsum(np.sort(model.work[:jobs, NEED + part]))
            most = min(most, int(np.searchsorted(needs, model.staff[:, STOCK + part].max(), side="right")))
    return min(jobs, most) + int(model.staff[:, FIXED_COUNT].max()) + 3


@leaf()
def place_before(model: Model, state: State, technician: int, position: int) -> int:
    """The location from which the technician drives to the stop at that position."""
    if position == 0:
        return model.staff[technician, START_LOCATION]
    return model.work[state.stops[technician, position - 1], LOCATION]


@leaf()
def place_of(model: Model, state: State, technician: int, position: int) -> int:
    """The location of the stop at that position; of the last one: the end of the route."""
    if position == state.totals[technician, LENGTH]:
        return model.staff[technician, END_LOCATION]
    return model.work[state.stops[technician, position], LOCATION]


@leaf()
def labels_at(state: State, technician: int, position: int) -> Labels:
    row = state.labels[technician, position]
    return Labels(
        Label(row[OPEN_AT], row[OPEN_PRICE], row[OPEN_WAITED], row[OPEN_SLACK]),
        Label(row[TAKEN_AT], row[TAKEN_PRICE], row[TAKEN_WAITED], row[TAKEN_SLACK]),
        False,
    )


@leaf()
def keep_labels(state: State, technician: int, position: int, labels: Labels) -> None:
    row = state.labels[technician, position]
    row[OPEN_AT], row[OPEN_PRICE] = labels.open.at, labels.open.price
    row[OPEN_WAITED], row[OPEN_SLACK] = labels.open.waited, labels.open.slack
    row[TAKEN_AT], row[TAKEN_PRICE] = labels.taken.at, labels.taken.price
    row[TAKEN_WAITED], row[TAKEN_SLACK] = labels.taken.waited, labels.taken.slack


@leaf()
def free_at(state: State, technician: int, position: int) -> int:
    """The earlier of the two labels' times before the stop at that position."""
    return min(state.labels[technician, position, OPEN_AT], state.labels[technician, position, TAKEN_AT])


@kernel()
def walk(model: Model, state: State, technician: int, first: int) -> bool:
    """Simulate a route from a position on (its labels before that hold); False where a stop cannot be."""
    fixed = model.staff[technician, FIXED_COUNT]
    plain = is_plain(model, technician)
    labels = first_labels(model, technician) if first == 0 else labels_at(state, technician, first)
    for position in range(first, state.totals[technician, LENGTH] + 1):
        if position == fixed and (first < fixed or first == 0):
            labels = free_labels(model, technician, labels)
        keep_labels(state, technician, position, labels)
        if position == state.totals[technician, LENGTH]:
            break
        if plain and position >= fixed and labels.open.at == NEVER:
            return walk_plain(model, state, technician, position)
        job = state.stops[technician, position]
        place = place_before(model, state, technician, position)
        if position < fixed:
            labels = fixed_step(model, technician, place, job, labels)
        else:
            labels = step(model, technician, place, job, labels)
            if labels.open.at == NEVER and labels.taken.at == NEVER:
                return False
    return True


@leaf()
def walk_plain(model: Model, state: State, technician: int, first: int) -> bool:
    """The rest of a plain route once lunch is no longer open, from labels that are kept."""
    at, price = state.labels[technician, first, TAKEN_AT], state.labels[technician, first, TAKEN_PRICE]
    place = place_before(model, state, technician, first)
    for position in range(first, state.totals[technician, LENGTH]):
        job = state.stops[technician, position]
        at, price = plain_step(model, Leg(technician, place, job, -NEVER), at, price)
        if at == NEVER:
            return False
        keep_labels(state, technician, position + 1, Labels(no_label(), Label(at, price, 0, 0), False))
        place = model.work[job, LOCATION]
    return True


@kernel()
def ending(model: Model, state: State, technician: int) -> Ending:
    """The end of a simulated route; without stops nobody leaves and nothing is paid."""
    length = state.totals[technician, LENGTH]
    if length == 0:
        return Ending(model.staff[technician, LEAVE], 0, False, False, 0)
    place = place_before(model, state, technician, length)
    if length == model.staff[technician, FIXED_COUNT]:
        return finish_fixed(model, technician, place, fixed_labels(model, state, technician))
    return finish(model, technician, place, labels_at(state, technician, length))


@kernel()
def fixed_labels(model: Model, state: State, technician: int) -> Labels:
    """The labels after the fixed head, without the wait for now that comes before a movable stop."""
    labels = first_labels(model, technician)
    for position in range(model.staff[technician, FIXED_COUNT]):
        place = place_before(model, state, technician, position)
        labels = fixed_step(model, technician, place, state.stops[technician, position], labels)
    return labels


@kernel()
def keep_latest(model: Model, state: State, technician: int, first: int) -> None:
    """Fill LATEST backwards (lunch and absences left aside: a bound that never refuses what is feasible).

    Stops before the first that changed keep theirs once one of them is what it was.
    """
    length = state.totals[technician, LENGTH]
    stretch = model.rules[STRETCH]
    bound = model.staff[technician, HARD_END] + stretch
    place = model.staff[technician, END_LOCATION]
    state.labels[technician, length, LATEST] = bound
    for position in range(length - 1, model.staff[technician, FIXED_COUNT] - 1, -1):
        job = state.stops[technician, position]
        here = model.work[job, LOCATION]
        last_start = bound - model.travel[model.rules[LEAST], here, place] - model.work[job, SERVICE]
        last_start = min(last_start, model.work[job, AGREED_LAST])
        bound = -NEVER
        for window in range(model.work[job, WINDOW_FIRST], model.work[job, WINDOW_AFTER]):
            if model.spans[window, 0] <= last_start:
                bound = max(bound, min(last_start, model.spans[window, 1] + stretch))
        if position < first and state.labels[technician, position, LATEST] == bound:
            break
        state.labels[technician, position, LATEST] = bound
        place = here


@kernel()
def keep_steady(model: Model, state: State, technician: int, first: int, end: int) -> None:
    """Fill ARRIVES and STEADY backwards, as far as lunch is no longer open and, as above, they changed."""
    length = state.totals[technician, LENGTH]
    plain = is_plain(model, technician) and length > model.staff[technician, FIXED_COUNT]
    shift_end = model.staff[technician, SHIFT_END]
    bound = min(max(shift_end, end), model.staff[technician, HARD_END])
    place = model.staff[technician, END_LOCATION]
    for position in range(length, model.staff[technician, FIXED_COUNT] - 1, -1):
        row = state.labels[technician, position]
        if not plain or row[OPEN_AT] < NEVER or row[TAKEN_AT] == NEVER:
            for before in range(position + 1):
                state.labels[technician, before, STEADY] = -NEVER
            return
        if position < length:
            job = state.stops[technician, position]
            here, service = model.work[job, LOCATION], model.work[job, SERVICE]
            start = state.labels[technician, position + 1, TAKEN_AT] - service
            bound = min(steady_until(model, job, start), bound - model.travel[0, here, place] - service)
            place = here
        if position < first and row[STEADY] == bound:
            return
        row[ARRIVES] = (
            row[TAKEN_AT] + model.travel[0, place_before(model, state, technician, position), place]
        )
        row[STEADY] = bound


@kernel()
def settled_price(model: Model, state: State, technician: int) -> int:
    """The price of a route that does not depend on times; keeps BUSY and the parts that are left."""
    length = state.totals[technician, LENGTH]
    state.totals[technician, BUSY] = 0
    state.labels[technician, length, PLACE] = model.staff[technician, END_LOCATION]
    if length == 0:
        return 0
    travel, service, price = 0, 0, model.staff[technician, SHIFT_PRICE]
    place = model.staff[technician, START_LOCATION]
    for position in range(length):
        job = state.stops[technician, position]
        here = model.work[job, LOCATION]
        way = model.travel[model.rules[LEAST], place, here]
        state.labels[technician, position, WAY] = way
        state.labels[technician, position, PLACE] = here
        travel += way
        service += model.work[job, SERVICE]
        place = here
        if job < model.rules[JOBS]:
            price += model.pairs[TERMS, job, technician]
    way = model.travel[model.rules[LEAST], place, model.staff[technician, END_LOCATION]]
    state.labels[technician, length, WAY] = way
    travel += way
    if model.rules[SLICES] > 1:
        return price
    state.totals[technician, BUSY] = travel + service
    return price + travel * model.rules[TRAVEL_WEIGHT] + fair_price(model, travel + service)


@kernel()
def keep_parts(model: Model, state: State, technician: int) -> None:
    """Count what is left in the van, and what is taken along at the depot."""
    length, jobs = state.totals[technician, LENGTH], model.rules[JOBS]
    restock = NONE
    if model.rules[DEPOTS] > 0:
        give_back(model, state, technician)
        for position in range(length):
            if state.stops[technician, position] >= jobs:
                restock = position
    for part in range(model.rules[PARTS]):
        left = before = model.staff[technician, STOCK + part]
        for position in range(length):
            left -= model.work[state.stops[technician, position], NEED + part]
            if position < restock:
                before = left
        state.totals[technician, LEFT + part] = left
        state.totals[technician, LEFT + model.rules[PARTS] + part] = before
        if restock >= 0:
            state.supply[state.stops[technician, restock] - jobs, part] -= max(0, -left)
    state.totals[technician, RESTOCK] = restock
    state.totals[technician, DEPOT] = state.stops[technician, restock] - jobs if restock >= 0 else -1


@kernel()
def give_back(model: Model, state: State, technician: int) -> None:
    """Give the depot back what the route as it was kept takes along."""
    depot = state.totals[technician, DEPOT]
    if depot >= 0:
        for part in range(model.rules[PARTS]):
            state.supply[depot, part] += max(0, -state.totals[technician, LEFT + part])
        state.totals[technician, DEPOT] = -1


@entry()
def refresh(model: Model, state: State, technician: int, first: int) -> bool:
    """Simulate a route from a position on and keep all that is known of it; False if it breaks a rule."""
    if not walk(model, state, technician, first):
        return False
    end = ending(model, state, technician)
    if end.price == NEVER:
        return False
    keep_latest(model, state, technician, first)
    keep_steady(model, state, technician, first, end.end)
    keep_parts(model, state, technician)
    state.totals[technician, TIMED_PRICE] = end.price
    state.totals[technician, TOTAL] = end.price + settled_price(model, state, technician)
    return True
