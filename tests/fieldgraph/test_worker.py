"""The worker with a real Postgres, the real optimizer and real deaths."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import plans, visits
from domain.clock import Clock
from domain.jobs import Job, JobState
from domain.plans import Plan, PlanChange, PlanReason, PlanState, Request
from domain.visits import Assignment, Visit
from fieldgraph.addresses import SYSTEM_ROLE, sqlalchemy_url
from fieldgraph.worker import Worker
from integrations.roads import StraightLines
from optimizer import exact
from tests.conftest import Database, connected
from tests.domain.world import DAY, MORNING, World, at

CHECKOUT = Path(__file__).parents[2]
PROCESS = """
import asyncio, sys
import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from domain.clock import Clock
from fieldgraph.addresses import SYSTEM_ROLE, sqlalchemy_url
from fieldgraph.worker import Worker
from integrations.roads import StraightLines

async def main(owner_url, app_url, origin):
    pool = await asyncpg.create_pool(owner_url, server_settings={"role": SYSTEM_ROLE}, min_size=1)
    worker = Worker(
        engine=create_async_engine(sqlalchemy_url(app_url)), system_pool=pool, roads=StraightLines(),
        clock=Clock(business_origin=float(origin), speed=1e-9), hub_announce=lambda: None, lease_seconds=2,
    )
    await worker.run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


class BrokenRoads(StraightLines):
    """Roads whose file is damaged."""

    def table(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        raise ValueError(f"secret detail about {len(points)} points")


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(sqlalchemy_url(database.app_url))
    yield engine
    await engine.dispose()


@pytest.fixture
async def system_pool(database: Database) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    settings = {"role": SYSTEM_ROLE}
    async with asyncpg.create_pool(database.owner_url, server_settings=settings, min_size=1) as pool:
        yield pool


@pytest.fixture
async def world(engine: AsyncEngine) -> World:
    return await World.make(engine)


@pytest.fixture
def announced() -> list[int]:
    return []


@pytest.fixture
def make_worker(
    engine: AsyncEngine, system_pool: "asyncpg.Pool[asyncpg.Record]", announced: list[int]
) -> Callable[..., Worker]:
    def make(
        roads: StraightLines | None = None,
        *,
        extra: Sequence[Callable[[], Awaitable[None]]] = (),
        lease_seconds: float = 15,
        now: datetime = MORNING,
    ) -> Worker:
        """Its clock stands still, so that the day does not end under a test."""
        return Worker(
            engine=engine,
            system_pool=system_pool,
            clock=Clock(business_origin=now.timestamp(), speed=1e-9),
            roads=roads or StraightLines(),
            hub_announce=lambda: announced.append(1),
            extra=extra,
            lease_seconds=lease_seconds,
        )

    return make


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def propose(
    world: World, *, seconds: int = 1, technicians: tuple[UUID, ...] = (), visits: tuple[UUID, ...] = ()
) -> UUID:
    request = Request(day=DAY, seconds=seconds, technicians=technicians, visits=visits)
    async with world.unit() as work:
        return (await plans.propose(work, request)).id


async def until(world: World, plan_id: UUID, *states: PlanState) -> Plan:
    """The plan once it is in one of the states; a minute is far beyond what any of them takes."""
    async with asyncio.timeout(60):
        while (plan := await world.read(Plan, plan_id)).state not in states:  # noqa: ASYNC110  # of two processes
            await asyncio.sleep(0.05)
    return plan


async def job_of(world: World, plan_id: UUID) -> Job:
    (job,) = await world.all(Job, subject_id=plan_id)
    return job


async def ended(world: World, plan_id: UUID) -> Job:
    async with asyncio.timeout(60):
        waiting = {JobState.QUEUED, JobState.RUNNING}
        while (job := await job_of(world, plan_id)).state in waiting:  # noqa: ASYNC110  # of two processes
            await asyncio.sleep(0.05)
    return job


async def facts(database: Database, plan_id: UUID) -> list[tuple[str, str]]:
    """What the log says of a plan, in order: type and origin."""
    async with connected(database.owner_url) as connection:
        rows = await connection.fetch(
            "SELECT type, origin FROM event WHERE subject_id = $1 ORDER BY xid, n", plan_id
        )
    return [(row["type"], row["origin"]) for row in rows]


async def test_a_plan_is_solved_proposed_and_committed(
    world: World, database: Database, announced: list[int], make_worker: Callable[..., Worker]
) -> None:
    gas = await world.skill("Gas")
    ada, ben = await world.technician("Ada", step=0), await world.technician("Ben", step=40)
    kind, special = await world.work_type(), await world.work_type(skills={gas: 2})
    near, far = await world.visit(kind, step=1), await world.visit(kind, step=39)
    nobodys = await world.visit(special)
    key = await propose(world)

    async with running(make_worker()):
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
    # Fifteen hours of NORMAL work, left out once: no contract's due time adds to it.
    assert plan.objective["unassigned_penalty"] == 50_000
    assert (job.state, job.attempts, job.leased_until) == (JobState.DONE, 1, None)

    log = await facts(database, key)
    assert log[0] == ("PlanRequested", "API")
    assert log[1] == ("PlanStarted", "OPTIMIZER")
    assert log[-1] == ("PlanProposed", "OPTIMIZER")
    assert set(log[2:-1]) <= {("PlanImproved", "OPTIMIZER")}
    # Started, proposed, and every improvement between them.
    assert len(announced) == plan.improvements + 2

    async with world.unit() as work:
        assert (await plans.commit(work, key))[1] == []
    assert {row.visit_id: row.technician_id for row in await world.all(Assignment)} == {near: ada, far: ben}
    assert Counter(visit.state for visit in await world.all(Visit)) == {"SCHEDULED": 2, "UNSCHEDULED": 1}


async def test_better_plans_are_told_at_most_twice_a_second(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    for number in range(6):
        await world.technician(f"Technician {number}", step=number)
    kind = await world.work_type(hours=0.5)
    for number in range(60):
        await world.visit(kind, step=number * 7 % 23)
    key = await propose(world, seconds=3)

    async with running(make_worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert plan.state == PlanState.PROPOSED
    assert 1 <= plan.improvements <= 7


async def test_a_discarded_plan_is_left_at_once_and_the_next_is_taken(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    await world.technician()
    await world.visit(await world.work_type())
    endless, short = await propose(world, seconds=120), await propose(world, seconds=1)

    async with running(make_worker()):
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


async def test_a_worker_that_is_told_to_stop_gives_its_job_back(
    world: World, database: Database, make_worker: Callable[..., Worker]
) -> None:
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=120)

    async with running(make_worker()):
        await until(world, key, PlanState.SOLVING)
    job = await job_of(world, key)

    assert (job.state, job.attempts, job.leased_until) == (JobState.QUEUED, 0, None)
    assert (await world.read(Plan, key)).state == PlanState.SOLVING

    async with world.unit() as work:
        (await work.get(Plan, key)).seconds = 1
    async with running(make_worker()):
        await until(world, key, PlanState.PROPOSED)
    assert Counter(await facts(database, key))["PlanStarted", "OPTIMIZER"] == 1


async def test_the_job_of_a_killed_worker_is_finished_once_by_another(
    world: World, database: Database, make_worker: Callable[..., Worker]
) -> None:
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=120)
    arguments = (database.owner_url, database.app_url, str(MORNING.timestamp()))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, *arguments, cwd=CHECKOUT)
    try:
        await until(world, key, PlanState.SOLVING)
    finally:
        process.kill()
        await process.wait()
    async with world.unit() as work:
        (await work.get(Plan, key)).seconds = 1
    assert (await job_of(world, key)).state == JobState.RUNNING

    async with running(make_worker(lease_seconds=2)), running(make_worker(lease_seconds=2)):
        await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
        job = await ended(world, key)

    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert Counter(await facts(database, key))["PlanProposed", "OPTIMIZER"] == 1
    assert len(await world.all(PlanChange, plan_id=key)) == 1


async def test_a_heartbeat_keeps_a_lease_that_is_shorter_than_the_search(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=5)

    async with running(make_worker(lease_seconds=2)), running(make_worker(lease_seconds=2)):
        await until(world, key, PlanState.PROPOSED)
        job = await ended(world, key)

    assert (job.state, job.attempts) == (JobState.DONE, 1)


async def test_one_job_of_an_organization_runs_at_a_time(
    world: World, engine: AsyncEngine, make_worker: Callable[..., Worker]
) -> None:
    other = await World.make(engine)
    first, second = await propose(world), await propose(world)
    theirs = await propose(other)
    workers = [make_worker() for _ in range(8)]

    leases = await asyncio.gather(*(worker._take() for worker in workers))

    assert {lease.plan_id for lease in leases if lease} == {first, theirs}
    held = next(lease for lease in leases if lease and lease.plan_id == first)
    await workers[0]._close(held, JobState.DONE)
    then = await asyncio.gather(*(worker._take() for worker in workers))
    assert [lease.plan_id for lease in then if lease] == [second]


async def test_a_worker_without_its_lease_publishes_nothing(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    key = await propose(world)
    slow, quick = make_worker(lease_seconds=0), make_worker()
    lost = await slow._take()
    assert lost is not None
    taken = await quick._take()
    assert taken is not None
    assert (taken.job_id, taken.attempts) == (lost.job_id, 2)

    assert await slow._renew(lost) is False
    assert await quick._renew(taken) is True
    await slow._end(lost, failure="too late")

    assert (await world.read(Plan, key)).state == PlanState.DRAFT
    assert (await job_of(world, key)).state == JobState.RUNNING


async def test_a_job_that_kills_its_workers_is_given_up(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    key = await propose(world)
    for _ in range(3):
        assert await make_worker(lease_seconds=0)._take() is not None

    async with running(make_worker()):
        plan = await until(world, key, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.failure == "The optimizer broke down 3 times on this plan."
    assert job.state == JobState.FAILED


async def test_an_error_is_told_by_its_reference_only(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    await world.technician()
    key = await propose(world)

    async with running(make_worker(BrokenRoads())):
        plan = await until(world, key, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.failure is not None
    assert plan.failure.startswith("An internal error; its reference is ")
    assert "secret" not in plan.failure
    assert job.state == JobState.FAILED


async def test_a_day_without_anybody_is_answered_too(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    visit = await world.visit(await world.work_type())
    key = await propose(world)

    async with running(make_worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.unassigned_count) == (PlanState.PROPOSED, 1)
    assert {reason.visit_id for reason in await world.all(PlanReason)} == {visit}


async def test_an_emergency_finds_its_place_and_nobody_else_moves(
    world: World, make_worker: Callable[..., Worker]
) -> None:
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

    async with running(make_worker(now=at(8.2))):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)

    assert (plan.state, plan.unassigned_count) == (PlanState.PROPOSED, 0)
    (change,) = await world.all(PlanChange)
    assert (change.visit_id, change.kind) == (emergency, "ASSIGN")
    assert change.planned_start is not None
    assert at(10) < change.planned_start < at(11)
    async with world.unit() as work:
        assert (await plans.commit(work, key))[1] == []


async def test_a_plan_that_breaks_a_rule_is_not_published(
    world: World, make_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world)
    # The search makes no such plan, so the exact partner has to be made to say so.
    monkeypatch.setattr(exact, "validate", lambda _problem, _plan: ("lunch is missing", "it is late"))

    async with running(make_worker()):
        plan = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.state == PlanState.FAILED
    assert plan.failure == "The plan breaks 2 hard rules: lunch is missing; it is late"
    assert await world.all(PlanChange) == []
    assert job.state == JobState.FAILED


async def test_what_runs_regularly_may_fail_without_ending_the_worker(
    world: World, make_worker: Callable[..., Worker]
) -> None:
    called: list[str] = []

    async def broken() -> None:
        called.append("broken")
        raise ValueError("once")

    async def sound() -> None:
        called.append("sound")

    await world.technician()
    key = await propose(world)
    async with running(make_worker(extra=(broken, sound))):
        await until(world, key, PlanState.PROPOSED)

    assert called[:2] == ["broken", "sound"]
