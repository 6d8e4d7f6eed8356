"""Organization and viewer: whose graph this is, and who is asking."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import organizations
from domain.viewers import Role
from schema.customers import Customer
from schema.entities import Entity
from schema.graph import column, node, one, record, sql
from schema.scalars import TimeZone
from schema.technicians import Technician
from schema.users import User

if TYPE_CHECKING:
    from schema.visits import Visit


@node(
    organizations.Organization, prefix="org", description="One service company: the tenant of all it holds."
)
class Organization(Entity):
    name: str = column("What the company is called.")
    time_zone: TimeZone = column("The company's own zone; sites have theirs.")
    currency: str = column("ISO 4217; what new prices are in.")
    today: date = sql(
        "({now} AT TIME ZONE {t}.time_zone)::date",
        "The day that it is there, by the graph's own clock.",
        volatile=True,
        never_null=True,
    )


@record(
    "Who is asking, and how far they may see.",
    role="text",
    scopes="text[]",
    subject="text",
    organization_id="uuid",
    customer_id="uuid",
    technician_id="uuid",
    visit_id="uuid",
    user_id="uuid",
)
class Viewer:
    role: Role = column("What the viewer may see and do hangs on it.")
    scopes: list[str] = column("What a machine's key was limited to; empty for people.")
    subject: str = column("Who it is, as the token says.")
    organization: Organization | None = one("The company the token belongs to.", by="organization_id")
    customer: Customer | None = one("The customer a portal contact belongs to.", by="customer_id")
    technician: Technician | None = one("The technician who is asking.", by="technician_id")
    user: User | None = one("The user who is asking, if it is one.", by="user_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The one visit a tracking link opens.", by="visit_id"
    )
