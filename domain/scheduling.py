"""Scheduling: the hard rules of who may serve which visit when, and the verbs that put a visit there."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from domain import capacities, ids, inputs, milestones, stock, technicians, visits
from domain.capacities import Capacities
from domain.errors import Invalid, InvalidTransition, MissingSkill, NotFound, OutsideWindow
from domain.sites import Site
from domain.technicians import (
    Absence,
    AbsenceReason,
    Skill,
    Technician,
    TechnicianKind,
    TechnicianSkill,
    WorkingTimes,
    certificates,
)
from domain.unit_of_work import Kind, UnitOfWork
from domain.visits import Assignment, AssignmentState, Visit, VisitPart, VisitState
from domain.work_orders import DERIVED, Orders, WorkOrder, WorkTypeSkill


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Who serves a visit, and when the work starts. `travel_seconds` is the way there, where it is known.

    `assignment_id` is the id of a new assignment, where somebody has seen it already (domain/overlays.py).
    """

    technician_id: UUID
    start: datetime
    travel_seconds: int | None = None
    assignment_id: UUID | None = None


async def schedule(
    work: UnitOfWork, visit_id: UUID, placement: Placement, *, expected_version: int | None = None
) -> Visit:
    """Put a visit on a technician's day, if every hard rule holds.

    Raises InvalidTransition, MissingSkill, OutsideWindow or DoubleBooking; nothing is written then.
    """
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    await work.find(Technician, placement.technician_id, "technician")
    if visit.state not in {VisitState.UNSCHEDULED, VisitState.SCHEDULED}:
        raise InvalidTransition(f"A visit that is {visit.state} cannot be scheduled.", "visit")
    board = await prepare(work, [(visit, placement)])
    visits.check_pin(
        visit,
        technician=board.changes_hands(visit, placement.technician_id),
        time=visit.planned_start != placement.start,
    )
    board.rules.check(visit, placement)
    if board.changes_hands(visit, placement.technician_id):
        board.free(visit)
        await work.session.flush()
    await board.place(work, visit, placement)
    await work.flush()
    return visit


async def reschedule(
    work: UnitOfWork,
    visit_id: UUID,
    *,
    technician_id: UUID | None,
    start: datetime | None,
    expected_version: int | None = None,
) -> Visit:
    """Move a visit that is SCHEDULED to another technician, another time, or both; None: as it is."""
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    assignment = await visits.lead(work, visit)
    if visit.state != VisitState.SCHEDULED or assignment is None or visit.planned_start is None:
        raise InvalidTransition(f"A visit that is {visit.state} cannot be rescheduled.", "visit")
    placement = Placement(
        technician_id=technician_id or assignment.technician_id, start=start or visit.planned_start
    )
    return await schedule(work, visit_id, placement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The hard rules, and what they need to know of some visits and technicians."""

    technicians: Mapping[UUID, Technician]
    working_times: WorkingTimes
    skills: Mapping[tuple[UUID, UUID], TechnicianSkill]
    """By technician and skill."""
    proofs: certificates.Proofs
    capacities: Capacities
    needs: Mapping[UUID, Sequence[tuple[WorkTypeSkill, Skill]]]
    """Work type → what it asks for, each with its skill."""
    work_types: Mapping[UUID, UUID]
    """Work order → its type."""
    zones: Mapping[UUID, ZoneInfo]
    """Site → its time zone."""
    barred: Mapping[UUID, WorkOrder]
    """The work orders that wait, for approval or on hold, or are over."""

    def check(self, visit: Visit, placement: Placement) -> None:
        """Raises the refusal of the first rule that does not hold."""
        start = placement.start
        order = self.barred.get(visit.work_order_id)
        if order is not None and visit.state == VisitState.UNSCHEDULED:
            raise InvalidTransition(f"Work order {order.number} is {order.state}.", "visit")
        if placement.technician_id not in self.technicians:
            raise NotFound("No Technician has that id.")
        if (technician := self.technicians[placement.technician_id]).archived_at is not None:
            raise Invalid(f"{technician.name} is archived.", "technician")
        check_window(visit, start)
        self.check_skills(visit, placement)
        end = start + timedelta(seconds=visit.duration_seconds)
        self.working_times.check(placement.technician_id, start, end)
        self.capacities.check(placement.technician_id, start, visit.duration_seconds)

    def check_skills(self, visit: Visit, placement: Placement) -> None:
        """Every skill of the work's type, at its level, certified on the visit's date in the site's zone."""
        technician = self.technicians[placement.technician_id]
        day = placement.start.astimezone(self.zones[visit.site_id]).date()
        for need, skill in self.needs.get(self.work_types[visit.work_order_id], ()):
            pair = (technician.id, need.skill_id)
            found, proofs = self.skills.get(pair), self.proofs.get(pair, ())
            if found is None or found.level < need.level:
                raise MissingSkill(
                    f"{technician.name} lacks “{skill.name}” at level {need.level}.", "technician"
                )
            if not certificates.counts(proofs, day, required=skill.requires_certification):
                raise MissingSkill(
                    f"{technician.name} has no certification for “{skill.name}” that is good on {day}.",
                    "technician",
                )


def check_window(visit: Visit, start: datetime) -> None:
    if visit.window_start and visit.window_end and not visit.window_start <= start <= visit.window_end:
        raise OutsideWindow(
            f"The arrival window is {visit.window_start:%H:%M} to {visit.window_end:%H:%M} UTC.", "start"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Some visits with all that putting them elsewhere reads and changes, so that a move is no statement.

    What changes is written by the unit's flush. What was freed has to be flushed before it is placed anew.
    """

    rules: Rules
    orders: Orders
    leads: Mapping[UUID, Assignment]
    parts: Mapping[UUID, Mapping[UUID, int]]
    """Visit → part → pieces that it needs."""
    holds: stock.Holds

    def changes_hands(self, visit: Visit, technician_id: UUID) -> bool:
        old = self.leads.get(visit.id)
        return old is not None and old.technician_id != technician_id

    def free(self, visit: Visit) -> None:
        """The technician who has the visit, and the parts held for it, are free again."""
        if (old := self.leads.get(visit.id)) is not None:
            old.state, old.occupies = AssignmentState.RELEASED, False
        self.holds.release(visit.id)

    async def place(self, work: UnitOfWork, visit: Visit, placement: Placement) -> None:
        """Write where a visit goes: plan, assignment, held parts, events. The rules were checked before."""
        old = self.leads.get(visit.id)
        holder = old.technician_id if old else None
        before = visits.snapshot(visit, holder)
        scope = visits.scope(visit, [holder] if holder else [])
        moved = visit.state == VisitState.SCHEDULED
        if not moved:
            visits.step(visit, VisitState.SCHEDULED)
        end = placement.start + timedelta(seconds=visit.duration_seconds)
        visit.planned_start, visit.planned_end = placement.start, end
        visit.planned_travel_seconds, visit.reason = placement.travel_seconds, None
        self._assign(work, visit, placement)
        scopes = (scope, visits.scope(visit, [placement.technician_id]))
        event = "VisitRescheduled" if moved else "VisitScheduled"
        visits.announce(work, visit, event, before=before, scopes=scopes)
        self.rules.capacities.take(placement.technician_id, placement.start, visit.duration_seconds)
        await self.orders.settle(work, visit.work_order_id)

    def _assign(self, work: UnitOfWork, visit: Visit, placement: Placement) -> None:
        end = placement.start + timedelta(seconds=visit.duration_seconds)
        old = self.leads.get(visit.id)
        if old and old.technician_id == placement.technician_id:
            old.planned_start, old.planned_end = placement.start, end
            return
        technician = self.rules.technicians[placement.technician_id]
        offered = technician.kind == TechnicianKind.SUBCONTRACTOR
        work.add(
            Assignment(
                id=placement.assignment_id or ids.new(),
                visit_id=visit.id,
                technician_id=technician.id,
                work_order_id=visit.work_order_id,
                customer_id=visit.customer_id,
                site_id=visit.site_id,
                state=AssignmentState.OFFERED if offered else AssignmentState.ACCEPTED,
                planned_start=placement.start,
                planned_end=end,
            )
        )
        parts = self.parts.get(visit.id, {})
        self.holds.reserve(work, visit.id, technician_id=technician.id, parts=parts)

    async def give_up(self, work: UnitOfWork, visit: Visit, *, reason: str) -> None:
        """Back to the pool. The reason is that of this visit only, not of what the unit does after it."""
        said = work.reason
        visits.give_up(work, visit, self.leads.get(visit.id), reason=reason)
        await self.orders.settle(work, visit.work_order_id)
        self.holds.release(visit.id)
        work.reason = said


async def prepare(work: UnitOfWork, moves: Sequence[tuple[Visit, Placement | None]]) -> Board:
    """Read and lock what moving the visits takes, each list by one statement; they are locked already."""
    keys = [visit.id for visit, _ in moves]
    async with work.unscoped():
        orders = await visits.orders_of(work, [visit for visit, _ in moves])
        orders = replace(orders, clocks=await milestones.of(work, orders.rows))
    leads = await visits.leads(work, keys)
    rules = await _rules(work, moves, orders)
    parts: dict[UUID, dict[UUID, int]] = {key: {} for key in keys}
    for need in await _all(work, VisitPart, col(VisitPart.visit_id).in_(keys)):
        parts[need.visit_id][need.part_id] = need.quantity
    wanted = [
        (placement.technician_id, part_id)
        for visit, placement in moves
        if placement is not None
        for part_id in parts[visit.id]
    ]
    holds = await stock.holds(work, keys, wanted)
    return Board(rules=rules, orders=orders, leads=leads, parts=parts, holds=holds)


async def _rules(work: UnitOfWork, moves: Sequence[tuple[Visit, Placement | None]], orders: Orders) -> Rules:
    placed = [(visit, placement) for visit, placement in moves if placement is not None]
    people = {placement.technician_id for _, placement in placed}
    starts = [placement.start for _, placement in placed] or [work.at]
    longest = timedelta(seconds=max((visit.duration_seconds for visit, _ in placed), default=0))
    sites = await _all(work, Site, col(Site.id).in_({visit.site_id for visit, _ in placed}))
    crew = await _crew(work, people)
    return Rules(
        technicians={row.id: row for row in crew},
        working_times=await technicians.working_times(work, people, min(starts), max(starts) + longest),
        skills={
            (row.technician_id, row.skill_id): row
            for row in await _all(work, TechnicianSkill, col(TechnicianSkill.technician_id).in_(people))
        },
        proofs=await certificates.proofs(work, people),
        capacities=await capacities.read(work, crew, starts, but={visit.id for visit, _ in moves}),
        needs=await _needs(work, {order.work_type_id for order in orders.rows.values()}),
        work_types={key: order.work_type_id for key, order in orders.rows.items()},
        zones={site.id: ZoneInfo(site.time_zone) for site in sites},
        barred={key: order for key, order in orders.rows.items() if order.state not in DERIVED},
    )


async def _crew(work: UnitOfWork, people: Collection[UUID]) -> Sequence[Technician]:
    """Locked in the order of their ids: two who give somebody something, or take hours away, take turns."""
    statement = (
        select(Technician)
        .where(col(Technician.id).in_(people))
        .order_by(col(Technician.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await work.session.exec(statement)).all()


async def _needs(
    work: UnitOfWork, work_type_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[tuple[WorkTypeSkill, Skill]]]:
    statement = (
        select(WorkTypeSkill, Skill)
        .join(
            Skill,
            (col(Skill.id) == WorkTypeSkill.skill_id)
            & (col(Skill.organization_id) == WorkTypeSkill.organization_id),
        )
        .where(col(WorkTypeSkill.work_type_id).in_(work_type_ids))
        .order_by(col(WorkTypeSkill.id))
    )
    found: dict[UUID, list[tuple[WorkTypeSkill, Skill]]] = defaultdict(list)
    for need, skill in (await work.session.exec(statement)).all():
        found[need.work_type_id].append((need, skill))
    return found


async def absent(
    work: UnitOfWork, technician_id: UUID, period: tuple[datetime, datetime], *, reason: AbsenceReason
) -> tuple[Absence, list[Visit]]:
    """A technician becomes unavailable: their visits of that time go back to the pool, pins lifted.

    What is IN_PROGRESS or PAUSED becomes INCOMPLETE, and a fresh visit of the order goes to the pool.
    Returns the absence and the visits that changed.
    """
    if period[0] >= period[1]:
        raise Invalid("An absence starts before it ends.", "endsAt")
    technician = await work.get(Technician, technician_id, "technician")
    absence = work.add(
        Absence(technician_id=technician.id, starts_at=period[0], ends_at=period[1], reason=reason)
    )
    changed = []
    for visit in await _held_by(work, technician_id, period):
        if visit.state in {VisitState.IN_PROGRESS, VisitState.PAUSED}:
            work.reason = visit.reason = "TECHNICIAN"
            await visits.change(work, visit, VisitState.INCOMPLETE, "VisitIncomplete")
            visit.ended_at = work.at
            await stock.release(work, visit.id)
            changed.append(await visits.follow_up(work, visit))
        elif visit.state != VisitState.ARRIVED:
            await visits.hand_back(work, visit, reason=f"{technician.name} is absent.")
        changed.append(visit)
    return absence, changed


async def _held_by(
    work: UnitOfWork, technician_id: UUID, period: tuple[datetime, datetime]
) -> Sequence[Visit]:
    statement = (
        select(Visit)
        .join(
            Assignment,
            (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id),
        )
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.occupies),
            col(Assignment.planned_start) < period[1],
            col(Assignment.planned_end) > period[0],
            col(Visit.state).in_(("SCHEDULED", "DISPATCHED", "EN_ROUTE", "IN_PROGRESS", "PAUSED")),
        )
        .order_by(col(Visit.id))
        .with_for_update(of=Visit, key_share=True)
    )
    return (await work.session.exec(statement)).all()


async def _all(work: UnitOfWork, table: type[Kind], condition: object) -> Sequence[Kind]:
    return (await work.session.exec(select(table).where(condition))).all()  # type: ignore[arg-type]  # a column comparison
