"""Offers: a subcontractor takes a visit or not, in their own words, the office's, or by saying nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select

from domain import inputs
from domain.errors import InvalidTransition
from domain.technicians import Technician, TechnicianKind
from domain.unit_of_work import UnitOfWork
from domain.visits.members import lose, tell
from domain.visits.office import hand_back
from domain.visits.rows import Assignment, AssignmentState, Visit, VisitState
from domain.visits.steps import change, check_reason, taking_part, whole_crew

NO_ANSWER = "The offer was not answered in time."


async def accept_offer(
    work: UnitOfWork,
    visit_id: UUID,
    *,
    technician_id: UUID | None = None,
    expected_version: int | None = None,
) -> Visit:
    """OFFERED → ACCEPTED, by whom it is offered to, or by the office for them."""
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    assignment, _ = await taking_part(work, visit, technician_id)
    if assignment.state != AssignmentState.OFFERED:
        raise InvalidTransition(f"The assignment is {assignment.state}, not OFFERED.", "visit")
    if assignment.offer_expires_at is not None and assignment.offer_expires_at <= work.at:
        raise InvalidTransition("The offer has expired.", "visit")
    assignment.state = AssignmentState.ACCEPTED
    await tell(work, visit, assignment, "OfferAccepted")
    return visit


async def decline_offer(
    work: UnitOfWork,
    visit_id: UUID,
    *,
    reason: str,
    technician_id: UUID | None = None,
    expected_version: int | None = None,
) -> Visit:
    """OFFERED → DECLINED: without its lead the visit goes back to the pool, else the others go on.

    A subcontractor may step back before travel from what they have taken, too: ACCEPTED → RELEASED. An
    employee who was told already (DISPATCHED) and leads it hands it back to the office: SCHEDULED.
    """
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    assignment, is_lead = await taking_part(work, visit, technician_id)
    if assignment.state == AssignmentState.OFFERED:
        await lose(work, visit, assignment, (AssignmentState.DECLINED, "OfferDeclined"), reason=reason)
        return visit
    technician = await work.find(Technician, assignment.technician_id)
    if technician.kind == TechnicianKind.SUBCONTRACTOR:
        await _step_back(work, visit, assignment, reason=reason)
        return visit
    if visit.state != VisitState.DISPATCHED or not is_lead:
        raise InvalidTransition(f"The assignment is {assignment.state}, not OFFERED.", "visit")
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.SCHEDULED, "VisitDeclined")
    visit.pin = None
    return visit


async def _step_back(work: UnitOfWork, visit: Visit, assignment: Assignment, *, reason: str) -> None:
    """What was dispatched goes back to the pool where the crew would be too small without them."""
    if visit.state not in {VisitState.SCHEDULED, VisitState.DISPATCHED} or assignment.en_route_at is not None:
        raise InvalidTransition(f"Nobody steps back from a visit that is {visit.state}.", "visit")
    if visit.state == VisitState.DISPATCHED and len(await whole_crew(work, visit)) <= visit.crew_size:
        await hand_back(work, visit, reason=reason, by=(assignment, AssignmentState.RELEASED))
    else:
        await lose(work, visit, assignment, (AssignmentState.RELEASED, "MemberReleased"), reason=reason)


async def expired(work: UnitOfWork) -> Sequence[UUID]:
    """The visits with an offer whose time is over, by id."""
    statement = select(Assignment.visit_id).where(_over(work.at)).distinct()
    return (await work.session.exec(statement.order_by(col(Assignment.visit_id)))).all()


async def expire(work: UnitOfWork, visit_id: UUID) -> bool:
    """OFFERED → EXPIRED, as if declined; False where another has done it or the offer was answered."""
    visit = await work.get(Visit, visit_id, "visit")
    statement = select(Assignment).where(col(Assignment.visit_id) == visit_id, _over(work.at))
    # The lead's last: with it the others are released, who have to have expired before.
    rows = (await work.session.exec(statement.order_by(col(Assignment.is_lead), col(Assignment.id)))).all()
    for row in rows:
        await lose(work, visit, row, (AssignmentState.EXPIRED, "OfferExpired"), reason=NO_ANSWER)
    return bool(rows)


def _over(at: datetime) -> ColumnElement[bool]:
    return and_(col(Assignment.state) == AssignmentState.OFFERED, col(Assignment.offer_expires_at) <= at)
