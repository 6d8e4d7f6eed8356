"""Rivals: the other solvers, each with a day stated in its own best terms; what it routes is timed by us.

Every rival answers orders of visits. What it cannot say (PyVRP: lunch, due times; VROOM: due times, the price
of a visit against travel) is repaired afterwards by the same assembly for all, which leaves out what does not
fit and places what is out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from optimizer import lunches
from optimizer.assembly import Orders, may_go
from optimizer.problem import Problem, Technician, Visit
from optimizer.simulation import NEVER, starts
from optimizer.supplies import offered

Search = Callable[[float, int], Orders]
"""A stated day: (seconds, seed) → orders."""
State = Callable[["Day"], Search]

DISTRIBUTIONS: Mapping[str, str] = {"pyvrp": "pyvrp", "vroom": "vroom", "ortools": "ortools"}
"""Rival → the module that must be installed."""
Token = tuple[str, str, int | tuple[str, ...]]
"""What a visit asks for: its kind, a name, and a level or who may go."""


def missing(name: str) -> str | None:
    """Why a rival cannot take part, in a sentence; None: it can."""
    if name not in DISTRIBUTIONS:
        return f"{name} is not known; known are {', '.join(DISTRIBUTIONS)}"
    if find_spec(DISTRIBUTIONS[name]) is None:
        return f"{name} is not installed (the extra bench has it): it is left out"
    return None


def stated(name: str, day: "Day", *, seed: int) -> Search:
    """The day in the rival's terms, which is not counted as search. ValueError: it cannot be said to it."""
    if any(row.fixed for row in day.problem.technicians):
        raise ValueError("a day that has begun is stated to no rival")
    if name == "pyvrp":
        from tests.benchmarks import pyvrp_rival  # noqa: PLC0415  # loads only the rival that runs

        return pyvrp_rival.state(day)
    if name == "vroom":
        from tests.benchmarks import vroom_rival  # noqa: PLC0415  # as above

        return vroom_rival.state(day)
    from optimizer.roster import Roster  # noqa: PLC0415  # as above

    roster = Roster(day.problem, seed=seed)
    return lambda seconds, _: roster.solve({}, seconds=seconds, checks=None, offer=None, stop=None) or {}


@dataclass(frozen=True)
class Day:
    """A Problem, and whether every visit must be served."""

    problem: Problem
    required: bool

    @cached_property
    def travel(self) -> NDArray[np.int64]:
        """The longest way of all slices, by location."""
        travel = self.problem.travel_seconds
        return (travel if travel.ndim == 2 else travel.max(axis=0)).astype(np.int64)

    @cached_property
    def cut(self) -> lunches.Cut:
        """The lunch that is taken out of the day; none where technicians differ."""
        return lunches.cut(self.problem) or lunches.Cut()

    @cached_property
    def origin(self) -> int:
        return min(self.ready(row) for row in self.problem.technicians)

    @cached_property
    def parts(self) -> list[str]:
        """Parts that can only come from a van."""
        known = {part for visit in self.problem.visits for part in visit.parts}
        return sorted(part for part in known if not offered(self.problem, part=part))

    @cached_property
    def tokens(self) -> list[Token]:
        """Everything that a visit may ask of a technician."""
        return sorted({token for visit in self.problem.visits for token in self.needs(visit)}, key=str)

    def ready(self, technician: Technician) -> int:
        available = technician.available_from
        start = technician.shift_start if available is None else max(technician.shift_start, available)
        return max(start, self.problem.earliest_start)

    def limit(self, technician: Technician) -> int:
        return technician.shift_end + technician.overtime_limit_seconds

    def needs(self, visit: Visit) -> set[Token]:
        """What the visit asks for: skills at a level, tools that no depot has, else who may go at all."""
        found: set[Token] = {("skill", name, level) for name, level in visit.skills.items()}
        found |= {("tool", tool, 0) for tool in visit.tools if not offered(self.problem, tool=tool)}
        strict = visit.territory is not None and self.problem.policy.outside_territory_price is None
        if visit.forbidden or visit.pin or strict or visit.crew:
            allowed = (row.key for row in self.problem.technicians if may_go(self.problem, row, visit))
            found.add(("only", "", tuple(allowed)))
        return found

    def meets(self, technician: Technician, token: Token) -> bool:
        kind, name, asked = token
        if kind == "tool":
            return name in technician.tools
        if isinstance(asked, tuple):
            return technician.key in asked
        return technician.skills.get(name, -1) >= asked

    def windows(self, visit: Visit) -> list[tuple[int, int]]:
        """The windows from the origin on, as they are; a visit without one is open all day."""
        last = max(self.limit(row) for row in self.problem.technicians)
        return [
            (max(window.start, self.origin) - self.origin, min(window.end, last) - self.origin)
            for window in starts(visit)
            if window.end >= self.origin and window.start <= last
        ]

    def shortened(self, at: int) -> int:
        """A time from the origin on, as it lies once lunch is cut out."""
        return self.cut.place(at + self.origin) - self.cut.place(self.origin)

    def prompt(self, visit: Visit) -> list[tuple[int, int]]:
        """The windows up to the due time, where the visit may be left out and has room before it.

        No rival but OR-Tools knows a soft target. As a hard one it made both far better days than none:
        50 technicians and 400 visits in 10 s 744 k instead of 1,057 k.
        """
        windows = self.windows(visit)
        if visit.due is None or not visit.lateness_weight or visit.due >= NEVER or self.required:
            return windows
        due = visit.due - self.origin
        return [(start, min(end, due)) for start, end in windows if start <= due] or windows
