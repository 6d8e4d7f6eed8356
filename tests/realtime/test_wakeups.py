"""Wake-ups: the five faults of the stock backend do not happen, and a dead broker stops nobody."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from broadcaster import Broadcast, Event

from realtime import wakeups
from realtime.wakeups import CHANNEL, LISTENER, RESYNC, PostgresBackend, Wakeups
from tests.conftest import Database, connected
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import until
from tests.realtime.houses import KILL

NOWHERE = ("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1")


@asynccontextmanager
async def backend_on(url: str) -> AsyncIterator[PostgresBackend]:
    backend = PostgresBackend(url)
    await backend.connect()
    try:
        yield backend
    finally:
        await backend.disconnect()


@asynccontextmanager
async def started(url: str, canary_seconds: float = 5.0) -> AsyncIterator[Wakeups]:
    one = Wakeups(url, canary_seconds=canary_seconds)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def published(backend: PostgresBackend, count: int) -> list[Event]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await backend.next_published() for _ in range(count)]


async def test_two_subscriptions_at_once_both_hear(database: Database) -> None:
    async with backend_on(database.app_url) as backend:
        # when
        await asyncio.gather(backend.subscribe("one"), backend.subscribe("two"), backend.subscribe("one"))
        await backend.publish("one", "1")
        await backend.publish("two", "2")
        await backend.publish("one", "3")
        # then
        assert await published(backend, 3) == [Event("one", "1"), Event("two", "2"), Event("one", "3")]


async def test_of_twenty_publishes_at_once_all_arrive(database: Database) -> None:
    async with backend_on(database.app_url) as backend:
        await backend.subscribe("one")
        await asyncio.gather(*(backend.publish("one", str(number)) for number in range(20)))
        heard = await published(backend, 20)
    assert {event.message for event in heard} == {str(number) for number in range(20)}


async def test_a_killed_listener_comes_back_and_says_that_it_was_away(database: Database) -> None:
    async with backend_on(database.app_url) as backend, connected(database.owner_url) as owner:
        await backend.subscribe("one")
        for attempt in ("first", "second"):
            # when
            assert await owner.fetchval(KILL, database.name, LISTENER) == 1
            back = await published(backend, 1)
            await backend.publish("one", attempt)
            # then
            assert back == [Event("one", RESYNC)]
            assert await published(backend, 1) == [Event("one", attempt)]


async def test_a_listener_keeps_trying_while_its_database_lets_nobody_in(database: Database) -> None:
    # given
    elsewhere = database.owner_url.replace(database.name, "postgres")
    async with backend_on(database.app_url) as backend, connected(elsewhere) as owner:
        await backend.subscribe("one")
        await owner.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        # when
        assert await owner.fetchval(KILL, database.name, LISTENER) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await backend.next_published()
        await owner.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
        # then
        assert await published(backend, 1) == [Event("one", RESYNC)]


async def test_an_unheard_queue_is_bounded(database: Database) -> None:
    async with backend_on(database.app_url) as backend, connected(database.owner_url) as owner:
        await backend.subscribe("one")
        await backend.subscribe("end")
        await owner.execute(
            f"SELECT pg_notify('one', number::text) FROM generate_series(1, {wakeups.QUEUED}) number"
        )
        first = await published(backend, wakeups.QUEUED)
        await owner.execute("SELECT pg_notify('one', number::text) FROM generate_series(1, 1000) number")
        await backend.publish("one", "after them, on another connection")
        heard = [event.message for event in await published(backend, wakeups.QUEUED)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await backend.next_published()
    assert len(first) == wakeups.QUEUED
    assert heard == [str(number) for number in range(1, wakeups.QUEUED + 1)]


async def test_an_announcement_wakes_the_others_and_not_oneself(database: Database) -> None:
    async with started(database.app_url) as here, started(database.app_url) as there:
        while await here.wait(0.05) or await there.wait(0.05):
            pass
        # when
        here.announce()
        # then
        assert await there.wait(10) is True
        assert await here.wait(0.1) is False
        assert await there.wait(0.1) is False


async def test_announcements_of_one_moment_are_one_hint(database: Database) -> None:
    said = list[str]()
    async with started(database.app_url) as here, connected(database.owner_url) as outsider:
        await outsider.add_listener(CHANNEL, lambda *event: said.append(str(event[3])))
        # when
        for _ in range(20):
            here.announce()
        await until(lambda: bool(said))
        await asyncio.sleep(0.1)
    # then
    assert [message.split(maxsplit=1)[0] for message in said] == ["hint"]
    assert len(said[0]) < 100, "Postgres refuses 8,000 bytes"


async def test_waking_oneself_is_remembered_until_the_next_wait() -> None:
    alone = Wakeups("memory://")
    alone.wake()
    assert await alone.wait(0) is True
    assert await alone.wait(0) is False


async def test_health_follows_the_canary(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    backends, made = list[PostgresBackend](), wakeups.broadcast_of

    def remembered(url: str) -> Broadcast:
        broadcast = made(url)
        assert isinstance(broadcast._backend, PostgresBackend)
        backends.append(broadcast._backend)
        return broadcast

    monkeypatch.setattr(wakeups, "broadcast_of", remembered)
    async with started(database.app_url, canary_seconds=0.1) as one:
        assert one.healthy is True
        listener = backends[0]._listener
        assert listener is not None
        # when the connection lives but hears nothing any more
        await listener.remove_listener(CHANNEL, backends[0]._heard)
        await until(lambda: not one.healthy)
        # then it is left for a new one
        await until(lambda: one.healthy)
    assert len(backends) == 2
    assert one.healthy is False


@pytest.mark.parametrize("url", NOWHERE)
async def test_without_a_broker_everything_returns_and_nothing_is_left(url: str) -> None:
    # given
    before = asyncio.all_tasks()
    async with started(url) as one:
        # when
        one.announce()
        # then
        assert one.healthy is False
        assert await one.wait(0.2) is False
        one.wake()
        assert await one.wait(0) is True
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_without_redis_own_client_polling_goes_on_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "broadcaster._backends.redis", None)
    async with started("redis://127.0.0.1:1") as one:
        assert one.healthy is False
        assert await one.wait(0.05) is False
    assert "pip install fieldgraph[redis]" in capsys.readouterr().out


async def test_stopping_leaves_no_task_and_no_connection(database: Database) -> None:
    before = asyncio.all_tasks()
    async with connected(database.owner_url) as owner:
        async with started(database.app_url) as one:
            await one.start()
            one.announce()
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await owner.fetchval(others):
                pass
    assert asyncio.all_tasks() == before
