"""Importing: takes imports from the queue, stages their lines and keeps their rows, chunk by chunk.

What a chunk does and how far the import is commit together; a worker that dies between two chunks, or in one,
leaves the import where it was, and whoever has the lease next goes on from there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import imports, jobs
from domain.clock import Clock
from domain.events import Origin
from domain.imports import MOST_LINES, UNFINISHED, Import, ImportState
from domain.jobs import JobState
from domain.sheets import Unreadable
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.leases import LEASE_SECONDS, Lease, Queue
from integrations import sheets
from integrations.files import Store

POLL_SECONDS = 0.25
SLOW_SECONDS = 2.0
"""A chunk that takes longer is halved: a transaction has five seconds."""
TOO_MUCH = frozenset({"57014", "25P04", "40001", "40P01"})
"""Too slow, or given way to another transaction: tried again with half as many lines."""
GONE = "The file is not here any more; hand it in again."


class Lost(Exception):
    """Another worker has the job."""


@dataclass(kw_only=True)
class Importer:
    """The imports of a worker process. `hub_announce` is called after every commit with events."""

    engine: AsyncEngine
    system_pool: "asyncpg.Pool[asyncpg.Record]"
    clock: Clock
    store: Store
    hub_announce: Callable[[], None]
    lease_seconds: float = LEASE_SECONDS
    most: int = MOST_LINES

    @property
    def queue(self) -> Queue:
        return Queue(self.system_pool, imports.JOB, self.lease_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; an import that is then running goes back to the queue."""
        while not stop.is_set():
            try:
                found = await self.turn(stop)
            except Exception:  # noqa: BLE001  # logged with its trace; the lease runs out, and it is tried again
                structlog.get_logger(__name__).exception("an import could not be worked on")
                found = False
            if not found:
                await _pause(stop, POLL_SECONDS)

    async def turn(self, stop: asyncio.Event) -> bool:
        """Take one import and see it through; False: there was none."""
        lease = await self.queue.take(self.clock.now())
        if lease is None:
            return False
        over = asyncio.Event()
        heart = asyncio.create_task(self._beat(lease, over))
        try:
            if not await self._see_through(lease, stop):
                await self.queue.give_back(lease)
        except Lost:
            structlog.get_logger(__name__).warning("an import was lost", subject=str(lease.subject_id))
        finally:
            over.set()
            await heart
        return True

    async def _see_through(self, lease: Lease, stop: asyncio.Event) -> bool:
        """False: told to stop before the end."""
        async with self._unit(lease) as work:
            row = await imports.begin(work, lease.subject_id)
            if row.state not in UNFINISHED:
                await jobs.end(work, lease.job_id, JobState.FAILED)
        if row.state == ImportState.STAGING:
            try:
                with self.store.open(lease.organization_id, row.upload_id) as stream:
                    if not await self._stage(lease, stop, row, stream=stream):
                        return False
            except (FileNotFoundError, Unreadable) as error:
                await self._fail(lease, str(error) if isinstance(error, Unreadable) else GONE)
                return True
        return await self._write(lease, stop)

    async def _stage(self, lease: Lease, stop: asyncio.Event, row: Import, *, stream: BinaryIO) -> bool:
        lines = sheets.lines(stream, row.sheet)
        await asyncio.to_thread(lambda: next(islice(lines, row.rows_staged, row.rows_staged), None))
        while not stop.is_set():
            chunk = await asyncio.to_thread(lambda: list(islice(lines, self.most)))
            async with self._held(lease) as (work, held):
                if not chunk:
                    await imports.staged(work, held)
                    return True
                await imports.stage(work, held, chunk)
        return False

    async def _write(self, lease: Lease, stop: asyncio.Event) -> bool:
        most = self.most
        while not stop.is_set():
            began = time.monotonic()
            try:
                async with self._held(lease) as (work, held):
                    if held.state not in UNFINISHED:
                        return True
                    if not await imports.write(work, held, most=most):
                        await jobs.end(work, lease.job_id, JobState.DONE)
                        return True
            except DBAPIError as error:
                if most == 1 or getattr(error.orig, "sqlstate", None) not in TOO_MUCH:
                    raise
                most = max(1, most // 2)
                continue
            slow = time.monotonic() - began > SLOW_SECONDS
            most = max(1, most // 2) if slow else min(self.most, most * 2)
        return False

    async def _fail(self, lease: Lease, failure: str) -> None:
        async with self._held(lease) as (work, row):
            await imports.fail(work, row, failure)
            await jobs.end(work, lease.job_id, JobState.FAILED)
        structlog.get_logger(__name__).info(
            "an import was refused", subject=str(lease.subject_id), why=failure
        )

    @asynccontextmanager
    async def _held(self, lease: Lease) -> AsyncIterator[tuple[UnitOfWork, Import]]:
        """A unit with the import's row, which one worker has at a time. Raises Lost."""
        async with self._unit(lease) as work:
            row = await work.get(Import, lease.subject_id)
            if not await jobs.holds(work, lease.job_id, lease.attempts):
                raise Lost
            work.reason = f"Import of {row.name}"
            yield work, row

    @asynccontextmanager
    async def _unit(self, lease: Lease) -> AsyncIterator[UnitOfWork]:
        """In the name of who asked for it, who had to be one of those who keep everything."""
        viewer = Viewer(organization_id=lease.organization_id, role=Role.ADMIN, subject=lease.requested_by)
        async with UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.IMPORT) as work:
            yield work
        if work.xid is not None:
            self.hub_announce()

    async def _beat(self, lease: Lease, over: asyncio.Event) -> None:
        """Keeps the lease; whoever has lost it hears of it in the next chunk."""
        while not over.is_set():
            await _pause(over, self.lease_seconds / 3)
            if not over.is_set():
                try:
                    await self.queue.renew(lease)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    structlog.get_logger(__name__).exception("a lease could not be renewed")


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
