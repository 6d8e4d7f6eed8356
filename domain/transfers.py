"""Transfers: pieces of a part go from one place to another; on the way they belong to neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import inputs, stock, stock_movements
from domain.errors import Invalid, InvalidTransition
from domain.stock import MovementKind, Part, SerialState, StockLocation, Transfer, TransferState, serials
from domain.unit_of_work import UnitOfWork

TRANSITIONS = {
    (TransferState.REQUESTED, TransferState.SHIPPED),
    (TransferState.SHIPPED, TransferState.RECEIVED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """So many pieces of a part, from one place to another."""

    from_id: UUID
    to_id: UUID
    part_id: UUID
    quantity: int
    reason: str | None = None


async def request(work: UnitOfWork, wish: Wish) -> Transfer:
    """Ask for pieces; nothing is held for it yet. In the field, from or to the own van."""
    if not 1 <= wish.quantity <= stock_movements.MOST_AT_ONCE:
        raise Invalid(f"Between 1 and {stock_movements.MOST_AT_ONCE} pieces at once.", "quantity")
    if wish.reason is not None:
        stock_movements.check_reason(wish.reason)
    if wish.from_id == wish.to_id:
        raise Invalid("A transfer goes to another place.", "toLocation")
    start = await work.find(StockLocation, wish.from_id, "fromLocation")
    end = await work.find(StockLocation, wish.to_id, "toLocation")
    await work.find(Part, wish.part_id, "part")
    if start.technician_id is None or start.technician_id != work.viewer.technician_id:
        stock_movements.check_own(work, end, "toLocation")
    transfer = work.add(
        Transfer(
            from_location_id=start.id,
            to_location_id=end.id,
            part_id=wish.part_id,
            quantity=wish.quantity,
            reason=wish.reason,
        )
    )
    await work.session.flush()
    _announce(work, transfer, "TransferRequested", (start, end))
    return transfer


async def ship(
    work: UnitOfWork,
    transfer_id: UUID,
    *,
    expected_version: int | None = None,
    numbers: Sequence[str] | None = None,
) -> Transfer:
    """The pieces leave: REQUESTED → SHIPPED. Raises Invalid where fewer are free.

    `numbers` are the serials of the pieces, where the part is serialized.
    """
    transfer, start, end = await _found(work, transfer_id, expected_version)
    stock_movements.check_own(work, start, "transfer")
    _step(transfer, TransferState.SHIPPED)
    transfer.shipped_at = work.at
    level = await stock.shelf(work, start.id, transfer.part_id)
    stock.check_room(level, -transfer.quantity, "transfer")
    part = await work.find(Part, transfer.part_id)
    said = serials.named(part, transfer.quantity, numbers, "serials")
    pieces = await serials.lying(work, part, [start.id], said, "serials")
    if pieces:
        async with work.unscoped():  # they are now of a place that may be another technician's van
            for piece in pieces:
                piece.state, piece.transfer_id = SerialState.IN_TRANSIT, transfer.id
                piece.stock_location_id = end.id
    kind = MovementKind.TRANSFER_OUT
    stock.move(work, level, quantity=-transfer.quantity, kind=kind, transfer_id=transfer.id)
    _announce(work, transfer, "TransferShipped", (start, end))
    return transfer


async def receive(work: UnitOfWork, transfer_id: UUID, *, expected_version: int | None = None) -> Transfer:
    """The pieces are there: SHIPPED → RECEIVED."""
    transfer, start, end = await _found(work, transfer_id, expected_version)
    stock_movements.check_own(work, end, "transfer")
    _step(transfer, TransferState.RECEIVED)
    transfer.received_at = work.at
    level = await stock.shelf(work, end.id, transfer.part_id)
    stock.check_room(level, transfer.quantity, "transfer")
    for piece in await serials.on_the_way(work, transfer.id):
        piece.state, piece.transfer_id = SerialState.IN_STOCK, None
    kind = MovementKind.TRANSFER_IN
    stock.move(work, level, quantity=transfer.quantity, kind=kind, transfer_id=transfer.id)
    _announce(work, transfer, "TransferReceived", (start, end))
    return transfer


async def _found(
    work: UnitOfWork, transfer_id: UUID, expected_version: int | None
) -> tuple[Transfer, StockLocation, StockLocation]:
    """The places whoever's they are: another technician's van may be at the other end."""
    transfer = await work.get(Transfer, transfer_id, "transfer")
    inputs.check_version(transfer, expected_version)
    async with work.unscoped():
        start = await work.find(StockLocation, transfer.from_location_id)
        end = await work.find(StockLocation, transfer.to_location_id)
    return transfer, start, end


def _step(transfer: Transfer, state: TransferState) -> None:
    if (transfer.state, state) not in TRANSITIONS:
        raise InvalidTransition(f"A transfer cannot go from {transfer.state} to {state.value}.", "transfer")
    transfer.state = state


def _announce(
    work: UnitOfWork, transfer: Transfer, type: str, places: tuple[StockLocation, StockLocation]
) -> None:
    values = {
        "state": transfer.state,
        "from_location_id": transfer.from_location_id,
        "to_location_id": transfer.to_location_id,
        "part_id": transfer.part_id,
        "quantity": transfer.quantity,
    }
    scope = stock_movements.scope(*places)
    stock_movements.announce(work, transfer, type, scope=scope, values=values)
