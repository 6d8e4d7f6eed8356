"""Capacities: a subcontractor's day holds so many visits and minutes, however many book it at once."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain import planning, plans, scheduling, visits
from domain.errors import OverCapacity
from domain.events import Origin
from domain.plans import PlanReason, Request
from domain.scheduling import Placement
from domain.technicians import Shift, Technician, TechnicianKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, Visit
from fieldgraph.addresses import sqlalchemy_url
from integrations.roads import StraightLines
from optimizer import search, validator
from tests.conftest import Database
from tests.domain.world import DAY, World, at


async def subcontractor(
    world: World, *, visits: int | None = None, minutes: int | None = None, until: float = 16
) -> UUID:
    eve = await world.technician("Eve", shift=(8, until))
    async with world.unit() as work:
        row = await work.get(Technician, eve)
        row.kind = TechnicianKind.SUBCONTRACTOR
        row.max_visits_per_day, row.max_minutes_per_day = visits, minutes
    return eve


async def test_of_fifty_bookings_of_a_day_as_many_stand_as_it_holds(world: World, database: Database) -> None:
    """Each at a time of its own, so that only the capacity says no."""
    eve = await subcontractor(world, visits=3)
    kind = await world.work_type(hours=0.1)
    keys = [await world.visit(kind) for _ in range(50)]
    separate = create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool)

    async def book(number: int) -> str:
        viewer = Viewer(organization_id=world.organization_id, role=Role.DISPATCHER, subject=f"d{number}")
        placement = Placement(technician_id=eve, start=at(8 + number * 0.15))
        try:
            async with UnitOfWork(separate, viewer, world.now, origin=Origin.API) as work:
                await scheduling.schedule(work, keys[number], placement)
        except OverCapacity:
            return "refused"
        return "booked"

    ends = Counter(await asyncio.gather(*(book(number) for number in range(50))))

    assert ends == {"booked": 3, "refused": 47}
    assert len(await world.all(Assignment)) == 3
    states = Counter(visit.state for visit in await world.all(Visit))
    assert states == {"SCHEDULED": 3, "UNSCHEDULED": 47}


async def test_minutes_of_planned_work_are_counted_done_or_not(world: World) -> None:
    eve = await subcontractor(world, minutes=150)
    hour, half = await world.work_type(hours=1), await world.work_type(hours=0.5)
    done, second, third, last = [await world.visit(kind) for kind in (hour, hour, hour, half)]
    await world.schedule(done, eve, 9)
    await world.dispatch(done)
    world.now = at(9)
    for verb in (visits.start_travel, visits.start_work, visits.complete):
        async with world.unit() as work:
            if verb is visits.start_work:
                await visits.change(
                    work, await work.get(Visit, done), visits.VisitState.ARRIVED, "VisitArrived"
                )
            await verb(work, done)
    await world.schedule(second, eve, 11)

    with pytest.raises(
        OverCapacity, match="takes on 150 minutes a day; on 2026-11-23 30 are left"
    ) as refused:
        await world.schedule(third, eve, 13)

    assert refused.value.path == ("start",)
    assert (await world.read(Visit, third)).state == "UNSCHEDULED"
    await world.schedule(last, eve, 13)
    await world.schedule(second, eve, 14)  # what is theirs already counts once


async def test_the_day_is_the_organizations_and_what_goes_makes_room(world: World) -> None:
    eve = await subcontractor(world, visits=1, until=23.9)
    await world.keep(Shift(technician_id=eve, starts_at=at(23.9), ends_at=at(40)))
    kind = await world.work_type(hours=0.1)
    first, second, third = [await world.visit(kind) for _ in range(3)]
    await world.schedule(first, eve, 23.7)
    await world.schedule(second, eve, 24)
    with pytest.raises(OverCapacity):
        await world.schedule(third, eve, 23)
    async with world.unit() as work:
        await visits.unschedule(work, first, reason="Not today")
    await world.schedule(third, eve, 23)


async def proposed(world: World, seed: int = 1) -> UUID:
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY))
        assert await plans.begin(work, plan.id) is not None
        statement = await planning.load(work, plan, table=StraightLines().table)
    solved = search.solve(statement.problem, seconds=None, iterations=400, seed=seed)
    assert validator.validate(statement.problem, solved) == ()
    async with world.unit() as work:
        await plans.finish(work, plan.id, planning.proposal(statement, solved))
    return plan.id


async def test_a_plan_gives_no_more_than_is_taken_on_and_says_why(world: World) -> None:
    eve = await subcontractor(world, visits=3)
    kind = await world.work_type(hours=0.5)
    held, moved, *rest = [await world.visit(kind, step=step) for step in range(1, 7)]
    await world.schedule(held, eve, 9)
    await world.dispatch(held)
    await world.schedule(moved, eve, 11)

    plan = await proposed(world)
    async with world.unit() as work:
        assert (await plans.commit(work, plan))[1] == []

    assert len([row for row in await world.all(Assignment, technician_id=eve) if row.occupies]) == 3
    reasons = await world.all(PlanReason, plan_id=plan)
    assert {reason.code for reason in reasons} <= {"NO_ROOM", "WOULD_DISPLACE"}
    assert len({reason.visit_id for reason in reasons}) == 3 == len(rest) - 1
    full = {reason.message for reason in reasons if reason.code == "NO_ROOM"}
    assert full == {"Eve takes on no more on that day."}


async def test_who_has_no_capacity_takes_the_rest(world: World) -> None:
    eve, ada = await subcontractor(world, minutes=60), await world.technician("Ada")
    kind = await world.work_type(hours=0.5)
    for step in range(6):
        await world.visit(kind, step=step)

    plan = await proposed(world)
    async with world.unit() as work:
        assert (await plans.commit(work, plan))[1] == []

    held = Counter(row.technician_id for row in await world.all(Assignment))
    assert held.total() == 6
    assert held[eve] <= 2
    assert held[ada] >= 4


async def test_a_plan_that_has_become_too_much_moves_nothing(world: World) -> None:
    eve = await subcontractor(world, visits=2)
    kind = await world.work_type(hours=0.5)
    for step in range(2):
        await world.visit(kind, step=step)
    plan = await proposed(world)
    other = await world.visit(kind)
    await world.schedule(other, eve, 15)

    with pytest.raises(OverCapacity):
        async with world.unit() as work:
            await plans.commit(work, plan)

    assert [row.visit_id for row in await world.all(Assignment)] == [other]
