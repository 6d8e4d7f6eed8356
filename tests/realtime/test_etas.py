"""ETAs over a real database: from a position or the start of the journey, told when it matters, cascading."""

from collections.abc import AsyncIterator

import pytest

from domain import visits
from domain.visits import Visit
from realtime import etas
from tests.conftest import Database
from tests.realtime.drives import START, fix, line
from tests.realtime.world import World, moment, opened, straight

UNIT = 0.5  # the road's seconds on a sphere differ from the drives' plane by less


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with opened(database) as company:
        yield company


async def refreshed(world: World, visit_id: object, at: float) -> bool:
    async with world.unit(at) as work:
        visit = await work.find(Visit, visit_id)  # type: ignore[arg-type]  # the tests' ids are uuids
        return await etas.refresh(work, visit, seconds=straight) is not None


async def known(world: World, visit_id: object) -> list[tuple[float, str]]:
    """The stored ETA: expected in seconds after the start, and its basis."""
    rows = await world.rows("SELECT expected, basis FROM eta WHERE visit_id = :id", id=visit_id)
    return [(round((row.expected - moment(0)).total_seconds()), row.basis) for row in rows]


async def test_before_any_position_it_counts_from_home_and_the_start_of_the_journey(world: World) -> None:
    aino = await world.technician(east=-20_000)
    visit = await world.travelling(aino, at=0)

    assert await refreshed(world, visit, 0)
    assert await known(world, visit) == [(2000, "TRAVEL")]
    assert not await refreshed(world, visit, 200), "200 s later 1800 s are left: nothing has moved"
    assert len(await world.told(visit, "EtaChanged")) == 1


async def test_a_position_moves_it(world: World) -> None:
    aino = await world.technician(east=-6000)
    visit = await world.travelling(aino, at=0)
    await refreshed(world, visit, 0)

    await world.report(aino, [fix(60, -9000, speed=12.0)])

    assert await known(world, visit) == [(960, "POSITION")]
    [first, second] = await world.told(visit, "EtaChanged")
    assert (first.payload["before"], first.topic) == ({"expected": None}, "tracking")
    assert (first.payload["basis"], second.payload["basis"]) == ("TRAVEL", "POSITION")
    assert second.payload["before"]["expected"] == first.payload["expected"]


async def test_a_journey_as_expected_is_not_told_again_until_it_is_near(world: World) -> None:
    aino = await world.technician(east=-20_000)
    visit = await world.travelling(aino, at=0)

    for one in line(0, (-20_000, -7000), pace=10.0, every=60.0):
        await world.report(aino, [one])
    far = len(await world.told(visit, "EtaChanged"))
    for one in line(1360, (-6400, -4000), pace=10.0, every=30.0):
        await world.report(aino, [one])

    assert far == 1
    assert len(await world.told(visit, "EtaChanged")) - far == 4, "once a minute within ten"


async def test_a_stale_position_is_where_the_journey_goes_on_from(world: World) -> None:
    aino = await world.technician(east=-6000)
    visit = await world.dispatched(aino)
    await world.report(aino, [fix(0, -9000, speed=0.0)])
    async with world.unit(1000) as work:
        await visits.start_travel(work, visit)

    assert await refreshed(world, visit, 1000)
    assert await known(world, visit) == [(1900, "TRAVEL")]


async def test_only_a_visit_on_the_way_has_one(world: World) -> None:
    aino = await world.technician()
    visit = await world.dispatched(aino)

    assert not await refreshed(world, visit, 0)
    await world.report(aino, [fix(60, -1500, speed=12.0)])

    assert await known(world, visit) == []
    assert await world.told(visit, "EtaChanged") == []


async def test_a_delay_reaches_the_visits_that_it_makes_late_and_no_others(world: World) -> None:
    aino = await world.technician()
    now = await world.travelling(aino, planned=600)
    following = await world.dispatched(aino, east=3000, planned=3000)
    last = await world.scheduled(aino, planned=9000)

    await world.report(aino, [fix(60, -20_000, speed=12.0)])

    assert await known(world, now) == [(2060, "POSITION")]
    assert await known(world, following) == [(2060 + 1800 + 300, "PLAN")]
    assert await known(world, last) == []
    assert len(await world.told(following, "EtaChanged")) == 1


async def test_a_delay_made_good_is_told_too(world: World) -> None:
    aino = await world.technician()
    await world.travelling(aino, planned=600)
    following = await world.dispatched(aino, east=3000, planned=3000)
    await world.report(aino, [fix(60, -20_000, speed=12.0)])

    await world.report(aino, [fix(900, -1000, speed=12.0)])

    assert await known(world, following) == [(900 + 100 + 1800 + 300, "PLAN")]
    assert len(await world.told(following, "EtaChanged")) == 2


async def test_the_interval_holds_the_expected_time(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)

    await world.report(aino, [fix(60, -10_000, speed=12.0)])

    [row] = await world.rows("SELECT * FROM eta WHERE visit_id = :id", id=visit)
    expected_seconds = (row.expected - moment(60)).total_seconds()
    assert abs(expected_seconds - 1000) < UNIT * 10
    assert abs((row.earliest - moment(60)).total_seconds() - 0.8 * expected_seconds) < UNIT
    assert abs((row.latest - moment(60)).total_seconds() - 1.35 * expected_seconds) < UNIT
    assert (row.as_of, row.technician_id) == (moment(60), aino)
    assert row.stale_after.timestamp() == START + 180
