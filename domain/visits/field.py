"""Visits' verbs of whoever goes there: the way, the work and its end."""

from collections.abc import Sequence
from uuid import UUID

from domain import stock, tasks, technicians
from domain.unit_of_work import UnitOfWork
from domain.visits import costs, dependencies, evidence, members
from domain.visits.evidence import Evidence
from domain.visits.follow_ups import follow_up
from domain.visits.rows import IncompleteReason, Visit, VisitState
from domain.visits.steps import (
    change,
    check_alone,
    check_reason,
    check_released,
    check_state,
    own,
    taking_part,
)


async def start_travel(work: UnitOfWork, visit_id: UUID, *, technician_id: UUID | None = None) -> Visit:
    """The technician sets off: DISPATCHED → EN_ROUTE. On shift only, and from no other way or work.

    Another member of the crew sets off for themselves: the visit stands where its lead has brought it.
    """
    visit = await work.get(Visit, visit_id, "visit")
    assignment, is_lead = await taking_part(work, visit, technician_id)
    if is_lead:
        check_state(visit, VisitState.DISPATCHED, VisitState.EN_ROUTE)
    else:
        members.check_may_come(visit, assignment)
    await technicians.check_shift(work, assignment.technician_id, work.at, work.at)
    await check_alone(work, visit, assignment.technician_id)
    await check_released(work, visit)
    if is_lead:
        await change(work, visit, VisitState.EN_ROUTE, "VisitEnRoute")
        visit.en_route_at = work.at
    else:
        await members.tell(work, visit, assignment, "MemberEnRoute")
    assignment.en_route_at = work.at
    return visit


async def start_work(work: UnitOfWork, visit_id: UUID, *, technician_id: UUID | None = None) -> Visit:
    """Work begins at the site: ARRIVED → IN_PROGRESS; another member joins in what has begun.

    Nobody works on two visits at once, or begins while the order is on hold. Raises Conflict, or
    InvalidTransition.
    """
    visit = await work.get(Visit, visit_id, "visit")
    assignment, is_lead = await taking_part(work, visit, technician_id)
    if is_lead:
        check_state(visit, VisitState.ARRIVED, VisitState.IN_PROGRESS)
    else:
        members.check_may_join(visit, assignment)
    await check_alone(work, visit, assignment.technician_id)
    await check_released(work, visit)
    if is_lead:
        await tasks.check_safety(work, visit)
        await dependencies.check_begin(work, visit)
        await change(work, visit, VisitState.IN_PROGRESS, "VisitStarted")
        visit.started_at = work.at
    else:
        await members.tell(work, visit, assignment, "MemberStarted")
    assignment.started_at = work.at
    return visit


async def stop_travel(work: UnitOfWork, visit_id: UUID, *, reason: str | None = None) -> Visit:
    """The technician turns back or waits: EN_ROUTE → DISPATCHED; another member for themselves."""
    if reason is not None:
        check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    assignment, is_lead = await taking_part(work, visit)
    if is_lead:
        check_state(visit, VisitState.EN_ROUTE, VisitState.DISPATCHED)
        work.reason = visit.reason = reason
        await change(work, visit, VisitState.DISPATCHED, "TravelStopped")
        visit.en_route_at = None
    else:
        members.check_on_the_way(visit, assignment)
        work.reason = reason
        await members.tell(work, visit, assignment, "MemberTravelStopped")
    assignment.en_route_at = None
    return visit


async def pause(work: UnitOfWork, visit_id: UUID, *, reason: str) -> Visit:
    """The work rests, and with it the labour clock: IN_PROGRESS → PAUSED."""
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.PAUSED, "VisitPaused")
    return visit


async def resume(work: UnitOfWork, visit_id: UUID) -> Visit:
    """The work goes on: PAUSED → IN_PROGRESS, unless whoever leads it is on another. Raises Conflict."""
    visit = await work.get(Visit, visit_id, "visit")
    assignment = await own(work, visit)
    check_state(visit, VisitState.PAUSED, VisitState.IN_PROGRESS)
    await check_alone(work, visit, assignment.technician_id)
    visit.reason = None
    await change(work, visit, VisitState.IN_PROGRESS, "VisitResumed")
    return visit


async def mark_incomplete(
    work: UnitOfWork, visit_id: UUID, *, reason: IncompleteReason
) -> tuple[Visit, Visit]:
    """Ended with a rest to do: IN_PROGRESS or PAUSED → INCOMPLETE. Returns the visit and its follow-up."""
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    work.reason = visit.reason = reason.value
    await change(work, visit, VisitState.INCOMPLETE, "VisitIncomplete")
    visit.ended_at = work.at
    await stock.release(work, visit.id)
    await costs.keep(work, visit)
    return visit, await follow_up(work, visit)


async def mark_no_access(
    work: UnitOfWork, visit_id: UUID, *, reason: str, photo: Evidence | None = None
) -> Visit:
    """Nobody let the technician in: ARRIVED → NO_ACCESS; what was held is free again.

    Raises MissingEvidence where the type of work asks for a photo and there is none.
    """
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    check_state(visit, VisitState.ARRIVED, VisitState.NO_ACCESS)
    if photo is not None:
        await evidence.attach(work, visit, photo, "photo")
    await evidence.check_door(work, visit)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.NO_ACCESS, "VisitNoAccess")
    visit.ended_at = work.at
    await stock.release(work, visit.id)
    await costs.keep(work, visit)
    return visit


async def complete(
    work: UnitOfWork,
    visit_id: UUID,
    *,
    parts_used: Sequence[stock.Used | tuple[UUID, int]] | None = None,
    signature: Evidence | None = None,
) -> Visit:
    """The work is done: IN_PROGRESS → COMPLETED; the parts used leave the van, the rest is free again.

    Raises InvalidTransition where a required task is left, MissingEvidence where a signature is.
    """
    visit = await work.get(Visit, visit_id, "visit")
    assignment = await own(work, visit)
    check_state(visit, VisitState.IN_PROGRESS, VisitState.COMPLETED)
    await tasks.check_required(work, visit)
    if signature is not None:
        await evidence.attach(work, visit, signature, "signature")
    await evidence.check_signed(work, visit)
    await change(work, visit, VisitState.COMPLETED, "VisitCompleted")
    visit.ended_at = work.at
    await stock.consume(work, visit.id, parts_used, technician_id=assignment.technician_id)
    await costs.keep(work, visit)
    return visit
