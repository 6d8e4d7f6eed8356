"""Stock alerts: each crossing once, by whoever makes it, and none for what was rolled back."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain import purchasing, reservations, stock_movements
from domain.errors import Invalid
from domain.events import EventRow
from domain.reservations import Wish
from domain.stock import ReorderRule, StockLevel
from domain.stock.alerts import UNWATCHED, StockState, state_of
from domain.stock_movements import Change
from tests.domain.test_purchasing import ruled, take
from tests.domain.world import World

Told = list[tuple[str, str | None, int, int]]


async def crossings(world: World) -> Told:
    """Of each event: its type, the state before, and the free pieces before and then."""
    statement = select(EventRow).where(EventRow.topic == "stock_alert")
    async with world.unit() as work:
        rows = (await work.session.exec(statement.order_by(col(EventRow.xid), col(EventRow.n)))).all()
    return [
        (
            row.type,
            row.payload["before"]["state"],
            row.payload["before"]["available"],
            row.payload["available"],
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("available", "minimum", "state"),
    [
        (0, 0, StockState.OUT),
        (1, 0, StockState.ENOUGH),
        (3, 3, StockState.LOW),
        (4, 3, StockState.ENOUGH),
        (0, UNWATCHED, None),
    ],
)
def test_what_a_shelf_has_come_to(available: int, minimum: int, state: StockState | None) -> None:
    assert state_of(available, minimum) == state


async def test_two_who_take_from_one_shelf_cross_it_once(world: World) -> None:
    valve, hall = await ruled(world, pieces=8, minimum=3)
    await asyncio.gather(*(take(world, hall, valve, 1) for _ in range(8)))
    # in whichever order: a transaction may have its number before it waits for the shelf
    assert sorted(await crossings(world)) == [("StockRanLow", "ENOUGH", 4, 3), ("StockRanOut", "LOW", 1, 0)]


async def test_one_unit_tells_what_it_came_to_and_not_what_it_passed(world: World) -> None:
    valve, hall = await ruled(world, pieces=8, minimum=3)
    async with world.unit() as work:
        for quantity in (-8, 2, 9):
            change = Change(location_id=hall, part_id=valve, quantity=quantity, reason="Counted")
            await stock_movements.adjust(work, change)
    assert await crossings(world) == []
    async with world.unit() as work:
        for quantity in (-11, 2, -1):
            change = Change(location_id=hall, part_id=valve, quantity=quantity, reason="Counted")
            await stock_movements.adjust(work, change)
    assert await crossings(world) == [("StockRanLow", "ENOUGH", 11, 1)]


async def test_what_is_rolled_back_is_not_told(world: World) -> None:
    valve, hall = await ruled(world, pieces=8, minimum=3)
    with pytest.raises(Invalid):
        await _twice(world, Change(location_id=hall, part_id=valve, quantity=-7, reason="taken"))
    assert await crossings(world) == []
    (level,) = await world.all(StockLevel)
    assert level.available == 8


async def _twice(world: World, change: Change) -> None:
    async with world.unit() as work:
        await stock_movements.adjust(work, change)
        await stock_movements.adjust(work, change)


async def test_what_is_held_for_a_visit_is_free_no_more(world: World) -> None:
    valve, hall = await ruled(world, pieces=5, minimum=3)
    visit = await world.visit(await world.work_type())
    async with world.unit() as work:
        await reservations.reserve(work, visit, Wish(lines=[(valve, 2)], location_id=hall))
    assert await crossings(world) == [("StockRanLow", "ENOUGH", 5, 3)]


@pytest.mark.parametrize("seed", [0, 1])
async def test_what_was_told_is_a_chain_that_ends_in_what_is(world: World, seed: int) -> None:
    valve, hall = await ruled(world, pieces=8, minimum=3)
    (rule,) = await world.all(ReorderRule)
    chance = random.Random(seed)  # noqa: S311  # the same every time
    for _ in range(40):
        await _anything(world, chance, valve, hall, rule.id)
    told = await crossings(world)
    state: str | None = "ENOUGH"
    for kind, before, _, _ in told:
        # Switched on with enough there, or off, nothing is told.
        assert before == state or {before, state} == {None, "ENOUGH"}
        state = STATES[kind]
    (rule,), (level,) = await world.all(ReorderRule), await world.all(StockLevel)
    now = state_of(level.available or 0, rule.minimum if rule.is_active else UNWATCHED)
    assert now == state or {now, state} == {None, "ENOUGH"}
    assert len(told) > 3


STATES = {"StockRanLow": "LOW", "StockRanOut": "OUT", "StockReplenished": "ENOUGH", "StockUnwatched": None}


async def _anything(world: World, chance: random.Random, valve: UUID, hall: UUID, rule: UUID) -> None:
    values: dict[str, Any] = {"minimum": chance.randrange(2, 6), "is_active": chance.random() < 0.9}
    change = Change(location_id=hall, part_id=valve, quantity=chance.choice([-2, -1, 1, 2]), reason="Counted")
    try:
        async with world.unit() as work:
            if chance.random() < 0.25:
                await purchasing.update_rule(work, rule, values)
            else:
                await stock_movements.adjust(work, change)
    except Invalid:
        pass
