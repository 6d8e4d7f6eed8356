"""Customers, their contacts, and the keys other systems know them by."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import customers
from domain.customers import Channel, Tier
from schema.entities import BACK_OFFICE, STAFF, Entity
from schema.errors import UserError
from schema.graph import Connection, Node, column, listed, many, node, one, one_of, record, several
from schema.values import counted, foremost

if TYPE_CHECKING:
    from schema.assets import Asset
    from schema.contracts import Contract
    from schema.sites import Site
    from schema.visits import Visit
    from schema.work_orders import WorkOrder

KNOWN_ELSEWHERE = ("customer", "contact", "site", "contract", "work_order", "technician", "part", "asset")
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
    email_opt_in: bool = column("Whether they agreed to be written to by email.")
    phone_opt_in: bool = column("Whether they agreed to be called.")
    sms_opt_in: bool = column("Whether they agreed to be sent text messages.")
    customer: Annotated["Customer", strawberry.lazy("schema.customers")] | None = one(
        "Whose contact it is.", by="customer_id"
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


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
    archived_at: datetime | None = column(
        "Since when it gets no new work; null while it is in use.", roles=BACK_OFFICE
    )
    contacts: Connection[Contact] = many("The people there.", via="customer_id", expect=2)
    sites: Connection[Annotated["Site", strawberry.lazy("schema.sites")]] = many(
        "The places where work is done.", via="customer_id", expect=2
    )
    assets: Connection[Annotated["Asset", strawberry.lazy("schema.assets")]] = many(
        "The equipment at its sites.", via="customer_id", expect=4
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


VERSION = "The version that was read; a CONFLICT when the row has moved on since."
WHY = "Why, in at most 500 characters; kept in its history and events."
REMOVED = "The id of what is gone, for caches to drop it; null when nothing was removed."
NO_CHANGE = "Leave it out to change nothing."


@strawberry.input(description="A new customer.")
class CreateCustomerInput:
    name: str = strawberry.field(description="What the customer is called; at most 200 characters.")
    number: str | None = strawberry.field(
        default=None, description="The company's own number, unique in it; null: the next of its series."
    )
    tier: Tier | None = strawberry.field(default=None, description="Null: STANDARD.")
    owner: str | None = strawberry.field(
        default=None, description="The subject of the SALES user who looks after it."
    )


@strawberry.input(description="What shall be otherwise about a customer.")
class UpdateCustomerInput:
    customer: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    number: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    tier: Tier | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    owner: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: nobody.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A customer that shall get no new work.")
class ArchiveCustomerInput:
    customer: strawberry.ID = strawberry.field(description="Which one; it has no open work orders.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A new person at a customer.")
class CreateContactInput:
    customer: strawberry.ID = strawberry.field(description="Whose contact it is.")
    name: str = strawberry.field(description="What the person is called.")
    email: str | None = strawberry.field(default=None, description="Where to write to.")
    phone: str | None = strawberry.field(default=None, description="Where to call, as E.164.")
    language: str | None = strawberry.field(default=None, description="BCP 47; null: en.")
    channel: Channel | None = strawberry.field(default=None, description="Null: EMAIL.")
    email_opt_in: bool = strawberry.field(default=False, description="Whether they agreed to emails.")
    phone_opt_in: bool = strawberry.field(default=False, description="Whether they agreed to calls.")
    sms_opt_in: bool = strawberry.field(default=False, description="Whether they agreed to text messages.")


@strawberry.input(description="What shall be otherwise about a contact.")
class UpdateContactInput:
    contact: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    email: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    language: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    channel: Channel | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    email_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    phone_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    sms_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new customer.", customer_id="uuid", user_errors="jsonb")
class CreateCustomerPayload:
    customer: Customer | None = one("The new customer.", by="customer_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The customer as it is now.", customer_id="uuid", user_errors="jsonb")
class UpdateCustomerPayload:
    customer: Customer | None = one("The customer as it is now.", by="customer_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The customer that was archived.", customer_id="uuid", user_errors="jsonb")
class ArchiveCustomerPayload:
    customer: Customer | None = one("The customer as it is now.", by="customer_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new contact.", contact_id="uuid", user_errors="jsonb")
class CreateContactPayload:
    contact: Contact | None = one("The new contact.", by="contact_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The contact as it is now.", contact_id="uuid", user_errors="jsonb")
class UpdateContactPayload:
    contact: Contact | None = one("The contact as it is now.", by="contact_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
