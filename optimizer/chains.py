"""Chains: how an annealing chain starts, fills its routes, and reads out its best plan."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

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
from optimizer.insertion import load
from optimizer.model import LOCATION, NEVER, PENALTY, Encoded, Ints, Model
from optimizer.plan import Plan, Route
from optimizer.routes import LENGTH, TOTAL, VERSION, State, empty_state
from optimizer.timetable import read_plan

NEIGHBOURS = 128
CONSTRUCT_CHUNK = 50
"""Visits put in by one kernel call: the caller is asked between two of them."""


def load_any(encoded: Encoded, plan: Plan | None) -> State:
    """Routes that hold the fixed heads and what still fits of any plan, also of one that breaks rules.

    A technician's second route and a visit's second stop are left aside.
    """
    if plan is None:
        return load(encoded, None)
    seen: set[str] = set()
    routes: dict[str, Route] = {}
    for route in plan.routes:
        if route.technician not in routes:
            stops = dict.fromkeys(stop.visit for stop in route.stops if stop.visit not in seen)
            first = {stop.visit: stop for stop in route.stops[::-1]}
            seen.update(stops)
            routes[route.technician] = replace(route, stops=tuple(first[key] for key in stops))
    return load(encoded, replace(plan, routes=tuple(routes.values())))


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


def apart(encoded: Encoded) -> Encoded:
    """The same with arrays of its own where a search writes: each chain needs that."""
    return replace(encoded, model=encoded.model._replace(rules=encoded.model.rules.copy()))


def start_beside(chain: Chain, *, seed: int) -> Chain:
    """A copy of a chain that goes its own way (its own random numbers); what never changes is shared."""
    return deepcopy(chain)._replace(
        neighbours=chain.neighbours, eligible=chain.eligible, random=_random_state(seed)
    )


def adopt(encoded: Encoded, chain: Chain, better: Chain) -> None:
    """The best of the other chain becomes this one's best and its current routes.

    Routes that are the same in both keep their version, and with it what is remembered of them.
    """
    stops, totals = chain.state.stops.copy(), chain.state.totals.copy()
    chain.best[:] = better.best
    chain.counters[BEST_PRICE] = better.counters[BEST_PRICE]
    restore_best(encoded.model, chain)
    for technician, length in enumerate(totals[:, LENGTH].tolist()):
        same = length == chain.state.totals[technician, LENGTH]
        if same and (stops[technician, :length] == chain.state.stops[technician, :length]).all():
            chain.state.totals[technician, VERSION] = totals[technician, VERSION]


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
    size = len(travel)
    # Ties by place: each number says both, so a quick selection is as exact as a stable sort.
    ranks = (travel + travel.T) * size + np.arange(size)
    np.fill_diagonal(ranks, -1)
    count = min(NEIGHBOURS, size)
    nearest = np.sort(np.partition(ranks, count - 1, axis=1)[:, :count], axis=1) % size
    nearest[:, 0] = np.arange(size)
    return np.ascontiguousarray(nearest)
