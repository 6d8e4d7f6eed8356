"""Stock: levels, holds and the ledger agree, whoever takes the last piece."""

import asyncio
from uuid import UUID

import pytest

from domain import stock, visits
from domain.errors import Invalid
from domain.stock import Reservation, StockLevel, StockLocation, StockMovement
from domain.tracking import record_arrival
from tests.domain.world import World, at


async def level(world: World, part: UUID, technician: UUID) -> tuple[int, int, int | None]:
    (van,) = await world.all(StockLocation, technician_id=technician)
    (row,) = await world.all(StockLevel, stock_location_id=van.id, part_id=part)
    return row.on_hand, row.reserved, row.available


async def holds(world: World, visit: UUID) -> list[tuple[str, int]]:
    return [(row.state, row.quantity) for row in await world.all(Reservation, visit_id=visit)]


async def ledger(world: World, part: UUID) -> list[tuple[str, int]]:
    return [(row.kind, row.quantity) for row in await world.all(StockMovement, part_id=part)]


async def begin(world: World, visit: UUID) -> None:
    await world.dispatch(visit)
    async with world.unit() as work:
        await record_arrival(work, visit, occurred_at=None)
    async with world.unit() as work:
        await visits.start_work(work, visit)


async def test_what_comes_is_on_hand_and_in_the_ledger(world: World) -> None:
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 2})
    (van,) = await world.all(StockLocation)
    async with world.unit() as work:
        await stock.receive(work, van.id, {valve: 3})

    assert await level(world, valve, ada) == (5, 0, 5)
    assert await ledger(world, valve) == [("RECEIPT", 2), ("RECEIPT", 3)]


async def test_a_scheduled_visit_holds_its_parts_and_gives_them_back(world: World) -> None:
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 3})
    visit = await world.visit(await world.work_type(parts={valve: 2}))

    await world.schedule(visit, ada, 9)
    assert await level(world, valve, ada) == (3, 2, 1)
    assert await holds(world, visit) == [("HELD", 2)]

    async with world.unit() as work:
        await visits.cancel(work, visit, reason="Not needed")
    assert await level(world, valve, ada) == (3, 0, 3)
    assert await holds(world, visit) == [("RELEASED", 2)]
    assert await ledger(world, valve) == [("RECEIPT", 3)]


async def test_what_the_van_lacks_is_left_open_and_nothing_else(world: World) -> None:
    valve, pump = await world.part("Valve"), await world.part("Pump")
    ada = await world.technician(van={valve: 1, pump: 1})
    visit = await world.visit(await world.work_type(parts={valve: 2, pump: 1}))

    await world.schedule(visit, ada, 9)

    assert await level(world, valve, ada) == (1, 0, 1)
    assert await level(world, pump, ada) == (1, 1, 0)


async def test_a_visit_that_moves_to_another_van_holds_its_parts_there(world: World) -> None:
    valve = await world.part("Valve")
    ada, ben = await world.technician("Ada", van={valve: 1}), await world.technician("Ben", van={valve: 1})
    visit = await world.visit(await world.work_type(parts={valve: 1}))
    await world.schedule(visit, ada, 9)

    await world.schedule(visit, ben, 9)

    assert await level(world, valve, ada) == (1, 0, 1)
    assert await level(world, valve, ben) == (1, 1, 0)
    assert sorted(await holds(world, visit)) == [("HELD", 1), ("RELEASED", 1)]


@pytest.mark.parametrize(
    ("used", "left", "held", "moved"),
    [
        (None, (1, 0, 1), [("CONSUMED", 2)], [("RECEIPT", 3), ("CONSUMPTION", -2)]),
        (3, (0, 0, 0), [("CONSUMED", 2)], [("RECEIPT", 3), ("CONSUMPTION", -3)]),
        (2, (1, 0, 1), [("CONSUMED", 2)], [("RECEIPT", 3), ("CONSUMPTION", -2)]),
        (1, (2, 0, 2), [("RELEASED", 1), ("CONSUMED", 1)], [("RECEIPT", 3), ("CONSUMPTION", -1)]),
        (0, (3, 0, 3), [("RELEASED", 2)], [("RECEIPT", 3)]),
    ],
)
async def test_a_completed_visit_takes_what_it_used_and_frees_the_rest(
    world: World,
    used: int | None,
    left: tuple[int, int, int],
    held: list[tuple[str, int]],
    moved: list[tuple[str, int]],
) -> None:
    """More than was held comes from what is free in the van."""
    world.now = at(9)
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 3})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    await world.schedule(visit, ada, 9)
    await begin(world, visit)

    async with world.unit() as work:
        await visits.complete(work, visit, parts_used=None if used is None else [(valve, used)])

    assert await level(world, valve, ada) == left
    assert await holds(world, visit) == held
    assert await ledger(world, valve) == moved


@pytest.mark.parametrize("used", [[4], [-1], [2, 2]], ids=["more", "less than none", "more in two lines"])
async def test_more_than_lies_in_the_van_is_refused_and_nothing_is_taken(
    world: World, used: list[int]
) -> None:
    world.now = at(9)
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 3})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    await world.schedule(visit, ada, 9)
    await begin(world, visit)

    with pytest.raises(Invalid) as refused:
        async with world.unit() as work:
            await visits.complete(work, visit, parts_used=[(valve, quantity) for quantity in used])

    assert refused.value.path == ("partsUsed",)
    assert await level(world, valve, ada) == (3, 2, 1)
    assert await holds(world, visit) == [("HELD", 2)]
    assert (await world.read(visits.Visit, visit)).state == "IN_PROGRESS"


async def test_of_many_visits_that_want_the_last_pieces_as_many_get_them_as_there_are(world: World) -> None:
    """All at once, from one van, at times that do not meet."""
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 3})
    kind = await world.work_type(hours=0.5, parts={valve: 1})
    wanted = [await world.visit(kind) for _ in range(8)]

    await asyncio.gather(*(world.schedule(visit, ada, 8 + n) for n, visit in enumerate(wanted)))

    assert await level(world, valve, ada) == (3, 3, 0)
    assert [row.state for row in await world.all(Reservation)] == ["HELD"] * 3


async def test_two_deliveries_at_once_are_both_counted(world: World) -> None:
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 1})
    (van,) = await world.all(StockLocation)

    async def deliver() -> None:
        async with world.unit() as work:
            await stock.receive(work, van.id, {valve: 1})

    await asyncio.gather(*(deliver() for _ in range(6)))

    assert await level(world, valve, ada) == (7, 0, 7)
    assert sum(quantity for _, quantity in await ledger(world, valve)) == 7
