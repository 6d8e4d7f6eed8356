"""Timekeeping: an offer that nobody answers ends by the clock, once, however many workers go round."""

import asyncio

from sqlmodel import select

from domain import policies
from domain.clock import Clock
from domain.events import EventRow
from domain.visits import Assignment, Visit
from fieldgraph.timekeeping import Timekeeping
from realtime.wakeups import Wakeups
from tests.conftest import Database
from tests.domain.test_offers import offered
from tests.domain.world import World, at
from tests.fieldgraph.working import workplace


async def facts(world: World) -> int:
    async with world.unit() as work:
        return len((await work.session.exec(select(EventRow.n))).all())


async def test_an_offer_ends_when_its_time_is_over_and_once(database: Database) -> None:
    async with workplace(database) as place:
        visit, _ = await offered(place.world)
        wakeups = Wakeups(database.app_url)

        async def go_round(hour: float) -> None:
            clock = Clock(business_origin=at(hour).timestamp(), speed=1e-9)
            await Timekeeping(place.engine, clock, wakeups).go_round()

        await go_round(9.9)
        assert [row.state for row in await place.world.all(Assignment)] == ["OFFERED"]
        await asyncio.gather(*(go_round(10) for _ in range(3)))

        assert [row.state for row in await place.world.all(Assignment)] == ["EXPIRED"]
        stored = await place.world.read(Visit, visit)
        assert (stored.state, stored.reason) == ("UNSCHEDULED", "The offer was not answered in time.")
        told = await facts(place.world)
        await go_round(11)
        assert await facts(place.world) == told


async def test_what_starts_soon_is_dispatched_once_by_the_default_policys_horizon(database: Database) -> None:
    async with workplace(database) as place:
        world = place.world
        offer, _ = await offered(world)
        ada, bo = await world.technician("Ada"), await world.technician("Bo")
        soon, later = await world.visit(await world.work_type()), await world.visit(await world.work_type())
        lonely = await world.visit(await world.work_type(crew_size=2))
        for visit, who, hour in ((soon, ada, 10), (later, ada, 13), (lonely, bo, 10)):
            await world.schedule(visit, who, hour)
        wakeups = Wakeups(database.app_url)

        async def go_round(hour: float) -> list[str]:
            clock = Clock(business_origin=at(hour).timestamp(), speed=1e-9)
            await Timekeeping(place.engine, clock, wakeups).go_round()
            return [str((await world.read(Visit, one)).state) for one in (soon, later, lonely, offer)]

        untouched = ["SCHEDULED"] * 4
        assert await go_round(9.5) == untouched
        async with world.unit() as work:
            await policies.create(work, {"name": "Strict", "is_default": True, "freeze_minutes": 60})
        assert await go_round(8.9) == untouched
        await asyncio.gather(*(go_round(9) for _ in range(3)))

        assert await go_round(9) == ["DISPATCHED", *untouched[1:]]
        async with world.unit() as work:
            told = select(EventRow.origin).where(EventRow.type == "VisitDispatched")
            assert (await work.session.exec(told)).all() == ["TIMER"]
        assert (await world.read(Visit, soon)).pin == "BOTH"
