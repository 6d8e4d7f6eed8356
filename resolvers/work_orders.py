"""Work orders: the mutations that move a work order itself on, and add to its visits."""

from collections.abc import Mapping
from typing import Any

from domain import intake, lifecycles
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkOrder
from resolvers.context import Context, key
from resolvers.inputs import told
from schema.work_orders import (
    AddVisitInput,
    ApproveWorkOrderInput,
    CancelWorkOrderInput,
    CloseWorkOrderInput,
    HoldWorkOrderInput,
    ReleaseWorkOrderInput,
    UpdateWorkOrderInput,
)

Values = Mapping[str, Any]


async def update_work_order(work: UnitOfWork, given: UpdateWorkOrderInput, _context: Context) -> Values:
    values = told(given, "title", "description", "internal_notes", "priority", "due_at")
    for asset in told(given, "asset").values():
        values["asset_id"] = key("ast", asset) if asset else None
    return _told(
        await lifecycles.update(
            work,
            key("wor", given.work_order),
            values,
            reason=given.reason,
            expected_version=given.expected_version,
        )
    )


async def approve_work_order(work: UnitOfWork, given: ApproveWorkOrderInput, _context: Context) -> Values:
    order = await lifecycles.approve(
        work, key("wor", given.work_order), expected_version=given.expected_version
    )
    return _told(order)


async def hold_work_order(work: UnitOfWork, given: HoldWorkOrderInput, _context: Context) -> Values:
    order = await lifecycles.hold(
        work, key("wor", given.work_order), reason=given.reason, expected_version=given.expected_version
    )
    return _told(order)


async def release_work_order(work: UnitOfWork, given: ReleaseWorkOrderInput, _context: Context) -> Values:
    order = await lifecycles.release(
        work, key("wor", given.work_order), expected_version=given.expected_version
    )
    return _told(order)


async def cancel_work_order(work: UnitOfWork, given: CancelWorkOrderInput, _context: Context) -> Values:
    order = await lifecycles.cancel(
        work, key("wor", given.work_order), reason=given.reason, expected_version=given.expected_version
    )
    return _told(order)


async def close_work_order(work: UnitOfWork, given: CloseWorkOrderInput, _context: Context) -> Values:
    order = await lifecycles.close(
        work, key("wor", given.work_order), outcome=given.outcome, expected_version=given.expected_version
    )
    return _told(order)


async def add_visit(work: UnitOfWork, given: AddVisitInput, _context: Context) -> Values:
    window = given.arrival_window
    visit = await intake.add_visit(
        work,
        key("wor", given.work_order),
        window=(window.start, window.end) if window else None,
        duration_seconds=given.duration,
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id, "work_order_id": visit.work_order_id}


def _told(order: WorkOrder) -> Values:
    return {"work_order_id": order.id}
