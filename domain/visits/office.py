"""Visits' verbs of the office: what is told to the technician, given back to the pool or called off."""

from collections.abc import Sequence
from uuid import UUID

from domain import inputs, stock
from domain.errors import InvalidTransition
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from domain.visits import dependencies, links
from domain.visits.rows import Assignment, AssignmentState, Pin, Visit, VisitState
from domain.visits.steps import (
    announce,
    because,
    change,
    check_pin,
    check_reason,
    check_released,
    check_state,
    crew,
    orders_of,
    people,
    scope,
    snapshot,
    turn,
)


async def dispatch(work: UnitOfWork, visit_id: UUID, *, expected_version: int | None = None) -> Visit:
    """Tell the technicians: SCHEDULED → DISPATCHED, pinned from now on.

    A crew that is not whole is not sent, nor anybody while the work order is on hold. What is still OFFERED
    is accepted by the office, for them.
    """
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    check_state(visit, VisitState.SCHEDULED, VisitState.DISPATCHED)
    await check_released(work, visit)
    assignments = await crew(work, visit)
    if len(assignments) < visit.crew_size:
        raise InvalidTransition(f"Its crew is not whole: {len(assignments)} of {visit.crew_size}.", "visit")
    for assignment in assignments:
        assignment.state = AssignmentState.ACCEPTED
    await change(work, visit, VisitState.DISPATCHED, "VisitDispatched")
    visit.pin = Pin.BOTH
    return visit


async def cancel(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """Not to happen at all: allowed before travel; what was reserved is released.

    A customer calls off what is theirs, and changes nothing else: Raises NotFound for another's.
    """
    check_reason(reason)
    if work.viewer.role != Role.CUSTOMER:
        return await _cancel(work, visit_id, reason=reason, expected_version=expected_version)
    await work.find(Visit, visit_id, "visit")
    # Unscoped: what is called off with it (assignments, holds, clocks) is not theirs to write.
    async with work.unscoped():
        return await _cancel(work, visit_id, reason=reason, expected_version=expected_version)


async def _cancel(work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None) -> Visit:
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.CANCELLED, "VisitCancelled")
    visit.pin = None
    await stock.release(work, visit.id)
    return visit


async def recall(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """Before travel the technician is told that it is not for now: DISPATCHED → SCHEDULED, pinned no more."""
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    check_state(visit, VisitState.DISPATCHED, VisitState.SCHEDULED)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.SCHEDULED, "VisitRecalled")
    visit.pin = None
    return visit


async def unschedule(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """Back to the pool by the office's wish: SCHEDULED → UNSCHEDULED, unless it is pinned."""
    check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    check_state(visit, VisitState.SCHEDULED, VisitState.UNSCHEDULED)
    check_pin(visit, technician=True, time=True)
    (await links.read(work, [visit.id])).check_free(visit)
    await hand_back(work, visit, reason=reason)
    return visit


async def pin(
    work: UnitOfWork,
    visit_id: UUID,
    *,
    pin: Pin,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Visit:
    """What nobody may move until it is unpinned, of a visit that is SCHEDULED."""
    because(work, reason)
    return await _pinned(work, visit_id, (pin, "VisitPinned"), expected_version=expected_version)


async def unpin(work: UnitOfWork, visit_id: UUID, *, expected_version: int | None = None) -> Visit:
    """Free to be moved again. What is dispatched stays pinned until it is recalled."""
    return await _pinned(work, visit_id, (None, "VisitUnpinned"), expected_version=expected_version)


async def _pinned(
    work: UnitOfWork, visit_id: UUID, to: tuple[Pin | None, str], *, expected_version: int | None
) -> Visit:
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    if visit.state != VisitState.SCHEDULED:
        raise InvalidTransition(f"The pin of a visit that is {visit.state} stays as it is.", "visit")
    pin, event = to
    if visit.pin == pin:
        return visit
    assignments = await crew(work, visit)
    before = {**snapshot(visit, assignments), "pin": visit.pin}
    visit.pin = pin
    announce(work, visit, event, before=before, scopes=(scope(visit, people(assignments)),) * 2)
    return visit


async def hand_back(
    work: UnitOfWork, visit: Visit, *, reason: str, by: tuple[Assignment, AssignmentState] | None = None
) -> None:
    """Back to the pool, its pin lifted: who leads it became unavailable, or a plan gave it up.

    `by` is whose answer it was, and how their assignment ends instead of being released.
    """
    async with work.unscoped():
        give_up(work, visit, await crew(work, visit), reason=reason)
        if by is not None:
            by[0].state, by[0].reason = by[1], reason
        await (await orders_of(work, [visit])).settle(work, visit.work_order_id)
        await dependencies.warn(work, visit)
        await stock.release(work, visit.id)


def give_up(work: UnitOfWork, visit: Visit, assignments: Sequence[Assignment], *, reason: str) -> None:
    """The visit's own part of `unschedule`."""
    work.reason = visit.reason = reason
    turn(work, visit, (VisitState.UNSCHEDULED, "VisitUnscheduled"), crew=assignments, values={})
    visit.pin = visit.planned_start = visit.planned_end = visit.planned_travel_seconds = None
    visit.en_route_at = visit.crew_id = None
