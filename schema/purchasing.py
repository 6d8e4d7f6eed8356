"""Purchasing: when what is ordered by itself, and what suppliers were asked for."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain import stock
from domain.stock import PurchaseOrderState
from schema.customers import NO_CHANGE, VERSION
from schema.entities import WITH_COST, Entity, Money
from schema.errors import UserError
from schema.graph import Connection, column, embedded, listed, many, node, one, record
from schema.stock import SERIALS, Part, StockLocation, StockMovement
from schema.values import summed

UNIT_COST = {"amount": "unit_cost", "currency": "currency"}
COST = "What one piece costs the company, with at most four decimals."


@node(
    stock.ReorderRule,
    prefix="ror",
    description="When a part is ordered for a place by itself: what is free there, on order or on the way to"
    " it has come down to the minimum, and none of its orders is open.",
)
class ReorderRule(Entity):
    minimum: int = column("So few pieces that more is ordered.")
    maximum: int = column("So many pieces that there shall be then.")
    lead_days: int = column("Days from the order until the pieces come.")
    supplier_name: str = column("Who is asked.")
    supplier_number: str | None = column("The supplier's own number for the part.")
    unit_cost: Money | None = embedded(COST, columns=UNIT_COST, roles=WITH_COST)
    is_active: bool = column("Whether it orders.")
    on_order: int = summed(
        "{t}.quantity - {t}.received",
        "Pieces that its own order is still to bring.",
        via="purchase_order_line.reorder_rule_id",
        where="{t}.is_open",
    )
    part: Part | None = one("Of which part.", by="part_id")
    stock_location: StockLocation | None = one("For which place.", by="stock_location_id")
    lines: Connection[Annotated["PurchaseOrderLine", strawberry.lazy("schema.purchasing")]] = many(
        "What it has ordered.", via="reorder_rule_id", expect=3
    )


@node(
    stock.PurchaseOrder,
    prefix="por",
    description="What a supplier is asked to bring to a place.",
    order=("-created_at",),
)
class PurchaseOrder(Entity):
    number: str = column("The organization's own number for it, such as PO-000042.")
    state: PurchaseOrderState = column("How far it is.")
    supplier_name: str = column("Who is asked.")
    automatic: bool = column("Whether reorder rules made it, and nobody's hand.")
    reason: str | None = column("Why it was made, or cancelled.")
    created_at: datetime = column("When it was made.")
    ordered_at: datetime | None = column("When the supplier was asked; null for a draft.")
    expected_on: date | None = column("The day on which it should come, in the organization's zone.")
    received_at: datetime | None = column("When the last of it came.")
    stock_location: StockLocation | None = one("Where it comes to.", by="stock_location_id")
    lines: Connection[Annotated["PurchaseOrderLine", strawberry.lazy("schema.purchasing")]] = many(
        "What is asked for.", via="purchase_order_id", expect=3
    )
    stock_movements: Connection[StockMovement] = many(
        "What the ledger says of what came.", via="purchase_order_id", expect=3
    )


@node(stock.PurchaseOrderLine, prefix="pul", description="So many pieces of a part of a purchase order.")
class PurchaseOrderLine(Entity):
    quantity: int = column("Pieces that were asked for.")
    received: int = column("Pieces that have come.")
    supplier_number: str | None = column("The supplier's own number for the part.")
    unit_cost: Money | None = embedded(COST, columns=UNIT_COST, roles=WITH_COST)
    is_open: bool = column("Whether more of it is still to come.")
    part: Part | None = one("The part.", by="part_id")
    purchase_order: PurchaseOrder | None = one("Of which order.", by="purchase_order_id")
    reorder_rule: ReorderRule | None = one("The rule that asked for it.", by="reorder_rule_id")


@strawberry.input(description="A part that shall be ordered for a place by itself.")
class CreateReorderRuleInput:
    part: strawberry.ID = strawberry.field(description="The part.")
    stock_location: strawberry.ID = strawberry.field(description="The place; it has one rule for a part.")
    minimum: int = strawberry.field(description="So few pieces that more is ordered, from 0.")
    maximum: int = strawberry.field(description="So many pieces that there shall be then.")
    lead_days: int = strawberry.field(default=0, description="Days until they come, at most 730.")
    supplier_name: str = strawberry.field(description="Who is asked.")
    supplier_number: str | None = strawberry.field(default=None, description="The supplier's own number.")
    unit_cost: Decimal | None = strawberry.field(default=None, description=COST)
    currency: str = strawberry.field(default="EUR", description="The cost's, by ISO 4217.")


@strawberry.input(description="What shall be otherwise about a reorder rule.")
class UpdateReorderRuleInput:
    reorder_rule: strawberry.ID = strawberry.field(description="Which one.")
    minimum: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    maximum: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    lead_days: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    supplier_name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    supplier_number: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    unit_cost: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: unknown."
    )
    currency: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} False: it orders nothing more."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A part that is to be bought.")
class PurchaseOrderLineInput:
    part: strawberry.ID = strawberry.field(description="The part; it stands on one line only.")
    quantity: int = strawberry.field(description="How many pieces, at least 1.")
    supplier_number: str | None = strawberry.field(default=None, description="The supplier's own number.")
    unit_cost: Decimal | None = strawberry.field(default=None, description=COST)
    currency: str = strawberry.field(default="EUR", description="The cost's, by ISO 4217.")


@strawberry.input(description="What shall be bought.")
class CreatePurchaseOrderInput:
    stock_location: strawberry.ID = strawberry.field(description="Where it comes to.")
    supplier_name: str = strawberry.field(description="Who is asked.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="What, between 1 and 100 lines.")
    expected_on: date | None = strawberry.field(default=None, description="The day on which it should come.")
    reason: str | None = strawberry.field(default=None, description="Why.")
    draft: bool = strawberry.field(default=False, description="Whether the supplier is asked only later.")


@strawberry.input(description="A draft that is ordered.")
class PlacePurchaseOrderInput:
    purchase_order: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A purchase order of which nothing more shall come.")
class CancelPurchaseOrderInput:
    purchase_order: strawberry.ID = strawberry.field(description="Which one.")
    reason: str = strawberry.field(description="Why.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What has come of a line.")
class ReceivedLineInput:
    line: strawberry.ID = strawberry.field(description="The line.")
    quantity: int = strawberry.field(description="How many pieces, at most those still to come.")
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)


@strawberry.input(description="What has come of a purchase order.")
class ReceivePurchaseOrderInput:
    purchase_order: strawberry.ID = strawberry.field(description="Which one.")
    lines: list[ReceivedLineInput] | None = strawberry.field(
        default=None, description="What of it; null: all that was still to come."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type(description="What a change of a reorder rule answers.")
class ReorderRuleOutcome:
    reorder_rule: ReorderRule | None = one("The rule as it is now.", by="reorder_rule_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new rule.", reorder_rule_id="uuid", user_errors="jsonb")
class CreateReorderRulePayload(ReorderRuleOutcome):
    """What createReorderRule answers."""


@record("The rule as it is now.", reorder_rule_id="uuid", user_errors="jsonb")
class UpdateReorderRulePayload(ReorderRuleOutcome):
    """What updateReorderRule answers."""


@strawberry.type(description="What a step of a purchase order answers.")
class PurchaseOrderOutcome:
    purchase_order: PurchaseOrder | None = one("The order as it is now.", by="purchase_order_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new purchase order.", purchase_order_id="uuid", user_errors="jsonb")
class CreatePurchaseOrderPayload(PurchaseOrderOutcome):
    """What createPurchaseOrder answers."""


@record("The order as it is now.", purchase_order_id="uuid", user_errors="jsonb")
class PlacePurchaseOrderPayload(PurchaseOrderOutcome):
    """What placePurchaseOrder answers."""


@record("The order as it is now.", purchase_order_id="uuid", user_errors="jsonb")
class CancelPurchaseOrderPayload(PurchaseOrderOutcome):
    """What cancelPurchaseOrder answers."""


@record("The order as it is now.", purchase_order_id="uuid", user_errors="jsonb")
class ReceivePurchaseOrderPayload(PurchaseOrderOutcome):
    """What receivePurchaseOrder answers."""
