"""Stock movements: a level changes by the ledger alone, never below what is held, whoever is at it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain import ids, parts, stock_movements
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.events import EventRow
from domain.stock import Part, Reservation, StockLevel, StockLocation, StockLocationKind, StockMovement
from domain.stock_movements import Change
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from tests.domain.world import World

Verb = Callable[[UnitOfWork, Change], Awaitable[object]]
Cases = tuple[tuple[dict[str, Any], type[Refused], str], ...]
TRIES = 100 if os.environ.get("FIELDGRAPH_THOROUGH") else 10
WAREHOUSE = StockLocationKind.WAREHOUSE
Numbers = tuple[int, int, int | None]


async def van(world: World, technician: UUID) -> UUID:
    (row,) = await world.all(StockLocation, technician_id=technician)
    return row.id


async def levels(world: World) -> list[Numbers]:
    return [(row.on_hand, row.reserved, row.available) for row in await world.all(StockLevel)]


async def ledger(world: World) -> list[tuple[str, int, str | None]]:
    return [(row.kind, row.quantity, row.reason) for row in await world.all(StockMovement)]


async def told(world: World) -> list[tuple[str, int, int]]:
    """Of each event about a level: its type, what was there before, and how many pieces moved."""
    statement = select(EventRow).where(EventRow.topic == "stock_level")
    async with world.unit() as work:
        rows = (await work.session.exec(statement.order_by(col(EventRow.xid), col(EventRow.n)))).all()
    return [(row.type, row.payload["before"]["on_hand"], row.payload["quantity"]) for row in rows]


async def test_what_comes_is_put_right_and_counted_and_the_ledger_says_why(world: World) -> None:
    valve, place = await world.part("Valve"), await van(world, await world.technician())
    for verb, quantity, reason in (
        (stock_movements.receive, 5, None),
        (stock_movements.adjust, -2, "broken"),
        (stock_movements.count, 4, "year's end"),
        (stock_movements.count, 4, "again"),
    ):
        async with world.unit() as work:
            change = Change(location_id=place, part_id=valve, quantity=quantity, reason=reason)
            level, _ = await verb(work, change)

    assert await levels(world) == [(4, 0, 4)]
    assert await ledger(world) == [
        ("RECEIPT", 5, None),
        ("ADJUSTMENT", -2, "broken"),
        ("COUNT", 1, "year's end"),
    ]
    assert await told(world) == [("StockReceived", 0, 5), ("StockAdjusted", 5, -2), ("StockCounted", 3, 1)]
    assert level.version == 4


WRONG: list[tuple[Verb, dict[str, Any], type[Refused], str]] = [
    (stock_movements.receive, {"quantity": 0}, Invalid, "quantity"),
    (stock_movements.receive, {"quantity": -1}, Invalid, "quantity"),
    (stock_movements.receive, {"quantity": 1_000_001}, Invalid, "quantity"),
    (stock_movements.receive, {"quantity": 1, "reason": " "}, Invalid, "reason"),
    (stock_movements.receive, {"quantity": 1, "part_id": ids.new()}, NotFound, "part"),
    (stock_movements.receive, {"quantity": 1, "location_id": ids.new()}, NotFound, "stockLocation"),
    (stock_movements.adjust, {"quantity": 1}, Invalid, "reason"),
    (stock_movements.adjust, {"quantity": 1, "reason": "x" * 501}, Invalid, "reason"),
    (stock_movements.adjust, {"quantity": 1, "reason": "a\0b"}, Invalid, "reason"),
    (stock_movements.adjust, {"quantity": 0, "reason": "lost"}, Invalid, "quantity"),
    (stock_movements.adjust, {"quantity": -2, "reason": "lost"}, Invalid, "quantity"),
    (
        stock_movements.adjust,
        {"quantity": 1, "reason": "found", "expected_version": 1},
        Conflict,
        "expectedVersion",
    ),
    (stock_movements.count, {"quantity": -1}, Invalid, "quantity"),
    (stock_movements.count, {"quantity": 1}, Invalid, "quantity"),
    (stock_movements.count, {"quantity": 3, "expected_version": 1}, Conflict, "expectedVersion"),
]


@pytest.mark.parametrize(("verb", "given", "kind", "path"), WRONG)
async def test_what_is_wrong_or_stale_or_held_is_refused_and_changes_nothing(
    world: World, verb: Verb, given: dict[str, Any], kind: type[Refused], path: str
) -> None:
    """Three pieces, two of them held for a visit."""
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 3})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    await world.schedule(visit, ada, 9)
    whole = {"location_id": await van(world, ada), "part_id": valve, **given}

    with pytest.raises(kind) as refused:
        async with world.unit() as work:
            await verb(work, Change(**whole))

    assert refused.value.path == (path,)
    assert await levels(world) == [(3, 2, 1)]
    assert await ledger(world) == [("RECEIPT", 3, None)]
    assert await told(world) == []


async def test_a_technician_changes_the_own_van_and_nothing_else(world: World) -> None:
    valve = await world.part("Valve")
    ada, ben = await world.technician("Ada", van={valve: 1}), await world.technician("Ben", van={valve: 1})
    hall = StockLocation(name="Hall", kind=WAREHOUSE)
    await world.keep(hall)
    expected = ((await van(world, ada), None), (await van(world, ben), NotFound), (hall.id, Invalid))

    for place, refusal in expected:
        change = Change(location_id=place, part_id=valve, quantity=2)
        if refusal is None:
            async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
                await stock_movements.receive(work, change)
            continue
        with pytest.raises(refusal) as refused:
            async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
                await stock_movements.receive(work, change)
        assert refused.value.path == ("stockLocation",)

    assert await levels(world) == [(3, 0, 3), (1, 0, 1)]


async def test_fifty_at_one_part_leave_exactly_none_of_it(world: World) -> None:
    """Fifty connections, ten tries each (a hundred when thorough), two hundred pieces."""
    valve = await world.part("Valve")
    place = await van(world, await world.technician(van={valve: 200}))
    taken, refused = [], []

    async def take(one: int) -> None:
        for number in range(TRIES):
            try:
                async with world.unit() as work:
                    change = Change(location_id=place, part_id=valve, quantity=-1, reason=f"{one}.{number}")
                    await stock_movements.adjust(work, change)
                taken.append(change.reason)
            except Invalid:
                refused.append(change.reason)

    await asyncio.gather(*(take(one) for one in range(50)))

    assert (len(taken), len(refused)) == (200, 50 * TRIES - 200)
    assert await levels(world) == [(0, 0, 0)]
    moved = await ledger(world)
    assert sorted(reason for _, _, reason in moved if reason) == sorted(str(reason) for reason in taken)
    assert sum(quantity for _, quantity, _ in moved) == 0


async def test_visits_and_hands_that_want_the_same_pieces_leave_none_free(world: World) -> None:
    """Eight visits to be held for, and twenty who take a piece away, all at once, where ten lie."""
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 10})
    place, kind = await van(world, ada), await world.work_type(hours=0.5, parts={valve: 1})
    wanted = [await world.visit(kind) for _ in range(8)]

    async def take() -> int:
        try:
            async with world.unit() as work:
                change = Change(location_id=place, part_id=valve, quantity=-1, reason="taken")
                await stock_movements.adjust(work, change)
        except Invalid:
            return 0
        return 1

    scheduling = [world.schedule(visit, ada, 8 + number) for number, visit in enumerate(wanted)]
    taken, _ = await asyncio.gather(asyncio.gather(*(take() for _ in range(20))), asyncio.gather(*scheduling))

    held = [row.quantity for row in await world.all(Reservation)]
    assert sum(taken) + sum(held) == 10
    assert await levels(world) == [(10 - sum(taken), sum(held), 0)]
    assert [quantity for _, quantity, _ in await ledger(world)] == [10, *[-1] * sum(taken)]


async def test_the_first_pieces_of_a_part_may_come_to_a_place_by_several_at_once(world: World) -> None:
    valve, place = await world.part("Valve"), await van(world, await world.technician())

    async def deliver() -> None:
        async with world.unit() as work:
            await stock_movements.receive(work, Change(location_id=place, part_id=valve, quantity=2))

    await asyncio.gather(*(deliver() for _ in range(8)))

    assert await levels(world) == [(16, 0, 16)]
    assert await ledger(world) == [("RECEIPT", 2, None)] * 8


def a_part(**given: Any) -> dict[str, Any]:
    return {"number": "V-1", "name": "Valve", "unit_price": Decimal("12.5"), "currency": "EUR", **given}


async def test_a_part_is_made_once(world: World) -> None:
    async with world.unit() as work:
        await parts.create(work, a_part(barcode="B"))

    cases: Cases = (
        ({}, Conflict, "number"),
        ({"number": "V-2", "barcode": "B"}, Conflict, "barcode"),
        ({"number": " "}, Invalid, "number"),
        ({"number": "x" * 51}, Invalid, "number"),
        ({"name": ""}, Invalid, "name"),
        ({"barcode": ""}, Invalid, "barcode"),
        ({"unit_price": Decimal(-1)}, Invalid, "unitPrice"),
        ({"unit_price": Decimal("0.00001")}, Invalid, "unitPrice"),
        ({"unit_price": Decimal("1e12")}, Invalid, "unitPrice"),
        ({"currency": "eur"}, Invalid, "currency"),
    )
    for given, kind, path in cases:
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await parts.create(work, a_part(**given))
        assert refused.value.path == (path,), given

    (part,) = await world.all(Part)
    assert (part.number, part.name, part.barcode, part.unit_price) == ("V-1", "Valve", "B", Decimal("12.5"))


async def test_a_place_is_whose_its_kind_says(world: World) -> None:
    ada, site = await world.technician(), await world.site()
    async with world.unit() as work:
        await stock_movements.create_location(
            work, StockLocation(name="Hall", kind=WAREHOUSE, longitude=24.9, latitude=60.2)
        )
        await stock_movements.create_location(
            work, StockLocation(name="Room", kind=StockLocationKind.SITE, site_id=site)
        )

    cases: Cases = (
        ({"kind": "VAN", "technician_id": ada}, Conflict, "technician"),
        ({"kind": "VAN", "technician_id": ids.new()}, NotFound, "technician"),
        ({"kind": "VAN"}, Invalid, "technician"),
        ({"kind": "WAREHOUSE", "technician_id": ada}, Invalid, "technician"),
        ({"kind": "SITE"}, Invalid, "site"),
        ({"kind": "SITE", "site_id": ids.new()}, NotFound, "site"),
        ({"kind": "VAN", "technician_id": ada, "site_id": site}, Invalid, "site"),
        ({"kind": "WAREHOUSE", "longitude": 181.0, "latitude": 0.0}, Invalid, "location"),
        ({"kind": "WAREHOUSE", "name": ""}, Invalid, "name"),
    )
    for given, kind, path in cases:
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await stock_movements.create_location(work, StockLocation(**{"name": "New", **given}))
        assert refused.value.path == (path,), given

    assert [row.name for row in await world.all(StockLocation)] == ["Van of Ada", "Hall", "Room"]
