"""Chains: how an annealing chain starts, fills its routes, and reads out its best plan."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.annealing import RETRIED, construct
from optimizer.changes import (
    ABSENT,
    BEST_FIRST,
    BEST_PRICE,
    JOB,
    OUT,
    OUT_PLACE,
    PRICE,
    VERSIONS,
    Chain,
    restore_best,
)
from optimizer.model import (
    END_LOCATION,
    LEAD,
    LEAST,
    LINKED,
    LOCATION,
    NEVER,
    PENALTY,
    START_LOCATION,
    TERMS,
    Encoded,
    Ints,
    Model,
)
from optimizer.plan import Plan
from optimizer.state import LENGTH, TOTAL, VERSION, State, empty_state
from optimizer.timetable import read_plan

NEIGHBOURS = 128
CONSTRUCT_CHUNK = 50
"""Visits put in by one kernel call: the caller is asked between two of them."""


def apart(encoded: Encoded) -> Encoded:
    """The same with arrays of its own where a search writes: each chain needs that."""
    model = encoded.model
    own = model._replace(work=model.work.copy(), staff=model.staff.copy(), rules=model.rules.copy())
    return replace(encoded, model=own)


def start_chain(encoded: Encoded, state: State, *, seed: int) -> Chain:
    """A chain around routes that are already simulated; what is encoded must be its own (`apart`)."""
    model = encoded.model
    _, jobs, technicians = model.pairs.shape
    width = state.stops.shape[1]
    jobs_linked = np.flatnonzero(model.work[:jobs, LINKED])
    linked = np.zeros((len(jobs_linked), 5), np.int64)
    linked[:, JOB] = jobs_linked
    chain = Chain(
        state=state,
        kept=empty_state(model),
        best=np.zeros((technicians, width + 1), np.int64),
        memory=np.zeros((jobs, technicians, 6), np.int64),
        lists=np.full((6, 3 * jobs + RETRIED), -1, np.int64),
        marks=np.full((4, technicians), -1, np.int64),
        neighbours=_neighbours(encoded),
        eligible=_eligible(model),
        linked=linked,
        counters=np.zeros(11, np.int64),
        keys=np.zeros(3 * jobs + RETRIED),
        random=_random_state(seed),
    )
    state.totals[:, VERSION] = np.arange(1, technicians + 1)
    chain.counters[VERSIONS] = technicians
    chain.counters[PRICE] = state.totals[:, TOTAL].sum()
    out = [job for job in np.flatnonzero(state.owner < 0).tolist() if model.work[job, LEAD] == job]
    chain.lists[OUT, : len(out)], chain.lists[OUT_PLACE, out] = out, np.arange(len(out))
    chain.counters[ABSENT] = len(out)
    chain.counters[PRICE] += model.work[out, PENALTY].sum()
    chain.counters[BEST_PRICE] = NEVER
    return chain


def start_beside(chain: Chain, *, seed: int) -> Chain:
    """A copy of a chain that goes its own way (its own random numbers); what never changes is shared."""
    return deepcopy(chain)._replace(
        neighbours=chain.neighbours, eligible=chain.eligible, random=_random_state(seed)
    )


def adopt(encoded: Encoded, chain: Chain, better: Chain) -> None:
    """The best of the other chain becomes this one's best and its current routes.

    Routes that are the same in both keep their version, and with it what is remembered of them (not where
    visits are linked: what they agreed on may differ in equal routes).
    """
    stops, totals = chain.state.stops.copy(), chain.state.totals.copy()
    chain.best[:] = better.best
    chain.linked[:, BEST_FIRST:] = better.linked[:, BEST_FIRST:]
    chain.counters[BEST_PRICE] = better.counters[BEST_PRICE]
    restore_best(encoded.model, chain)
    for technician, length in enumerate(totals[:, LENGTH].tolist()):
        same = length == chain.state.totals[technician, LENGTH] and not len(chain.linked)
        if same and (stops[technician, :length] == chain.state.stops[technician, :length]).all():
            chain.state.totals[technician, VERSION] = totals[technician, VERSION]


def construct_all(encoded: Encoded, chain: Chain, keep_going: Callable[[], bool]) -> None:
    """Insert what is out, the dearest first; the dearest are placed before anybody is asked."""
    penalty = encoded.model.work[:, PENALTY]
    absent = chain.lists[OUT, : chain.counters[ABSENT]]
    order = absent[np.lexsort((absent, -penalty[absent]))].copy()
    for first in range(0, len(order), CONSTRUCT_CHUNK):
        construct(encoded.model, chain, order[first : first + CONSTRUCT_CHUNK])
        if not keep_going():
            return


def best_plan(encoded: Encoded, chain: Chain) -> Plan:
    """The best routes read out beside the chain, which goes on undisturbed."""
    own = apart(encoded)
    from_best = chain._replace(
        state=empty_state(own.model),
        counters=chain.counters.copy(),
        lists=chain.lists.copy(),
    )
    restore_best(own.model, from_best)
    return read_plan(own, from_best.state)


def _random_state(seed: int) -> NDArray[np.uint64]:
    # One round of splitmix64: neighbouring seeds give unrelated chains, and never the all-zero state.
    mask = (1 << 64) - 1
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return np.array([(mixed ^ (mixed >> 31)) or 1], dtype=np.uint64)


def _eligible(model: Model) -> Ints:
    """For each job the number of technicians who may serve it, then their places, nearest first."""
    _, jobs, technicians = model.pairs.shape
    eligible = np.zeros((jobs, technicians + 1), np.int64)
    homes, ends = model.staff[:, START_LOCATION], model.staff[:, END_LOCATION]
    for job in range(jobs):
        place = model.work[job, LOCATION]
        far = (
            model.travel[model.rules[LEAST], homes, place].astype(np.int64)
            + model.travel[model.rules[LEAST], place, ends]
        )
        order = np.argsort(far, kind="stable")
        order = order[model.pairs[TERMS, job, order] >= 0]
        eligible[job, 0] = len(order)
        eligible[job, 1 : len(order) + 1] = order
    return eligible


def _neighbours(encoded: Encoded) -> Ints:
    """For each visit the nearest visits, itself first, by travel there and back."""
    places = encoded.model.work[: len(encoded.problem.visits), LOCATION]
    least = encoded.model.travel[encoded.model.rules[LEAST]]
    travel = least[np.ix_(places, places)].astype(np.int64)
    size = len(travel)
    # Ties by place: each number says both, so a quick selection is as exact as a stable sort.
    ranks = (travel + travel.T) * size + np.arange(size)
    np.fill_diagonal(ranks, -1)
    count = min(NEIGHBOURS, size)
    nearest = np.sort(np.partition(ranks, count - 1, axis=1)[:, :count], axis=1) % size
    nearest[:, 0] = np.arange(size)
    return np.ascontiguousarray(nearest)
