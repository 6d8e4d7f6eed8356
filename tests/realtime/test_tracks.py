"""Which fixes count for which visit: duty, neighbours, drawn fences, a person's word."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from realtime import arrivals
from realtime.positions import Fix
from tests.conftest import Database
from tests.realtime.drives import START, fix, line, stay
from tests.realtime.world import World, moment, opened

DRIVE = line(0, (-2000, -20), pace=12.0, every=20.0)
STAY = stay(170, 400, every=20.0)
LEAVE = line(590, (20, 1500), pace=12.0, every=20.0)
JOURNEY = [*DRIVE, *STAY]
RESTED = 170.0


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with opened(database) as company:
        yield company


async def test_fixes_from_before_the_start_of_travel_still_count(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino, at=1000)

    answer = await world.report(aino, JOURNEY, at=1001)

    assert answer.arrived == (visit,)
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]


async def test_only_a_dispatched_visit_is_watched(world: World) -> None:
    aino = await world.technician()
    visit = await world.scheduled(aino)

    answer = await world.report(aino, JOURNEY)

    assert (answer.accepted, answer.arrived) == (len(JOURNEY), ())
    assert await world.state(visit) == "SCHEDULED"


async def test_of_two_customers_300_m_apart_only_the_one_visited_hears(world: World) -> None:
    aino = await world.technician()
    first = await world.travelling(aino, planned=600)
    other = await world.dispatched(aino, east=300, planned=4000)

    answer = await world.report(aino, JOURNEY)

    assert answer.arrived == (first,)
    assert await world.state(other) == "DISPATCHED"
    assert await world.told(other, "VisitArrived", "ApproachingSite", "PositionChanged") == []


async def test_of_two_visits_at_one_site_the_second_begins_where_the_first_ends(world: World) -> None:
    aino = await world.technician()
    first = await world.travelling(aino, planned=600)
    [site] = await world.rows("SELECT site_id FROM visit WHERE id = :id", id=first)
    second = await world.dispatched(aino, planned=4000, site_id=site.site_id)

    early = await world.report(aino, JOURNEY)
    await world.finished(aino, first, started=600, ended=1500)
    later = await world.report(aino, stay(1510, 300, every=20.0))

    assert (early.arrived, later.arrived) == ((first,), (second,))
    assert await world.arrived(second) == [(1510.0, "GEOFENCE")]


async def test_what_is_off_duty_or_impossible_is_counted_and_not_kept(world: World) -> None:
    aino = await world.technician(shift=(0, 3600))
    night = fix(-3601, 0)
    good, late = fix(-3600, 0), fix(7200, 5)
    wrong = [replace(good, latitude=95.0), Fix(START, 0.0, 0.0), fix(7261 + 60, 0), night, good, late]

    answer = await world.report(aino, wrong, at=7200)

    assert answer.accepted == 2
    assert answer.refused == {"FUTURE": 1, "NULL_ISLAND": 1, "OFF_DUTY": 1, "OUT_OF_RANGE": 1}
    assert [row.at for row in await world.rows("SELECT at FROM position ORDER BY at")] == [
        moment(-3600),
        moment(7200),
    ]


async def test_nothing_is_kept_of_an_absent_technician(world: World) -> None:
    aino = await world.technician()
    visit = await world.dispatched(aino, planned=9000)
    await world.rows(
        "INSERT INTO absence (organization_id, id, version, updated_at, created_at, technician_id, starts_at,"
        " ends_at, reason) VALUES (:o, gen_random_uuid(), 1, :now, :now, :t, :start, :end, 'SICK')"
        " RETURNING id",
        o=world.organization_id, t=aino, now=moment(0), start=moment(0), end=moment(1000),
    )  # fmt: skip  # one row, one glance

    answer = await world.report(aino, JOURNEY)

    assert (answer.accepted, answer.refused) == (0, {"OFF_DUTY": len(JOURNEY)})
    assert await world.rows("SELECT 1 FROM position") == []
    assert await world.state(visit) == "DISPATCHED"


async def test_a_fix_sent_again_with_its_number_is_a_double(world: World) -> None:
    aino = await world.technician()
    sent = replace(fix(10, 0), sequence=7)

    await world.report(aino, [sent])
    answer = await world.report(aino, [replace(sent, longitude=sent.longitude + 1e-7)], at=20)
    restarted = await world.report(aino, [replace(fix(900, 0), sequence=7)])

    assert answer == arrivals.Report(0, {"DUPLICATE": 1}, ())
    assert restarted == arrivals.Report(1, {}, ())


async def test_a_technicians_word_wins_over_the_fence(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, DRIVE[:3])
    await world.word(aino, visit, 60)

    await world.report(aino, [*DRIVE[3:], *STAY, *LEAVE])

    assert await world.arrived(visit) == [(60.0, "TECHNICIAN")]
    assert len(await world.told(visit, "VisitArrived")) == 1
    assert await world.told(visit, "ArrivalWithdrawn", "ArrivalCorrected") == []
    assert await world.state(visit) == "ARRIVED"


async def test_a_drawn_fence_counts_instead_of_the_circle(world: World) -> None:
    aino = await world.technician()
    ring = [
        [fix(0, e).longitude, fix(0, 0, n).latitude]
        for e, n in ((120, -60), (240, -60), (240, 60), (120, 60))
    ]
    visit = await world.travelling(aino, geofence={"type": "Polygon", "coordinates": [[*ring, ring[0]]]})

    outside = await world.report(aino, JOURNEY)
    inside = await world.report(aino, stay(700, 300, east=180, every=20.0))

    assert (outside.arrived, inside.arrived) == ((), (visit,))
