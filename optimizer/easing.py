"""Easing: the cheapest minutes of window or overtime that let a job into a route, in numba kernels."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

from optimizer.insertion import detour, settled
from optimizer.kernels import kernel
from optimizer.model import (
    AGREED_LAST,
    CHANGE_START,
    DEPOTS,
    HARD_END,
    LAST_START,
    LEAST,
    LOCATION,
    NEED,
    NEVER,
    PARTS,
    SERVICE,
    SLICES,
    TIMED,
    WINDOW_AFTER,
    WINDOW_FIRST,
    Ints,
    Model,
)
from optimizer.routes import Labels, finish_label, step
from optimizer.state import (
    LEFT,
    LENGTH,
    TIMED_PRICE,
    State,
    free_at,
    labels_at,
    place_before,
)

WINDOW_PRICE, OVERTIME_PRICE, TRANSFER_PRICE, WIDEST, LIMITED = range(5)
"""Places in `prices`: of a minute outside the windows, of a minute beyond the limit of overtime, of a piece
brought; by how many minutes the windows may give; the part that stands for visits a day, or -1."""

LAST_CERTAIN, LAST_END = range(2)
"""Places in `certain`: the last start that certificates allow, and the end of a route whatever gives."""


class Eased(NamedTuple):
    """The price of times of a whole route, its overtime beyond the limit included, and those minutes."""

    price: int
    overtime: int


@kernel()
def missing_pieces(model: Model, state: State, technician: int, job: int) -> int:
    """Pieces of parts that must be brought to the van before it has what the job needs."""
    pieces = 0
    for part in range(model.rules[PARTS]):
        need = model.work[job, NEED + part]
        if need > 0:
            left = state.totals[technician, LEFT + part]
            pieces += max(0, need - (left if model.rules[DEPOTS] == 0 else max(0, left)))
    return pieces


@kernel()
def widen(model: Model, job: int, minutes: int) -> None:
    for window in range(model.work[job, WINDOW_FIRST], model.work[job, WINDOW_AFTER]):
        model.spans[window, 0] -= 60 * minutes
        model.spans[window, 1] += 60 * minutes


@kernel()
def ended(model: Model, technician: int, place: int, labels: Labels, over: tuple[int, int]) -> Eased:
    """The cheaper end of the two labels, minutes after `over[0]` paid at `over[1]`."""
    best = Eased(NEVER, 0)
    for taken in range(2):
        label = labels.taken if taken == 1 else labels.open
        if label.at == NEVER:
            continue
        ending = finish_label(model, technician, place, label, taken == 1)
        if ending.price < NEVER:
            minutes = max(0, -((over[0] - ending.end) // 60))
            price = ending.price + minutes * over[1]
            if price < best.price:
                best = Eased(price, minutes)
    return best


@kernel()
def with_minutes(
    model: Model, state: State, technician: int, asked: tuple[int, int, int], over: tuple[int, int]
) -> Eased:
    """The route with the job at a position and its windows wider by so many minutes to both sides."""
    job, position, minutes = asked
    place = place_before(model, state, technician, position)
    widen(model, job, minutes)
    labels = step(model, technician, place, job, labels_at(state, technician, position))
    widen(model, job, -minutes)
    place = model.work[job, LOCATION]
    for after in range(position, state.totals[technician, LENGTH]):
        if labels.open.at == NEVER and labels.taken.at == NEVER:
            return Eased(NEVER, 0)
        following = state.stops[technician, after]
        labels = step(model, technician, place, following, labels)
        place = model.work[following, LOCATION]
    return ended(model, technician, place, labels, over)


@kernel()
def first_minutes(
    model: Model, state: State, technician: int, asked: tuple[int, int, int], terms: tuple[int, int, int]
) -> int:
    """The least widening with which the job fits at a position; it fits with `terms[2]` minutes."""
    job, position, least = asked
    over, widest = (terms[0], terms[1]), terms[2]
    low, high, more = least - 1, least, 1
    while high < widest:
        if with_minutes(model, state, technician, (job, position, high), over).price < NEVER:
            break
        low, high, more = high, min(high + more, widest), 2 * more
    while low + 1 < high:
        middle = (low + high) // 2
        if with_minutes(model, state, technician, (job, position, middle), over).price < NEVER:
            high = middle
        else:
            low = middle
    return high


@kernel()
def ease_at(
    model: Model,
    state: State,
    technician: int,
    asked: tuple[int, int, int, int],
    terms: tuple[Ints, Ints, int],
) -> None:
    """Enter what has to give at one position if that is cheaper than what was entered before.

    Wider windows only let the job start earlier, or late at all. So the widest make what follows cheapest
    where nothing is paid for hours and moved starts; there the search for fewer minutes ends early.
    """
    job, position, base, bare = asked
    prices, found, hard_end = terms
    over, widest = (hard_end, prices[OVERTIME_PRICE]), prices[WIDEST]
    least = with_minutes(model, state, technician, (job, position, widest), over)
    if least.price == NEVER:
        return
    steady = model.staff[technician, TIMED] == 0 and model.rules[CHANGE_START] == 0
    floor = base + (least.price if steady else 0)
    if floor + bare * prices[WINDOW_PRICE] >= found[0]:
        return
    first = first_minutes(model, state, technician, (job, position, bare), (over[0], over[1], widest))
    for minutes in range(first, widest + 1):
        if floor + minutes * prices[WINDOW_PRICE] >= found[0]:
            return
        eased = with_minutes(model, state, technician, (job, position, minutes), over)
        price = base + eased.price + minutes * prices[WINDOW_PRICE]
        if eased.price < NEVER and price < found[0]:
            found[0], found[1], found[2] = price, minutes, eased.overtime
        if steady and eased.price == least.price:
            return


@kernel()
def bare_minutes(model: Model, state: State, technician: int, position: int, job: int) -> int:
    """The least minutes by which the job starts after its windows at that position."""
    place = place_before(model, state, technician, position)
    ready = free_at(state, technician, position)
    ready += model.travel[model.rules[LEAST], place, model.work[job, LOCATION]]
    return max(0, -((model.work[job, LAST_START] - ready) // 60))


@kernel()
def eased(
    model: Model,
    state: State,
    technician: int,
    asked: tuple[int, int, int],
    terms: tuple[Ints, Ints, Ints],
) -> None:
    """Fill `terms[2]` with the price of the cheapest relaxation and its minutes of window and overtime.

    `asked` is the job, the first position that it may have, and the pieces to be brought.
    """
    job, first, pieces = asked
    certain, prices, found = terms
    hard_end, last = model.staff[technician, HARD_END], model.work[job, AGREED_LAST]
    model.staff[technician, HARD_END] = max(hard_end, certain[LAST_END])
    model.work[job, AGREED_LAST] = min(last, certain[LAST_CERTAIN])
    before = state.totals[technician, TIMED_PRICE]
    plain = model.staff[technician, TIMED] == 0 and model.rules[CHANGE_START] == 0
    plain = plain and model.rules[SLICES] == 1
    brought = pieces * prices[TRANSFER_PRICE]
    # The least detour first: most of the others are then too dear to be looked at.
    nearest, least = first, NEVER
    for position in range(first, state.totals[technician, LENGTH] + 1):
        added = detour(model, state, technician, position, job)
        minutes = bare_minutes(model, state, technician, position, job)
        if added + minutes * prices[WINDOW_PRICE] < least:
            nearest, least = position, added + minutes * prices[WINDOW_PRICE]
    for turn in range(-1, state.totals[technician, LENGTH] + 1 - first):
        position = nearest if turn < 0 else first + turn
        added = detour(model, state, technician, position, job)
        base = settled(model, state, technician, job, added) + brought - before
        # Where the detour saves no time, nothing that follows can become cheaper.
        floor = before if plain and added + model.work[job, SERVICE] >= 0 else 0
        minutes = bare_minutes(model, state, technician, position, job)
        wanted = minutes <= prices[WIDEST] and (turn < 0 or position != nearest)
        if wanted and base + floor + minutes * prices[WINDOW_PRICE] < found[0]:
            at = (job, position, base, minutes)
            ease_at(model, state, technician, at, (prices, found, hard_end))
    model.staff[technician, HARD_END], model.work[job, AGREED_LAST] = hard_end, last
