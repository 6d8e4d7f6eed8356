"""Facts for tests of the log: organizations and events written straight into the tables, as the owner."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from fieldgraph.databases import SYSTEM_SETTINGS
from realtime.log import Entry, Place
from tests.patience import PATIENCE_SECONDS

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SAMPLE = Entry(
    place=Place(1, 0),
    organization_id=UUID(int=1),
    topic="visits",
    type="1",
    subject_id=UUID(int=2),
    subject_version=1,
    payload={},
    scope_before={},
    scope_after={},
    origin="API",
    actor="tester",
    reason=None,
    occurred_at=AT,
    recorded_at=AT,
)
"""An event as the log's reader gives it, for tests without a database."""
SCOPE = json.dumps({"technicians": [], "start": None})
INSERT = (
    "INSERT INTO event (xid, n, organization_id, topic, type, subject_id, subject_version, payload,"
    " scope_before, scope_after, origin, actor, reason, occurred_at, recorded_at) VALUES"
    " (pg_current_xact_id(), $1, $2, $8, $3, $4, 1, '{\"before\": {}}', $5, $5, 'API', 'tester', NULL,"
    " $6, clock_timestamp() - $7::interval)"
)


async def organization(owner: asyncpg.Connection, name: str = "Heatworks") -> UUID:
    key = uuid4()
    await owner.execute(
        "INSERT INTO organization (id, name, time_zone, currency, version, updated_at)"
        " VALUES ($1, $2, 'Europe/Helsinki', 'EUR', 1, $3)",
        key,
        name,
        AT,
    )
    return key


async def fact(
    owner: asyncpg.Connection,
    organization_id: UUID,
    name: str,
    *,
    n: int = 0,
    age_days: float = 0,
    topic: str = "visits",
) -> None:
    """One event called `name`; its transaction is the connection's."""
    age = timedelta(days=age_days)
    await owner.execute(INSERT, n, organization_id, name, uuid4(), SCOPE, AT, age, topic)


async def facts(owner: asyncpg.Connection, organization_id: UUID, names: list[str]) -> None:
    """All of them in one transaction."""
    async with owner.transaction():
        for n, name in enumerate(names):
            await fact(owner, organization_id, name, n=n)


async def write_slowly(url: str, organization_id: UUID, names: Iterator[str], *, count: int) -> None:
    """Transactions of five events, each open for 30 ms, one after the other."""
    owner = await asyncpg.connect(url)
    try:
        for _ in range(count):
            async with owner.transaction():
                await facts(owner, organization_id, [next(names) for _ in range(5)])
                await asyncio.sleep(0.03)
    finally:
        await owner.close()


@asynccontextmanager
async def system_pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    settings = {**SYSTEM_SETTINGS, "application_name": "reader"}
    async with asyncpg.create_pool(url, min_size=1, max_size=4, server_settings=settings) as pool:
        yield pool


async def until(done: Callable[[], bool]) -> None:
    """Gives the others their turn until it is so; fails when its patience is over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.005)
