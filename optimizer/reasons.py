"""Reasons: why a visit is not with a technician, from the same insertion kernels as the search."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.changes import copy_route, own
from optimizer.encoding import encode
from optimizer.insertion import cheapest, put, take
from optimizer.kernels import NONE, ONE, ZERO, entry, kernel, making
from optimizer.loading import load, remove
from optimizer.model import (
    FIXED_COUNT,
    FREE_FROM,
    HARD_END,
    JOBS,
    LAST_START,
    NEVER,
    PENALTY,
    STRETCH,
    TERMS,
    Encoded,
    Ints,
    Model,
    may_serve,
)
from optimizer.plan import Plan, Reason, ReasonCode, Unassigned
from optimizer.problem import Problem, Technician, Visit
from optimizer.provisions import NOWHERE, suppliable
from optimizer.state import LENGTH, State, empty_state, refresh

LONGEST_STRETCH_MINUTES = 1440

FITS, NO_ROOM, OFF_SHIFT, OUTSIDE_WINDOW, NO_PART = range(5)
"""What `probe` finds for a technician who has the skills."""

ORDER = (
    ReasonCode.COSTS_MORE,
    ReasonCode.WOULD_DISPLACE,
    ReasonCode.NO_ROOM,
    ReasonCode.MISSING_PART,
    ReasonCode.OUTSIDE_WINDOW,
    ReasonCode.OFF_SHIFT,
    ReasonCode.CERTIFICATION_EXPIRED,
    ReasonCode.MISSING_SKILL,
    ReasonCode.NOT_ALLOWED,
)
"""Nearest to a way out first: the order in which a dispatcher reads them."""


@kernel()
def fits_stretched(model: Model, state: State, technician: int, visit: int, minutes: int) -> bool:
    """Whether the visit fits when all windows and the shift end so many minutes later."""
    model.rules[STRETCH] = 60 * minutes
    refresh(model, state, technician, ZERO)
    fits = cheapest(model, state, technician, visit, NEVER).price < NEVER
    model.rules[STRETCH] = 0
    refresh(model, state, technician, ZERO)
    return fits


@kernel()
def stretch_minutes(model: Model, state: State, technician: int, visit: int) -> int:
    """The least minutes by which all windows and the shift must end later for the visit to fit; -1: none."""
    low, high = 0, LONGEST_STRETCH_MINUTES
    if not fits_stretched(model, state, technician, visit, high):
        return -1
    while low < high:
        middle = (low + high) // 2
        if fits_stretched(model, state, technician, visit, middle):
            high = middle
        else:
            low = middle + 1
    return low


@making()
def alone(model: Model, state: State, spare: State, technician: int, visit: int) -> tuple[int, int]:
    """(FITS, 0) if the visit fits with only the fixed stops, else why not and by how many minutes."""
    fixed = model.staff[technician, FIXED_COUNT]
    copy_route(state, spare, technician)
    take(model, state, technician, fixed, state.totals[technician, LENGTH] - fixed)
    code, minutes = FITS, 0
    if cheapest(model, state, technician, visit, NEVER).price == NEVER:
        minutes = stretch_minutes(model, state, technician, visit)
        limit = model.staff[technician, HARD_END]
        model.staff[technician, HARD_END] = NEVER // 2
        refresh(model, state, technician, ZERO)
        in_window = cheapest(model, state, technician, visit, NEVER).price < NEVER
        model.staff[technician, HARD_END] = limit
        last = model.work[visit, LAST_START]
        away = model.staff[technician, FREE_FROM] > last
        code = OFF_SHIFT if in_window or away else OUTSIDE_WINDOW
    put_back(model, state, spare, technician)
    return code, minutes


@kernel()
def put_back(model: Model, state: State, spare: State, technician: int) -> None:
    """Make the route again what it was when it was copied."""
    own(model, state, technician, NONE)
    state.totals[technician, LENGTH] = spare.totals[technician, LENGTH]
    for position in range(spare.totals[technician, LENGTH]):
        state.stops[technician, position] = spare.stops[technician, position]
    own(model, state, technician, technician)
    refresh(model, state, technician, ZERO)


@making()
def displaced(model: Model, state: State, spare: State, technician: int, visit: int) -> int:
    """The movable visit of least penalty whose removal makes room for this one, or -1."""
    who = NONE
    copy_route(state, spare, technician)
    for position in range(model.staff[technician, FIXED_COUNT], spare.totals[technician, LENGTH]):
        other = spare.stops[technician, position]
        if other >= model.rules[JOBS]:
            continue
        if who >= 0 and model.work[other, PENALTY] >= model.work[who, PENALTY]:
            continue
        made = take(model, state, technician, position, ONE)
        if made and cheapest(model, state, technician, visit, NEVER).price < NEVER:
            who = other
        put_back(model, state, spare, technician)
    return who


@entry()
def probe(model: Model, state: State, spare: State, visit: int, found: Ints) -> None:
    """For every technician fill a row (finding, minutes, displaced visit or -1, added price)."""
    for technician in range(state.totals.shape[0]):
        found[technician, 2] = -1
        found[technician, 3] = NEVER
        if model.pairs[TERMS, technician, visit] < 0:
            continue
        if suppliable(model, state, technician, visit) == NOWHERE:
            found[technician, 0] = NO_PART
            found[technician, 2] = displaced(model, state, spare, technician, visit)
            continue
        price = cheapest(model, state, technician, visit, NEVER).price
        found[technician, 3] = price
        if price < NEVER:
            found[technician, 0] = FITS
            continue
        code, minutes = alone(model, state, spare, technician, visit)
        if code == FITS:
            code = NO_ROOM
            minutes = stretch_minutes(model, state, technician, visit)
            found[technician, 2] = displaced(model, state, spare, technician, visit)
        found[technician, 0] = code
        found[technician, 1] = minutes


@dataclass(frozen=True, slots=True)
class Probe:
    """What `probe` found for one visit, with the price that a place is compared with."""

    encoded: Encoded
    visit: Visit
    found: Ints
    chosen: int | None
    """What its present place costs; None: it is left out at its penalty."""


def explain(problem: Problem, plan: Plan, visit: str) -> tuple[Reason, ...]:
    """Why the plan leaves the visit out: for each code the technician who is nearest, nearest code first."""
    encoded = encode(problem)
    state = load(encoded, plan)
    return _summary(_probe(encoded, state, encoded.visits[visit]))


def explain_pair(problem: Problem, plan: Plan, visit: str, technician: str) -> tuple[Reason, ...]:
    """Why the visit is not with that technician (empty: it is)."""
    encoded = encode(problem)
    state = load(encoded, plan)
    place = encoded.technicians[technician]
    if state.owner[encoded.visits[visit]] == place:
        return ()
    return tuple(_reasons(_probe(encoded, state, encoded.visits[visit]), place))


def explain_all(encoded: Encoded, state: State, plan: Plan) -> Plan:
    """The plan with the reasons of each visit that it leaves out."""
    explained = tuple(
        Unassigned(row.visit, _summary(_probe(encoded, state, encoded.visits[row.visit])))
        for row in plan.unassigned
    )
    return replace(plan, unassigned=explained)


def _probe(encoded: Encoded, state: State, visit: int) -> Probe:
    owner = int(state.owner[visit])
    position = -1
    if owner >= 0:
        position = state.stops[owner, : state.totals[owner, LENGTH]].tolist().index(visit)
        remove(encoded, state, visit)
    found = np.zeros((len(encoded.problem.technicians), 4), np.int64)
    probe(encoded.model, state, empty_state(encoded.model), visit, found)
    chosen = None
    if owner >= 0:
        chosen = int(found[owner, 3])
        if state.owner[visit] < 0:
            put(encoded.model, state, owner, position, visit)
    return Probe(encoded, encoded.problem.visits[visit], found, chosen)


def _summary(probed: Probe) -> tuple[Reason, ...]:
    technicians = range(len(probed.encoded.problem.technicians))
    reasons = [reason for place in technicians for reason in _reasons(probed, place)]
    nearest: list[Reason] = []
    for code in ORDER:
        same = [reason for reason in reasons if reason.code == code]
        if not same:
            continue
        least = min(same, key=lambda each: NEVER if each.minutes is None else each.minutes)
        others = len(same) - 1
        if others:
            tail = "technician" if others == 1 else "technicians"
            least = replace(least, message=f"{least.message} The same holds for {others} other {tail}.")
        nearest.append(least)
    return tuple(nearest)


def _reasons(probed: Probe, place: int) -> Sequence[Reason]:
    problem = probed.encoded.problem
    technician, visit = problem.technicians[place], probed.visit
    lacking = _lacking(technician, visit)
    if lacking:
        return lacking
    code, minutes, other, price = (int(value) for value in probed.found[place])
    if code == FITS:
        return [_costs(probed, technician, price)]
    reasons = [_finding(technician, visit, code=code, minutes=minutes)]
    if other >= 0:
        reasons.insert(0, _displaces(technician, visit, other=problem.visits[other]))
    return reasons


def _lacking(technician: Technician, visit: Visit) -> list[Reason]:
    reasons = []
    for skill, level in sorted(visit.skills.items()):
        have = technician.skills.get(skill)
        if have is not None and have >= level:
            continue
        code, lack = ReasonCode.MISSING_SKILL, f"{technician.key} lacks skill {skill} at level {level}"
        if have is not None:
            lack += f" (has level {have})"
        elif skill in technician.expired_skills:
            code = ReasonCode.CERTIFICATION_EXPIRED
            lack = f"The certification of {technician.key} for {skill} is not valid on the day"
        reasons.append(Reason(code, f"{lack}.", technician.key))
    if not may_serve(technician, visit):
        kept = technician.key not in visit.forbidden and visit.planned is not None
        why = "is pinned to another technician" if kept else "may not be served by this technician"
        reasons.append(Reason(ReasonCode.NOT_ALLOWED, f"Visit {visit.key} {why}.", technician.key))
    return reasons


def _finding(technician: Technician, visit: Visit, *, code: int, minutes: int) -> Reason:
    who = technician.key
    by = f"by {minutes} minutes" if minutes >= 0 else "by more than a day"
    known = minutes if minutes >= 0 else None
    if code == NO_PART:
        parts = ", ".join(f"{count} of {part}" for part, count in sorted(visit.parts.items()))
        return Reason(
            ReasonCode.MISSING_PART, f"The van of {who} has not enough parts left: needs {parts}.", who
        )
    if code == OFF_SHIFT:
        return Reason(ReasonCode.OFF_SHIFT, f"Even alone it misses the shift of {who} {by}.", who, known)
    if code == OUTSIDE_WINDOW:
        return Reason(ReasonCode.OUTSIDE_WINDOW, f"Even alone {who} would miss the window {by}.", who, known)
    return Reason(
        ReasonCode.NO_ROOM,
        f"{who} has no room {by}: the shift and the windows of that route would have to end later.",
        who,
        known,
    )


def _displaces(technician: Technician, visit: Visit, *, other: Visit) -> Reason:
    return Reason(
        ReasonCode.WOULD_DISPLACE,
        f"With {technician.key} it would displace visit {other.key} of priority {other.priority}"
        f" (this one has priority {visit.priority}).",
        technician.key,
    )


def _costs(probed: Probe, technician: Technician, price: int) -> Reason:
    who = technician.key
    against = probed.visit.unassigned_penalty if probed.chosen is None else probed.chosen
    than = "leaving it out" if probed.chosen is None else "its present place"
    more = price - against
    weight = max(1, probed.encoded.problem.policy.travel_weight)
    seconds = abs(more) // weight
    if more < 0:
        text = f"It fits with {who} and costs {seconds} s of travel less than {than}: search on."
    else:
        text = f"With {who} it costs {seconds} s of travel more than {than}."
    return Reason(ReasonCode.COSTS_MORE, text, who, more // weight // 60)
