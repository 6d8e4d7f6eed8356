"""Checklists: the verbs on a work order's tasks: done, open again, added, removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import inputs, visits, work_orders
from domain.errors import Invalid, InvalidTransition, NotFound
from domain.events import Event
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits import Assignment, AssignmentState, Visit
from domain.work_orders import OPEN, WorkOrder, WorkTask

AT_SITE = ("ARRIVED", "IN_PROGRESS", "PAUSED")
MOST_TASKS = 100
"""Of one work order, or of one type."""
LAST = 1_000_000
TASK = {"name": inputs.words()}
OUTCOME = {"result": inputs.words(optional=True), "note": inputs.words(2_000, optional=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a task: `result` for everybody, `note` for the company; `visit_id`: at which visit."""

    result: str | None = None
    note: str | None = None
    visit_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A task that a work order, or a type of work, shall have; `position` None: the last."""

    name: str
    required: bool = True
    safety: bool = False
    position: int | None = None


async def complete(
    work: UnitOfWork, key: UUID, outcome: Outcome, *, expected_version: int | None = None
) -> WorkTask:
    """It is done: by a technician who is there, or by the office's word.

    A safety task that was done at another visit is done anew at this one. Raises NotFound, Conflict, Invalid
    or InvalidTransition.
    """
    said = inputs.checked({"result": outcome.result, "note": outcome.note}, OUTCOME)
    task, order = await _task(work, key, expected_version)
    visit_id = await _where(work, order, outcome.visit_id)
    again = task.safety and visit_id is not None and visit_id != task.visit_id
    if task.done_at is not None and not again:
        raise InvalidTransition(f"“{task.name}” is done already.", "task")
    before = {"done_at": task.done_at, "visit_id": task.visit_id}
    field = work.viewer.role in FIELD
    task.done_at, task.done_by, task.visit_id = work.at, work.viewer.subject, visit_id
    task.technician_id = work.viewer.technician_id if field else None
    task.result, task.note = said["result"], said["note"]
    await _told(work, task, order, "TaskCompleted", before)
    return task


async def reopen(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> WorkTask:
    """It was not done after all. Raises NotFound, Conflict, Invalid or InvalidTransition."""
    visits.check_reason(reason)
    task, order = await _task(work, key, expected_version)
    if task.done_at is None:
        raise InvalidTransition(f"“{task.name}” is not done.", "task")
    await _where(work, order, None)
    work.reason, before = reason, {"done_at": task.done_at, "visit_id": task.visit_id}
    task.done_at = task.done_by = task.visit_id = task.technician_id = task.result = task.note = None
    await _told(work, task, order, "TaskReopened", before)
    return task


async def add(
    work: UnitOfWork, work_order_id: UUID, step: Step, *, expected_version: int | None = None
) -> WorkTask:
    """One more step of an open work order. Raises NotFound, Conflict, Invalid or InvalidTransition."""
    name = inputs.checked({"name": step.name}, TASK)["name"]
    order = await work.get(WorkOrder, work_order_id, "workOrder")
    inputs.check_version(order, expected_version)
    _check_open(order, "workOrder")
    of_order = select(WorkTask.position).where(col(WorkTask.work_order_id) == order.id)
    taken = (await work.session.exec(of_order)).all()
    if len(taken) >= MOST_TASKS:
        raise Invalid(f"A work order has at most {MOST_TASKS} tasks.", "workOrder")
    position = max(taken, default=0) + 1 if step.position is None else step.position
    if not 0 <= position <= LAST:
        raise Invalid(f"A position lies between 0 and {LAST}.", "position")
    task = work.add(
        WorkTask(
            work_order_id=order.id,
            customer_id=order.customer_id,
            position=position,
            name=name,
            required=step.required,
            safety=step.safety,
        )
    )
    await _told(work, task, order, "TaskAdded", {})
    return task


async def remove(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> WorkOrder:
    """What is not to be done: gone, unless it is done. Returns its work order. Raises as `reopen`."""
    task, order = await _task(work, key, expected_version)
    if task.done_at is not None:
        raise InvalidTransition(f"“{task.name}” is done; what was done is kept.", "task")
    _announce(work, task, "TaskRemoved", {}, {"name": task.name})
    await work.session.delete(task)
    await work.flush()
    await _settle(work, order)
    return order


async def _task(work: UnitOfWork, key: UUID, expected_version: int | None) -> tuple[WorkTask, WorkOrder]:
    """The order is locked before its task: so visits' guards, which lock it, see tasks that stand still."""
    whose = select(WorkTask.work_order_id).where(col(WorkTask.id) == key)
    order_id = (await work.session.exec(whose)).first()
    if order_id is None:
        raise NotFound("No WorkTask has that id.", "task")
    order = await work.get(WorkOrder, order_id, "task")
    task = await work.get(WorkTask, key, "task")
    inputs.check_version(task, expected_version)
    _check_open(order, "task")
    return task, order


def _check_open(order: WorkOrder, path: str) -> None:
    if order.state not in OPEN:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", path)


async def _where(work: UnitOfWork, order: WorkOrder, visit_id: UUID | None) -> UUID | None:
    """The visit at which it is done: a technician's own, who is there; the office may name it, or need not.

    Raises NotFound for a visit that is none of the order's, InvalidTransition where nobody is there.
    """
    there = select(Visit.id).where(col(Visit.work_order_id) == order.id)
    there = there.where(col(Visit.state).in_(AT_SITE)).order_by(col(Visit.id))
    if work.viewer.role in FIELD:
        there = there.join(
            Assignment,
            (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id),
        ).where(
            Assignment.technician_id == work.viewer.technician_id,
            col(Assignment.state) == AssignmentState.ACCEPTED,
        )
    found = (await work.session.exec(there)).all()
    if visit_id is not None:
        visit = await work.find(Visit, visit_id, "visit")
        if visit.work_order_id != order.id or visit_id not in found:
            raise InvalidTransition("Nobody is at work on that task at that visit.", "visit")
        return visit_id
    if work.viewer.role in FIELD and not found:
        raise InvalidTransition("Only who is there does a task of it.", "task")
    return found[0] if len(found) == 1 or work.viewer.role in FIELD else None


async def _told(
    work: UnitOfWork, task: WorkTask, order: WorkOrder, type: str, before: Mapping[str, Any]
) -> None:
    await work.session.flush()
    values = {"name": task.name, "done_at": task.done_at, "visit_id": task.visit_id}
    _announce(work, task, type, before, values)
    await _settle(work, order)


async def _settle(work: UnitOfWork, order: WorkOrder) -> None:
    """What is done or left of it may complete the work order, or bring it back."""
    async with work.unscoped():
        statement = select(Visit).where(col(Visit.work_order_id) == order.id).order_by(col(Visit.id))
        await work_orders.settle(work, order, (await work.session.exec(statement)).all())


def _announce(
    work: UnitOfWork, task: WorkTask, type: str, before: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    scope = task.scope()
    work.emit(
        Event(
            type=type,
            topic="work_task",
            subject=task,
            before=before,
            values={"work_order_id": task.work_order_id, **values},
            scope_before=scope,
            scope_after=scope,
        )
    )
