"""A workplace for importers in tests: a company, a store, and files handed in without a door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import imports, uploads
from domain.clock import Clock
from domain.imports import Import, ImportLine
from domain.sheets import ImportKind
from fieldgraph.addresses import SYSTEM_ROLE
from fieldgraph.databases import writing_engine
from fieldgraph.importing import Importer
from integrations.files import Store
from tests.conftest import Database, connected
from tests.domain.world import MORNING, World

REAL = datetime(2026, 11, 23, 5, tzinfo=UTC)


@dataclass
class Office:
    """Where files come in."""

    database: Database
    engine: AsyncEngine
    system_pool: "asyncpg.Pool[asyncpg.Record]"
    world: World
    store: Store

    def importer(self, *, most: int = 500, lease_seconds: float = 15) -> Importer:
        return Importer(
            engine=self.engine,
            system_pool=self.system_pool,
            clock=Clock(business_origin=MORNING.timestamp(), speed=1e-9),
            store=self.store,
            hub_announce=lambda: None,
            lease_seconds=lease_seconds,
            most=most,
        )

    async def hand_in(self, content: bytes) -> UUID:
        async with self.world.unit() as work:
            said = {"name": "rows.csv", "content_type": "text/csv", "bytes": max(1, len(content))}
            upload = await uploads.create(work, said, real_now=REAL, most_bytes=10**9)
            file = self.store.folder / f"{upload.id}.csv"
            await asyncio.to_thread(file.write_bytes, content)
            digest = self.store.copy(self.world.organization_id, upload.id, file)
            await uploads.store(work, upload.id, digest, real_now=REAL)
        return upload.id

    async def ask(self, kind: ImportKind, content: bytes | str, *, dry_run: bool = False) -> UUID:
        """The import, waiting for a worker."""
        upload_id = await self.hand_in(content if isinstance(content, bytes) else content.encode())
        async with self.world.unit() as work:
            upload = await uploads.usable(work, upload_id, real_now=REAL)
            return (await imports.request(work, upload, kind, dry_run=dry_run)).id

    async def bring(
        self, kind: ImportKind, content: bytes | str, *, dry_run: bool = False, most: int = 500
    ) -> Import:
        """Asked for, and brought in at once."""
        key = await self.ask(kind, content, dry_run=dry_run)
        assert await self.importer(most=most).turn(asyncio.Event())
        return await self.world.read(Import, key)

    async def report(self, key: UUID) -> list[tuple[int, str | None, list[tuple[Any, Any]]]]:
        """Number, outcome, and columns with codes of what is wrong."""
        lines = sorted(await self.world.all(ImportLine, import_id=key), key=lambda line: line.number)
        return [
            (line.number, line.outcome, [(one["column"], one["code"]) for one in line.user_errors])
            for line in lines
        ]

    async def facts(self) -> list[tuple[str, str, str]]:
        """Type, origin and actor of all events that are not about the import itself."""
        query = (
            "SELECT type, origin, actor FROM event WHERE organization_id = $1"
            " AND topic NOT IN ('import', 'upload') ORDER BY xid, n"
        )
        async with connected(self.database.owner_url) as connection:
            return [tuple(row) for row in await connection.fetch(query, self.world.organization_id)]


@asynccontextmanager
async def office(database: Database, folder: Path) -> AsyncIterator[Office]:
    engine = writing_engine(database.app_url)
    settings = {"role": SYSTEM_ROLE}
    try:
        async with asyncpg.create_pool(database.owner_url, server_settings=settings, min_size=1) as pool:
            yield Office(database, engine, pool, await World.make(engine), Store(folder))
    finally:
        await engine.dispose()


def counts(row: Import) -> tuple[int, int, int, int]:
    return row.created, row.updated, row.unchanged, row.failed
