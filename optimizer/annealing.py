"""Ruin and recreate under annealing: the numba kernels of the search.

After Christiaens and Vanden Berghe, "Slack Induction by String Removals" (2020): strings of neighbouring
stops are taken out of a few routes near each other, then everything that is out is put back greedily with
blinks. Added here: the cheapest place of each (job, technician) is remembered until that route changes,
and a part of the changes begins beside a visit that is out.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np
from numpy.typing import NDArray

from optimizer.changes import (
    ABSENT,
    BEST_PRICE,
    KEPT_PRICE,
    OUT,
    PRICE,
    TOUCHED_PLACE,
    TRIED,
    TRY,
    Chain,
    below,
    close_change,
    draw,
    keep_best,
    open_change,
    position_of,
    take_stops,
)
from optimizer.kernels import ONE, entry, kernel
from optimizer.linking import release
from optimizer.model import FIXED_COUNT, TERMS, Ints, Model
from optimizer.recreation import insert_tried, recreate, sample_absent
from optimizer.state import LENGTH

REMOVED_MEAN = 10.0
LONGEST_STRING = 10.0
SPLIT_CHANCE = 0.5
SPLIT_STOP = 0.99
BLINK_CHANCE, MOST_BLINKS = 0.002, 0.1
RETRIED = 8
"""Visits out before a change that are tried again with it."""
ABSENT_CHANCE = 0.35
"""Of the changes while visits are out: so many begin beside one of them."""


@kernel()
def ruin_route(model: Model, chain: Chain, technician: int, position: int, longest: float) -> None:
    """Take a string around `position` out of the route, sometimes with a part in its middle kept."""
    fixed = model.staff[technician, FIXED_COUNT]
    movable = chain.state.totals[technician, LENGTH] - fixed
    size = min(movable, int(draw(chain) * min(longest, float(movable))) + 1)
    spared = 0
    if size > 1 and draw(chain) < SPLIT_CHANCE:
        spared = 1
        while size + spared < movable and draw(chain) > SPLIT_STOP:
            spared += 1
        spared = min(spared, movable - size)
    span = size + spared
    lowest = max(fixed, position - span + 1)
    highest = min(position, fixed + movable - span)
    first = lowest + below(chain, highest - lowest + 1)
    if spared == 0:
        take_stops(model, chain, technician, first, size)
        return
    head = 1 + below(chain, size - 1)
    take_stops(model, chain, technician, first + head + spared, size - head)
    if chain.state.totals[technician, LENGTH] >= first + head:
        take_stops(model, chain, technician, first, head)


@kernel()
def ruin(model: Model, chain: Chain) -> None:
    """Take strings out of a few routes around one random visit, or around one that is out."""
    state = chain.state
    visits = chain.neighbours.shape[0]
    out = chain.counters[ABSENT]
    used = 0
    for technician in range(state.totals.shape[0]):
        used += state.totals[technician, LENGTH] > 0
    mean = max(1.0, (visits - out) / max(1, used))
    longest = min(LONGEST_STRING, mean)
    strings = int(draw(chain) * (4.0 * REMOVED_MEAN / (1.0 + longest) - 1.0)) + 1
    seed, wanted = below(chain, visits), -1
    if out > 0 and draw(chain) < ABSENT_CHANCE:
        seed = wanted = chain.lists[OUT, 0]  # the first of the sample: it is tried with this change
    for near in range(chain.neighbours.shape[1]):
        visit = chain.neighbours[seed, near]
        technician = state.owner[visit]
        if technician < 0 or chain.marks[TOUCHED_PLACE, technician] >= 0:
            continue
        if wanted >= 0 and model.pairs[TERMS, wanted, technician] < 0:
            continue
        position = position_of(state, visit)
        if position < model.staff[technician, FIXED_COUNT]:
            continue
        ruin_route(model, chain, technician, position, longest)
        strings -= 1
        if strings <= 0:
            break
    release(model, chain)


@entry()
def construct(model: Model, chain: Chain, order: Ints) -> None:
    """Try the visits of `order` that are out, each at its cheapest place."""
    for place in range(order.shape[0]):
        if chain.state.owner[order[place]] < 0:
            open_change(model, chain)
            chain.lists[TRY, 0] = order[place]
            chain.counters[TRIED] = ONE
            insert_tried(model, chain, 0.0)
            close_change(model, chain, chain.counters[PRICE] < chain.counters[KEPT_PRICE])


@entry()
def anneal(model: Model, chain: Chain, count: int, heat: NDArray[np.float64]) -> None:
    """Run `count` changes; `heat` is (changes done before, changes in all, first, last temperature)."""
    # On a day of five visits so few would mean that the same is found again and again.
    blink = max(BLINK_CHANCE, min(MOST_BLINKS, chain.neighbours.shape[0] ** -1.5))
    for turn in range(count):
        share = min(1.0, (heat[0] + turn) / heat[1])
        temperature = heat[2] * (heat[3] / heat[2]) ** share
        open_change(model, chain)
        sample_absent(chain, RETRIED)
        ruin(model, chain)
        recreate(model, chain, blink)
        threshold = chain.counters[KEPT_PRICE] - temperature * np.log(max(1e-300, draw(chain)))
        accept = chain.counters[PRICE] < threshold
        close_change(model, chain, accept)
        if chain.counters[PRICE] < chain.counters[BEST_PRICE]:
            keep_best(model, chain)
