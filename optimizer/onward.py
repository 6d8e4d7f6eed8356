"""Onward: the price of times of a route once something else comes before what follows a position."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from optimizer.kernels import kernel, leaf
from optimizer.model import LEAST, LOCATION, NEVER, TIMED, Model
from optimizer.routes import Label, Labels, Leg, finish, is_plain, no_label, plain_step, step
from optimizer.state import (
    ARRIVES,
    LATEST,
    LENGTH,
    OPEN_AT,
    STEADY,
    TAKEN_AT,
    TAKEN_PRICE,
    TIMED_PRICE,
    State,
    labels_at,
    place_before,
)


@kernel()
def timed_price(model: Model, state: State, technician: int, position: int, job: int) -> int:
    """The whole route's price of times with the job at that position, NEVER if a rule breaks."""
    labels = step(
        model,
        technician,
        place_before(model, state, technician, position),
        job,
        labels_at(state, technician, position),
    )
    return onward_price(model, state, technician, position, (job, labels))


@kernel()
def onward_price(
    model: Model, state: State, technician: int, position: int, reached: tuple[int, Labels]
) -> int:
    """The whole route's price of times if what follows a position is left from another job with labels.

    The walk ends early where the route is back on the times that it has without, or within its slack.
    """
    job, labels = reached
    place = model.work[job, LOCATION]
    timed = model.staff[technician, TIMED] != 0
    plain = is_plain(model, technician)
    length = state.totals[technician, LENGTH]
    for after in range(position, length):
        if plain and labels.open.at == NEVER:
            return onward_plain(model, state, technician, after, (place, labels.taken))
        earliest = min(labels.open.at, labels.taken.at)
        if earliest == NEVER:
            return NEVER
        row = state.labels[technician, after]
        following = state.stops[technician, after]
        to = model.work[following, LOCATION]
        if earliest + model.travel[model.rules[LEAST], place, to] > row[LATEST]:
            return NEVER
        labels = step(model, technician, place, following, labels)
        place = to
        if timed:
            continue
        before = labels_at(state, technician, after + 1)
        if labels.open.at == before.open.at and labels.taken.at == before.taken.at:
            opened = labels.open.price - before.open.price
            taken = labels.taken.price - before.taken.price
            if before.open.at == NEVER or opened == taken:
                return state.totals[technician, TIMED_PRICE] + taken
            if before.taken.at == NEVER:
                return state.totals[technician, TIMED_PRICE] + opened
    if min(labels.open.at, labels.taken.at) == NEVER:
        return NEVER
    return finish(model, technician, place, labels).price


@leaf()
def onward_plain(
    model: Model, state: State, technician: int, position: int, reached: tuple[int, Label]
) -> int:
    """`onward_price` of a plain route whose lunch is no longer open, from (place, label)."""
    place, (at, price, _, _) = reached
    for after in range(position, state.totals[technician, LENGTH]):
        if at == NEVER:
            return NEVER
        row, job = state.labels[technician, after], state.stops[technician, after]
        arrives = at + model.travel[0, place, model.work[job, LOCATION]]
        if arrives > row[LATEST]:
            return NEVER
        if row[ARRIVES] <= arrives <= row[STEADY]:
            return state.totals[technician, TIMED_PRICE] + price - row[TAKEN_PRICE]
        at, price = plain_step(model, Leg(technician, place, job, -NEVER), at, price)
        place = model.work[job, LOCATION]
        before = state.labels[technician, after + 1]
        if at == before[TAKEN_AT] and before[OPEN_AT] == NEVER:
            return state.totals[technician, TIMED_PRICE] + price - before[TAKEN_PRICE]
    if at == NEVER:
        return NEVER
    return finish(model, technician, place, Labels(no_label(), Label(at, price, 0, 0), False)).price
