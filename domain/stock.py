"""Stock: parts, where they lie and how many; the ledger of movements and the reservations for visits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer, UniqueConstraint, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, col, select

from domain.errors import Invalid
from domain.rows import Row, money, one_of, refers, searched, text, timestamp
from domain.unit_of_work import UnitOfWork

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


class TransferState(StrEnum):
    """REQUESTED, then SHIPPED, then RECEIVED."""

    REQUESTED = "REQUESTED"
    SHIPPED = "SHIPPED"
    RECEIVED = "RECEIVED"


class Part(Row, table=True):
    """Something stocked and used on visits. `unit_price` is what a customer pays for one."""

    __table_args__ = (
        UniqueConstraint("organization_id", "number"),
        UniqueConstraint("organization_id", "barcode"),
        *searched("number", "name", "barcode"),
    )
    number: str = text()
    name: str = text()
    barcode: str | None = text(default=None)
    unit_price: Decimal = money()
    currency: str = text(default="EUR")


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
        *refers(transfer_id="transfer"),
    )
    stock_location_id: UUID
    part_id: UUID
    visit_id: UUID | None = None
    transfer_id: UUID | None = None
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
    """A hold of pieces in one place for one visit."""

    __table_args__ = (
        one_of("state", ReservationState),
        CheckConstraint("quantity > 0", name="quantity"),
        Index(
            "uq_reservation_open",
            "organization_id",
            "visit_id",
            "part_id",
            unique=True,
            postgresql_where="state IN ('HELD', 'PICKED')",
        ),
        *refers(stock_location_id="stock_location", part_id="part", visit_id="visit"),
    )
    visit_id: UUID
    stock_location_id: UUID
    part_id: UUID
    quantity: int
    state: ReservationState = text(default=ReservationState.HELD)


async def shelf(work: UnitOfWork, location_id: UUID, part_id: UUID) -> StockLevel:
    """The level of a part in a place, locked; made, with nothing there, where there was none."""
    statement = (
        select(StockLevel)
        .where(StockLevel.stock_location_id == location_id, StockLevel.part_id == part_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    level = (await work.session.exec(statement)).one_or_none()
    if level is None:
        # Another unit may make it at the same time: then theirs is waited for and taken.
        made = insert(StockLevel).values(
            organization_id=work.viewer.organization_id,
            stock_location_id=location_id,
            part_id=part_id,
            version=1,
            created_at=work.at,
            updated_at=work.at,
        )
        await work.session.execute(made.on_conflict_do_nothing())
        level = (await work.session.exec(statement)).one()
    return level


def move(
    work: UnitOfWork, level: StockLevel, *, quantity: int, kind: MovementKind, **because: Any
) -> StockMovement:
    """The only way a level changes: the ledger says it, the level follows. What is held stays.

    `because` are further columns of the movement. Raises Invalid for more than is free, or can be counted.
    """
    check_room(level, quantity, "quantity")
    level.on_hand += quantity
    return work.add(
        StockMovement(
            stock_location_id=level.stock_location_id,
            part_id=level.part_id,
            kind=kind,
            quantity=quantity,
            **because,
        )
    )


def check_room(level: StockLevel, quantity: int, *path: str) -> None:
    """Whether so many pieces may come (positive) or go. Raises Invalid."""
    free = level.on_hand - level.reserved
    if free + quantity < 0:
        raise Invalid(f"Only {free} pieces are free there.", *path)
    if level.on_hand + quantity > MOST_PIECES:
        raise Invalid(f"No place holds more than {MOST_PIECES} pieces of a part.", *path)


async def receive(work: UnitOfWork, location_id: UUID, quantities: Mapping[UUID, int]) -> None:
    """Pieces come to a place."""
    for part_id, quantity in sorted(quantities.items()):
        move(work, await shelf(work, location_id, part_id), quantity=quantity, kind=MovementKind.RECEIPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """What is held for some visits, and the levels that it comes from or may come from, all locked."""

    open: dict[UUID, list[Reservation]]
    vans: Mapping[UUID, UUID]
    """Technician → their van."""
    levels: Mapping[Shelf, StockLevel]

    def release(self, visit_id: UUID) -> None:
        """What was held for a visit is free again."""
        for hold in self.open.pop(visit_id, ()):
            hold.state = ReservationState.RELEASED
            self.levels[hold.stock_location_id, hold.part_id].reserved -= hold.quantity

    def reserve(
        self, work: UnitOfWork, visit_id: UUID, *, technician_id: UUID, parts: Mapping[UUID, int]
    ) -> None:
        """Hold the parts of a visit in a van. What the van lacks is left open, to be fetched or transferred.

        What was released before has to be flushed first: a part has one open hold for a visit.
        """
        van_id = self.vans.get(technician_id)
        if van_id is None:
            return
        for part_id, quantity in sorted(parts.items()):
            level = self.levels.get((van_id, part_id))
            if level is not None and level.on_hand - level.reserved >= quantity:
                level.reserved += quantity
                work.add(
                    Reservation(
                        visit_id=visit_id, stock_location_id=van_id, part_id=part_id, quantity=quantity
                    )
                )


async def holds(
    work: UnitOfWork, visit_ids: Collection[UUID], wanted: Iterable[tuple[UUID, UUID]] = ()
) -> Holds:
    """What is held for the visits; `wanted` are the (technician, part) that may be reserved as well."""
    statement = select(Reservation).where(
        col(Reservation.visit_id).in_(visit_ids), col(Reservation.state).in_(("HELD", "PICKED"))
    )
    statement = statement.order_by(col(Reservation.visit_id), col(Reservation.part_id)).with_for_update()
    found: dict[UUID, list[Reservation]] = defaultdict(list)
    for hold in (await work.session.exec(statement)).all():
        found[hold.visit_id].append(hold)
    shelves = {(hold.stock_location_id, hold.part_id) for rows in found.values() for hold in rows}
    pairs = set(wanted)
    vans = await _vans(work, {technician_id for technician_id, _ in pairs})
    shelves |= {(vans[key], part_id) for key, part_id in pairs if key in vans}
    return Holds(open=found, vans=vans, levels=await _levels(work, shelves))


async def _vans(work: UnitOfWork, technician_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    if not technician_ids:
        return {}
    statement = select(StockLocation).where(col(StockLocation.technician_id).in_(technician_ids))
    rows = (await work.session.exec(statement)).all()
    return {row.technician_id: row.id for row in rows if row.technician_id is not None}


async def _levels(work: UnitOfWork, shelves: Collection[Shelf]) -> Mapping[Shelf, StockLevel]:
    if not shelves:
        return {}
    statement = (
        select(StockLevel)
        .where(tuple_(col(StockLevel.stock_location_id), col(StockLevel.part_id)).in_(shelves))
        .order_by(col(StockLevel.part_id), col(StockLevel.stock_location_id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {(row.stock_location_id, row.part_id): row for row in (await work.session.exec(statement)).all()}


async def release(work: UnitOfWork, visit_id: UUID) -> None:
    """What was held for a visit is free again."""
    (await holds(work, [visit_id])).release(visit_id)


async def consume(work: UnitOfWork, visit_id: UUID, used: Iterable[tuple[UUID, int]] | None) -> None:
    """What a visit used leaves the van; the rest of its holds is released.

    `used` is (part, quantity); None means everything that was held. Raises Invalid for more than was held.
    """
    found = await holds(work, [visit_id])
    held = {hold.part_id: hold for hold in found.open.get(visit_id, ())}
    lines = used if used is not None else [(key, hold.quantity) for key, hold in held.items()]
    wanted: dict[UUID, int] = {}
    for part_id, quantity in lines:
        wanted[part_id] = wanted.get(part_id, 0) + quantity
        if part_id not in held or quantity < 0 or wanted[part_id] > held[part_id].quantity:
            raise Invalid("More of a part was counted than was held for this visit.", "partsUsed")
    for part_id, hold in sorted(held.items()):
        quantity = wanted.get(part_id, 0)
        hold.state = ReservationState.CONSUMED if quantity else ReservationState.RELEASED
        level = found.levels[hold.stock_location_id, part_id]
        level.reserved -= hold.quantity
        if quantity:
            move(work, level, quantity=-quantity, kind=MovementKind.CONSUMPTION, visit_id=visit_id)
