"""Work order changes as they are told: each step by its name, with the order before and now."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.work_orders import Priority, WorkOrderState
from schema.chosen import chosen
from schema.entities import STAFF
from schema.graph import column, embedded, one, record, value
from schema.scalars import Cursor
from schema.tracking import Lagged, ResyncRequired
from schema.work_orders import WorkOrder

EXPECTED = 50
"""Work orders of a snapshot, for its cost; what it really had is settled afterwards."""
CHANGE = {
    "cursor": "text",
    "type": "text",
    "work_order_id": "uuid",
    "occurred_at": "timestamptz",
    "origin": "text",
    "actor": "text",
    "reason": "text",
    "before_state": "text",
    "before_priority": "text",
    "before_title": "text",
    "before_due_at": "timestamptz",
}


@strawberry.input(
    description="Which work orders. One has to be in all that is given; an empty list does not narrow."
)
class WorkOrderScope:
    customers: list[strawberry.ID] | None = strawberry.field(default=None, description="For these customers.")
    sites: list[strawberry.ID] | None = strawberry.field(default=None, description="At these sites.")
    work_orders: list[strawberry.ID] | None = strawberry.field(default=None, description="These work orders.")
    numbers: list[str] | None = strawberry.field(
        default=None, description="Work orders of these numbers, such as WO-000042."
    )
    states: list[WorkOrderState] | None = strawberry.field(
        default=None, description="Work orders that stand so, before or after the change."
    )


@value("A work order as it was before a change: its state, and of the rest what has changed.")
class WorkOrderBefore:
    state: WorkOrderState = column("Where it stood.")
    priority: Priority | None = column("How urgent it was; null where that has not changed.")
    title: str | None = column("What it was called; null where that has not changed.")
    due_at: datetime | None = column(
        "By when somebody had to arrive; null where that has not changed, or nobody had said so."
    )


@strawberry.interface(description="A fact about one work order: what it was, and what it is now.")
class WorkOrderFact:
    cursor: Cursor = column("Where this stands in the log.")
    occurred_at: datetime = column("When it happened.")
    origin: str = column("By which door, such as API or TIMER.")
    actor: str = column("Who, as their token says.", roles=STAFF)
    reason: str | None = column("Why.", roles=STAFF)
    before: WorkOrderBefore | None = embedded(
        "The work order as it was; null for a new one, or one that has only come in sight.", prefix="before_"
    )
    work_order: WorkOrder | None = one("The work order as it is now.", by="work_order_id")


@record("A new work order.", **CHANGE)
class WorkOrderCreated(WorkOrderFact):
    """A work order came to be."""


@record("Somebody has agreed: → READY.", **CHANGE)
class WorkOrderApproved(WorkOrderFact):
    """Somebody has agreed."""


@record("It waits: → ON_HOLD.", **CHANGE)
class WorkOrderHeld(WorkOrderFact):
    """It waits."""


@record("It goes on: ON_HOLD → where it stood, or where its visits have come to.", **CHANGE)
class WorkOrderReleased(WorkOrderFact):
    """It goes on."""


@record("It shall not happen: → CANCELLED.", **CHANGE)
class WorkOrderCancelled(WorkOrderFact):
    """It shall not happen."""


@record("Reviewed: → CLOSED.", **CHANGE)
class WorkOrderClosed(WorkOrderFact):
    """Reviewed."""


@record("It says something else, or its state has followed its visits and tasks.", **CHANGE)
class WorkOrderChanged(WorkOrderFact):
    """Any other change."""


@record("A visit of it was given to the viewer, a technician, who sees it from now on.", **CHANGE)
class WorkOrderAssigned(WorkOrderFact):
    """It has come in sight."""


@record(
    "A work order is out of the scope, or of what the viewer sees; nothing else of it is told.",
    cursor="text",
    work_order_id="text",
)
class WorkOrderRemoved:
    cursor: Cursor = column("Where this stands in the log.")
    work_order_id: strawberry.ID = column("The work order's id.")


@record(
    "The work orders of the scope where the stream starts: apply to them what follows.",
    cursor="text",
    work_order_ids="uuid[]",
    is_complete="boolean",
)
class WorkOrderSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    work_orders: list[WorkOrder] = chosen(
        "The scope's work orders; without `states`, `workOrders` and `numbers` the open ones. At most 1,000,"
        " the newest ones.",
        by="work_order_ids",
        expect=EXPECTED,
    )
    is_complete: bool = column("Whether `workOrders` are all of them; else read the rest by query.")


WorkOrderItem = Annotated[
    WorkOrderSnapshot
    | WorkOrderCreated
    | WorkOrderApproved
    | WorkOrderHeld
    | WorkOrderReleased
    | WorkOrderCancelled
    | WorkOrderClosed
    | WorkOrderChanged
    | WorkOrderAssigned
    | WorkOrderRemoved
    | Lagged
    | ResyncRequired,
    strawberry.union(
        "WorkOrderItem",
        description="What workOrderChanges tells; `... on WorkOrderFact` takes in every fact.",
    ),
]
