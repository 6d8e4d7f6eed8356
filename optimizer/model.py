"""The Model: a Problem as arrays, in a named tuple that the numba kernels take whole."""

from collections.abc import Mapping
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

TRAVEL_WEIGHT, CHANGE_START, START_TOLERANCE, OVERTIME_WEIGHT, FAIRNESS, STRETCH = range(6)
JOBS, DEPOTS, PARTS, SLICES, LEAST, BACK, CALENDAR = range(6, 13)
"""Places in `Model.rules`; STRETCH is seconds added to the ends of windows and shifts (for reasons).

JOBS to SLICES are how many there are, LEAST is the slice of `travel` that has the least of all, BACK the
same as [to, from]: what is inserted looks along one row of each. From
CALENDAR on: when each slice begins, then when each day begins."""

(START_LOCATION, END_LOCATION, LEAVE, FREE_FROM, SHIFT_END, HARD_END, FIXED_COUNT) = range(7)
(LUNCH_EARLIEST, LUNCH_LATEST, LUNCH_SECONDS, ABSENCE_FIRST, ABSENCE_AFTER) = range(7, 12)
(HOURLY, SHIFT_PRICE, LONGEST, TIMED, TWIN, STOCK) = range(12, 18)
"""Columns of `Model.staff`; without lunch LUNCH_LATEST is -NEVER. TIMED: how long the route takes is of
consequence. TWIN: technicians who differ in nothing but their key have the same number. From STOCK on:
the pieces of each part in the van."""

(LOCATION, SERVICE, WINDOW_FIRST, WINDOW_AFTER, LAST_START, DUE, LATENESS_WEIGHT) = range(7)
(PENALTY, PLANNED_START, BEGUN_START, HOLD_TECHNICIAN, HOLD) = range(7, 12)
(SEATS, SEAT_FIRST, LEAD, LINKED, WORTH, AGREED_FIRST, AGREED_LAST, NEED) = range(12, 20)
"""Columns of `Model.work`: the windows of a job are rows WINDOW_FIRST up to WINDOW_AFTER of `spans`.

The further SEATS - 1 jobs of a crew are rows SEAT_FIRST and on, and LEAD is the row of their lead.
LINKED: the job belongs to a crew or a dependency; AGREED_FIRST and AGREED_LAST then bound its start.
WORTH: the penalties of a visit and of all that wait for it, could be served and are no facts.
From NEED on: the pieces of each part that it needs."""

TERMS, TOOLS, CERTIFIED = range(3)
"""Layers of `Model.pairs` [layer, job, technician]: the price of that pairing (changed, not preferred,
elsewhere) or -1 where it may not be; -1 where the van has the tools, else a bit for each depot that has
those that are missing; the last start before a certificate ends, which is looked at only with technicians
who have absences (who has none gets one of no time, where a certificate ends in the shift)."""

FIRST, SECOND, GAP, LONGEST_GAP, SAME_DAY = range(5)
"""Columns of `Model.links`."""

NO_LIMIT = 1 << 40
"""Pieces of a part at a depot that has as many as are needed."""


class Model(NamedTuple):
    """What the kernels know, in few arrays: each one more slows every kernel call and its compilation.

    A job is a visit (rows 0 to visits - 1, as in the Problem), then come further seats of crews; `work` has
    a row for each, and after them one for each depot. `travel` is [slice, from, to], `spans` has windows
    and absences as (start, end), `supply` the pieces at each depot. A search writes the agreed bounds in
    `work`, reasons write `staff` and `rules`: each has its own (chains.apart).
    """

    travel: NDArray[np.int32]
    staff: Ints
    work: Ints
    pairs: Ints
    spans: Ints
    links: Ints
    supply: Ints
    rules: Ints


@dataclass(frozen=True, slots=True)
class Encoded:
    """A Problem, its arrays, and the way from keys to places in them."""

    problem: Problem
    model: Model
    technicians: Mapping[str, int]
    visits: Mapping[str, int]
    jobs: tuple[tuple[int, int], ...]
    """(visit, seat) of every job that is not a depot."""


def starts(visit: Visit) -> tuple[Window, ...]:
    """The windows that bind a movable visit, sorted: a pinned time stands in for the promised ones."""
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        return (Window(visit.planned.start, visit.planned.start),)
    return tuple(sorted(visit.windows, key=lambda window: (window.start, window.end)))


def may_serve(technician: Technician, visit: Visit) -> bool:
    """Whether neither a prohibition nor a pin stands between the two."""
    if technician.key in visit.forbidden:
        return False
    pinned = visit.pin in {"TECHNICIAN", "BOTH"} and visit.planned is not None
    return not pinned or (visit.planned is not None and visit.planned.technician == technician.key)
