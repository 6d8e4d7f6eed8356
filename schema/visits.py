"""Visits: one planned presence at a site each, their assignments, and what is said to move them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import visits
from domain.viewers import OFFICE, Role
from domain.visits import AssignmentState, DependencyKind, Pin, VisitState
from schema.costs import Cost
from schema.customers import WHY, Customer
from schema.entities import STAFF, WITH_COST, Entity
from schema.errors import UserError
from schema.evidence import Attachment, SignatureInput
from schema.graph import Connection, column, embedded, listed, many, node, one, record, value
from schema.scalars import Duration
from schema.sites import Site, Territory
from schema.stock import SERIALS, Part, Reservation
from schema.technicians import Technician
from schema.values import derived, foremost
from schema.work_orders import WorkOrder

if TYPE_CHECKING:
    from schema.crews import Crew
    from schema.tracking import Arrival, Eta, TrackingLink

ONE_OF_THE_CREW = "For whom the office says it; null: the lead. A technician speaks for themselves."
ACTUAL = {
    "en_route_at": "en_route_at",
    "arrived_at": "arrived_at",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "worked_seconds": "worked_seconds",
    "work_since": "work_since",
}


@value("The promise to the customer: the technician arrives within it.")
class ArrivalWindow:
    start: datetime = column("From when.")
    end: datetime = column("Until when.")


@value("The internal plan.")
class PlannedTime:
    start: datetime = column("When the work starts.")
    end: datetime = column("When the work ends.")
    travel_seconds: int | None = column("The way there, in seconds; null where it was not computed.")


@value("What happened.")
class ActualTime:
    state: VisitState = column("Where the visit stands by it.")
    en_route_at: datetime | None = column("When the technician set off.")
    arrived_at: datetime | None = column("When the technician was there.")
    started_at: datetime | None = column("When the work began.")
    ended_at: datetime | None = column("When the work ended.")
    worked_seconds: int = column(
        "How long was worked, in seconds, without pauses, and without what runs since `workSince`."
    )
    work_since: datetime | None = column("Since when the labour clock runs; null while nobody works.")


@value("The way of a visit's lead technician to its site, were they to set off now.")
class Drive:
    seconds: int = column("How long it takes by road, in seconds.")
    from_home: bool = column("Whether it begins at their home, because no position of 15 minutes is known.")
    position_at: datetime | None = column("When the position it begins at was measured; null from home.")


@node(visits.VisitPart, prefix="vpt", description="A part that a visit needs.")
class VisitPart(Entity):
    quantity: int = column("How many pieces.")
    part: Part | None = one("The part.", by="part_id")


@node(visits.Assignment, prefix="asg", description="A technician on a visit.", order=("planned_start",))
class Assignment(Entity):
    state: AssignmentState = column("Offered, accepted, or not any more.")
    is_lead: bool = column("Whether this technician leads the visit.")
    planned_start: datetime = column("When their work starts.", roles=STAFF)
    planned_end: datetime = column("When their work ends.", roles=STAFF)
    offer_expires_at: datetime | None = column(
        "Until when an offer can be accepted; null: it is none, or stands until it is answered.", roles=STAFF
    )
    reason: str | None = column("Why it was declined, ran out or was taken back.", roles=STAFF)
    en_route_at: datetime | None = column("When they set off.", roles=STAFF)
    arrived_at: datetime | None = column("When they were there.", roles=STAFF)
    started_at: datetime | None = column("When their work began.", roles=STAFF)
    ended_at: datetime | None = column("When their work ended.", roles=STAFF)
    worked_seconds: int = column(
        "How long the visit's labour clock ran while they were at work, in seconds; what runs now is added"
        " when it stops.",
        roles=STAFF,
    )
    technician: Technician | None = one("Who.", by="technician_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one("What for.", by="visit_id")


@node(
    visits.Substatus,
    prefix="sub",
    description="A company's own word for where a visit stands, within one of the states.",
    order=("name",),
)
class Substatus(Entity):
    code: str = column("The company's own code for it.")
    name: str = column("What it is called.")
    state: VisitState = column("The state it belongs to, and ends with.", of="visit_state")
    is_active: bool = column("Whether it may still be set.")


@node(
    visits.VisitDependency,
    prefix="vde",
    description="What a visit waits for, or shares with another.",
)
class VisitDependency(Entity):
    kind: DependencyKind = column("What they have to do with each other.")
    gap: Duration = column(
        "The least time between the end of the one and the start of the other.", of="gap_seconds"
    )
    predecessor: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit that comes first.", by="predecessor_id"
    )
    successor: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit that depends on it.", by="successor_id"
    )


@node(
    visits.Visit, prefix="vis", description="One planned presence at a site.", order=("planned_start", "id")
)
class Visit(Entity):
    state: VisitState = column("Where it stands.")
    duration: Duration = column("How long the work is planned to take.", of="duration_seconds")
    crew_size: int = column("How many technicians it takes.")
    arrival_window: ArrivalWindow | None = embedded("The promise to the customer.", prefix="window_")
    first_promised: ArrivalWindow | None = embedded(
        "The arrival window promised first, by which on time is told; null where none ever was.",
        prefix="first_promised_",
    )
    planned: PlannedTime | None = embedded("The internal plan.", prefix="planned_", roles=STAFF)
    actual: ActualTime = embedded("What happened.", columns={"state": "state", **ACTUAL})
    planned_start: datetime | None = column("When the work is planned to start.", roles=STAFF)
    created_at: datetime = column("When it came to be.")
    pin: Pin | None = column("What the optimizer may not move.", roles=STAFF)
    reason: str | None = column("Why it was cancelled, given back, paused or left undone.", roles=STAFF)
    work_order: WorkOrder | None = one("The work it is for.", by="work_order_id")
    customer: Customer | None = one("For whom.", by="customer_id")
    site: Site | None = one("Where.", by="site_id")
    territory: Territory | None = one("The area it lies in.", by="territory_id", roles=STAFF)
    crew: Annotated["Crew", strawberry.lazy("schema.crews")] | None = one(
        "The crew that has it as a whole; null where it was given to technicians.", by="crew_id", roles=STAFF
    )
    substatus: Substatus | None = one(
        "Where it stands more closely, in the company's own words.", by="substatus_id", roles=STAFF
    )
    waits_for: Connection[VisitDependency] = many(
        "What it waits for, or shares with visits that come first.", via="successor_id", expect=1, roles=STAFF
    )
    awaited_by: Connection[VisitDependency] = many(
        "What waits for it.", via="predecessor_id", expect=1, roles=STAFF
    )
    follow_up_of: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit whose rest it does.", by="follow_up_of_id"
    )
    assignments: Connection[Assignment] = many("Who goes there, released ones too.", via="visit_id", expect=1)
    lead: Assignment | None = foremost(
        "The assignment of the technician who leads it, offered or accepted.",
        via="visit_id",
        order=("planned_start",),
        where="{t}.is_lead AND {t}.state IN ('OFFERED', 'ACCEPTED')",
    )
    drive: Drive | None = derived(
        "drive",
        "The way of its lead technician to its site, from their last position, or from home where that is"
        " older than 15 minutes. Null where nobody leads it or its state is final.",
        needs="state site { location } lead { technician { home position { at point } } }",
        volatile=True,
        roles=tuple(sorted(OFFICE)),
    )
    parts: Connection[VisitPart] = many("What it needs.", via="visit_id", expect=2, roles=STAFF)
    reservations: Connection[Reservation] = many(
        "What is held for it.", via="visit_id", expect=2, roles=STAFF
    )
    eta: Annotated["Eta", strawberry.lazy("schema.tracking")] | None = one(
        "When the technician is expected; customers are told by visitTracking.", via="visit_id", roles=STAFF
    )
    arrival: Annotated["Arrival", strawberry.lazy("schema.tracking")] | None = one(
        "That the technician has arrived, and what shows it.", via="visit_id"
    )
    attachments: Connection[Attachment] = many(
        "What shows something of it, in the order it was taken; to customers the signatures.",
        via="visit_id",
        order=("taken_at",),
        expect=2,
        roles=(*STAFF, Role.CUSTOMER),
    )
    cost: Cost | None = derived(
        "visit_cost",
        "What it cost, by the rates of when it ended as COMPLETED, INCOMPLETE or NO_ACCESS; pieces that are"
        " told later are added by the unit cost of then. Null before.",
        needs="id",
        reads=("visit_cost",),
        roles=WITH_COST,
    )
    tracking_links: Connection[Annotated["TrackingLink", strawberry.lazy("schema.tracking")]] = many(
        "The doors opened to it.", via="visit_id", expect=1, roles=STAFF
    )


@strawberry.input(description="A window of time.")
class ArrivalWindowInput:
    start: datetime = strawberry.field(description="From when.")
    end: datetime = strawberry.field(description="Until when.")


@strawberry.input(description="Whom to send, and when.")
class ScheduleVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="Who goes there, and leads those who do already; or else say which crew."
    )
    crew: strawberry.ID | None = strawberry.field(
        default=None, description="The crew that goes there, all of it and nobody else."
    )
    start: datetime = strawberry.field(description="When the work starts.")
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A visit to be moved on.")
class DispatchVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A visit the technician sets off to.")
class StartTravelInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID | None = strawberry.field(default=None, description=ONE_OF_THE_CREW)


@strawberry.input(description="A visit whose work begins.")
class StartWorkInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID | None = strawberry.field(default=None, description=ONE_OF_THE_CREW)


@strawberry.input(description="That a technician has arrived, by somebody's word.")
class RecordArrivalInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When; null: now.")
    technician: strawberry.ID | None = strawberry.field(default=None, description=ONE_OF_THE_CREW)


@strawberry.input(description="Pieces of a part that were used.")
class PartUsedInput:
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces.")
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)


@strawberry.input(description="A visit whose work is done.")
class CompleteVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    parts_used: list[PartUsedInput] | None = strawberry.field(
        default=None,
        description="What was used, held for the visit or free in the van; null: all that was held, but what"
        " is serialized.",
    )
    signature: SignatureInput | None = strawberry.field(
        default=None,
        description="Who signed for the work. Where its type asks for a signature, and no attachment of the"
        " visit is one, it is needed: MISSING_EVIDENCE.",
    )


@strawberry.input(description="A visit that shall not happen.")
class CancelVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.type(description="What a step of a visit answers.")
class VisitOutcome:
    visit: Visit | None = one("The visit as it is now.", by="visit_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class ScheduleVisitPayload(VisitOutcome):
    """What scheduleVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class DispatchVisitPayload(VisitOutcome):
    """What dispatchVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class StartTravelPayload(VisitOutcome):
    """What startTravel answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class StartWorkPayload(VisitOutcome):
    """What startWork answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class RecordArrivalPayload(VisitOutcome):
    """What recordArrival answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class CompleteVisitPayload(VisitOutcome):
    """What completeVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class CancelVisitPayload(VisitOutcome):
    """What cancelVisit answers."""
