"""Reasons: why a visit is not with a technician, from the same insertion kernels as the search."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from optimizer.changes import copy_route
from optimizer.crewing import totals
from optimizer.easing import LAST_CERTAIN
from optimizer.encoding import encode, penalty
from optimizer.fitting import LONGEST_STRETCH_MINUTES
from optimizer.loading import load, remove
from optimizer.model import (
    AGREED_FIRST,
    AGREED_LAST,
    FIXED_COUNT,
    HARD_END,
    NEVER,
    Encoded,
    Ints,
)
from optimizer.plan import Plan, Reason, ReasonCode, Unassigned
from optimizer.probing import BARRED, CODE, FITS, PRICE, probe, put_back
from optimizer.problem import Dependency, Problem, Visit
from optimizer.state import LENGTH, State, empty_state
from optimizer.timetable import read_route
from optimizer.wording import Words, barred, dearer

ORDER = (
    ReasonCode.COSTS_MORE,
    ReasonCode.WAITS_FOR,
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


def explain(problem: Problem, plan: Plan, visit: str) -> tuple[Reason, ...]:
    """Why the plan leaves the visit out: for each code the technician who is nearest, nearest code first."""
    return Inquiry.into(problem, plan).summary(visit)


def explain_pair(problem: Problem, plan: Plan, visit: str, technician: str) -> tuple[Reason, ...]:
    """Why the visit is not with that technician (empty: it is)."""
    inquiry = Inquiry.into(problem, plan)
    return inquiry.each(visit)[inquiry.words.encoded.technicians[technician]]


def explain_all(encoded: Encoded, state: State, plan: Plan) -> Plan:
    """The plan with the reasons of each visit that it leaves out."""
    if not plan.unassigned:
        return plan
    inquiry = Inquiry.around(encoded, state)
    explained = tuple(Unassigned(row.visit, inquiry.summary(row.visit)) for row in plan.unassigned)
    return replace(plan, unassigned=explained)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was found about one visit: rows of `probe` for each seat, and what it is compared with."""

    visit: Visit
    found: Sequence[Ints]
    crew: Ints | None
    """For each technician the price of a whole crew with them; None: it needs none."""
    against: int
    than: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Routes that are held to be asked about. Not for two threads at once; nothing changes by asking."""

    words: Words
    spare: State
    last_end: Ints
    """For each technician the end that its route could have if overtime gave."""

    @classmethod
    def into(cls, problem: Problem, plan: Plan) -> "Inquiry":
        """Hold what still fits of a plan."""
        encoded = encode(problem)
        return cls.around(encoded, load(encoded, plan))

    @classmethod
    def around(cls, encoded: Encoded, state: State) -> "Inquiry":
        """Hold routes that are simulated already."""
        ends = encoded.model.staff[:, HARD_END] + 60 * LONGEST_STRETCH_MINUTES
        return cls(Words.of(encoded, state), empty_state(encoded.model), ends)

    def summary(self, visit: str) -> tuple[Reason, ...]:
        """Of the reasons for all technicians the nearest of each code, nearest code first.

        What it would displace is asked only until there is an answer: that takes the longest.
        """
        same: dict[ReasonCode, list[Reason]] = {}
        for reasons in self.each(visit, displacing=1):
            for reason in reasons:
                same.setdefault(reason.code, []).append(reason)
        return tuple(_nearest(same[code]) for code in ORDER if code in same)

    def each(self, visit: str, *, displacing: int = 2) -> list[tuple[Reason, ...]]:
        """For each technician, why the visit is not theirs (empty: it is), nearest to a way out first.

        `displacing`: 2: what each would displace; 1: that of the first only; 0: of nobody.
        """
        encoded, place = self.words.encoded, self.words.encoded.visits[visit]
        technicians = range(len(encoded.problem.technicians))
        jobs = [job for job, (other, _) in enumerate(encoded.jobs) if other == place]
        owners = {int(self.words.state.owner[job]) for job in jobs}
        waits = self._first_out(visit) if owners == {-1} else None
        if waits is not None:
            return [(waits,)] * len(technicians)
        asked = self._ask(place, jobs, displacing=displacing)
        return [() if who in owners else tuple(self._reasons(asked, who)) for who in technicians]

    def _first_out(self, visit: str) -> Reason | None:
        """That a visit which must be served before this one is left out."""
        encoded = self.words.encoded
        for row in encoded.problem.dependencies:
            if row.second == visit and self.words.state.owner[encoded.visits[row.first]] < 0:
                return Reason(
                    ReasonCode.WAITS_FOR, f"Visit {visit} waits for visit {row.first}, which is left out."
                )
        return None

    def _ask(self, place: int, jobs: Sequence[int], *, displacing: int) -> Asked:
        encoded, state = self.words.encoded, self.words.state
        visit = encoded.problem.visits[place]
        with self._aside(jobs) as owners, self._bound(visit, jobs, free=not owners):
            found = [
                self._probed(visit, job, seat=seat, displacing=displacing) for seat, job in enumerate(jobs)
            ]
            crew = totals(encoded.model, state, jobs) if len(jobs) > 1 else None
        if not owners or any(job not in owners for job in jobs):
            return Asked(visit, found, crew, penalty(encoded.problem, visit), "leaving it out")
        present = sum(int(rows[owners[job], PRICE]) for rows, job in zip(found, jobs, strict=True))
        return Asked(visit, found, crew, present, "its present place")

    @contextmanager
    def _aside(self, jobs: Sequence[int]) -> Iterator[dict[int, int]]:
        """Job → who has it, for as long as they are out of their routes; facts stay."""
        encoded, state = self.words.encoded, self.words.state
        owners: dict[int, int] = {}
        for job in jobs:
            owner = int(state.owner[job])
            if owner >= 0 and job not in state.stops[owner, : encoded.model.staff[owner, FIXED_COUNT]]:
                copy_route(state, self.spare, owner)
                owners[job] = owner
        kept = {owner: state.stops[owner, : state.totals[owner, LENGTH]].copy() for owner in owners.values()}
        for job in owners:
            remove(encoded, state, job)
        try:
            yield owners
        finally:
            for owner, stops in kept.items():
                self.spare.totals[owner, LENGTH] = len(stops)
                self.spare.stops[owner, : len(stops)] = stops
                put_back(encoded.model, state, self.spare, owner)

    @contextmanager
    def _bound(self, visit: Visit, jobs: Sequence[int], *, free: bool) -> Iterator[None]:
        """Bind the start to what the visit depends on, where nothing is agreed yet."""
        work = self.words.encoded.model.work
        before = work[jobs][:, [AGREED_FIRST, AGREED_LAST]]
        if free:
            for row in self.words.encoded.problem.dependencies:
                if row.second == visit.key:
                    first, last = self._after(row)
                    work[jobs, AGREED_FIRST] = np.maximum(work[jobs, AGREED_FIRST], first)
                    work[jobs, AGREED_LAST] = np.minimum(work[jobs, AGREED_LAST], last)
        try:
            yield
        finally:
            work[jobs, AGREED_FIRST], work[jobs, AGREED_LAST] = before[:, 0], before[:, 1]

    def _after(self, row: Dependency) -> tuple[int, int]:
        """The first and the last start of the second visit by where the first stands."""
        encoded, problem = self.words.encoded, self.words.encoded.problem
        owner = int(self.words.state.owner[encoded.visits[row.first]])
        route = read_route(encoded, self.words.state, owner)
        stop = next(stop for stop in route.stops if stop.visit == row.first)
        first, last = stop.end + row.gap_seconds, NEVER
        if row.longest_gap_seconds is not None:
            last = stop.end + row.longest_gap_seconds
        if row.same_day:
            later = [day for day in problem.day_starts if day > stop.start]
            last = min(last, min(later, default=NEVER) - 1)
        return first, last

    def _probed(self, visit: Visit, job: int, *, seat: int, displacing: int) -> Ints:
        problem, state = self.words.encoded.problem, self.words.state
        policy = problem.policy
        certain = np.stack((np.full(len(self.last_end), NEVER), self.last_end), axis=1)
        skills = visit.crew[seat - 1] if seat else visit.skills
        for place, row in enumerate(problem.technicians):
            if row.certified_until:
                ends = [row.certified_until[skill] for skill in skills if skill in row.certified_until]
                certain[place, LAST_CERTAIN] = min(ends, default=NEVER)
        widest = LONGEST_STRETCH_MINUTES if visit.windows and visit.pin not in {"TIME", "BOTH"} else 0
        limited = any(row.most_visits is not None for row in problem.technicians)
        prices = (policy.window_minute_price, policy.overtime_minute_price, policy.transfer_price)
        limit = len(self.words.columns) if limited else -1
        found = np.zeros((len(problem.technicians), 7), np.int64)
        asked = (job, certain, np.array((*prices, widest, limit, displacing), np.int64))
        probe(self.words.encoded.model, state, self.spare, asked, found)
        return found

    def _reasons(self, asked: Asked, place: int) -> Sequence[Reason]:
        """Of the seats that a technician might take, the one that is nearest."""
        who = self.words.encoded.problem.technicians[place].key
        rows = [rows[place] for rows in asked.found]
        if asked.crew is not None and any(row[CODE] == FITS for row in rows):
            if asked.crew[place] < NEVER:
                return [dearer(self.words, who, int(asked.crew[place]) - asked.against, than=asked.than)]
            seat = next(seat for seat, row in enumerate(rows) if row[CODE] == FITS)
            return [self._alone(asked, who, seat=seat)]
        row = rows[0]
        if row[CODE] == FITS:
            return [dearer(self.words, who, int(row[PRICE]) - asked.against, than=asked.than)]
        seat = next((seat for seat, row in enumerate(rows) if row[CODE] != BARRED), 0)
        if rows[seat][CODE] == BARRED:
            return barred(self.words, place, asked.visit)
        reasons = self.words.found(place, asked.visit, rows[seat])
        # What lets one seat in says nothing of a whole crew.
        return reasons if asked.crew is None else [replace(each, relaxation=None) for each in reasons]

    def _alone(self, asked: Asked, who: str, *, seat: int) -> Reason:
        """That a technician could take a seat of a crew which is not whole."""
        others = [place for place in range(len(asked.found)) if place != seat]
        missing = [place for place in others if not (asked.found[place][:, CODE] == FITS).any()]
        mine = "lead it" if seat == 0 else f"take seat {seat} of its crew"
        if not missing:
            text = f"{who} could {mine}, but no start was found at which all seats are taken."
            return Reason(ReasonCode.NO_ROOM, text, who)
        seats = [self._seat(asked.visit, place) for place in missing]
        unskilled = all((asked.found[place][:, CODE] == BARRED).all() for place in missing)
        code = ReasonCode.MISSING_SKILL if unskilled else ReasonCode.NO_ROOM
        return Reason(code, f"{who} could {mine}, but nobody is there for {' and '.join(seats)}.", who)

    def _seat(self, visit: Visit, seat: int) -> str:
        skills = visit.crew[seat - 1] if seat else visit.skills
        needed = " and ".join(f"{skill} at level {level}" for skill, level in sorted(skills.items()))
        name = "the lead" if seat == 0 else f"seat {seat}"
        return f"{name}, who needs {needed}" if needed else name


def _nearest(same: Sequence[Reason]) -> Reason:
    """Of reasons with one code the one with the cheapest way out, then the fewest minutes."""
    least = min(same, key=_distance)
    others = len({reason.technician for reason in same} - {least.technician})
    if not others:
        return least
    tail = "technician" if others == 1 else "technicians"
    return replace(least, message=f"{least.message} The same holds for {others} other {tail}.")


def _distance(reason: Reason) -> tuple[int, int]:
    price = NEVER if reason.relaxation is None else reason.relaxation.price
    return price, NEVER if reason.minutes is None else reason.minutes
