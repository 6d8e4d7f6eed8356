"""Changes: a chain of the search, and one change of its routes that is kept or taken back whole."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.insertion import put, take
from optimizer.kernels import NONE, ONE, ZERO, entry, kernel, leaf
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    DEPOTS,
    FIXED_COUNT,
    JOBS,
    LEAD,
    LINKED,
    PARTS,
    PENALTY,
    Ints,
    Model,
)
from optimizer.state import DEPOT, LENGTH, TOTAL, VERSION, State, refresh

PRICE, BEST_PRICE, VERSIONS, ABSENT, TOUCHED, KEPT_PRICE, TRIED, PENDING, STAMP, BROKEN, ENTERINGS = range(11)
"""Places in `Chain.counters`. BROKEN: the change has broken a rule on the way, and will not be kept.
ENTERINGS: linked jobs that it has put in."""

OUT, OUT_PLACE, TRY, GOING, ENTERED, PAID = range(6)
"""Rows of `Chain.lists`: the leads that are out, and where each is in that list or -1; the jobs that a
change puts back; linked jobs whose partners must still go; linked jobs that it has put in; the price of
each of them, then that less what others saved because of it."""

TOUCHED_LIST, TOUCHED_PLACE, LOOKED, SEEN = range(4)
"""Rows of `Chain.marks`: the changed routes, where each is in that list or -1, who was looked at for the
job with that stamp, and the same of twins."""

JOB, KEPT_FIRST, KEPT_LAST, BEST_FIRST, BEST_LAST = range(5)
"""Columns of `Chain.linked`: a job of a crew or dependency, what was agreed for it before and in the best."""


class Chain(NamedTuple):
    """One annealing chain: its routes, the copy that a refused change returns to, and the best seen.

    `best` has rows of a length and its stops. `memory[job, technician]` is twice (price, position, version
    of the route): the cheapest place of a job with that technician, true while the route has that version;
    position -1 says that nothing is cheaper than the price. `eligible` has the
    number of technicians who may, then their places, nearest first. `keys` are what a change sorts by.
    """

    state: State
    kept: State
    best: Ints
    memory: Ints
    lists: Ints
    marks: Ints
    neighbours: Ints
    eligible: Ints
    linked: Ints
    counters: Ints
    keys: NDArray[np.float64]
    random: NDArray[np.uint64]


@leaf()
def draw(chain: Chain) -> float:
    """A uniform number in [0, 1), by xorshift64*: the same on every machine and thread."""
    bits = chain.random[0]
    bits ^= bits >> np.uint64(12)
    bits ^= bits << np.uint64(25)
    bits ^= bits >> np.uint64(27)
    chain.random[0] = bits
    return float((bits * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@leaf()
def below(chain: Chain, count: int) -> int:
    """A uniform whole number from 0 to before `count`."""
    return min(count - 1, int(draw(chain) * count))


@entry()
def copy_route(source: State, target: State, technician: int) -> None:
    length = source.totals[technician, LENGTH]
    for column in range(source.totals.shape[1]):
        target.totals[technician, column] = source.totals[technician, column]
    for position in range(length + 1):
        target.stops[technician, position] = source.stops[technician, position]
        for layer in range(source.labels.shape[2]):
            target.labels[technician, position, layer] = source.labels[technician, position, layer]


@kernel()
def copy_supply(model: Model, source: State, target: State) -> None:
    for depot in range(model.rules[DEPOTS]):
        for part in range(model.rules[PARTS]):
            target.supply[depot, part] = source.supply[depot, part]


@kernel()
def touch(chain: Chain, technician: int) -> None:
    """Keep a copy of the route before its first change, and give it a new version."""
    if chain.marks[TOUCHED_PLACE, technician] < 0:
        chain.marks[TOUCHED_PLACE, technician] = chain.counters[TOUCHED]
        chain.marks[TOUCHED_LIST, chain.counters[TOUCHED]] = technician
        chain.counters[TOUCHED] += 1
        copy_route(chain.state, chain.kept, technician)
    chain.counters[VERSIONS] += 1
    chain.state.totals[technician, VERSION] = chain.counters[VERSIONS]


@kernel()
def add_absent(chain: Chain, job: int) -> None:
    if chain.lists[OUT_PLACE, job] < 0:
        chain.lists[OUT_PLACE, job] = chain.counters[ABSENT]
        chain.lists[OUT, chain.counters[ABSENT]] = job
        chain.counters[ABSENT] += 1


@kernel()
def drop_absent(chain: Chain, job: int) -> None:
    place = chain.lists[OUT_PLACE, job]
    if place >= 0:
        chain.counters[ABSENT] -= 1
        last = chain.lists[OUT, chain.counters[ABSENT]]
        chain.lists[OUT, place] = last
        chain.lists[OUT_PLACE, last] = place
        chain.lists[OUT_PLACE, job] = -1


@kernel()
def leave_out(model: Model, chain: Chain, job: int) -> None:
    """Note that a job has been taken out of its route: a lead is out at its penalty, its crew with it."""
    if job >= model.rules[JOBS]:
        return
    if model.work[job, LINKED] == 1:
        chain.lists[GOING, chain.counters[PENDING]] = job
        chain.counters[PENDING] += 1
    if model.work[job, LEAD] == job:
        add_absent(chain, job)
        chain.lists[TRY, chain.counters[TRIED]] = job
        chain.counters[TRIED] += 1
        chain.counters[PRICE] += model.work[job, PENALTY]


@kernel()
def take_stops(model: Model, chain: Chain, technician: int, first: int, count: int) -> None:
    """Take stops out; where what is left breaks a rule (travel without triangles), all movable ones."""
    state = chain.state
    touch(chain, technician)
    chain.counters[PRICE] -= state.totals[technician, TOTAL]
    for position in range(first, first + count):
        leave_out(model, chain, state.stops[technician, position])
    if not take(model, state, technician, first, count):
        fixed = model.staff[technician, FIXED_COUNT]
        for position in range(fixed, state.totals[technician, LENGTH]):
            leave_out(model, chain, state.stops[technician, position])
        take(model, state, technician, fixed, state.totals[technician, LENGTH] - fixed)
    chain.counters[PRICE] += state.totals[technician, TOTAL]


@kernel()
def overdrawn(model: Model, state: State, technician: int) -> bool:
    """Whether the depot of a route has less than is taken: a remembered place knows only its route."""
    depot = state.totals[technician, DEPOT]
    if depot >= 0:
        for part in range(model.rules[PARTS]):
            if state.supply[depot, part] < 0:
                return True
    return False


@kernel()
def put_stop(model: Model, chain: Chain, technician: int, position: int, job: int) -> None:
    """Put a job in, with the stop at a depot that the position may say."""
    touch(chain, technician)
    chain.counters[PRICE] -= chain.state.totals[technician, TOTAL]
    if not put(model, chain.state, technician, position, job) or overdrawn(model, chain.state, technician):
        chain.counters[BROKEN] = ONE
    chain.counters[PRICE] += chain.state.totals[technician, TOTAL]


@leaf()
def position_of(state: State, job: int) -> int:
    """The position of a job in its owner's route."""
    position = 0
    while state.stops[state.owner[job], position] != job:
        position += 1
    return position


@entry()
def open_change(model: Model, chain: Chain) -> None:
    chain.counters[TOUCHED] = chain.counters[TRIED] = chain.counters[PENDING] = 0
    chain.counters[BROKEN] = chain.counters[ENTERINGS] = 0
    chain.counters[KEPT_PRICE] = chain.counters[PRICE]
    for place in range(chain.linked.shape[0]):
        chain.linked[place, KEPT_FIRST] = model.work[chain.linked[place, JOB], AGREED_FIRST]
        chain.linked[place, KEPT_LAST] = model.work[chain.linked[place, JOB], AGREED_LAST]
    copy_supply(model, chain.state, chain.kept)


@entry()
def close_change(model: Model, chain: Chain, accept: bool) -> None:
    """Keep the change, or put every touched route back as it was; what broke a rule is never kept."""
    if not accept or chain.counters[BROKEN] > 0:
        take_back(model, chain)
    for place in range(chain.counters[TOUCHED]):
        chain.marks[TOUCHED_PLACE, chain.marks[TOUCHED_LIST, place]] = -1


@kernel()
def take_back(model: Model, chain: Chain) -> None:
    for place in range(chain.counters[TOUCHED]):
        own(model, chain.state, chain.marks[TOUCHED_LIST, place], NONE)
    for place in range(chain.counters[TOUCHED]):
        technician = chain.marks[TOUCHED_LIST, place]
        copy_route(chain.kept, chain.state, technician)
        own(model, chain.state, technician, technician)
    for place in range(chain.counters[TRIED]):
        job = chain.lists[TRY, place]
        if chain.state.owner[job] < 0:
            add_absent(chain, job)
        else:
            drop_absent(chain, job)
    for place in range(chain.linked.shape[0]):
        model.work[chain.linked[place, JOB], AGREED_FIRST] = chain.linked[place, KEPT_FIRST]
        model.work[chain.linked[place, JOB], AGREED_LAST] = chain.linked[place, KEPT_LAST]
    copy_supply(model, chain.kept, chain.state)
    chain.counters[PRICE] = chain.counters[KEPT_PRICE]


@kernel()
def own(model: Model, state: State, technician: int, owner: int) -> None:
    """Enter the owner of all jobs of a route."""
    for position in range(state.totals[technician, LENGTH]):
        if state.stops[technician, position] < model.rules[JOBS]:
            state.owner[state.stops[technician, position]] = owner


@entry()
def keep_best(model: Model, chain: Chain) -> None:
    state = chain.state
    chain.counters[BEST_PRICE] = chain.counters[PRICE]
    for technician in range(state.totals.shape[0]):
        length = state.totals[technician, LENGTH]
        chain.best[technician, 0] = length
        for position in range(length):
            chain.best[technician, position + 1] = state.stops[technician, position]
    for place in range(chain.linked.shape[0]):
        chain.linked[place, BEST_FIRST] = model.work[chain.linked[place, JOB], AGREED_FIRST]
        chain.linked[place, BEST_LAST] = model.work[chain.linked[place, JOB], AGREED_LAST]


@entry()
def restore_best(model: Model, chain: Chain) -> None:
    """Make the best routes the current ones."""
    state, jobs = chain.state, model.rules[JOBS]
    state.owner[:] = -1
    chain.counters[PRICE] = chain.counters[ABSENT] = 0
    chain.lists[OUT_PLACE, :] = -1
    for place in range(chain.linked.shape[0]):
        model.work[chain.linked[place, JOB], AGREED_FIRST] = chain.linked[place, BEST_FIRST]
        model.work[chain.linked[place, JOB], AGREED_LAST] = chain.linked[place, BEST_LAST]
    for technician in range(state.totals.shape[0]):
        state.totals[technician, LENGTH] = chain.best[technician, 0]
        for position in range(state.totals[technician, LENGTH]):
            state.stops[technician, position] = chain.best[technician, position + 1]
        own(model, state, technician, technician)
        chain.counters[VERSIONS] += 1
        state.totals[technician, VERSION] = chain.counters[VERSIONS]
        refresh(model, state, technician, ZERO)
        chain.counters[PRICE] += state.totals[technician, TOTAL]
    for job in range(jobs):
        if state.owner[job] < 0 and model.work[job, LEAD] == job:
            add_absent(chain, job)
            chain.counters[PRICE] += model.work[job, PENALTY]
