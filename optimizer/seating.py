"""Seating: who of those that may takes which seat of a crew, where on their routes, and at which moment."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np

from optimizer.changes import (
    Chain,
    below,
    position_of,
)
from optimizer.insertion import POSITION_BITS, Place, cheapest, cheapest_between
from optimizer.kernels import NONE, kernel, making
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    FIRST,
    FIXED_COUNT,
    LEAD,
    NEVER,
    SEAT_FIRST,
    SEATS,
    SECOND,
    SERVICE,
    TERMS,
    WORTH,
    Ints,
    Model,
)
from optimizer.provisions import AFTER_RESTOCK, ANYWHERE, suppliable
from optimizer.routes import step
from optimizer.state import LENGTH, RESTOCK, State, labels_at, place_before

STARTS_TRIED = 12
STARTS_SEEN = 256
WHO, WHERE = range(2)
"""Rows of what is found for a crew, a column for each seat: the technician, and the position in the route."""


@kernel()
def seat_job(model: Model, lead: int, seat: int) -> int:
    """The job of a crew's seat; seat 0 is the lead itself."""
    return lead if seat == 0 else model.work[lead, SEAT_FIRST] + seat - 1


@kernel()
def set_bounds(model: Model, lead: int, first: int, last: int) -> None:
    for seat in range(model.work[lead, SEATS]):
        job = seat_job(model, lead, seat)
        model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = first, last


@kernel()
def starts_at(model: Model, state: State, technician: int, position: int, job: int) -> tuple[int, int]:
    """The earliest starts of a job at that position with lunch still open and with lunch taken, or NEVER."""
    place = place_before(model, state, technician, position)
    labels = step(model, technician, place, job, labels_at(state, technician, position))
    before, after = labels.open.at, labels.taken.at
    service = model.work[job, SERVICE]
    return before - service if before < NEVER else NEVER, after - service if after < NEVER else NEVER


@making()
def seat_crew(model: Model, chain: Chain, lead: int, sent: Ints) -> int:
    """The cheapest technician for each seat, one after the other, within the bounds; their price.

    Where the lead takes whom another seat needs, the seats are filled in the other direction.
    """
    price = fill_seats(model, chain, lead, sent, False)
    if model.work[lead, SEATS] == 1:
        return price
    if price == NEVER:
        price = fill_seats(model, chain, lead, sent, True)
    return best_lead(model, chain, lead, sent, price) if price < NEVER else NEVER


@making()
def fill_seats(model: Model, chain: Chain, lead: int, sent: Ints, backwards: bool) -> int:
    total, seats, chosen = 0, model.work[lead, SEATS], NONE
    sent[WHO] = NONE
    for turn in range(seats):
        seat = seats - 1 - turn if backwards else turn
        job = seat_job(model, lead, seat)
        best = Place(NEVER, NONE)
        for entry in range(chain.eligible[job, 0]):
            technician = chain.eligible[job, entry + 1]
            free = True
            for other in range(seats):
                free = free and sent[WHO, other] != technician
            if free:
                place = cheapest_behind(model, chain, technician, job, best.price)
                if place.price < best.price:
                    best, chosen = place, technician
        if best.position < 0:
            return NEVER
        sent[WHO, seat], sent[WHERE, seat] = chosen, best.position
        total += best.price
    return total


@making()
def best_lead(model: Model, chain: Chain, lead: int, sent: Ints, total: int) -> int:
    """The price once the lead has changed seats with those for whom leading costs less."""
    terms = model.pairs[TERMS]
    for seat in range(1, model.work[lead, SEATS]):
        job = seat_job(model, lead, seat)
        leads, other = sent[WHO, 0], sent[WHO, seat]
        if not 0 <= terms[lead, other] < terms[lead, leads] or terms[job, leads] < 0:
            continue
        before = cheapest_behind(model, chain, leads, lead, NEVER).price
        before += cheapest_behind(model, chain, other, job, NEVER).price
        first = cheapest_behind(model, chain, other, lead, NEVER)
        second = cheapest_behind(model, chain, leads, job, NEVER)
        if first.price < NEVER and second.price < NEVER and first.price + second.price < before:
            total += first.price + second.price - before
            sent[WHO, 0], sent[WHERE, 0] = other, first.position
            sent[WHO, seat], sent[WHERE, seat] = leads, second.position
    return total


@kernel()
def cheapest_behind(model: Model, chain: Chain, technician: int, job: int, limit: int) -> Place:
    """The cheapest place below the limit behind all in that route that the visit waits for.

    Before them it would put off the very starts that it was bound by.
    """
    state, behind = chain.state, NONE
    for link in range(model.links.shape[0]):
        first = model.links[link, FIRST]
        if model.links[link, SECOND] == model.work[job, LEAD] and state.owner[first] == technician:
            behind = max(behind, position_of(state, first))
    place = cheapest(model, state, technician, job, limit)
    if behind < 0 or place.position < 0:
        return place
    mask = (1 << POSITION_BITS) - 1
    restock = (place.position >> POSITION_BITS & mask) - 1
    if place.position & mask > behind and (restock < 0 or restock > behind):
        return place
    supplied = suppliable(model, state, technician, job)
    if supplied == AFTER_RESTOCK:
        behind = max(behind, state.totals[technician, RESTOCK])
    elif supplied != ANYWHERE:
        return Place(NEVER, NONE)
    return cheapest_between(model, state, technician, job, (behind + 1, NEVER, limit))


@making()
def crew_together(model: Model, chain: Chain, lead: int, sent: Ints) -> int:
    """The cheapest crew over some of the moments at which one of its members could start."""
    starts = possible_starts(model, chain, lead)
    best, best_start = model.work[lead, WORTH], -NEVER
    seats = model.work[lead, SEATS]
    tried = np.empty((2, seats), np.int64)
    tries = min(STARTS_TRIED, starts.shape[0])
    for turn in range(tries):
        # One moment of each equal part of them, drawn: the same few would be tried for ever.
        low, high = turn * starts.shape[0] // tries, (turn + 1) * starts.shape[0] // tries
        start = starts[low + below(chain, high - low)]
        set_bounds(model, lead, start, start)
        price = seat_crew(model, chain, lead, tried)
        if price < best:
            best, best_start = price, start
            sent[:] = tried
    set_bounds(model, lead, best_start, best_start)
    return best


@making()
def possible_starts(model: Model, chain: Chain, lead: int) -> Ints:
    """The earliest starts at every position of everybody who could have a seat, ascending.

    Where lunch is open there are two: before lunch and after it.
    """
    found = np.empty(STARTS_SEEN, np.int64)
    count, seen = 0, 0
    for seat in range(model.work[lead, SEATS]):
        job = seat_job(model, lead, seat)
        for entry in range(chain.eligible[job, 0]):
            technician = chain.eligible[job, entry + 1]
            for position in range(
                model.staff[technician, FIXED_COUNT], chain.state.totals[technician, LENGTH] + 1
            ):
                starts = starts_at(model, chain.state, technician, position, job)
                if min(starts) == NEVER:
                    break
                for start in starts:
                    if start == NEVER:
                        continue
                    seen += 1
                    # Beyond what there is room for, each that was seen stays with the same chance.
                    at = count if count < STARTS_SEEN else below(chain, seen)
                    if at < STARTS_SEEN:
                        found[at] = start
                        count = min(STARTS_SEEN, count + 1)
    return np.unique(found[:count])
