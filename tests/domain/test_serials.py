"""Serials: a piece of a serialized part is somewhere by its number, from its coming to what it becomes."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import pytest

from domain import reservations, stock, stock_movements, transfers, visits
from domain.assets import Asset
from domain.errors import Conflict, Invalid, Refused
from domain.reservations import Amount, Use, Wish
from domain.stock import (
    MovementKind,
    Part,
    Reservation,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockSerial,
)
from domain.stock_movements import Change
from domain.tracking import record_arrival
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from domain.visits import Visit
from tests.domain.world import World, at

NUMBERS = ["A", "B", "C"]


async def metered(world: World) -> tuple[UUID, UUID]:
    """A serialized part, three pieces of which lie in a hall; the part and the hall."""
    meter = await world.part("Meter")
    hall = StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE)
    async with world.unit() as work:
        (await work.get(Part, meter)).serialized = True
        work.add(hall)
    change = Change(location_id=hall.id, part_id=meter, quantity=3, serials=NUMBERS)
    async with world.unit() as work:
        await stock_movements.receive(work, change)
    return meter, hall.id


async def begun(world: World) -> tuple[UUID, UUID, UUID]:
    """A visit whose work has begun, its technician and the van."""
    ada = await world.technician("Ada")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    world.now = at(9)
    await world.dispatch(visit)
    async with world.unit() as work:
        await record_arrival(work, visit, occurred_at=None)
    async with world.unit() as work:
        await visits.start_work(work, visit)
    (van,) = await world.all(StockLocation, technician_id=ada)
    return visit, ada, van.id


async def pieces(world: World) -> dict[str, tuple[str, UUID]]:
    return {row.serial: (str(row.state), row.stock_location_id) for row in await world.all(StockSerial)}


async def on_hand(world: World) -> dict[UUID, int]:
    return {row.stock_location_id: row.on_hand for row in await world.all(StockLevel)}


async def test_a_piece_is_transferred_picked_used_and_installed(world: World) -> None:
    meter, hall = await metered(world)
    visit, ada, van = await begun(world)
    async with world.unit() as work:
        wish = transfers.Wish(from_id=hall, to_id=van, part_id=meter, quantity=1)
        transfer = (await transfers.request(work, wish)).id
    async with world.unit() as work:
        await transfers.ship(work, transfer, numbers=["A"])
    assert await pieces(world) == {"A": ("IN_TRANSIT", van), "B": ("IN_STOCK", hall), "C": ("IN_STOCK", hall)}
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await transfers.receive(work, transfer)
    async with world.unit() as work:
        (hold,) = await reservations.reserve(work, visit, Wish(lines=[(meter, 2)], location_id=hall))
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await reservations.pick(work, hold.id, Amount(serials=["C", "B"]))
    assert await pieces(world) == dict.fromkeys(NUMBERS, ("IN_STOCK", van))

    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        use = Use(part_id=meter, quantity=2, serials=["B", "A"], install=True)
        await reservations.consume(work, visit, use)

    assert await pieces(world) == {"A": ("CONSUMED", van), "B": ("CONSUMED", van), "C": ("IN_STOCK", van)}
    assert await on_hand(world) == {hall: 0, van: 1}
    site = (await world.read(Visit, visit)).site_id
    made = {row.id: row for row in await world.all(Asset)}
    assert {(row.serial, row.name, row.site_id, row.installed_on) for row in made.values()} == {
        ("A", "Meter", site, date(2026, 11, 23)),
        ("B", "Meter", site, date(2026, 11, 23)),
    }
    used = [row for row in await world.all(StockSerial) if row.visit_id == visit]
    assert {made[row.asset_id].serial for row in used if row.asset_id} == {row.serial for row in used}
    async with world.unit() as work:
        await visits.complete(work, visit)
    assert {str(row.state) for row in await world.all(Reservation)} == {"CONSUMED"}


async def test_a_completed_visit_says_which_pieces_it_used(world: World) -> None:
    """What nobody named is not used: it is free again."""
    meter, hall = await metered(world)
    visit, _, van = await begun(world)
    async with world.unit() as work:
        (hold,) = await reservations.reserve(work, visit, Wish(lines=[(meter, 2)], location_id=hall))
    async with world.unit() as work:
        await reservations.pick(work, hold.id, Amount(serials=["A", "B"]))

    with pytest.raises(Invalid, match="2 pieces have 2 serial numbers; 0 were said"):
        async with world.unit() as work:
            await visits.complete(work, visit, parts_used=[(meter, 2)])
    async with world.unit() as work:
        await visits.complete(work, visit, parts_used=[stock.Used(meter, 1, ["B"])])

    assert (await pieces(world))["B"] == ("CONSUMED", van)
    assert await on_hand(world) == {hall: 1, van: 1}
    states = sorted((str(row.state), row.quantity) for row in await world.all(Reservation))
    assert states == [("CONSUMED", 1), ("RELEASED", 1)]


async def test_nobody_who_completes_all_that_was_held_uses_pieces_without_a_number(world: World) -> None:
    meter, hall = await metered(world)
    visit, _, _ = await begun(world)
    async with world.unit() as work:
        await reservations.reserve(work, visit, Wish(lines=[(meter, 2)], location_id=hall))

    async with world.unit() as work:
        await visits.complete(work, visit)

    assert (await on_hand(world))[hall] == 3
    assert [str(row.state) for row in await world.all(Reservation)] == ["RELEASED"]


async def test_what_is_gone_may_turn_up_again_and_what_is_there_is_not_received_twice(world: World) -> None:
    meter, hall = await metered(world)
    gone = Change(location_id=hall, part_id=meter, quantity=-1, reason="lost", serials=["A"])
    found = Change(location_id=hall, part_id=meter, quantity=1, reason="found", serials=["A"])
    for change in (gone, found):
        async with world.unit() as work:
            await stock_movements.adjust(work, change)
    assert await pieces(world) == dict.fromkeys(NUMBERS, ("IN_STOCK", hall))

    cases: list[tuple[Callable[[UnitOfWork], Awaitable[object]], type[Refused], str]] = [
        (lambda work: stock_movements.adjust(work, found), Conflict, "serials"),
        (
            lambda work: stock_movements.count(work, Change(location_id=hall, part_id=meter, quantity=2)),
            Invalid,
            "quantity",
        ),
        (lambda work: stock_movements.receive(work, _change(hall, meter, ["D", "D"])), Invalid, "serials"),
        (lambda work: stock_movements.receive(work, _change(hall, meter, [" "])), Invalid, "serials"),
    ]
    for verb, kind, path in cases:
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await verb(work)
        assert refused.value.path == (path,)
    assert await on_hand(world) == {hall: 3}


def _change(place: UUID, part: UUID, serials: list[str]) -> Change:
    return Change(location_id=place, part_id=part, quantity=len(serials), serials=serials)


async def test_the_database_counts_numbers_and_pieces(world: World) -> None:
    """A verb that forgot the numbers would be refused when it commits."""
    meter, hall = await metered(world)

    async def forget() -> None:
        async with world.unit() as work:
            level = await stock.shelf(work, hall, meter)
            stock.move(work, level, quantity=1, kind=MovementKind.RECEIPT)

    with pytest.raises(Invalid):
        await forget()

    assert await on_hand(world) == {hall: 3}
