"""Contracts and the entitlements they grant."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import contracts
from domain.contracts import ContractState
from domain.viewers import Role
from schema.customers import Customer, ExternalId
from schema.entities import STAFF, WITH_COST, Entity, Money
from schema.graph import Connection, column, embedded, many, node, one, several
from schema.values import counted

if TYPE_CHECKING:
    from schema.maintenance import MaintenancePlan
    from schema.work_orders import WorkOrder

PRICE = {"amount": "price", "currency": "currency"}


@node(contracts.Entitlement, prefix="ent", description="What a contract grants.", order=("name",))
class Entitlement(Entity):
    name: str = column("What it is called.")
    respond_minutes: int | None = column("Target for the first answer, in minutes of coverage.")
    arrive_minutes: int | None = column("Target for the arrival, in minutes of coverage.")
    resolve_minutes: int | None = column("Target for the solution, in minutes of coverage.")
    coverage_opens: str = column("When coverage opens, HH:MM in the site's zone.")
    coverage_closes: str = column("When coverage closes, HH:MM in the site's zone.")
    coverage_weekdays: str = column("The days of coverage, as ISO weekdays: 12345 is Monday to Friday.")
    contract: Annotated["Contract", strawberry.lazy("schema.contracts")] | None = one(
        "The contract that grants it.", by="contract_id"
    )


@node(
    contracts.Contract,
    prefix="con",
    description="An agreement with a customer.",
    order=("number",),
    search=("number", "name"),
)
class Contract(Entity):
    number: str = column("The company's own number for it.")
    name: str = column("What it is called.")
    state: ContractState = column("Where it stands.")
    starts_on: date = column("The first day of the term.")
    ends_on: date = column("The last day of the term.")
    price: Money = embedded("What it costs a year.", columns=PRICE, roles=(*WITH_COST, Role.CUSTOMER))
    customer: Customer | None = one("With whom it is made.", by="customer_id")
    entitlements: Connection[Entitlement] = many("What it grants.", via="contract_id", expect=2)
    work_orders: Connection[Annotated["WorkOrder", strawberry.lazy("schema.work_orders")]] = many(
        "The work done under it, the newest first.", via="contract_id", order=("-created_at",), expect=10
    )
    open_work_order_count: int = counted(
        "How many work orders under it are neither closed nor cancelled, as far as the viewer may see them.",
        via="work_order.contract_id",
        where="{t}.state NOT IN ('CLOSED', 'CANCELLED')",
    )
    maintenance_plans: Connection[Annotated["MaintenancePlan", strawberry.lazy("schema.maintenance")]] = many(
        "What makes work orders under it again and again, by title.",
        via="contract_id",
        order=("title",),
        expect=2,
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)
