"""Sites, the places of work, and territories, the areas of service."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import sites
from schema.customers import Customer, ExternalId
from schema.entities import STAFF, Entity
from schema.graph import Connection, column, many, node, one, point, several
from schema.scalars import Point, Polygon, TimeZone
from schema.values import counted, foremost

if TYPE_CHECKING:
    from schema.technicians import Technician
    from schema.visits import Visit


@node(sites.Territory, prefix="ter", description="An area of service.", order=("name",), search=("name",))
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
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)
