"""Decisions about what has its work order already: called off or moved, until somebody begins it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain import lifecycles, maintenance, visits
from domain.assets import Figure
from domain.errors import InvalidTransition
from domain.events import EventRow
from domain.maintenance import MaintenanceOccurrence
from domain.tracking import record_arrival
from domain.viewers import Role
from domain.visits import Pin, Visit
from domain.work_orders import WorkOrder
from tests.domain.upkeep import FIRST, WEEK, asset, plan_of, refused, rows, tick
from tests.domain.world import World, at

NO_STEP = (InvalidTransition, ("occurrence",))
FEAST = "Closed for the feast"
LATER = FIRST + timedelta(days=2)
HOURS = timedelta(hours=4)


async def made(world: World, **plan: Any) -> tuple[UUID, UUID, WorkOrder, UUID]:
    """A plan, its first occurrence, that one's work order, and its visit at ten today."""
    key = await plan_of(world, **plan)
    first = (await rows(world, key))[0]
    assert first.work_order_id is not None
    (visit,) = await world.all(Visit, work_order_id=first.work_order_id)
    return key, first.id, await world.read(WorkOrder, first.work_order_id), visit.id


async def facts(world: World, seen: int) -> list[tuple[str, str | None]]:
    statement = select(EventRow).order_by(col(EventRow.xid), col(EventRow.n))
    async with world.unit() as work:
        told = (await work.session.exec(statement)).all()
    return [(row.type, row.reason) for row in told][seen:]


async def move(world: World, key: UUID, **more: Any) -> None:
    async with world.unit() as work:
        await maintenance.move(work, key, LATER, reason="Asked", **more)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.INTEGRATION])
async def test_what_is_skipped_is_called_off_and_not_made_again(world: World, role: Role) -> None:
    plan, key, order, visit = await made(world)
    await world.schedule(visit, await world.technician("Ada"), 10)
    seen = len(await facts(world, 0))

    async with world.unit(role) as work:
        await maintenance.skip(work, key, reason=FEAST, expected_version=2)

    row = await world.read(MaintenanceOccurrence, key)
    assert (row.state, row.reason, row.work_order_id) == ("SKIPPED", FEAST, order.id)
    cancelled, off = await world.read(WorkOrder, order.id), await world.read(Visit, visit)
    assert (cancelled.state, cancelled.reason, off.state, off.reason) == ("CANCELLED", FEAST) * 2
    assert await facts(world, seen) == [
        ("WorkOrderCancelled", FEAST), ("VisitCancelled", FEAST), ("OccurrenceSkipped", FEAST),
    ]  # fmt: skip
    assert await tick(world, plan) == 0
    assert len(await world.all(WorkOrder)) == 3


async def test_what_the_office_cancelled_is_skipped_as_well(world: World) -> None:
    _, key, order, _ = await made(world)
    async with world.unit() as work:
        await lifecycles.cancel(work, order.id, reason="By telephone")
    async with world.unit() as work:
        await maintenance.skip(work, key, reason=FEAST)

    assert (await world.read(WorkOrder, order.id)).reason == "By telephone"
    assert (await world.read(MaintenanceOccurrence, key)).state == "SKIPPED"


async def test_what_is_moved_is_in_the_pool_and_promised_for_then(world: World) -> None:
    plan, key, order, visit = await made(world)
    await world.schedule(visit, await world.technician("Ada"), 10)
    seen = len(await facts(world, 0))

    await move(world, key, expected_version=2)

    row, moved = await world.read(MaintenanceOccurrence, key), await world.read(Visit, visit)
    assert (row.state, row.starts_at, row.moved_to, row.reason) == ("GENERATED", LATER, LATER, "Asked")
    assert (moved.state, moved.planned_start) == ("UNSCHEDULED", None)
    assert (moved.window_start, moved.window_end) == (LATER, LATER + HOURS)
    assert moved.first_promised_start == FIRST
    assert (await world.read(WorkOrder, order.id)).due_at == LATER + HOURS
    assert [kind for kind, _ in await facts(world, seen)] == [
        "VisitUnscheduled", "WorkOrderChanged", "VisitPromised", "WorkOrderChanged", "OccurrenceMoved",
    ]  # fmt: skip
    async with world.unit() as work:
        await maintenance.update(work, plan, {"local_time": "15:00"})
    assert (await world.read(MaintenanceOccurrence, key)).starts_at == LATER
    assert len(await world.all(WorkOrder)) == 3


async def test_a_time_that_somebody_said_stays(world: World) -> None:
    _, key, order, _ = await made(world)
    async with world.unit() as work:
        await lifecycles.update(work, order.id, {"due_at": FIRST + WEEK})

    await move(world, key)

    assert (await world.read(WorkOrder, order.id)).due_at == FIRST + WEEK


async def test_what_is_pinned_told_or_begun_is_left_as_it_is(world: World) -> None:
    plan, key, order, visit = await made(world)
    await world.schedule(visit, await world.technician("Ada"), 10)
    async with world.unit() as work:
        await visits.pin(work, visit, pin=Pin.TIME)
    assert await refused(world, maintenance.move, key, LATER, reason="Asked") == NO_STEP
    async with world.unit() as work:
        await visits.unpin(work, visit)
    await world.dispatch(visit)
    assert await refused(world, maintenance.move, key, LATER, reason="Asked") == NO_STEP

    world.now = at(10)
    async with world.unit() as work:
        await record_arrival(work, visit, occurred_at=None)
    before = (await rows(world, plan), await world.all(Visit), await world.read(WorkOrder, order.id))
    assert await refused(world, maintenance.skip, key, reason=FEAST) == NO_STEP
    assert await refused(world, maintenance.move, key, at(20), reason="Asked") == NO_STEP
    assert (await rows(world, plan), await world.all(Visit), await world.read(WorkOrder, order.id)) == before


async def test_by_a_meter_there_is_no_window_to_move(world: World) -> None:
    boiler, site = await asset(world)
    meter = {"asset_id": boiler, "meter_every": Decimal(1000), "meter_lead": Decimal(50)}
    plan = await plan_of(world, site, **meter)
    async with world.unit() as work:
        await maintenance.read_meter(work, boiler, Figure(value=Decimal(960)))
    (mark, *_) = await rows(world, plan)
    assert mark.state == "GENERATED"

    assert await refused(world, maintenance.move, mark.id, LATER, reason="Asked") == NO_STEP
    async with world.unit() as work:
        await maintenance.skip(work, mark.id, reason=FEAST)
    assert [row.state for row in await rows(world, plan)] == ["SKIPPED", "PLANNED"]
