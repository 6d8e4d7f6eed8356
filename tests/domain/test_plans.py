"""Plans from the asking to the commit: through the same rules as a dispatcher's own hand, or not at all."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event as listeners
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select

from domain import planning, plans, visits
from domain.errors import (
    Conflict,
    DoubleBooking,
    Invalid,
    InvalidTransition,
    MissingSkill,
    NotFound,
    OffShift,
)
from domain.events import EventRow
from domain.jobs import Job, JobState
from domain.plans import Plan, PlanChange, PlanState, Request
from domain.stock import Reservation, ReservationState, StockLevel
from domain.technicians import Absence, AbsenceReason
from domain.visits import Assignment, AssignmentState, Visit, VisitState
from domain.work_orders import WorkOrder, WorkOrderState
from integrations.roads import StraightLines
from optimizer.plan import Objective, Route, Stop, Unassigned
from optimizer.plan import Plan as Solved
from tests.domain.world import DAY, World, at, certificate

HOUR = 3600
Placed = tuple[UUID, UUID, float]


async def proposed(world: World, *stops: Placed, left_out: tuple[UUID, ...] = ()) -> UUID:
    """A PROPOSED plan that serves the visits at hours of the day by the technicians, an hour each."""
    routes = tuple(
        Route(
            str(technician),
            (Stop(str(visit), 60, round(hour * HOUR), round(hour * HOUR), round(hour * HOUR) + HOUR),),
        )
        for visit, technician, hour in stops
    )
    absent = tuple(Unassigned(str(visit)) for visit in left_out)
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY))
        assert await plans.begin(work, plan.id) is plan
        statement = await planning.load(work, plan, table=StraightLines().table)
        proposal = planning.proposal(statement, Solved(routes, absent, Objective(0, 0, 0, 0, 0, 0)))
        await plans.finish(work, plan.id, proposal)
    return plan.id


async def commit(world: World, plan_id: UUID) -> list[UUID]:
    async with world.unit() as work:
        return (await plans.commit(work, plan_id))[1]


async def holder(world: World, visit_id: UUID) -> tuple[UUID, object] | None:
    """Who has the visit, from when."""
    rows = [row for row in await world.all(Assignment, visit_id=visit_id) if row.occupies]
    return (rows[0].technician_id, rows[0].planned_start) if rows else None


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def count(*sending: object) -> None:
        sent.append(str(sending[2]))

    listeners.listen(engine.sync_engine, "before_cursor_execute", count)
    yield sent
    listeners.remove(engine.sync_engine, "before_cursor_execute", count)


async def told(world: World, since: int) -> list[tuple[str, str | None, object]]:
    """What the log says after its first `since` entries: type, reason, and the state that was before."""
    async with world.unit() as work:
        statement = select(EventRow.type, EventRow.reason, EventRow.payload)
        statement = statement.order_by(col(EventRow.xid), col(EventRow.n)).offset(since)
        rows = (await work.session.exec(statement)).all()
    return [(name, reason, payload["before"].get("state")) for name, reason, payload in rows]


async def test_asking_makes_a_draft_and_a_job(world: World) -> None:
    ada = await world.technician()
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY, seconds=7, technicians=(ada,)))

    (job,) = await world.all(Job)
    stored = await world.read(Plan, plan.id)
    assert (stored.state, stored.seconds, stored.request) == (
        PlanState.DRAFT,
        7,
        {"technicians": [str(ada)], "visits": []},
    )
    assert (job.kind, job.subject_id, job.state, job.attempts) == ("plan", plan.id, JobState.QUEUED, 0)


@pytest.mark.parametrize("seconds", [0, 121])
async def test_a_budget_has_bounds(world: World, seconds: int) -> None:
    with pytest.raises(Invalid):
        async with world.unit() as work:
            await plans.propose(work, Request(day=DAY, seconds=seconds))

    assert await world.all(Plan) == []


async def test_nobody_elses_visit_can_be_asked_for(world: World, engine: AsyncEngine) -> None:
    other = await World.make(engine)
    theirs = await other.visit(await other.work_type())

    for key in (theirs, uuid4()):
        with pytest.raises(NotFound):
            async with world.unit() as work:
                await plans.propose(work, Request(day=DAY, visits=(key,)))

    assert await world.all(Job) == []


async def test_a_commit_schedules_what_was_proposed(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    plan = await proposed(world, (first, ada, 9), (second, ben, 10))

    assert await commit(world, plan) == []

    assert await holder(world, first) == (ada, at(9))
    assert await holder(world, second) == (ben, at(10))
    visit = await world.read(Visit, first)
    assert (visit.state, visit.planned_end, visit.planned_travel_seconds) == ("SCHEDULED", at(10), 60)
    assert (await world.read(WorkOrder, visit.work_order_id)).state == WorkOrderState.SCHEDULED
    stored = await world.read(Plan, plan)
    assert (stored.state, stored.committed_at) == (PlanState.COMMITTED, world.now)


async def test_a_plan_is_committed_once(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    plan = await proposed(world, (visit, ada, 9))

    ends = await asyncio.gather(*(commit(world, plan) for _ in range(4)), return_exceptions=True)

    assert [end for end in ends if not isinstance(end, InvalidTransition)] == [[]]
    assert len(await world.all(Assignment)) == 1
    with pytest.raises(InvalidTransition):
        await commit(world, plan)
    with pytest.raises(InvalidTransition):
        async with world.unit() as work:
            await plans.discard(work, plan)


async def test_another_version_of_the_plan_is_a_conflict(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    plan = await proposed(world, (visit, ada, 9))

    with pytest.raises(Conflict):
        async with world.unit() as work:
            await plans.commit(work, plan, expected_version=1)

    assert (await world.read(Visit, visit)).state == VisitState.UNSCHEDULED


async def test_a_visit_that_has_moved_on_makes_the_plan_stale(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    touched, quiet = await world.visit(kind), await world.visit(kind)
    plan = await proposed(world, (touched, ada, 9), (quiet, ada, 11))
    await world.schedule(touched, ada, 14)

    assert await commit(world, plan) == [touched]

    stored = await world.read(Plan, plan)
    assert stored.state == PlanState.STALE
    assert stored.failure == "1 of 2 visits have changed since the plan was made."
    assert await holder(world, touched) == (ada, at(14))
    assert (await world.read(Visit, quiet)).state == VisitState.UNSCHEDULED
    with pytest.raises(InvalidTransition):
        await commit(world, plan)


async def test_two_technicians_swap_their_visits_and_what_is_held_for_them(world: World) -> None:
    valve = await world.part("Valve")
    ada, ben = await world.technician("Ada", van={valve: 1}), await world.technician("Ben", van={valve: 1})
    kind = await world.work_type(parts={valve: 1})
    hers, his = await world.visit(kind), await world.visit(kind)
    await world.schedule(hers, ada, 9)
    await world.schedule(his, ben, 9)
    plan = await proposed(world, (his, ada, 9), (hers, ben, 9))

    assert await commit(world, plan) == []

    assert await holder(world, hers) == (ben, at(9))
    assert await holder(world, his) == (ada, at(9))
    states = [(row.visit_id, row.state) for row in await world.all(Reservation)]
    assert sorted(states) == sorted(
        (visit, state)
        for visit in (hers, his)
        for state in (ReservationState.HELD, ReservationState.RELEASED)
    )
    assert [level.available for level in await world.all(StockLevel)] == [0, 0]
    assert {row.state for row in await world.all(Assignment) if not row.occupies} == {
        AssignmentState.RELEASED
    }


async def test_one_technicians_visits_change_places(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await world.schedule(first, ada, 9)
    await world.schedule(second, ada, 10)
    plan = await proposed(world, (first, ada, 10), (second, ada, 9))

    await commit(world, plan)

    assert await holder(world, first) == (ada, at(10))
    assert await holder(world, second) == (ada, at(9))


async def test_a_commit_gives_up_what_the_plan_left_out(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    old, new = await world.visit(kind), await world.visit(kind)
    await world.schedule(old, ada, 9)
    plan = await proposed(world, (new, ada, 9), left_out=(old,))

    await commit(world, plan)

    assert await holder(world, old) is None
    assert (await world.read(Visit, old)).state == VisitState.UNSCHEDULED
    assert await holder(world, new) == (ada, at(9))


@pytest.mark.parametrize("lost", ["shift", "skill"])
async def test_a_rule_that_does_not_hold_any_more_stops_the_whole_commit(world: World, lost: str) -> None:
    gas = await world.skill("Gas")
    ada, ben = await world.technician("Ada", skills={gas: 3}), await world.technician("Ben")
    plain, with_gas = await world.work_type(), await world.work_type(skills={gas: 2})
    first, second = await world.visit(plain), await world.visit(with_gas)
    plan = await proposed(world, (first, ben, 9), (second, ada, 9))
    if lost == "shift":
        await world.keep(
            Absence(technician_id=ada, starts_at=at(8), ends_at=at(12), reason=AbsenceReason.SICK)
        )
    else:
        await world.keep(certificate(ada, gas, DAY - timedelta(days=1)))

    with pytest.raises(OffShift if lost == "shift" else MissingSkill):
        await commit(world, plan)

    assert await world.all(Assignment) == []
    assert (await world.read(Plan, plan)).state == PlanState.PROPOSED


async def test_a_discarded_plan_is_not_begun_improved_or_finished(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type())
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY))
        statement = await planning.load(work, plan, table=StraightLines().table)
    proposal = planning.proposal(
        statement,
        Solved(
            (Route(str(ada), (Stop(str(visit), 60, 9 * HOUR, 9 * HOUR, 10 * HOUR),)),),
            (),
            Objective(0, 0, 0, 0, 0, 0),
        ),
    )
    async with world.unit() as work:
        await plans.discard(work, plan.id)

    async with world.unit() as work:
        assert await plans.begin(work, plan.id) is None
        assert await plans.improve(work, plan.id, proposal) is False
        await plans.finish(work, plan.id, proposal)
        await plans.fail(work, plan.id, "too late")

    stored = await world.read(Plan, plan.id)
    assert (stored.state, stored.failure, stored.improvements) == (PlanState.DISCARDED, None, 0)
    assert await world.all(PlanChange) == []


async def test_a_dispatched_visit_cannot_be_moved_by_a_plan(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    await world.dispatch(visit)

    plan = await proposed(world, (visit, ben, 12))

    assert await world.all(PlanChange, plan_id=plan) == []
    async with world.unit() as work:
        assert (await visits.lead(work, await work.find(Visit, visit))) is not None


async def test_a_commit_of_any_size_takes_the_same_statements(world: World) -> None:
    gas, valve = await world.skill("Gas"), await world.part("Valve")
    kind = await world.work_type(hours=1, skills={gas: 1}, parts={valve: 1})
    sent: dict[str, list[int]] = {"assigned": [], "reassigned": [], "left out": []}
    for size in (2, 7):
        ada, ben = [
            await world.technician(name, skills={gas: 2}, van={valve: size}) for name in ("Ada", "Ben")
        ]
        keys = [await world.visit(kind) for _ in range(size)]
        for what, whose in (("assigned", ada), ("reassigned", ben), ("left out", None)):
            places = [(key, whose, 8.0 + hour) for hour, key in enumerate(keys) if whose]
            plan = await proposed(world, *places, left_out=() if whose else tuple(keys))
            with counted(world.engine) as statements:
                assert await commit(world, plan) == []
            sent[what].append(len(statements))
            assert len(await world.all(PlanChange, plan_id=plan)) == size

    assert len(await world.all(Reservation, state=ReservationState.RELEASED)) == 2 * (2 + 7)
    assert {what: most - least for what, (least, most) in sent.items()} == dict.fromkeys(sent, 0)
    assert max(most for _, most in sent.values()) <= 35


async def test_a_time_that_was_taken_meanwhile_refuses_the_whole_commit(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    first, second, other = [await world.visit(kind) for _ in range(3)]
    plan = await proposed(world, (first, ben, 9), (second, ada, 9))
    await world.schedule(other, ada, 9.5)
    facts = len(await told(world, 0))

    async with world.unit() as work:
        savepoint = await work.session.begin_nested()
        with pytest.raises(DoubleBooking):  # by the verb itself, not by the end of its transaction
            await plans.commit(work, plan)
        await savepoint.rollback()
        work.forget()

    assert await holder(world, first) is None
    assert await holder(world, second) is None
    assert (await world.read(Plan, plan)).state == PlanState.PROPOSED
    assert (await world.read(Visit, first)).version == 1
    assert await told(world, facts) == []


async def test_each_change_tells_what_followed_from_it_and_its_own_reason(world: World) -> None:
    ada = await world.technician()
    old = await world.visit(await world.work_type())
    order_id = (await world.schedule(old, ada, 9)).work_order_id
    async with world.unit() as work:
        again = (await visits.follow_up(work, await work.get(Visit, old))).id
    plan = await proposed(world, (again, ada, 9), left_out=(old,))
    facts, version = len(await told(world, 0)), (await world.read(WorkOrder, order_id)).version

    await commit(world, plan)

    left_out = "The optimizer left it out."
    assert await told(world, facts) == [
        ("VisitUnscheduled", left_out, "SCHEDULED"),
        ("WorkOrderChanged", left_out, "SCHEDULED"),
        ("VisitScheduled", None, "UNSCHEDULED"),
        ("WorkOrderChanged", None, "READY"),
        ("PlanCommitted", None, None),
    ]
    assert (await world.read(WorkOrder, order_id)).version == version + 2
    assert (await world.read(Visit, old)).reason == left_out


async def test_a_plan_that_changes_nothing_can_be_committed(world: World) -> None:
    plan = await proposed(world)

    assert await commit(world, plan) == []

    assert (await world.read(Plan, plan)).state == PlanState.COMMITTED
