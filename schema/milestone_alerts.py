"""Milestone alerts as they are told: clocks that warn, are breached, or are no alert any more."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.milestones import MilestoneKind, MilestoneState
from schema.chosen import chosen
from schema.graph import column, embedded, one, record, value
from schema.milestones import Milestone
from schema.scalars import Cursor
from schema.tracking import Lagged, ResyncRequired

EXPECTED = 20
"""Alerts of a snapshot, for its cost; what it really had is settled afterwards."""
CHANGE = {
    "cursor": "text",
    "milestone_id": "uuid",
    "is_alert": "boolean",
    "occurred_at": "timestamptz",
    "origin": "text",
    "reason": "text",
    "before_state": "text",
    "before_due_at": "timestamptz",
}


@strawberry.input(
    description="Which milestones. One has to be in all that is given; an empty list does not narrow."
)
class MilestoneScope:
    customers: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Promised to these customers."
    )
    contracts: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Promised by these contracts."
    )
    work_orders: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of these work orders."
    )
    kinds: list[MilestoneKind] | None = strawberry.field(
        default=None, description="Those that wait for this."
    )


@value("A milestone as it was before a change.")
class MilestoneBefore:
    state: MilestoneState = column("Where it stood.")
    due_at: datetime = column("When its target would have been used up.")


@strawberry.interface(description="A fact about a milestone that is an alert, or was one.")
class MilestoneFact:
    cursor: Cursor = column("Where this stands in the log.")
    occurred_at: datetime = column("When it happened.")
    origin: str = column("By which door, such as TIMER or API.")
    is_alert: bool = column(
        "Whether it is one now: its work order is open, and it is BREACHED, or it has warned and is neither"
        " MET nor BREACHED. What is none any more leaves the list."
    )
    before: MilestoneBefore | None = embedded("The milestone as it was.", prefix="before_")
    milestone: Milestone | None = one("The milestone as it is now.", by="milestone_id")


@record("So much of its target is used up that it warns.", **CHANGE)
class MilestoneWarned(MilestoneFact):
    """By time alone."""


@record("Its target is used up in vain.", **CHANGE)
class MilestoneBreached(MilestoneFact):
    """By time, or by what was told late."""


@record("What it waits for was there in time.", **CHANGE)
class MilestoneMet(MilestoneFact):
    """It had warned."""


@record("It rests with its work order.", **CHANGE)
class MilestonePaused(MilestoneFact):
    """It had warned."""


@record("It runs again.", **CHANGE)
class MilestoneResumed(MilestoneFact):
    """It had warned."""


@record("A fact that was told late, taken back or dated otherwise has changed how it ended.", **CHANGE)
class MilestoneCorrected(MilestoneFact):
    """From MET or BREACHED to something else."""


@record(
    "A work order is CLOSED or CANCELLED: none of its milestones is an alert any more.",
    cursor="text",
    work_order_id="text",
)
class MilestonesRemoved:
    cursor: Cursor = column("Where this stands in the log.")
    work_order_id: strawberry.ID = column("The work order's id.")


@record(
    "The alerts where the stream starts: apply to them what follows.",
    cursor="text",
    milestone_ids="uuid[]",
    is_complete="boolean",
)
class MilestoneSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    milestones: list[Milestone] = chosen(
        "What is an alert now: of open work orders the milestones that are BREACHED, or have warned and are"
        " neither MET nor BREACHED. At most 1,000, those that are due first.",
        by="milestone_ids",
        expect=EXPECTED,
    )
    is_complete: bool = column("Whether `milestones` are all of them; else read the rest by query.")


MilestoneItem = Annotated[
    MilestoneSnapshot
    | MilestoneWarned
    | MilestoneBreached
    | MilestoneMet
    | MilestonePaused
    | MilestoneResumed
    | MilestoneCorrected
    | MilestonesRemoved
    | Lagged
    | ResyncRequired,
    strawberry.union(
        "MilestoneItem", description="What milestoneAlerts tells; `... on MilestoneFact` takes in every fact."
    ),
]
