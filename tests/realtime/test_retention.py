"""Retention: no insert ever fails, what has been kept goes by the day, and what is left is whole."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from fieldgraph.addresses import SYSTEM_ROLE
from realtime import retention
from realtime.log import EVER, Frontier, Log, Place, Reading
from realtime.retention import drop_expired, make_ahead
from realtime.touches import Interest
from resolvers.reads import ENTER
from tests.conftest import Database, connected
from tests.realtime.facts import AT, SCOPE, fact, organization, system_pool, until
from tests.realtime.houses import DEAD_BROKER, house_of, taken

BEGINNING = Place(0, -1)
LIES_IN = "SELECT tableoid::regclass::text FROM event WHERE type = $1"
AGED = (
    "INSERT INTO event (xid, n, organization_id, topic, type, subject_id, subject_version, payload,"
    " scope_before, scope_after, origin, actor, reason, occurred_at, recorded_at) VALUES"
    " ($1::text::xid8, $2, $3, 'visits', $4, $5, 1, '{}', $6, $6, 'API', 'tester', NULL, $7, $8)"
)


@dataclass
class Kept:
    """A database as its owner and as the system see it, with one organization in it."""

    database: Database
    owner: asyncpg.Connection
    pool: asyncpg.Pool
    heatworks: UUID

    async def days(self, parent: str = "event") -> list[str]:
        rows = await self.owner.fetch("SELECT name FROM log_days WHERE parent = $1 ORDER BY since", parent)
        return [row[0] for row in rows]

    async def lies_in(self, name: str) -> str:
        return str(await self.owner.fetchval(LIES_IN, name))

    async def told(self, xid: int, name: str, *, n: int = 0, at: datetime) -> None:
        """An event of any transaction, recorded at any time."""
        key = uuid4()
        await self.owner.execute(AGED, str(xid), n, self.heatworks, name, key, SCOPE, AT, at)

    async def names(self) -> list[str]:
        return [entry.type for entry in await Log(self.pool).after(BEGINNING)]


@pytest.fixture
async def kept(database: Database) -> AsyncIterator[Kept]:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        yield Kept(database, owner, pool, await organization(owner))


def midnight(days_ago: int) -> datetime:
    """The start of that day, by real time, as the days of the log are."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)


def day(parent: str, days_ago: int) -> str:
    return f"{parent}_{midnight(days_ago):%Y%m%d}"


async def test_today_and_two_days_more_are_there_and_made_once(kept: Kept) -> None:
    for parent in retention.KEPT:
        assert await kept.days(parent) == [day(parent, -ahead) for ahead in range(3)]
    assert await make_ahead(kept.pool) == 0
    await fact(kept.owner, kept.heatworks, "today")
    assert await kept.lies_in("today") == day("event", 0)


async def test_many_processes_may_make_them_at_once(kept: Kept) -> None:
    await kept.owner.execute(f"DROP TABLE {day('event', -1)}, {day('touched', -2)}")
    made = await asyncio.gather(*(make_ahead(kept.pool) for _ in range(4)))
    assert sum(made) == 2
    for parent in retention.KEPT:
        assert await kept.days(parent) == [day(parent, -ahead) for ahead in range(3)]


async def test_who_was_off_for_weeks_or_whose_clock_jumps_can_still_write(kept: Kept) -> None:
    # given no day's partition at all
    for parent in retention.KEPT:
        for name in await kept.days(parent):
            await kept.owner.execute(f"DROP TABLE {name}")
    # when
    await fact(kept.owner, kept.heatworks, "unexpected")
    await fact(kept.owner, kept.heatworks, "ahead", age_days=-1)
    await kept.owner.execute("UPDATE organization SET name = 'Other'")
    # then
    assert [await kept.lies_in(name) for name in ("unexpected", "ahead")] == ["event_rest"] * 2
    assert await kept.owner.fetchval("SELECT count(*) FROM touched_rest") > 0
    # and the days that have begun in the net stay there
    assert await make_ahead(kept.pool) == 3
    assert await kept.days("event") == [day("event", -2)]
    assert await kept.days("touched") == [day("touched", -1), day("touched", -2)]
    await fact(kept.owner, kept.heatworks, "later")
    await fact(kept.owner, kept.heatworks, "after", age_days=-2)
    assert [await kept.lies_in(name) for name in ("later", "after")] == ["event_rest", day("event", -2)]
    assert await kept.names() == ["unexpected", "ahead", "later", "after"]


async def test_days_past_their_time_go_and_the_newest_expired_event_stays(kept: Kept) -> None:
    # given days with partitions, some of them without an event, and one without a partition
    for days_ago in (45, 40, 39, 33, 31, 29):
        await kept.owner.execute("SELECT log_day('event', $1)", midnight(days_ago).date())
    for days_ago in (45, 40, 36, 33, 29):
        await fact(kept.owner, kept.heatworks, f"{days_ago}", age_days=days_ago)
    assert await kept.lies_in("36") == "event_rest"
    places = {entry.type: entry.place for entry in await Log(kept.pool).after(BEGINNING)}
    # when
    gone = [await drop_expired(kept.pool, "event") for _ in range(2)]
    # then
    assert gone == [
        [day("event", 45), day("event", 40), day("event", 39), f"event_rest {midnight(36):%Y%m%d}"],
        [],
    ]
    assert await kept.names() == ["33", "29"]
    reached = {name: await Log(kept.pool).reaches(place) for name, place in places.items()}
    assert reached == {"45": False, "40": False, "36": False, "33": True, "29": True}
    # and as soon as a newer one has expired, the mark goes
    await fact(kept.owner, kept.heatworks, "30 and a half", age_days=30.001)
    await kept.owner.execute("DELETE FROM event WHERE type = '29'")
    assert (await drop_expired(kept.pool, "event"))[0] == day("event", 33)
    assert await kept.names() == ["30 and a half"]


async def test_a_transaction_over_midnight_goes_whole_and_no_gap_is_left(kept: Kept) -> None:
    """One that began early and wrote late, beside one that began late and wrote early."""
    for days_ago in (40, 39, 38):
        await kept.owner.execute("SELECT log_day('event', $1)", midnight(days_ago).date())
    second = timedelta(seconds=1)
    await kept.told(3, "3", at=midnight(39) - 9 * second)
    await kept.told(4, "4", at=midnight(39) + second)
    await kept.told(5, "5a", at=midnight(39) - 2 * second)
    await kept.told(5, "5b", n=1, at=midnight(39) + 2 * second)
    await kept.told(6, "6", at=midnight(39) + 3 * second)
    await kept.told(7, "7", at=midnight(38) + 3 * second)
    assert await kept.names() == ["3", "4", "5a", "5b", "6", "7"], "in their order, wherever they lie"
    whole = await Log(kept.pool).after(Place(4, 0), limit=1)
    assert [entry.type for entry in whole] == ["5a", "5b"]

    async with kept.owner.transaction():
        await kept.owner.execute("DELETE FROM event WHERE type = '7'")
        await kept.owner.execute("DELETE FROM event WHERE type = '6'")
    assert await drop_expired(kept.pool, "event") == [], "what is left of the next day goes with this one"
    await kept.told(6, "6", at=midnight(39) + 3 * second)
    await kept.told(7, "7", at=midnight(38) + 3 * second)
    assert await drop_expired(kept.pool, "event") == [day("event", 40), day("event", 39)]
    assert await kept.names() == ["7"]
    reached = [await Log(kept.pool).reaches(Place(xid, n)) for xid, n in ((5, 0), (6, 0), (7, -1), (7, 0))]
    assert reached == [False, False, False, True]


async def test_what_is_not_past_its_time_cannot_be_dropped(kept: Kept) -> None:
    await kept.owner.execute("SELECT log_day('event', $1)", midnight(30).date())
    for name in (day("event", 0), day("event", 30), day("touched", 0)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not past its time"):
            await kept.pool.fetchval("SELECT log_drop($1)", name)
    for other in ("visit", "event_rest", "nothing"):
        assert await kept.pool.fetchval("SELECT log_drop($1)", other) is True
        assert await kept.owner.fetchval("SELECT to_regclass('visit') IS NOT NULL")
    assert await kept.owner.fetchval("SELECT to_regclass('event_rest') IS NOT NULL")
    async with connected(kept.database.app_url) as app:
        for call in ("log_drop('x')", "log_ahead()", "log_day('event', current_date)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetchval(f"SELECT {call}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await kept.pool.fetchval("SELECT log_day('event', current_date)")


async def test_no_partition_is_a_way_past_the_policies_of_its_table(kept: Kept) -> None:
    coolworks = await organization(kept.owner, "Coolworks")
    await fact(kept.owner, kept.heatworks, "mine")
    await fact(kept.owner, coolworks, "theirs")
    await fact(kept.owner, coolworks, "long ago", age_days=9)
    parts = [
        row[0]
        for row in await kept.owner.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind = 'r'"
            " AND c.relrowsecurity AND c.relforcerowsecurity ORDER BY 1"
        )
    ]
    assert parts == sorted(
        [day(p, -n) for p in retention.KEPT for n in range(3)] + ["event_rest", "touched_rest"]
    )
    async with (
        connected(kept.database.app_url) as app,
        connected(kept.database.app_url, SYSTEM_ROLE) as system,
    ):
        await app.execute(ENTER, str(kept.heatworks), "ADMIN", "ada", "", "", "", "")
        for part in parts:
            for statement in (
                f"SELECT * FROM {part}",
                f"DELETE FROM {part}",
                f"INSERT INTO {part} DEFAULT VALUES",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await app.execute(statement)
                if not (part.endswith("_rest") and statement.startswith("SELECT")):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await system.execute(statement)
        assert [row[0] for row in await app.fetch("SELECT type FROM event")] == ["mine"]
        for statement in ("DELETE FROM event", "UPDATE event SET type = 'x'", "TRUNCATE event"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
        assert await system.fetchval("SELECT count(*) FROM event") == 3


async def test_who_reads_or_writes_for_long_is_not_waited_for(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.01)
    for days_ago in (40, 39):
        await kept.owner.execute("SELECT log_day('event', $1)", midnight(days_ago).date())
        await fact(kept.owner, kept.heatworks, f"{days_ago}", age_days=days_ago)
    async with connected(kept.database.owner_url) as busy:
        async with busy.transaction():
            # given
            await fact(busy, kept.heatworks, "slow")
            dropping = asyncio.create_task(drop_expired(kept.pool, "event"))
            waits = []
            # when others write all the while
            while not dropping.done():
                started = time.perf_counter()
                await fact(kept.owner, kept.heatworks, "quick")
                waits.append(time.perf_counter() - started)
                await asyncio.sleep(0.01)
            # then
            assert await dropping == []
            assert max(waits) < 1.0
            assert day("event", 40) in await kept.days()
        assert await drop_expired(kept.pool, "event") == [day("event", 40)]


async def test_what_was_touched_goes_after_a_day_and_what_may_be_missing_is_not_called_untouched(
    kept: Kept,
) -> None:
    log, skills = Log(kept.pool), Interest({"skill": None})
    seen = await kept.owner.fetchval("SELECT pg_current_snapshot()::text")
    assert await log.untouched(kept.heatworks, skills, seen)
    for days_ago in (3, 2):
        await kept.owner.execute(
            "INSERT INTO touched SELECT pg_current_xact_id(), $1, 'skill', NULL, $2",
            kept.heatworks,
            midnight(days_ago) + timedelta(hours=1),
        )
    between = await kept.owner.fetchval("SELECT pg_current_snapshot()::text")
    await kept.owner.execute(
        "INSERT INTO touched SELECT pg_current_xact_id(), $1, 'site', NULL, $2",
        kept.heatworks,
        datetime.now(UTC) - timedelta(hours=24.1),
    )
    await kept.owner.execute("DELETE FROM touched WHERE table_name = 'organization'")
    assert not await log.untouched(kept.heatworks, skills, seen)

    gone = await drop_expired(kept.pool, "touched")

    assert gone == [f"touched_rest {midnight(ago):%Y%m%d}" for ago in (3, 2)]
    assert not await log.untouched(kept.heatworks, skills, seen)
    assert await log.untouched(kept.heatworks, skills, between)


def reading(horizon: int, unborn: int, second: int) -> Reading:
    return Reading([], horizon, unborn, AT + timedelta(seconds=second))


def test_the_frontier_moves_only_over_what_has_ended() -> None:
    frontier = Frontier()
    assert frontier.since == EVER
    frontier.advance(reading(10, 10, 0))
    assert frontier.since == EVER
    frontier.advance(reading(10, 10, 1))
    assert frontier.since == AT
    # when a transaction stays open for long, and others come and go
    frontier.advance(reading(12, 15, 2))
    frontier.advance(reading(12, 19, 900))
    frontier.advance(reading(12, 30, 1800))
    assert frontier.since == AT + timedelta(seconds=1)
    frontier.advance(reading(30, 30, 1801))
    frontier.advance(reading(30, 30, 1802))
    assert frontier.since == AT + timedelta(seconds=1801)


async def test_a_reader_opens_only_the_days_that_may_hold_something_new(database: Database) -> None:
    async with house_of(database) as house:
        # given a reader whose frontier is of now, and a transaction that was open all the while
        hub = await house.hub(DEAD_BROKER, busy_poll_seconds=0.01)
        await until(lambda: hub._frontier.since > EVER)
        async with house.listen(hub) as one, connected(database.owner_url) as early:
            opened = early.transaction()
            await opened.start()
            await fact(early, house.heatworks, "early")
            looks = hub._looks
            await until(lambda: hub._looked > looks + 2)  # two looks from before it may still count
            since = hub._frontier.since
            await asyncio.sleep(0.2)
            assert hub._frontier.since == since
            await house.say("late")
            await opened.commit()
            # then
            assert await taken(one, 2) == ["early", "late"]
        await house.owner.execute("SELECT log_day('event', current_date - n) FROM generate_series(1, 5) n")
        plan = await house.owner.fetch(
            "EXPLAIN (COSTS OFF) SELECT * FROM event WHERE recorded_at >= least($1::timestamptz, now())"
            " - interval '1 day' AND (xid, n) > ('1'::xid8, 0)",
            hub._frontier.since,
        )
        opened_days = set(re.findall(r" on (event_\w+)", "\n".join(row[0] for row in plan)))
        days = {day("event", days_ago) for days_ago in (1, 0, -1, -2)}
        assert {name for name in opened_days if not name.endswith("_pkey")} == {*days, "event_rest"}


async def test_a_clock_that_is_put_back_hides_nothing_new(kept: Kept) -> None:
    log, now = Log(kept.pool), datetime.now(UTC)
    for hours in (30, 20, 0):
        await fact(kept.owner, kept.heatworks, f"{hours}", age_days=hours / 24)

    async def since(bound: datetime) -> list[str]:
        found = await log.newer(BEGINNING, since=bound)
        return [entry.type for entry in found.entries]

    assert await since(EVER) == ["30", "20", "0"]
    assert await since(now) == ["20", "0"]
    # when it was three days ahead until just now
    assert await since(now + timedelta(days=3)) == ["20", "0"]
