"""Pairing: which technician may do which job, and what that pairing itself costs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optimizer.model import CERTIFIED, NEVER, TERMS, Ints, starts
from optimizer.problem import Problem, Technician, Visit

DAY_SECONDS = 86_400


class _Pairing:
    """The making of `terms`: what many visits share is worked out once for all technicians."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.places = {row.key: place for place, row in enumerate(problem.technicians)}
        self.leaves = np.array([row.shift_start for row in problem.technicians], np.int64)
        self.heads = [(place, frozenset(row.fixed)) for place, row in enumerate(problem.technicians)]
        self.fixed = {key for _, head in self.heads for key in head}
        self.known: dict[str, NDArray[np.bool_]] = {}
        self.ends: dict[tuple[tuple[str, int], ...], Ints] = {}

    def until(self, skills: Mapping[str, int]) -> Ints:
        """For each technician the last second of the first certificate to end; -NEVER: lacks a skill."""
        name = (*sorted(skills.items()),)
        if name not in self.ends:
            rows = self.problem.technicians
            self.ends[name] = np.array([certified(row, skills) for row in rows], np.int64)
        return self.ends[name]

    def able(self, visit: Visit, skills: Mapping[str, int]) -> NDArray[np.bool_]:
        """Who has the skills at the first moment at which the visit may start."""
        first = min((window.start for window in starts(visit)), default=-NEVER)
        return self.until(skills) >= np.maximum(self.leaves, first)

    def elsewhere(self, territory: str) -> NDArray[np.bool_]:
        """For whom that territory is not their own."""
        if territory not in self.known:
            rows = self.problem.technicians
            self.known[territory] = np.array([territory not in row.territories for row in rows], np.bool_)
        return self.known[territory]

    def rows_of(self, keys: frozenset[str]) -> list[int]:
        return [self.places[key] for key in keys if key in self.places]

    def seat(self, visit: Visit, seat: int) -> Ints:
        """The terms of a further seat: skills and prohibitions only; a fact is with whom it is."""
        if visit.key in self.fixed:
            return np.array([-1 + (visit.key in head) for _, head in self.heads], np.int64)
        terms = np.where(self.able(visit, visit.crew[seat - 1]), 0, -1)
        terms[self.rows_of(visit.forbidden)] = -1
        return terms

    def lead(self, visit: Visit) -> Ints:
        """The terms of the lead, or of the only one."""
        policy, planned = self.problem.policy, visit.planned
        price = np.zeros(len(self.places), np.int64)
        barred = ~self.able(visit, visit.skills)
        barred[self.rows_of(visit.forbidden)] = True
        if planned is not None:
            change = np.ones(len(self.places), np.bool_)
            change[self.rows_of(frozenset({planned.technician}))] = False
            price += change * policy.change_technician_price
            barred |= change & (visit.pin in {"TECHNICIAN", "BOTH"})
        if visit.preferred:
            others = np.ones(len(self.places), np.bool_)
            others[self.rows_of(visit.preferred)] = False
            price += others * policy.not_preferred_price
        if visit.territory is not None:
            outside = self.elsewhere(visit.territory)
            price += outside * (policy.outside_territory_price or 0)
            barred |= outside & (policy.outside_territory_price is None)
        if visit.key in self.fixed:
            # What has begun is nobody else's, and its price on its own route is a fact too.
            barred = np.array([visit.key not in head for _, head in self.heads], np.bool_)
        return np.where(barred, -1, price)


def head_seats(problem: Problem) -> dict[tuple[str, str], int]:
    """(technician, fixed visit) → seat: of a crew that has been sent the planned technician leads."""
    sent: dict[str, list[str]] = {}
    for technician in problem.technicians:
        for key in technician.fixed:
            sent.setdefault(key, []).append(technician.key)
    planned = {visit.key: visit.planned for visit in problem.visits if visit.key in sent}
    found: dict[tuple[str, str], int] = {}
    for key, names in sent.items():
        lead = planned[key]
        order = sorted(names, key=lambda name: lead is None or name != lead.technician)
        found |= {(name, key): seat for seat, name in enumerate(order)}
    return found


def terms(problem: Problem, jobs: tuple[tuple[int, int], ...]) -> Ints:
    """[job, technician]: the price of that pairing, -1 where it may not be."""
    pairing = _Pairing(problem)
    found = np.zeros((max(1, len(jobs)), len(problem.technicians)), np.int64)
    for job, (place, seat) in enumerate(jobs):
        visit = problem.visits[place]
        found[job] = pairing.seat(visit, seat) if seat else pairing.lead(visit)
    return found


def certified(technician: Technician, skills: Mapping[str, int]) -> int:
    """The last second to which all these skills are certified; NEVER: no end, -NEVER: one is missing."""
    if any(technician.skills.get(skill, -1) < level for skill, level in skills.items()):
        return -NEVER
    return min((technician.certified_until.get(skill, NEVER) for skill in skills), default=NEVER)


def certificates(problem: Problem, jobs: tuple[tuple[int, int], ...]) -> Ints:
    """[job, technician]: the last start before a certificate ends."""
    pairing = _Pairing(problem)
    found = np.full((max(1, len(jobs)), len(problem.technicians)), NEVER, np.int64)
    if any(row.certified_until for row in problem.technicians):
        for job, (place, seat) in enumerate(jobs):
            visit = problem.visits[place]
            found[job] = pairing.until(visit.crew[seat - 1] if seat else visit.skills)
    return found


def dated(problem: Problem, pairs: Ints) -> NDArray[np.bool_]:
    """For each technician whether a certificate that a job needs ends in the shift, or a day after it.

    Reasons ask what a longer shift would change, by up to a day.
    """
    ends = np.array([row.shift_end + row.overtime_limit_seconds for row in problem.technicians], np.int64)
    soon = (pairs[CERTIFIED] < ends + DAY_SECONDS) & (pairs[TERMS] >= 0)
    return np.asarray(soon.any(axis=0), np.bool_)


def tools(problem: Problem, jobs: tuple[tuple[int, int], ...]) -> Ints:
    """[job, technician]: -1 where the van has what is needed, else a bit for each depot that has the rest."""
    found = np.full((max(1, len(jobs)), len(problem.technicians)), -1, np.int64)
    known: dict[frozenset[str], list[int]] = {}
    for job, (visit, seat) in enumerate(jobs):
        needed = problem.visits[visit].tools
        if needed and not seat:
            if needed not in known:
                known[needed] = [_where(problem, needed - row.tools) for row in problem.technicians]
            found[job] = known[needed]
    return found


def _where(problem: Problem, missing: frozenset[str]) -> int:
    """A bit for each depot that has the missing tools, or -1 where none is missing."""
    if not missing:
        return -1
    having = [depot.tools is None or missing <= depot.tools for depot in problem.depots]
    return sum(1 << number for number, has in enumerate(having) if has)
