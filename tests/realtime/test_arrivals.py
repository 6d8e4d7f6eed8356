"""From a report to an arrival, over a real database: once, by the right technician, whatever the order."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain import tracks, visits
from domain.errors import Invalid, NotFound
from realtime import arrivals
from realtime.positions import Fix
from tests.conftest import Database
from tests.realtime.drives import START, fix, line, stay
from tests.realtime.world import World, counted, moment, opened, straight

DRIVE = line(0, (-2000, -20), pace=12.0, every=20.0)
STAY = stay(170, 400, every=20.0)
LEAVE = line(590, (20, 1500), pace=12.0, every=20.0)
JOURNEY = [*DRIVE, *STAY]
RESTED = 170.0
END = 2000.0


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with opened(database) as company:
        yield company


async def test_a_true_stay_arrives_once_with_its_evidence(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)

    answer = await world.report(aino, JOURNEY)
    again = await world.report(aino, JOURNEY)

    assert answer == arrivals.Report(len(JOURNEY), {}, (visit,))
    assert again == arrivals.Report(0, {"DUPLICATE": len(JOURNEY)}, ())
    assert await world.state(visit) == "ARRIVED"
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]
    [told] = await world.told(visit, "VisitArrived")
    assert (told.origin, told.topic, told.payload["confirmed_by"]) == ("GEOFENCE", "visit", "GEOFENCE")
    [row] = await world.rows("SELECT late, evidence FROM arrival")
    assert (row.late, row.evidence["machine_version"], row.evidence["rule"]) == (False, 1, "STILL")


@pytest.mark.parametrize("seed", range(10))
async def test_no_order_batch_or_double_changes_the_arrival(world: World, seed: int) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    rng = random.Random(seed)  # noqa: S311  # a shuffle to be repeated, no secret
    sent = [*JOURNEY, *rng.sample(JOURNEY, 10)]
    rng.shuffle(sent)
    size = 1 if seed < 3 else rng.randint(2, 9)

    made = [
        key
        for begin in range(0, len(sent), size)
        for key in (await world.report(aino, sent[begin : begin + size], at=END)).arrived
    ]

    assert made == [visit]
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]
    assert len(await world.told(visit, "VisitArrived")) == 1
    assert await world.told(visit, "ArrivalWithdrawn") == []
    assert len(await world.rows("SELECT 1 FROM position")) == len(JOURNEY)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    "passing",
    [
        pytest.param(line(0, (-900, 900), pace=1.4, every=20.0), id="walk past"),
        pytest.param(
            [*line(0, (-2000, 180), pace=12.0, every=20.0), *stay(200, 500, east=200)], id="200 m off"
        ),
        pytest.param(line(0, (-3000, 3000), pace=12.0, every=5.0), id="drive by"),
    ],
)
async def test_who_only_passes_does_not_arrive(world: World, passing: list[Fix], shuffled: bool) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    sent = list(passing)
    if shuffled:
        random.Random(7).shuffle(sent)  # noqa: S311  # a shuffle to be repeated, no secret

    for begin in range(0, len(sent), 7):
        await world.report(aino, sent[begin : begin + 7], at=END)
    await world.settle(aino, END + 600)

    assert await world.state(visit) == "EN_ROUTE"
    assert await world.arrived(visit) == []
    assert await world.told(visit, "VisitArrived") == []


async def test_a_colleague_at_the_site_is_no_arrival(world: World) -> None:
    aino, bo = await world.technician(), await world.technician()
    visit = await world.travelling(aino)

    async with world.unit(570) as work:  # a gateway sees all visits, so nothing but the assignment decides
        answer = await arrivals.report(work, bo, JOURNEY, seconds=straight)

    assert (answer.accepted, answer.arrived) == (len(JOURNEY), ())
    assert await world.state(visit) == "EN_ROUTE"
    assert await world.told(visit, "PositionChanged", "VisitArrived", "ApproachingSite") == []


async def test_a_technician_cannot_report_for_a_colleague(world: World) -> None:
    aino, bo = await world.technician(), await world.technician()

    with pytest.raises(NotFound):
        async with world.unit(600, technician_id=bo) as work:
            await arrivals.report(work, aino, JOURNEY, seconds=straight)

    assert await world.rows("SELECT 1 FROM position") == []


async def test_a_dispatched_visit_arrives_without_a_start_of_travel(world: World) -> None:
    aino = await world.technician()
    visit = await world.dispatched(aino)

    answer = await world.report(aino, JOURNEY)

    assert answer.arrived == (visit,)
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]


async def test_a_report_has_at_most_500_fixes(world: World) -> None:
    aino = await world.technician()

    with pytest.raises(Invalid):
        await world.report(aino, [fix(0.1 * n, 0) for n in range(501)])

    assert (await world.report(aino, [fix(0.1 * n, 0) for n in range(500)])).accepted == 500


async def test_two_reports_at_once_make_one_arrival(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)

    answers = await asyncio.gather(*(world.report(aino, part) for part in (JOURNEY, JOURNEY, JOURNEY[::-1])))

    assert sorted(answer.accepted for answer in answers) == [0, 0, len(JOURNEY)]
    assert [key for answer in answers for key in answer.arrived] == [visit]
    assert len(await world.told(visit, "VisitArrived")) == 1


async def test_reports_at_once_of_different_fixes_lose_none(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, DRIVE[:1])
    parts = [JOURNEY[n::3] for n in range(3)]

    answers = await asyncio.gather(*(world.report(aino, part, at=600) for part in parts))

    assert sum(answer.accepted for answer in answers) == len(JOURNEY) - 1
    assert [key for answer in answers for key in answer.arrived] == [visit]
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]


async def test_silence_after_the_last_fix_is_heard_by_the_clock_once(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, [*DRIVE, *stay(170, 20, every=20.0)])

    async def due(at: float) -> list[object]:
        async with world.unit(at) as work:
            return list(await arrivals.waiting(work))

    early, ready = await due(249), await due(251)
    answer = await world.settle(aino, 251)

    assert (early, ready, answer.arrived) == ([], [aino], (visit,))
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]
    assert await due(252) == []
    assert (await world.settle(aino, 400)).arrived == ()
    assert len(await world.told(visit, "VisitArrived")) == 1


async def test_an_arrival_that_late_fixes_contradict_is_withdrawn(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, [*DRIVE, *stay(170, 20, every=20.0)])
    await world.settle(aino, 251)
    assert await world.state(visit) == "ARRIVED"

    await world.report(aino, [fix(700, 3000, speed=12.0)])
    on_the_way = line(200, (10, 3000), pace=12.0, every=20.0)
    await world.report(aino, on_the_way, at=710)

    assert await world.state(visit) == "EN_ROUTE"
    assert await world.arrived(visit) == []
    assert len(await world.told(visit, "ArrivalWithdrawn")) == 1


async def test_leaving_is_told_once_also_after_the_work_has_ended(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, JOURNEY)
    await world.finished(aino, visit, started=571, ended=580)

    for one in LEAVE:
        await world.report(aino, [one])

    [told] = await world.told(visit, "VisitDeparted")
    [row] = await world.rows("SELECT departed_at FROM arrival")
    assert told.origin == "GEOFENCE"
    assert moment(570) <= row.departed_at <= moment(610)
    assert await world.state(visit) == "COMPLETED"


async def test_leaving_a_shut_door_is_told_too(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, JOURNEY)
    async with world.unit(571, technician_id=aino) as work:
        await visits.mark_no_access(work, visit, reason="The door is shut")
    for one in LEAVE:
        await world.report(aino, [one])

    [row] = await world.rows("SELECT ended_at FROM visit")
    assert row.ended_at == moment(571)
    assert len(await world.told(visit, "VisitDeparted")) == 1
    assert await world.state(visit) == "NO_ACCESS"


async def test_an_offline_batch_marks_its_arrival_late_and_leaves_what_has_moved_on(world: World) -> None:
    aino = await world.technician()
    first, second = await world.travelling(aino), await world.dispatched(aino, east=900, planned=4000)
    await world.report(aino, [fix(3000, 900, speed=0.0)])
    async with world.unit(3010) as work:
        row = await work.get(visits.Visit, first)
        await visits.change(work, row, visits.VisitState.DISPATCHED, "TravelStopped")
    async with world.unit(3011) as work:
        await visits.cancel(work, first, reason="CUSTOMER")

    answer = await world.report(aino, [*JOURNEY, *stay(2400, 300, east=900, every=20.0)], at=3020)

    assert answer.arrived == (second,)
    assert await world.arrived(first) == []
    assert await world.arrived(second) == [(2400.0, "GEOFENCE")]
    assert [row.late for row in await world.rows("SELECT late FROM arrival")] == [True]


async def test_approach_and_positions_are_told_for_the_visit_on_the_way_only(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    other = await world.dispatched(aino, east=500, planned=4000)

    for one in DRIVE:
        await world.report(aino, [one])
        await world.report(aino, [replace(one, at=one.at + 1)])

    told = await world.told(visit, "PositionChanged", "ApproachingSite")
    assert [row.type for row in told].count("ApproachingSite") == 1
    positions = [row.payload for row in told if row.type == "PositionChanged"]
    assert [one["at"] for one in positions] == [moment(one.at - START).isoformat() for one in DRIVE]
    assert {row.topic for row in told} == {"tracking"}
    assert positions[-1]["accuracy_metres"] == 10.0
    assert await world.told(other, "PositionChanged", "ApproachingSite", "EtaChanged") == []


async def test_a_report_of_any_size_takes_the_same_statements(world: World) -> None:
    drive = [fix(0.2 * n, -2000 + 2.4 * n, speed=12.0) for n in range(400)]
    counts = []
    for sent in (drive[-1:], drive):
        aino = await world.technician()
        await world.travelling(aino)
        await world.dispatched(aino, east=5000, planned=4000)
        await world.report(aino, [fix(-10, -2100)])
        async with counted(world.engine) as statements:
            assert (await world.report(aino, sent)).accepted == len(sent)
        counts.append(len(statements))
    async with counted(world.engine) as replayed:
        await world.report(aino, [fix(35.1, -1579, speed=12.0)], at=80)

    assert counts[0] == counts[1]
    assert (counts[1], len(replayed)) == (17, 7)


async def test_who_leaves_a_visit_that_has_ended_is_on_the_way_to_the_next_one(world: World) -> None:
    aino = await world.technician()
    first = await world.travelling(aino)
    second = await world.dispatched(aino, east=900, planned=4000)
    third = await world.dispatched(aino, east=1800, planned=8000)
    await world.report(aino, JOURNEY)
    await world.finished(aino, first, started=575, ended=580)

    await world.report(aino, LEAVE)

    assert [await world.state(one) for one in (first, second, third)] == [
        "COMPLETED",
        "EN_ROUTE",
        "DISPATCHED",
    ]
    [told] = await world.told(second, "VisitEnRoute")
    assert told.origin == "GEOFENCE"


async def test_who_leaves_before_the_work_has_ended_goes_nowhere_else(world: World) -> None:
    aino = await world.technician()
    first = await world.travelling(aino)
    second = await world.dispatched(aino, east=900, planned=4000)
    await world.report(aino, JOURNEY)

    await world.report(aino, LEAVE)

    assert [await world.state(one) for one in (first, second)] == ["ARRIVED", "DISPATCHED"]


async def test_who_is_on_another_way_already_keeps_to_it(world: World) -> None:
    aino = await world.technician()
    first = await world.travelling(aino)
    second = await world.dispatched(aino, east=900, planned=4000)
    third = await world.dispatched(aino, east=1800, planned=8000)
    await world.report(aino, JOURNEY)
    await world.finished(aino, first, started=575, ended=580)
    async with world.unit(585, technician_id=aino) as work:
        await visits.start_travel(work, third)

    answer = await world.report(aino, LEAVE)

    assert answer.accepted == len(LEAVE)
    assert [await world.state(one) for one in (second, third)] == ["DISPATCHED", "EN_ROUTE"]


async def test_who_comes_back_within_ten_minutes_has_not_departed(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, JOURNEY)
    await world.report(aino, LEAVE)
    [gone] = await world.rows("SELECT departed_at FROM arrival")

    await world.report(aino, [*line(720, (1500, 10), pace=12.0, every=20.0), *stay(850, 200, every=20.0)])

    assert gone.departed_at is not None
    assert [row.departed_at for row in await world.rows("SELECT departed_at FROM arrival")] == [None]
    told = await world.told(visit, "VisitArrived", "VisitDeparted", "DepartureWithdrawn")
    assert [row.type for row in told] == ["VisitArrived", "VisitDeparted", "DepartureWithdrawn"]


async def test_a_better_dated_arrival_is_a_correction_not_a_second_push(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.report(aino, [*DRIVE, *STAY[5:]])
    first = await world.arrived(visit)

    answer = await world.report(aino, STAY[:5], at=600)

    assert (first, answer.arrived) == ([(RESTED + 100, "GEOFENCE")], ())
    assert await world.arrived(visit) == [(RESTED, "GEOFENCE")]
    [corrected] = await world.told(visit, "ArrivalCorrected")
    assert corrected.payload["before"] == {"occurred_at": moment(RESTED + 100).isoformat()}
    assert len(await world.told(visit, "VisitArrived")) == 1


async def test_the_ticker_learns_of_every_organization(world: World, database: Database) -> None:
    aino = await world.technician()
    await world.travelling(aino)
    async with opened(database) as other:
        await other.travelling(await other.technician())

        async with world.engine.connect() as connection:
            known = await tracks.organizations(connection)

    assert sorted(known) == sorted([world.organization_id, other.organization_id])


async def test_who_said_they_were_there_has_left_after_that_however_far_they_are_seen(world: World) -> None:
    aino = await world.technician()
    visit = await world.travelling(aino)
    await world.word(aino, visit, 600)

    await world.report(aino, [fix(700, 5000.0, speed=12.0), fix(770, 5800.0, speed=12.0)])

    [row] = await world.rows("SELECT occurred_at, departed_at FROM arrival")
    assert (row.occurred_at, row.departed_at) == (moment(600), moment(600))
    assert len(await world.told(visit, "VisitDeparted")) == 1
