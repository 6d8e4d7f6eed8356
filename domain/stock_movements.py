"""Stock movements: places are made known; pieces come, are put right and counted by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import select

from domain import inputs, outlines, stock
from domain.errors import Conflict, Invalid
from domain.events import Event, Scope
from domain.rows import Row
from domain.sites import Site
from domain.stock import (
    MovementKind,
    Part,
    SerialState,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
    serials,
)
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD

MOST_AT_ONCE = 1_000_000
"""Pieces that one movement may be about."""
PLACE = {"name": inputs.words(), "location": outlines.place}
REASON = {"reason": inputs.words(500)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Of which part, where, and how many pieces; `expected_version` is the level's as it was read.

    `serials` are the numbers of the pieces, where the part is serialized.
    """

    location_id: UUID
    part_id: UUID
    quantity: int
    reason: str | None = None
    expected_version: int | None = None
    serials: Sequence[str] | None = None


async def create_location(work: UnitOfWork, place: StockLocation) -> StockLocation:
    """A place that holds stock from now on: a van has a technician, who has one van; a SITE has a site."""
    inputs.write(place, inputs.checked({"name": place.name}, PLACE))
    for kind, key, name in (
        (StockLocationKind.VAN, place.technician_id, "technician"),
        (StockLocationKind.SITE, place.site_id, "site"),
    ):
        if (place.kind == kind) != (key is not None):
            raise Invalid(f"A {name} goes with a place that is a {kind.value}, and with no other.", name)
    if place.technician_id is not None:
        await work.find(Technician, place.technician_id, "technician")
        taken = select(StockLocation.id).where(StockLocation.technician_id == place.technician_id)
        if (await work.session.exec(taken)).first():
            raise Conflict("That technician has a van already.", "technician")
    if place.site_id is not None:
        await work.find(Site, place.site_id, "site")
    if place.longitude is not None and place.latitude is not None:
        inputs.checked({"location": (place.longitude, place.latitude)}, PLACE)
    work.add(place)
    await work.session.flush()
    announce(work, place, "StockLocationCreated", scope=scope(place))
    return place


async def receive(work: UnitOfWork, change: Change) -> tuple[StockLevel, StockMovement]:
    """Pieces come to a place from outside."""
    _check_quantity(change.quantity, least=1)
    place, part, level = await _found(work, change)
    numbers = serials.named(part, change.quantity, change.serials, "serials")
    await serials.come(work, part, place.id, numbers, "serials")
    movement = stock.move(
        work, level, quantity=change.quantity, kind=MovementKind.RECEIPT, reason=change.reason
    )
    tell(work, "StockReceived", place, level, movement)
    return level, movement


async def adjust(work: UnitOfWork, change: Change) -> tuple[StockLevel, StockMovement]:
    """So many pieces more, or fewer, than was thought, for a reason. What is held for visits stays."""
    _check_quantity(abs(change.quantity), least=1)
    check_reason(change.reason)
    place, part, level = await _found(work, change)
    numbers = serials.named(part, abs(change.quantity), change.serials, "serials")
    if change.quantity > 0:
        await serials.come(work, part, place.id, numbers, "serials")
    else:
        stock.check_room(level, change.quantity, "quantity")
        for piece in await serials.lying(work, part, [place.id], numbers, "serials"):
            piece.state = SerialState.GONE
    movement = stock.move(
        work, level, quantity=change.quantity, kind=MovementKind.ADJUSTMENT, reason=change.reason
    )
    tell(work, "StockAdjusted", place, level, movement)
    return level, movement


async def count(work: UnitOfWork, change: Change) -> tuple[StockLevel, StockMovement | None]:
    """As many pieces lie there as were counted; the ledger gets the difference, where there is one."""
    _check_quantity(change.quantity, least=0)
    place, part, level = await _found(work, change)
    if change.quantity < level.reserved:
        raise Invalid(f"{level.reserved} pieces are held for visits; release them first.", "quantity")
    difference = change.quantity - level.on_hand
    if difference == 0:
        return level, None
    if part.serialized:
        raise Invalid("Of a serialized part, say which pieces came or went: adjust it.", "quantity")
    movement = stock.move(work, level, quantity=difference, kind=MovementKind.COUNT, reason=change.reason)
    tell(work, "StockCounted", place, level, movement)
    return level, movement


async def _found(work: UnitOfWork, change: Change) -> tuple[StockLocation, Part, StockLevel]:
    if change.reason is not None:
        check_reason(change.reason)
    place = await work.find(StockLocation, change.location_id, "stockLocation")
    check_own(work, place, "stockLocation")
    part = await work.find(Part, change.part_id, "part")
    level = await stock.shelf(work, place.id, change.part_id)
    inputs.check_version(level, change.expected_version)
    return place, part, level


def check_own(work: UnitOfWork, place: StockLocation, *path: str) -> None:
    """In the field, only what lies in the own van is changed; a warehouse is the office's."""
    if work.viewer.role in FIELD and place.technician_id != work.viewer.technician_id:
        raise Invalid("Only the office changes what lies outside one's own van.", *path)


def check_reason(reason: str | None) -> None:
    inputs.checked({"reason": reason}, REASON)


def _check_quantity(quantity: int, *, least: int) -> None:
    if not least <= quantity <= MOST_AT_ONCE:
        raise Invalid(f"Between {least} and {MOST_AT_ONCE} pieces at once.", "quantity")


def scope(*places: StockLocation) -> Scope:
    """Whose stock it is: the technicians whose vans these are."""
    return Scope(technicians=tuple(place.technician_id for place in places if place.technician_id))


def announce(
    work: UnitOfWork,
    row: Row,
    type: str,
    *,
    scope: Scope | None = None,
    values: Mapping[str, object] | None = None,
) -> None:
    """Its topic is its table."""
    whose = scope or Scope()
    work.emit(
        Event(
            type=type,
            topic=str(row.__tablename__),
            subject=row,
            values=values or {},
            scope_before=whose,
            scope_after=whose,
        )
    )


def tell(
    work: UnitOfWork, type: str, place: StockLocation, level: StockLevel, movement: StockMovement
) -> None:
    work.emit(
        Event(
            type=type,
            topic="stock_level",
            subject=level,
            before={"on_hand": level.on_hand - movement.quantity},
            values={
                "stock_location_id": place.id,
                "part_id": level.part_id,
                "quantity": movement.quantity,
                "reason": movement.reason,
            },
            scope_before=scope(place),
            scope_after=scope(place),
        )
    )
