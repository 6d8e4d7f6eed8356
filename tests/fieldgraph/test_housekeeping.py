"""Housekeeping: a worker makes the log's days ahead and takes what has been kept for long enough."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.clock import Clock
from fieldgraph import working
from fieldgraph.databases import system_pool
from fieldgraph.working import Housekeeping
from tests.conftest import Database, connected
from tests.realtime.facts import fact, organization

ANSWER = (
    "INSERT INTO idempotency (organization_id, id, version, updated_at, created_at, client, key, input_hash)"
    " VALUES ($1, gen_random_uuid(), 1, $2, $2, 'c', gen_random_uuid()::text, 'h')"
)
TODAY = datetime.now(UTC)


async def days(owner: asyncpg.Connection, parent: str) -> int:
    counted: int = await owner.fetchval("SELECT count(*) FROM log_days WHERE parent = $1", parent)
    return counted


async def test_what_is_over_goes_and_what_comes_has_its_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "TIDY_SECONDS", 0.0)
    pool = await system_pool(database.app_url)
    async with connected(database.owner_url) as owner:
        # given
        heatworks = await organization(owner)
        for age in (40, 35, 31, 1):
            await fact(owner, heatworks, str(age), age_days=age)
        for back in (8, 6):
            await owner.execute(ANSWER, heatworks, TODAY - timedelta(days=back))
        tomorrow = f"{TODAY + timedelta(days=1):%Y%m%d}"
        await owner.execute(f"DROP TABLE event_{tomorrow}, touched_{tomorrow}")
        keeper = Housekeeping(pool, Clock())
        # when
        await keeper.tidy()
        # then
        assert [row[0] for row in await owner.fetch("SELECT type FROM event ORDER BY xid")] == ["31", "1"]
        assert (await days(owner, "event"), await days(owner, "touched")) == (3, 3)
        kept = await owner.fetch("SELECT created_at FROM idempotency")
        assert [row[0] for row in kept] == [TODAY - timedelta(days=6)]
        # and no sooner than an hour later again
        monkeypatch.undo()
        await owner.execute(f"DROP TABLE event_{tomorrow}")
        await keeper.tidy()
        assert await days(owner, "event") == 2
    await pool.close()
