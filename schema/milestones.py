"""Milestones: the clocks of what contracts promise, work order by work order."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import milestones
from domain.milestones import MilestoneKind, MilestoneState
from schema.contracts import Contract, Entitlement
from schema.customers import Customer
from schema.entities import Entity
from schema.graph import column, node, one
from schema.scalars import Duration, TimeZone
from schema.values import derived

if TYPE_CHECKING:
    from schema.work_orders import WorkOrder


@node(
    milestones.Milestone,
    prefix="mil",
    description=(
        "A clock of a work order: it runs in coverage hours of the site's zone, rests while the work order is"
        " ON_HOLD or over, and is MET or BREACHED by facts. SLA compliance is MET ÷ (MET + BREACHED)."
    ),
    order=("due_at",),
)
class Milestone(Entity):
    kind: MilestoneKind = column("What it waits for.")
    state: MilestoneState = column("Where it stands.")
    target: Duration = column("How much coverage it has in all.", of="target_seconds")
    started_at: datetime = column("When it began to run.")
    due_at: datetime = column(
        "When its target is used up; while it is PAUSED, when it would be if it went on at that moment."
    )
    warn_at: datetime | None = column("When it warns, reckoned as `dueAt`; null: it does not.")
    warned_at: datetime | None = column("When it did warn.")
    paused_at: datetime | None = column("Since when it is PAUSED.")
    met_at: datetime | None = column("When what it waits for was there in time.")
    breached_at: datetime | None = column("When its target was used up in vain: that very instant.")
    coverage_opens: str = column("When coverage opens, HH:MM in its zone, as it was when it started.")
    coverage_closes: str = column("When coverage closes, HH:MM in its zone, as it was when it started.")
    coverage_weekdays: str = column("The days of coverage, as ISO weekdays, as they were when it started.")
    time_zone: TimeZone = column("The site's zone, as it was when it started.")
    remaining_seconds: int | None = derived(
        "coverage_remaining",
        "The whole seconds of coverage that are left, down to 0. Null where it is MET or BREACHED.",
        needs="state dueAt pausedAt coverageOpens coverageCloses coverageWeekdays timeZone",
        volatile=True,
    )
    work_order: Annotated["WorkOrder", strawberry.lazy("schema.work_orders")] | None = one(
        "The work order whose clock it is.", by="work_order_id"
    )
    contract: Contract | None = one("The contract that promises it.", by="contract_id")
    entitlement: Entitlement | None = one("The entitlement whose target it is.", by="entitlement_id")
    customer: Customer | None = one("To whom it is promised.", by="customer_id")
