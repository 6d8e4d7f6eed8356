"""Plannable: what the planning of one day must know, each list read by one statement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_
from sqlmodel import col, select

from domain import capacities, policies, visits
from domain.capacities import Taken
from domain.customers import Customer
from domain.errors import NotFound
from domain.organizations import Organization
from domain.plans import Plan
from domain.policies import SchedulingPolicy
from domain.sites import Site
from domain.stock import Part, Reservation, StockLevel, StockLocation
from domain.technicians import Absence, Shift, Skill, Technician, TechnicianSkill, certificates
from domain.tracking import PositionCurrent
from domain.unit_of_work import UnitOfWork
from domain.visits import LIVE, UNDER_WAY, Assignment, Visit, VisitPart, VisitState
from domain.work_orders import DERIVED, WorkOrder, WorkTypeSkill

Point = tuple[float, float]
Period = tuple[datetime, datetime]
BOOKED = (VisitState.SCHEDULED, VisitState.DISPATCHED)
DONE = (VisitState.COMPLETED, VisitState.INCOMPLETE, VisitState.NO_ACCESS)
FRESH = timedelta(minutes=15)
"""A position older than this says nothing about where a technician sets off from."""


class Candidate(NamedTuple):
    """A visit with what its order, site and customer say about it, and whose it is now.

    `fixed`: no plan may place or move it, since it takes a crew or goes with another visit. Each of a crew
    has a candidate of their own: `helper_id` is the assignment of one who does not lead.
    """

    visit: Visit
    order: WorkOrder
    point: Point
    tier: str
    technician_id: UUID | None
    fixed: bool = False
    helper_id: UUID | None = None

    @property
    def key(self) -> str:
        return str(self.helper_id or self.visit.id)


class Presence(NamedTuple):
    """A technician with the shift: from its first free moment to its last, and the absences between them."""

    technician: Technician
    shift: Shift
    period: Period
    absences: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of one organization, as read at `now`. `names` are those of technicians, skills and parts."""

    plan: Plan
    policy: SchedulingPolicy
    now: datetime
    origin: datetime
    end: datetime
    presences: Sequence[Presence]
    candidates: Sequence[Candidate]
    skills: Mapping[UUID, Sequence[TechnicianSkill]]
    proofs: certificates.Proofs
    certified_skills: frozenset[UUID]
    """Those that need a certificate."""
    taken: Sequence[Taken]
    """What those with a capacity have taken on that day."""
    needed_skills: Mapping[UUID, Mapping[UUID, int]]
    needed_parts: Mapping[UUID, Mapping[UUID, int]]
    van_stock: Mapping[UUID, Mapping[UUID, int]]
    held: Mapping[tuple[UUID, UUID], Mapping[UUID, int]]
    """(Visit, technician) → part → pieces held for the visit in that technician's van."""
    positions: Mapping[UUID, Point]
    last_places: Mapping[UUID, Point]
    names: Mapping[str, str]

    @property
    def wanted_visits(self) -> frozenset[UUID]:
        """The visits that were asked for; empty: all of the day."""
        return frozenset(UUID(key) for key in self.plan.request.get("visits", ()))


async def read(work: UnitOfWork, plan: Plan) -> Day:
    """Everything about the plan's day. Raises NotFound where the organization itself is not to be seen."""
    day = await _period(work, plan)
    presences = await _presences(work, plan, day=day)
    horizon = max([day[1], *(presence.period[1] for presence in presences)])
    found = await _candidates(work, plan, period=(day[0], horizon))
    open_rows = [row for row in found if row.visit.state not in DONE]
    names = {str(presence.technician.id): presence.technician.name for presence in presences}
    keys = [presence.technician.id for presence in presences]
    limited = capacities.limited(presence.technician for presence in presences)
    certified: set[UUID] = set()
    return Day(
        plan=plan,
        policy=await policies.chosen(work, plan.scheduling_policy_id),
        now=work.at,
        origin=day[0],
        end=day[1],
        presences=presences,
        candidates=open_rows,
        skills=await _skills(work, keys, names=names, certified=certified),
        proofs=await certificates.proofs(work, keys),
        certified_skills=frozenset(certified),
        taken=await capacities.taken(work, limited, day) if limited else (),
        needed_skills=await _needed_skills(work, open_rows, names=names),
        needed_parts=await _needed_parts(work, open_rows, names=names),
        van_stock=await _van_stock(work, keys),
        held=await _held(work, open_rows),
        positions=await _positions(work, keys),
        last_places=_last_places(found),
        names=names,
    )


async def _period(work: UnitOfWork, plan: Plan) -> Period:
    """The plan's day from midnight to midnight in the organization's zone (23 to 25 hours)."""
    organization = await work.session.get(Organization, work.viewer.organization_id)
    if organization is None:
        raise NotFound("No Organization has that id.")
    zone = ZoneInfo(organization.time_zone)
    midnights = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (plan.day, plan.day + timedelta(days=1))
    )
    return next(midnights), next(midnights)


async def _presences(work: UnitOfWork, plan: Plan, *, day: Period) -> list[Presence]:
    """Who is there on the day: of all shifts that touch it, each one's with most time left from now on."""
    statement = (
        select(Technician, Shift)
        .join(
            Shift,
            and_(
                col(Shift.technician_id) == Technician.id,
                col(Shift.organization_id) == Technician.organization_id,
            ),
        )
        .where(
            col(Shift.starts_at) < day[1],
            col(Shift.ends_at) > day[0],
            col(Technician.archived_at).is_(None),
        )
    )
    asked_for = [UUID(key) for key in plan.request.get("technicians", ())]
    if asked_for:
        statement = statement.where(col(Technician.id).in_(asked_for))
    rows = (await work.session.exec(statement.order_by(col(Technician.code), col(Shift.starts_at)))).all()
    absences = await _absences(work, day=day)
    found: dict[UUID, tuple[timedelta, Presence]] = {}
    since = max(work.at, day[0])
    for technician, shift in rows:
        pieces = _free((shift.starts_at, shift.ends_at), absences[technician.id])
        ahead = [piece for piece in pieces if piece[1] > since] or pieces[-1:]
        if not ahead:
            continue
        left = sum((piece[1] - max(piece[0], since) for piece in ahead), timedelta())
        if technician.id not in found or left > found[technician.id][0]:
            gaps = tuple((before[1], after[0]) for before, after in pairwise(ahead))
            found[technician.id] = left, Presence(technician, shift, (ahead[0][0], ahead[-1][1]), gaps)
    return [presence for _, presence in found.values()]


async def _absences(work: UnitOfWork, *, day: Period) -> Mapping[UUID, list[Period]]:
    # Two days on, because a night shift of the day ends on the next.
    statement = select(Absence).where(
        col(Absence.starts_at) < day[1] + timedelta(days=1), col(Absence.ends_at) > day[0] - timedelta(days=1)
    )
    found: dict[UUID, list[Period]] = defaultdict(list)
    for row in (await work.session.exec(statement.order_by(col(Absence.starts_at)))).all():
        found[row.technician_id].append((row.starts_at, row.ends_at))
    return found


def _free(shift: Period, absences: Sequence[Period]) -> list[Period]:
    """The parts of a shift between absences that are sorted by their start."""
    pieces, start = [], shift[0]
    for begins, ends in absences:
        if ends <= start or begins >= shift[1]:
            continue
        if begins > start:
            pieces.append((start, begins))
        start = ends
    return [*pieces, (start, shift[1])] if start < shift[1] else pieces


async def _candidates(work: UnitOfWork, plan: Plan, *, period: Period) -> list[Candidate]:
    """Visits to place, those that stand in the period or are under way, and those done in it."""
    asked_for = [UUID(key) for key in plan.request.get("visits", ())]
    in_window = and_(col(Visit.window_start) < period[1], col(Visit.window_end) >= period[0])
    open_ended = col(Visit.window_start).is_(None)
    to_place = and_(
        col(Visit.state) == VisitState.UNSCHEDULED,
        col(WorkOrder.state).in_(DERIVED),
        col(Visit.id).in_(asked_for) if asked_for else or_(in_window, open_ended),
    )
    booked = and_(
        col(Visit.state).in_(BOOKED),
        col(Visit.planned_start) < period[1],
        col(Visit.planned_end) > period[0],
    )
    done = and_(col(Visit.state).in_(DONE), col(Visit.ended_at) >= period[0], col(Visit.ended_at) <= work.at)
    # Who is under way now has finished before another day begins.
    under_way = col(Visit.state).in_(UNDER_WAY if work.at >= period[0] else ())
    statement = (
        select(Visit, WorkOrder, Site, Customer.tier, Assignment)  # type: ignore[call-overload]  # typed for four
        .join(WorkOrder, _same(WorkOrder, Visit.work_order_id))
        .join(Site, _same(Site, Visit.site_id))
        .join(Customer, _same(Customer, Visit.customer_id))
        .outerjoin(
            Assignment,
            and_(
                col(Assignment.organization_id) == Visit.organization_id,
                col(Assignment.visit_id) == Visit.id,
                col(Assignment.state).in_(LIVE),
            ),
        )
        .where(or_(to_place, booked, done, under_way))
        .order_by(col(Visit.planned_start), col(Visit.id))
    )
    rows = (await work.session.exec(statement)).all()
    fixed = await _fixed(work, [(visit, assignment) for visit, _, _, _, assignment in rows])
    return [
        Candidate(
            visit,
            order,
            (site.longitude, site.latitude),
            tier,
            assignment.technician_id if assignment else None,
            fixed=visit.id in fixed,
            helper_id=assignment.id if assignment and not assignment.is_lead else None,
        )
        for visit, order, site, tier, assignment in rows
        if visit.state != VisitState.UNSCHEDULED or visit.id not in fixed
    ]


async def _fixed(work: UnitOfWork, rows: Sequence[tuple[Visit, Assignment | None]]) -> set[UUID]:
    """The visits that no plan may place or move: of several technicians, or bound to another visit."""
    fixed = await visits.bound(work, {visit.id for visit, _ in rows})
    for visit, assignment in rows:
        if visit.crew_size > 1 or (assignment is not None and not assignment.is_lead):
            fixed.add(visit.id)
    return fixed


def _same(table: type[WorkOrder | Site | Customer], column: UUID) -> object:
    return and_(col(table.organization_id) == Visit.organization_id, col(table.id) == column)


async def _skills(
    work: UnitOfWork, technicians: Sequence[UUID], *, names: dict[str, str], certified: set[UUID]
) -> Mapping[UUID, Sequence[TechnicianSkill]]:
    statement = (
        select(TechnicianSkill, Skill)
        .join(
            Skill,
            and_(
                col(Skill.organization_id) == TechnicianSkill.organization_id,
                col(Skill.id) == TechnicianSkill.skill_id,
            ),
        )
        .where(col(TechnicianSkill.technician_id).in_(technicians))
    )
    found: dict[UUID, list[TechnicianSkill]] = defaultdict(list)
    for row, skill in (await work.session.exec(statement)).all():
        found[row.technician_id].append(row)
        names[str(row.skill_id)] = skill.name
        if skill.requires_certification:
            certified.add(skill.id)
    return found


async def _needed_skills(
    work: UnitOfWork, rows: Sequence[Candidate], *, names: dict[str, str]
) -> Mapping[UUID, Mapping[UUID, int]]:
    """Work type → skill → level."""
    statement = (
        select(WorkTypeSkill, Skill.name)
        .join(
            Skill,
            and_(
                col(Skill.organization_id) == WorkTypeSkill.organization_id,
                col(Skill.id) == WorkTypeSkill.skill_id,
            ),
        )
        .where(col(WorkTypeSkill.work_type_id).in_({row.order.work_type_id for row in rows}))
    )
    found: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for need, name in (await work.session.exec(statement)).all():
        levels = found[need.work_type_id]
        levels[need.skill_id] = max(need.level, levels.get(need.skill_id, 0))
        names[str(need.skill_id)] = name
    return found


async def _needed_parts(
    work: UnitOfWork, rows: Sequence[Candidate], *, names: dict[str, str]
) -> Mapping[UUID, Mapping[UUID, int]]:
    """Visit → part → pieces."""
    statement = (
        select(VisitPart, Part.name)
        .join(
            Part,
            and_(col(Part.organization_id) == VisitPart.organization_id, col(Part.id) == VisitPart.part_id),
        )
        .where(col(VisitPart.visit_id).in_([row.visit.id for row in rows]))
    )
    found: dict[UUID, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for need, name in (await work.session.exec(statement)).all():
        found[need.visit_id][need.part_id] += need.quantity
        names[str(need.part_id)] = name
    return found


async def _van_stock(work: UnitOfWork, technicians: Sequence[UUID]) -> Mapping[UUID, Mapping[UUID, int]]:
    """Technician → part → pieces in the van that nothing is held for."""
    statement = (
        select(col(StockLocation.technician_id), StockLevel)
        .join(
            StockLevel,
            and_(
                col(StockLevel.organization_id) == StockLocation.organization_id,
                col(StockLevel.stock_location_id) == StockLocation.id,
            ),
        )
        .where(col(StockLocation.technician_id).in_(technicians))
    )
    found: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for technician_id, level in (await work.session.exec(statement)).all():
        if technician_id is not None:
            found[technician_id][level.part_id] = level.on_hand - level.reserved
    return found


async def _held(
    work: UnitOfWork, rows: Sequence[Candidate]
) -> Mapping[tuple[UUID, UUID], Mapping[UUID, int]]:
    statement = (
        select(Reservation, col(StockLocation.technician_id))
        .join(
            StockLocation,
            and_(
                col(StockLocation.organization_id) == Reservation.organization_id,
                col(StockLocation.id) == Reservation.stock_location_id,
            ),
        )
        .where(
            col(Reservation.visit_id).in_([row.visit.id for row in rows]),
            col(Reservation.state).in_(("HELD", "PICKED")),
        )
    )
    found: dict[tuple[UUID, UUID], dict[UUID, int]] = defaultdict(dict)
    for hold, technician_id in (await work.session.exec(statement)).all():
        if technician_id is not None:
            pieces = found[hold.visit_id, technician_id]
            pieces[hold.part_id] = pieces.get(hold.part_id, 0) + hold.quantity
    return found


async def _positions(work: UnitOfWork, technicians: Sequence[UUID]) -> Mapping[UUID, Point]:
    statement = select(PositionCurrent).where(
        col(PositionCurrent.technician_id).in_(technicians), col(PositionCurrent.at) > work.at - FRESH
    )
    rows = (await work.session.exec(statement)).all()
    return {
        row.technician_id: (row.longitude, row.latitude)
        for row in rows
        if row.longitude is not None and row.latitude is not None
    }


def _last_places(rows: Sequence[Candidate]) -> Mapping[UUID, Point]:
    """Where each technician finished last."""
    ended = [row for row in rows if row.visit.state in DONE and row.helper_id is None]
    done = [row for row in ended if row.technician_id and row.visit.ended_at]
    done.sort(key=lambda row: row.visit.ended_at or row.visit.updated_at)
    return {row.technician_id: row.point for row in done if row.technician_id}
