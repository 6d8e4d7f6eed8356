"""Reservations: the mutations that hold parts for visits, take them along, use them and bring them back."""

from collections.abc import Mapping
from typing import Any

from domain import reservations
from domain.reservations import Amount, Split, Use, Wish
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from schema.reservations import (
    ConsumePartsInput,
    PickPartsInput,
    ReleaseReservationInput,
    ReservePartsInput,
    ReturnPartsInput,
)

Values = Mapping[str, Any]


async def reserve_parts(work: UnitOfWork, given: ReservePartsInput, _context: Context) -> Values:
    visit_id, place = key("vis", given.visit), given.stock_location
    parts = given.parts
    wish = Wish(
        lines=None if parts is None else [(key("prt", one.part), one.quantity) for one in parts],
        location_id=named("stl", place),
        partial=given.partial,
    )
    await reservations.reserve(work, visit_id, wish)
    return {"visit_id": visit_id}


async def release_reservation(work: UnitOfWork, given: ReleaseReservationInput, _context: Context) -> Values:
    return _split(await reservations.release(work, key("rsv", given.reservation), _amount(given)))


async def pick_parts(work: UnitOfWork, given: PickPartsInput, _context: Context) -> Values:
    return _split(await reservations.pick(work, key("rsv", given.reservation), _amount(given)))


async def return_parts(work: UnitOfWork, given: ReturnPartsInput, _context: Context) -> Values:
    return _split(await reservations.give_back(work, key("rsv", given.reservation), _amount(given)))


def _amount(given: ReleaseReservationInput | PickPartsInput | ReturnPartsInput) -> Amount:
    place = getattr(given, "stock_location", None)
    return Amount(
        quantity=given.quantity,
        location_id=named("stl", place),
        serials=getattr(given, "serials", None),
        expected_version=given.expected_version,
    )


def _split(found: Split) -> Values:
    moved, rest = found
    return {"reservation_id": moved.id, "rest_id": rest.id if rest else None}


async def consume_parts(work: UnitOfWork, given: ConsumePartsInput, _context: Context) -> Values:
    use = Use(
        part_id=key("prt", given.part),
        quantity=given.quantity,
        location_id=named("stl", given.stock_location),
        serials=given.serials,
        install=given.install,
    )
    visit_id = key("vis", given.visit)
    level, movement, installed = await reservations.consume(work, visit_id, use)
    return {
        "visit_id": visit_id,
        "part_id": movement.part_id,
        "stock_location_id": movement.stock_location_id,
        "stock_level_id": level.id,
        "stock_movement_id": movement.id,
        "asset_id": installed[0].id if installed else None,
    }
