"""Crewing: what a crew would cost with each technician in it, over the moments at which it could start."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from collections.abc import Sequence
from itertools import product

import numpy as np

from optimizer.insertion import cheapest
from optimizer.kernels import entry
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    FIXED_COUNT,
    NEVER,
    TERMS,
    Ints,
    Model,
)
from optimizer.provisions import NOWHERE, suppliable
from optimizer.seating import starts_at
from optimizer.state import LENGTH, State

MOST_STARTS = 64
"""Moments that are tried; of more, those at equal distances in their order."""


@entry()
def starts_of(model: Model, state: State, job: int, found: Ints) -> int:
    """Enter the earliest starts of a job at every position, with lunch before it and after; how many."""
    count = 0
    for technician in range(state.totals.shape[0]):
        if model.pairs[TERMS, job, technician] < 0 or suppliable(model, state, technician, job) == NOWHERE:
            continue
        for position in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH] + 1):
            for start in starts_at(model, state, technician, position, job):
                if start < NEVER:
                    found[count] = start
                    count += 1
    return count


@entry()
def prices_at(model: Model, state: State, job: int, start: int, row: Ints) -> None:
    """Fill the added price of each technician who could start the job at that moment; NEVER: cannot."""
    first, last = model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST]
    model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = start, start
    for technician in range(state.totals.shape[0]):
        row[technician] = NEVER
        if first <= start <= last and model.pairs[TERMS, job, technician] >= 0:
            row[technician] = cheapest(model, state, technician, job, NEVER).price
    model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = first, last


def totals(model: Model, state: State, jobs: Sequence[int]) -> Ints:
    """For each technician the least price of a whole crew that they are in; NEVER: none was found.

    Tried are the earliest starts of everybody for every seat: where those who could start then are no
    longer free, a crew may be missed.
    """
    size = 2 * int(np.maximum(0, state.totals[:, LENGTH] + 1).sum())
    moments = np.zeros((len(jobs), size), np.int64)
    counts = [starts_of(model, state, job, row) for job, row in zip(jobs, moments, strict=True)]
    starts = np.unique(np.concatenate([row[:count] for row, count in zip(moments, counts, strict=True)]))
    if len(starts) > MOST_STARTS:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_STARTS).astype(np.int64)]
    best = np.full(len(state.totals), NEVER, np.int64)
    prices = np.zeros((len(jobs), len(state.totals)), np.int64)
    for start in starts.tolist():
        for job, row in zip(jobs, prices, strict=True):
            prices_at(model, state, job, start, row)
        if (prices.min(axis=1) < NEVER).all():
            _enter(prices, best)
    return best


def _enter(prices: Ints, best: Ints) -> None:
    """Lower what each technician's crews cost by those of one moment.

    Of each other seat as many of the cheapest are tried as there are seats: of so many one is free.
    """
    seats = len(prices)
    likely = [
        [place for place in np.argsort(row, kind="stable")[:seats].tolist() if row[place] < NEVER]
        for row in prices
    ]
    for seat in range(seats):
        for technician in np.flatnonzero(prices[seat] < best).tolist():
            others = [[technician] if other == seat else likely[other] for other in range(seats)]
            for crew in product(*others):
                if len(set(crew)) == seats:
                    total = int(sum(prices[place, who] for place, who in enumerate(crew)))
                    best[technician] = min(best[technician], total)
