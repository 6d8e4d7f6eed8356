"""Contracts, what they cover, and the entitlements they grant."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import contracts
from domain.contracts import ContractState
from domain.viewers import Role
from schema.assets import Asset
from schema.customers import NO_CHANGE, REMOVED, VERSION, Customer, ExternalId
from schema.entities import STAFF, WITH_COST, Entity, Money
from schema.errors import UserError
from schema.graph import Connection, column, embedded, listed, many, node, one, record, several
from schema.values import counted

if TYPE_CHECKING:
    from schema.maintenance import MaintenancePlan
    from schema.milestones import Milestone
    from schema.work_orders import WorkOrder, WorkType

PRICE = {"amount": "price", "currency": "currency"}
NO_TARGET = "Left out: no change. Null: no target."


@node(contracts.Entitlement, prefix="ent", description="What a contract grants.", order=("name",))
class Entitlement(Entity):
    name: str = column("What it is called.")
    respond_minutes: int | None = column("Target for the first answer, in minutes of coverage.")
    arrive_minutes: int | None = column("Target for the arrival, in minutes of coverage.")
    resolve_minutes: int | None = column("Target for the solution, in minutes of coverage.")
    coverage_opens: str = column("When coverage opens, HH:MM in the site's zone.")
    coverage_closes: str = column("When coverage closes, HH:MM in the site's zone.")
    coverage_weekdays: str = column("The days of coverage, as ISO weekdays: 12345 is Monday to Friday.")
    warn_percent: int | None = column("How much of a target is used up when its clock warns; null: never.")
    contract: Annotated["Contract", strawberry.lazy("schema.contracts")] | None = one(
        "The contract that grants it.", by="contract_id"
    )


@node(contracts.ContractAsset, prefix="cas", description="Equipment that a contract names.")
class ContractAsset(Entity):
    asset: Asset | None = one("The equipment.", by="asset_id")
    contract: Annotated["Contract", strawberry.lazy("schema.contracts")] | None = one(
        "The contract.", by="contract_id"
    )


@node(contracts.ContractWorkType, prefix="cwt", description="A type of work that a contract names.")
class ContractWorkType(Entity):
    work_type: Annotated["WorkType", strawberry.lazy("schema.work_orders")] | None = one(
        "The type of work.", by="work_type_id"
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
    starts_on: date = column("The first day of the first term, by the company's clock.")
    ends_on: date = column("The last day of the present term, by the company's clock.")
    auto_renew: bool = column("Whether it renews itself, `noticeDays` before `endsOn`.")
    renewal_months: int = column("How many months a renewal adds.")
    notice_days: int = column(
        "How many days before `endsOn` it may still be called off before it renews itself."
    )
    reason: str | None = column("Why it was cancelled.", roles=STAFF)
    cancelled_at: datetime | None = column("When it was cancelled.")
    price: Money = embedded("What it costs a year.", columns=PRICE, roles=(*WITH_COST, Role.CUSTOMER))
    customer: Customer | None = one("With whom it is made.", by="customer_id")
    assets: Connection[ContractAsset] = many(
        "The equipment that it names; none: it covers all of the customer's.", via="contract_id", expect=5
    )
    work_types: Connection[ContractWorkType] = many(
        "The types of work that it names; none: it covers all.", via="contract_id", expect=3
    )
    entitlements: Connection[Entitlement] = many(
        "What it grants. A work order gets one of them when it is taken in: one whose coverage is open then,"
        " of such the one with the soonest arrival, of such the first by name.",
        via="contract_id",
        expect=2,
    )
    milestones: Connection[Annotated["Milestone", strawberry.lazy("schema.milestones")]] = many(
        "The clocks of what it promises, by when they are due.",
        via="contract_id",
        order=("due_at",),
        expect=10,
    )
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


@strawberry.input(description="A new agreement: a DRAFT, which grants nothing until it is activated.")
class CreateContractInput:
    customer: strawberry.ID = strawberry.field(description="With whom.")
    number: str = strawberry.field(description="The company's own number for it; no other contract has it.")
    name: str = strawberry.field(description="What it is called.")
    starts_on: date = strawberry.field(description="The first day of the term.")
    ends_on: date = strawberry.field(description="The last day of the term.")
    price: Decimal = strawberry.field(description="What it costs a year.")
    currency: str = strawberry.field(default="EUR", description="The price's, by ISO 4217.")
    auto_renew: bool = strawberry.field(default=False, description="Whether it renews itself.")
    renewal_months: int = strawberry.field(default=12, description="What a renewal adds, from 1 to 120.")
    notice_days: int = strawberry.field(
        default=30, description="How many days before its last day it renews itself, from 0 to 365."
    )
    assets: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The equipment it covers; none: all of the customer's."
    )
    work_types: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The types of work it covers; none: all."
    )


@strawberry.input(description="What shall be otherwise about a contract that is not over.")
class UpdateContractInput:
    contract: strawberry.ID = strawberry.field(description="Which one.")
    number: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    starts_on: date | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Of a DRAFT only."
    )
    ends_on: date | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Of a DRAFT only; else renewContract."
    )
    price: Decimal | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    currency: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    auto_renew: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    renewal_months: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    notice_days: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    assets: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description=f"All the equipment it names from now on. {NO_CHANGE}"
    )
    work_types: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description=f"All the types of work it names from now on. {NO_CHANGE}"
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A DRAFT that comes into force.")
class ActivateContractInput:
    contract: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="The next term of an ACTIVE contract.")
class RenewContractInput:
    contract: strawberry.ID = strawberry.field(description="Which one.")
    ends_on: date | None = strawberry.field(
        default=None, description="Its last day; null: `renewalMonths` after the present one."
    )
    price: Decimal | None = strawberry.field(
        default=None, description="What it costs a year from now on; null: as it is."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A contract that ends now.")
class CancelContractInput:
    contract: strawberry.ID = strawberry.field(description="Which one.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What a contract shall grant: at least one target, and the hours it counts in.")
class AddEntitlementInput:
    contract: strawberry.ID = strawberry.field(description="Which contract.")
    name: str = strawberry.field(description="What it is called.")
    respond_minutes: int | None = strawberry.field(
        default=None,
        description="Until the first visit is scheduled, in minutes of coverage; null: no target.",
    )
    arrive_minutes: int | None = strawberry.field(
        default=None, description="Until somebody is there, in minutes of coverage; null: no target."
    )
    resolve_minutes: int | None = strawberry.field(
        default=None,
        description="Until the work order is COMPLETED, in minutes of coverage; null: no target.",
    )
    coverage_opens: str = strawberry.field(
        default="00:00", description="When coverage opens, HH:MM in the site's zone."
    )
    coverage_closes: str = strawberry.field(
        default="23:59",
        description="When it closes; 23:59: at the end of the day. Not after the opening: on the next day.",
    )
    coverage_weekdays: str = strawberry.field(
        default="1234567", description="The days on which it opens, as ISO weekdays in order."
    )
    warn_percent: int | None = strawberry.field(
        default=80, description="How much of a target is used up when its clock warns, 1 to 99; null: never."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The contract's version as it was read; null: whatever it is."
    )


@strawberry.input(
    description="What an entitlement shall grant from now on; clocks that were started keep their promise."
)
class UpdateEntitlementInput:
    entitlement: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    respond_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=NO_TARGET)
    arrive_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=NO_TARGET)
    resolve_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=NO_TARGET)
    coverage_opens: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    coverage_closes: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    coverage_weekdays: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    warn_percent: int | None = strawberry.field(
        default=strawberry.UNSET, description="Left out: no change. Null: its clocks never warn."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An entitlement that is granted no more.")
class RemoveEntitlementInput:
    entitlement: strawberry.ID = strawberry.field(
        description="Which one; no work was asked for under it yet."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type(description="What a step of a contract answers.")
class ContractAnswer:
    contract: Contract | None = one("The contract as it is now.", by="contract_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new contract.", contract_id="uuid", user_errors="jsonb")
class CreateContractPayload(ContractAnswer):
    """What createContract answers."""


@record("The contract as it is now.", contract_id="uuid", user_errors="jsonb")
class UpdateContractPayload(ContractAnswer):
    """What updateContract answers."""


@record("The contract as it is now.", contract_id="uuid", user_errors="jsonb")
class ActivateContractPayload(ContractAnswer):
    """What activateContract answers."""


@record("The contract as it is now.", contract_id="uuid", user_errors="jsonb")
class RenewContractPayload(ContractAnswer):
    """What renewContract answers."""


@record("The contract as it is now.", contract_id="uuid", user_errors="jsonb")
class CancelContractPayload(ContractAnswer):
    """What cancelContract answers."""


@record("The new entitlement.", contract_id="uuid", entitlement_id="uuid", user_errors="jsonb")
class AddEntitlementPayload(ContractAnswer):
    entitlement: Entitlement | None = one("The new entitlement.", by="entitlement_id")


@record("The entitlement as it is now.", contract_id="uuid", entitlement_id="uuid", user_errors="jsonb")
class UpdateEntitlementPayload(ContractAnswer):
    entitlement: Entitlement | None = one("The entitlement as it is now.", by="entitlement_id")


@record(
    "The contract as it is now.",
    contract_id="uuid",
    entitlement_id="uuid",
    removed_id="text",
    user_errors="jsonb",
)
class RemoveEntitlementPayload(ContractAnswer):
    entitlement: Entitlement | None = one(
        "The entitlement as it is now; null when it is gone.", by="entitlement_id"
    )
    removed_id: strawberry.ID | None = column(REMOVED)
