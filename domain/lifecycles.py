"""Lifecycles: the verbs that move a work order itself on: approved, on hold, changed, cancelled, closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import inputs, intake, milestones, visits, work_orders
from domain.errors import InvalidTransition
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit
from domain.work_orders import DERIVED, OPEN, Priority, WorkOrder, WorkOrderOutcome, WorkOrderState

BEGUN = visits.UNDER_WAY | {"COMPLETED", "INCOMPLETE", "NO_ACCESS"}
"""A visit that has got so far keeps its work order from being cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be otherwise about a work order; None: as it is. `without_asset`: it names none any more.

    A `due_at` that is said here is kept: it no longer goes with the contract's clock.
    """

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    due_at: datetime | None = None
    asset_id: UUID | None = None
    without_asset: bool = False


async def update(
    work: UnitOfWork, work_order_id: UUID, change: Change, *, expected_version: int | None = None
) -> WorkOrder:
    """Change what an open work order says. Raises Invalid, or InvalidTransition where it is over."""
    intake.check_texts(change.title, change.description)
    order = await _order(work, work_order_id, expected_version)
    if order.state not in OPEN:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    if change.asset_id is not None:
        await intake.check_asset(work, change.asset_id, order.site_id)
    names = ("title", "description", "priority", "due_at", "asset_id")
    asked = {name: getattr(change, name) for name in names if getattr(change, name) is not None}
    if change.without_asset:
        asked["asset_id"] = None
    if before := inputs.write(order, asked):
        work_orders.announce(work, order, "WorkOrderChanged", before=before)
    return order


async def approve(work: UnitOfWork, work_order_id: UUID, *, expected_version: int | None = None) -> WorkOrder:
    """Somebody has looked at it and agrees: NEW or PENDING_APPROVAL → READY."""
    order = await _order(work, work_order_id, expected_version)
    if order.state not in {WorkOrderState.NEW, WorkOrderState.PENDING_APPROVAL}:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    await _move(work, order, WorkOrderState.READY, "WorkOrderApproved")
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
