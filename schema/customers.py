"""Customers, their contacts, and the keys other systems know them by."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import customers
from domain.customers import Channel, Tier
from schema.entities import BACK_OFFICE, STAFF, Entity
from schema.graph import Connection, Node, column, many, node, one, one_of, several
from schema.values import counted, foremost

if TYPE_CHECKING:
    from schema.contracts import Contract
    from schema.sites import Site
    from schema.visits import Visit
    from schema.work_orders import WorkOrder

KNOWN_ELSEWHERE = ("customer", "site", "contract", "work_order", "technician", "part")
"""The tables whose rows other systems may have keys for."""


@node(
    customers.ExternalId,
    prefix="ext",
    description="The key of an entity in another system.",
    order=("system", "key"),
)
class ExternalId(Entity):
    system: str = column("The other system, such as salesforce.")
    key: str = column("The entity's key there.")
    entity: Node | None = one_of(
        "What it is the key of.", type="entity_type", by="entity_id", tables=KNOWN_ELSEWHERE
    )


@node(
    customers.Contact,
    prefix="cnt",
    description="A person at a customer.",
    order=("name",),
    search=("name", "email", "phone"),
)
class Contact(Entity):
    name: str = column("What the person is called.")
    email: str | None = column("Where to write to.")
    phone: str | None = column("Where to call, as E.164.")
    language: str = column("What they speak (BCP 47), such as fi.")
    channel: Channel = column("How they want to be told.")
    customer: Annotated["Customer", strawberry.lazy("schema.customers")] | None = one(
        "Whose contact it is.", by="customer_id"
    )


@node(
    customers.Customer,
    prefix="cus",
    description="A party that is served and billed.",
    order=("name",),
    search=("number", "name"),
)
class Customer(Entity):
    number: str = column("The company's own number for the customer.")
    name: str = column("What the customer is called.")
    tier: Tier = column("How much the customer is worth to the company.", roles=BACK_OFFICE)
    owner: str | None = column("The subject of the SALES user who looks after it.", roles=BACK_OFFICE)
    contacts: Connection[Contact] = many("The people there.", via="customer_id", expect=2)
    sites: Connection[Annotated["Site", strawberry.lazy("schema.sites")]] = many(
        "The places where work is done.", via="customer_id", expect=2
    )
    contracts: Connection[Annotated["Contract", strawberry.lazy("schema.contracts")]] = many(
        "The agreements.", via="customer_id", expect=2
    )
    work_orders: Connection[Annotated["WorkOrder", strawberry.lazy("schema.work_orders")]] = many(
        "All work asked for, the newest first.", via="customer_id", order=("-created_at",), expect=10
    )
    visits: Connection[Annotated["Visit", strawberry.lazy("schema.visits")]] = many(
        "All visits at the customer's sites.", via="customer_id", order=("planned_start",), expect=10
    )
    open_work_order_count: int = counted(
        "How many of its work orders are neither closed nor cancelled, as far as the viewer may see them.",
        via="work_order.customer_id",
        where="{t}.state NOT IN ('CLOSED', 'CANCELLED')",
    )
    latest_visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = foremost(
        "The visit at which somebody arrived last.",
        via="customer_id",
        order=("-arrived_at",),
        where="{t}.arrived_at IS NOT NULL",
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)
