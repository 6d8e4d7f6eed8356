"""The composition of a worker process: its pools, its queues, and its rounds."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import imports, uploads
from domain.clock import Clock
from domain.events import Origin
from fieldgraph.databases import Addresses, system_pool, writing_engine
from fieldgraph.importing import Importer
from fieldgraph.lifelines import stop_on_signals
from fieldgraph.settings import Settings
from fieldgraph.timekeeping import Silence, Terms, Timekeeping, Upkeep
from fieldgraph.turns import Turns
from fieldgraph.worker import Worker
from integrations import maps
from integrations.files import Store
from realtime import retention
from realtime.wakeups import Wakeups

TIDY_SECONDS = 3_600.0
FILES_SECONDS = 300.0
KEPT_ANSWERS = timedelta(days=7)


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
                Upkeep(engine, settings.clock(), wakeups).go_round,
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


class Housekeeping:
    """What has been kept for long enough goes: events after 30 days, answers of idempotency keys after 7.

    What was touched goes after one; and the days to come get their partitions.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self.pool = pool
        self.clock = clock
        self.tidied_at: float | None = None

    async def tidy(self) -> None:
        """Once an hour of real time; any number of workers may do it at once."""
        if self.tidied_at is not None and time.monotonic() - self.tidied_at < TIDY_SECONDS:
            return
        self.tidied_at = time.monotonic()
        await retention.make_ahead(self.pool)
        for table in retention.KEPT:
            await retention.drop_expired(self.pool, table)
        await self.pool.execute(
            "DELETE FROM idempotency WHERE created_at < $1", self.clock.now() - KEPT_ANSWERS
        )


class Files:
    """Uploads whose time is over go, their bytes after them; any number of workers may do it at once."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, store: Store, hub_announce: Callable[[], None]
    ) -> None:
        self.turns = Turns(
            engine=engine,
            clock=clock,
            announce=hub_announce,
            subject="fieldgraph:ticker",
            origin=Origin.IMPORT,
        )
        self.store = store
        self.tidied_at: float | None = None

    async def tidy(self) -> None:
        """Every few minutes of real time, for every organization in turn."""
        if self.tidied_at is not None and time.monotonic() - self.tidied_at < FILES_SECONDS:
            return
        self.tidied_at = time.monotonic()
        for organization_id in await self.turns.organizations():
            async with self.turns.unit(organization_id) as work:
                in_use = await imports.uploads_in_use(work)
                gone = await uploads.expire(work, real_now=datetime.now(UTC), in_use=in_use)
            for key in gone:
                await asyncio.to_thread(self.store.remove, organization_id, key)
