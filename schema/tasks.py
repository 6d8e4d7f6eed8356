"""Tasks: the checkable steps of work orders, and the templates they are copied from."""

from datetime import datetime

import strawberry

from domain import work_orders
from schema.customers import REMOVED, VERSION
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import column, listed, node, one, record, sql
from schema.technicians import Technician
from schema.visits import Visit
from schema.work_orders import WorkOrder

REASON = "Why, in at most 500 characters."
SAFETY = "Whether it belongs to the safety checklist, done at each visit before the work begins."
REQUIRED = "Whether the work is not done without it."


@node(
    work_orders.WorkTypeTask,
    prefix="wtt",
    description="A step that work of a type takes.",
    order=("position",),
)
class WorkTypeTask(Entity):
    position: int = column("Its place in the list.")
    name: str = column("What is to be done, in a line.")
    required: bool = column(REQUIRED)
    safety: bool = column(SAFETY)


@node(
    work_orders.WorkTask,
    prefix="wtk",
    description="One checkable step of a work order.",
    order=("position",),
)
class WorkTask(Entity):
    position: int = column("Its place in the list.")
    name: str = column("What is to be done, in a line.")
    required: bool = column(REQUIRED)
    safety: bool = column(SAFETY)
    is_done: bool = sql("{t}.done_at IS NOT NULL", "Whether it is done.", never_null=True)
    done_at: datetime | None = column("When it was done.")
    done_by: str | None = column("Who said so.", roles=STAFF)
    result: str | None = column("What came of it, such as what was measured.")
    note: str | None = column("What only the company should read.", roles=STAFF)
    work_order: WorkOrder | None = one("Whose step it is.", by="work_order_id")
    visit: Visit | None = one("At which visit it was done; null: at none.", by="visit_id")
    technician: Technician | None = one("Who did it there; null: the office said so.", by="technician_id")


@strawberry.input(description="A task that is done.")
class CompleteTaskInput:
    task: strawberry.ID = strawberry.field(description="The task.")
    result: str | None = strawberry.field(
        default=None, description="What came of it, in at most 200 characters; the customer may read it."
    )
    note: str | None = strawberry.field(
        default=None, description="For the company only, in at most 2,000 characters."
    )
    visit: strawberry.ID | None = strawberry.field(
        default=None, description="At which visit; null: where somebody is at work on it, if at one place."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A task that was not done after all.")
class ReopenTaskInput:
    task: strawberry.ID = strawberry.field(description="The task.")
    reason: str = strawberry.field(description=REASON)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="One more step of an open work order.")
class AddTaskInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    name: str = strawberry.field(description="What is to be done, in at most 200 characters.")
    required: bool = strawberry.field(default=True, description=REQUIRED)
    safety: bool = strawberry.field(default=False, description=SAFETY)
    position: int | None = strawberry.field(
        default=None, description="Its place in the list, from 0; null: the last."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A step that is not to be done.")
class RemoveTaskInput:
    task: strawberry.ID = strawberry.field(description="The task; one that is done stays.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type(description="What a step of a task answers.")
class TaskAnswer:
    task: WorkTask | None = one("The task as it is now.", by="task_id")
    work_order: WorkOrder | None = one("Its work order as it is now.", by="work_order_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The task as it is now.", task_id="uuid", work_order_id="uuid", user_errors="jsonb")
class CompleteTaskPayload(TaskAnswer):
    """What completeTask answers."""


@record("The task as it is now.", task_id="uuid", work_order_id="uuid", user_errors="jsonb")
class ReopenTaskPayload(TaskAnswer):
    """What reopenTask answers."""


@record("The new task.", task_id="uuid", work_order_id="uuid", user_errors="jsonb")
class AddTaskPayload(TaskAnswer):
    """What addTask answers."""


@record(
    "The work order as it is now.",
    task_id="uuid",
    work_order_id="uuid",
    removed_id="text",
    user_errors="jsonb",
)
class RemoveTaskPayload(TaskAnswer):
    """What removeTask answers: the task is null when it is gone."""

    removed_id: strawberry.ID | None = column(REMOVED)
