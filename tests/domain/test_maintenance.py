"""Maintenance plans: work orders made ahead, once; what was skipped or moved stays, whatever changes."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event as listeners
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids, maintenance, work_types
from domain.contracts import Contract, ContractState
from domain.customers import Customer
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.maintenance import MaintenanceOccurrence, MaintenancePlan
from domain.sites import Site
from domain.visits import Visit
from domain.work_orders import WorkOrder
from fieldgraph.addresses import SYSTEM_ROLE
from tests.conftest import Database, connected
from tests.domain.upkeep import FIRST, WEEK, WEEKLY, asset, contract, plan_of, refused, rows, states, tick
from tests.domain.world import DAY, MORNING, World

NO_STEP = (InvalidTransition, ("occurrence",))


async def test_what_is_within_the_horizon_is_made_at_once_and_the_rest_is_laid_out(world: World) -> None:
    plan = await plan_of(world, description="All filters")

    found = await rows(world, plan)
    assert len(found) == 53
    assert [row.state for row in found] == ["GENERATED"] * 3 + ["PLANNED"] * 50
    assert [row.starts_at for row in found[:3]] == [FIRST, FIRST + WEEK, FIRST + 2 * WEEK]
    orders = {order.id: order for order in await world.all(WorkOrder)}
    assert {row.work_order_id for row in found if row.work_order_id} == orders.keys()
    for row in found[:3]:
        order = orders[row.work_order_id or ids.new()]
        (visit,) = await world.all(Visit, work_order_id=order.id)
        assert (order.title, order.description, order.state) == ("Weekly round", "All filters", "READY")
        window = (row.starts_at, (row.starts_at or FIRST) + timedelta(hours=4))
        assert (visit.window_start, visit.window_end) == window
        assert order.due_at == window[1]


async def test_the_local_time_stays_over_both_changes_of_the_clocks(world: World) -> None:
    plan = await plan_of(world, starts_on=date(2026, 11, 23), local_time="03:30", rrule="FREQ=DAILY")
    world.now = datetime(2027, 3, 20, tzinfo=UTC)
    for _ in range(20):
        await tick(world, plan)
    found = {row.day: row.starts_at for row in await rows(world, plan)}

    assert found[date(2027, 3, 27)] == datetime(2027, 3, 27, 1, 30, tzinfo=UTC)
    assert found[date(2027, 3, 28)] == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # shows 04:30
    assert found[date(2027, 3, 29)] == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)


async def test_a_zone_that_changes_moves_what_nobody_decided_about(world: World) -> None:
    plan = await plan_of(world)
    later = (await rows(world, plan))[5]
    async with world.unit() as work:
        (await work.get(Site, later.site_id)).time_zone = "Asia/Tokyo"
    await tick(world, plan)

    again = await world.read(MaintenanceOccurrence, later.id)
    assert later.starts_at == FIRST + 5 * WEEK
    assert again.starts_at == FIRST + 5 * WEEK - timedelta(hours=7)


async def test_of_many_workers_at_once_one_makes_the_work_order(world: World) -> None:
    plan = await plan_of(world)
    world.now += 3 * WEEK

    made = await asyncio.gather(*(tick(world, plan) for _ in range(12)))

    assert sorted(made) == [0] * 11 + [3]
    found = await rows(world, plan)
    assert [row.state for row in found[:7]] == ["GENERATED"] * 6 + ["PLANNED"]
    orders = await world.all(WorkOrder)
    assert len(orders) == 6
    assert sorted(order.number for order in orders) == [f"WO-{number:06d}" for number in range(1, 7)]


async def test_what_breaks_off_in_between_leaves_nothing_half(world: World) -> None:
    plan = await plan_of(world)
    world.now += WEEK
    before = (await states(world, plan), len(await world.all(WorkOrder)))

    async def break_off() -> None:
        async with world.unit() as work:
            assert await maintenance.tick(work, plan) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()

    assert (await states(world, plan), len(await world.all(WorkOrder))) == before
    assert await tick(world, plan) == 1
    assert len(await world.all(WorkOrder)) == before[1] + 1


async def test_skips_and_moves_are_kept_whatever_becomes_of_the_rule(world: World) -> None:
    plan = await plan_of(world)
    ahead = (await rows(world, plan))[3:]
    async with world.unit() as work:
        await maintenance.skip(work, ahead[0].id, reason="Closed for the feast", expected_version=1)
    to = FIRST + 4 * WEEK + timedelta(days=2)
    async with world.unit() as work:
        await maintenance.move(work, ahead[1].id, to, reason="Asked by the customer", expected_version=1)

    for change in (
        {"rrule": "FREQ=WEEKLY;INTERVAL=2"},
        {"local_time": "14:00"},
        {"rrule": "FREQ=WEEKLY", "starts_on": DAY},
    ):
        async with world.unit() as work:
            await maintenance.update(work, plan, change)
        kept = {row.id: row for row in await rows(world, plan)}
        skipped, moved = kept[ahead[0].id], kept[ahead[1].id]
        assert (skipped.state, skipped.reason, skipped.day) == (
            "SKIPPED",
            "Closed for the feast",
            ahead[0].day,
        )
        assert (moved.state, moved.starts_at, moved.moved_to) == ("PLANNED", to, to)
        days = [row.day for row in kept.values()]
        assert len(days) == len(set(days))
    world.now += 4 * WEEK
    await tick(world, plan)
    found = {row.day: row for row in await rows(world, plan)}
    assert found[ahead[0].day].state == "SKIPPED"
    (visit,) = await world.all(Visit, work_order_id=found[ahead[1].day].work_order_id)
    assert visit.window_start == to
    assert found[ahead[2].day].starts_at == FIRST + 5 * WEEK + timedelta(hours=4)


async def test_a_rule_that_changes_makes_no_second_work_order_for_a_day(world: World) -> None:
    plan = await plan_of(world)
    async with world.unit() as work:
        await maintenance.update(work, plan, {"local_time": "15:00"})

    assert len(await world.all(WorkOrder)) == 3
    found = await rows(world, plan)
    assert [row.starts_at for row in found[2:4]] == [FIRST + 2 * WEEK, FIRST + 3 * WEEK + timedelta(hours=5)]


async def test_an_occurrence_is_decided_once(world: World) -> None:
    plan = await plan_of(world)
    found = await rows(world, plan)
    gone, ahead = found[3], found[4]
    async with world.unit() as work:
        await maintenance.skip(work, gone.id, reason="Closed")
    found = await rows(world, plan)

    assert await refused(world, maintenance.skip, gone.id, reason="No") == NO_STEP
    assert await refused(world, maintenance.move, gone.id, FIRST + 5 * WEEK, reason="No") == NO_STEP
    assert await refused(world, maintenance.skip, ahead.id, reason=" ") == (Invalid, ("reason",))
    assert await refused(world, maintenance.skip, ids.new(), reason="No") == (NotFound, ("occurrence",))
    assert await refused(world, maintenance.skip, ahead.id, reason="No", expected_version=9) == (
        Conflict,
        ("expectedVersion",),
    )
    for to in (MORNING - timedelta(seconds=1), MORNING + timedelta(days=733)):
        assert await refused(world, maintenance.move, ahead.id, to, reason="No") == (Invalid, ("to",))
    assert await rows(world, plan) == found


async def test_nothing_is_made_beyond_the_contracts_term(world: World) -> None:
    ends = DAY + timedelta(days=15)
    agreement = await contract(world, ends)
    plan = await plan_of(world, contract_id=agreement, horizon_days=30)

    assert [row.day for row in await rows(world, plan)] == [DAY, DAY + WEEK, DAY + 2 * WEEK]
    assert {order.contract_id for order in await world.all(WorkOrder)} == {agreement}
    world.now += WEEK
    assert await tick(world, plan) == 0
    # it is renewed: its plans hear of it
    async with world.unit() as work:
        (await work.get(Contract, agreement)).ends_on = ends + timedelta(days=14)
        await work.session.flush()
        await maintenance.renewed(work, agreement)
    assert len(await rows(world, plan)) == 5
    # it is cancelled: what was laid out waits, and passes
    async with world.unit() as work:
        (await work.get(Contract, agreement)).ends_on = ends + timedelta(days=100)
        await work.session.flush()
        await maintenance.renewed(work, agreement)
        (await work.get(Contract, agreement)).state = ContractState.CANCELLED
    orders, world.now = len(await world.all(WorkOrder)), world.now + 8 * WEEK
    assert await tick(world, plan) == 0
    assert len(await world.all(WorkOrder)) == orders
    assert {row.reason for row in await rows(world, plan) if row.state == "SKIPPED"} == {
        "Its time passed before a work order could be made."
    }


async def test_a_move_stays_within_the_contract(world: World) -> None:
    ends = DAY + timedelta(days=40)
    plan = await plan_of(world, contract_id=await contract(world, ends))
    ahead = (await rows(world, plan))[3]

    beyond = FIRST + timedelta(days=41)
    assert await refused(world, maintenance.move, ahead.id, beyond, reason="No") == (Invalid, ("to",))


async def test_a_pause_makes_nothing_and_what_passed_meanwhile_is_skipped(world: World) -> None:
    plan = await plan_of(world)
    async with world.unit() as work:
        await maintenance.pause(work, plan, reason="The hall is rebuilt", expected_version=1)
    world.now += 4 * WEEK
    assert await tick(world, plan) == 0
    assert (await world.read(MaintenancePlan, plan)).next_due_at is None
    assert len(await world.all(WorkOrder)) == 3

    async with world.unit() as work:
        await maintenance.resume(work, plan, expected_version=2)
    found = [row.state for row in await rows(world, plan)]
    assert found[:8] == ["GENERATED"] * 3 + ["SKIPPED"] + ["GENERATED"] * 3 + ["PLANNED"]
    assert await refused(world, maintenance.resume, plan) == (InvalidTransition, ("maintenancePlan",))


async def test_what_is_archived_keeps_what_was_made_and_makes_no_more(world: World) -> None:
    plan = await plan_of(world)
    ahead = (await rows(world, plan))[4]
    async with world.unit() as work:
        await maintenance.move(work, ahead.id, FIRST + 6 * WEEK, reason="Later")
    async with world.unit() as work:
        await maintenance.archive(work, plan)

    assert [state for _, state in await states(world, plan)] == ["GENERATED"] * 3 + ["SKIPPED"]
    for verb, more in ((maintenance.archive, {}), (maintenance.pause, {"reason": "So"})):
        assert await refused(world, verb, plan, **more) == (InvalidTransition, ("maintenancePlan",))
    assert await refused(world, maintenance.update, plan, {"title": "New"}) == (
        InvalidTransition,
        ("maintenancePlan",),
    )


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"rrule": "FREQ=HOURLY"}, "rrule"),
        ({"rrule": "FREQ=DAILY", "horizon_days": 61}, "horizonDays"),
        ({"horizon_days": 366}, "horizonDays"),
        ({"local_time": "24:00"}, "localTime"),
        ({"local_time": "9:00"}, "localTime"),
        ({"window_seconds": 60}, "window"),
        ({"title": " "}, "title"),
        ({"starts_on": None}, "startsOn"),
        ({"starts_on": date(2060, 1, 1)}, "startsOn"),
        ({"meter_every": Decimal(5)}, "rrule"),
        ({"meter_lead": Decimal(5)}, "meterLead"),
        ({"rrule": None}, "rrule"),
    ],
)
async def test_what_is_said_wrongly_of_a_plan_is_refused(
    world: World, given: Mapping[str, Any], path: str
) -> None:
    said = {**WEEKLY, "work_type_id": await world.work_type(), **given}
    site = await world.site()

    assert await refused(world, maintenance.create, site, said) == (Invalid, (path,))
    assert await world.all(MaintenancePlan) == []


async def test_a_plan_stands_on_what_is_the_sites_own(world: World) -> None:
    elsewhere, _ = await asset(world)
    kind = await world.work_type()
    async with world.unit() as work:
        await work_types.archive(work, kind)
    site = await world.site()
    ended = await contract(world, DAY, ContractState.EXPIRED)
    good = {**WEEKLY, "work_type_id": await world.work_type()}
    for given, kind_of, path in (
        ({"asset_id": elsewhere}, Invalid, "asset"),
        ({"asset_id": ids.new()}, NotFound, "asset"),
        ({"contract_id": ended}, Invalid, "contract"),
        ({"contract_id": ids.new()}, NotFound, "contract"),
        ({"work_type_id": kind}, Invalid, "workType"),
        ({"work_type_id": ids.new()}, NotFound, "workType"),
    ):
        assert await refused(world, maintenance.create, site, {**good, **given}) == (kind_of, (path,))


async def test_a_type_that_a_plan_makes_work_of_is_not_archived(world: World) -> None:
    kind = await world.work_type()
    plan = await plan_of(world, work_type_id=kind)
    assert await refused(world, work_types.archive, kind) == (InvalidTransition, ("workType",))
    async with world.unit() as work:
        await maintenance.archive(work, plan)
    async with world.unit() as work:
        await work_types.archive(work, kind)


async def test_an_archived_customers_plan_waits(world: World) -> None:
    plan = await plan_of(world)
    async with world.unit() as work:
        (await work.get(Customer, world.customer_id)).archived_at = world.now
    world.now += 2 * WEEK

    assert await tick(world, plan) == 0
    assert (await world.read(MaintenancePlan, plan)).next_due_at == world.now + timedelta(days=1)


async def test_the_database_keeps_what_was_decided(world: World, database: Database) -> None:
    plan = await plan_of(world)
    found = await rows(world, plan)
    async with connected(database.owner_url) as owner:
        for sql in (
            "DELETE FROM maintenance_occurrence WHERE id = $1",
            "UPDATE maintenance_occurrence SET state = 'PLANNED', work_order_id = NULL WHERE id = $1",
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await owner.execute(sql, found[0].id)
        with pytest.raises(asyncpg.UniqueViolationError):
            await owner.execute("UPDATE maintenance_occurrence SET day = $2 WHERE id = $1", found[4].id, DAY)
        await owner.execute("DELETE FROM maintenance_occurrence WHERE id = $1", found[4].id)


async def test_who_has_nothing_to_do_says_so_in_few_statements(world: World, engine: AsyncEngine) -> None:
    plan = await plan_of(world)
    before = await world.read(MaintenancePlan, plan)
    counted: list[str] = []

    @listeners.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        counted.append(sql)

    async with world.unit() as work:
        assert await maintenance.tick(work, plan) == 0

    assert len(counted) <= 8, counted
    after = await world.read(MaintenancePlan, plan)
    assert (after.version, after.next_due_at) == (before.version, before.next_due_at)


async def test_the_due_plans_of_all_companies_are_known_in_one_statement(
    world: World, engine: AsyncEngine
) -> None:
    other = await World.make(engine)
    plans = [(one.organization_id, await plan_of(one)) for one in (world, other)]

    async def due(at: datetime) -> set[tuple[UUID, UUID]]:
        async with engine.begin() as connection:
            return set(await maintenance.due(connection, at))

    assert await due(MORNING) == set()
    assert await due(MORNING + timedelta(days=6)) == set()
    assert await due(FIRST + WEEK) == set(plans)


async def test_what_a_plan_tells(world: World, database: Database) -> None:
    plan = await plan_of(world)
    found = await rows(world, plan)
    async with world.unit() as work:
        await maintenance.skip(work, found[3].id, reason="Closed")
        await maintenance.move(work, found[4].id, FIRST + 5 * WEEK, reason="Asked")
        await maintenance.update(work, plan, {"title": "Round"})
        await maintenance.update(work, plan, {"title": "Round"})
    async with connected(database.owner_url) as owner:
        told = await owner.fetch("SELECT type, reason FROM event ORDER BY xid, n")

    assert [tuple(row) for row in told] == [
        ("MaintenancePlanCreated", None),
        *[("WorkOrderCreated", None), ("VisitCreated", None)] * 3,
        ("OccurrenceSkipped", "Closed"),
        ("OccurrenceMoved", "Asked"),
        ("MaintenancePlanChanged", "Asked"),
    ]


async def test_the_system_knows_whose_turn_it_is_and_not_what_it_is_about(
    world: World, database: Database
) -> None:
    await plan_of(world)
    async with connected(database.app_url, role=SYSTEM_ROLE) as system:
        assert await system.fetchval("SELECT count(next_due_at) FROM maintenance_plan") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await system.fetch("SELECT title FROM maintenance_plan")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await system.execute("UPDATE maintenance_plan SET next_due_at = NULL")
