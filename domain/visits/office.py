"""Visits' verbs of the office: what is told to the technician, given back to the pool or called off."""

from uuid import UUID

from domain import stock
from domain.errors import Invalid
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import Assignment, AssignmentState, Pin, Visit, VisitState
from domain.visits.steps import change, check_state, check_version, lead, settle_order, turn


async def dispatch(work: UnitOfWork, visit_id: UUID, *, expected_version: int | None = None) -> Visit:
    """Tell the technician: SCHEDULED → DISPATCHED, pinned from now on."""
    visit = await work.get(Visit, visit_id, "visit")
    check_version(visit, expected_version)
    check_state(visit, VisitState.SCHEDULED, VisitState.DISPATCHED)
    if (assignment := await lead(work, visit)) is not None:
        assignment.state = AssignmentState.ACCEPTED
    await change(work, visit, VisitState.DISPATCHED, "VisitDispatched")
    visit.pin = Pin.BOTH
    return visit


async def cancel(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """Not to happen at all: allowed before travel; what was reserved is released."""
    if not 1 <= len(reason.strip()) <= 500:
        raise Invalid("A reason is needed, of at most 500 characters.", "reason")
    visit = await work.get(Visit, visit_id, "visit")
    check_version(visit, expected_version)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.CANCELLED, "VisitCancelled")
    visit.pin = None
    await stock.release(work, visit.id)
    return visit


async def unschedule(work: UnitOfWork, visit: Visit, *, reason: str) -> None:
    """Back to the pool, its pin lifted: the technician became unavailable, or a plan gave it up."""
    give_up(work, visit, await lead(work, visit), reason=reason)
    await settle_order(work, visit)
    await stock.release(work, visit.id)


def give_up(work: UnitOfWork, visit: Visit, assignment: Assignment | None, *, reason: str) -> None:
    """The visit's own part of `unschedule`; `assignment` is the lead's."""
    work.reason = visit.reason = reason
    turn(work, visit, (VisitState.UNSCHEDULED, "VisitUnscheduled"), assignment=assignment, values={})
    visit.pin = visit.planned_start = visit.planned_end = visit.planned_travel_seconds = None
    visit.en_route_at = None
