"""Rows of stock: parts, where they lie and how many, the ledger, holds, transfers, and what is ordered."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer, UniqueConstraint
from sqlalchemy import text as literal
from sqlmodel import Field

from domain.rows import Row, money, one_of, refers, searched, text, timestamp

Shelf = tuple[UUID, UUID]
"""A place, and a part that lies in it."""
MOST_PIECES = 1_000_000_000
"""Of one part in one place."""


class StockLocationKind(StrEnum):
    """What kind of place stock lies in."""

    WAREHOUSE = "WAREHOUSE"
    VAN = "VAN"
    SITE = "SITE"


class ReservationState(StrEnum):
    """HELD for a visit, then PICKED and CONSUMED, RETURNED, or RELEASED."""

    HELD = "HELD"
    PICKED = "PICKED"
    CONSUMED = "CONSUMED"
    RETURNED = "RETURNED"
    RELEASED = "RELEASED"


class MovementKind(StrEnum):
    """Why stock moved."""

    RECEIPT = "RECEIPT"
    CONSUMPTION = "CONSUMPTION"
    ADJUSTMENT = "ADJUSTMENT"
    COUNT = "COUNT"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    PICK = "PICK"
    RETURN = "RETURN"


class TransferState(StrEnum):
    """REQUESTED, then SHIPPED, then RECEIVED."""

    REQUESTED = "REQUESTED"
    SHIPPED = "SHIPPED"
    RECEIVED = "RECEIVED"


class SerialState(StrEnum):
    """Where a serial number is: IN_STOCK in a place, IN_TRANSIT to one, CONSUMED by a visit, or GONE."""

    IN_STOCK = "IN_STOCK"
    IN_TRANSIT = "IN_TRANSIT"
    CONSUMED = "CONSUMED"
    GONE = "GONE"


class PurchaseOrderState(StrEnum):
    """DRAFT, then ORDERED, then received, in part or whole; or CANCELLED."""

    DRAFT = "DRAFT"
    ORDERED = "ORDERED"
    PARTLY_RECEIVED = "PARTLY_RECEIVED"
    RECEIVED = "RECEIVED"
    CANCELLED = "CANCELLED"


class Part(Row, table=True):
    """Something stocked and used on visits.

    `unit_price` is what a customer pays for one, `unit_cost` what one costs the company, where that was said.

    Of what is `serialized` every piece has a number of its own, and no piece moves without saying which.
    """

    __table_args__ = (
        UniqueConstraint("organization_id", "number"),
        UniqueConstraint("organization_id", "barcode"),
        CheckConstraint("unit_cost >= 0", name="unit_cost"),
        *searched("number", "name", "barcode"),
    )
    number: str = text()
    name: str = text()
    barcode: str | None = text(default=None)
    unit_price: Decimal = money()
    unit_cost: Decimal | None = money(default=None)
    currency: str = text(default="EUR")
    serialized: bool = Field(default=False, sa_column_kwargs={"server_default": literal("false")})


class StockLocation(Row, table=True):
    """A warehouse, a technician's van, or a site that holds stock."""

    __table_args__ = (
        one_of("kind", StockLocationKind),
        CheckConstraint("(kind = 'VAN') = (technician_id IS NOT NULL)", name="van"),
        Index(None, "organization_id", "name", "id"),
        *refers(("technician_id",), technician_id="technician"),
        *refers(site_id="site"),
        *searched("name"),
    )
    name: str = text()
    kind: StockLocationKind = text()
    technician_id: UUID | None = None
    site_id: UUID | None = None
    longitude: float | None = None
    latitude: float | None = None


class StockLevel(Row, table=True):
    """How much of one part lies in one place; `available` is what is not reserved. Never negative."""

    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("reserved BETWEEN 0 AND on_hand", name="reserved"),
        UniqueConstraint("organization_id", "stock_location_id", "part_id"),
        *refers(stock_location_id="stock_location", part_id="part"),
    )
    stock_location_id: UUID
    part_id: UUID
    on_hand: int = 0
    reserved: int = 0
    available: int | None = Field(
        default=None,
        sa_column=Column(Integer, Computed("on_hand - reserved", persisted=True), nullable=False),
    )


class StockMovement(Row, table=True):
    """A fact of the ledger: `quantity` pieces came to (positive) or left (negative) a place."""

    __table_args__ = (
        one_of("kind", MovementKind),
        Index(None, "organization_id", "created_at", "id"),
        *refers(stock_location_id="stock_location", part_id="part", visit_id="visit"),
        *refers(transfer_id="transfer", purchase_order_id="purchase_order"),
    )
    stock_location_id: UUID
    part_id: UUID
    visit_id: UUID | None = None
    transfer_id: UUID | None = None
    purchase_order_id: UUID | None = None
    kind: MovementKind = text()
    quantity: int
    reason: str | None = text(default=None)


class Transfer(Row, table=True):
    """Pieces wanted elsewhere: SHIPPED, they have left a place; RECEIVED, they have come to the other."""

    __table_args__ = (
        one_of("state", TransferState),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("from_location_id <> to_location_id", name="elsewhere"),
        CheckConstraint("(state <> 'REQUESTED') = (shipped_at IS NOT NULL)", name="shipped"),
        CheckConstraint("(state = 'RECEIVED') = (received_at IS NOT NULL)", name="received"),
        Index(None, "organization_id", "created_at", "id"),
        *refers(from_location_id="stock_location", to_location_id="stock_location", part_id="part"),
    )
    from_location_id: UUID
    to_location_id: UUID
    part_id: UUID
    quantity: int
    state: TransferState = text(default=TransferState.REQUESTED)
    reason: str | None = text(default=None)
    shipped_at: datetime | None = timestamp(default=None)
    received_at: datetime | None = timestamp(default=None)


class Reservation(Row, table=True):
    """A hold of pieces in one place for one visit. PICKED, they are in the van, from `picked_from_id`.

    What takes a step only in part is two rows from then on: the pieces that took it, and those that did not.
    """

    __table_args__ = (
        one_of("state", ReservationState),
        CheckConstraint("quantity > 0", name="quantity"),
        *refers(stock_location_id="stock_location", part_id="part", visit_id="visit"),
        *refers(picked_from_id="stock_location"),
    )
    visit_id: UUID
    stock_location_id: UUID
    part_id: UUID
    quantity: int
    state: ReservationState = text(default=ReservationState.HELD)
    picked_from_id: UUID | None = None


class StockSerial(Row, table=True):
    """One piece of a serialized part. Its place is where it lies, where it goes to, or where it lay last."""

    __table_args__ = (
        one_of("state", SerialState),
        CheckConstraint("(state = 'CONSUMED') = (visit_id IS NOT NULL)", name="consumed"),
        CheckConstraint("(state = 'IN_TRANSIT') = (transfer_id IS NOT NULL)", name="in_transit"),
        UniqueConstraint("organization_id", "part_id", "serial"),
        Index(None, "organization_id", "serial", "id"),
        *refers(part_id="part", stock_location_id="stock_location", visit_id="visit"),
        *refers(transfer_id="transfer", asset_id="asset"),
    )
    part_id: UUID
    serial: str = text()
    state: SerialState = text(default=SerialState.IN_STOCK)
    stock_location_id: UUID
    visit_id: UUID | None = None
    transfer_id: UUID | None = None
    asset_id: UUID | None = None


class ReorderRule(Row, table=True):
    """Of a part in a place, so few that more is ordered, and so many as there shall be then."""

    __table_args__ = (
        CheckConstraint("minimum >= 0", name="minimum"),
        CheckConstraint("maximum > minimum", name="maximum"),
        CheckConstraint("lead_days BETWEEN 0 AND 730", name="lead_days"),
        CheckConstraint("unit_cost >= 0", name="unit_cost"),
        UniqueConstraint("organization_id", "stock_location_id", "part_id"),
        *refers(stock_location_id="stock_location", part_id="part"),
    )
    part_id: UUID
    stock_location_id: UUID
    minimum: int
    maximum: int
    lead_days: int = 0
    supplier_name: str = text()
    supplier_number: str | None = text(default=None)
    unit_cost: Decimal | None = money(default=None)
    currency: str = text(default="EUR")
    is_active: bool = True


class PurchaseOrder(Row, table=True):
    """What a supplier is asked to bring to a place. `automatic`: reorder rules made it, nobody's hand."""

    __table_args__ = (
        one_of("state", PurchaseOrderState),
        CheckConstraint("(state = 'RECEIVED') = (received_at IS NOT NULL)", name="received"),
        CheckConstraint("ordered_at IS NOT NULL OR state IN ('DRAFT', 'CANCELLED')", name="ordered"),
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "created_at", "id"),
        *refers(stock_location_id="stock_location"),
    )
    number: str = text()
    state: PurchaseOrderState = text(default=PurchaseOrderState.DRAFT)
    supplier_name: str = text()
    stock_location_id: UUID
    automatic: bool = False
    reason: str | None = text(default=None)
    ordered_at: datetime | None = timestamp(default=None)
    expected_on: date | None = None
    received_at: datetime | None = timestamp(default=None)


class PurchaseOrderLine(Row, table=True):
    """A part of a purchase order. `is_open`: more of it is still to come. One open line for a rule."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("received BETWEEN 0 AND quantity", name="received"),
        CheckConstraint("NOT is_open OR received < quantity", name="is_open"),
        CheckConstraint("unit_cost >= 0", name="unit_cost"),
        UniqueConstraint("organization_id", "purchase_order_id", "part_id"),
        Index(
            "uq_purchase_order_line_open",
            "organization_id",
            "reorder_rule_id",
            unique=True,
            postgresql_where="is_open",
        ),
        *refers(purchase_order_id="purchase_order", part_id="part", stock_location_id="stock_location"),
        *refers(reorder_rule_id="reorder_rule"),
    )
    purchase_order_id: UUID
    part_id: UUID
    stock_location_id: UUID
    reorder_rule_id: UUID | None = None
    supplier_number: str | None = text(default=None)
    quantity: int
    received: int = 0
    unit_cost: Decimal | None = money(default=None)
    currency: str = text(default="EUR")
    is_open: bool = True
