"""A workplace for workers in tests: a company, the app's engine, the system's pool, waiting for plans."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import plans
from domain.clock import Clock
from domain.jobs import Job, JobState
from domain.plans import Plan, PlanState, Request
from fieldgraph.addresses import SYSTEM_ROLE, sqlalchemy_url
from fieldgraph.worker import Worker
from integrations.roads import StraightLines
from optimizer import engines
from tests.conftest import Database, connected
from tests.domain.world import DAY, MORNING, World


@dataclass
class Workplace:
    """Where workers of one database meet. `announced` counts what they said to the hub."""

    database: Database
    engine: AsyncEngine
    system_pool: "asyncpg.Pool[asyncpg.Record]"
    world: World
    announced: list[int] = field(default_factory=list)

    def worker(
        self,
        *,
        roads: StraightLines | None = None,
        extra: Sequence[Callable[[], Awaitable[None]]] = (),
        lease_seconds: float = 15,
        now: datetime = MORNING,
    ) -> Worker:
        """Its clock stands still, so that the day does not end under a test."""
        return Worker(
            engine=self.engine,
            system_pool=self.system_pool,
            clock=Clock(business_origin=now.timestamp(), speed=1e-9),
            roads=roads or StraightLines(),
            hub_announce=lambda: self.announced.append(1),
            extra=extra,
            lease_seconds=lease_seconds,
        )

    async def facts(self, plan_id: UUID) -> list[tuple[str, str]]:
        """What the log says of a plan, in order: type and origin."""
        async with connected(self.database.owner_url) as connection:
            rows = await connection.fetch(
                "SELECT type, origin FROM event WHERE subject_id = $1 ORDER BY xid, n", plan_id
            )
        return [(row["type"], row["origin"]) for row in rows]


@asynccontextmanager
async def workplace(database: Database) -> AsyncIterator[Workplace]:
    engine = create_async_engine(sqlalchemy_url(database.app_url))
    settings = {"role": SYSTEM_ROLE}
    await asyncio.to_thread(engines.warm_up)  # minutes on a machine that is new to the kernels
    try:
        async with asyncpg.create_pool(database.owner_url, server_settings=settings, min_size=1) as pool:
            yield Workplace(database, engine, pool, await World.make(engine))
    finally:
        await engine.dispose()


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
        while (plan := await world.read(Plan, plan_id)).state not in states:  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.05)
    return plan


async def job_of(world: World, plan_id: UUID) -> Job:
    (job,) = await world.all(Job, subject_id=plan_id)
    return job


async def ended(world: World, plan_id: UUID) -> Job:
    async with asyncio.timeout(60):
        waiting = {JobState.QUEUED, JobState.RUNNING}
        while (job := await job_of(world, plan_id)).state in waiting:  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.05)
    return job
