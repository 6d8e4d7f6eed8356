"""Sites, the places of work, and territories, the areas of service."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import sites, territories
from schema.customers import NO_CHANGE, VERSION, Customer, ExternalId
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import Connection, column, listed, many, node, one, point, record, several
from schema.scalars import Point, Polygon, TimeZone
from schema.values import counted, foremost

if TYPE_CHECKING:
    from schema.assets import Asset
    from schema.maintenance import MaintenancePlan
    from schema.technicians import Technician
    from schema.visits import Visit


@node(
    territories.Territory, prefix="ter", description="An area of service.", order=("name",), search=("name",)
)
class Territory(Entity):
    name: str = column("What the area is called.")
    area: Polygon | None = column("Its outline.")
    technicians: Connection[Annotated["Technician", strawberry.lazy("schema.technicians")]] = many(
        "Who serves there.", via="territory_id", expect=10
    )


@node(sites.Site, prefix="sit", description="A place of work.", order=("name",), search=("name", "address"))
class Site(Entity):
    name: str = column("What the place is called.")
    address: str = column("Street, number, postcode and city, as one line.")
    location: Point = point("longitude", "latitude", "Where it is.")
    time_zone: TimeZone = column("The place's own zone; its visits' local times are in it.")
    access_notes: str | None = column("How to get in.", roles=STAFF)
    geofence_radius_metres: float = column("The circle in which a technician counts as there.", roles=STAFF)
    geofence: Polygon | None = column("The outline that stands in the circle's place.", roles=STAFF)
    customer: Customer | None = one("Whose place it is.", by="customer_id")
    territory: Territory | None = one("The area it lies in.", by="territory_id", roles=STAFF)
    assets: Connection[Annotated["Asset", strawberry.lazy("schema.assets")]] = many(
        "The equipment that stands there.", via="site_id", expect=2
    )
    visits: Connection[Annotated["Visit", strawberry.lazy("schema.visits")]] = many(
        "All visits there.", via="site_id", order=("planned_start",), expect=5
    )
    open_work_order_count: int = counted(
        "How many work orders there are neither closed nor cancelled, as far as the viewer may see them.",
        via="work_order.site_id",
        where="{t}.state NOT IN ('CLOSED', 'CANCELLED')",
    )
    latest_visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = foremost(
        "The visit at which somebody arrived there last.",
        via="site_id",
        order=("-arrived_at",),
        where="{t}.arrived_at IS NOT NULL",
    )
    maintenance_plans: Connection[Annotated["MaintenancePlan", strawberry.lazy("schema.maintenance")]] = many(
        "What makes work orders there again and again, by title.", via="site_id", order=("title",), expect=2
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


RADIUS = "The circle in which a technician counts as there, from 10 to 5,000 metres."
OUTLINE = "One closed, simple ring of at most 5 km across and 250 positions, in the circle's place."


@strawberry.input(description="A new place of work.")
class CreateSiteInput:
    customer: strawberry.ID = strawberry.field(description="Whose place it is.")
    name: str = strawberry.field(description="What the place is called.")
    address: str = strawberry.field(description="Street, number, postcode and city, as one line.")
    location: Point = strawberry.field(description="Where it is.")
    time_zone: TimeZone = strawberry.field(description="The place's own zone, of the IANA database.")
    access_notes: str | None = strawberry.field(default=None, description="How to get in; for staff only.")
    geofence_radius_metres: float | None = strawberry.field(default=None, description=f"{RADIUS} Null: 100.")
    geofence: Polygon | None = strawberry.field(default=None, description=OUTLINE)
    territory: strawberry.ID | None = strawberry.field(default=None, description="The area it lies in.")


@strawberry.input(description="What shall be otherwise about a site.")
class UpdateSiteInput:
    site: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    address: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    location: Point | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    time_zone: TimeZone | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    access_notes: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    geofence_radius_metres: float | None = strawberry.field(
        default=strawberry.UNSET, description=f"{RADIUS} {NO_CHANGE}"
    )
    geofence: Polygon | None = strawberry.field(
        default=strawberry.UNSET, description=f"{OUTLINE} {NO_CHANGE} Null: the circle."
    )
    territory: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"{NO_CHANGE} Null: none. Visits that there are already stay in theirs.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new site.", site_id="uuid", user_errors="jsonb")
class CreateSitePayload:
    site: Site | None = one("The new site.", by="site_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The site as it is now.", site_id="uuid", user_errors="jsonb")
class UpdateSitePayload:
    site: Site | None = one("The site as it is now.", by="site_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
