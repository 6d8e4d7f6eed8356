"""Decisions: an occurrence that shall not be, or at another time, also once its work order is there.

What was made is called off or moved only while nobody has begun it: after that it is the visit's own affair.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select

from domain import inputs, lifecycles, visits, work_orders
from domain.errors import Invalid, InvalidTransition, NotFound
from domain.maintenance.occurrences import LOOK_AHEAD, advance, announce, ground
from domain.maintenance.rows import (
    MaintenanceOccurrence,
    MaintenancePlan,
    MaintenancePlanState,
    OccurrenceState,
)
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit, VisitState
from domain.work_orders import OPEN, WorkOrder, WorkOrderState

MOVABLE = frozenset({VisitState.UNSCHEDULED, VisitState.SCHEDULED})


async def skip(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> MaintenanceOccurrence:
    """It shall not be, however the plan changes: a work order that is there is cancelled.

    Raises InvalidTransition once a visit of it has begun, and for what was skipped.
    """
    visits.check_reason(reason)
    plan, occurrence = await _held(work, key, expected_version)
    before = {"state": occurrence.state}
    if occurrence.work_order_id is not None:
        await _call_off(work, occurrence.work_order_id, reason)
    occurrence.state, occurrence.reason, work.reason = OccurrenceState.SKIPPED, reason, reason
    await work.session.flush()
    announce(work, occurrence, "OccurrenceSkipped", before)
    await advance(work, plan)
    return occurrence


async def move(
    work: UnitOfWork, key: UUID, to: datetime, *, reason: str, expected_version: int | None = None
) -> MaintenanceOccurrence:
    """It starts at another time, however the plan changes: the visit of a work order is promised for then.

    Raises Invalid, or InvalidTransition as `skip`, and where the visit is pinned or its technician was told.
    """
    visits.check_reason(reason)
    plan, occurrence = await _held(work, key, expected_version)
    if not work.at <= to <= work.at + 2 * LOOK_AHEAD:
        raise Invalid("It is moved to a time to come, at most two years ahead.", "to")
    if not (await ground(work, plan)).covers(to):
        raise Invalid("The contract is not in force then.", "to")
    if occurrence.work_order_id is not None:
        await _postpone(work, plan, occurrence.work_order_id, to, reason=reason)
    before = {"starts_at": occurrence.starts_at, "moved_to": occurrence.moved_to}
    occurrence.starts_at = occurrence.moved_to = to
    occurrence.reason = work.reason = reason
    await work.session.flush()
    announce(work, occurrence, "OccurrenceMoved", before, {"moved_to": to})
    await advance(work, plan)
    return occurrence


async def _held(
    work: UnitOfWork, key: UUID, expected_version: int | None
) -> tuple[MaintenancePlan, MaintenanceOccurrence]:
    whose = select(MaintenanceOccurrence.plan_id).where(col(MaintenanceOccurrence.id) == key)
    plan_id = (await work.session.exec(whose)).first()
    if plan_id is None:
        raise NotFound("No MaintenanceOccurrence has that id.", "occurrence")
    plan = await work.get(MaintenancePlan, plan_id, "occurrence")
    occurrence = await work.get(MaintenanceOccurrence, key, "occurrence")
    inputs.check_version(occurrence, expected_version)
    if occurrence.state == OccurrenceState.SKIPPED:
        raise InvalidTransition("This occurrence is SKIPPED.", "occurrence")
    if plan.state == MaintenancePlanState.ARCHIVED:
        raise InvalidTransition("Its plan is archived.", "occurrence")
    return plan, occurrence


async def _call_off(work: UnitOfWork, order_id: UUID, reason: str) -> None:
    """Its work order is cancelled, unless somebody has done so."""
    if (await work.find(WorkOrder, order_id)).state == WorkOrderState.CANCELLED:
        return
    try:
        await lifecycles.cancel(work, order_id, reason=reason)
    except InvalidTransition as no:
        raise InvalidTransition(no.message, "occurrence") from no


async def _postpone(
    work: UnitOfWork, plan: MaintenancePlan, order_id: UUID, to: datetime, *, reason: str
) -> None:
    """The visit that is to come goes back to the pool and is promised for the new time.

    The order is due with that, unless somebody has said another time.
    """
    rows = await lifecycles.visits_of(work, order_id)
    order = await work.find(WorkOrder, order_id)
    ahead = [visit for visit in rows if visit.state not in visits.FINAL]
    _check_movable(order, rows, ahead)
    if plan.window_seconds is None:
        raise InvalidTransition("Its work order has no window: schedule its visit.", "occurrence")
    window = (to, to + timedelta(seconds=plan.window_seconds))
    goes_with = order.due_at is None or order.due_at in {visit.window_end for visit in ahead}
    try:
        for visit in ahead:
            if visit.state == VisitState.SCHEDULED:
                await visits.unschedule(work, visit.id, reason=reason)
            await visits.promise(work, visit, window)
    except InvalidTransition as no:
        raise InvalidTransition(no.message, "occurrence") from no
    await work.session.flush()
    order = await work.get(WorkOrder, order_id)
    if changed := inputs.write(order, {"due_at": window[1]} if goes_with else {}):
        work_orders.announce(work, order, "WorkOrderChanged", before=changed)


def _check_movable(order: WorkOrder, rows: Sequence[Visit], ahead: Sequence[Visit]) -> None:
    if order.state not in OPEN or not ahead or any(visit.state in lifecycles.BEGUN for visit in rows):
        raise InvalidTransition(f"Work order {order.number} has begun or is over.", "occurrence")
    if any(visit.state not in MOVABLE or visit.pin is not None for visit in ahead):
        raise InvalidTransition("Its visit is pinned or dispatched: recall or unpin it first.", "occurrence")
