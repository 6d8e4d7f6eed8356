"""Linking: crews that start together and visits that wait for others, inside the search.

What linked jobs agreed on stands in `Model.agreed`, bounds of their starts: all of a crew start at the one
moment; the first of two dependent visits starts in time for the second, which starts not before it did
when that was agreed. So each route stays a matter of its own. The bounds are free again once one is out.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np

from optimizer.changes import (
    GOING,
    PENDING,
    PRICE,
    Chain,
    below,
    drop_absent,
    position_of,
    take_stops,
    touch,
)
from optimizer.insertion import Place, cheapest, put
from optimizer.kernels import NONE, ONE, ZERO, kernel, making
from optimizer.legs import begin_for
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    CALENDAR,
    FIRST,
    FIXED_COUNT,
    GAP,
    LEAD,
    LEAST,
    LOCATION,
    LONGEST_GAP,
    NEVER,
    PENALTY,
    SAME_DAY,
    SEAT_FIRST,
    SEATS,
    SECOND,
    SERVICE,
    SLICES,
    Ints,
    Model,
)
from optimizer.state import LENGTH, TOTAL, free_at, place_before, refresh
from optimizer.timetable import start_of

STARTS_TRIED = 12
STARTS_SEEN = 256


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
def release(model: Model, chain: Chain) -> None:
    """Take out what cannot stay without those that were taken out: crews, and who waits for them."""
    while chain.counters[PENDING] > 0:
        chain.counters[PENDING] -= 1
        lead = model.work[chain.lists[GOING, chain.counters[PENDING]], LEAD]
        for seat in range(model.work[lead, SEATS]):
            withdraw(model, chain, seat_job(model, lead, seat))
        set_bounds(model, lead, -NEVER, NEVER)
        for link in range(model.links.shape[0]):
            if model.links[link, FIRST] == lead:
                withdraw(model, chain, model.links[link, SECOND])


@kernel()
def withdraw(model: Model, chain: Chain, job: int) -> None:
    """Take a job out of its route, if it is in one and not a fact."""
    technician = chain.state.owner[job]
    if technician < 0:
        return
    position = position_of(chain.state, job)
    if position >= model.staff[technician, FIXED_COUNT]:
        take_stops(model, chain, technician, position, ONE)


@making()
def insert_linked(model: Model, chain: Chain, lead: int) -> bool:
    """Put a linked visit and its crew where they are cheapest together, and agree on their starts."""
    first, last = -NEVER, NEVER
    for link in range(model.links.shape[0]):
        if model.links[link, SECOND] == lead:
            after, before = allowed_after(model, chain, link)
            first, last = max(first, after), min(last, before)
    if first > last:
        return False
    set_bounds(model, lead, first, last)
    seats = model.work[lead, SEATS]
    who, where = np.empty(seats, np.int64), np.empty(seats, np.int64)
    if seats == 1:
        price = seat_crew(model, chain, lead, who, where)
    else:
        price = crew_together(model, chain, lead, who, where)
    if price >= model.work[lead, PENALTY]:
        set_bounds(model, lead, -NEVER, NEVER)
        return False
    for seat in range(seats):
        enter(model, chain, who[seat], where[seat], seat_job(model, lead, seat))
    chain.counters[PRICE] -= model.work[lead, PENALTY]
    drop_absent(chain, lead)
    for link in range(model.links.shape[0]):
        if model.links[link, SECOND] == lead:
            agree(model, chain, link)
    return True


@kernel()
def enter(model: Model, chain: Chain, technician: int, position: int, job: int) -> None:
    touch(chain, technician)
    chain.counters[PRICE] -= chain.state.totals[technician, TOTAL]
    put(model, chain.state, technician, position, job)
    chain.counters[PRICE] += chain.state.totals[technician, TOTAL]


@making()
def now_starts(model: Model, chain: Chain, job: int) -> int:
    return start_of(model, chain.state, chain.state.owner[job], position_of(chain.state, job))


@making()
def day_of(model: Model, at: int) -> tuple[int, int]:
    """The first and the last second of the day of that moment."""
    first, last = -NEVER, NEVER
    days = model.rules[CALENDAR + model.rules[SLICES] :]
    for day in range(days.shape[0]):
        if days[day] <= at:
            first = days[day]
        elif last == NEVER:
            last = days[day] - 1
    return first, last


@making()
def allowed_after(model: Model, chain: Chain, link: int) -> tuple[int, int]:
    """The bounds of the second's start by the first as it stands; none where the first is out."""
    lead = model.links[link, FIRST]
    if chain.state.owner[lead] < 0:
        return NEVER, -NEVER
    start = now_starts(model, chain, lead)
    ends = start + model.work[lead, SERVICE]
    first, last = ends + model.links[link, GAP], NEVER
    if model.links[link, LONGEST_GAP] < NEVER:
        last = ends + model.links[link, LONGEST_GAP]
    if model.links[link, SAME_DAY] == 1:
        day_first, day_last = day_of(model, start)
        first, last = max(first, day_first), min(last, day_last)
    return first, last


@making()
def agree(model: Model, chain: Chain, link: int) -> None:
    """Bind the first to start in time for the second, and the second to start not before it does now."""
    lead, second = model.links[link, FIRST], model.links[link, SECOND]
    start, later = now_starts(model, chain, lead), now_starts(model, chain, second)
    service = model.work[lead, SERVICE]
    for seat in range(model.work[second, SEATS]):
        job = seat_job(model, second, seat)
        model.work[job, AGREED_FIRST] = max(model.work[job, AGREED_FIRST], later)
        if model.links[link, LONGEST_GAP] < NEVER:
            model.work[job, AGREED_LAST] = min(
                model.work[job, AGREED_LAST], start + service + model.links[link, LONGEST_GAP]
            )
    renew(model, chain, second)
    if model.work[lead, SEATS] > 1:
        return  # a crew's start is agreed already, to the second
    model.work[lead, AGREED_LAST] = min(
        model.work[lead, AGREED_LAST], later - model.links[link, GAP] - service
    )
    if model.links[link, LONGEST_GAP] < NEVER:
        model.work[lead, AGREED_FIRST] = max(model.work[lead, AGREED_FIRST], start)
    if model.links[link, SAME_DAY] == 1:
        first, last = day_of(model, start)
        model.work[lead, AGREED_FIRST] = max(model.work[lead, AGREED_FIRST], first)
        model.work[lead, AGREED_LAST] = min(model.work[lead, AGREED_LAST], last)
    renew(model, chain, lead)


@kernel()
def renew(model: Model, chain: Chain, lead: int) -> None:
    """Simulate the routes of a visit anew after its bounds changed; nothing moves by that."""
    for seat in range(model.work[lead, SEATS]):
        technician = chain.state.owner[seat_job(model, lead, seat)]
        touch(chain, technician)
        chain.counters[PRICE] -= chain.state.totals[technician, TOTAL]
        refresh(model, chain.state, technician, ZERO)
        chain.counters[PRICE] += chain.state.totals[technician, TOTAL]


@making()
def seat_crew(model: Model, chain: Chain, lead: int, who: Ints, where: Ints) -> int:
    """The cheapest technician for each seat, one after the other, within the bounds; their price."""
    total = 0
    for seat in range(model.work[lead, SEATS]):
        job = seat_job(model, lead, seat)
        best = Place(NEVER, NONE)
        for entry in range(chain.eligible[job, 0]):
            technician = chain.eligible[job, entry + 1]
            free = True
            for other in range(seat):
                free = free and who[other] != technician
            if free:
                place = cheapest(model, chain.state, technician, job, NEVER)
                if place.price < best.price:
                    best = place
                    who[seat], where[seat] = technician, place.position
        if best.position < 0:
            return NEVER
        total += best.price
    return total


@making()
def crew_together(model: Model, chain: Chain, lead: int, who: Ints, where: Ints) -> int:
    """The cheapest crew over some of the moments at which one of its members could start."""
    starts = possible_starts(model, chain, lead)
    best, best_start = model.work[lead, PENALTY], -NEVER
    seats = model.work[lead, SEATS]
    tried_who, tried_where = np.empty(seats, np.int64), np.empty(seats, np.int64)
    tries = min(STARTS_TRIED, starts.shape[0])
    for turn in range(tries):
        # One moment of each equal part of them, drawn: the same few would be tried for ever.
        low, high = turn * starts.shape[0] // tries, (turn + 1) * starts.shape[0] // tries
        start = starts[low + below(chain, high - low)]
        set_bounds(model, lead, start, start)
        price = seat_crew(model, chain, lead, tried_who, tried_where)
        if price < best:
            best, best_start = price, start
            who[:], where[:] = tried_who, tried_where
    set_bounds(model, lead, best_start, best_start)
    return best


@making()
def possible_starts(model: Model, chain: Chain, lead: int) -> Ints:
    """The earliest start at every position of everybody who could have a seat, ascending."""
    found = np.empty(STARTS_SEEN, np.int64)
    count, seen = 0, 0
    for seat in range(model.work[lead, SEATS]):
        job = seat_job(model, lead, seat)
        for entry in range(chain.eligible[job, 0]):
            technician = chain.eligible[job, entry + 1]
            for position in range(
                model.staff[technician, FIXED_COUNT], chain.state.totals[technician, LENGTH] + 1
            ):
                place = place_before(model, chain.state, technician, position)
                ready = free_at(chain.state, technician, position)
                ready += model.travel[model.rules[LEAST], place, model.work[job, LOCATION]]
                start = begin_for(model, technician, job, ready)
                if start == NEVER:
                    break
                seen += 1
                # Beyond what there is room for, each that was seen stays with the same chance.
                at = count if count < STARTS_SEEN else below(chain, seen)
                if at < STARTS_SEEN:
                    found[at] = start
                    count = min(STARTS_SEEN, count + 1)
    return np.unique(found[:count])
