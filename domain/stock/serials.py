"""Serials: the pieces of a serialized part, each by its number; none comes, moves or is used without it."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from domain import inputs
from domain.errors import Conflict, Invalid
from domain.stock.rows import Part, SerialState, StockSerial
from domain.unit_of_work import UnitOfWork

LONGEST = 100
NUMBER = inputs.words(LONGEST)


def named(part: Part, quantity: int, said: Sequence[str] | None, *path: str) -> tuple[str, ...]:
    """The serial numbers of so many pieces, tidied. Raises Invalid where they are not as many, or not due."""
    try:
        found = tuple(NUMBER(one) for one in said or ())
    except ValueError as error:
        raise Invalid(str(error), *path) from None
    if not part.serialized:
        if found:
            raise Invalid("The pieces of this part have no serial numbers.", *path)
        return ()
    if len(set(found)) != len(found):
        raise Invalid("A serial number is said twice.", *path)
    if len(found) != quantity:
        raise Invalid(f"{quantity} pieces have {quantity} serial numbers; {len(found)} were said.", *path)
    return found


async def come(
    work: UnitOfWork, part: Part, place_id: UUID, numbers: Sequence[str], *path: str
) -> list[StockSerial]:
    """Pieces from outside, or that turned up again. Raises Conflict for one that is in stock already."""
    if not numbers:
        return []
    known = {row.serial: row for row in await _all(work, part.id, numbers)}
    there = []
    for number in numbers:
        row = known.get(number)
        if row is None:
            row = work.add(StockSerial(part_id=part.id, serial=number, stock_location_id=place_id))
        elif row.state in {SerialState.IN_STOCK, SerialState.IN_TRANSIT}:
            raise Conflict(f"{number} is in stock already.", *path)
        row.state, row.stock_location_id = SerialState.IN_STOCK, place_id
        row.visit_id = row.asset_id = None
        there.append(row)
    return there


async def lying(
    work: UnitOfWork, part: Part, place_ids: Sequence[UUID], numbers: Sequence[str], *path: str
) -> list[StockSerial]:
    """The pieces with these numbers, locked. Raises Invalid unless each lies in one of these places."""
    if not numbers:
        return []
    found = [
        row
        for row in await _all(work, part.id, numbers)
        if row.state == SerialState.IN_STOCK and row.stock_location_id in place_ids
    ]
    missing = sorted(set(numbers) - {row.serial for row in found})
    if missing:
        raise Invalid(f"{', '.join(missing)} does not lie there.", *path)
    return found


async def on_the_way(work: UnitOfWork, transfer_id: UUID) -> Sequence[StockSerial]:
    statement = select(StockSerial).where(
        col(StockSerial.transfer_id) == transfer_id, col(StockSerial.state) == SerialState.IN_TRANSIT
    )
    ordered = statement.order_by(col(StockSerial.id)).with_for_update(key_share=True)
    return (await work.session.exec(ordered)).all()


async def _all(work: UnitOfWork, part_id: UUID, numbers: Sequence[str]) -> Sequence[StockSerial]:
    statement = (
        select(StockSerial)
        .where(col(StockSerial.part_id) == part_id, col(StockSerial.serial).in_(numbers))
        .order_by(col(StockSerial.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await work.session.exec(statement)).all()
