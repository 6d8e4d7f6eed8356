"""The worker's queue: each job is done once, whoever stops, dies or is slow."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.jobs import JobState
from domain.plans import Plan, PlanChange, PlanState
from tests.conftest import Database
from tests.domain.world import MORNING, World
from tests.fieldgraph.working import Workplace, ended, job_of, propose, running, until, workplace

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


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Workplace]:
    async with workplace(database) as made:
        yield made


async def test_a_worker_that_is_told_to_stop_gives_its_job_back(place: Workplace) -> None:
    world = place.world
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=120)

    async with running(place.worker()):
        await until(world, key, PlanState.SOLVING)
    job = await job_of(world, key)

    assert (job.state, job.attempts, job.leased_until) == (JobState.QUEUED, 0, None)
    assert (await world.read(Plan, key)).state == PlanState.SOLVING

    async with world.unit() as work:
        (await work.get(Plan, key)).seconds = 1
    async with running(place.worker()):
        await until(world, key, PlanState.PROPOSED)
    assert Counter(await place.facts(key))["PlanStarted", "OPTIMIZER"] == 1


async def test_the_job_of_a_killed_worker_is_finished_once_by_another(place: Workplace) -> None:
    world = place.world
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=120)
    arguments = (place.database.owner_url, place.database.app_url, str(MORNING.timestamp()))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, *arguments, cwd=CHECKOUT)
    try:
        await until(world, key, PlanState.SOLVING)
    finally:
        process.kill()
        await process.wait()
    async with world.unit() as work:
        (await work.get(Plan, key)).seconds = 1
    assert (await job_of(world, key)).state == JobState.RUNNING

    async with running(place.worker(lease_seconds=2)), running(place.worker(lease_seconds=2)):
        await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
        job = await ended(world, key)

    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert Counter(await place.facts(key))["PlanProposed", "OPTIMIZER"] == 1
    assert len(await world.all(PlanChange, plan_id=key)) == 1


async def test_a_worker_killed_in_mid_search_leaves_the_last_plan_that_it_told(
    place: Workplace,
) -> None:
    world = place.world
    for number in range(5):
        await world.technician(f"Technician {number}", step=number)
    kind = await world.work_type(hours=0.5)
    for number in range(60):
        await world.visit(kind, step=number * 7 % 23)
    key = await propose(world, seconds=120)
    arguments = (place.database.owner_url, place.database.app_url, str(MORNING.timestamp()))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, *arguments, cwd=CHECKOUT)
    try:
        async with asyncio.timeout(60):
            while (await world.read(Plan, key)).improvements < 1:  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.02)
    finally:
        process.kill()
        await process.wait()

    left = await world.read(Plan, key)
    assert process.returncode == -signal.SIGKILL
    assert (left.state, left.assigned_count + left.unassigned_count) == (PlanState.SOLVING, 60)
    assert left.objective is not None
    assert left.objective["total"] > 0
    assert Counter(await place.facts(key))["PlanImproved", "OPTIMIZER"] == left.improvements
    # A proposal is whole or not there at all, and what stood before stands.
    assert await world.all(PlanChange, plan_id=key) == []

    async with world.unit() as work:
        (await work.get(Plan, key)).seconds = 1
    async with running(place.worker(lease_seconds=2)):
        done = await until(world, key, PlanState.PROPOSED, PlanState.FAILED)
    assert done.state == PlanState.PROPOSED
    assert done.objective is not None
    assert done.objective["unassigned_penalty"] <= left.objective["unassigned_penalty"]


async def test_a_heartbeat_keeps_a_lease_that_is_shorter_than_the_search(place: Workplace) -> None:
    world = place.world
    await world.technician()
    await world.visit(await world.work_type())
    key = await propose(world, seconds=5)

    async with running(place.worker(lease_seconds=2)), running(place.worker(lease_seconds=2)):
        await until(world, key, PlanState.PROPOSED)
        job = await ended(world, key)

    assert (job.state, job.attempts) == (JobState.DONE, 1)


async def test_one_job_of_an_organization_runs_at_a_time(place: Workplace) -> None:
    world = place.world
    other = await World.make(place.engine)
    first, second = await propose(world), await propose(world)
    theirs = await propose(other)
    workers = [place.worker() for _ in range(8)]

    leases = await asyncio.gather(*(worker._take() for worker in workers))

    assert {lease.subject_id for lease in leases if lease} == {first, theirs}
    held = next(lease for lease in leases if lease and lease.subject_id == first)
    await workers[0]._close(held, JobState.DONE)
    then = await asyncio.gather(*(worker._take() for worker in workers))
    assert [lease.subject_id for lease in then if lease] == [second]


async def test_a_worker_without_its_lease_publishes_nothing(place: Workplace) -> None:
    world = place.world
    key = await propose(world)
    slow, quick = place.worker(lease_seconds=0), place.worker()
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


async def test_a_job_that_kills_its_workers_is_given_up(place: Workplace) -> None:
    world = place.world
    key = await propose(world)
    for _ in range(3):
        assert await place.worker(lease_seconds=0)._take() is not None

    async with running(place.worker()):
        plan = await until(world, key, PlanState.FAILED)
        job = await ended(world, key)

    assert plan.failure == "The optimizer broke down 3 times on this plan."
    assert job.state == JobState.FAILED
