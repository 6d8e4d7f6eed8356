"""Recreation: what is out is put back, each job where it is cheapest, with blinks."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

from optimizer.changes import (
    ABSENT,
    BROKEN,
    ENTERINGS,
    LOOKED,
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
from optimizer.insertion import POSITION_BITS, Place, scan
from optimizer.kernels import NONE, kernel, leaf
from optimizer.linking import insert_linked, pay_back
from optimizer.model import (
    DEPOTS,
    LAST_START,
    LINKED,
    NEVER,
    PENALTY,
    SERVICE,
    TERMS,
    TWIN,
    WINDOW_FIRST,
    WORTH,
    Model,
)
from optimizer.provisions import NOWHERE, depot_has, suppliable
from optimizer.state import LENGTH, VERSION

ASKED, AT, AS_OF = range(3)
"""The three of one memory: price, position, version; they stand there twice."""

NEAR = 40
"""A job is tried in the routes of so many of the nearest visits."""
NEAR_HOMES = 6
NEAR_FREE = 2
EVERYBODY_CHANCE = 0.02


class Found(NamedTuple):
    """The best place so far, technician -1: none below the price."""

    price: int
    technician: int
    position: int


@leaf()
def recall(chain: Chain, technician: int, job: int) -> Place:
    """What is known of the job in that route as it is; position -2: nothing."""
    version = chain.state.totals[technician, VERSION]
    memory = chain.memory[job, technician]
    if memory[AS_OF] == version:
        return Place(memory[ASKED], memory[AT])
    if memory[AS_OF + 3] == version:
        return Place(memory[ASKED + 3], memory[AT + 3])
    return Place(NEVER, NONE - 1)


@leaf()
def work_out(model: Model, chain: Chain, technician: int, job: int, limit: int) -> Place:
    """The cheapest place below the limit in that route, worked out anew and remembered.

    What was known of the route before this change is moved aside: if the change is refused, it is true again.
    """
    place = scan(model, chain.state, technician, job, limit)
    if place.position < 0:
        place = Place(limit, NONE)
    memory = chain.memory[job, technician]
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


@kernel()
def still_supplied(model: Model, chain: Chain, technician: int, job: int, place: Place) -> bool:
    """Whether the depots still have what a remembered place counts on: other routes may have taken it."""
    if place.position < 0:
        return True
    if place.position >> POSITION_BITS:
        depot = place.position >> 2 * POSITION_BITS
        return depot_has(model, chain.state, technician, job, depot)
    return suppliable(model, chain.state, technician, job) != NOWHERE


@leaf()
def consider(model: Model, chain: Chain, technician: int, asked: tuple[int, float], best: Found) -> Found:
    """The better of `best` and the cheapest place with that technician; `asked` is (job, chance of a blink).

    Who is looked at, or passed over by a blink, is so once for a job.
    """
    job, blink = asked
    if chain.marks[LOOKED, technician] == chain.counters[STAMP]:
        return best
    chain.marks[LOOKED, technician] = chain.counters[STAMP]
    if blink > 0.0 and draw(chain) < blink:
        return best
    if model.pairs[TERMS, job, technician] < 0 or is_spare(model, chain, technician):
        return best
    place = recall(chain, technician, job)
    stale = place.position == NONE - 1 or (place.position == NONE and place.price < best.price)
    if not stale and model.rules[DEPOTS] > 0:
        stale = not still_supplied(model, chain, technician, job, place)
    if stale:
        place = work_out(model, chain, technician, job, best.price)
    if place.position >= 0 and place.price < best.price:
        return Found(place.price, technician, place.position)
    return best


@kernel()
def find(model: Model, chain: Chain, job: int, blink: float) -> Found:
    """The cheapest place below the penalty: beside the nearest visits, with the nearest, with who is free.

    Without blinks, and at times, with everybody.
    """
    best = Found(model.work[job, PENALTY], NONE, NONE)
    chain.counters[STAMP] += 1
    everybody = blink == 0.0 or draw(chain) < EVERYBODY_CHANCE
    for near in range(1, min(NEAR, chain.neighbours.shape[1])):
        technician = chain.state.owner[chain.neighbours[job, near]]
        if technician >= 0:
            best = consider(model, chain, technician, (job, blink), best)
    free = 0
    for entry in range(chain.eligible[job, 0]):
        technician = chain.eligible[job, entry + 1]
        length = chain.state.totals[technician, LENGTH]
        if everybody or entry < NEAR_HOMES or (length == 0 and free < NEAR_FREE):
            free += length == 0
            best = consider(model, chain, technician, (job, blink), best)
    return best


@kernel()
def insert(model: Model, chain: Chain, job: int, blink: float) -> bool:
    """Put a job that is out where it is cheapest, if that is cheaper than leaving it out."""
    if model.work[job, LINKED] == 1:
        return insert_linked(model, chain, job)
    best = find(model, chain, job, blink)
    if best.technician < 0:
        return False
    put_stop(model, chain, best.technician, best.position, job)
    chain.counters[PRICE] -= model.work[job, PENALTY]
    drop_absent(chain, job)
    return True


@kernel()
def sort_tried(model: Model, chain: Chain) -> None:
    """Put the jobs to be tried into an order drawn at random: dearest, tightest, longest, any."""
    keys = chain.keys
    kind = draw(chain)
    for place in range(chain.counters[TRIED]):
        job = chain.lists[TRY, place]
        key = draw(chain)
        if kind < 0.4:
            key -= model.work[job, WORTH]
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


@kernel()
def recreate(model: Model, chain: Chain, blink: float) -> None:
    """Put back what is to be tried, in an order drawn anew."""
    sort_tried(model, chain)
    insert_tried(model, chain, blink)


@kernel()
def insert_tried(model: Model, chain: Chain, blink: float) -> None:
    """Put back what is to be tried, and what is added to that on the way; what does not pay goes again.

    Twice, where one may wait for another.
    """
    for _ in range(2 if model.links.shape[0] > 0 else 1):
        place = 0
        while place < chain.counters[TRIED]:
            job = chain.lists[TRY, place]
            if chain.state.owner[job] < 0 and chain.counters[BROKEN] == 0:
                insert(model, chain, job, blink)
            place += 1
    if chain.counters[ENTERINGS] > 0 and chain.counters[BROKEN] == 0:
        pay_back(model, chain)


@kernel()
def sample_absent(chain: Chain, count: int) -> None:
    """Add some of those that are out to what this change tries."""
    out = chain.counters[ABSENT]
    for place in range(min(count, out)):
        other = place + below(chain, out - place)
        job, moved = chain.lists[OUT, other], chain.lists[OUT, place]
        chain.lists[OUT, place], chain.lists[OUT, other] = job, moved
        chain.lists[OUT_PLACE, job], chain.lists[OUT_PLACE, moved] = place, other
        chain.lists[TRY, chain.counters[TRIED]] = job
        chain.counters[TRIED] += 1
