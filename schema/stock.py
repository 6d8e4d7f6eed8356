"""Stock: parts, where they lie and how many, each piece of the serialized ones."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import stock
from domain.stock import MovementKind, ReservationState, SerialState, StockLocationKind, TransferState
from schema.assets import Asset
from schema.customers import ExternalId
from schema.entities import BACK_OFFICE, STAFF, WITH_COST, Entity, Money
from schema.errors import UserError
from schema.graph import Connection, column, embedded, listed, many, node, one, point, record, several
from schema.scalars import Point
from schema.technicians import Technician
from schema.values import counted, summed

if TYPE_CHECKING:
    from schema.purchasing import PurchaseOrder
    from schema.visits import Visit

MOVED = {
    "stock_level_id": "uuid",
    "stock_movement_id": "uuid",
    "stock_location_id": "uuid",
    "part_id": "uuid",
    "user_errors": "jsonb",
}
SERIALS = "The numbers of the pieces, as many as there are; for a serialized part, and for no other."
UNIT_PRICE = {"amount": "unit_price", "currency": "currency"}
UNIT_COST = {"amount": "unit_cost", "currency": "currency"}


@node(
    stock.Part,
    prefix="prt",
    description="Something that is stocked and used on visits.",
    order=("number",),
    search=("number", "name", "barcode"),
)
class Part(Entity):
    number: str = column("The company's own number for it.")
    name: str = column("What it is called.")
    barcode: str | None = column("What is printed on it (GTIN or the company's own).")
    unit_price: Money = embedded("What a customer pays for one.", columns=UNIT_PRICE)
    unit_cost: Money | None = embedded(
        "What one costs the company, where somebody has said so; visits' costs are made of it.",
        columns=UNIT_COST,
        roles=WITH_COST,
    )
    serialized: bool = column("Whether each piece has a number of its own, without which none moves.")
    stock_levels: Connection[Annotated["StockLevel", strawberry.lazy("schema.stock")]] = many(
        "Where it lies.", via="part_id", expect=10
    )
    on_hand: int = summed(
        "{t}.on_hand", "Pieces that lie in all places the viewer may see.", via="stock_level.part_id"
    )
    reserved: int = summed(
        "{t}.reserved", "Pieces held for visits in all places the viewer may see.", via="stock_level.part_id"
    )
    available: int = summed(
        "{t}.available", "Pieces that are free in all places the viewer may see.", via="stock_level.part_id"
    )
    on_order: int = summed(
        "{t}.quantity - {t}.received",
        "Pieces that purchase orders are still to bring.",
        via="purchase_order_line.part_id",
        where="{t}.is_open",
        roles=BACK_OFFICE,
    )
    serials: Connection[Annotated["StockSerial", strawberry.lazy("schema.stock")]] = many(
        "Its pieces by their numbers, where it is serialized.", via="part_id", expect=10
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


@node(
    stock.StockLocation,
    prefix="stl",
    description="A place that holds stock.",
    order=("name",),
    search=("name",),
)
class StockLocation(Entity):
    name: str = column("What the place is called.")
    kind: StockLocationKind = column("What kind of place it is.")
    location: Point | None = point("longitude", "latitude", "Where it stands; null for what moves about.")
    technician: Technician | None = one("Whose van it is.", by="technician_id")
    stock_levels: Connection[Annotated["StockLevel", strawberry.lazy("schema.stock")]] = many(
        "What lies there.", via="stock_location_id", expect=10
    )
    part_count: int = counted(
        "How many different parts lie there.",
        via="stock_level.stock_location_id",
        where="{t}.on_hand > 0",
    )


@node(stock.StockLevel, prefix="slv", description="How much of one part lies in one place.")
class StockLevel(Entity):
    on_hand: int = column("Pieces that lie there.")
    reserved: int = column("Pieces held for visits.")
    available: int = column("Pieces that are free: on hand less reserved.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")


@node(stock.Reservation, prefix="rsv", description="A hold of pieces in one place for one visit.")
class Reservation(Entity):
    quantity: int = column("Pieces held.")
    state: ReservationState = column("Where the hold stands.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("Where it is held.", by="stock_location_id")
    picked_from: StockLocation | None = one("Where they were picked; null before.", by="picked_from_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "For which visit.", by="visit_id"
    )


@node(
    stock.Transfer,
    prefix="trf",
    description="Pieces of a part that go from one place to another; on the way they are in neither.",
    order=("-created_at",),
)
class Transfer(Entity):
    quantity: int = column("How many pieces.")
    state: TransferState = column("How far it is.")
    reason: str | None = column("Why it was asked for.")
    created_at: datetime = column("When it was asked for.")
    shipped_at: datetime | None = column("When the pieces left.")
    received_at: datetime | None = column("When they were there.")
    part: Part | None = one("The part.", by="part_id")
    from_location: StockLocation | None = one("Where the pieces come from.", by="from_location_id")
    to_location: StockLocation | None = one("Where they go.", by="to_location_id")


@node(
    stock.StockMovement,
    prefix="mov",
    description="A fact of the ledger, by which alone a level changes: it is never altered.",
    order=("-created_at",),
)
class StockMovement(Entity):
    quantity: int = column("Pieces that came; less than 0: that left.")
    kind: MovementKind = column("Why they did.")
    reason: str | None = column("The same in somebody's words.")
    created_at: datetime = column("When.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit that used them, or for which they were taken along.", by="visit_id"
    )
    transfer: Transfer | None = one("The transfer that moved them.", by="transfer_id")
    purchase_order: Annotated["PurchaseOrder", strawberry.lazy("schema.purchasing")] | None = one(
        "The purchase order that brought them.", by="purchase_order_id"
    )


@node(
    stock.StockSerial,
    prefix="ssn",
    description="One piece of a serialized part.",
    order=("serial",),
)
class StockSerial(Entity):
    serial: str = column("Its number, unique among the pieces of its part.")
    state: SerialState = column("What became of it.")
    part: Part | None = one("Of which part it is.", by="part_id")
    stock_location: StockLocation | None = one(
        "Where it lies, where it goes to, or where it lay last.", by="stock_location_id"
    )
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit that used it.", by="visit_id"
    )
    transfer: Transfer | None = one("The transfer that it is on the way with.", by="transfer_id")
    asset: Asset | None = one("The asset that it is now.", by="asset_id")


@strawberry.input(description="A part that is stocked from now on.")
class CreatePartInput:
    number: str = strawberry.field(description="The company's own number for it; no other part has it.")
    name: str = strawberry.field(description="What it is called.")
    barcode: str | None = strawberry.field(
        default=None, description="What is printed on it; no other part has it."
    )
    unit_price: Decimal = strawberry.field(description="What a customer pays for one.")
    unit_cost: Decimal | None = strawberry.field(
        default=None, description="What one costs the company; null: nobody has said so."
    )
    currency: str = strawberry.field(default="EUR", description="The price's and the cost's, by ISO 4217.")
    serialized: bool = strawberry.field(
        default=False, description="Whether each piece has a number of its own; it stays so."
    )


@strawberry.input(description="A place that holds stock from now on.")
class CreateStockLocationInput:
    name: str = strawberry.field(description="What the place is called.")
    kind: StockLocationKind = strawberry.field(description="What kind of place it is.")
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="Whose van it is; with VAN only, and one for each."
    )
    site: strawberry.ID | None = strawberry.field(
        default=None, description="Whose stock room it is; with SITE only."
    )
    location: Point | None = strawberry.field(default=None, description="Where it stands.")


@strawberry.input(description="Pieces that come to a place from outside.")
class ReceiveStockInput:
    stock_location: strawberry.ID = strawberry.field(description="The place.")
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces, at least 1.")
    reason: str | None = strawberry.field(default=None, description="What the ledger shall say of it.")
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)


@strawberry.input(description="Pieces that turned up, or are gone.")
class AdjustStockInput:
    stock_location: strawberry.ID = strawberry.field(description="The place.")
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many more; less than 0: how many fewer.")
    reason: str = strawberry.field(description="Why; the ledger says it.")
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)
    expected_version: int | None = strawberry.field(
        default=None, description="The level's version as it was read; null: whatever it is."
    )


@strawberry.input(description="What was counted in a place.")
class CountStockInput:
    stock_location: strawberry.ID = strawberry.field(description="The place.")
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces lie there, those held for visits too.")
    reason: str | None = strawberry.field(default=None, description="What the ledger shall say of it.")
    expected_version: int | None = strawberry.field(
        default=None, description="The level's version as it was read; null: whatever it is."
    )


@strawberry.input(description="Pieces that are wanted elsewhere.")
class RequestTransferInput:
    from_location: strawberry.ID = strawberry.field(description="Where they come from.")
    to_location: strawberry.ID = strawberry.field(description="Where they go.")
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces, at least 1.")
    reason: str | None = strawberry.field(default=None, description="Why.")


@strawberry.input(description="A transfer whose pieces leave.")
class ShipTransferInput:
    transfer: strawberry.ID = strawberry.field(description="The transfer.")
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)
    expected_version: int | None = strawberry.field(
        default=None, description="Its version as it was read; null: whatever it is."
    )


@strawberry.input(description="A transfer whose pieces are there.")
class ReceiveTransferInput:
    transfer: strawberry.ID = strawberry.field(description="The transfer.")
    expected_version: int | None = strawberry.field(
        default=None, description="Its version as it was read; null: whatever it is."
    )


@record("The new part.", part_id="uuid", user_errors="jsonb")
class CreatePartPayload:
    part: Part | None = one("The new part.", by="part_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new place.", stock_location_id="uuid", user_errors="jsonb")
class CreateStockLocationPayload:
    stock_location: StockLocation | None = one("The new place.", by="stock_location_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.type(description="What a change of a level answers.")
class StockOutcome:
    stock_level: StockLevel | None = one("The level as it is now.", by="stock_level_id")
    stock_movement: StockMovement | None = one(
        "What the ledger says of it; null where nothing had to be.", by="stock_movement_id"
    )
    stock_location: StockLocation | None = one(
        "The place, also where nothing was done.", by="stock_location_id"
    )
    part: Part | None = one("The part, also where nothing was done.", by="part_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The level as it is now.", **MOVED)
class ReceiveStockPayload(StockOutcome):
    """What receiveStock answers."""


@record("The level as it is now.", **MOVED)
class AdjustStockPayload(StockOutcome):
    """What adjustStock answers."""


@record("The level as it is now.", **MOVED)
class CountStockPayload(StockOutcome):
    """What countStock answers."""


@strawberry.type(description="What a step of a transfer answers.")
class TransferOutcome:
    transfer: Transfer | None = one("The transfer as it is now.", by="transfer_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The transfer as it is now.", transfer_id="uuid", user_errors="jsonb")
class RequestTransferPayload(TransferOutcome):
    """What requestTransfer answers."""


@record("The transfer as it is now.", transfer_id="uuid", user_errors="jsonb")
class ShipTransferPayload(TransferOutcome):
    """What shipTransfer answers."""


@record("The transfer as it is now.", transfer_id="uuid", user_errors="jsonb")
class ReceiveTransferPayload(TransferOutcome):
    """What receiveTransfer answers."""
