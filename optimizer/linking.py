"""Linking: crews that start together and visits that wait for others, inside the search.

What linked jobs agreed on stands in `Model.agreed`, bounds of their starts: all of a crew start at the one
moment; the first of two dependent visits starts in time for the second, which starts not before it did
when that was agreed. So each route stays a matter of its own. The bounds are free again once one is out.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

import numpy as np

from optimizer.changes import (
    BROKEN,
    ENTERED,
    ENTERINGS,
    GOING,
    PAID,
    PENDING,
    PRICE,
    TRIED,
    TRY,
    Chain,
    drop_absent,
    position_of,
    put_stop,
    take_stops,
    touch,
)
from optimizer.kernels import ONE, ZERO, kernel, making
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    CALENDAR,
    FIRST,
    FIXED_COUNT,
    GAP,
    LEAD,
    LONGEST_GAP,
    NEVER,
    PENALTY,
    SAME_DAY,
    SEATS,
    SECOND,
    SERVICE,
    SLICES,
    WORTH,
    Model,
)
from optimizer.seating import WHERE, WHO, crew_together, seat_crew, seat_job, set_bounds
from optimizer.state import TOTAL, refresh
from optimizer.timetable import start_of


@making()
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
            elif model.links[link, SECOND] == lead:
                loosen(model, chain, model.links[link, FIRST])


@making()
def loosen(model: Model, chain: Chain, lead: int) -> None:
    """Agree anew on the start of a visit for which one no longer waits; a crew keeps its moment.

    Only bounds are looked at, never starts: those move as soon as the bounds do.
    """
    if model.work[lead, SEATS] > 1 or not is_bound(model, chain, lead):
        return
    first, last = -NEVER, NEVER
    for link in range(model.links.shape[0]):
        before, behind = model.links[link, FIRST], model.links[link, SECOND]
        if behind == lead and chain.state.owner[before] >= 0:
            low, high = bounds_after(model, chain, link)
        elif before == lead and chain.state.owner[behind] >= 0 and is_bound(model, chain, behind):
            low, high = bounds_before(model, link)
        else:
            continue
        first, last = max(first, low), min(last, high)
    set_bounds(model, lead, first, last)
    renew(model, chain, lead)


@making()
def bounds_after(model: Model, chain: Chain, link: int) -> tuple[int, int]:
    """The second's bounds by those of the first, wherever in them it starts."""
    lead = model.links[link, FIRST]
    earliest, latest = model.work[lead, AGREED_FIRST], model.work[lead, AGREED_LAST]
    if not is_bound(model, chain, lead):
        earliest = latest = now_starts(model, chain, lead)
    first, last = latest + model.work[lead, SERVICE] + model.links[link, GAP], NEVER
    if model.links[link, LONGEST_GAP] < NEVER:
        last = earliest + model.work[lead, SERVICE] + model.links[link, LONGEST_GAP]
    if model.links[link, SAME_DAY] == 1:
        day_first, day_last = day_of(model, latest)
        first, last = max(first, day_first), min(last, day_last)
    return first, last


@making()
def bounds_before(model: Model, link: int) -> tuple[int, int]:
    """The first's bounds by those of the second, wherever in them it starts."""
    lead, second = model.links[link, FIRST], model.links[link, SECOND]
    first, last = -NEVER, model.work[second, AGREED_FIRST] - model.links[link, GAP]
    if model.links[link, LONGEST_GAP] < NEVER:
        first = model.work[second, AGREED_LAST] - model.links[link, LONGEST_GAP] - model.work[lead, SERVICE]
    last -= model.work[lead, SERVICE]
    if model.links[link, SAME_DAY] == 1:
        day_first, day_last = day_of(model, model.work[second, AGREED_FIRST])
        first, last = max(first, day_first), min(last, day_last)
    return first, last


@kernel()
def is_bound(model: Model, chain: Chain, job: int) -> bool:
    """Whether a job is in a route and not a fact: only then bounds say something."""
    technician = chain.state.owner[job]
    return technician >= 0 and position_of(chain.state, job) >= model.staff[technician, FIXED_COUNT]


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
    """Put a linked visit and its crew where they are cheapest together, and agree on their starts.

    It may cost what it is worth to those that wait for it: they are tried with this change too (`pay_back`).
    """
    first, last = -NEVER, NEVER
    for link in range(model.links.shape[0]):
        if model.links[link, SECOND] == lead:
            after, before = allowed_after(model, chain, link)
            first, last = max(first, after), min(last, before)
    if first > last:
        return False
    set_bounds(model, lead, first, last)
    seats = model.work[lead, SEATS]
    sent = np.empty((2, seats), np.int64)
    price = seat_crew(model, chain, lead, sent) if seats == 1 else crew_together(model, chain, lead, sent)
    if price >= model.work[lead, WORTH]:
        set_bounds(model, lead, -NEVER, NEVER)
        return False
    for seat in range(seats):
        put_stop(model, chain, sent[WHO, seat], sent[WHERE, seat], seat_job(model, lead, seat))
    chain.counters[PRICE] -= model.work[lead, PENALTY]
    drop_absent(chain, lead)
    chain.lists[PAID, lead] = price
    chain.lists[ENTERED, chain.counters[ENTERINGS]] = lead
    chain.counters[ENTERINGS] += 1
    for link in range(model.links.shape[0]):
        if model.links[link, SECOND] == lead and chain.counters[BROKEN] == 0:
            agree(model, chain, link)
        if model.links[link, FIRST] == lead and chain.state.owner[model.links[link, SECOND]] < 0:
            try_too(chain, model.links[link, SECOND])
    return True


@making()
def pay_back(model: Model, chain: Chain) -> None:
    """Take out again what costs more than it saves with those that came in because of it, the last first."""
    for place in range(chain.counters[ENTERINGS] - 1, -1, -1):
        lead = chain.lists[ENTERED, place]
        if chain.state.owner[lead] < 0:
            continue
        saved = model.work[lead, PENALTY] - chain.lists[PAID, lead]
        for link in range(model.links.shape[0]):
            second = model.links[link, SECOND]
            if model.links[link, FIRST] == lead and is_bound(model, chain, second):
                saved += model.work[second, PENALTY] - chain.lists[PAID, second]
        chain.lists[PAID, lead] = model.work[lead, PENALTY] - saved
        if saved <= 0:
            chain.lists[GOING, 0] = lead
            chain.counters[PENDING] = ONE
            release(model, chain)


@kernel()
def try_too(chain: Chain, job: int) -> None:
    """Add a job to what this change tries, if it is not there."""
    for place in range(chain.counters[TRIED]):
        if chain.lists[TRY, place] == job:
            return
    chain.lists[TRY, chain.counters[TRIED]] = job
    chain.counters[TRIED] += 1


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
    """Bind the first to start in time for the second, and the second to start not before it does now.

    Where the two do not stand as they must (a stop at a depot went elsewhere), the change is broken.
    """
    lead, second = model.links[link, FIRST], model.links[link, SECOND]
    after, before = allowed_after(model, chain, link)
    if not after <= now_starts(model, chain, second) <= before:
        chain.counters[BROKEN] = ONE
        return
    tie_second(model, chain, link)
    renew(model, chain, second)
    if model.work[lead, SEATS] == 1 and is_bound(model, chain, lead):
        tie_first(model, chain, link)
        renew(model, chain, lead)


@making()
def tie_second(model: Model, chain: Chain, link: int) -> None:
    """Bind the second by the first: not before it starts now, and not too late."""
    second = model.links[link, SECOND]
    later = now_starts(model, chain, second)
    _, before = allowed_after(model, chain, link)
    for seat in range(model.work[second, SEATS]):
        job = seat_job(model, second, seat)
        model.work[job, AGREED_FIRST] = max(model.work[job, AGREED_FIRST], later)
        model.work[job, AGREED_LAST] = min(model.work[job, AGREED_LAST], before)


@making()
def tie_first(model: Model, chain: Chain, link: int) -> None:
    """Bind the first by the second: in time for it, and not too early."""
    lead = model.links[link, FIRST]
    start, later = now_starts(model, chain, lead), now_starts(model, chain, model.links[link, SECOND])
    last = later - model.links[link, GAP] - model.work[lead, SERVICE]
    first = start if model.links[link, LONGEST_GAP] < NEVER else -NEVER
    if model.links[link, SAME_DAY] == 1:
        day_first, day_last = day_of(model, start)
        first, last = max(first, day_first), min(last, day_last)
    model.work[lead, AGREED_FIRST] = max(model.work[lead, AGREED_FIRST], first)
    model.work[lead, AGREED_LAST] = min(model.work[lead, AGREED_LAST], last)


@kernel()
def renew(model: Model, chain: Chain, lead: int) -> None:
    """Simulate the routes of a visit anew after its bounds changed; nothing moves by that."""
    for seat in range(model.work[lead, SEATS]):
        technician = chain.state.owner[seat_job(model, lead, seat)]
        touch(chain, technician)
        chain.counters[PRICE] -= chain.state.totals[technician, TOTAL]
        if not refresh(model, chain.state, technician, ZERO):
            chain.counters[BROKEN] = ONE
        chain.counters[PRICE] += chain.state.totals[technician, TOTAL]
