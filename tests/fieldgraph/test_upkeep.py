"""Upkeep: workers make what maintenance plans ask for, once, whoever else goes round, over any refusal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from domain import maintenance
from domain.clock import Clock
from domain.maintenance import MaintenancePlan
from domain.rows import Row
from domain.work_orders import WorkOrder
from fieldgraph.timekeeping import Upkeep
from realtime.wakeups import Wakeups
from tests.conftest import Database, connected
from tests.domain.upkeep import FIRST, WEEK, contract, plan_of, states
from tests.domain.world import DAY, World
from tests.fieldgraph.working import Workplace, running, workplace


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Workplace]:
    async with workplace(database) as made:
        yield made


async def round_of(place: Workplace) -> Upkeep:
    """At the world's time, which stands still."""
    clock = Clock(business_origin=place.world.now.timestamp(), speed=0)
    return Upkeep(place.engine, clock, Wakeups(place.database.app_url))


async def count(world: World, table: type[Row]) -> int:
    return len(await world.all(table))


async def test_rounds_of_several_workers_make_each_work_order_once_for_every_company(
    place: Workplace,
) -> None:
    worlds = [place.world, await World.make(place.engine)]
    plans = [(world, await plan_of(world)) for world in worlds for _ in range(3)]
    place.world.now = FIRST + 2 * WEEK

    await asyncio.gather(*[(await round_of(place)).go_round() for _ in range(5)])

    for world, plan in plans:
        made = [state for _, state in await states(world, plan)]
        assert made.count("GENERATED") == 5
    assert [await count(world, WorkOrder) for world in worlds] == [15, 15]
    async with connected(place.database.owner_url) as owner:
        by = "SELECT DISTINCT origin, actor FROM event WHERE type = 'WorkOrderCreated' AND origin <> 'API'"
        assert [tuple(row) for row in await owner.fetch(by)] == [("MAINTENANCE", "fieldgraph:maintenance")]


async def test_a_running_worker_goes_round(place: Workplace) -> None:
    plan = await plan_of(place.world)
    place.world.now = FIRST + WEEK
    rounds = await round_of(place)
    async with running(place.worker(extra=[rounds.go_round])), asyncio.timeout(30):
        while await count(place.world, WorkOrder) < 4:  # noqa: ASYNC110  # of another task
            await asyncio.sleep(0.05)
    assert [state for _, state in await states(place.world, plan)][:4] == ["GENERATED"] * 4


async def test_a_plan_that_is_refused_holds_up_no_other_and_is_tried_later(place: Workplace) -> None:
    """A work order that intake refuses, as its contract may: the plan waits for an hour."""
    world = place.world
    bad = await plan_of(world, contract_id=await contract(world, DAY + timedelta(days=300)))
    good = await plan_of(world)
    world.now = FIRST + WEEK
    stranger = await World.make(place.engine)
    async with connected(place.database.owner_url) as owner:
        await owner.execute(
            "ALTER TABLE work_order ADD CONSTRAINT refused CHECK (contract_id IS NULL) NOT VALID"
        )
        await (await round_of(place)).go_round()
        await owner.execute("ALTER TABLE work_order DROP CONSTRAINT refused")

    assert [state for _, state in await states(world, good)].count("GENERATED") == 4
    assert [state for _, state in await states(world, bad)].count("GENERATED") == 3
    assert (await world.read(MaintenancePlan, bad)).next_due_at == world.now + timedelta(hours=1)
    world.now += timedelta(hours=1)
    await (await round_of(place)).go_round()
    assert [state for _, state in await states(world, bad)].count("GENERATED") == 4
    assert await count(stranger, WorkOrder) == 0


async def test_a_worker_that_is_killed_in_between_leaves_nothing_half(place: Workplace) -> None:
    world = place.world
    plan = await plan_of(world)
    world.now = FIRST + 2 * WEEK
    before = await states(world, plan)

    async def killed() -> None:
        async with world.unit() as work:
            assert await maintenance.tick(work, plan) == 2
            await work.flush()
            raw = await work.connection()
            async with connected(place.database.owner_url) as owner:
                await owner.execute("SELECT pg_terminate_backend($1)", raw.get_server_pid())

    with pytest.raises(DBAPIError):
        await killed()
    assert await states(world, plan) == before
    await (await round_of(place)).go_round()
    assert [state for _, state in await states(world, plan)].count("GENERATED") == 5
    numbers = [order.number for order in await world.all(WorkOrder)]
    assert sorted(numbers) == [f"WO-{number:06d}" for number in range(1, 6)]
