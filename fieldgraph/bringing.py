"""Bringing a file in from the command line: handed in, asked for, and worked on here until it is done."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from domain import imports, uploads
from domain.events import Origin
from domain.imports import UNFINISHED, Import, ImportState
from domain.sheets import ImportKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.databases import Addresses, system_pool, writing_engine
from fieldgraph.importing import Importer
from fieldgraph.settings import Settings
from integrations.files import Store
from realtime.wakeups import Wakeups

SUBJECT = "fieldgraph:cli"
POLL_SECONDS = 0.2
MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which file, of what, for whom."""

    kind: ImportKind
    file: Path
    organization_id: UUID
    dry_run: bool


async def bring(settings: Settings, wanted: Wanted, *, tell: Callable[[str], None]) -> bool:
    """Whether every line was good. A worker that is quicker does it, which is as well."""
    addresses = Addresses.of(settings)
    async with AsyncExitStack() as stack:
        engine = writing_engine(addresses.app)
        stack.push_async_callback(engine.dispose)
        pool = await system_pool(addresses.app)
        stack.push_async_callback(pool.close)
        wakeups = Wakeups(settings.broker_url or addresses.app)
        await wakeups.start()
        stack.push_async_callback(wakeups.stop)
        viewer = Viewer(organization_id=wanted.organization_id, role=Role.ADMIN, subject=SUBJECT)

        def unit() -> UnitOfWork:
            return UnitOfWork(engine, viewer, settings.clock().now(), origin=Origin.IMPORT)

        store, stop = Store(settings.uploads_folder), asyncio.Event()
        async with unit() as work:
            key = await _asked(work, wanted, store)
        importer = Importer(
            engine=engine,
            system_pool=pool,
            clock=settings.clock(),
            store=store,
            hub_announce=wakeups.announce,
        )
        working = asyncio.create_task(importer.run(stop))
        try:
            row = await _ended(unit, key)
        finally:
            stop.set()
            await working
        async with unit() as work:
            for line in await imports.refused_lines(work, key, most=MOST_TOLD):
                for one in line.user_errors:
                    tell(f"line {line.number}, {one['column'] or 'as a whole'}: {one['message']}")
    tell(
        f"{row.state}: {row.rows_done} lines, {row.created} created, {row.updated} updated,"
        f" {row.unchanged} unchanged, {row.failed} failed{'; nothing was written' if row.dry_run else ''}"
    )
    if row.failure is not None:
        tell(row.failure)
    return row.state == ImportState.DONE and row.failed == 0


async def _asked(work: UnitOfWork, wanted: Wanted, store: Store) -> UUID:
    now = datetime.now(UTC)
    length = wanted.file.stat().st_size
    said = {"name": wanted.file.name[:200], "content_type": "text/csv", "bytes": length}
    upload = await uploads.create(work, said, real_now=now, most_bytes=max(1, length))
    digest = await asyncio.to_thread(store.copy, work.viewer.organization_id, upload.id, wanted.file)
    await uploads.store(work, upload.id, digest, real_now=now)
    return (await imports.request(work, upload, wanted.kind, dry_run=wanted.dry_run)).id


async def _ended(unit: Callable[[], UnitOfWork], key: UUID) -> Import:
    while True:
        async with unit() as work:
            row = await work.find(Import, key)
        if row.state not in UNFINISHED:
            return row
        await asyncio.sleep(POLL_SECONDS)
