"""The day as the optimizer sees it."""

from datetime import date, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import planning, plans, policies, visits
from domain.plans import Request
from domain.statements import Statement
from domain.technicians import Absence, AbsenceReason, Shift
from domain.tracking import PositionCurrent
from domain.visits import Pin, Visit
from domain.work_orders import Priority, WorkOrder, WorkOrderState
from integrations.roads import StraightLines
from optimizer.plan import Objective
from optimizer.problem import Absence as Hole
from optimizer.problem import Break, Planned, Policy, Technician, Window
from tests.domain.world import DAY, World, at

HOUR = 3600
NOTHING = Objective(0, 0, 0, 0, 0, 0)


async def load(
    world: World, *, technicians: tuple[UUID, ...] = (), visits: tuple[UUID, ...] = ()
) -> Statement:
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY, technicians=technicians, visits=visits))
        return await planning.load(work, plan, table=StraightLines().table)


def one(statement: Statement) -> Technician:
    (technician,) = statement.problem.technicians
    return technician


async def test_a_day_is_stated_in_seconds_from_its_local_midnight(world: World) -> None:
    gas, power = await world.skill("Gas"), await world.skill("Power")
    valve = await world.part("Valve")
    ada = await world.technician(skills={gas: 2, power: date(2026, 11, 22)}, van={valve: 3})
    kind = await world.work_type(hours=1.5, skills={gas: 2}, parts={valve: 1})
    key = await world.visit(kind, window=(9, 11), priority=Priority.HIGH, due=10)

    statement = await load(world)

    assert statement.origin == at(0)
    assert statement.problem.earliest_start == 7 * HOUR
    assert one(statement) == Technician(
        key=str(ada),
        start_location=0,
        end_location=0,
        shift_start=8 * HOUR,
        shift_end=16 * HOUR,
        skills={str(gas): 2},
        expired_skills=frozenset({str(power)}),
        stock={str(valve): 3},
    )
    (visit,) = statement.problem.visits
    assert (visit.key, visit.location, visit.service_seconds) == (str(key), 1, 5400)
    assert visit.windows == (Window(9 * HOUR, 11 * HOUR),)
    assert visit.skills == {str(gas): 2}
    assert visit.parts == {str(valve): 1}
    assert (visit.priority, visit.due, visit.lateness_weight) == (2, 10 * HOUR, 2)
    # 150,000 for HIGH, and all the lateness until midnight: 2 a second for 14 hours.
    assert visit.unassigned_penalty == 150_000 + 2 * 14 * HOUR
    assert (visit.planned, visit.pin) == (None, None)
    assert statement.problem.travel_seconds.shape == (2, 2)


async def test_sites_at_one_point_are_one_location(world: World) -> None:
    await world.technician()
    kind = await world.work_type()
    for _ in range(3):
        await world.visit(kind, step=2)

    statement = await load(world)

    assert [visit.location for visit in statement.problem.visits] == [1, 1, 1]
    assert np.array_equal(statement.problem.travel_seconds.diagonal(), [0, 0])


async def test_an_absence_is_a_hole_in_the_shift_or_moves_its_end(world: World) -> None:
    ada = await world.technician()
    await world.keep(
        Absence(technician_id=ada, starts_at=at(11), ends_at=at(12), reason=AbsenceReason.OTHER),
        Absence(technician_id=ada, starts_at=at(15), ends_at=at(18), reason=AbsenceReason.OTHER),
    )
    morning = one(await load(world))
    world.now = at(11.5)
    later = one(await load(world))

    assert (morning.shift_start, morning.shift_end) == (8 * HOUR, 15 * HOUR)
    assert morning.absences == (Hole(11 * HOUR, 12 * HOUR),)
    # What is over, or the rest of it, is no hole any more: the shift begins after it.
    assert (later.shift_start, later.shift_end, later.absences) == (12 * HOUR, 15 * HOUR, ())


async def test_of_two_shifts_the_one_with_more_time_left_counts(world: World) -> None:
    ada = await world.technician()
    evening = Shift(technician_id=ada, starts_at=at(17), ends_at=at(21))
    await world.keep(
        evening, Absence(technician_id=ada, starts_at=at(10), ends_at=at(15), reason=AbsenceReason.OTHER)
    )
    early = one(await load(world))
    world.now = at(9)
    later = one(await load(world))

    # Two hours and one of the day's shift, from nine on one and one; the evening's are four.
    assert (early.shift_start, early.shift_end, early.absences) == (17 * HOUR, 21 * HOUR, ())
    assert later.shift_start == 17 * HOUR


async def test_a_firm_visit_that_an_absence_leaves_no_way_to_is_a_fact(world: World) -> None:
    ada = await world.technician()
    await world.keep(
        Absence(technician_id=ada, starts_at=at(8.02), ends_at=at(12), reason=AbsenceReason.OTHER)
    )
    soon = await world.visit(await world.work_type())
    await world.schedule(soon, ada, 12)
    async with world.unit() as work:
        (await work.get(Visit, soon)).pin = Pin.BOTH

    statement = await load(world)

    (visit,) = statement.problem.visits
    way = int(statement.problem.travel_seconds[one(statement).start_location, visit.location])
    assert way > 0.02 * HOUR
    assert one(statement).fixed == (str(soon),)


async def test_who_is_absent_all_day_is_not_there_and_their_visits_are_free(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    await world.keep(Absence(technician_id=ada, starts_at=at(0), ends_at=at(24), reason=AbsenceReason.SICK))

    statement = await load(world)

    assert [row.key for row in statement.problem.technicians] == [str(ben)]
    assert [(row.key, row.planned, row.pin) for row in statement.problem.visits] == [
        (str(visit), Planned(str(ada), 9 * HOUR), None)
    ]


async def test_a_break_is_owed_as_lunch_while_its_window_lies_in_the_shift(world: World) -> None:
    ada = await world.technician(shift=None)
    await world.keep(
        Shift(
            technician_id=ada,
            starts_at=at(8),
            ends_at=at(16),
            break_earliest=at(11),
            break_latest=at(13),
            break_seconds=1800,
        )
    )
    whole = one(await load(world))
    await world.keep(
        Absence(technician_id=ada, starts_at=at(8), ends_at=at(13.5), reason=AbsenceReason.OTHER)
    )
    cut = one(await load(world))

    assert whole.lunch == Break(11 * HOUR, 13 * HOUR, 1800)
    assert cut.lunch is None


async def test_only_the_days_open_work_is_in_the_problem(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    today = await world.visit(kind, window=(23, 26))
    whenever = await world.visit(kind)
    await world.visit(kind, window=(24.5, 26))
    held = await world.visit(kind)
    standing = await world.visit(kind)
    tomorrow = await world.visit(kind)
    await world.keep(Shift(technician_id=ada, starts_at=at(32), ends_at=at(40)))
    await world.schedule(standing, ada, 9)
    await world.schedule(tomorrow, ada, 33)
    async with world.unit() as work:
        (await work.get(WorkOrder, (await work.find(Visit, held)).work_order_id)).move_to(
            WorkOrderState.ON_HOLD
        )

    statement = await load(world)

    assert {row.key for row in statement.problem.visits} == {str(today), str(whenever), str(standing)}


async def test_another_organizations_rows_never_appear(world: World, engine: AsyncEngine) -> None:
    await world.technician()
    mine = await world.visit(await world.work_type())
    other = await World.make(engine)
    await other.technician("Zoe")
    await other.visit(await other.work_type())

    statement = await load(world)

    assert [row.key for row in statement.problem.visits] == [str(mine)]
    assert len(statement.problem.technicians) == 1
    assert "Zoe" not in statement.names.values()


async def test_what_is_held_for_a_visit_counts_as_stock_of_its_van(world: World) -> None:
    valve = await world.part("Valve")
    ada = await world.technician(van={valve: 2})
    kind = await world.work_type(parts={valve: 2})
    visit = await world.visit(kind)
    await world.schedule(visit, ada, 9)

    assert one(await load(world)).stock == {str(valve): 2}


async def test_due_and_started_visits_are_facts_and_later_dispatched_ones_leave_room(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    begun, due, later, free = [await world.visit(kind, step=step) for step in (1, 2, 3, 4)]
    for visit, hours in ((begun, 8), (due, 9), (later, 14)):
        await world.schedule(visit, ada, hours)
        await world.dispatch(visit)
    world.now = at(8.25)
    async with world.unit() as work:
        await visits.start_travel(work, begun)
        await visits.change(work, await work.get(Visit, begun), visits.VisitState.ARRIVED, "VisitArrived")
        await visits.start_work(work, begun)
    world.now = at(9.1)

    statement = await load(world)

    ada_today = one(statement)
    rows = {row.key: row for row in statement.problem.visits}
    assert ada_today.fixed == (str(begun), str(due))
    assert ada_today.start_location == rows[str(begun)].location
    assert rows[str(begun)].planned == Planned(str(ada), round(8.25 * HOUR))
    # It was due at nine and has not begun: it begins after now.
    assert rows[str(due)].planned == Planned(str(ada), round(9.1 * HOUR) + 1)
    assert (rows[str(later)].planned, rows[str(later)].pin) == (Planned(str(ada), 14 * HOUR), "BOTH")
    assert rows[str(free)].pin is None


async def test_a_technician_sets_off_from_where_they_were_seen_last(world: World) -> None:
    ada = await world.technician()
    done, ahead = [await world.visit(await world.work_type(), step=step) for step in (1, 2)]
    await world.schedule(done, ada, 8)
    await world.dispatch(done)
    world.now = at(8)
    async with world.unit() as work:
        await visits.start_travel(work, done)
        await visits.change(work, await work.get(Visit, done), visits.VisitState.ARRIVED, "VisitArrived")
        await visits.start_work(work, done)
    world.now = at(9)
    async with world.unit() as work:
        await visits.complete(work, done)
    after_work = await load(world)
    await world.keep(
        PositionCurrent(technician_id=ada, at=at(8.9), longitude=24.92, latitude=60.2, accuracy_metres=5)
    )
    seen = await load(world)
    world.now = at(10)
    long_ago = await load(world)

    def way(statement: Statement) -> int:
        (visit,) = statement.problem.visits
        assert visit.key == str(ahead)
        return int(statement.problem.travel_seconds[one(statement).start_location, visit.location])

    step = StraightLines().table([(24.91, 60.2), (24.92, 60.2)])[0, 1]
    assert [way(after_work), way(seen), way(long_ago)] == [step, 0, step]
    assert one(after_work).available_from == 9 * HOUR


async def test_when_some_visits_are_asked_for_the_others_stay(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    wanted, standing, other = [await world.visit(kind, step=step) for step in (1, 2, 3)]
    await world.schedule(standing, ada, 9)

    rows = {row.key: row for row in (await load(world, visits=(wanted,))).problem.visits}

    assert set(rows) == {str(wanted), str(standing)}
    assert (rows[str(standing)].pin, rows[str(wanted)].pin) == ("BOTH", None)
    assert str(other) not in rows


async def test_when_some_technicians_are_asked_for_the_others_keep_their_visits(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    his, free = await world.visit(kind), await world.visit(kind)
    await world.schedule(his, ben, 9)

    statement = await load(world, technicians=(ada,))

    assert [row.key for row in statement.problem.technicians] == [str(ada)]
    assert [row.key for row in statement.problem.visits] == [str(free)]


async def test_a_pin_is_respected(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    async with world.unit() as work:
        (await work.get(Visit, visit)).pin = Pin.TECHNICIAN

    (row,) = (await load(world)).problem.visits

    assert (row.pin, row.planned) == ("TECHNICIAN", Planned(str(ada), 9 * HOUR))


async def test_the_number_of_statements_does_not_grow_with_the_day(world: World, engine: AsyncEngine) -> None:
    gas, valve = await world.skill("Gas"), await world.part("Valve")
    kind = await world.work_type(skills={gas: 1}, parts={valve: 1})
    counts: list[int] = []
    for _ in range(2):
        for _ in range(len(counts) * 8 + 1):
            technician = await world.technician(skills={gas: 1}, van={valve: 1})
            await world.schedule(await world.visit(kind), technician, 9)
            await world.visit(kind)
        counts.append(await _statements_of_a_load(world, engine))

    assert counts == [13, 13]


async def _statements_of_a_load(world: World, engine: AsyncEngine) -> int:
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY))
        await work.flush()
        seen: list[str] = []
        listener = lambda *call: seen.append(call[2])  # noqa: E731  # must be the same object to be taken off
        event.listen(engine.sync_engine, "before_cursor_execute", listener)
        await planning.load(work, plan, table=StraightLines().table)
        event.remove(engine.sync_engine, "before_cursor_execute", listener)
        return len(seen)


async def test_a_plan_for_tomorrow_starts_at_home(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 8)
    await world.dispatch(visit)
    await world.keep(Shift(technician_id=ada, starts_at=at(32), ends_at=at(40)))
    world.now = at(8)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        plan = await plans.propose(work, Request(day=DAY + timedelta(days=1)))
        statement = await planning.load(work, plan, table=StraightLines().table)

    assert statement.problem.visits == ()
    assert (one(statement).fixed, one(statement).shift_start) == ((), 8 * HOUR)
    assert statement.problem.earliest_start == -16 * HOUR


async def test_the_organizations_policy_says_what_everything_costs(world: World) -> None:
    await world.technician()
    await world.visit(await world.work_type(), priority=Priority.HIGH, due=10)
    own = {
        "travel_weight": 3,
        "change_technician_penalty": 7,
        "start_tolerance_seconds": 60,
        "high_penalty": 500,
    }
    async with world.unit() as work:
        await policies.create(work, {"name": "Other", "is_default": True})
        chosen = await policies.create(work, {"name": "Own", **own, "overtime_limit_seconds": 900})
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY, policy_id=chosen.id))
        named = await planning.load(work, plan, table=StraightLines().table)

    usual = await load(world)

    assert named.problem.policy == Policy(
        travel_weight=3, change_technician_price=7, start_tolerance_seconds=60
    )
    assert one(named).overtime_limit_seconds == 900
    rest = (24 - 10) * HOUR * 2  # late until midnight
    assert [visit.unassigned_penalty for visit in named.problem.visits] == [500 + rest]
    assert usual.problem.policy == Policy()
    assert [visit.unassigned_penalty for visit in usual.problem.visits] == [150_000 + rest]
