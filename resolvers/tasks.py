"""Tasks: the mutations that check off the steps of work orders, add and remove them."""

from collections.abc import Mapping
from typing import Any

from domain import checklists
from domain.checklists import Outcome, Step
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkTask
from resolvers.context import Context, key, named
from schema.tasks import AddTaskInput, CompleteTaskInput, RemoveTaskInput, ReopenTaskInput

Values = Mapping[str, Any]


async def complete_task(work: UnitOfWork, given: CompleteTaskInput, _context: Context) -> Values:
    outcome = Outcome(result=given.result, note=given.note, visit_id=named("vis", given.visit))
    return _told(
        await checklists.complete(
            work, key("wtk", given.task), outcome, expected_version=given.expected_version
        )
    )


async def reopen_task(work: UnitOfWork, given: ReopenTaskInput, _context: Context) -> Values:
    return _told(
        await checklists.reopen(
            work, key("wtk", given.task), reason=given.reason, expected_version=given.expected_version
        )
    )


async def add_task(work: UnitOfWork, given: AddTaskInput, _context: Context) -> Values:
    step = Step(name=given.name, required=given.required, safety=given.safety, position=given.position)
    return _told(
        await checklists.add(
            work, key("wor", given.work_order), step, expected_version=given.expected_version
        )
    )


async def remove_task(work: UnitOfWork, given: RemoveTaskInput, _context: Context) -> Values:
    order = await checklists.remove(work, key("wtk", given.task), expected_version=given.expected_version)
    return {"work_order_id": order.id, "removed_id": given.task}


def _told(task: WorkTask) -> Values:
    return {"task_id": task.id, "work_order_id": task.work_order_id}
