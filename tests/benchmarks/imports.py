"""Imports: how fast a file of customers comes in, how long a chunk takes at most, and what memory it needs.

Once new and once unchanged, by one importer, on an embedded Postgres that waits for its disk.

python3 run.py bench imports [--lines 100000] [--json FILE]
"""

import argparse
import asyncio
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import imports, uploads
from domain.clock import Clock
from domain.imports import Import
from domain.sheets import ImportKind
from fieldgraph.addresses import APP_ROLE
from fieldgraph.databases import system_pool, writing_engine
from fieldgraph.importing import Importer
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from integrations.files import Store
from tests.domain.world import World

HEADER = "system,key,number,name,tier\n"
KILOBYTES_A_MEGABYTE = 1024


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000, help="of the file")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
    folder.chmod(0o711)  # the account of the embedded server goes through it
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            asyncio.run(migrate(postgres.url()))
            figures = asyncio.run(_measure(postgres.url(user=APP_ROLE), folder, options.lines))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, found in figures.items():
        told = ", ".join(f"{what} {value:,.1f}" for what, value in found.items())
        sys.stdout.write(f"{name:10} {told}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


async def _measure(app_url: str, folder: Path, lines: int) -> dict[str, dict[str, float]]:
    engine, store = writing_engine(app_url), Store(folder / "uploads")
    pool = await system_pool(app_url)
    longest: list[float] = [0.0]
    try:
        world = await World.make(engine)
        importer = Importer(
            engine=engine, system_pool=pool, clock=Clock(), store=store, hub_announce=lambda: None
        )
        with _timed(engine, longest):
            return {
                name: await _bring(world, importer, longest, lines=lines) for name in ("new", "unchanged")
            }
    finally:
        await pool.close()
        await engine.dispose()


@contextmanager
def _timed(engine: AsyncEngine, longest: list[float]) -> Iterator[None]:
    """Keeps how long the longest transaction was."""
    began: dict[int, float] = {}

    def begin(connection: Any) -> None:
        began[id(connection)] = time.monotonic()

    def commit(connection: Any) -> None:
        longest[0] = max(longest[0], time.monotonic() - began.pop(id(connection), time.monotonic()))

    event.listen(engine.sync_engine, "begin", begin)
    event.listen(engine.sync_engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "begin", begin)
        event.remove(engine.sync_engine, "commit", commit)


async def _bring(world: World, importer: Importer, longest: list[float], *, lines: int) -> dict[str, float]:
    key = await _ask(world, importer.store, lines)
    longest[0] = 0.0
    before = _resident()
    began = time.monotonic()
    if not await importer.turn(asyncio.Event()):
        raise RuntimeError("nothing waited to be brought in")
    seconds = time.monotonic() - began
    row = await world.read(Import, key)
    if (row.state, row.rows_done, row.failed) != ("DONE", lines, 0):
        raise RuntimeError(f"{row.state}: {row.rows_done} of {lines} lines, {row.failed} refused")
    return {
        "rows_a_second": lines / seconds,
        "seconds": seconds,
        "longest_transaction_ms": longest[0] * 1000,
        "grown_mb": _resident() - before,
    }


async def _ask(world: World, store: Store, lines: int) -> UUID:
    content = (
        HEADER + "".join(f"erp,{n},K-{n:07d},Customer number {n},KEY\n" for n in range(lines))
    ).encode()
    now = datetime.now(UTC)
    async with world.unit() as work:
        said = {"name": "customers.csv", "content_type": "text/csv", "bytes": len(content)}
        upload = await uploads.create(work, said, real_now=now, most_bytes=len(content))
        store.folder.mkdir(exist_ok=True)
        file = store.folder / "customers.csv"
        await asyncio.to_thread(file.write_bytes, content)
        digest = await asyncio.to_thread(store.copy, world.organization_id, upload.id, file)
        await uploads.store(work, upload.id, digest, real_now=now)
        return (await imports.request(work, upload, ImportKind.CUSTOMERS, dry_run=False)).id


def _resident() -> float:
    """The most this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES_A_MEGABYTE


if __name__ == "__main__":
    main()
