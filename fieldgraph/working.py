"""The composition of a worker process: its pools, the optimizer's queue, and what time alone changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import contracts, imports, milestones, tracks, uploads
from domain.clock import Clock
from domain.errors import Refused
from domain.events import Origin
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.databases import Addresses, system_pool, writing_engine
from fieldgraph.importing import Importer
from fieldgraph.lifelines import stop_on_signals
from fieldgraph.rounds import Rounds
from fieldgraph.settings import Settings
from fieldgraph.timekeeping import Timekeeping
from fieldgraph.worker import Worker
from integrations import maps
from integrations.files import Store
from realtime import arrivals
from realtime.log import Log
from realtime.wakeups import Wakeups

TICKER = "fieldgraph:ticker"
TIDY_SECONDS = 3_600.0
FILES_SECONDS = 300.0
KEPT_ANSWERS = timedelta(days=7)
Answer = TypeVar("Answer")


async def work(settings: Settings) -> None:
    """Run one worker until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    addresses = Addresses.of(settings)
    async with AsyncExitStack() as stack:
        engine = writing_engine(addresses.app)
        stack.push_async_callback(engine.dispose)
        pool = await system_pool(addresses.app)
        stack.push_async_callback(pool.close)
        wakeups = Wakeups(settings.broker_url or addresses.app)
        await wakeups.start()
        stack.push_async_callback(wakeups.stop)
        silence = Silence(engine, settings.clock(), wakeups)
        store = Store(settings.uploads_folder)
        files = Files(engine, settings.clock(), store, wakeups.announce)
        worker = Worker(
            engine=engine,
            system_pool=pool,
            clock=settings.clock(),
            roads=maps.opened(settings.roads_file),
            hub_announce=wakeups.announce,
            extra=[
                silence.settle,
                Terms(engine, settings.clock(), wakeups).turn,
                Timekeeping(engine, settings.clock(), wakeups).go_round,
                Rounds(engine, settings.clock(), wakeups).go,
                Housekeeping(pool, settings.clock()).tidy,
                files.tidy,
            ],
        )
        importer = Importer(
            engine=engine,
            system_pool=pool,
            clock=settings.clock(),
            store=store,
            hub_announce=wakeups.announce,
        )
        structlog.get_logger(__name__).info("worker started")
        await asyncio.gather(worker.run(stop), importer.run(stop))


class Silence:
    """What the silence of a device decides, told for every organization in turn."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.engine = engine
        self.clock = clock
        self.wakeups = wakeups

    async def settle(self) -> None:
        """One round; each technician is a transaction of their own."""
        async with self.engine.begin() as connection:
            organizations = await tracks.organizations(connection)
        for organization_id in organizations:
            viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=TICKER)
            async with self._work(viewer) as work:
                waiting = await arrivals.waiting(work)
            for technician_id in waiting:
                await self._settle(viewer, technician_id)

    async def _settle(self, viewer: Viewer, technician_id: UUID) -> None:
        """One technician; where another transaction is in the way, the next round tries again."""
        try:
            async with self._work(viewer) as work:
                await arrivals.settle(work, technician_id)
        except (Refused, DBAPIError) as error:
            structlog.get_logger(__name__).warning("silence not settled", error=repr(error))
            return
        if work.xid is not None:
            self.wakeups.announce()

    def _work(self, viewer: Viewer) -> UnitOfWork:
        return UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.GEOFENCE)


class Terms:
    """What becomes due: milestones that warn and are breached, contracts that renew themselves and expire."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.engine = engine
        self.clock = clock
        self.wakeups = wakeups

    async def turn(self) -> None:
        """One round over every organization; any number of workers may do it at once."""
        async with self.engine.begin() as connection:
            clocks = await milestones.due(connection, self.clock.now())
            terms = await contracts.due(connection, self.clock.now())
        for organization_id in clocks:
            viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=TICKER)
            while await self._run(viewer, milestones.tick) == milestones.MOST_AT_ONCE:
                pass
        for organization_id in terms:
            viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=TICKER)
            for key in await self._run(viewer, contracts.turning) or ():
                await self._run(viewer, partial(contracts.turn, key=key))

    async def _run(self, viewer: Viewer, verb: Callable[[UnitOfWork], Awaitable[Answer]]) -> Answer | None:
        """A transaction of its own; where another one is in the way, the next round tries again."""
        try:
            async with UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.TIMER) as work:
                answer = await verb(work)
        except (Refused, DBAPIError) as error:
            structlog.get_logger(__name__).warning("a term was not turned", error=repr(error))
            return None
        if work.xid is not None:
            self.wakeups.announce()
        return answer


class Housekeeping:
    """What has been kept for long enough goes: events after 30 days, answers of idempotency keys after 7."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self.pool = pool
        self.log = Log(pool)
        self.clock = clock
        self.tidied_at: float | None = None

    async def tidy(self) -> None:
        """Once an hour of real time; any number of workers may do it at once."""
        if self.tidied_at is not None and time.monotonic() - self.tidied_at < TIDY_SECONDS:
            return
        self.tidied_at = time.monotonic()
        await self.log.prune()
        await self.pool.execute(
            "DELETE FROM idempotency WHERE created_at < $1", self.clock.now() - KEPT_ANSWERS
        )


class Files:
    """Uploads whose time is over go, their bytes after them; any number of workers may do it at once."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, store: Store, hub_announce: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.store = store
        self.hub_announce = hub_announce
        self.tidied_at: float | None = None

    async def tidy(self) -> None:
        """Every few minutes of real time, for every organization in turn."""
        if self.tidied_at is not None and time.monotonic() - self.tidied_at < FILES_SECONDS:
            return
        self.tidied_at = time.monotonic()
        async with self.engine.begin() as connection:
            organizations = await tracks.organizations(connection)
        for organization_id in organizations:
            viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=TICKER)
            async with UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.IMPORT) as work:
                in_use = await imports.uploads_in_use(work)
                gone = await uploads.expire(work, real_now=datetime.now(UTC), in_use=in_use)
            for key in gone:
                await asyncio.to_thread(self.store.remove, organization_id, key)
            if work.xid is not None:
                self.hub_announce()
