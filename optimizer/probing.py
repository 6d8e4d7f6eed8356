"""Probing: what stands between a job and each technician, and by how much, in numba kernels."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from optimizer.changes import copy_route, own
from optimizer.easing import DISPLACING, LIMITED, eased, missing_pieces
from optimizer.fitting import EVERYBODY, NOBODY, fits, stretch_minutes
from optimizer.insertion import cheapest, take
from optimizer.kernels import NONE, ONE, ZERO, entry, kernel, making
from optimizer.model import (
    ABSENCE_AFTER,
    ABSENCE_FIRST,
    AGREED_FIRST,
    AGREED_LAST,
    DEPOTS,
    FIXED_COUNT,
    FREE_FROM,
    HARD_END,
    JOBS,
    LAST_START,
    LEAD,
    LINKED,
    LONGEST,
    NEED,
    NEVER,
    PARTS,
    PENALTY,
    TERMS,
    TOOLS,
    Ints,
    Model,
)
from optimizer.provisions import AFTER_RESTOCK, ANYWHERE, NOWHERE, WITH_RESTOCK, suppliable
from optimizer.state import (
    LEFT,
    LENGTH,
    RESTOCK,
    State,
    refresh,
)

(BARRED, FITS, NO_ROOM, TOO_LONG, WAITS, OFF_SHIFT, ABSENT, OUTSIDE_WINDOW) = range(8)
(NO_PART, NO_TOOL, NO_STOP, FULL) = range(8, 12)
"""What `probe` finds. TOO_LONG: the route may not last so long; WAITS: what it depends on is in the way.

ABSENT: without the absences it would fit; NO_STOP: the parts or tools are at a depot, and no stop there
fits; FULL: the technician takes on no more visits."""

CODE, MINUTES, OTHER, PRICE, EASED_PRICE, WINDOW_MINUTES, OVERTIME_MINUTES = range(7)
"""Columns of what is found: by how many minutes (-1: unknown), the job that would go (-1: none), the added
price of its place (NEVER: none), then the cheapest relaxation (NEVER: none) and its minutes."""


@kernel()
def fits_unbound(model: Model, state: State, technician: int, job: int, without: int) -> bool:
    """Whether it would fit if it depended on no other visit."""
    first, last = model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST]
    model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = -NEVER, NEVER
    found = fits(model, state, technician, job, without)
    model.work[job, AGREED_FIRST], model.work[job, AGREED_LAST] = first, last
    return found


@kernel()
def fits_with_staff(
    model: Model, state: State, technician: int, asked: tuple[int, int], lifted: tuple[int, int]
) -> bool:
    """Whether it would fit with that column of `staff` at another value."""
    column, value = lifted
    before = model.staff[technician, column]
    model.staff[technician, column] = value
    found = fits(model, state, technician, asked[0], asked[1])
    model.staff[technician, column] = before
    return found


@kernel()
def obstacle(model: Model, state: State, technician: int, job: int, without: int) -> int:
    """The rule without which it would fit; NO_ROOM where it is none of these alone."""
    staff = model.staff[technician]
    asked = (job, without)
    if model.work[job, LINKED] == 1 and fits_unbound(model, state, technician, job, without):
        return WAITS
    if staff[LONGEST] < NEVER and fits_with_staff(model, state, technician, asked, (LONGEST, NEVER)):
        return TOO_LONG
    first = staff[ABSENCE_FIRST]
    if first < staff[ABSENCE_AFTER] and fits_with_staff(
        model, state, technician, asked, (ABSENCE_AFTER, first)
    ):
        return ABSENT
    if without == EVERYBODY:
        if fits_with_staff(model, state, technician, asked, (HARD_END, NEVER // 2)):
            return OFF_SHIFT
        return OFF_SHIFT if staff[FREE_FROM] > model.work[job, LAST_START] else OUTSIDE_WINDOW
    return NO_ROOM


@entry()
def put_back(model: Model, state: State, spare: State, technician: int) -> None:
    """Make the route again what it was when it was copied."""
    own(model, state, technician, NONE)
    state.totals[technician, LENGTH] = spare.totals[technician, LENGTH]
    for position in range(spare.totals[technician, LENGTH]):
        state.stops[technician, position] = spare.stops[technician, position]
    own(model, state, technician, technician)
    refresh(model, state, technician, ZERO)


@kernel()
def fits_instead(model: Model, state: State, spare: State, technician: int, swap: tuple[int, int]) -> bool:
    """Whether the job fits, its parts included, once the stop at that position is out."""
    job, position = swap
    if model.rules[DEPOTS] == 0:
        other = state.stops[technician, position]
        if model.pairs[TOOLS, job, technician] != -1:
            return False
        for part in range(model.rules[PARTS]):
            need = model.work[job, NEED + part]
            if need > 0 and need > state.totals[technician, LEFT + part] + model.work[other, NEED + part]:
                return False
        return fits(model, state, technician, job, position)
    copy_route(state, spare, technician)
    made = take(model, state, technician, position, ONE)
    found = made and cheapest(model, state, technician, job, NEVER).price < NEVER
    put_back(model, state, spare, technician)
    return found


@kernel()
def displaced(model: Model, state: State, spare: State, technician: int, job: int) -> int:
    """The movable job of least penalty whose removal makes room for this one, or -1; of equals the first."""
    tried, tried_at = -NEVER, NONE
    while True:
        at, least = NONE, NEVER
        for position in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH]):
            other = state.stops[technician, position]
            if other >= model.rules[JOBS]:
                continue
            penalty = model.work[model.work[other, LEAD], PENALTY]
            if (penalty > tried or (penalty == tried and position > tried_at)) and penalty < least:
                at, least = position, penalty
        if at < 0:
            return -1
        who = state.stops[technician, at]
        if fits_instead(model, state, spare, technician, (job, at)):
            return who
        tried, tried_at = least, at


@kernel()
def unsupplied(model: Model, state: State, technician: int, job: int, limited: int) -> int:
    """What is missing where the job can be supplied nowhere in the route."""
    if limited >= 0 and state.totals[technician, LEFT + limited] < 1:
        return FULL
    tools = model.pairs[TOOLS, job, technician]
    if tools == 0 or (tools != -1 and missing_pieces(model, state, technician, job) == 0):
        return NO_TOOL
    return NO_PART


@kernel()
def finding(model: Model, state: State, technician: int, job: int, supplied: int) -> tuple[int, int]:
    """(what stands in the way, minutes) of a job that could be supplied but does not fit."""
    if supplied != ANYWHERE and fits(model, state, technician, job, NOBODY):
        return NO_STOP, -1
    without = NOBODY if fits(model, state, technician, job, EVERYBODY) else EVERYBODY
    code = obstacle(model, state, technician, job, without)
    if code in (WAITS, TOO_LONG) or (code == ABSENT and without == NOBODY):
        return (NO_ROOM if code == ABSENT else code), (
            stretch_minutes(model, state, technician, job, without) if code == ABSENT else -1
        )
    return code, stretch_minutes(model, state, technician, job, without)


@making()
def probe_one(model: Model, state: State, spare: State, job: int, row: tuple[int, Ints, Ints, Ints]) -> None:
    """Fill the row of one technician."""
    technician, certain, prices, found = row
    limited = prices[LIMITED]
    supplied = suppliable(model, state, technician, job)
    if supplied == NOWHERE:
        found[CODE] = unsupplied(model, state, technician, job, limited)
    else:
        found[PRICE] = cheapest(model, state, technician, job, NEVER).price
        if found[PRICE] < NEVER:
            found[CODE] = FITS
            return
        found[CODE], found[MINUTES] = finding(model, state, technician, job, supplied)
    if prices[DISPLACING] > 0 and found[CODE] in (NO_ROOM, TOO_LONG, NO_PART, NO_STOP, FULL):
        found[OTHER] = displaced(model, state, spare, technician, job)
    has_tools = model.pairs[TOOLS, job, technician] == -1 or supplied == AFTER_RESTOCK
    if found[CODE] in (FULL, NO_TOOL) or not has_tools:
        return
    first = model.staff[technician, FIXED_COUNT]
    pieces = ZERO
    if supplied == AFTER_RESTOCK:
        first = max(first, state.totals[technician, RESTOCK] + 1)
    elif supplied in (NOWHERE, WITH_RESTOCK):
        pieces = missing_pieces(model, state, technician, job)
    eased(model, state, technician, (job, first, pieces), (certain, prices, found[EASED_PRICE:]))


@entry()
def probe(model: Model, state: State, spare: State, asked: tuple[int, Ints, Ints], found: Ints) -> None:
    """For every technician fill a row of what is found about the job `asked[0]`.

    `asked[1]` has for each the last start that its certificates allow and the last end of its route,
    whatever gives; `asked[2]` the prices (easing). DISPLACING is 2 there: a displaced job for everybody; 1:
    for the first who has one, and is 0 then.
    """
    job, certain, prices = asked
    for technician in range(state.totals.shape[0]):
        row = found[technician]
        row[CODE], row[MINUTES], row[OTHER] = BARRED, -1, -1
        row[PRICE] = row[EASED_PRICE] = NEVER
        row[WINDOW_MINUTES] = row[OVERTIME_MINUTES] = 0
        if model.pairs[TERMS, job, technician] >= 0:
            probe_one(model, state, spare, job, (technician, certain[technician], prices, row))
            if row[OTHER] >= 0 and prices[DISPLACING] == 1:
                prices[DISPLACING] = 0
