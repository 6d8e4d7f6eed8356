"""Recreation: what is out is put back, each job where it is cheapest, with blinks."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np

from optimizer.changes import (
    BROKEN,
    OUT,
    OUT_PLACE,
    PRICE,
    SEEN,
    STAMP,
    TOUCHED_PLACE,
    TRIED,
    TRY,
    Chain,
    below,
    draw,
    drop_absent,
    put_stop,
)
from optimizer.insertion import Place, cheapest
from optimizer.kernels import NONE, kernel, leaf, making
from optimizer.linking import insert_linked
from optimizer.model import (
    DEPOTS,
    LAST_START,
    LINKED,
    NEVER,
    PENALTY,
    SERVICE,
    TWIN,
    WINDOW_FIRST,
    Model,
)
from optimizer.provisions import NOWHERE, suppliable
from optimizer.state import LENGTH, VERSION

ASKED, AT, AS_OF = range(3)
"""The three of one memory: price, position, version; they stand there twice."""


@leaf()
def recall(chain: Chain, technician: int, job: int, entry: int) -> Place:
    """What is known of the job in that route as it is; position -2: nothing."""
    version = chain.state.totals[technician, VERSION]
    memory = chain.memory[job, entry]
    if memory[AS_OF] == version:
        return Place(memory[ASKED], memory[AT])
    if memory[AS_OF + 3] == version:
        return Place(memory[ASKED + 3], memory[AT + 3])
    return Place(NEVER, NONE - 1)


@kernel()
def work_out(model: Model, chain: Chain, job: int, entry: int, limit: int) -> Place:
    """The cheapest place below the limit in that route, worked out anew and remembered.

    What was known of the route before this change is moved aside: if the change is refused, it is true again.
    """
    technician = chain.eligible[job, entry + 1]
    place = cheapest(model, chain.state, technician, job, limit)
    if place.position < 0:
        place = Place(limit, NONE)
    memory = chain.memory[job, entry]
    before = chain.kept.totals[technician, VERSION]
    if chain.marks[TOUCHED_PLACE, technician] >= 0 and memory[AS_OF] == before:
        for each in range(3):
            memory[3 + each] = memory[each]
    memory[ASKED], memory[AT] = place.price, place.position
    memory[AS_OF] = chain.state.totals[technician, VERSION]
    return place


@leaf()
def is_spare(model: Model, chain: Chain, technician: int) -> bool:
    """Whether a technician without stops is the twin of one that was already looked at for this job."""
    if chain.state.totals[technician, LENGTH] > 0:
        return False
    twin = model.staff[technician, TWIN]
    if chain.marks[SEEN, twin] == chain.counters[STAMP]:
        return True
    chain.marks[SEEN, twin] = chain.counters[STAMP]
    return False


@making()
def insert(model: Model, chain: Chain, job: int, blink: float) -> bool:
    """Put a job that is out where it is cheapest, if that is cheaper than leaving it out."""
    if model.work[job, LINKED] == 1:
        return insert_linked(model, chain, job)
    limit, who, position = model.work[job, PENALTY], NONE, NONE
    chain.counters[STAMP] += 1
    for entry in range(chain.eligible[job, 0]):
        technician = chain.eligible[job, entry + 1]
        if is_spare(model, chain, technician) or (blink > 0.0 and draw(chain) < blink):
            continue
        place = recall(chain, technician, job, entry)
        if place.position == -2 or (place.position == -1 and place.price < limit):
            place = work_out(model, chain, job, entry, limit)
        elif model.rules[DEPOTS] > 0 and suppliable(model, chain.state, technician, job) == NOWHERE:
            continue
        if place.position >= 0 and place.price < limit:
            limit, who, position = place.price, technician, place.position
    if who < 0:
        return False
    put_stop(model, chain, who, position, job)
    chain.counters[PRICE] -= model.work[job, PENALTY]
    drop_absent(chain, job)
    return True


@making()
def sort_tried(model: Model, chain: Chain) -> None:
    """Put the jobs to be tried into an order drawn at random: dearest, tightest, longest, any."""
    count = chain.counters[TRIED]
    keys = np.empty(count, np.float64)
    kind = draw(chain)
    for place in range(count):
        job = chain.lists[TRY, place]
        key = draw(chain)
        if kind < 0.4:
            key -= model.work[job, PENALTY]
        elif kind < 0.55:
            key += model.work[job, LAST_START] - model.spans[model.work[job, WINDOW_FIRST], 0]
        elif kind < 0.7:
            key -= model.work[job, SERVICE]
        at = place
        while at > 0 and keys[at - 1] > key:
            keys[at] = keys[at - 1]
            chain.lists[TRY, at] = chain.lists[TRY, at - 1]
            at -= 1
        keys[at] = key
        chain.lists[TRY, at] = job


@making()
def recreate(model: Model, chain: Chain, blink: float) -> None:
    """Put back what is to be tried, one after the other; twice where one may wait for another."""
    sort_tried(model, chain)
    for _ in range(2 if model.links.shape[0] > 0 else 1):
        for place in range(chain.counters[TRIED]):
            job = chain.lists[TRY, place]
            if chain.state.owner[job] < 0 and chain.counters[BROKEN] == 0:
                insert(model, chain, job, blink)


@kernel()
def sample_absent(chain: Chain, count: int) -> None:
    """Add some of those that are out to what this change tries."""
    out = chain.counters[3]
    for place in range(min(count, out)):
        other = place + below(chain, out - place)
        job, moved = chain.lists[OUT, other], chain.lists[OUT, place]
        chain.lists[OUT, place], chain.lists[OUT, other] = job, moved
        chain.lists[OUT_PLACE, job], chain.lists[OUT_PLACE, moved] = place, other
        chain.lists[TRY, chain.counters[TRIED]] = job
        chain.counters[TRIED] += 1
