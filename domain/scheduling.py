"""Scheduling: the hard rules of who may serve which visit when, and the verbs that put a visit there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from domain import stock, technicians, visits
from domain.errors import InvalidTransition, MissingSkill, OutsideWindow
from domain.sites import Site
from domain.technicians import (
    Absence,
    AbsenceReason,
    Skill,
    Technician,
    TechnicianKind,
    TechnicianSkill,
)
from domain.unit_of_work import Kind, UnitOfWork
from domain.visits import Assignment, AssignmentState, Visit, VisitPart, VisitState
from domain.work_orders import WorkOrder, WorkTypeSkill


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Who serves a visit, and when the work starts. `travel_seconds` is the way there, where it is known."""

    technician_id: UUID
    start: datetime
    travel_seconds: int | None = None


async def schedule(
    work: UnitOfWork, visit_id: UUID, placement: Placement, *, expected_version: int | None = None
) -> Visit:
    """Put a visit on a technician's day, if every hard rule holds.

    Raises InvalidTransition, MissingSkill, OutsideWindow or DoubleBooking; nothing is written then.
    """
    visit = await work.get(Visit, visit_id, "visit")
    visits.check_version(visit, expected_version)
    technician = await work.find(Technician, placement.technician_id, "technician")
    if visit.state not in {VisitState.UNSCHEDULED, VisitState.SCHEDULED}:
        raise InvalidTransition(f"A visit that is {visit.state} cannot be scheduled.", "visit")
    end = placement.start + timedelta(seconds=visit.duration_seconds)
    check_window(visit, placement.start)
    await check_skills(work, visit, technician, placement.start)
    await technicians.check_shift(work, technician.id, placement.start, end)
    await place(work, visit, placement, technician.kind)
    return visit


async def place(work: UnitOfWork, visit: Visit, placement: Placement, kind: str) -> None:
    """Write where a visit goes: plan, assignment, reserved parts, event. The rules were checked before."""
    end = placement.start + timedelta(seconds=visit.duration_seconds)
    old = await visits.lead(work, visit)
    technicians = [old.technician_id] if old else []
    before, scope_before = (
        visits.snapshot(visit, technicians[0] if technicians else None),
        visits.scope(visit, technicians),
    )
    moved = visit.state == VisitState.SCHEDULED
    if not moved:
        visits.step(visit, VisitState.SCHEDULED)
    visit.planned_start, visit.planned_end = placement.start, end
    visit.planned_travel_seconds, visit.reason = placement.travel_seconds, None
    await _assign(work, visit, old, placement, kind)
    scopes = (scope_before, visits.scope(visit, [placement.technician_id]))
    visits.announce(
        work, visit, "VisitRescheduled" if moved else "VisitScheduled", before=before, scopes=scopes
    )
    await visits.settle_order(work, visit)


async def _assign(
    work: UnitOfWork, visit: Visit, old: Assignment | None, placement: Placement, kind: str
) -> None:
    if visit.planned_start is None or visit.planned_end is None:
        raise InvalidTransition("A visit without planned times cannot be assigned.", "visit")
    if old and old.technician_id == placement.technician_id:
        old.planned_start, old.planned_end = visit.planned_start, visit.planned_end
        await work.flush()
        return
    if old:
        old.state, old.occupies = AssignmentState.RELEASED, False
        await stock.release(work, visit.id)
        await work.session.flush()
    offered = kind == TechnicianKind.SUBCONTRACTOR
    work.add(
        Assignment(
            visit_id=visit.id,
            technician_id=placement.technician_id,
            work_order_id=visit.work_order_id,
            customer_id=visit.customer_id,
            site_id=visit.site_id,
            state=AssignmentState.OFFERED if offered else AssignmentState.ACCEPTED,
            planned_start=visit.planned_start,
            planned_end=visit.planned_end,
        )
    )
    await work.flush()
    await _reserve(work, visit, placement.technician_id)


async def _reserve(work: UnitOfWork, visit: Visit, technician_id: UUID) -> None:
    needs = {
        part.part_id: part.quantity for part in await _all(work, VisitPart, VisitPart.visit_id == visit.id)
    }
    vans = await _all(work, stock.StockLocation, stock.StockLocation.technician_id == technician_id)
    if vans and needs:
        await stock.reserve(work, visit.id, van_id=vans[0].id, parts=needs)


def check_window(visit: Visit, start: datetime) -> None:
    if visit.window_start and visit.window_end and not visit.window_start <= start <= visit.window_end:
        raise OutsideWindow(
            f"The arrival window is {visit.window_start:%H:%M} to {visit.window_end:%H:%M} UTC.", "start"
        )


async def check_skills(work: UnitOfWork, visit: Visit, technician: Technician, start: datetime) -> None:
    """Every skill of the work's type, at its level, certified on the visit's date in the site's zone."""
    order = await work.find(WorkOrder, visit.work_order_id)
    site = await work.find(Site, visit.site_id)
    day = start.astimezone(ZoneInfo(site.time_zone)).date()
    has = {
        skill.skill_id: skill
        for skill in await _all(work, TechnicianSkill, TechnicianSkill.technician_id == technician.id)
    }
    for need in await _all(work, WorkTypeSkill, WorkTypeSkill.work_type_id == order.work_type_id):
        found, name = has.get(need.skill_id), (await work.find(Skill, need.skill_id)).name
        if found is None or found.level < need.level:
            raise MissingSkill(f"{technician.name} lacks “{name}” at level {need.level}.", "technician")
        if found.certified_until is not None and found.certified_until < day:
            raise MissingSkill(
                f"{technician.name}'s certification for “{name}” ends on {found.certified_until}.",
                "technician",
            )


async def absent(
    work: UnitOfWork, technician_id: UUID, period: tuple[datetime, datetime], *, reason: AbsenceReason
) -> tuple[Absence, list[Visit]]:
    """A technician becomes unavailable: their visits of that time go back to the pool, pins lifted.

    What is IN_PROGRESS or PAUSED becomes INCOMPLETE, and a fresh visit of the order goes to the pool.
    Returns the absence and the visits that changed.
    """
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
            changed.append(await follow_up(work, visit))
        elif visit.state != VisitState.ARRIVED:
            await visits.unschedule(work, visit, reason=f"{technician.name} is absent ({reason.lower()}).")
        changed.append(visit)
    return absence, changed


async def follow_up(work: UnitOfWork, visit: Visit) -> Visit:
    """A new visit for what a terminal one left undone, with the same needs."""
    again = work.add(
        Visit(
            work_order_id=visit.work_order_id,
            customer_id=visit.customer_id,
            site_id=visit.site_id,
            territory_id=visit.territory_id,
            duration_seconds=visit.duration_seconds,
            follow_up_of_id=visit.id,
        )
    )
    await work.session.flush()
    for need in await _all(work, VisitPart, VisitPart.visit_id == visit.id):
        work.add(VisitPart(visit_id=again.id, part_id=need.part_id, quantity=need.quantity))
    scope = visits.scope(again, [])
    visits.announce(work, again, "VisitCreated", before={}, scopes=(scope, scope))
    await visits.settle_order(work, again)
    return again


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
