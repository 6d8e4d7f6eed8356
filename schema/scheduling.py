"""Scheduling as it is told: the stream of a day's changes, and absences that cause them."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from domain.technicians import AbsenceReason
from domain.visits import VisitState
from schema.chosen import chosen
from schema.entities import STAFF
from schema.errors import UserError
from schema.graph import column, embedded, listed, one, record, value
from schema.scalars import Cursor
from schema.technicians import Absence, Technician
from schema.tracking import Lagged, ResyncRequired
from schema.visits import Visit


@strawberry.input(description="Which part of the schedule; what is left out or empty does not narrow it.")
class ScheduleScope:
    territories: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits in these areas."
    )
    technicians: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Visits of these technicians, before or after the change."
    )
    day: date | None = strawberry.field(
        default=None, description="Visits planned on this day in the organization's zone, before or after."
    )


@value("A visit as it was before a change.")
class VisitBefore:
    state: VisitState = column("Where it stood.")
    planned_start: datetime | None = column("When the work was planned to start.", roles=STAFF)
    planned_end: datetime | None = column("When the work was planned to end.", roles=STAFF)


CHANGE = {
    "cursor": "text",
    "type": "text",
    "visit_id": "uuid",
    "technician_id": "uuid",
    "occurred_at": "timestamptz",
    "origin": "text",
    "actor": "text",
    "reason": "text",
    "before_state": "text",
    "before_planned_start": "timestamptz",
    "before_planned_end": "timestamptz",
    "before_technician_id": "uuid",
}
SNAPSHOT = {"cursor": "text", "visit_ids": "uuid[]", "is_complete": "boolean"}
EXPECTED = 50
"""Visits of a snapshot, for its cost; what it really had is settled afterwards."""


@strawberry.interface(description="A fact about one visit: what it was, and what it is now.")
class VisitFact:
    cursor: Cursor = column("Where this stands in the log.")
    occurred_at: datetime = column("When it happened.")
    origin: str = column("By which door: API, OPTIMIZER, GEOFENCE or SEED.")
    actor: str = column("Who, as their token says.", roles=STAFF)
    reason: str | None = column("Why.", roles=STAFF)
    before: VisitBefore | None = embedded("The visit as it was; null for a new one.", prefix="before_")
    technician_before: Technician | None = one("Whose it was.", by="before_technician_id")
    technician: Technician | None = one("Whose it is.", by="technician_id")
    visit: Visit | None = one("The visit as it is now.", by="visit_id")


@record("A new visit.", **CHANGE)
class VisitCreated(VisitFact):
    """A visit came to be."""


@record("A visit was put on somebody's day.", **CHANGE)
class VisitScheduled(VisitFact):
    """UNSCHEDULED → SCHEDULED."""


@record("A visit was moved.", **CHANGE)
class VisitRescheduled(VisitFact):
    """Another time or technician."""


@record("A visit went back to the pool.", **CHANGE)
class VisitUnscheduled(VisitFact):
    """To be planned anew."""


@record("A visit was moved on in its states.", **CHANGE)
class VisitProgressed(VisitFact):
    """Dispatched, under way, arrived, started, or ended."""


@record("A visit is out of the scope now; nothing else of it is told.", cursor="text", visit_id="text")
class VisitRemoved:
    cursor: Cursor = column("Where this stands in the log.")
    visit_id: strawberry.ID = column("The visit's id.")
    id: strawberry.ID = column(
        "The visit's id.",
        of="visit_id",
        deprecated="A cache takes this for the visit itself: ask for visitId; removal 2027-06",
    )


@record("The schedule where the stream starts: apply to it what follows.", **SNAPSHOT)
class ScheduleSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    visits: list[Visit] = chosen(
        "The scope's visits: of a day those that are planned on it, and the pool (UNSCHEDULED); without a day"
        " those that are not over. At most 1,000, the earliest planned ones.",
        by="visit_ids",
        expect=EXPECTED,
    )
    is_complete: bool = column("Whether `visits` are all of them; else read the rest by query.")


ScheduleItem = Annotated[
    ScheduleSnapshot
    | VisitCreated
    | VisitScheduled
    | VisitRescheduled
    | VisitUnscheduled
    | VisitProgressed
    | VisitRemoved
    | Lagged
    | ResyncRequired,
    strawberry.union("ScheduleItem", description="What scheduleChanges tells."),
]


@strawberry.input(description="A technician who is not there.")
class CreateAbsenceInput:
    technician: strawberry.ID = strawberry.field(description="Who.")
    starts_at: datetime = strawberry.field(description="From when.")
    ends_at: datetime = strawberry.field(description="Until when.")
    reason: AbsenceReason = strawberry.field(description="Why.")


@record(
    "The absence; its visits are in the pool again.",
    absence_id="uuid",
    released="integer",
    user_errors="jsonb",
)
class CreateAbsencePayload:
    absence: Absence | None = one("The new absence.", by="absence_id")
    released: int | None = column("How many visits were given back.")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
