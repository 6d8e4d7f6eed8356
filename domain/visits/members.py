"""Members of a crew beside its lead: what each says of their own way, and how one of them leaves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain import inputs
from domain.errors import InvalidTransition, NotFound
from domain.unit_of_work import UnitOfWork
from domain.visits.office import hand_back
from domain.visits.rows import LIVE, UNDER_WAY, Assignment, AssignmentState, Visit, VisitState
from domain.visits.steps import (
    announce,
    check_reason,
    clock,
    crew,
    people,
    scope,
    snapshot,
    touch,
    whole_crew,
)

DEPARTED = UNDER_WAY | {VisitState.DISPATCHED}
"""The states of a visit to which those go who have been told."""
AHEAD = (VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.EN_ROUTE)
"""Nobody is there yet, so that without a whole crew it has to be planned anew."""


def check_may_come(visit: Visit, assignment: Assignment) -> None:
    """Whether somebody who does not lead may set off, or arrive: told, willing, and not there yet."""
    if visit.state not in DEPARTED or assignment.state != AssignmentState.ACCEPTED:
        raise InvalidTransition(f"A visit that is {visit.state} is not for them to go to.", "visit")
    if assignment.arrived_at is not None:
        raise InvalidTransition("They are there already.", "visit")


def check_may_join(visit: Visit, assignment: Assignment) -> None:
    """Whether somebody who does not lead may begin: the lead has, and they are there."""
    if visit.state not in {VisitState.IN_PROGRESS, VisitState.PAUSED} or assignment.arrived_at is None:
        raise InvalidTransition("They work once they are there and the lead has begun.", "visit")
    if assignment.started_at is not None:
        raise InvalidTransition("They are at work already.", "visit")


def check_on_the_way(visit: Visit, assignment: Assignment) -> None:
    if visit.state not in DEPARTED or assignment.en_route_at is None or assignment.arrived_at is not None:
        raise InvalidTransition("They are not on the way.", "visit")


async def tell(work: UnitOfWork, visit: Visit, assignment: Assignment, type: str, **values: Any) -> None:
    """What one of a crew has done: the visit itself stands where its lead has brought it."""
    assignments = await whole_crew(work, visit)
    scopes = (scope(visit, people(assignments)),) * 2
    told = {"member_id": assignment.technician_id, **values}
    announce(work, visit, type, before=snapshot(visit, assignments), scopes=scopes, values=told)


async def come(work: UnitOfWork, visit: Visit, assignment: Assignment, *, occurred_at: datetime) -> None:
    """Somebody who does not lead is there, by their own word or the office's."""
    check_may_come(visit, assignment)
    await tell(work, visit, assignment, "MemberArrived", occurred_at=occurred_at)
    assignment.arrived_at = occurred_at


async def release(
    work: UnitOfWork, visit_id: UUID, *, technician_id: UUID, reason: str, expected_version: int | None = None
) -> Visit:
    """One of the crew shall not go there; the lead goes only with the visit, or when another leads it."""
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    assignments = await crew(work, visit)
    gone = next((row for row in assignments if row.technician_id == technician_id), None)
    if gone is None:
        raise NotFound("Nobody of that id goes to this visit.", "technician")
    if gone.is_lead:
        raise InvalidTransition("Who leads a visit is not released: let another lead it first.", "technician")
    if gone.arrived_at is not None or visit.state not in DEPARTED | {VisitState.SCHEDULED}:
        raise InvalidTransition("They are there already, or it is over.", "technician")
    if visit.state == VisitState.DISPATCHED and len(assignments) <= visit.crew_size:
        raise InvalidTransition("The crew would be too small: recall the visit first.", "technician")
    await part(work, visit, gone, (AssignmentState.RELEASED, "MemberReleased"), reason=reason)
    return visit


async def part(
    work: UnitOfWork, visit: Visit, gone: Assignment, to: tuple[AssignmentState, str], *, reason: str
) -> None:
    """One who does not lead goes; the others go on as planned."""
    state, event = to
    async with work.unscoped():
        assignments = await crew(work, visit)
        before, scope_before = snapshot(visit, assignments), scope(visit, people(assignments))
        clock(visit, gone, at=work.at)
        _leave(work, gone, state, reason=reason)
        scopes = (scope_before, scope(visit, people(row for row in assignments if row.state in LIVE)))
        said, work.reason = work.reason, reason
        announce(work, visit, event, before=before, scopes=scopes, values={"member_id": gone.technician_id})
        work.reason = said
        touch(visit)


async def lose(
    work: UnitOfWork, visit: Visit, gone: Assignment, to: tuple[AssignmentState, str], *, reason: str
) -> None:
    """One of the crew said no or is not there: without its lead a visit goes back to the pool."""
    if not gone.is_lead:
        await part(work, visit, gone, to, reason=reason)
        return
    await hand_back(work, visit, reason=reason, by=(gone, to[0]))


async def do_without(work: UnitOfWork, visit: Visit, technician_id: UUID, *, reason: str) -> None:
    """One of the crew is not there then. Who helps is released, if the crew is whole without them.

    Else, and without its lead, the visit goes back to the pool.
    """
    assignments = await crew(work, visit)
    gone = next(row for row in assignments if row.technician_id == technician_id)
    if gone.is_lead or becomes_too_small(visit, assignments):
        await hand_back(work, visit, reason=reason)
    else:
        await part(work, visit, gone, (AssignmentState.RELEASED, "MemberReleased"), reason=reason)


def becomes_too_small(visit: Visit, assignments: Sequence[Assignment]) -> bool:
    """Whether a crew that is whole would not be without one of them, and nobody is there yet."""
    return len(assignments) == visit.crew_size and visit.state in AHEAD


def _leave(work: UnitOfWork, gone: Assignment, state: AssignmentState, *, reason: str) -> None:
    values: Mapping[str, Any] = {"state": state, "occupies": False, "reason": reason}
    for name, value in values.items():
        setattr(gone, name, value)
    if gone.arrived_at is not None and gone.ended_at is None:
        gone.ended_at = work.at
