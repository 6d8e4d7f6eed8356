"""Listening: the subscriptions that tell what changes, beside those of one plan, import or visit."""

import strawberry

from domain.scopes import CHANGES
from domain.viewers import Role
from resolvers import (
    log_changes,
    milestone_alerts,
    scheduling,
    stock_alerts,
    technician_positions,
    visit_changes,
    work_order_changes,
)
from resolvers.duties import AT_WORK, CLERKS
from schema.changes import ChangesItem
from schema.entities import BACK_OFFICE, STAFF
from schema.milestone_alerts import MilestoneItem, MilestoneScope
from schema.scalars import Cursor
from schema.scheduling import ScheduleItem, ScheduleScope
from schema.stock_alerts import StockItem, StockScope
from schema.technician_positions import TechnicianItem, TechnicianScope
from schema.verbs import stream
from schema.visit_changes import VisitItem, VisitScope
from schema.work_order_changes import WorkOrderItem, WorkOrderScope

AFTER = (Cursor | None, "Go on after this cursor, without a snapshot; null: from now, with one.")
TYPES = (list[str] | None, "Only facts of these types, such as VisitScheduled; null: all.")
TOPICS = (list[str] | None, "Only facts about these, such as visit or work_order; null: all.")


@strawberry.type
class Listening:
    """Fields of Subscription; a type of its own only in Python."""

    schedule_changes: ScheduleItem = stream(
        scheduling.schedule_changes,
        "Every fact about visits in a part of the schedule; a technician's own for a technician.",
        roles=(*AT_WORK, Role.INTEGRATION),
        scope=CHANGES,
        arguments={
            "scope": (ScheduleScope | None, "Which part of the schedule; null: all of it."),
            "after": AFTER,
        },
    )
    visit_changes: VisitItem = stream(
        visit_changes.visit_changes,
        "Every fact about the visits that the viewer may see, each step by its name; what leaves the scope,"
        " or the viewer's sight, as VisitRemoved.",
        roles=(*STAFF, Role.CUSTOMER),
        scope="work:read",
        arguments={"scope": (VisitScope | None, "Which visits; null: all."), "after": AFTER},
    )
    work_order_changes: WorkOrderItem = stream(
        work_order_changes.work_order_changes,
        "Every fact about the work orders that the viewer may see; what leaves the scope, or the viewer's"
        " sight, as WorkOrderRemoved.",
        roles=(*STAFF, Role.CUSTOMER),
        scope="work:read",
        arguments={"scope": (WorkOrderScope | None, "Which work orders; null: all."), "after": AFTER},
    )
    technician_positions: TechnicianItem = stream(
        technician_positions.technician_positions,
        "Where technicians are: the latest of each, at most once in a second.",
        roles=CLERKS,
        scope="positions:read",
        arguments={"scope": (TechnicianScope | None, "Which technicians; null: all."), "after": AFTER},
    )
    stock_alerts: StockItem = stream(
        stock_alerts.stock_alerts,
        "Shelves with a reorder rule that are low, out, or have enough again; told once for each crossing.",
        roles=CLERKS,
        scope="stock:read",
        arguments={"scope": (StockScope | None, "Which shelves; null: all."), "after": AFTER},
    )
    milestone_alerts: MilestoneItem = stream(
        milestone_alerts.milestone_alerts,
        "Milestones that warn or are breached, until they are met or their work order is over.",
        roles=(*BACK_OFFICE, Role.CUSTOMER),
        scope="contracts:read",
        arguments={"scope": (MilestoneScope | None, "Which milestones; null: all."), "after": AFTER},
    )
    changes: ChangesItem = stream(
        log_changes.follow_changes,
        "Every fact of the organization's log; a key is told of what its scopes let it read.",
        roles=(Role.ADMIN, Role.INTEGRATION),
        scope=CHANGES,
        arguments={"types": TYPES, "topics": TOPICS, "after": AFTER},
    )
