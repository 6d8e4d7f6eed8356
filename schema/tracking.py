"""Tracking: ETAs, arrivals, positions and the links through which a customer watches them."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain import tracking
from domain.tracking import ConfirmedBy, EtaBasis
from domain.visits import VisitState
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import column, embedded, listed, node, one, point, record, value
from schema.scalars import JSON, Cursor, Point
from schema.technicians import SEES_POSITIONS, Technician
from schema.visits import Visit


@node(tracking.Eta, prefix="eta", description="When a technician is expected at a visit.")
class Eta(Entity):
    earliest: datetime = column("Not before, in about 90 of 100 cases.")
    expected: datetime = column("The best single guess.")
    latest: datetime = column("Not after, in about 90 of 100 cases.")
    basis: EtaBasis = column("What it was computed from.")
    as_of: datetime = column("When it was computed.")
    stale_after: datetime = column("After this it should not be shown as current.")


@node(tracking.Arrival, prefix="arr", description="That a technician was at a visit's site.")
class Arrival(Entity):
    occurred_at: datetime = column("When: the first fix at rest inside the geofence, or what a person said.")
    departed_at: datetime | None = column("When the technician left the geofence.")
    confirmed_by: ConfirmedBy = column("Who said so.")
    late: bool = column(
        "Whether the evidence came after the fact, from a device that was offline.", roles=STAFF
    )
    evidence: JSON | None = column(
        "The fixes that show it, and how they were judged; null for a person's word.",
        roles=SEES_POSITIONS,
        scope="positions:read",
    )
    technician: Technician | None = one("Who arrived.", by="technician_id")


@node(tracking.TrackingLink, prefix="trk", description="A customer's door to one visit.")
class TrackingLink(Entity):
    expires_at: datetime = column("When it closes by itself (real time).")
    revoked_at: datetime | None = column("When it was closed (real time).")
    visit: Visit | None = one("The visit it opens.", by="visit_id")


@strawberry.input(description="A door to one visit.")
class CreateTrackingLinkInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it closes (real time), within 60 days; null: in 30 days."
    )


@record(
    "The new link, and its secret.",
    tracking_link_id="uuid",
    token="text",  # noqa: S106  # the SQL type of the column
    url="text",
    user_errors="jsonb",
)
class CreateTrackingLinkPayload:
    tracking_link: TrackingLink | None = one("The link.", by="tracking_link_id")
    token: str | None = column("The secret: shown this once, kept only as a digest.")
    url: str | None = column("The page to send to the customer; it holds the secret.")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.input(description="A door to be closed.")
class RevokeTrackingLinkInput:
    tracking_link: strawberry.ID = strawberry.field(description="The link.")


@record("The link, closed.", tracking_link_id="uuid", user_errors="jsonb")
class RevokeTrackingLinkPayload:
    tracking_link: TrackingLink | None = one("The link.", by="tracking_link_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.input(description="One fix of a device.")
class PositionInput:
    point: Point = strawberry.field(description="Where.")
    at: datetime = strawberry.field(description="When the device measured it.")
    accuracy_metres: float | None = strawberry.field(
        default=None, description="Radius of the circle that holds the true place in 68 of 100 cases."
    )
    speed_metres_per_second: float | None = strawberry.field(default=None, description="As the device says.")
    sequence: int | None = strawberry.field(default=None, description="The device's own count of its fixes.")


@strawberry.input(description="Fixes of one technician's device, in any order, doubles allowed.")
class ReportPositionsInput:
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="Named by a gateway or the office; a technician reports their own."
    )
    positions: list[PositionInput] = strawberry.field(description="At most 500.")


@value("Fixes that were refused for one reason.")
class RefusedPositions:
    reason: str = column("OUT_OF_RANGE, NULL_ISLAND, FUTURE, DUPLICATE or OFF_DUTY.")
    count: int = column("How many.")


@record(
    "What became of the fixes.",
    technician_id="uuid",
    accepted="integer",
    refused="jsonb",
    arrived_visit_id="uuid",
    user_errors="jsonb",
)
class ReportPositionsPayload:
    accepted: int = column("Fixes that were new and plausible.")
    refused: list[RefusedPositions] = listed("The others, by reason.")
    technician: Technician | None = one("Whose positions they are.", by="technician_id")
    arrived_visit: Visit | None = one("The visit at which they show an arrival.", by="arrived_visit_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@value("A technician's position, as exact as the viewer may see it.")
class TrackedPosition:
    point: Point = point("longitude", "latitude", "Where; the middle of a 1 km cell while far away.")
    accuracy_metres: float = column("Radius of the circle that holds the true place in 68 of 100 cases.")
    at: datetime = column("When the device measured it.")


@value("When the technician is expected, in whole minutes.")
class TrackedEta:
    earliest: datetime = column("Not before, in about 90 of 100 cases.")
    expected: datetime = column("The best single guess.")
    latest: datetime = column("Not after, in about 90 of 100 cases.")
    basis: EtaBasis = column("What it was computed from.")
    as_of: datetime = column("When it was computed.")


TRACKED = {
    "cursor": "text",
    "visit_id": "uuid",
    "state": "text",
    "stops_before": "integer",
    "eta_earliest": "timestamptz",
    "eta_expected": "timestamptz",
    "eta_latest": "timestamptz",
    "eta_basis": "text",
    "eta_as_of": "timestamptz",
    "position_longitude": "double precision",
    "position_latitude": "double precision",
    "position_accuracy_metres": "double precision",
    "position_at": "timestamptz",
    "occurred_at": "timestamptz",
}


@strawberry.type(description="What a watcher of one visit is told, each time the whole of it.")
class Tracked:
    cursor: Cursor = column("Where this stands in the log.")
    state: VisitState = column("Where the visit stands.")
    stops_before: int | None = column("How many visits the technician makes before this one.")
    eta: TrackedEta | None = embedded(
        "From EN_ROUTE on, until the arrival.", prefix="eta_", columns={"as_of": "eta_as_of"}
    )
    position: TrackedPosition | None = embedded(
        "While EN_ROUTE and next: a 1 km cell; exact from APPROACHING on.", prefix="position_"
    )
    visit: Visit | None = one("The visit.", by="visit_id")


@record("How things stand at the start.", **TRACKED)
class VisitTrackingSnapshot(Tracked):
    """The first item, unless the stream goes on from a cursor."""


@record("The visit has moved on.", **TRACKED)
class VisitStateChanged(Tracked):
    """Any step but the arrival."""


@record("The technician has arrived.", **TRACKED)
class VisitArrived(Tracked):
    """Told once for a visit."""

    occurred_at: datetime | None = column("When.")


@record("The expected time has moved.", **TRACKED)
class EtaChanged(Tracked):
    """Only the latest is told."""


@record("The technician has moved.", **TRACKED)
class PositionChanged(Tracked):
    """Only the latest is told, at most every 10 seconds."""


@record(
    "The reader was too slow: items were dropped and are told again.",
    cursor="text",
    count="integer",
    resume_from="text",
)
class Lagged:
    cursor: Cursor = column("Where this stands in the log.")
    count: int = column("How many items were dropped.")
    resume_from: Cursor = column("From where they are told again.")


@record(
    "Nothing can be told from where this was to go on: subscribe anew without `after`, and take its snapshot"
    " for all that was known.",
    cursor="text",
    cause="text",
)
class ResyncRequired:
    cursor: Cursor = column("The head of the log.")
    cause: str = column("Why: the log does not reach back so far, or has been restored.")
    reason: str = column(
        "Why.",
        of="cause",
        deprecated="Of facts it may be null, so that both need an alias: ask for cause; removal 2027-06",
    )


VisitTrackingItem = Annotated[
    VisitTrackingSnapshot
    | VisitStateChanged
    | VisitArrived
    | EtaChanged
    | PositionChanged
    | Lagged
    | ResyncRequired,
    strawberry.union("VisitTrackingItem", description="What visitTracking tells."),
]
