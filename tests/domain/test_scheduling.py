"""Scheduling: one slot is booked once, however many ask for it at the same time."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain import assignments, scheduling
from domain.errors import DoubleBooking
from domain.events import Origin
from domain.scheduling import Placement
from domain.stock import Reservation
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, Visit
from domain.work_orders import WorkOrder
from fieldgraph.addresses import sqlalchemy_url
from tests.conftest import Database
from tests.domain.world import World, at


async def test_of_fifty_tries_at_one_slot_one_is_booked(world: World, database: Database) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    keys = [await world.visit(kind) for _ in range(50)]
    separate = create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool)

    async def book(number: int) -> str:
        """Slots that overlap in part, not only equal ones."""
        viewer = Viewer(organization_id=world.organization_id, role=Role.DISPATCHER, subject=f"d{number}")
        placement = Placement(technician_id=ada, start=at(9 + number % 4 / 5))
        try:
            async with UnitOfWork(separate, viewer, world.now, origin=Origin.API) as work:
                await scheduling.schedule(work, keys[number], placement)
        except DoubleBooking:
            return "refused"
        return "booked"

    ends = Counter(await asyncio.gather(*(book(number) for number in range(50))))

    assert ends == {"booked": 1, "refused": 49}
    (assignment,) = await world.all(Assignment)
    states = Counter(visit.state for visit in await world.all(Visit))
    assert states == {"SCHEDULED": 1, "UNSCHEDULED": 49}
    assert (await world.read(Visit, assignment.visit_id)).state == "SCHEDULED"


async def test_who_is_taken_is_told_by_which_visit_and_when(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await world.schedule(first, ada, 9)
    order = await world.read(WorkOrder, (await world.read(Visit, first)).work_order_id)
    said = f"Ada has another visit at that time: {order.number}, 2026-11-23 07:00 to 08:00 UTC."

    with pytest.raises(DoubleBooking) as taken:
        await world.schedule(second, ada, 9.5)
    assert (taken.value.message, taken.value.path) == (said, ("start",))
    assert (await world.read(Visit, second)).state == "UNSCHEDULED"

    # and where only the technician would be another
    await world.schedule(second, ben, 9.5)
    async with world.unit() as work:
        with pytest.raises(DoubleBooking) as moved:
            await scheduling.reschedule(work, second, scheduling.Move(technician_id=ada))
    assert (moved.value.message, moved.value.path) == (said, ("technician",))
    async with world.unit() as work:
        with pytest.raises(DoubleBooking) as joined:
            await assignments.assign(work, second, assignments.Member(technician_id=ada))
    assert (joined.value.message, joined.value.path) == (said, ("technician",))
    assert [row.visit_id for row in await world.all(Assignment, technician_id=ada)] == [first]


async def test_a_visit_that_many_move_at_once_is_in_one_place(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())

    ends = await asyncio.gather(
        *(world.schedule(visit, technician, hour) for technician in (ada, ben) for hour in (9, 10, 11)),
        return_exceptions=True,
    )

    assert [end for end in ends if isinstance(end, BaseException)] == []
    assert len([row for row in await world.all(Assignment) if row.occupies]) == 1


async def test_who_has_nothing_of_a_part_is_given_the_visit_all_the_same(world: World) -> None:
    """No level of it is in their van, so there is none to hold pieces of, or to order for."""
    valve = await world.part("Valve")
    ada = await world.technician()
    visit = await world.visit(await world.work_type(parts={valve: 1}))

    await world.schedule(visit, ada, 9)

    assert (await world.read(Visit, visit)).state == "SCHEDULED"
    assert await world.all(Reservation) == []
