"""Statements: a day of the graph stated as the optimizer's Problem.

The rules of translation:

* Time zero is the start of the plan's day in the organization's zone; now is the unit of work's time.
* A technician works the shift with most time left on the day, from its first free moment from now on to its
  last; absences between are holes, in which nobody drives or serves.
* Visits under way, and those dispatched or fully pinned that are due or late, head the route as facts.
  Dispatched or pinned visits that lie ahead keep their technician and time, and leave room before them.
* What takes a crew, or goes with another visit, stays where it stands: a fact for each who goes there.
* What stands and is not to be moved keeps what is held for it: its skills and parts are not asked again.
* What a subcontractor takes on in a day is stated like stock: each visit uses up some of it.
* Late is always better than left out: a penalty holds all lateness that the rest of the day could cost.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain import capacities, plannable
from domain.customers import Tier
from domain.plannable import Candidate, Day, Point, Presence
from domain.technicians import Shift, Technician, TechnicianSkill, certificates
from domain.visits import UNDER_WAY, Pin, Visit, VisitState
from domain.work_orders import Priority
from optimizer import problem as problems

Table = Callable[[Sequence[Point]], NDArray[np.int32]]
VISITS, SECONDS = "visits a day", "seconds a day"
"""Keys among the parts, for what a subcontractor takes on."""
NO_LIMIT = 10**9


class Spot(NamedTuple):
    """A place in somebody's day, in seconds of the Problem."""

    technician: str
    start: int
    end: int
    travel_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A visit as it was when the Problem was stated. `firm`: no change to it may be proposed."""

    visit: Visit
    standing: Spot | None
    firm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A Problem, and what is needed to say its Plan in the words of the graph."""

    plan_id: UUID
    origin: datetime
    problem: problems.Problem
    known: Mapping[str, Known]
    names: Mapping[str, str]


def state(day: Day, *, table: Table) -> Statement:
    """The day as a Problem; nothing of the database is touched, so it may run in a thread."""
    return _Stating(day, table).statement()


class _Stating:
    """The making of one Statement: places are numbered and travel asked for once, before anything else."""

    def __init__(self, day: Day, table: Table) -> None:
        self.day = day
        self.wanted = day.wanted_visits
        self.now = self.up(day.now)
        self.limited = bool(capacities.limited(presence.technician for presence in day.presences))
        self.crew = {str(presence.technician.id): presence for presence in day.presences}
        self.latest = max([self.up(day.end), *(self.down(each.period[1]) for each in day.presences)])
        self.standing = {row.key: self.spot(row) for row in day.candidates if row.technician_id is not None}
        self.rows = {row.key: row for row in day.candidates if self.belongs(row)}
        self.firm = {key for key, row in self.rows.items() if self.is_firm(row)}
        self.under_way = {
            str(row.technician_id): row for row in self.rows.values() if row.visit.state in UNDER_WAY
        }
        self.places: dict[Point, int] = {}
        for key, presence in self.crew.items():
            self.place(self.departure(key)[0])
            self.place(_home(presence))
        for row in self.rows.values():
            self.place(row.point)
        size = len(self.places)
        self.travel = np.array(table(list(self.places)), np.int32).reshape(size, size)
        self.heads = self.all_heads()
        self.fixed = {visit for head in self.heads.values() for visit in head}

    def up(self, at: datetime) -> int:
        return math.ceil((at - self.day.origin).total_seconds())

    def down(self, at: datetime) -> int:
        return math.floor((at - self.day.origin).total_seconds())

    def place(self, point: Point) -> int:
        return self.places.setdefault(point, len(self.places))

    def spot(self, row: Candidate) -> Spot | None:
        visit = row.visit
        if visit.planned_start is None or visit.planned_end is None:
            return None
        return Spot(str(row.technician_id), self.down(visit.planned_start), self.up(visit.planned_end))

    def belongs(self, row: Candidate) -> bool:
        """Whose facts are not in this plan, and who are not asked for, stay out of it."""
        visit, technician = row.visit, str(row.technician_id)
        if visit.state == VisitState.UNSCHEDULED:
            return True
        if self.standing.get(row.key) is None:
            return False
        if technician in self.crew:
            return True
        if row.fixed or visit.state != VisitState.SCHEDULED or visit.pin is not None:
            return False
        asked_for = visit.id in self.wanted if self.wanted else not self.day.plan.request.get("technicians")
        return asked_for and self.planned_today(visit)

    def planned_today(self, visit: Visit) -> bool:
        return visit.planned_start is not None and self.day.origin <= visit.planned_start < self.day.end

    def is_firm(self, row: Candidate) -> bool:
        """Whether nothing may change: under way, dispatched, pinned, not asked for, or another day's."""
        visit = row.visit
        if visit.state == VisitState.UNSCHEDULED:
            return False
        if row.fixed or visit.state != VisitState.SCHEDULED or visit.pin == Pin.BOTH:
            return True
        return bool(self.wanted and visit.id not in self.wanted) or not self.planned_today(visit)

    def departure(self, technician: str) -> tuple[Point, int | None]:
        """Where the technician sets off from, and since when they are free to (None: with the shift)."""
        presence, day, row = self.crew[technician], self.day, self.under_way.get(technician)
        key, home = presence.technician.id, _home(presence)
        if row is not None and _at_site(row):
            return row.point, None
        if row is None and day.now <= presence.period[0]:
            return home, None
        if key in day.positions:
            return day.positions[key], self.now
        left_at = row.visit.en_route_at if row is not None else None
        return day.last_places.get(key, home), self.now if left_at is None else self.down(left_at)

    def all_heads(self) -> dict[str, tuple[str, ...]]:
        """For each technician the visits that come first: under way, then due or unreachable in time."""
        mine: dict[str, list[tuple[bool, int, str]]] = {key: [] for key in self.crew}
        for key in self.firm:
            row = self.rows[key]
            mine[str(row.technician_id)].append((row.visit.state not in UNDER_WAY, self.fact(row).start, key))
        return {technician: self.head(technician, sorted(rows)) for technician, rows in mine.items()}

    def head(self, technician: str, rows: Sequence[tuple[bool, int, str]]) -> tuple[str, ...]:
        point, free_from = self.departure(technician)
        place, head = self.places[point], []
        ready = max(self.up(self.crew[technician].period[0]), self.now if free_from is None else free_from)
        for ahead, start, key in rows:
            row = self.rows[key]
            fact, there = self.fact(row), self.places[row.point]
            way = int(self.travel[place, there])
            arrive = start if _at_site(row) else self.arrival(technician, ready, way)
            if ahead and start > self.now + 1 and arrive <= start:
                break
            head.append(key)
            place, ready = there, max(self.now, arrive, start) + fact.end - fact.start
            if _at_site(row):
                ready = max(self.now, fact.end)
        return tuple(head)

    def arrival(self, technician: str, ready: int, travel_seconds: int) -> int:
        """When a way that can begin at `ready` ends: none begins that an absence would interrupt."""
        for absence in self.absences(self.crew[technician]):
            if ready < absence.end and absence.start < ready + travel_seconds:
                ready = absence.end
        return ready + travel_seconds

    def absences(self, presence: Presence) -> tuple[problems.Absence, ...]:
        return tuple(
            problems.Absence(self.down(starts_at), self.up(ends_at))
            for starts_at, ends_at in presence.absences
        )

    def fact(self, row: Candidate) -> Spot:
        """When a firm visit takes place; one that has not begun though it is due begins after now.

        Its end is never before the planned one, up to which the database keeps the technician's time.
        """
        visit, spot = row.visit, self.standing[row.key]
        if spot is None:
            raise ValueError(f"visit {visit.id} stands nowhere")
        if _at_site(row):
            began = visit.started_at or visit.arrived_at
            start = min(self.down(began) if began else spot.start, self.now)
            return spot._replace(start=start, end=max(start + visit.duration_seconds, spot.end))
        start = spot.start if spot.start > self.now else self.now + 1
        return spot._replace(start=start, end=start + spot.end - spot.start)

    def statement(self) -> Statement:
        problem = problems.Problem(
            technicians=tuple(self.technician(key, presence) for key, presence in self.crew.items()),
            visits=tuple(self.visit(key, row) for key, row in self.rows.items()),
            travel_seconds=self.travel,
            earliest_start=self.now,
            policy=self.policy(),
        )
        known = {
            key: Known(visit=row.visit, standing=self.standing.get(key), firm=key in self.firm)
            for key, row in self.rows.items()
        }
        return Statement(
            plan_id=self.day.plan.id,
            origin=self.day.origin,
            problem=problem,
            known=known,
            names={**self.day.names, **{key: row.order.number for key, row in self.rows.items()}},
        )

    def policy(self) -> problems.Policy:
        own = self.day.policy
        return problems.Policy(
            travel_weight=own.travel_weight,
            change_technician_price=own.change_technician_penalty,
            change_start_price=own.change_start_penalty,
            start_tolerance_seconds=own.start_tolerance_seconds,
            overtime_weight=own.overtime_weight,
            hold_planned_starts=own.hold_planned_starts,
        )

    def technician(self, key: str, presence: Presence) -> problems.Technician:
        mine = self.day.skills.get(presence.technician.id, ())
        day = self.day.plan.day
        good = [skill for skill in mine if self.counts(skill, day)]
        point, available_from = self.departure(key)
        start, end = self.up(presence.period[0]), self.down(presence.period[1])
        return problems.Technician(
            key=key,
            start_location=self.places[point],
            end_location=self.places[_home(presence)],
            shift_start=start,
            shift_end=max(start, end),
            skills={str(skill.skill_id): skill.level for skill in good},
            expired_skills=frozenset(str(skill.skill_id) for skill in mine if skill not in good),
            stock={**self.stock(presence.technician.id), **self.capacity(presence.technician)},
            lunch=self.lunch(presence.shift, presence.period),
            absences=self.absences(presence),
            fixed=self.heads[key],
            available_from=available_from,
            overtime_limit_seconds=self.day.policy.overtime_limit_seconds,
        )

    def counts(self, skill: TechnicianSkill, day: date) -> bool:
        proofs = self.day.proofs.get((skill.technician_id, skill.skill_id), ())
        return certificates.counts(proofs, day, required=skill.skill_id in self.day.certified_skills)

    def capacity(self, technician: Technician) -> dict[str, int]:
        """What is left for visits that may be moved; nothing is said where nobody has a capacity."""
        if not self.limited:
            return {}
        firm = [
            one.seconds
            for one in self.day.taken
            if one.technician_id == technician.id
            and (str(one.visit_id) not in self.rows or str(one.visit_id) in self.firm)
        ]
        visits, minutes = technician.max_visits_per_day, technician.max_minutes_per_day
        return {
            VISITS: NO_LIMIT if visits is None else max(0, visits - len(firm)),
            SECONDS: NO_LIMIT if minutes is None else max(0, minutes * 60 - sum(firm)),
        }

    def stock(self, technician_id: UUID) -> dict[str, int]:
        pieces = defaultdict(int, {str(k): n for k, n in self.day.van_stock.get(technician_id, {}).items()})
        for (visit_id, holder), parts in self.day.held.items():
            if holder == technician_id and str(visit_id) in self.rows:
                for part_id, quantity in parts.items():
                    pieces[str(part_id)] += quantity
        return dict(pieces)

    def lunch(self, shift: Shift, period: plannable.Period) -> problems.Break | None:
        """The shift's break, as far as the part of the shift that is left still holds it."""
        if shift.break_earliest is None or shift.break_latest is None or shift.break_seconds <= 0:
            return None
        earliest, latest = max(shift.break_earliest, period[0]), min(shift.break_latest, period[1])
        if earliest > latest:
            return None
        return problems.Break(
            self.up(earliest), max(self.up(earliest), self.down(latest)), shift.break_seconds
        )

    def visit(self, key: str, row: Candidate) -> problems.Visit:
        if key in self.firm:
            return self.firm_visit(key, row)
        visit, spot = row.visit, self.standing.get(key)
        priority = Priority(row.order.priority)
        due = None if row.order.due_at is None else self.down(row.order.due_at)
        weight = self.day.policy.lateness_weight(priority) if due is not None else 0
        # What is late already counts from now: a plan can only add to it.
        due = None if due is None else max(due, self.now)
        lateness = 0 if due is None else weight * max(0, self.latest - due)
        return problems.Visit(
            key=key,
            location=self.places[row.point],
            service_seconds=visit.duration_seconds,
            windows=self.windows(visit),
            skills={
                str(skill): level
                for skill, level in self.day.needed_skills.get(row.order.work_type_id, {}).items()
            },
            parts={
                **{str(part): count for part, count in self.day.needed_parts.get(visit.id, {}).items()},
                **({VISITS: 1, SECONDS: visit.duration_seconds} if self.limited else {}),
            },
            priority=list(Priority).index(priority) + 1,
            unassigned_penalty=self.day.policy.penalty(priority, Tier(row.tier)) + lateness,
            due=due,
            lateness_weight=weight,
            planned=None if spot is None else problems.Planned(spot.technician, spot.start),
            pin=None if spot is None or visit.pin is None else Pin(visit.pin).value,
        )

    def firm_visit(self, key: str, row: Candidate) -> problems.Visit:
        priority, spot = Priority(row.order.priority), self.fact(row)
        held = self.day.held.get((row.visit.id, UUID(spot.technician)), {})
        return problems.Visit(
            key=key,
            location=self.places[row.point],
            service_seconds=spot.end - spot.start,
            parts={str(part): count for part, count in held.items()},
            priority=list(Priority).index(priority) + 1,
            unassigned_penalty=self.day.policy.penalty(priority, Tier.STANDARD),
            planned=problems.Planned(spot.technician, spot.start),
            pin=None if key in self.fixed else "BOTH",
        )

    def windows(self, visit: Visit) -> tuple[problems.Window, ...]:
        if visit.window_start is None or visit.window_end is None:
            return ()
        start = self.up(visit.window_start)
        return (problems.Window(start, max(start, self.down(visit.window_end))),)


def _at_site(row: Candidate) -> bool:
    return row.visit.state in UNDER_WAY and row.visit.state != VisitState.EN_ROUTE


def _home(presence: Presence) -> Point:
    return presence.technician.home_longitude, presence.technician.home_latitude
