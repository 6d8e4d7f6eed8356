"""Lifecycles: the verbs that move a work order itself on: approved, on hold, changed, cancelled, closed."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import inputs, intake, milestones, visits, work_orders
from domain.errors import InvalidTransition
from domain.inputs import Check
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit
from domain.work_orders import DERIVED, OPEN, Priority, WorkOrder, WorkOrderOutcome, WorkOrderState, WorkType

BEGUN = visits.UNDER_WAY | {"COMPLETED", "INCOMPLETE", "NO_ACCESS"}
"""A visit that has got so far keeps its work order from being cancelled."""


ORDER: Mapping[str, Check] = {
    "title": inputs.words(intake.LONGEST_TITLE),
    "description": inputs.words(intake.LONGEST_TEXT, optional=True),
    "internal_notes": inputs.words(intake.LONGEST_TEXT, optional=True),
    "priority": inputs.any_of(Priority),
    "due_at": lambda value: value,
    "asset_id": lambda value: value,
}
"""What may be said of a work order that there is, by column."""


async def update(
    work: UnitOfWork,
    work_order_id: UUID,
    values: Mapping[str, Any],
    *,
    reason: str | None = None,
    expected_version: int | None = None,
) -> WorkOrder:
    """Change what an open work order says. Raises Invalid, or InvalidTransition where it is over.

    A `due_at` that is said here is kept: it no longer goes with the contract's clock, until it is taken back
    by None.
    """
    visits.because(work, reason)
    kept = inputs.checked(values, ORDER)
    order = await _order(work, work_order_id, expected_version)
    if order.state not in OPEN:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    if kept.get("asset_id") is not None:
        await intake.check_asset(work, kept["asset_id"], order.site_id)
    if "due_at" in kept and kept["due_at"] is None:
        kept["due_at"] = milestones.arrival(await milestones.of_order(work, order.id))
    if before := inputs.write(order, kept):
        work_orders.announce(work, order, "WorkOrderChanged", before=before)
    return order


async def approve(work: UnitOfWork, work_order_id: UUID, *, expected_version: int | None = None) -> WorkOrder:
    """Somebody has looked at it and agrees: PENDING_APPROVAL → READY.

    A draft (NEW) is taken in by that: PENDING_APPROVAL where its type asks for approval, else READY.
    """
    order = await _order(work, work_order_id, expected_version)
    if order.state not in {WorkOrderState.NEW, WorkOrderState.PENDING_APPROVAL}:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    state = WorkOrderState.READY
    if order.state == WorkOrderState.NEW:
        state = intake.first_state(await work.find(WorkType, order.work_type_id))
    event = "WorkOrderApproved" if state == WorkOrderState.READY else "WorkOrderChanged"
    await _move(work, order, state, event)
    return order


async def hold(
    work: UnitOfWork, work_order_id: UUID, *, reason: str, expected_version: int | None = None
) -> WorkOrder:
    """It waits, from any open state; nothing is scheduled for it until it is released."""
    visits.check_reason(reason)
    order = await _order(work, work_order_id, expected_version)
    work.reason, before = reason, order.state
    await _move(work, order, WorkOrderState.ON_HOLD, "WorkOrderHeld")
    order.reason, order.state_before_hold = reason, before
    return order


async def release(work: UnitOfWork, work_order_id: UUID, *, expected_version: int | None = None) -> WorkOrder:
    """It goes on where it stood, or where its visits have come to meanwhile."""
    rows = await visits_of(work, work_order_id)
    order = await _order(work, work_order_id, expected_version)
    if order.state != WorkOrderState.ON_HOLD:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    state = order.state_before_hold or WorkOrderState.READY
    if state in DERIVED:
        state = await work_orders.state_of(work, order, rows)
    order.reason = order.state_before_hold = None
    await _move(work, order, state, "WorkOrderReleased")
    return order


async def cancel(
    work: UnitOfWork, work_order_id: UUID, *, reason: str, expected_version: int | None = None
) -> WorkOrder:
    """It shall not happen, and none of its visits: only while none of them has started."""
    visits.check_reason(reason)
    rows = await visits_of(work, work_order_id)
    order = await _order(work, work_order_id, expected_version)
    if any(visit.state in BEGUN for visit in rows):
        raise InvalidTransition(f"A visit of work order {order.number} has started.", "workOrder")
    work.reason = reason
    await _move(work, order, WorkOrderState.CANCELLED, "WorkOrderCancelled")
    order.reason, order.state_before_hold = reason, None
    await _call_off(work, rows, reason=reason)
    return order


async def close(
    work: UnitOfWork,
    work_order_id: UUID,
    *,
    outcome: WorkOrderOutcome,
    expected_version: int | None = None,
) -> WorkOrder:
    """Reviewed: COMPLETED → CLOSED; also READY → CLOSED after a started visit, then it is UNRESOLVED."""
    rows = await visits_of(work, work_order_id)
    order = await _order(work, work_order_id, expected_version)
    if order.state == WorkOrderState.READY:
        if not any(visit.state in BEGUN for visit in rows):
            raise InvalidTransition(f"No visit of work order {order.number} has started.", "workOrder")
        if outcome != WorkOrderOutcome.UNRESOLVED:
            raise InvalidTransition(f"Work order {order.number} is not completed.", "outcome")
    await _move(work, order, WorkOrderState.CLOSED, "WorkOrderClosed")
    order.outcome = outcome
    await _call_off(work, rows, reason=f"Work order {order.number} is closed.")
    return order


async def _order(work: UnitOfWork, key: UUID, expected_version: int | None) -> WorkOrder:
    order = await work.get(WorkOrder, key, "workOrder")
    inputs.check_version(order, expected_version)
    return order


async def visits_of(work: UnitOfWork, work_order_id: UUID) -> Sequence[Visit]:
    """All of an order's, locked before it as by every verb of a visit: no two units wait in a ring."""
    statement = select(Visit).where(col(Visit.work_order_id) == work_order_id).order_by(col(Visit.id))
    return (await work.session.exec(statement.with_for_update(key_share=True))).all()


async def _call_off(work: UnitOfWork, rows: Sequence[Visit], *, reason: str) -> None:
    await work.flush()
    for visit in rows:
        if visit.state not in visits.FINAL:
            await visits.cancel(work, visit.id, reason=reason)


async def _move(work: UnitOfWork, order: WorkOrder, state: WorkOrderState, event: str) -> None:
    before: dict[str, Any] = {"state": order.state}
    if (order.state, state) not in work_orders.TRANSITIONS:
        raise InvalidTransition(
            f"Work order {order.number} cannot go from {order.state} to {state.value}.", "workOrder"
        )
    clocks = await milestones.of_order(work, order.id)
    order.move_to(state)
    before |= milestones.follow(work, order, clocks)
    work_orders.announce(work, order, event, before=before)
