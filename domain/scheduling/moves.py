"""Moves: the verbs that put a visit on somebody's day, and what an absence does to that day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select

from domain import inputs, stock, visits
from domain.errors import Invalid, InvalidTransition
from domain.scheduling.boards import prepare
from domain.scheduling.bookings import check_free
from domain.scheduling.rules import Placement
from domain.technicians import (
    Absence,
    AbsenceReason,
    Technician,
)
from domain.unit_of_work import UnitOfWork
from domain.visits import Assignment, Visit, VisitState


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What of a visit's place is to be otherwise; None: as it is. `window` is promised anew with it."""

    technician_id: UUID | None = None
    start: datetime | None = None
    window: tuple[datetime, datetime] | None = None
    reason: str | None = None


async def schedule(
    work: UnitOfWork, visit_id: UUID, placement: Placement, *, expected_version: int | None = None
) -> Visit:
    """Put a visit on a technician's day, or a crew's, if every hard rule holds for each of them.

    Raises InvalidTransition, MissingSkill, OffShift, OutsideWindow or DoubleBooking; nothing is written then.
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
    period = (placement.start, placement.start + timedelta(seconds=visit.duration_seconds))
    path = "technician" if visit.planned_start == placement.start else "start"
    await check_free(work, visit, board.rules.people(visit, placement), period=period, path=path)
    if board.changes_hands(visit, placement.technician_id) or placement.others is not None:
        board.free(visit, placement)
        await work.session.flush()
    await board.place(work, visit, placement)
    await work.flush()
    return visit


async def reschedule(
    work: UnitOfWork, visit_id: UUID, move: Move, *, expected_version: int | None = None
) -> Visit:
    """Move a visit that is SCHEDULED, with its crew, to another technician, another time, or both."""
    visits.because(work, move.reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    assignment = await visits.lead(work, visit)
    if visit.state != VisitState.SCHEDULED or assignment is None or visit.planned_start is None:
        raise InvalidTransition(f"A visit that is {visit.state} cannot be rescheduled.", "visit")
    if move.window is not None:
        await visits.promise(work, visit, move.window)
    placement = Placement(
        technician_id=move.technician_id or assignment.technician_id, start=move.start or visit.planned_start
    )
    return await schedule(work, visit_id, placement)


async def absent(
    work: UnitOfWork, technician_id: UUID, period: tuple[datetime, datetime], *, reason: AbsenceReason
) -> tuple[Absence, list[Visit]]:
    """A technician becomes unavailable: their visits of that time go back to the pool, pins lifted.

    Who is absent now also gives back what they have in hand, under way or left over, whenever it was planned.
    What is IN_PROGRESS or PAUSED becomes INCOMPLETE, and a fresh visit of the order goes to the pool.
    That holds for whom they lead; from another's visit only they are released, as long as the crew is whole
    without them or somebody is there already.
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
        led = await visits.lead(work, visit)
        leads = led is not None and led.technician_id == technician_id
        if leads and visit.state in {VisitState.IN_PROGRESS, VisitState.PAUSED}:
            work.reason = visit.reason = "TECHNICIAN"
            await visits.change(work, visit, VisitState.INCOMPLETE, "VisitIncomplete")
            visit.ended_at = work.at
            await stock.release(work, visit.id)
            await visits.keep_cost(work, visit)
            changed.append(await visits.follow_up(work, visit))
        elif leads and visit.state == VisitState.ARRIVED:
            continue
        else:
            await visits.do_without(work, visit, technician_id, reason=f"{technician.name} is absent.")
        changed.append(visit)
    return absence, changed


async def _held_by(
    work: UnitOfWork, technician_id: UUID, period: tuple[datetime, datetime]
) -> Sequence[Visit]:
    concerned = and_(col(Assignment.planned_start) < period[1], col(Assignment.planned_end) > period[0])
    if period[0] <= work.at < period[1]:
        concerned = or_(concerned, visits.in_hand(work.at))
    statement = (
        select(Visit)
        .join(
            Assignment,
            (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id),
        )
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.occupies),
            concerned,
            col(Visit.state).in_(("SCHEDULED", "DISPATCHED", *visits.UNDER_WAY)),
        )
        .order_by(col(Visit.id))
        .with_for_update(of=Visit, key_share=True)
    )
    return (await work.session.exec(statement)).all()
