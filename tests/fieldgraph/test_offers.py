"""Timekeeping: an offer that nobody answers ends by the clock, once, however many workers go round."""

import asyncio

from sqlmodel import select

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
