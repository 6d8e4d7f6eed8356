"""Insertion: what it costs to put one job into the routes, exactly, and the cheapest place for it."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

from optimizer.kernels import NONE, ONE, ZERO, entry, kernel, leaf
from optimizer.legs import begin
from optimizer.model import (
    BACK,
    DEPOTS,
    FAIRNESS,
    FIXED_COUNT,
    JOBS,
    LAST_START,
    LEAST,
    LOCATION,
    NEVER,
    PARTS,
    SERVICE,
    SHIFT_PRICE,
    SLICES,
    STRETCH,
    TERMS,
    TOOLS,
    TRAVEL_WEIGHT,
    Model,
)
from optimizer.onward import onward_price, timed_price
from optimizer.provisions import (
    AFTER_RESTOCK,
    NOWHERE,
    WITH_RESTOCK,
    depot_has,
    first_short,
    suppliable,
)
from optimizer.routes import (
    fair_price,
    step,
)
from optimizer.state import (
    BUSY,
    LATEST,
    LEFT,
    LENGTH,
    OPEN_AT,
    PLACE,
    RESTOCK,
    TAKEN_AT,
    TIMED_PRICE,
    WAY,
    State,
    labels_at,
    place_before,
    place_of,
    refresh,
)

POSITION_BITS = 16
"""Of `Place.position`: above them stand the position + 1 of a new stop at a depot, and the depot."""


class Place(NamedTuple):
    """Where a job would go and the price that it would add (NEVER: nowhere).

    `position` is the stop before which it goes. With a new stop at a depot it also says which, and before
    which stop that lies (both by positions as they are without the two).
    """

    price: int
    position: int


@leaf()
def detour(model: Model, state: State, technician: int, position: int, job: int) -> int:
    """Seconds of travel that the job adds at that position."""
    place = place_before(model, state, technician, position)
    here = model.work[job, LOCATION]
    onward = place_of(model, state, technician, position)
    added = model.travel[model.rules[LEAST], place, here] + model.travel[model.rules[LEAST], here, onward]
    return (
        added
        if state.totals[technician, LENGTH] == 0
        else added - model.travel[model.rules[LEAST], place, onward]
    )


@leaf()
def settled(model: Model, state: State, technician: int, job: int, seconds: int) -> int:
    """The price that does not depend on times of a job which adds so many seconds of travel."""
    price = 0
    if job < model.rules[JOBS]:
        price += model.pairs[TERMS, job, technician]
    if state.totals[technician, LENGTH] == 0:
        price += model.staff[technician, SHIFT_PRICE]
    if model.rules[SLICES] == 1:
        price += seconds * model.rules[TRAVEL_WEIGHT]
        if model.rules[FAIRNESS] > 0:
            busy = state.totals[technician, BUSY]
            more = seconds + model.work[job, SERVICE]
            price += fair_price(model, busy + more) - fair_price(model, busy)
    return price


@leaf()
def scan_between(
    model: Model, state: State, technician: int, job: int, bounds: tuple[int, int, int]
) -> Place:
    """The cheapest position from `bounds[0]` up to `bounds[1]`, cheaper than `bounds[2]`."""
    first, after, limit = bounds
    price, at = limit, NONE
    least, back = model.rules[LEAST], model.rules[BACK]
    here, last = model.work[job, LOCATION], model.work[job, LAST_START] + model.rules[STRETCH]
    before, length = state.totals[technician, TIMED_PRICE], state.totals[technician, LENGTH]
    weighed = model.rules[FAIRNESS] > 0 or model.rules[SLICES] > 1
    constant = settled(model, state, technician, job, ZERO)
    onward = place_before(model, state, technician, first)
    for position in range(first, min(after, length) + 1):
        row = state.labels[technician, position]
        place, onward = onward, row[PLACE]
        way, on = model.travel[back, here, place], model.travel[least, here, onward]
        seconds = way + on - (row[WAY] if length > 0 else 0)
        if weighed:
            added = settled(model, state, technician, job, seconds)
        else:
            added = constant + seconds * model.rules[TRAVEL_WEIGHT]
        if added >= price and limit < NEVER:
            continue
        free = min(row[OPEN_AT], row[TAKEN_AT])
        if free > last:
            break
        start = begin(model, job, free + way)
        if start == NEVER or start + model.work[job, SERVICE] + on > row[LATEST]:
            continue
        timed = timed_price(model, state, technician, position, job)
        if timed < NEVER and added + timed - before < price:
            price, at = added + timed - before, position
    return Place(price if at >= 0 else NEVER, at)


@leaf()
def scan(model: Model, state: State, technician: int, job: int, limit: int) -> Place:
    """The cheapest position for a job in one route below the limit, that can be supplied there.

    Exact if the limit is NEVER. Below a limit, positions whose travel alone reaches it or the best so far
    are skipped, which is only wrong where a detour makes the price of times less. Who may serve what
    (`terms`) is the caller's question.
    """
    supplied = suppliable(model, state, technician, job)
    if supplied == NOWHERE:
        return Place(NEVER, NONE)
    if supplied == WITH_RESTOCK:
        return cheapest_restocked(model, state, technician, job, limit)
    first = model.staff[technician, FIXED_COUNT]
    if supplied == AFTER_RESTOCK:
        first = max(first, state.totals[technician, RESTOCK] + 1)
    return scan_between(model, state, technician, job, (first, NEVER, limit))


@entry()
def cheapest(model: Model, state: State, technician: int, job: int, limit: int) -> Place:
    """`scan` for everybody who is not in the innermost loop."""
    return scan(model, state, technician, job, limit)


@entry()
def cheapest_between(
    model: Model, state: State, technician: int, job: int, bounds: tuple[int, int, int]
) -> Place:
    """`scan_between` for everybody who is not in the innermost loop."""
    return scan_between(model, state, technician, job, bounds)


@kernel()
def cheapest_restocked(model: Model, state: State, technician: int, job: int, limit: int) -> Place:
    """The cheapest pair of places for a job and a new stop at a depot before it."""
    best = Place(limit, NONE)
    for depot in range(model.rules[DEPOTS]):
        if not depot_has(model, state, technician, job, depot):
            continue
        for at in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH] + 1):
            best = restocked_at(model, state, technician, (job, depot, at), best)
    return best if best.position >= 0 else Place(NEVER, NONE)


@kernel()
def restocked_at(
    model: Model, state: State, technician: int, pair: tuple[int, int, int], best: Place
) -> Place:
    """The cheaper of `best` and the places of a job behind a stop at a depot before that position."""
    job, depot, at = pair
    stop = model.rules[JOBS] + depot
    here, length = model.work[stop, LOCATION], state.totals[technician, LENGTH]
    place = place_before(model, state, technician, at)
    labels = step(model, technician, place, stop, labels_at(state, technician, at))
    seconds = detour(model, state, technician, at, stop)
    for position in range(at, length + 1):
        if labels.open.at == NEVER and labels.taken.at == NEVER:
            break
        to, onward = model.work[job, LOCATION], place_of(model, state, technician, position)
        more = (
            model.travel[model.rules[LEAST], here, to]
            + model.travel[model.rules[LEAST], to, onward]
            - model.travel[model.rules[LEAST], here, onward]
        )
        added = settled(model, state, technician, job, seconds + more)
        if model.rules[FAIRNESS] > 0 and model.rules[SLICES] == 1:
            busy = state.totals[technician, BUSY] + seconds + more + model.work[job, SERVICE]
            added += fair_price(model, busy + model.work[stop, SERVICE]) - fair_price(model, busy)
        if added < best.price:
            reached = step(model, technician, here, job, labels)
            timed = onward_price(model, state, technician, position, (job, reached))
            total = added + timed - state.totals[technician, TIMED_PRICE]
            if timed < NEVER and total < best.price:
                code = position | (at + 1) << POSITION_BITS | depot << 2 * POSITION_BITS
                best = Place(total, code)
        if position < length:
            following = state.stops[technician, position]
            labels = step(model, technician, here, following, labels)
            here = model.work[following, LOCATION]
    return best


@kernel()
def shift_in(state: State, technician: int, position: int, job: int) -> None:
    for after in range(state.totals[technician, LENGTH], position, -1):
        state.stops[technician, after] = state.stops[technician, after - 1]
    state.stops[technician, position] = job
    state.totals[technician, LENGTH] += 1


@kernel()
def shift_out(state: State, technician: int, position: int, count: int) -> None:
    for after in range(position + count, state.totals[technician, LENGTH]):
        state.stops[technician, after - count] = state.stops[technician, after]
    state.totals[technician, LENGTH] -= count


@entry()
def put(model: Model, state: State, technician: int, position: int, job: int) -> bool:
    """Put the job there (with the stop at a depot that the position may say) and simulate the route anew."""
    at = position & (1 << POSITION_BITS) - 1
    restock = (position >> POSITION_BITS & (1 << POSITION_BITS) - 1) - 1
    shift_in(state, technician, at, job)
    state.owner[job] = technician
    if restock >= 0:
        shift_in(state, technician, restock, model.rules[JOBS] + (position >> 2 * POSITION_BITS))
        at = restock
    if not refresh(model, state, technician, at):
        return False
    return state.totals[technician, RESTOCK] < 0 or restock >= 0 or refit(model, state, technician)


@entry()
def take(model: Model, state: State, technician: int, position: int, count: int) -> bool:
    """Take `count` stops out and simulate the route anew; False where what is left breaks a rule.

    A stop at a depot that nothing needs any longer goes too; one that is needed goes where it is cheapest.
    """
    jobs = model.rules[JOBS]
    for after in range(position, position + count):
        if state.stops[technician, after] < jobs:
            state.owner[state.stops[technician, after]] = -1
    shift_out(state, technician, position, count)
    restocked = state.totals[technician, RESTOCK] >= 0
    if restocked:
        return refit(model, state, technician)
    return refresh(model, state, technician, position)


@kernel()
def refit(model: Model, state: State, technician: int) -> bool:
    """Put the stop at the depot of a route where it is cheapest now, or leave it out if nothing needs it."""
    jobs, depot, kept = model.rules[JOBS], NONE, NONE
    for position in range(state.totals[technician, LENGTH]):
        if state.stops[technician, position] >= jobs:
            kept, depot = position, state.stops[technician, position] - jobs
    if kept >= 0:
        shift_out(state, technician, kept, ONE)
    if not refresh(model, state, technician, ZERO):
        if kept < 0 or first_short(model, state, technician) == state.totals[technician, LENGTH]:
            return False
        shift_in(state, technician, kept, jobs + depot)
        return refresh(model, state, technician, ZERO)
    short = first_short(model, state, technician)
    if short == state.totals[technician, LENGTH]:
        return True
    best = best_depot(model, state, technician, short)
    if best.position >= 0:
        shift_in(state, technician, best.position % (1 << POSITION_BITS), best.position >> POSITION_BITS)
        return refresh(model, state, technician, ZERO)
    if kept < 0 or kept > short:
        return False
    shift_in(state, technician, kept, jobs + depot)
    return refresh(model, state, technician, ZERO)


@kernel()
def best_depot(model: Model, state: State, technician: int, short: int) -> Place:
    """The cheapest place up to `short` for a stop at any depot that has all that is missing."""
    jobs, first = model.rules[JOBS], model.staff[technician, FIXED_COUNT]
    best = Place(NEVER, NONE)
    for depot in range(model.rules[DEPOTS]):
        enough = True
        for part in range(model.rules[PARTS]):
            if -state.totals[technician, LEFT + part] > max(0, state.supply[depot, part]):
                enough = False
        for position in range(short, state.totals[technician, LENGTH]):
            tools = model.pairs[TOOLS, state.stops[technician, position], technician]
            if tools != -1 and (tools >> depot) & 1 == 0:
                enough = False
        if enough:
            found = cheapest_between(model, state, technician, jobs + depot, (first, short, NEVER))
            if found.price < best.price:
                best = Place(found.price, found.position | (jobs + depot) << POSITION_BITS)
    return best


@entry()
def cheapest_anywhere(model: Model, state: State, job: int) -> tuple[int, int, int]:
    """(price, technician, position) over all technicians and positions, exactly."""
    price, who, at = NEVER, NONE, NONE
    for technician in range(state.totals.shape[0]):
        if model.pairs[TERMS, job, technician] >= 0:
            place = cheapest(model, state, technician, job, NEVER)
            if place.price < price:
                price, who, at = place.price, technician, place.position
    return price, who, at
