"""Chains: how an annealing chain starts, fills its routes, and reads out its best plan."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizer.annealing import (
    ABSENT,
    BEST_PRICE,
    PRICE,
    VERSIONS,
    Chain,
    construct,
    leave_out,
    restore_best,
)
from optimizer.model import LOCATION, NEVER, PENALTY, Encoded, Ints, Model
from optimizer.plan import Plan
from optimizer.routes import TOTAL, VERSION, State, empty_state
from optimizer.timetable import read_plan

NEIGHBOURS = 128
CONSTRUCT_CHUNK = 50
"""Visits put in by one kernel call: the caller is asked between two of them."""


def start_chain(encoded: Encoded, state: State, *, seed: int) -> Chain:
    """A chain around routes that are already simulated."""
    model = encoded.model
    technicians, visits = model.allowed.shape
    chain = Chain(
        state=state,
        kept=empty_state(model),
        best=np.zeros((technicians, visits + 1), np.int64),
        memory=np.zeros((visits, technicians, 6), np.int64),
        absent=np.zeros((2, visits), np.int64),
        touched=np.zeros((2, technicians), np.int64),
        neighbours=_neighbours(model),
        eligible=_eligible(model),
        counters=np.zeros(7, np.int64),
        random=_random_state(seed),
    )
    state.totals[:, VERSION] = np.arange(1, technicians + 1)
    chain.counters[VERSIONS] = technicians
    chain.counters[PRICE] = state.totals[:, TOTAL].sum()
    for visit in np.flatnonzero(state.owner < 0).tolist():
        leave_out(model, chain, visit)
    chain.counters[BEST_PRICE] = NEVER
    return chain


def construct_all(encoded: Encoded, chain: Chain, keep_going: Callable[[], bool]) -> None:
    """Insert what is out, the dearest first; the dearest are placed before anybody is asked."""
    penalty = encoded.model.work[:, PENALTY]
    absent = chain.absent[0, : chain.counters[ABSENT]]
    order = absent[np.lexsort((absent, -penalty[absent]))].copy()
    for first in range(0, len(order), CONSTRUCT_CHUNK):
        construct(encoded.model, chain, order[first : first + CONSTRUCT_CHUNK])
        if not keep_going():
            return


def best_plan(encoded: Encoded, chain: Chain) -> Plan:
    """The best routes read out beside the chain, which goes on undisturbed."""
    from_best = chain._replace(
        state=empty_state(encoded.model),
        counters=chain.counters.copy(),
        absent=chain.absent.copy(),
    )
    restore_best(encoded.model, from_best)
    return read_plan(encoded, from_best.state)


def _random_state(seed: int) -> NDArray[np.uint64]:
    # One round of splitmix64: neighbouring seeds give unrelated chains, and never the all-zero state.
    mask = (1 << 64) - 1
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return np.array([(mixed ^ (mixed >> 31)) or 1], dtype=np.uint64)


def _eligible(model: Model) -> Ints:
    """For each visit the number of technicians who may serve it, then their places."""
    technicians, visits = model.allowed.shape
    eligible = np.zeros((visits, technicians + 1), np.int64)
    for visit in range(visits):
        places = np.flatnonzero(model.allowed[:, visit])
        eligible[visit, 0] = len(places)
        eligible[visit, 1 : len(places) + 1] = places
    return eligible


def _neighbours(model: Model) -> Ints:
    """For each visit the nearest visits, itself first, by travel there and back."""
    travel = model.travel[np.ix_(model.work[:, LOCATION], model.work[:, LOCATION])].astype(np.int64)
    both = travel + travel.T
    np.fill_diagonal(both, -1)
    count = min(NEIGHBOURS, len(both))
    return np.ascontiguousarray(np.argsort(both, axis=1, kind="stable")[:, :count])
