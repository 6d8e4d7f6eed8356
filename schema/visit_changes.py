"""Visit changes as they are told: each step of a visit by its name, with the visit before and now."""

from datetime import date
from typing import Annotated

import strawberry

from domain.visits import VisitState
from schema.chosen import chosen
from schema.graph import column, record
from schema.scalars import Cursor
from schema.scheduling import (
    CHANGE,
    EXPECTED,
    SNAPSHOT,
    VisitCreated,
    VisitFact,
    VisitRemoved,
    VisitRescheduled,
    VisitScheduled,
    VisitUnscheduled,
)
from schema.tracking import Lagged, ResyncRequired
from schema.visits import Visit


@strawberry.input(
    description="Which visits. One has to be in all that is given; an empty list does not narrow."
)
class VisitScope:
    customers: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits at these customers."
    )
    technicians: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits of these technicians, before or after the change."
    )
    territories: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits in these areas."
    )
    work_orders: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits for these work orders."
    )
    visits: list[strawberry.ID] | None = strawberry.field(default=None, description="These visits.")
    states: list[VisitState] | None = strawberry.field(
        default=None, description="Visits that stand so, before or after the change."
    )
    day: date | None = strawberry.field(
        default=None,
        description=(
            "Visits planned on this day in the organization's zone, before or after, and those without a"
            " time. The plan is not a CUSTOMER's to ask for."
        ),
    )


@record("The visits of the scope where the stream starts: apply to them what follows.", **SNAPSHOT)
class VisitSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    visits: list[Visit] = chosen(
        "The scope's visits: of a day those that are planned on it, and the pool (UNSCHEDULED); without"
        " `day`, `states`, `visits` and `workOrders` those that are not over. At most 1,000, the earliest"
        " planned ones.",
        by="visit_ids",
        expect=EXPECTED,
    )
    is_complete: bool = column("Whether `visits` are all of them; else read the rest by query.")


@record("SCHEDULED → DISPATCHED: the technician was told.", **CHANGE)
class VisitDispatched(VisitFact):
    """The technician was told."""


@record("DISPATCHED → SCHEDULED: the office took it back.", **CHANGE)
class VisitRecalled(VisitFact):
    """The office took it back."""


@record("DISPATCHED → SCHEDULED: the technician said no.", **CHANGE)
class VisitDeclined(VisitFact):
    """The technician said no."""


@record("DISPATCHED → EN_ROUTE: the technician has set off.", **CHANGE)
class VisitEnRoute(VisitFact):
    """The technician has set off."""


@record("EN_ROUTE → DISPATCHED: the technician has turned back.", **CHANGE)
class VisitTravelStopped(VisitFact):
    """The technician has turned back."""


@record("→ ARRIVED: the technician is there (visitTracking tells the same as VisitArrived).", **CHANGE)
class TechnicianArrived(VisitFact):
    """The technician is there."""


@record("ARRIVED → EN_ROUTE: they were not there after all.", **CHANGE)
class VisitArrivalWithdrawn(VisitFact):
    """A correction."""


@record("ARRIVED → IN_PROGRESS: the work has begun.", **CHANGE)
class VisitStarted(VisitFact):
    """The work has begun."""


@record("IN_PROGRESS → PAUSED: the work rests.", **CHANGE)
class VisitPaused(VisitFact):
    """The work rests."""


@record("PAUSED → IN_PROGRESS: the work goes on.", **CHANGE)
class VisitResumed(VisitFact):
    """The work goes on."""


@record("→ COMPLETED: the work is done.", **CHANGE)
class VisitCompleted(VisitFact):
    """The work is done."""


@record("→ INCOMPLETE: it ended with a rest to do.", **CHANGE)
class VisitIncomplete(VisitFact):
    """It ended with a rest to do."""


@record("→ NO_ACCESS: nobody let the technician in.", **CHANGE)
class VisitNoAccess(VisitFact):
    """Nobody let the technician in."""


@record("→ CANCELLED: it does not take place.", **CHANGE)
class VisitCancelled(VisitFact):
    """It does not take place."""


@record("The customer was promised another arrival window, or none.", **CHANGE)
class VisitPromised(VisitFact):
    """Another promise."""


@record("Anything else of a visit: its crew, pin, substatus, size, what it waits for, departures.", **CHANGE)
class VisitChanged(VisitFact):
    """The state stays."""

    type: str = column("The fact's name in the log, such as VisitPinned.")


VisitItem = Annotated[
    VisitSnapshot
    | VisitCreated
    | VisitScheduled
    | VisitRescheduled
    | VisitUnscheduled
    | VisitDispatched
    | VisitRecalled
    | VisitDeclined
    | VisitEnRoute
    | VisitTravelStopped
    | TechnicianArrived
    | VisitArrivalWithdrawn
    | VisitStarted
    | VisitPaused
    | VisitResumed
    | VisitCompleted
    | VisitIncomplete
    | VisitNoAccess
    | VisitCancelled
    | VisitPromised
    | VisitChanged
    | VisitRemoved
    | Lagged
    | ResyncRequired,
    strawberry.union(
        "VisitItem", description="What visitChanges tells; `... on VisitFact` takes in every fact."
    ),
]
