"""The Model: a Problem as arrays, in named tuples that the numba kernels take whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Problem, Technician, Visit, Window

Ints = NDArray[np.int64]
NEVER = 1 << 60
"""A time or price beyond all others: not feasible."""
PINNED_EXTRA = 1_000_000_000
"""Added to the penalty of a pinned visit while searching: it is dropped only where it cannot be placed."""

TRAVEL_WEIGHT, CHANGE_TECHNICIAN, CHANGE_START, START_TOLERANCE, OVERTIME_WEIGHT, STRETCH = range(6)
"""Places in `Model.rules`; STRETCH is seconds added to the ends of windows and shifts (for reasons)."""


(START_LOCATION, END_LOCATION, LEAVE, FREE_FROM, SHIFT_END) = range(5)
(HARD_END, LUNCH_EARLIEST, LUNCH_LATEST, LUNCH_SECONDS, FIXED_COUNT) = range(5, 10)
"""Columns of `Model.crew`; without lunch LUNCH_LATEST is -NEVER."""

(LOCATION, SERVICE, WINDOW_FIRST, WINDOW_AFTER, LAST_START, DUE, LATENESS_WEIGHT) = range(7)
(PENALTY, PLANNED_TECHNICIAN, PLANNED_START, BEGUN_START, HOLD_TECHNICIAN, HOLD) = range(7, 13)
"""Columns of `Model.work`: the windows of a visit are rows WINDOW_FIRST up to WINDOW_AFTER of `windows`."""


class Model(NamedTuple):
    """What the kernels know, in few arrays: each one more slows every kernel call and its compilation.

    `crew` and `parts` have a row for each technician or visit; `windows` has rows of (start, end);
    `allowed[k, v]` covers skills, forbidden, pins and fixed visits.
    """

    travel: NDArray[np.int32]
    crew: Ints
    work: Ints
    windows: Ints
    stock: Ints
    parts: Ints
    allowed: NDArray[np.bool_]
    rules: Ints


@dataclass(frozen=True, slots=True)
class Encoded:
    """A Problem, its arrays, and the way from keys to places in them."""

    problem: Problem
    model: Model
    technicians: Mapping[str, int]
    visits: Mapping[str, int]


def encode(problem: Problem) -> Encoded:
    """State the problem in arrays (it must have passed `check`)."""
    technicians = {technician.key: place for place, technician in enumerate(problem.technicians)}
    visits = {visit.key: place for place, visit in enumerate(problem.visits)}
    parts = sorted({part for visit in problem.visits for part in visit.parts})
    policy = problem.policy
    rules = (policy.travel_weight, policy.change_technician_price, policy.change_start_price)
    model = Model(
        travel=np.ascontiguousarray(problem.travel_seconds, dtype=np.int32),
        crew=_crew(problem),
        work=_work(problem, technicians),
        windows=_ints(
            [place for visit in problem.visits for window in _windows(visit) for place in window]
        ).reshape(-1, 2),
        stock=_table([technician.stock for technician in problem.technicians], parts),
        parts=_table([visit.parts for visit in problem.visits], parts),
        allowed=_allowed(problem),
        rules=_ints((*rules, policy.start_tolerance_seconds, policy.overtime_weight, 0)),
    )
    return Encoded(problem, model, technicians, visits)


def starts(visit: Visit) -> tuple[Window, ...]:
    """The windows that bind a movable visit, sorted: a pinned time stands in for the promised ones."""
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        return (Window(visit.planned.start, visit.planned.start),)
    return tuple(sorted(visit.windows, key=lambda window: (window.start, window.end)))


def has_skills(technician: Technician, visit: Visit) -> bool:
    return all(technician.skills.get(skill, -1) >= level for skill, level in visit.skills.items())


def may_serve(technician: Technician, visit: Visit) -> bool:
    """Whether neither a prohibition nor a pin stands between the two."""
    if technician.key in visit.forbidden:
        return False
    pinned = visit.pin in {"TECHNICIAN", "BOTH"} and visit.planned is not None
    return not pinned or (visit.planned is not None and visit.planned.technician == technician.key)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _table(rows: Sequence[Mapping[str, int]], names: Sequence[str]) -> Ints:
    # One column even without parts: numba wants the same shape always.
    return _ints([row.get(name, 0) for row in rows for name in names] or [0] * len(rows)).reshape(
        len(rows), max(1, len(names))
    )


def _windows(visit: Visit) -> list[tuple[int, int]]:
    return [(window.start, window.end) for window in starts(visit)] or [(-NEVER, NEVER - 1)]


def _crew(problem: Problem) -> Ints:
    rows = problem.technicians
    crew = np.zeros((len(rows), 10), np.int64)
    for place, row in enumerate(rows):
        leave = row.shift_start if row.available_from is None else max(row.shift_start, row.available_from)
        lunch = row.lunch
        crew[place, START_LOCATION], crew[place, END_LOCATION] = row.start_location, row.end_location
        crew[place, LEAVE], crew[place, FREE_FROM] = leave, max(leave, problem.earliest_start)
        crew[place, SHIFT_END] = row.shift_end
        crew[place, HARD_END] = row.shift_end + row.overtime_limit_seconds
        crew[place, LUNCH_EARLIEST] = 0 if lunch is None else lunch.earliest
        crew[place, LUNCH_LATEST] = -NEVER if lunch is None else lunch.latest
        crew[place, LUNCH_SECONDS] = 0 if lunch is None else lunch.seconds
        crew[place, FIXED_COUNT] = len(row.fixed)
    return crew


def _work(problem: Problem, technicians: Mapping[str, int]) -> Ints:
    work = np.zeros((len(problem.visits), 13), np.int64)
    first = 0
    for place, row in enumerate(problem.visits):
        planned = row.planned
        windows = _windows(row)
        work[place, LOCATION], work[place, SERVICE] = row.location, row.service_seconds
        work[place, WINDOW_FIRST], work[place, WINDOW_AFTER] = first, first + len(windows)
        work[place, LAST_START] = max(end for _, end in windows)
        work[place, DUE] = NEVER if row.due is None else row.due
        work[place, LATENESS_WEIGHT] = row.lateness_weight
        work[place, PENALTY] = row.unassigned_penalty + (PINNED_EXTRA if row.pin else 0)
        # -1: nothing is planned; -2: with somebody who is not in the problem, so anybody is a change.
        work[place, PLANNED_TECHNICIAN] = -1 if planned is None else technicians.get(planned.technician, -2)
        work[place, PLANNED_START] = -NEVER if planned is None else planned.start
        first += len(windows)
    work[:, BEGUN_START], work[:, HOLD_TECHNICIAN], work[:, HOLD] = _holds(problem, technicians)
    return work


def _holds(problem: Problem, technicians: Mapping[str, int]) -> tuple[Ints, Ints, Ints]:
    """For each visit: its start if it has begun, and whose route must not start it before when."""
    fixed = {key: place for place, row in enumerate(problem.technicians) for key in row.fixed}
    size = len(problem.visits)
    begun = np.full(size, -NEVER, dtype=np.int64)
    holder = np.full(size, -1, dtype=np.int64)
    hold = np.full(size, -NEVER, dtype=np.int64)
    for place, visit in enumerate(problem.visits):
        planned = visit.planned
        if planned is None:
            continue
        if visit.key in fixed:
            holder[place], hold[place] = fixed[visit.key], planned.start
            if planned.start <= problem.earliest_start:
                begun[place] = planned.start
        elif problem.policy.hold_planned_starts:
            holder[place] = technicians.get(planned.technician, -1)
            hold[place] = planned.start - problem.policy.start_tolerance_seconds
    return begun, holder, hold


def _allowed(problem: Problem) -> NDArray[np.bool_]:
    fixed = {key for technician in problem.technicians for key in technician.fixed}
    return np.array(
        [
            visit.key not in fixed and has_skills(technician, visit) and may_serve(technician, visit)
            for technician in problem.technicians
            for visit in problem.visits
        ],
        dtype=np.bool_,
    ).reshape(len(problem.technicians), len(problem.visits))
