"""The worker with a real Postgres and the real optimizer: from the asking to what a client sees."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domain import plans, visits
from domain.jobs import JobState
from domain.plans import Plan, PlanChange, PlanReason, PlanState
from domain.visits import Assignment, Visit
from fieldgraph import worker
from integrations.roads import StraightLines
from optimizer import engines, search, validator
from optimizer import plan as answers
from tests.conftest import Database
from tests.domain.world import at
from tests.fieldgraph.working import Workplace, ended, propose, running, until, workplace


class BrokenRoads(StraightLines):
    """Roads whose file is damaged."""

    def table(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        raise ValueError(f"secret detail about {len(points)} points")


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Workplace]:
    async with workplace(database) as made:
        yield made


async def test_a_plan_is_solved_proposed_and_committed(place: Workplace) -> None:
    world = place.world
    gas = await world.skill("Gas")
    ada, ben = await world.technician("Ada", step=0), await world.technician("Ben", step=40)
    kind, special = await world.work_type(), await world.work_type(skills={gas: 2})
    near, far = await world.visit(kind, step=1), await world.visit(kind, step=39)
    nobodys = await world.visit(special)
    key = await propose(world)

    async with running(place.worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
        job = await ended(world, key)

    assert (plan.state, plan.assigned_count, plan.unassigned_count) == (PlanState.PROPOSED, 2, 1)
    changes = await world.all(PlanChange, plan_id=key)
    assert {change.visit_id: (change.kind, change.technician_id) for change in changes} == {
        near: ("ASSIGN", ada),
        far: ("ASSIGN", ben),
    }
    reasons = await world.all(PlanReason, plan_id=key)
    assert {reason.visit_id for reason in reasons} == {nobodys}
    assert {reason.code for reason in reasons} == {"MISSING_SKILL"}
    assert "Gas" in reasons[0].message
    assert plan.objective is not None
    # One visit of NORMAL priority is left out; it has no due time that would add to its penalty.
    assert plan.objective["unassigned_penalty"] == 50_000
    assert (job.state, job.attempts, job.leased_until) == (JobState.DONE, 1, None)

    log = await place.facts(key)
    assert log[0] == ("PlanRequested", "API")
    assert log[1] == ("PlanStarted", "OPTIMIZER")
    assert log[-1] == ("PlanProposed", "OPTIMIZER")
    assert set(log[2:-1]) <= {("PlanImproved", "OPTIMIZER")}
    # Started, proposed, and every improvement between them.
    assert len(place.announced) == plan.improvements + 2

    async with world.unit() as work:
        assert (await plans.commit(work, key))[1] == []
    assert {row.visit_id: row.technician_id for row in await world.all(Assignment)} == {near: ada, far: ben}
    assert Counter(visit.state for visit in await world.all(Visit)) == {"SCHEDULED": 2, "UNSCHEDULED": 1}


async def test_until_its_kernels_are_there_the_fallback_searches(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, compiled, asked = place.world, threading.Event(), list[str | None]()
    solve = engines.solve

    def solving(*arguments: Any, engine: engines.Engine | None, **budget: Any) -> answers.Plan:
        asked.append(engine)
        return solve(*arguments, engine=engine, **budget)

    monkeypatch.setattr(worker, "KERNELS_SECONDS", 0.05)
    monkeypatch.setattr(engines, "warm_up", compiled.wait)
    monkeypatch.setattr(engines, "solve", solving)
    ada = await world.technician("Ada")
    kind = await world.work_type()
    near = await world.visit(kind, step=1)
    early = await propose(world)
    ours = place.worker()

    async with running(ours):
        plan = await until(world, early, PlanState.PROPOSED, PlanState.FAILED)
        assert not ours.ready.is_set()
        compiled.set()
        await asyncio.wait_for(ours.ready.wait(), 10)
        late = await propose(world)
        again = await until(world, late, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.assigned_count, plan.unassigned_count) == (PlanState.PROPOSED, 1, 0)
    (change,) = await world.all(PlanChange, plan_id=early)
    assert (change.visit_id, change.technician_id) == (near, ada)
    assert (again.state, again.assigned_count) == (PlanState.PROPOSED, 1)
    assert asked == ["ortools", None]


async def test_a_worker_ends_though_its_kernels_are_not_there(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = threading.Event()
    monkeypatch.setattr(engines, "warm_up", compiled.wait)
    ours, stop = place.worker(), asyncio.Event()

    running_on = asyncio.create_task(ours.run(stop))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(running_on, 5)

    assert not ours.ready.is_set()
    compiled.set()


async def test_better_plans_are_told_at_most_twice_a_second(place: Workplace) -> None:
    world = place.world
    for number in range(6):
        await world.technician(f"Technician {number}", step=number)
    kind = await world.work_type(hours=0.5)
    for number in range(60):
        await world.visit(kind, step=number * 7 % 23)
    key = await propose(world, seconds=3)

    async with running(place.worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert plan.state == PlanState.PROPOSED
    assert 1 <= plan.improvements <= 7


async def test_a_discarded_plan_is_left_at_once_and_the_next_is_taken(place: Workplace) -> None:
    world = place.world
    await world.technician()
    await world.visit(await world.work_type())
    endless, short = await propose(world, seconds=120), await propose(world, seconds=1)

    async with running(place.worker()):
        await until(world, endless, PlanState.SOLVING)
        assert (await world.read(Plan, short)).state == PlanState.DRAFT
        async with world.unit() as work:
            await plans.discard(work, endless)
        # The minute that `until` waits is half the budget of the discarded one.
        plan = await until(world, short, PlanState.PROPOSED)
        job = await ended(world, endless)

    assert plan.assigned_count == 1
    assert (job.state, job.attempts) == (JobState.DONE, 1)
    assert (await world.read(Plan, endless)).state == PlanState.DISCARDED
    assert await world.all(PlanChange, plan_id=endless) == []


async def test_a_cancelled_search_ends_with_the_best_so_far(place: Workplace) -> None:
    world = place.world
    await world.technician()
    visit = await world.visit(await world.work_type())
    key = await propose(world, seconds=60)

    async with running(place.worker()):
        await until(world, key, PlanState.SOLVING)
        async with world.unit() as work:
            await plans.cancel(work, key)
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.assigned_count) == (PlanState.PROPOSED, 1)
    assert [change.visit_id for change in await world.all(PlanChange, plan_id=key)] == [visit]
    facts = await place.facts(key)
    assert [fact for fact in facts if fact[0] != "PlanImproved"] == [
        ("PlanRequested", "API"),
        ("PlanStarted", "OPTIMIZER"),
        ("PlanStopAsked", "API"),
        ("PlanProposed", "OPTIMIZER"),
    ]


async def test_an_error_is_told_by_its_reference_only(place: Workplace) -> None:
    world = place.world
    await world.technician()
    key = await propose(world)

    async with running(place.worker(roads=BrokenRoads())):
        plan = await until(world, key, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.failure is not None
    assert plan.failure.startswith("An internal error; its reference is ")
    assert "secret" not in plan.failure
    assert job.state == JobState.FAILED


async def test_a_day_without_anybody_is_answered_too(place: Workplace) -> None:
    world = place.world
    visit = await world.visit(await world.work_type())
    key = await propose(world)

    async with running(place.worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.unassigned_count) == (PlanState.PROPOSED, 1)
    assert {reason.visit_id for reason in await world.all(PlanReason)} == {visit}


async def test_an_emergency_finds_its_place_and_nobody_else_moves(place: Workplace) -> None:
    world = place.world
    ada = await world.technician()
    kind = await world.work_type()
    standing = [await world.visit(kind, step=step) for step in (1, 2, 3)]
    # The second begins when the first ends, so that the way between them makes it late.
    for visit, hour in zip(standing, (8, 9, 12), strict=True):
        await world.schedule(visit, ada, hour)
    await world.dispatch(standing[0])
    world.now = at(8.1)
    async with world.unit() as work:
        await visits.start_travel(work, standing[0])
    emergency = await world.visit(kind, step=2)
    key = await propose(world, visits=(emergency,))

    async with running(place.worker(now=at(8.2))):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.unassigned_count) == (PlanState.PROPOSED, 0)
    (change,) = await world.all(PlanChange)
    assert (change.visit_id, change.kind) == (emergency, "ASSIGN")
    assert change.planned_start is not None
    assert at(10) < change.planned_start < at(11)
    async with world.unit() as work:
        assert (await plans.commit(work, key))[1] == []


async def test_a_plan_that_breaks_a_rule_is_not_published(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = place.world
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world)
    # The search makes no such plan, so the exact partner has to be made to say so.
    monkeypatch.setattr(validator, "validate", lambda _problem, _plan: ("lunch is missing", "it is late"))

    async with running(place.worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.state == PlanState.FAILED
    assert plan.failure == "The plan breaks 2 hard rules: lunch is missing; it is late"
    assert await world.all(PlanChange) == []
    assert job.state == JobState.FAILED


async def test_a_search_has_two_chains_where_there_are_two_cores(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    for number in (1, 2, 16):
        monkeypatch.setattr(worker, "cores", lambda number=number: number)
        made.append(place.worker().chains)
    asked: list[int] = []
    solve = search.solve

    def solved(*row: Any, chains: int = 1, **named: Any) -> Any:
        asked.append(chains)
        return solve(*row, chains=chains, **named)

    monkeypatch.setattr(search, "solve", solved)
    await place.world.technician()
    await place.world.visit(await place.world.work_type())
    key = await propose(place.world)
    async with running(place.worker()):
        plan = await until(place.world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert made == [1, 2, 2]
    assert (plan.state, asked[-1]) == (PlanState.PROPOSED, 2)


async def test_what_runs_regularly_may_fail_without_ending_the_worker(place: Workplace) -> None:
    world = place.world
    called: list[str] = []

    async def broken() -> None:
        called.append("broken")
        raise ValueError("once")

    async def sound() -> None:
        called.append("sound")

    await world.technician()
    key = await propose(world)
    async with running(place.worker(extra=(broken, sound))):
        await until(world, key, PlanState.PROPOSED)

    assert called[:2] == ["broken", "sound"]
