"""Displacement: kernels that make room for one visit by taking out others of lower penalty.

A trial changes the state, and is undone by going back to the routes as they were written down before it.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np
from numpy.typing import NDArray

from optimizer.insertion import cheapest, cheapest_anywhere, put, take
from optimizer.kernels import ZERO, entry_making, kernel, making
from optimizer.model import FIXED_COUNT, NEVER, PENALTY, TERMS, Ints, Model
from optimizer.state import LENGTH, TOTAL, State, refresh

CANDIDATES = 32
"""Of the ways to make room, how many are tried to the end, the cheapest first."""
DEEP = 4
"""How many of them are tried with a second displacement for a visit that finds no place."""
DEEP_CANDIDATES = 8

RANK, PRICE, TECHNICIAN, POSITION, COUNT = range(5)
"""Columns of a candidate: `COUNT` stops from `POSITION` on go out and the visit comes in.

PRICE is without what becomes of those taken out. RANK is what the visit adds to the route without them:
elsewhere they mostly cost about what they save here, so this tells best what is worth to be tried."""


@making()
def scan(model: Model, state: State, visit: int, movable: NDArray[np.bool_], found: Ints) -> int:
    """Fill rows with the most promising ways to make room: one stop out, or two neighbours; how many.

    Only movable visits of lower penalty are taken out.
    """
    rows = 0
    for technician in range(state.totals.shape[0]):
        if model.pairs[TERMS, visit, technician] < 0:
            continue
        kept = state.stops[technician, : state.totals[technician, LENGTH]].copy()
        before = state.totals[technician, TOTAL]
        for position in range(model.staff[technician, FIXED_COUNT], kept.shape[0]):
            for count in (1, 2):
                after = position + count
                if after > kept.shape[0] or not may_go(model, kept[after - 1], visit, movable):
                    break
                rank, saved = NEVER, 0
                if take(model, state, technician, position, count):
                    rank = price_here(model, state, technician, visit)
                    saved = before - state.totals[technician, TOTAL]
                make(model, state, technician, kept)
                if rank < NEVER:
                    rows = keep_row(found, rows, (rank, rank - saved, technician, position, count))
    return rows


@kernel()
def may_go(model: Model, other: int, visit: int, movable: NDArray[np.bool_]) -> bool:
    # A stop at a depot is no visit: it has no place in `movable`.
    if other >= movable.shape[0] or not movable[other]:
        return False
    return model.work[other, PENALTY] < model.work[visit, PENALTY]


@kernel()
def price_here(model: Model, state: State, technician: int, visit: int) -> int:
    """What the visit adds at its cheapest place in that route, NEVER if it has none."""
    return cheapest(model, state, technician, visit, NEVER).price


@making()
def keep_row(found: Ints, rows: int, row: tuple[int, int, int, int, int]) -> int:
    """Put the row in by its rank; of more than there is room for the last falls out."""
    size = found.shape[0]
    if rows == size and row[0] >= found[size - 1, RANK]:
        return rows
    place = min(rows, size - 1)
    while place > 0 and found[place - 1, RANK] > row[0]:
        found[place] = found[place - 1]
        place -= 1
    found[place] = np.array(row)
    return min(size, rows + 1)


@kernel()
def make(model: Model, state: State, technician: int, stops: Ints) -> bool:
    """Make these the stops of the route; False where that breaks a rule."""
    clear(state, technician)
    for position in range(stops.shape[0]):
        state.stops[technician, position] = stops[position]
        if stops[position] < state.owner.shape[0]:
            state.owner[stops[position]] = technician
    state.totals[technician, LENGTH] = stops.shape[0]
    return refresh(model, state, technician, ZERO)


@kernel()
def clear(state: State, technician: int) -> None:
    # A stop at a depot is nobody's.
    for position in range(state.totals[technician, LENGTH]):
        if state.stops[technician, position] < state.owner.shape[0]:
            state.owner[state.stops[technician, position]] = -1
    state.totals[technician, LENGTH] = 0


@entry_making()
def write_down(state: State, spare: int) -> Ints:
    """All routes as rows of a length and the stops, with room for so many more."""
    width = state.totals[:, LENGTH].max() + spare
    routes = np.zeros((state.totals.shape[0], width + 1), np.int64)
    for technician in range(routes.shape[0]):
        length = state.totals[technician, LENGTH]
        routes[technician, 0] = length
        routes[technician, 1 : length + 1] = state.stops[technician, :length]
    return routes


@kernel()
def same(state: State, technician: int, stops: Ints) -> bool:
    if stops.shape[0] != state.totals[technician, LENGTH]:
        return False
    different = 0
    for position in range(stops.shape[0]):
        different += stops[position] != state.stops[technician, position]
    return different == 0


@entry_making()
def go_to(model: Model, state: State, routes: Ints) -> bool:
    """Make the routes what was written down; only those that differ are simulated anew."""
    different = np.zeros(routes.shape[0], np.bool_)
    for technician in range(routes.shape[0]):
        if not same(state, technician, routes[technician, 1 : routes[technician, 0] + 1]):
            different[technician] = True
            clear(state, technician)
    kept = True
    for technician in range(routes.shape[0]):
        if different[technician]:
            kept &= make(model, state, technician, routes[technician, 1 : routes[technician, 0] + 1])
    return kept


@kernel()
def settle(model: Model, state: State, visit: int) -> int:
    """Put a displaced visit where it is cheapest, or leave it out; the price of either."""
    price, who, position = cheapest_anywhere(model, state, visit)
    if who < 0 or price >= model.work[visit, PENALTY]:
        return model.work[visit, PENALTY]
    put(model, state, who, position, visit)
    return price


@making()
def swap_in(model: Model, state: State, visit: int, candidate: Ints) -> Ints:
    """Take the candidate's stops out and put the visit in; those taken out, the dearest first."""
    technician, first = candidate[TECHNICIAN], candidate[POSITION]
    out = state.stops[technician, first : first + candidate[COUNT]].copy()
    take(model, state, technician, first, candidate[COUNT])
    put(model, state, technician, cheapest(model, state, technician, visit, NEVER).position, visit)
    if out.shape[0] == 2 and model.work[out[1], PENALTY] > model.work[out[0], PENALTY]:
        out[0], out[1] = out[1], out[0]
    return out


@making()
def make_room(model: Model, state: State, visit: int, candidate: Ints, movable: NDArray[np.bool_]) -> int:
    """Do what the candidate says; the price of it with what becomes of those taken out.

    With an empty `movable` they go where there is room; else each may displace one more.
    """
    price = candidate[PRICE]
    for other in swap_in(model, state, visit, candidate):
        if movable.shape[0] == 0:
            price += settle(model, state, other)
        else:
            price += push_on(model, state, other, movable)
    return price


@making()
def push_on(model: Model, state: State, visit: int, movable: NDArray[np.bool_]) -> int:
    """Settle a displaced visit; where it would stay out, by displacing others of still lower penalty."""
    before = write_down(state, 3)
    best = settle(model, state, visit)
    if best < model.work[visit, PENALTY]:
        return best
    chosen = before
    found = np.zeros((DEEP_CANDIDATES, 5), np.int64)
    rows = scan(model, state, visit, movable, found)
    for row in range(rows):
        # Putting something back in is hardly ever a gain: what is dearer already is not tried.
        if found[row, PRICE] >= best:
            continue
        added = found[row, PRICE]
        for other in swap_in(model, state, visit, found[row]):
            added += settle(model, state, other)
        if added < best:
            best, chosen = added, write_down(state, 0)
        go_to(model, state, before)
    go_to(model, state, chosen)
    return best


@entry_making()
def displace(model: Model, state: State, visit: int, movable: NDArray[np.bool_]) -> tuple[int, Ints]:
    """The least price at which others make room for the visit, below its penalty, and the routes then.

    The price is NEVER where there is no such way; the state stays as it was. Second displacements are
    tried only where the best way without them leaves somebody out.
    """
    before = write_down(state, 3)
    out, nobody = count_out(state), np.zeros(0, np.bool_)
    best, chosen, complete = model.work[visit, PENALTY], before, False
    found = np.zeros((CANDIDATES, 5), np.int64)
    rows = scan(model, state, visit, movable, found)
    for row in range(rows + min(rows, DEEP)):
        if row >= rows and complete:
            break
        candidate = found[row % rows]
        if candidate[PRICE] >= best:
            continue
        price = make_room(model, state, visit, candidate, nobody if row < rows else movable)
        if price < best:
            best, chosen, complete = price, write_down(state, 0), count_out(state) < out
        go_to(model, state, before)
    return (best, chosen) if best < model.work[visit, PENALTY] else (NEVER, before)


@kernel()
def count_out(state: State) -> int:
    out = 0
    for visit in range(state.owner.shape[0]):
        out += state.owner[visit] < 0
    return out
