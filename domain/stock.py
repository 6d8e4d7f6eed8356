"""Stock: parts, where they lie and how many; the ledger of movements and the reservations for visits."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer, UniqueConstraint, update
from sqlmodel import Field, col, select

from domain.errors import Invalid
from domain.rows import Row, money, one_of, refers, text
from domain.unit_of_work import UnitOfWork


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


class Part(Row, table=True):
    """Something stocked and used on visits. `unit_price` is what a customer pays for one."""

    __table_args__ = (
        UniqueConstraint("organization_id", "number"),
        UniqueConstraint("organization_id", "barcode"),
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
        *refers(("technician_id",), technician_id="technician"),
        *refers(site_id="site"),
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
        *refers(stock_location_id="stock_location", part_id="part", visit_id="visit"),
    )
    stock_location_id: UUID
    part_id: UUID
    visit_id: UUID | None = None
    kind: MovementKind = text()
    quantity: int


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


async def receive(work: UnitOfWork, location_id: UUID, quantities: Mapping[UUID, int]) -> None:
    """Pieces come to a place: the ledger says so, the level follows."""
    for part_id, quantity in sorted(quantities.items()):
        statement = select(StockLevel).where(
            StockLevel.stock_location_id == location_id, StockLevel.part_id == part_id
        )
        level = (await work.session.exec(statement.with_for_update())).one_or_none()
        if level is None:
            level = work.add(StockLevel(stock_location_id=location_id, part_id=part_id))
        level.on_hand += quantity
        work.add(
            StockMovement(
                stock_location_id=location_id, part_id=part_id, kind=MovementKind.RECEIPT, quantity=quantity
            )
        )


async def reserve(work: UnitOfWork, visit_id: UUID, *, van_id: UUID, parts: Mapping[UUID, int]) -> None:
    """Hold the parts of a visit in a van. What the van lacks is left open, to be fetched or transferred."""
    for part_id, quantity in sorted(parts.items()):
        taken = await work.session.execute(
            update(StockLevel)
            .where(
                col(StockLevel.stock_location_id) == van_id,
                col(StockLevel.part_id) == part_id,
                col(StockLevel.on_hand) - col(StockLevel.reserved) >= quantity,
            )
            .values(
                reserved=col(StockLevel.reserved) + quantity,
                version=col(StockLevel.version) + 1,
                updated_at=work.at,
            )
        )
        if taken.rowcount:  # type: ignore[attr-defined]  # an UPDATE's result counts its rows
            work.add(
                Reservation(visit_id=visit_id, stock_location_id=van_id, part_id=part_id, quantity=quantity)
            )


async def held(work: UnitOfWork, visit_id: UUID) -> list[Reservation]:
    statement = select(Reservation).where(
        Reservation.visit_id == visit_id, col(Reservation.state).in_(("HELD", "PICKED"))
    )
    return list(
        (await work.session.exec(statement.order_by(col(Reservation.part_id)).with_for_update())).all()
    )


async def release(work: UnitOfWork, visit_id: UUID) -> None:
    """What was held for a visit is free again."""
    for reservation in await held(work, visit_id):
        reservation.state = ReservationState.RELEASED
        await _take(work, reservation, on_hand=0)


async def consume(work: UnitOfWork, visit_id: UUID, used: Iterable[tuple[UUID, int]] | None) -> None:
    """What a visit used leaves the van; the rest of its holds is released.

    `used` is (part, quantity); None means everything that was held. Raises Invalid for more than was held.
    """
    holds = {hold.part_id: hold for hold in await held(work, visit_id)}
    lines = used if used is not None else [(key, hold.quantity) for key, hold in holds.items()]
    wanted: dict[UUID, int] = {}
    for part_id, quantity in lines:
        wanted[part_id] = wanted.get(part_id, 0) + quantity
        if part_id not in holds or quantity < 0 or wanted[part_id] > holds[part_id].quantity:
            raise Invalid("More of a part was counted than was held for this visit.", "partsUsed")
    for part_id, hold in sorted(holds.items()):
        quantity = wanted.get(part_id, 0)
        hold.state = ReservationState.CONSUMED if quantity else ReservationState.RELEASED
        await _take(work, hold, on_hand=quantity)
        if quantity:
            work.add(
                StockMovement(
                    stock_location_id=hold.stock_location_id,
                    part_id=part_id,
                    visit_id=visit_id,
                    kind=MovementKind.CONSUMPTION,
                    quantity=-quantity,
                )
            )


async def _take(work: UnitOfWork, hold: Reservation, *, on_hand: int) -> None:
    await work.session.execute(
        update(StockLevel)
        .where(
            col(StockLevel.stock_location_id) == hold.stock_location_id,
            col(StockLevel.part_id) == hold.part_id,
        )
        .values(
            on_hand=col(StockLevel.on_hand) - on_hand,
            reserved=col(StockLevel.reserved) - hold.quantity,
            version=col(StockLevel.version) + 1,
            updated_at=work.at,
        )
    )
