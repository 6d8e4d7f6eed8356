"""Ways and starts: when who leaves then arrives, and when a job that is reached then may begin."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from optimizer.kernels import kernel, leaf
from optimizer.model import (
    ABSENCE_AFTER,
    ABSENCE_FIRST,
    AGREED_FIRST,
    AGREED_LAST,
    CALENDAR,
    CERTIFIED,
    CHANGE_START,
    DUE,
    JOBS,
    LATENESS_WEIGHT,
    NEVER,
    PLANNED_START,
    SERVICE,
    SLICES,
    START_TOLERANCE,
    STRETCH,
    WINDOW_AFTER,
    WINDOW_FIRST,
    Model,
)


@kernel()
def sliced_arrival(model: Model, place: int, to: int, leave: int) -> int:
    """The arrival of a way that may cross slices: what is not yet driven goes on at the next pace."""
    last = model.rules[SLICES] - 1
    at = 0
    while at < last and model.rules[CALENDAR + at + 1] <= leave:
        at += 1
    now, left = leave, int(model.travel[at, place, to])
    while at < last and now + left > model.rules[CALENDAR + at + 1]:
        undriven = left - (model.rules[CALENDAR + at + 1] - now)
        whole, following = int(model.travel[at, place, to]), int(model.travel[at + 1, place, to])
        left = -(-undriven * following // whole)
        at += 1
        now = model.rules[CALENDAR + at]
    return now + left


@leaf()
def arrival(model: Model, place: int, to: int, leave: int) -> int:
    if model.rules[SLICES] == 1:
        return leave + model.travel[0, place, to]
    return sliced_arrival(model, place, to, leave)


@kernel()
def clear(model: Model, technician: int, at: int, seconds: int) -> int:
    """The first moment from `at` on from which so many seconds meet no absence."""
    for row in range(model.staff[technician, ABSENCE_FIRST], model.staff[technician, ABSENCE_AFTER]):
        if at < model.spans[row, 1] and at + seconds > model.spans[row, 0]:
            at = model.spans[row, 1]
    return at


@leaf()
def has_absence(model: Model, technician: int) -> bool:
    return model.staff[technician, ABSENCE_FIRST] < model.staff[technician, ABSENCE_AFTER]


@leaf()
def is_away(model: Model, technician: int) -> bool:
    """Whether the technician has an absence of any length, not only a certificate that ends."""
    first = model.staff[technician, ABSENCE_FIRST]
    return first < model.staff[technician, ABSENCE_AFTER] and model.spans[first, 1] > -NEVER


@kernel()
def departure(model: Model, technician: int, place: int, to: int, at: int) -> int:
    """When the way begins that is wanted from `at` on: it waits for an absence that it would meet."""
    leave = at
    while True:
        free = clear(model, technician, leave, arrival(model, place, to, leave) - leave)
        if free == leave:
            return leave
        leave = free


@leaf()
def drive(model: Model, technician: int, place: int, to: int, at: int) -> tuple[int, int]:
    """(leave, arrive) of the way that is wanted from `at` on."""
    leave = at
    if has_absence(model, technician):
        leave = departure(model, technician, place, to, at)
    return leave, arrival(model, place, to, leave)


@leaf()
def begin(model: Model, job: int, ready: int) -> int:
    """The first moment from `ready` on at which windows and what is agreed let the job start, or NEVER."""
    stretch = model.rules[STRETCH]
    wanted = max(ready, model.work[job, AGREED_FIRST])
    for window in range(model.work[job, WINDOW_FIRST], model.work[job, WINDOW_AFTER]):
        if wanted <= model.spans[window, 1] + stretch:
            start = max(wanted, model.spans[window, 0])
            return start if start <= model.work[job, AGREED_LAST] else NEVER
    return NEVER


@kernel()
def begin_present(model: Model, technician: int, job: int, ready: int) -> int:
    """As `begin`, and the whole service meets no absence, and no certificate has ended."""
    start = begin(model, job, ready)
    while start < NEVER:
        free = clear(model, technician, start, model.work[job, SERVICE])
        if free == start:
            break
        start = begin(model, job, free)
    if job < model.rules[JOBS] and start > model.pairs[CERTIFIED, job, technician]:
        return NEVER
    return start


@leaf()
def begin_for(model: Model, technician: int, job: int, ready: int) -> int:
    """The start of a job that its technician is ready for then, or NEVER."""
    if has_absence(model, technician):
        return begin_present(model, technician, job, ready)
    return begin(model, job, ready)


@leaf()
def start_price(model: Model, job: int, start: int) -> int:
    """What starting then costs: lateness and a moved planned start."""
    price = 0
    if start > model.work[job, DUE]:
        price += (start - model.work[job, DUE]) * model.work[job, LATENESS_WEIGHT]
    planned = model.work[job, PLANNED_START]
    if planned != -NEVER and abs(start - planned) > model.rules[START_TOLERANCE]:
        price += model.rules[CHANGE_START]
    return price


@leaf()
def steady_until(model: Model, job: int, start: int) -> int:
    """The last moment to which the start may slip within its window at no other price."""
    last = min(model.work[job, AGREED_LAST], NEVER)
    for window in range(model.work[job, WINDOW_FIRST], model.work[job, WINDOW_AFTER]):
        if start <= model.spans[window, 1] + model.rules[STRETCH]:
            last = min(last, model.spans[window, 1] + model.rules[STRETCH])
            break
    if model.work[job, LATENESS_WEIGHT] > 0:
        due = model.work[job, DUE]
        last = min(last, max(due, start))
    planned = model.work[job, PLANNED_START]
    if planned != -NEVER and model.rules[CHANGE_START] > 0:
        tolerance = model.rules[START_TOLERANCE]
        if abs(start - planned) <= tolerance:
            last = min(last, planned + tolerance)
        elif start < planned:
            last = min(last, planned - tolerance - 1)
    return last
