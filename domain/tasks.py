"""Tasks: the steps of a work order, copied from its type; what a visit may not do before they are done."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlmodel import col, select

from domain import work_orders
from domain.errors import Invalid, InvalidTransition
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkOrder, WorkTask, WorkType, WorkTypeTask

if TYPE_CHECKING:
    from domain.visits import Visit

OPEN_VISITS = ("UNSCHEDULED", "SCHEDULED", "DISPATCHED", "EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED")


async def template(work: UnitOfWork, key: UUID) -> WorkType:
    """A type that new work may be after. Raises NotFound, or Invalid for one that is archived."""
    kind = await work.find(WorkType, key, "workType")
    if kind.archived_at is not None:
        raise Invalid(f"The type {kind.code} is archived.", "workType")
    return kind


async def copy(work: UnitOfWork, order: WorkOrder) -> None:
    """The steps of its type become the work order's own; what changes in the type later leaves them."""
    statement = select(WorkTypeTask).where(col(WorkTypeTask.work_type_id) == order.work_type_id)
    steps = await work.session.exec(statement.order_by(col(WorkTypeTask.position), col(WorkTypeTask.id)))
    for step in steps.all():
        work.add(
            WorkTask(
                work_order_id=order.id,
                customer_id=order.customer_id,
                position=step.position,
                name=step.name,
                required=step.required,
                safety=step.safety,
            )
        )


async def check_safety(work: UnitOfWork, visit: "Visit") -> None:
    """Each visit has its own round of the safety checklist. Raises InvalidTransition where one is left."""
    await work.get(WorkOrder, visit.work_order_id)  # no task is reopened or added until this unit ends
    statement = (
        select(WorkTask)
        .where(col(WorkTask.work_order_id) == visit.work_order_id)
        .where(col(WorkTask.safety), col(WorkTask.required))
        .where(col(WorkTask.visit_id).is_distinct_from(visit.id))
        .order_by(col(WorkTask.position), col(WorkTask.id))
    )
    if left := (await work.session.exec(statement)).all():
        raise InvalidTransition(f"The safety checklist is not done here: {_named(left)}.", "visit")


async def check_required(work: UnitOfWork, visit: "Visit") -> None:
    """Raises InvalidTransition where a required task is left and no other visit is open for it."""
    await work.get(WorkOrder, visit.work_order_id)
    if not (left := await work_orders.tasks_left(work, visit.work_order_id)):
        return
    if not await _goes_on(work, visit):
        raise InvalidTransition(f"Required tasks are not done: {_named(left)}.", "visit")


async def _goes_on(work: UnitOfWork, visit: "Visit") -> bool:
    """Whether another visit of the order is open, also one that is not the viewer's to see."""
    table = type(visit)
    others = (
        select(table.id)
        .where(col(table.work_order_id) == visit.work_order_id, col(table.id) != visit.id)
        .where(col(table.state).in_(OPEN_VISITS))
    )
    async with work.unscoped():
        return (await work.session.exec(others.limit(1))).first() is not None


def _named(left: Sequence[WorkTask]) -> str:
    return ", ".join(task.name for task in left)
