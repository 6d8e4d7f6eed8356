"""Ruin and recreate under annealing: the numba kernels of the search.

After Christiaens and Vanden Berghe, "Slack Induction by String Removals" (2020): strings of neighbouring
stops are taken out of a few routes near each other, then everything that is out is put back greedily with
blinks. Added here: the cheapest place of each (visit, technician) is remembered until that route changes.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimizer.insertion import Place, cheapest, has_parts, put, take
from optimizer.model import FIXED_COUNT, LAST_START, NEVER, PENALTY, SERVICE, WINDOW_FIRST, Ints, Model
from optimizer.routes import (
    LATEST,
    LENGTH,
    OPEN_AT,
    OPEN_PRICE,
    TAKEN_AT,
    TAKEN_PRICE,
    TIMED,
    TOTAL,
    VERSION,
    State,
    refresh,
)

REMOVED_MEAN = 10.0
LONGEST_STRING = 10.0
SPLIT_CHANCE = 0.5
SPLIT_STOP = 0.99
BLINK_CHANCE = 0.01
RETRIED_MEAN = 8.0
"""Visits out before a change that are tried again with it, on average."""

PRICE, BEST_PRICE, VERSIONS, ABSENT, TOUCHED, KEPT_PRICE, KEPT_ABSENT = range(7)
"""Places in `Chain.counters`."""


class Chain(NamedTuple):
    """One annealing chain: its routes, the copy that a refused change returns to, and the best seen.

    `best` has rows of a length and its stops; `memory[v, k]` is twice (price, position, version of
    the route): the cheapest place of visit v there, true while the route has that version; `absent` has the
    visits that are out, now and before the change; `touched` has the changed routes, and marks of them.
    """

    state: State
    kept: State
    best: Ints
    memory: Ints
    absent: Ints
    touched: Ints
    neighbours: Ints
    eligible: Ints
    counters: Ints
    random: NDArray[np.uint64]


@njit(cache=True, forceinline=True)
def draw(chain: Chain) -> float:
    """A uniform number in [0, 1), by xorshift64*: the same on every machine and thread."""
    bits = chain.random[0]
    bits ^= bits >> np.uint64(12)
    bits ^= bits << np.uint64(25)
    bits ^= bits >> np.uint64(27)
    chain.random[0] = bits
    return float((bits * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def copy_route(source: State, target: State, technician: int) -> None:
    length = source.totals[technician, LENGTH]
    target.totals[technician, LENGTH] = length
    target.totals[technician, TIMED] = source.totals[technician, TIMED]
    target.totals[technician, TOTAL] = source.totals[technician, TOTAL]
    target.totals[technician, VERSION] = source.totals[technician, VERSION]
    for part in range(source.left.shape[1]):
        target.left[technician, part] = source.left[technician, part]
    for position in range(length + 1):
        target.stops[technician, position] = source.stops[technician, position]
        target.labels[technician, position, OPEN_AT] = source.labels[technician, position, OPEN_AT]
        target.labels[technician, position, OPEN_PRICE] = source.labels[technician, position, OPEN_PRICE]
        target.labels[technician, position, TAKEN_AT] = source.labels[technician, position, TAKEN_AT]
        target.labels[technician, position, TAKEN_PRICE] = source.labels[technician, position, TAKEN_PRICE]
        target.labels[technician, position, LATEST] = source.labels[technician, position, LATEST]


@njit(cache=True)
def touch(chain: Chain, technician: int) -> None:
    """Keep a copy of the route before its first change, and give it a new version."""
    if chain.touched[1, technician] == 0:
        chain.touched[1, technician] = 1
        chain.touched[0, chain.counters[TOUCHED]] = technician
        chain.counters[TOUCHED] += 1
        copy_route(chain.state, chain.kept, technician)
    chain.counters[VERSIONS] += 1
    chain.state.totals[technician, VERSION] = chain.counters[VERSIONS]


@njit(cache=True)
def leave_out(model: Model, chain: Chain, visit: int) -> None:
    chain.absent[0, chain.counters[ABSENT]] = visit
    chain.counters[ABSENT] += 1
    chain.counters[PRICE] += model.work[visit, PENALTY]


@njit(cache=True)
def take_string(model: Model, chain: Chain, technician: int, first: int, count: int) -> None:
    """Take stops out; where what is left breaks a rule (travel without triangles), all movable ones."""
    state = chain.state
    touch(chain, technician)
    chain.counters[PRICE] -= state.totals[technician, TOTAL]
    for position in range(first, first + count):
        leave_out(model, chain, state.stops[technician, position])
    if not take(model, state, technician, first, count):
        fixed = model.crew[technician, FIXED_COUNT]
        for position in range(fixed, state.totals[technician, LENGTH]):
            leave_out(model, chain, state.stops[technician, position])
        take(model, state, technician, fixed, state.totals[technician, LENGTH] - fixed)
    chain.counters[PRICE] += state.totals[technician, TOTAL]


@njit(cache=True)
def ruin_route(model: Model, chain: Chain, technician: int, position: int, longest: float) -> None:
    """Take a string around `position` out of the route, sometimes with a part in its middle kept."""
    fixed = model.crew[technician, FIXED_COUNT]
    movable = chain.state.totals[technician, LENGTH] - fixed
    size = int(draw(chain) * min(longest, float(movable))) + 1
    size = min(size, movable)
    spared = 0
    if size > 1 and draw(chain) < SPLIT_CHANCE:
        spared = 1
        while size + spared < movable and draw(chain) > SPLIT_STOP:
            spared += 1
        spared = min(spared, movable - size)
    span = size + spared
    lowest = max(fixed, position - span + 1)
    highest = min(position, fixed + movable - span)
    first = lowest + int(draw(chain) * (highest - lowest + 1))
    if spared == 0:
        take_string(model, chain, technician, first, size)
        return
    head = 1 + int(draw(chain) * (size - 1))
    take_string(model, chain, technician, first + head + spared, size - head)
    if chain.state.totals[technician, LENGTH] >= first + head:
        take_string(model, chain, technician, first, head)


@njit(cache=True)
def ruin(model: Model, chain: Chain) -> None:
    """Take strings out of a few routes around one random visit."""
    state = chain.state
    visits = state.owner.shape[0]
    technicians = state.totals.shape[0]
    mean = max(1.0, (visits - chain.counters[ABSENT]) / technicians)
    longest = min(LONGEST_STRING, mean)
    strings = int(draw(chain) * (4.0 * REMOVED_MEAN / (1.0 + longest) - 1.0)) + 1
    seed = min(visits - 1, int(draw(chain) * visits))
    for near in range(chain.neighbours.shape[1]):
        visit = chain.neighbours[seed, near]
        technician = state.owner[visit]
        if technician < 0 or chain.touched[1, technician] == 1:
            continue
        position = 0
        while state.stops[technician, position] != visit:
            position += 1
        if position < model.crew[technician, FIXED_COUNT]:
            continue
        ruin_route(model, chain, technician, position, longest)
        strings -= 1
        if strings <= 0:
            return


@njit(cache=True)
def sort_absent(model: Model, chain: Chain) -> int:
    """Put the visits that are out into an order drawn at random: dearest, tightest, longest, any.

    Answers how many are to be tried, at the front: all that this change took out, and of those that were
    out before it a sample (trying each of them every time is most of the work and wins little).
    """
    count = chain.counters[ABSENT]
    keys = np.empty(count, np.float64)
    kind = draw(chain)
    share = RETRIED_MEAN / max(1.0, float(chain.counters[KEPT_ABSENT]))
    tried = count
    for place in range(count):
        visit = chain.absent[0, place]
        keys[place] = draw(chain)
        if place < chain.counters[KEPT_ABSENT] and keys[place] >= share:
            keys[place] = np.inf
            tried -= 1
        elif kind < 0.4:
            keys[place] -= model.work[visit, PENALTY]
        elif kind < 0.55:
            keys[place] += model.work[visit, LAST_START] - model.windows[model.work[visit, WINDOW_FIRST], 0]
        elif kind < 0.7:
            keys[place] -= model.work[visit, SERVICE]
    chain.absent[0, :count] = chain.absent[0, :count][np.argsort(keys)]
    return tried


@njit(cache=True)
def remembered(model: Model, chain: Chain, technician: int, visit: int) -> Place:
    """The cheapest place in that route, worked out anew only if the route changed.

    What was known of the route before this change is moved aside: if the change is refused, it is true again.
    """
    version = chain.state.totals[technician, VERSION]
    memory = chain.memory[visit, technician]
    for slot in (0, 3):
        if memory[slot + 2] == version:
            return Place(memory[slot], memory[slot + 1])
    place = Place(NEVER, -1)
    if has_parts(model, chain.state, technician, visit):
        place = cheapest(model, chain.state, technician, visit, False)
    if chain.touched[1, technician] == 1 and memory[2] == chain.kept.totals[technician, VERSION]:
        memory[3:] = memory[:3]
    memory[0], memory[1], memory[2] = place.price, place.position, version
    return place


@njit(cache=True)
def insert_absent(model: Model, chain: Chain, visit: int, blink: float) -> bool:
    """Put the visit where it is cheapest, if that is cheaper than leaving it out."""
    limit, who, position = model.work[visit, PENALTY], -1, -1
    for entry in range(1, chain.eligible[visit, 0] + 1):
        technician = chain.eligible[visit, entry]
        place = remembered(model, chain, technician, visit)
        if place.price < limit and (blink == 0.0 or draw(chain) >= blink):
            limit, who, position = place.price, technician, place.position
    if who < 0:
        return False
    touch(chain, who)
    chain.counters[PRICE] -= chain.state.totals[who, TOTAL] + model.work[visit, PENALTY]
    put(model, chain.state, who, position, visit)
    chain.counters[PRICE] += chain.state.totals[who, TOTAL]
    return True


@njit(cache=True)
def recreate(model: Model, chain: Chain, blink: float) -> None:
    """Put back what is out, one after the other; what stays out is packed to the front."""
    tried = sort_absent(model, chain)
    left = 0
    for place in range(chain.counters[ABSENT]):
        visit = chain.absent[0, place]
        if place >= tried or not insert_absent(model, chain, visit, blink):
            chain.absent[0, left] = visit
            left += 1
    chain.counters[ABSENT] = left


@njit(cache=True)
def open_change(chain: Chain) -> None:
    chain.counters[TOUCHED] = 0
    chain.counters[KEPT_PRICE] = chain.counters[PRICE]
    chain.counters[KEPT_ABSENT] = chain.counters[ABSENT]
    for place in range(chain.counters[ABSENT]):
        chain.absent[1, place] = chain.absent[0, place]


@njit(cache=True)
def close_change(chain: Chain, accept: bool) -> None:
    """Keep the change, or put every touched route back as it was."""
    state = chain.state
    if not accept:
        for place in range(chain.counters[TOUCHED]):
            technician = chain.touched[0, place]
            for position in range(state.totals[technician, LENGTH]):
                state.owner[state.stops[technician, position]] = -1
        for place in range(chain.counters[TOUCHED]):
            technician = chain.touched[0, place]
            copy_route(chain.kept, state, technician)
            for position in range(state.totals[technician, LENGTH]):
                state.owner[state.stops[technician, position]] = technician
        chain.counters[PRICE] = chain.counters[KEPT_PRICE]
        chain.counters[ABSENT] = chain.counters[KEPT_ABSENT]
        for place in range(chain.counters[ABSENT]):
            chain.absent[0, place] = chain.absent[1, place]
    for place in range(chain.counters[TOUCHED]):
        chain.touched[1, chain.touched[0, place]] = 0


@njit(cache=True)
def keep_best(chain: Chain) -> None:
    state = chain.state
    chain.counters[BEST_PRICE] = chain.counters[PRICE]
    for technician in range(state.totals.shape[0]):
        length = state.totals[technician, LENGTH]
        chain.best[technician, 0] = length
        for position in range(length):
            chain.best[technician, position + 1] = state.stops[technician, position]


@njit(cache=True)
def restore_best(model: Model, chain: Chain) -> None:
    """Make the best routes the current ones."""
    state = chain.state
    state.owner[:] = -1
    chain.counters[PRICE] = 0
    for technician in range(state.totals.shape[0]):
        state.totals[technician, LENGTH] = chain.best[technician, 0]
        for position in range(state.totals[technician, LENGTH]):
            visit = chain.best[technician, position + 1]
            state.stops[technician, position] = visit
            state.owner[visit] = technician
        chain.counters[VERSIONS] += 1
        state.totals[technician, VERSION] = chain.counters[VERSIONS]
        refresh(model, state, technician)
        chain.counters[PRICE] += state.totals[technician, TOTAL]
    chain.counters[ABSENT] = 0
    for visit in range(state.owner.shape[0]):
        if state.owner[visit] < 0:
            leave_out(model, chain, visit)


@njit(cache=True, nogil=True)
def construct(model: Model, chain: Chain, order: Ints) -> None:
    """Try the visits of `order` that are out, each at its cheapest place."""
    open_change(chain)
    for place in range(order.shape[0]):
        if chain.state.owner[order[place]] < 0:
            insert_absent(model, chain, order[place], 0.0)
    chain.counters[ABSENT] = 0
    for visit in range(chain.state.owner.shape[0]):
        if chain.state.owner[visit] < 0:
            chain.absent[0, chain.counters[ABSENT]] = visit
            chain.counters[ABSENT] += 1
    close_change(chain, True)


@njit(cache=True, nogil=True)
def anneal(model: Model, chain: Chain, count: int, heat: NDArray[np.float64]) -> None:
    """Run `count` changes; `heat` is (changes done before, changes in all, first, last temperature)."""
    for turn in range(count):
        share = min(1.0, (heat[0] + turn) / heat[1])
        temperature = heat[2] * (heat[3] / heat[2]) ** share
        open_change(chain)
        ruin(model, chain)
        recreate(model, chain, BLINK_CHANCE)
        threshold = chain.counters[KEPT_PRICE] - temperature * np.log(max(1e-300, draw(chain)))
        accept = chain.counters[PRICE] < threshold
        close_change(chain, accept)
        if chain.counters[PRICE] < chain.counters[BEST_PRICE]:
            keep_best(chain)
