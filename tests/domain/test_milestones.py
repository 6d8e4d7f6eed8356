"""Milestones: clocks that run in coverage hours, rest with their work order, and are judged to the second."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from domain import ids, intake, lifecycles, milestones, scheduling, tracking, visits
from domain.coverage import Coverage
from domain.errors import Invalid
from domain.milestones import Milestone, MilestoneKind
from domain.scheduling import Placement
from domain.sites import Site
from domain.work_orders import WorkOrder, WorkOrderOutcome
from tests.conftest import Database, connected
from tests.domain.desks import Desk
from tests.domain.walks import Halt, moments, used_up
from tests.domain.world import World, at

SECOND = timedelta(seconds=1)
STEPS = some.lists(some.timedeltas(timedelta(), timedelta(hours=20)), min_size=0, max_size=5)


def clock(coverage: Coverage, start: datetime, target: timedelta) -> Milestone:
    return Milestone(
        work_order_id=ids.new(),
        customer_id=ids.new(),
        contract_id=ids.new(),
        entitlement_id=ids.new(),
        kind=MilestoneKind.ARRIVE,
        target_seconds=int(target.total_seconds()),
        coverage_opens=coverage.opens,
        coverage_closes=coverage.closes,
        coverage_weekdays=coverage.weekdays,
        time_zone=coverage.zone.key,
        warn_percent=80,
        started_at=start,
        due_at=start,
    )


def rests(start: datetime, lengths: Sequence[timedelta]) -> list[Halt]:
    """By turns it runs and rests for so long; the last rest may go on."""
    edges, times = start, []
    for length in lengths:
        edges += length
        times.append(edges)
    pairs: list[Halt] = list(zip(times[::2], times[1::2], strict=False))
    return [*pairs, (times[-1], None)] if len(times) % 2 else pairs


def written(halts: Sequence[Halt]) -> list[list[str | None]]:
    return [[stopped.isoformat(), went_on and went_on.isoformat()] for stopped, went_on in halts]  # type: ignore[list-item]  # a text or None


@settings(deadline=None, max_examples=200)
@given(
    moments(),
    some.timedeltas(timedelta(seconds=1), timedelta(hours=20)),
    STEPS,
    some.none() | some.timedeltas(timedelta(), timedelta(days=3)),
)
def test_a_clock_is_judged_as_by_who_watches_the_clock_on_the_wall(
    moment: tuple[Coverage, datetime], target: timedelta, lengths: list[timedelta], fact: timedelta | None
) -> None:
    coverage, start = moment
    target = max(SECOND, target // SECOND * SECOND)
    halts = rests(start, lengths)
    now = max([start + timedelta(days=3), *(at for halt in halts for at in halt if at)])
    due = used_up(coverage, start, target, halts=halts, until=now)
    told = None if fact is None else start + fact

    found = milestones.judge(clock(coverage, start, target), written(halts), told, now)

    if told is not None and (due is None or told <= due):
        assert (found.state, found.met_at) == ("MET", told)
    elif due is not None and due < now:
        assert (found.state, found.due_at, found.breached_at) == ("BREACHED", due, due)
    elif due is None and _open(halts):
        assert (found.state, found.paused_at) == ("PAUSED", halts[-1][0])
    elif due is None:
        assert (found.state, found.due_at >= now) == ("RUNNING", True)


def _open(halts: Sequence[Halt]) -> bool:
    return bool(halts) and halts[-1][1] is None


@settings(deadline=None, max_examples=100)
@given(moments(), some.timedeltas(SECOND, timedelta(hours=20)))
def test_the_second_of_the_due_instant_decides(moment: tuple[Coverage, datetime], target: timedelta) -> None:
    coverage, start = moment
    target = max(SECOND, target // SECOND * SECOND)
    due = used_up(coverage, start, target, until=start + timedelta(days=8))
    if due is None:
        return
    row, later = clock(coverage, start, target), due + timedelta(days=1)
    states = [str(milestones.judge(row, (), due + n * SECOND, later).state) for n in (-1, 0, 1)]
    assert states == ["MET", "MET", "BREACHED"]
    assert milestones.judge(row, (), None, due).state == "RUNNING"
    assert milestones.judge(row, (), None, due + SECOND).breached_at == due


@pytest.fixture
async def desk(world: World) -> Desk:
    return await Desk(world).open()


async def test_clocks_are_drawn_in_coverage_hours_and_the_order_is_due_with_the_arrival(desk: Desk) -> None:
    desk.world.now = at(7)
    order, _ = await desk.ask()
    assert await desk.show(order) == {
        "RESPOND": ("RUNNING", at(9)),
        "ARRIVE": ("RUNNING", at(10)),
        "RESOLVE": ("RUNNING", at(12)),
    }
    row = await desk.world.read(WorkOrder, order)
    assert (row.contract_id, row.entitlement_id, row.due_at, row.version) == (
        desk.contract,
        desk.entitlement,
        at(10),
        1,
    )
    desk.world.now = at(15)
    evening, _ = await desk.ask()
    assert (await desk.show(evening))["ARRIVE"] == ("RUNNING", at(24 + 9))
    assert (await desk.clock(order, "ARRIVE")).warn_at == at(8) + timedelta(minutes=96)


async def test_facts_in_time_meet_the_clocks(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.travel(visit, at(9))
    await desk.take(tracking.record_arrival, visit, at(10), occurred_at=None)
    await desk.take(visits.start_work, visit, at(11))
    await desk.take(visits.complete, visit, at(12))
    rows = {str(row.kind): row for row in await desk.world.all(Milestone, work_order_id=order)}
    assert {kind: (str(row.state), row.met_at) for kind, row in rows.items()} == {
        "RESPOND": ("MET", at(9)),
        "ARRIVE": ("MET", at(10)),
        "RESOLVE": ("MET", at(12)),
    }
    assert await desk.facts(rows["ARRIVE"].id) == ["MilestoneStarted", "MilestoneMet"]
    assert await desk.tick(at(40)) == 0


async def test_an_arrival_before_somebody_had_the_visit_is_no_arrival(desk: Desk) -> None:
    """Nor one long before its day: a clock is not met by what was before it."""
    desk.world.now = at(8)
    order, visit = await desk.ask()
    await desk.schedule(visit, at(8.5))
    await desk.take(visits.dispatch, visit, at(8.5))
    for told in (at(7), at(8.4)):
        with pytest.raises(Invalid) as refused:
            await desk.take(tracking.record_arrival, visit, at(9), occurred_at=told)
        assert refused.value.path == ("occurredAt",)
    assert (await desk.clock(order, "ARRIVE")).state == "RUNNING"
    await desk.take(tracking.record_arrival, visit, at(12), occurred_at=at(8.75))
    assert (await desk.clock(order, "ARRIVE")).met_at == at(8.75)

    _, other = await desk.ask()
    placement = Placement(technician_id=desk.technician, start=at(24 * 3 + 9))
    async with desk.world.unit() as work:
        await scheduling.schedule(work, other, placement)
    await desk.take(visits.dispatch, other, at(12))
    with pytest.raises(Invalid):
        await desk.take(tracking.record_arrival, other, at(24 * 3 + 9), occurred_at=at(24 * 2 + 9))


def test_no_fact_meets_a_clock_before_it_started() -> None:
    zone = ZoneInfo("Europe/Helsinki")
    row = clock(Coverage("00:00", "24:00", weekdays="1234567", zone=zone), at(8), timedelta(hours=2))
    assert milestones.judge(row, (), at(8) - SECOND, at(9)).state == "RUNNING"
    assert milestones.judge(row, (), at(8), at(9)).state == "MET"


async def test_a_second_late_is_late_and_the_breach_is_at_the_very_instant(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.schedule(visit, at(9) + SECOND)
    respond = await desk.clock(order, "RESPOND")
    assert (respond.state, respond.breached_at, respond.met_at) == ("BREACHED", at(9), None)
    assert await desk.tick(at(10)) == 1  # ARRIVE warns; at the due instant itself it is still in time
    assert (await desk.clock(order, "ARRIVE")).state == "RUNNING"
    assert await desk.tick(at(10) + timedelta(hours=50)) == 2
    rows = await desk.world.all(Milestone, work_order_id=order)
    assert {str(row.kind): row.breached_at for row in rows} == {
        "RESPOND": at(9),
        "ARRIVE": at(10),
        "RESOLVE": at(12),
    }
    assert await desk.facts((await desk.clock(order, "ARRIVE")).id) == [
        "MilestoneStarted",
        "MilestoneWarned",
        "MilestoneBreached",
    ]


async def test_a_warning_comes_once_before_the_breach(desk: Desk) -> None:
    order, _ = await desk.ask()
    warn = at(8) + timedelta(minutes=48)
    assert await desk.tick(warn - SECOND) == 0
    assert [await desk.tick(warn + n * SECOND) for n in range(3)] == [0, 1, 0]
    row = await desk.clock(order, "RESPOND")
    assert (row.state, row.warn_at, row.warned_at) == ("RUNNING", warn, warn + SECOND)
    assert await desk.facts(row.id) == ["MilestoneStarted", "MilestoneWarned"]


async def test_workers_at_once_tell_everything_once(desk: Desk) -> None:
    for _ in range(20):
        await desk.ask()
    told = await asyncio.gather(*(desk.tick(at(13)) for _ in range(8)))
    rest = await desk.tick(at(13))
    assert sum(told) + rest == 60
    for row in await desk.world.all(Milestone):
        assert (row.state, row.version) == ("BREACHED", 2)


async def test_a_hold_stops_the_clocks_and_a_release_lets_them_go_on(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.take(lifecycles.hold, order, at(8.5), reason="No key")
    arrive = await desk.clock(order, "ARRIVE")
    assert (arrive.state, arrive.paused_at, arrive.next_at) == ("PAUSED", at(8.5), None)
    assert await desk.tick(at(20)) == 0
    await desk.take(lifecycles.release, order, at(15))  # an hour and a half is left: 60 minutes today
    assert await desk.show(order) == {
        "RESPOND": ("RUNNING", at(15.5)),
        "ARRIVE": ("RUNNING", at(24 + 8.5)),
        "RESOLVE": ("RUNNING", at(24 + 10.5)),
    }
    assert (await desk.world.read(WorkOrder, order)).due_at == at(24 + 8.5)
    assert await desk.facts(arrive.id) == ["MilestoneStarted", "MilestonePaused", "MilestoneResumed"]
    await desk.schedule(visit, at(15.5))
    assert (await desk.show(order))["RESPOND"] == ("MET", at(15.5))


async def test_a_hold_after_the_due_instant_does_not_save_it(desk: Desk) -> None:
    order, _ = await desk.ask()
    await desk.take(lifecycles.hold, order, at(9), reason="No key")
    assert {kind: state for kind, (state, _) in (await desk.show(order)).items()} == {
        "RESPOND": "BREACHED",
        "ARRIVE": "PAUSED",
        "RESOLVE": "PAUSED",
    }


async def test_an_arrival_told_late_is_judged_by_when_it_was(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.travel(visit, at(8.5))
    assert await desk.tick(at(11)) == 1
    assert (await desk.clock(order, "ARRIVE")).state == "BREACHED"
    await desk.take(tracking.record_arrival, visit, at(11.5), occurred_at=at(10))
    arrive = await desk.clock(order, "ARRIVE")
    assert (arrive.state, arrive.met_at, arrive.breached_at) == ("MET", at(10), None)
    assert await desk.facts(arrive.id) == ["MilestoneStarted", "MilestoneBreached", "MilestoneCorrected"]
    await desk.take(tracking.withdraw_arrival, visit, at(11.6), reason="Another house")
    arrive = await desk.clock(order, "ARRIVE")
    assert (arrive.state, arrive.met_at, arrive.breached_at) == ("BREACHED", None, at(10))
    assert (await desk.facts(arrive.id))[-1] == "MilestoneCorrected"


async def test_an_arrival_taken_back_in_time_lets_the_clock_run_on(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.travel(visit, at(8.5))
    await desk.take(tracking.record_arrival, visit, at(9), occurred_at=None)
    await desk.take(lifecycles.hold, order, at(9.25), reason="No key")
    await desk.take(tracking.withdraw_arrival, visit, at(9.5), reason="Another house")
    arrive = await desk.clock(order, "ARRIVE")
    assert (arrive.state, arrive.paused_at, arrive.met_at) == ("PAUSED", at(9.25), None)
    await desk.take(lifecycles.release, order, at(10))
    assert (await desk.show(order))["ARRIVE"] == ("RUNNING", at(10.75))
    await desk.take(tracking.record_arrival, visit, at(10.75), occurred_at=None)
    assert (await desk.show(order))["ARRIVE"] == ("MET", at(10.75))


async def test_an_arrival_on_hold_meets_a_clock_that_rests(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.travel(visit, at(8.5))
    await desk.take(lifecycles.hold, order, at(9.25), reason="No key")
    await desk.take(tracking.record_arrival, visit, at(9.5), occurred_at=None)
    arrive = await desk.clock(order, "ARRIVE")
    assert (arrive.state, arrive.met_at) == ("MET", at(9.5))
    await desk.take(tracking.withdraw_arrival, visit, at(9.75), reason="Another house")
    assert (await desk.clock(order, "ARRIVE")).state == "PAUSED"


async def test_more_to_do_takes_a_solution_back(desk: Desk) -> None:
    order, visit = await desk.ask()
    await desk.travel(visit, at(8.5))
    await desk.take(tracking.record_arrival, visit, at(9), occurred_at=None)
    await desk.take(visits.start_work, visit, at(9))
    await desk.take(visits.complete, visit, at(10))
    assert (await desk.show(order))["RESOLVE"][0] == "MET"
    await desk.take(intake.add_visit, order, at(11))
    resolve = await desk.clock(order, "RESOLVE")
    assert (resolve.state, resolve.due_at) == ("RUNNING", at(12))
    assert await desk.facts(resolve.id) == ["MilestoneStarted", "MilestoneMet", "MilestoneCorrected"]
    assert (await desk.show(order))["RESPOND"] == ("MET", at(9))


@pytest.mark.parametrize("over", ["cancelled", "closed"])
async def test_what_is_over_stops_its_clocks_for_good(desk: Desk, over: str) -> None:
    order, visit = await desk.ask()
    if over == "cancelled":
        await desk.take(lifecycles.cancel, order, at(8.5), reason="Not wanted")
        assert {state for state, _ in (await desk.show(order)).values()} == {"PAUSED"}
    else:
        await desk.travel(visit, at(8.5))
        await desk.take(tracking.record_arrival, visit, at(8.5), occurred_at=None)
        await desk.take(visits.mark_no_access, visit, at(8.6), reason="Nobody there")
        await desk.take(lifecycles.close, order, at(9), outcome=WorkOrderOutcome.UNRESOLVED)
        states = {kind: state for kind, (state, _) in (await desk.show(order)).items()}
        assert states == {"RESPOND": "MET", "ARRIVE": "MET", "RESOLVE": "PAUSED"}
    assert await desk.tick(at(100)) == 0


async def test_a_due_time_that_somebody_said_no_longer_goes_with_the_clock(desk: Desk) -> None:
    said, _ = await desk.ask(due_at=at(14))
    order, _ = await desk.ask()
    await desk.take(lifecycles.update, order, at(8), values={"due_at": at(13)})
    for key in (said, order):
        await desk.take(lifecycles.hold, key, at(8.5), reason="No key")
        await desk.take(lifecycles.release, key, at(9.5))
        assert (await desk.show(key))["ARRIVE"] == ("RUNNING", at(11))
    assert (await desk.world.read(WorkOrder, said)).due_at == at(14)
    assert (await desk.world.read(WorkOrder, order)).due_at == at(13)
    await desk.take(lifecycles.update, order, at(9.6), values={"due_at": None})
    assert (await desk.world.read(WorkOrder, order)).due_at == at(11)
    without, _ = await desk.ask(without_contract=True, due_at=at(14))
    await desk.take(lifecycles.update, without, at(9.6), values={"due_at": None})
    assert (await desk.world.read(WorkOrder, without)).due_at is None


async def test_the_clocks_keep_to_the_zone_and_hours_they_started_in(desk: Desk) -> None:
    order, _ = await desk.ask()
    async with desk.world.unit() as work:
        (await work.get(Site, desk.site)).time_zone = "America/New_York"
    await desk.take(lifecycles.hold, order, at(8.5), reason="No key")
    await desk.take(lifecycles.release, order, at(9))
    assert (await desk.show(order))["ARRIVE"] == ("RUNNING", at(10.5))
    assert (await desk.clock(order, "ARRIVE")).time_zone == "Europe/Helsinki"


async def test_no_contract_no_clocks(desk: Desk) -> None:
    order, visit = await desk.ask(without_contract=True)
    assert await desk.show(order) == {}
    assert (await desk.world.read(WorkOrder, order)).due_at is None
    await desk.schedule(visit, at(9))
    await desk.take(lifecycles.hold, order, at(9), reason="No key")
    assert (await desk.world.read(WorkOrder, order)).halts == []


async def test_the_database_knows_how_clocks_may_go(desk: Desk, database: Database) -> None:
    order, _ = await desk.ask()
    row = await desk.clock(order, "ARRIVE")
    async with connected(database.owner_url) as owner:
        for sql, kind in (
            ("UPDATE milestone SET state = 'PAUSED', next_at = NULL WHERE id = $1", "paused"),
            ("UPDATE milestone SET state = 'MET', next_at = NULL WHERE id = $1", "met"),
            (
                "UPDATE milestone SET state = 'BREACHED', next_at = NULL, breached_at = now() WHERE id = $1",
                "breached_at",
            ),
        ):
            with pytest.raises(asyncpg.CheckViolationError, match=kind):
                await owner.execute(sql, row.id)
        await owner.execute(
            "UPDATE milestone SET state = 'BREACHED', next_at = NULL, breached_at = due_at WHERE id = $1",
            row.id,
        )
        with pytest.raises(asyncpg.CheckViolationError, match="no transition from BREACHED to RUNNING"):
            await owner.execute(
                "UPDATE milestone SET state = 'RUNNING', next_at = due_at, breached_at = NULL WHERE id = $1",
                row.id,
            )
