"""Touches: whoever watches is told of every transaction that their statement did not see, and of no other."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from random import Random
from uuid import UUID, uuid4

import asyncpg
import pytest

from realtime.log import Log
from realtime.mailboxes import Snapshot
from realtime.touches import Interest, Touch
from tests.conftest import Database, connected
from tests.realtime.facts import organization, system_pool, until
from tests.realtime.houses import DEAD_BROKER, KILL, ONLY_WHEN_WOKEN, House, house_of

SKILL = (
    "INSERT INTO skill (organization_id, id, version, updated_at, created_at, name)"
    " VALUES ($1, $2, 1, now(), now(), $3)"
)
SEEN = "SELECT pg_current_snapshot()::text"
SKILLS = Interest({"skill": None})


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with house_of(database) as one:
        yield one


async def skill(connection: asyncpg.Connection, organization_id: UUID) -> UUID:
    key = uuid4()
    await connection.execute(SKILL, organization_id, key, str(key))
    return key


async def test_a_page_of_touches_never_ends_inside_a_transaction(database: Database) -> None:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        heatworks, log = await organization(owner), Log(pool)
        first = (await log.head()).xid
        one = await skill(owner, heatworks)
        async with owner.transaction():
            three = [await skill(owner, heatworks) for _ in range(3)]
        # when
        early = await log.touched(first, limit=2)
        late = await log.touched(early.until, limit=2)
        whole = await log.touched(first, limit=5)
    # then
    assert [touch.key for touch in early.touches] == [one, *three]
    assert {touch.xid for touch in early.touches} == {first, first + 1}
    assert early.touches[0] == Touch(first, heatworks, "skill", one)
    assert (early.until, early.is_all, late) == (first + 2, False, ([], first + 2, True))
    assert whole == (early.touches, first + 2, True)


async def test_a_watch_hears_of_raw_sql_without_an_event(house: House) -> None:
    # given
    hub, coolworks = await house.hub(DEAD_BROKER), await organization(house.owner, "Coolworks")
    mine, theirs = await skill(house.owner, house.heatworks), await skill(house.owner, coolworks)
    any_skill, one_skill, other, foreign = list[int](), list[int](), list[int](), list[int]()
    hub.watch(house.heatworks, SKILLS, any_skill.append)
    hub.watch(house.heatworks, Interest({"skill": frozenset({mine})}), one_skill.append)
    hub.watch(house.heatworks, Interest({"site": None, "skill": frozenset({theirs})}), other.append)
    closed = hub.watch(coolworks, SKILLS, foreign.append)
    # when
    async with house.owner.transaction():
        xid = int(await house.owner.fetchval("SELECT pg_current_xact_id()::text"))
        await house.owner.execute("UPDATE skill SET name = 'x' WHERE id = $1", mine)
    await until(lambda: any_skill[-1:] == [xid])
    await skill(house.owner, house.heatworks)
    await until(lambda: any_skill[-1:] == [xid + 1])
    closed.close()
    await house.owner.execute("DELETE FROM skill")
    await until(lambda: any_skill[-1:] == [xid + 2])
    # then
    assert one_skill[-2:] == [xid, xid + 2]
    assert other == []
    assert all(known < xid for known in [*foreign, *any_skill[:-3]])


async def test_nothing_is_read_while_nobody_watches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()

    async def counted(log: Log, xid: int, *, limit: int) -> object:
        asked.append(xid)
        return await touched(log, xid, limit=limit)

    touched = Log.touched
    monkeypatch.setattr(Log, "touched", counted)
    hub = await house.hub()
    await house.said_and_read(hub, "1")
    assert asked == []
    watch = hub.watch(house.heatworks, SKILLS, asked.append)
    await until(lambda: len(asked) > 1)
    watch.close()
    await house.said_and_read(hub, "2")
    count = len(asked)
    await house.said_and_read(hub, "3")
    assert len(asked) == count


async def test_what_committed_between_the_last_reading_and_the_watch_is_told_if_it_was_not_seen(
    house: House,
) -> None:
    """With an open transaction before it, so that it lies above the horizon, and with none."""
    hub = await house.hub(**ONLY_WHEN_WOKEN)
    await house.said_and_read(hub, "1")
    async with connected(house.database.owner_url) as early:
        for is_held in (False, True):
            # given a statement, and what was committed after it, before anybody watches
            opened = early.transaction()
            await opened.start()
            if is_held:
                await skill(early, house.heatworks)
            seen = await house.owner.fetchval(SEEN)
            known = await skill(house.owner, house.heatworks)
            # when
            told, unseen = list[int](), list[int]()
            first = hub.watch(
                house.heatworks, Interest({"skill": frozenset({known})}), told.append, seen=seen
            )
            second = hub.watch(house.heatworks, SKILLS, unseen.append)
            await opened.commit()
            hub.committed()
            # then
            await until(partial(bool, told))
            xid = await house.owner.fetchval(
                "SELECT xid::text FROM touched WHERE key = $1 ORDER BY touched.xid DESC LIMIT 1", known
            )
            assert told == [int(xid)]
            assert not Snapshot.parse(seen).sees(told[0])
            first.close()
            second.close()


async def test_a_watch_that_learns_late_what_it_read_misses_nothing(house: House) -> None:
    # given a hub that reads touches for somebody else, and a statement
    hub = await house.hub()
    others = list[int]()
    hub.watch(house.heatworks, SKILLS, others.append)
    known = await skill(house.owner, house.heatworks)
    seen = await house.owner.fetchval(SEEN)
    # when what it read changes, and is told, before it can say what that was
    await house.owner.execute("UPDATE skill SET name = 'x'")
    count = len(others)
    await until(lambda: len(others) > count or len(others) >= 2)
    told = list[int]()
    late = hub.watch(house.heatworks, Interest({"skill": frozenset({known})}), told.append, seen=seen)
    # then
    await until(lambda: len(told) == 1)
    late.replace(Interest({"skill": frozenset({known})}), seen=await house.owner.fetchval(SEEN))
    await skill(house.owner, house.heatworks)
    await until(lambda: len(others) >= 3)
    assert len(told) == 1


async def test_a_watch_that_begins_while_another_ends_is_told_from_its_own_beginning(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a hub that has read beyond what a statement saw, and is reading just now
    hub, log_touched, told = await house.hub(), Log.touched, list[int]()
    first = hub.watch(house.heatworks, SKILLS, told.append)
    seen = await house.owner.fetchval(SEEN)
    await skill(house.owner, house.heatworks)
    await until(lambda: bool(told))
    reading, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly(log: Log, xid: int, *, limit: int) -> object:
        found = await log_touched(log, xid, limit=limit)
        reading.set()
        await goes_on.wait()
        return found

    monkeypatch.setattr(Log, "touched", slowly)
    await reading.wait()
    # when
    first.close()
    second = list[int]()
    hub.watch(house.heatworks, SKILLS, second.append, seen=seen)
    goes_on.set()
    # then
    await until(lambda: bool(second))
    assert second == told


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_commit_that_a_statement_did_not_see_is_told(house: House, seed: int) -> None:
    """Watches come and go amid writers whose transactions overlap: told is what is not in their snapshot."""
    random = Random(seed)  # noqa: S311  # a case to be repeated, no secret
    hub, stop = await house.hub(DEAD_BROKER, busy_poll_seconds=0.005), asyncio.Event()
    committed = list[int]()

    async def write() -> None:
        async with connected(house.database.owner_url) as writer:
            while not stop.is_set():
                async with writer.transaction():
                    await skill(writer, house.heatworks)
                    xid = int(await writer.fetchval("SELECT pg_current_xact_id()::text"))
                    await asyncio.sleep(random.random() * 0.02)
                committed.append(xid)

    async def look() -> tuple[Snapshot, list[int]]:
        told = list[int]()
        late = random.random() < 0.5
        seen = await house_reader.fetchval(SEEN) if late else None
        if late:
            await asyncio.sleep(random.random() * 0.02)
        watch = hub.watch(house.heatworks, SKILLS, told.append, seen=seen)
        if seen is None:
            seen = await house_reader.fetchval(SEEN)
        await asyncio.sleep(random.random() * 0.02)
        last = committed[-1] if committed else 0
        await until(lambda: hub.told_below > last)
        watch.close()
        snapshot = Snapshot.parse(seen)
        missed = [xid for xid in list(committed) if xid <= last and not snapshot.sees(xid)]
        assert set(missed) <= set(told)
        return snapshot, told

    async with connected(house.database.owner_url) as house_reader:
        writers = [asyncio.create_task(write()) for _ in range(5)]
        try:
            looks = [await look() for _ in range(60)]
        finally:
            stop.set()
            await asyncio.gather(*writers)
    assert sum(len(told) for _, told in looks) > 100


async def test_after_a_time_without_the_database_everybody_is_called_once(house: House) -> None:
    # given
    hub = await house.hub()
    told, name = list[int](), house.database.name
    hub.watch(house.heatworks, Interest({"part": None}), told.append)
    elsewhere = house.database.owner_url.replace(name, "postgres")
    await until(lambda: hub.told_below > 0)
    async with connected(elsewhere) as boss:
        await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await boss.fetchval(KILL, name, "reader")
        await until(lambda: hub._has_failed)
        assert told == []
        await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        # then
        await until(lambda: bool(told))
    xid = hub.told_below
    await skill(house.owner, house.heatworks)
    await until(lambda: hub.told_below > xid)
    assert len(told) == 1


async def test_a_restored_database_is_told_to_everybody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.hub.EPOCH_SECONDS", 0.0)
    hub, told = await house.hub(), list[int]()
    hub.watch(house.heatworks, Interest({"part": None}), told.append)
    hub._epoch = "another"
    await until(lambda: bool(told))
    assert len(told) == 1


async def untouched(house: House, log: Log, seen: str, **tables: frozenset[UUID] | None) -> bool:
    return await log.untouched(house.heatworks, Interest(tables), seen)


async def test_untouched_is_what_nothing_was_committed_to_that_the_statement_did_not_see(
    house: House,
) -> None:
    async with (
        system_pool(house.database.owner_url) as pool,
        connected(house.database.owner_url) as early,
    ):
        # given a statement while a transaction is open
        log, coolworks = Log(pool), await organization(house.owner, "Coolworks")
        known, other = await skill(house.owner, house.heatworks), await skill(house.owner, house.heatworks)
        opened = early.transaction()
        await opened.start()
        await early.execute("UPDATE skill SET name = 'early' WHERE id = $1", known)
        await skill(house.owner, house.heatworks)
        seen = await house.owner.fetchval(SEEN)
        # then what is not committed has touched nothing
        assert await untouched(house, log, seen, skill=None)
        await skill(house.owner, coolworks)
        assert await untouched(house, log, seen, skill=None, site=None)
        await opened.commit()
        assert not await untouched(house, log, seen, skill=None)
        assert not await untouched(house, log, seen, skill=frozenset({known}), site=None)
        assert await untouched(house, log, seen, skill=frozenset({other}), site=None)
        assert await untouched(house, log, seen, skill=frozenset())
        assert await untouched(house, log, await house.owner.fetchval(SEEN), skill=None)
        # and of more rows than have names any may be meant
        await house.owner.execute(
            "INSERT INTO skill (organization_id, id, version, updated_at, created_at, name)"
            " SELECT $1, gen_random_uuid(), 1, now(), now(), n::text FROM generate_series(1, 101) n",
            house.heatworks,
        )
        assert not await untouched(house, log, seen, skill=frozenset({other}))
        assert await untouched(house, log, seen, skill=frozenset())
        assert await log.untouched(
            house.heatworks, Interest({"skill": None}), seen, below=(await log.head()).xid
        )
