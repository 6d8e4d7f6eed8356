"""Stock: the mutations that make parts and places known, change levels, and move pieces between places."""

from collections.abc import Mapping
from typing import Any

from domain import parts, stock, stock_movements, transfers
from domain.stock import StockLevel, StockMovement
from domain.stock_movements import Change
from domain.transfers import Wish
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import stated
from schema.stock import (
    AdjustStockInput,
    CountStockInput,
    CreatePartInput,
    CreateStockLocationInput,
    ReceiveStockInput,
    ReceiveTransferInput,
    RequestTransferInput,
    ShipTransferInput,
)

Values = Mapping[str, Any]


async def create_part(work: UnitOfWork, given: CreatePartInput, _context: Context) -> Values:
    return {"part_id": (await parts.create(work, stated(given, *parts.PART))).id}


async def create_stock_location(
    work: UnitOfWork, given: CreateStockLocationInput, _context: Context
) -> Values:
    # The scalar gives (longitude, latitude).
    longitude, latitude = (None, None) if given.location is None else given.location  # type: ignore[misc]  # as said
    place = stock.StockLocation(
        name=given.name,
        kind=given.kind,
        technician_id=named("tec", given.technician),
        site_id=named("sit", given.site),
        longitude=longitude,
        latitude=latitude,
    )
    return {"stock_location_id": (await stock_movements.create_location(work, place)).id}


async def receive_stock(work: UnitOfWork, given: ReceiveStockInput, _context: Context) -> Values:
    return _moved(*await stock_movements.receive(work, _change(given)))


async def adjust_stock(work: UnitOfWork, given: AdjustStockInput, _context: Context) -> Values:
    return _moved(*await stock_movements.adjust(work, _change(given)))


async def count_stock(work: UnitOfWork, given: CountStockInput, _context: Context) -> Values:
    return _moved(*await stock_movements.count(work, _change(given)))


def _moved(level: StockLevel, movement: StockMovement | None) -> Values:
    return {
        "stock_level_id": level.id,
        "stock_movement_id": movement.id if movement else None,
        "stock_location_id": level.stock_location_id,
        "part_id": level.part_id,
    }


def _change(given: ReceiveStockInput | AdjustStockInput | CountStockInput) -> Change:
    return Change(
        location_id=key("stl", given.stock_location),
        part_id=key("prt", given.part),
        quantity=given.quantity,
        reason=given.reason,
        expected_version=getattr(given, "expected_version", None),
        serials=getattr(given, "serials", None),
    )


async def request_transfer(work: UnitOfWork, given: RequestTransferInput, _context: Context) -> Values:
    wish = Wish(
        from_id=key("stl", given.from_location),
        to_id=key("stl", given.to_location),
        part_id=key("prt", given.part),
        quantity=given.quantity,
        reason=given.reason,
    )
    return {"transfer_id": (await transfers.request(work, wish)).id}


async def ship_transfer(work: UnitOfWork, given: ShipTransferInput, _context: Context) -> Values:
    transfer = await transfers.ship(
        work,
        key("trf", given.transfer),
        expected_version=given.expected_version,
        numbers=given.serials,
    )
    return {"transfer_id": transfer.id}


async def receive_transfer(work: UnitOfWork, given: ReceiveTransferInput, _context: Context) -> Values:
    transfer = await transfers.receive(
        work, key("trf", given.transfer), expected_version=given.expected_version
    )
    return {"transfer_id": transfer.id}
