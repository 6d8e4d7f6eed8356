"""Maintenance by meter: a mark makes one work order, over replaced meters and leaps, whoever reads it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain import ids, maintenance
from domain.assets import Figure
from domain.errors import NotFound
from domain.viewers import Role
from domain.visits import Visit
from domain.work_orders import WorkOrder
from tests.domain.upkeep import asset, plan_of, rows, states
from tests.domain.world import World


async def test_a_meter_that_comes_to_its_mark_makes_one_work_order(world: World) -> None:
    boiler, site = await asset(world)
    meter = {"meter_every": Decimal(1000), "meter_lead": Decimal(50)}
    plan = await plan_of(world, site, asset_id=boiler, **meter)
    assert await states(world, plan) == [("1000.000", "PLANNED")]

    async def read(value: int, *, replaced: bool = False) -> None:
        world.now += timedelta(hours=1)
        async with world.unit() as work:
            await maintenance.read_meter(work, boiler, Figure(value=Decimal(value), replaced=replaced))

    await read(949)
    assert await states(world, plan) == [("1000.000", "PLANNED")]
    await read(950)
    assert await states(world, plan) == [("1000.000", "GENERATED"), ("2000.000", "PLANNED")]
    await read(1100)
    assert len(await world.all(WorkOrder)) == 1
    # one reading leaps over two marks: it comes once
    await read(4200)
    assert (await states(world, plan))[1:] == [("2000.000", "GENERATED"), ("5000.000", "PLANNED")]
    # a new meter counts on from what the old one said last
    await read(0, replaced=True)
    await read(749)
    assert len(await world.all(WorkOrder)) == 2
    await read(750)
    assert (await states(world, plan))[2:] == [("5000.000", "GENERATED"), ("6000.000", "PLANNED")]
    async with world.unit() as work:
        assert await maintenance.total(work, boiler) == Decimal(4950)


async def test_a_skipped_mark_stays_so_when_the_interval_changes(world: World) -> None:
    boiler, site = await asset(world)
    plan = await plan_of(world, site, asset_id=boiler, meter_every=Decimal(1000))
    (first,) = await rows(world, plan)
    async with world.unit() as work:
        await maintenance.skip(work, first.id, reason="Just serviced")
    assert await states(world, plan) == [("1000.000", "SKIPPED"), ("2000.000", "PLANNED")]
    async with world.unit() as work:
        await maintenance.update(work, plan, {"meter_every": Decimal(500)})
    assert await states(world, plan) == [("500.000", "PLANNED"), ("1000.000", "SKIPPED")]
    async with world.unit() as work:
        await maintenance.read_meter(work, boiler, Figure(value=Decimal(700)))
    assert await states(world, plan) == [
        ("500.000", "GENERATED"),
        ("1000.000", "SKIPPED"),
        ("1500.000", "PLANNED"),
    ]


async def test_a_technician_who_reads_the_meter_makes_the_work_order_that_they_do_not_see(
    world: World,
) -> None:
    boiler, site = await asset(world)
    plan = await plan_of(world, site, asset_id=boiler, meter_every=Decimal(100))
    technician = await world.technician()
    visit = await world.visit(await world.work_type())
    async with world.unit() as work:
        row = await work.get(Visit, visit)
        row.site_id = site
    await world.schedule(visit, technician, 9)
    async with world.unit(Role.TECHNICIAN, technician_id=technician) as work:
        await maintenance.read_meter(work, boiler, Figure(value=Decimal(100)))

    assert (await states(world, plan))[0] == ("100.000", "GENERATED")
    made = (await rows(world, plan))[0]
    async with world.unit(Role.TECHNICIAN, technician_id=technician) as work:
        with pytest.raises(NotFound):
            await work.find(WorkOrder, made.work_order_id or ids.new())
