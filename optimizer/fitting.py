"""Fitting: whether the times allow one more job in a route, or would if windows and shift ended later."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from optimizer.kernels import kernel, leaf
from optimizer.model import (
    FIXED_COUNT,
    LAST_START,
    LEAST,
    LOCATION,
    NEVER,
    SERVICE,
    STRETCH,
    WINDOW_AFTER,
    WINDOW_FIRST,
    Model,
)
from optimizer.routes import Labels, finish, step
from optimizer.state import LATEST, LENGTH, State, free_at, labels_at, place_before, place_of

LONGEST_STRETCH_MINUTES = 1440

NOBODY, EVERYBODY = -1, -2
"""Which stop of a route is thought away: none, or every movable one."""


@leaf()
def too_late(model: Model, state: State, technician: int, position: int, reached: tuple[int, Labels]) -> bool:
    """Whether the stop at that position cannot be reached in time any more, lunch aside."""
    place, labels = reached
    to = place_of(model, state, technician, position)
    arrives = min(labels.open.at, labels.taken.at) + model.travel[model.rules[LEAST], place, to]
    return arrives > state.labels[technician, position, LATEST] + model.rules[STRETCH]


@kernel()
def closes(
    model: Model, state: State, technician: int, span: tuple[int, int, bool], reached: tuple[int, Labels]
) -> bool:
    """Whether the stops from `span[0]` on, without that at `span[1]`, can follow on a place and labels.

    `span[2]`: the latest arrivals that are kept hold here, too, for stops after the one that is out.
    """
    place, labels = reached
    first, without, bounded = span
    for position in range(first, state.totals[technician, LENGTH]):
        if position == without:
            continue
        if labels.open.at == NEVER and labels.taken.at == NEVER:
            return False
        if bounded and position > without and too_late(model, state, technician, position, (place, labels)):
            return False
        job = state.stops[technician, position]
        labels = step(model, technician, place, job, labels)
        place = model.work[job, LOCATION]
    if labels.open.at == NEVER and labels.taken.at == NEVER:
        return False
    return finish(model, technician, place, labels).price < NEVER


@kernel()
def fits(model: Model, state: State, technician: int, job: int, without: int) -> bool:
    """Whether the times allow the job anywhere in the route without that stop; parts are not asked for."""
    fixed, length = model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH]
    place, labels = place_before(model, state, technician, fixed), labels_at(state, technician, fixed)
    last = model.work[job, LAST_START] + model.rules[STRETCH]
    bounded = model.rules[STRETCH] == 0 or has_single_windows(model, state, technician)
    for position in range(fixed, length + 1):
        earliest = min(labels.open.at, labels.taken.at)
        if earliest == NEVER or earliest > last:
            return False
        reached = step(model, technician, place, job, labels)
        if reached.open.at < NEVER or reached.taken.at < NEVER:
            onward = length if without == EVERYBODY else position
            span = (onward, without, bounded)
            if closes(model, state, technician, span, (model.work[job, LOCATION], reached)):
                return True
        if without == EVERYBODY:
            return False
        if position < length and position != without:
            following = state.stops[technician, position]
            labels = step(model, technician, place, following, labels)
            place = model.work[following, LOCATION]
    return False


@kernel()
def has_single_windows(model: Model, state: State, technician: int) -> bool:
    """Whether later ends of windows and shift put off each latest arrival by as much, or by less."""
    for position in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH]):
        job = state.stops[technician, position]
        if model.work[job, WINDOW_AFTER] - model.work[job, WINDOW_FIRST] > 1:
            return False
    return True


@kernel()
def fits_stretched(model: Model, state: State, technician: int, asked: tuple[int, int], minutes: int) -> bool:
    """Whether the job fits when all windows and the shift end so many minutes later; facts stay."""
    model.rules[STRETCH] = 60 * minutes
    found = fits(model, state, technician, asked[0], asked[1])
    model.rules[STRETCH] = 0
    return found


@kernel()
def guessed_minutes(model: Model, state: State, technician: int, job: int, without: int) -> int:
    """The least minutes by which the job is late, or makes the next stop late: a guess, lunch aside."""
    least, here = LONGEST_STRETCH_MINUTES, model.work[job, LOCATION]
    length = state.totals[technician, LENGTH]
    for position in range(model.staff[technician, FIXED_COUNT], length + 1):
        place = place_before(model, state, technician, position)
        ready = free_at(state, technician, position) + model.travel[model.rules[LEAST], place, here]
        late = ready - model.work[job, LAST_START]
        ready = max(ready, model.spans[model.work[job, WINDOW_FIRST], 0]) + model.work[job, SERVICE]
        onward = length if without == EVERYBODY else position
        to = place_of(model, state, technician, onward)
        ready += model.travel[model.rules[LEAST], here, to]
        late = max(late, ready - state.labels[technician, onward, LATEST])
        least = min(least, -(-late // 60))
        if without == EVERYBODY:
            break
    return max(1, least)


@kernel()
def stretch_minutes(model: Model, state: State, technician: int, job: int, without: int) -> int:
    """The least minutes by which all windows and the shift must end later for the job to fit; -1: none."""
    low, more = 0, 1
    high = guessed_minutes(model, state, technician, job, without)
    while not fits_stretched(model, state, technician, (job, without), high):
        if high == LONGEST_STRETCH_MINUTES:
            return -1
        low, high, more = high, min(high + more, LONGEST_STRETCH_MINUTES), 2 * more
    if low == 0 and high > 1 and not fits_stretched(model, state, technician, (job, without), high - 1):
        return high
    while low + 1 < high:
        middle = (low + high) // 2
        if fits_stretched(model, state, technician, (job, without), middle):
            high = middle
        else:
            low = middle
    return high
