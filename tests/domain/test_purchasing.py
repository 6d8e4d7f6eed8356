"""Purchasing: what becomes too little is ordered once, in the change that made it so; what comes is stock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain import ids, purchasing, stock_movements, transfers
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.events import EventRow
from domain.purchasing import Arrived, Purchase, Wanted
from domain.stock import (
    PurchaseOrder,
    PurchaseOrderLine,
    ReorderRule,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
)
from domain.stock_movements import Change
from domain.transfers import Wish
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from tests.domain.world import DAY, World

SUPPLIER = "Supplies Oy"


async def ruled(
    world: World, *, pieces: int = 10, minimum: int = 3, maximum: int = 12, **more: Any
) -> tuple[UUID, UUID]:
    """A part of which so many lie in a hall that has a rule for it; the part and the hall."""
    valve = await world.part("Valve")
    hall = StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE)
    await world.keep(hall)
    async with world.unit() as work:
        await stock_movements.receive(work, Change(location_id=hall.id, part_id=valve, quantity=pieces))
    values = {"minimum": minimum, "maximum": maximum, "lead_days": 2, "supplier_name": SUPPLIER, **more}
    async with world.unit() as work:
        await purchasing.create_rule(work, valve, hall.id, values)
    return valve, hall.id


async def take(world: World, place: UUID, part: UUID, pieces: int, **viewer: Any) -> None:
    async with world.unit(**viewer) as work:
        change = Change(location_id=place, part_id=part, quantity=-pieces, reason="taken")
        await stock_movements.adjust(work, change)


async def ordered(world: World) -> list[tuple[str, str, bool, int, int]]:
    """Of each order's line: number, state, whether it is open, pieces asked for and come."""
    orders = {row.id: row for row in await world.all(PurchaseOrder)}
    found = []
    for line in await world.all(PurchaseOrderLine):
        order = orders[line.purchase_order_id]
        found.append((order.number, str(order.state), line.is_open, line.quantity, line.received))
    return sorted(found)


async def told(world: World, *types: str) -> list[tuple[str, dict[str, Any]]]:
    statement = (
        select(EventRow).where(col(EventRow.type).in_(types)).order_by(col(EventRow.xid), col(EventRow.n))
    )
    async with world.unit() as work:
        return [(row.type, row.payload) for row in (await work.session.exec(statement)).all()]


async def test_what_falls_to_the_least_is_ordered_up_to_the_most_in_the_same_change(world: World) -> None:
    valve, hall = await ruled(world, unit_cost=Decimal("2.50"), supplier_number="S-1")
    await take(world, hall, valve, 6)
    assert await ordered(world) == []

    await take(world, hall, valve, 1)

    assert await ordered(world) == [("PO-000001", "ORDERED", True, 9, 0)]
    (order,), (line,) = await world.all(PurchaseOrder), await world.all(PurchaseOrderLine)
    assert (order.supplier_name, order.automatic, order.ordered_at) == (SUPPLIER, True, world.now)
    assert (order.stock_location_id, order.expected_on) == (hall, date(2026, 11, 25))
    assert (line.unit_cost, line.supplier_number, line.part_id) == (Decimal("2.5000"), "S-1", valve)
    ((first, made), (second, low)) = await told(world, "StockLow", "PurchaseOrderCreated")
    assert (first, made["number"], made["automatic"]) == ("PurchaseOrderCreated", "PO-000001", True)
    assert (second, low["projected"], low["minimum"]) == ("StockLow", 3, 3)
    assert (low["purchase_order_id"], low["part_id"]) == (str(order.id), str(valve))


async def test_a_change_that_is_refused_orders_nothing(world: World) -> None:
    valve, hall = await ruled(world)

    async def take_twice() -> None:
        async with world.unit() as work:
            for pieces in (9, 9):
                change = Change(location_id=hall, part_id=valve, quantity=-pieces, reason="taken")
                await stock_movements.adjust(work, change)

    with pytest.raises(Invalid):
        await take_twice()

    assert (await ordered(world), await told(world, "StockLow")) == ([], [])


async def test_what_is_held_on_order_or_on_the_way_counts(world: World) -> None:
    """A hold lowers what is free; an order by hand and a transfer to the place raise what there will be."""
    valve, hall = await ruled(world, pieces=10, minimum=3)
    ada = await world.technician(van={valve: 9})
    (van,) = await world.all(StockLocation, technician_id=ada)
    async with world.unit() as work:
        await purchasing.create(
            work,
            Purchase(
                location_id=hall,
                supplier_name=SUPPLIER,
                lines=[Wanted(part_id=valve, quantity=2, values={})],
                draft=True,
            ),
        )
        wish = Wish(from_id=van.id, to_id=hall, part_id=valve, quantity=1)
        transfer = await transfers.request(work, wish)
        await transfers.ship(work, transfer.id)
        await transfers.request(work, wish)  # nothing is set aside for it: nobody may count on it
    await take(world, hall, valve, 9)
    assert len(await ordered(world)) == 1  # 1 + 2 + 1 is more than 3

    await take(world, hall, valve, 1)

    assert (await ordered(world))[1:] == [("PO-000002", "ORDERED", True, 9, 0)]


async def test_one_order_is_open_for_a_rule_whatever_more_is_taken(world: World) -> None:
    valve, hall = await ruled(world)
    await take(world, hall, valve, 7)
    await take(world, hall, valve, 3)
    assert await ordered(world) == [("PO-000001", "ORDERED", True, 9, 0)]

    (order,) = await world.all(PurchaseOrder)
    async with world.unit() as work:
        await purchasing.receive(work, order.id)
    await take(world, hall, valve, 6)

    assert await ordered(world) == [
        ("PO-000001", "RECEIVED", False, 9, 9),
        ("PO-000002", "ORDERED", True, 9, 0),
    ]


async def test_a_rule_for_what_is_low_already_orders_at_once_and_one_that_is_off_never(world: World) -> None:
    valve, hall = await ruled(world, pieces=2, is_active=False)
    await take(world, hall, valve, 1)
    assert await ordered(world) == []
    (rule_row,) = await world.all(ReorderRule)

    async with world.unit() as work:
        await purchasing.update_rule(work, rule_row.id, {"is_active": True}, expected_version=1)

    assert await ordered(world) == [("PO-000001", "ORDERED", True, 11, 0)]


async def test_who_takes_the_last_piece_need_not_see_purchase_orders(world: World) -> None:
    """A technician's van has a rule: the office finds the order, the technician finds none."""
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 5})
    (van,) = await world.all(StockLocation, technician_id=ada)
    values = {"minimum": 2, "maximum": 5, "supplier_name": SUPPLIER}
    async with world.unit() as work:
        await purchasing.create_rule(work, valve, van.id, values)

    await take(world, van.id, valve, 3, role=Role.TECHNICIAN, technician_id=ada)

    assert await ordered(world) == [("PO-000001", "ORDERED", True, 3, 0)]
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        assert (await work.session.exec(select(PurchaseOrder))).all() == []
    (event,) = await told(world, "StockLow")
    assert event[1]["stock_location_id"] == str(van.id)


async def test_many_who_take_at_once_make_one_order(world: World) -> None:
    valve, hall = await ruled(world, pieces=40, minimum=30, maximum=50)

    await asyncio.gather(*(take(world, hall, valve, 1) for _ in range(40)))

    assert await ordered(world) == [("PO-000001", "ORDERED", True, 20, 0)]


async def test_rules_of_one_supplier_share_an_order_and_numbers_have_no_gaps(world: World) -> None:
    valve, hall = await ruled(world)
    pump = await world.part("Pump")
    async with world.unit() as work:
        await purchasing.create_rule(
            work, pump, hall, {"minimum": 1, "maximum": 4, "lead_days": 2, "supplier_name": SUPPLIER}
        )
    assert await ordered(world) == [("PO-000001", "ORDERED", True, 4, 0)]
    (order,) = await world.all(PurchaseOrder)
    async with world.unit() as work:
        await purchasing.receive(work, order.id)

    async with world.unit() as work:
        for part, pieces in ((valve, 8), (pump, 4)):
            change = Change(location_id=hall, part_id=part, quantity=-pieces, reason="taken")
            await stock_movements.adjust(work, change)

    assert (await ordered(world))[1:] == [
        ("PO-000002", "ORDERED", True, 4, 0),
        ("PO-000002", "ORDERED", True, 10, 0),
    ]


async def bought(world: World, **more: Any) -> tuple[UUID, UUID, UUID]:
    """An order of five valves, its line, and the hall."""
    valve, hall = await world.part("Valve"), StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE)
    await world.keep(hall)
    lines = [Wanted(part_id=valve, quantity=5, values={})]
    async with world.unit() as work:
        purchase = Purchase(location_id=hall.id, supplier_name=SUPPLIER, lines=lines, **more)
        order = await purchasing.create(work, purchase)
    (line,) = await world.all(PurchaseOrderLine)
    return order.id, line.id, hall.id


async def test_what_comes_in_parts_is_on_hand_and_in_the_ledger(world: World) -> None:
    order, line, hall = await bought(world, expected_on=DAY)
    async with world.unit() as work:
        await purchasing.receive(work, order, [Arrived(line_id=line, quantity=2)], expected_version=1)
    assert await ordered(world) == [("PO-000001", "PARTLY_RECEIVED", True, 5, 2)]
    async with world.unit() as work:
        await purchasing.receive(work, order)

    assert await ordered(world) == [("PO-000001", "RECEIVED", False, 5, 5)]
    (level,) = await world.all(StockLevel, stock_location_id=hall)
    moved = [(row.quantity, row.purchase_order_id) for row in await world.all(StockMovement)]
    assert (level.on_hand, moved) == (5, [(2, order), (3, order)])
    assert (await world.read(PurchaseOrder, order)).received_at == world.now


async def test_what_is_wrong_stale_or_over_is_refused_and_changes_nothing(world: World) -> None:
    order, line, hall = await bought(world)
    one = [Arrived(line_id=line, quantity=1)]
    cases: list[tuple[Callable[[UnitOfWork], Awaitable[object]], type[Refused], str]] = [
        (lambda work: purchasing.receive(work, order, []), Invalid, "lines"),
        (lambda work: purchasing.receive(work, order, one + one), Invalid, "lines"),
        (lambda work: purchasing.receive(work, order, [Arrived(line_id=line, quantity=6)]), Invalid, "lines"),
        (lambda work: purchasing.receive(work, order, [Arrived(line_id=line, quantity=0)]), Invalid, "lines"),
        (
            lambda work: purchasing.receive(work, order, [Arrived(line_id=ids.new(), quantity=1)]),
            NotFound,
            "lines",
        ),
        (lambda work: purchasing.receive(work, order, one, expected_version=9), Conflict, "expectedVersion"),
        (lambda work: purchasing.receive(work, ids.new(), one), NotFound, "purchaseOrder"),
        (lambda work: purchasing.place(work, order), InvalidTransition, "purchaseOrder"),
        (lambda work: purchasing.cancel(work, order, reason=" "), Invalid, "reason"),
    ]
    for verb, kind, path in cases:
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await verb(work)
        assert refused.value.path == (path,)
    assert await ordered(world) == [("PO-000001", "ORDERED", True, 5, 0)]
    assert await world.all(StockLevel, stock_location_id=hall) == []
