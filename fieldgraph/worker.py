"""The worker: takes plans from the queue, lets the optimizer solve them, tells how it goes, publishes.

A job is held by a lease (leases.py) that a heartbeat renews. On a machine that is new to them the kernels
take minutes to compile: until they are there, the fallback engine searches.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids, plannable, planning, plans, statements
from domain.clock import Clock
from domain.events import Origin
from domain.jobs import Job, JobState
from domain.plannable import Day
from domain.plans import Plan, PlanState
from domain.statements import Statement
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph import warming
from fieldgraph.leases import LEASE_SECONDS, MOST_ATTEMPTS, Lease, Queue
from integrations.roads import StraightLines
from integrations.streets import Roads
from optimizer import engines, validator
from optimizer import plan as answers

SUBJECT = "fieldgraph:optimizer"
POLL_SECONDS = 0.25
IMPROVEMENT_SECONDS = 0.5
TICK_SECONDS = 5.0
MOST_FAULTS_TOLD = 5
KERNELS_SECONDS = 15.0
"""So long plans wait for the kernels: from numba's cache they are there in a few seconds."""
MOST_CHAINS = 2
"""A search's chains, each on a core of its own: with more of them each would be too short."""

Answer = TypeVar("Answer")


class Halt(Enum):
    """Why a search was broken off."""

    STOPPED = "the process stops"
    LOST = "the lease ran out and another worker has the job"
    UNWANTED = "the plan was discarded"
    ENOUGH = "somebody asked for the best so far"


@dataclass(slots=True)
class Course:
    """One search as it runs: `latest` is written by its thread, `halt` by the loop that watches it."""

    stop: asyncio.Event
    over: asyncio.Event = field(default_factory=asyncio.Event)
    broken_off: threading.Event = field(default_factory=threading.Event)
    halt: Halt | None = None
    statement: Statement | None = None
    latest: answers.Plan | None = None

    def offer(self, better: answers.Plan) -> None:
        self.latest = better

    def break_off(self, why: Halt) -> None:
        self.halt = self.halt or why
        self.broken_off.set()


@dataclass(kw_only=True)
class Worker:
    """One worker process. `system_pool` reads and changes jobs of every organization, nothing else.

    `extra` is run every five seconds of real time; `hub_announce` is called after every commit with events.
    `chains`: how many threads a search runs in, by default two where it may run on two cores.
    """

    engine: AsyncEngine
    system_pool: "asyncpg.Pool[asyncpg.Record]"
    clock: Clock
    roads: Roads | StraightLines
    hub_announce: Callable[[], None]
    extra: Sequence[Callable[[], Awaitable[None]]] = ()
    lease_seconds: float = LEASE_SECONDS
    chains: int = field(default_factory=lambda: min(MOST_CHAINS, cores()))
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a job that is then running goes back to the queue."""
        ticking = asyncio.create_task(self._tick(stop))
        try:
            self._warm_up()
            await self._kernels(stop)
            while not stop.is_set():
                if not await self._guarded(self._turn(stop), "the queue could not be worked on"):
                    await _pause(stop, POLL_SECONDS)
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking

    def _warm_up(self) -> None:
        """Begin to load the kernels, in a thread that keeps no process from ending; `ready` when done."""
        log, began, loop = structlog.get_logger(__name__), time.monotonic(), asyncio.get_running_loop()

        def load() -> None:
            try:
                warming.warm_up()
            except Exception:  # logged with its trace; the fallback goes on searching
                log.exception("kernels could not be loaded")
                return
            log.info("kernels ready", seconds=round(time.monotonic() - began, 1))
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self.ready.set)

        log.info("loading kernels; a machine that is new to them compiles them for minutes")
        threading.Thread(target=load, name="kernels", daemon=True).start()

    async def _kernels(self, stop: asyncio.Event) -> None:
        """Wait for the kernels, but not for their first compilation: the fallback has a plan sooner."""
        until = time.monotonic() + KERNELS_SECONDS
        while not (stop.is_set() or self.ready.is_set() or time.monotonic() > until):
            await _pause(stop, POLL_SECONDS / 5)
        if not (stop.is_set() or self.ready.is_set()):
            structlog.get_logger(__name__).info("the fallback engine searches until the kernels are ready")

    async def _tick(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for hook in self.extra:
                await self._guarded(hook(), "a regular task failed")
            await _pause(stop, TICK_SECONDS)

    async def _guarded(self, work: Awaitable[Answer], failure: str) -> Answer | None:
        """What goes wrong once, such as a database that restarts, must not end the process."""
        try:
            return await work
        except Exception:  # noqa: BLE001  # logged with its trace; the next turn tries again
            structlog.get_logger(__name__).exception(failure)
            return None

    async def _turn(self, stop: asyncio.Event) -> bool:
        """Take one job and see it through; False: there was none."""
        lease = await self._take()
        if lease is None:
            return False
        if lease.attempts > MOST_ATTEMPTS:
            await self._end(lease, failure=f"The optimizer broke down {MOST_ATTEMPTS} times on this plan.")
            return True
        course = Course(stop)
        watching = asyncio.create_task(self._watch(lease, course))
        try:
            await self._see_through(lease, course)
        except Exception:  # noqa: BLE001  # logged with its trace; the client is told the reference only
            reference = ids.new()
            structlog.get_logger(__name__).exception(
                "a plan failed", reference=str(reference), plan=str(lease.subject_id)
            )
            await self._end(lease, failure=f"An internal error; its reference is {reference}.")
        finally:
            course.over.set()
            course.broken_off.set()  # also when this task is cancelled: the search's thread must end
            await watching
        return True

    async def _see_through(self, lease: Lease, course: Course) -> None:
        day = await self._begin(lease)
        if day is None:
            await self._close(lease, JobState.DONE)
            return
        statement = await asyncio.to_thread(statements.state, day, table=self.roads.table)
        course.statement = statement
        solved = await asyncio.to_thread(
            engines.solve,
            statement.problem,
            engine=None if self.ready.is_set() else "ortools",
            seconds=day.plan.seconds,
            seed=day.plan.seed,
            on_improvement=course.offer,
            stop=course.broken_off.is_set,
            chains=self.chains,
        )
        if course.halt not in {None, Halt.ENOUGH}:
            await self._yield_up(lease, course.halt)
            return
        faults = await asyncio.to_thread(validator.validate, statement.problem, solved)
        if faults:
            told = "; ".join(faults[:MOST_FAULTS_TOLD])
            await self._end(lease, failure=f"The plan breaks {len(faults)} hard rules: {told}")
            return
        proposal = await asyncio.to_thread(planning.proposal, statement, solved)
        await self._end(lease, proposal=proposal)

    async def _begin(self, lease: Lease) -> Day | None:
        async with self._unit(lease) as work:
            plan = await plans.begin(work, lease.subject_id)
            return None if plan is None else await plannable.read(work, plan)

    async def _end(self, lease: Lease, *, proposal: plans.Proposal | None = None, failure: str = "") -> None:
        """The plan's answer and the job's end in one transaction: both or neither."""
        async with self._unit(lease) as work:
            job = await work.get(Job, lease.job_id)
            if job.attempts != lease.attempts or job.state != JobState.RUNNING:
                return
            if proposal is not None:
                await plans.finish(work, lease.subject_id, proposal)
            else:
                await plans.fail(work, lease.subject_id, failure)
            job.state = JobState.DONE if proposal is not None else JobState.FAILED
            job.leased_until = None

    async def _yield_up(self, lease: Lease, why: Halt) -> None:
        if why is Halt.STOPPED:
            await self.queue.give_back(lease)
        elif why is Halt.UNWANTED:
            await self._close(lease, JobState.DONE)

    async def _watch(self, lease: Lease, course: Course) -> None:
        """Beside the search: keep the lease, tell of better plans, break off when nobody wants it."""
        loop = asyncio.get_running_loop()
        renewed = told = loop.time()
        shown: answers.Plan | None = None
        while not course.over.is_set():
            if course.stop.is_set():
                course.break_off(Halt.STOPPED)
            if loop.time() - renewed >= self.lease_seconds / 3:
                renewed = loop.time()
                if await self._guarded(self._renew(lease), "a lease could not be renewed") is False:
                    course.break_off(Halt.LOST)
            latest = course.latest
            better = latest is not None and latest is not shown and loop.time() - told >= IMPROVEMENT_SECONDS
            if better:
                told, shown = loop.time(), latest
            telling = self._tell(lease, course, better=better)
            if (why := await self._guarded(telling, "an improvement could not be told")) is not None:
                course.break_off(why)
            await _pause(course.over, POLL_SECONDS)

    async def _tell(self, lease: Lease, course: Course, *, better: bool) -> Halt | None:
        """Publish the best so far if it is better; why the search is not to go on, if it is not."""
        if better and course.statement is not None and course.latest is not None:
            latest, problem = course.latest, course.statement.problem
            if faults := await asyncio.to_thread(validator.validate, problem, latest):
                structlog.get_logger(__name__).error("an improvement breaks a rule", fault=faults[0])
            else:
                proposal = await asyncio.to_thread(planning.proposal, course.statement, latest)
                async with self._unit(lease) as work:
                    await plans.improve(work, lease.subject_id, proposal)
        async with self._unit(lease) as work:
            plan = await work.find(Plan, lease.subject_id)
        if plan.state not in {PlanState.DRAFT, PlanState.SOLVING}:
            return Halt.UNWANTED
        return Halt.ENOUGH if plan.stop_asked_at is not None else None

    @asynccontextmanager
    async def _unit(self, lease: Lease) -> AsyncIterator[UnitOfWork]:
        viewer = Viewer(organization_id=lease.organization_id, role=Role.ADMIN, subject=SUBJECT)
        async with UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.OPTIMIZER) as work:
            yield work
        if work.xid is not None:  # a look that changed nothing is nothing to tell
            self.hub_announce()

    @property
    def queue(self) -> Queue:
        return Queue(self.system_pool, "plan", self.lease_seconds)

    async def _take(self) -> Lease | None:
        return await self.queue.take(self.clock.now())

    async def _renew(self, lease: Lease) -> bool:
        return await self.queue.renew(lease)

    async def _close(self, lease: Lease, end: JobState) -> None:
        await self.queue.close(lease, end, self.clock.now())


def cores() -> int:
    """How many this process may run on (macOS does not say it of a process)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
