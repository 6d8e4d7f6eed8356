"""The hub: every wanted event once and in order, whatever is slow, killed, open or too old."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from domain.customers import Customer
from domain.errors import ResyncRequired
from domain.events import Event, Scope
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.addresses import sqlalchemy_url
from realtime.hub import REFILL, Hub, Subscription
from realtime.log import Entry, Log, Place
from realtime.mailboxes import QUEUED, Lagged, Ring
from realtime.wakeups import LISTENER, Wakeups
from tests.conftest import Database, connected
from tests.realtime.facts import AT, fact, facts, organization, system_pool, until, write_slowly

DEAD_BROKER = "redis://127.0.0.1:1"
ONLY_WHEN_WOKEN: dict[str, Any] = {"poll_seconds": 60.0, "busy_poll_seconds": 60.0}
KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"

SAMPLE = Entry(
    place=Place(1, 0),
    organization_id=UUID(int=1),
    topic="visits",
    type="VisitArrived",
    subject_id=UUID(int=2),
    subject_version=1,
    payload={},
    scope_before={},
    scope_after={},
    origin="API",
    actor="tester",
    reason=None,
    occurred_at=AT,
)


def everything(_entry: Entry) -> bool:
    return True


def by_first_letter(entry: Entry) -> str | None:
    """`p1`, `p2` … are states of one thing; what starts with a digit is queued."""
    return None if entry.type[0].isdigit() else entry.type[0]


@dataclass
class House:
    """A database with one organization, an owner's connection, and hubs as several processes would have."""

    database: Database
    owner: asyncpg.Connection
    heatworks: UUID
    stack: AsyncExitStack
    epochs: list[str] = field(default_factory=list)

    async def hub(self, broker: str | None = None, **options: Any) -> Hub:
        pool = await self.stack.enter_async_context(system_pool(self.database.owner_url))
        wakeups = Wakeups(broker or self.database.app_url)
        one = Hub(Log(pool), wakeups, restored=self.epochs.append, **options)
        await one.start()
        self.stack.push_async_callback(one.stop)
        return one

    def listen(self, hub: Hub, **options: Any) -> Subscription:
        return hub.subscribe(self.heatworks, **{"wants": everything, **options})

    async def say(self, *names: str) -> None:
        await facts(self.owner, self.heatworks, list(names))

    async def said_and_read(self, hub: Hub, *names: str) -> None:
        """In one transaction, and until the hub has routed it."""
        place = hub.place
        await self.say(*names)
        hub.committed()
        await until(lambda: hub.place > place)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with connected(database.owner_url) as owner, AsyncExitStack() as stack:
        yield House(database, owner, await organization(owner), stack)


async def take(subscription: Subscription, number: int) -> list[Entry | Lagged]:
    async with asyncio.timeout(20):
        return [await anext(subscription) for _ in range(number)]


async def taken(subscription: Subscription, number: int) -> list[str]:
    return [item.type if isinstance(item, Entry) else "Lagged" for item in await take(subscription, number)]


async def nothing_more(subscription: Subscription) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(subscription)
            return False
    return True


async def test_a_subscriber_hears_what_it_wants_of_its_own_organization(house: House) -> None:
    # given
    hub, coolworks = await house.hub(), await organization(house.owner, "Coolworks")
    async with (
        house.listen(hub, wants=lambda entry: entry.type != "2") as some,
        hub.subscribe(coolworks, wants=everything) as theirs,
    ):
        # when
        await facts(house.owner, coolworks, ["c"])
        await house.said_and_read(hub, "1", "2", "3")
        # then
        assert await taken(some, 2) == ["1", "3"]
        assert await taken(theirs, 1) == ["c"]
        assert await nothing_more(some)
        assert await nothing_more(theirs)


async def test_what_a_unit_of_work_commits_reaches_the_other_process(house: House) -> None:
    # given two processes that would not poll within this test
    here, there = await house.hub(**ONLY_WHEN_WOKEN), await house.hub(**ONLY_WHEN_WOKEN)
    viewer = Viewer(organization_id=house.heatworks, role=Role.DISPATCHER, subject="dana")
    engine = create_async_engine(sqlalchemy_url(house.database.app_url))
    house.stack.push_async_callback(engine.dispose)
    async with house.listen(here) as near, house.listen(there) as far:
        # when
        async with UnitOfWork(engine, viewer, AT, reason="new") as work:
            customer = work.add(Customer(name="Bakery", number="C-1"))
            scope = Scope(customers=(customer.id,))
            work.emit(
                Event(
                    type="CustomerCreated",
                    topic="customers",
                    subject=customer,
                    scope_before=Scope(),
                    scope_after=scope,
                )
            )
        here.committed()
        # then
        [heard_near], [heard_far] = await take(near, 1), await take(far, 1)
    assert isinstance(heard_far, Entry)
    assert heard_near == heard_far
    assert work.xid is not None
    assert heard_far.place == Place(work.xid, 0)
    assert (heard_far.subject_id, heard_far.subject_version) == (customer.id, 1)
    assert heard_far.scope_after == scope.to_json()
    assert (heard_far.actor, heard_far.reason, heard_far.occurred_at) == ("dana", "new", AT)


async def test_two_first_subscribers_at_once_both_hear(house: House) -> None:
    hub = await house.hub()
    heard = asyncio.gather(*(_first_of(house, hub) for _ in range(2)))
    await until(lambda: len(hub._subscriptions.get(house.heatworks, ())) == 2)
    await house.said_and_read(hub, "1")
    assert await heard == ["1", "1"]
    assert hub._subscriptions == {}


async def _first_of(house: House, hub: Hub) -> str:
    async with house.listen(hub) as one:
        return (await taken(one, 1))[0]


async def test_a_subscriber_that_resumes_at_changing_processes_misses_nothing(house: House) -> None:
    # given eight writers with overlapping transactions and two processes, one with hardly any memory
    hubs = [await house.hub(), await house.hub(ring=20)]
    names, read, after = map(str, count()), list[str](), hubs[0].place
    writing = asyncio.gather(
        *(write_slowly(house.database.owner_url, house.heatworks, names, count=30) for _ in range(8))
    )
    # when
    for turn in count():
        if len(read) >= 1200:
            break
        async with house.listen(hubs[turn % 2], after=after) as subscription:
            for item in await take(subscription, min(60, 1200 - len(read))):
                if isinstance(item, Entry):
                    assert item.place > after
                    read.append(item.type)
                    after = item.place
    await writing
    # then
    assert len(read) == 1200
    assert sorted(read, key=int) == [str(number) for number in range(1200)]
    assert turn >= 20


@pytest.mark.parametrize("broker", [DEAD_BROKER, None])
async def test_polling_delivers_when_no_hint_comes(house: House, broker: str | None) -> None:
    # given
    hub = await house.hub(broker)
    async with house.listen(hub) as one:
        if broker is None:
            assert await house.owner.fetchval(KILL, LISTENER) == 1
        # when nobody announces anything
        await house.say("1")
        # then
        assert await taken(one, 1) == ["1"]
        assert hub._wakeups.healthy is (broker is None)


async def test_hints_come_again_after_the_listener_was_killed(house: House) -> None:
    here, there = await house.hub(**ONLY_WHEN_WOKEN), await house.hub(**ONLY_WHEN_WOKEN)
    async with house.listen(there) as one:
        for name in ("1", "2", "3"):
            assert await house.owner.fetchval(KILL, LISTENER) == 2
            await house.say(name)
            here.committed()
            assert await taken(one, 1) == [name]


async def test_a_database_that_goes_away_costs_no_event(house: House) -> None:
    # given
    hub = await house.hub()
    elsewhere = house.database.owner_url.replace(house.database.name, "postgres")
    name = house.database.name
    async with (
        house.listen(hub) as live,
        house.listen(hub, after=Place(0, -1)) as resumed,
        connected(elsewhere) as boss,
    ):
        # when nobody can connect for a while, time and again, and the writer's connection lives on
        for number in range(5):
            await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await boss.fetchval(KILL, "reader")
            await house.say(f"{number}a")
            await asyncio.sleep(0.1)
            await house.say(f"{number}b")
            await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        # then
        expected = [f"{number}{half}" for number in range(5) for half in "ab"]
        assert await taken(live, 10) == expected
        assert await taken(resumed, 10) == expected
        assert await nothing_more(live)
    assert house.epochs == []


async def test_a_restored_database_ends_every_subscription(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("realtime.hub.EPOCH_SECONDS", 0.0)
    hub = await house.hub()
    true_epoch = hub._epoch
    async with house.listen(hub) as one:
        # when the database turns out to have another history than the one that was begun with
        hub._epoch = "another"
        # then
        with pytest.raises(ResyncRequired):
            await take(one, 1)
    assert house.epochs == [true_epoch]
    async with house.listen(hub) as again:
        await house.said_and_read(hub, "1")
        assert await taken(again, 1) == ["1"]


@pytest.mark.parametrize("ring", [10_000, 10])
async def test_a_slow_subscriber_is_told_and_then_gets_everything_once(house: House, ring: int) -> None:
    # given
    hub = await house.hub(ring=ring)
    start = hub.place
    async with house.listen(hub) as slow, house.listen(hub) as prompt:
        for number in range(100):
            await house.said_and_read(hub, str(number))
            assert await taken(prompt, 1) == [str(number)]
        # when
        [lagged] = await take(slow, 1)
        assert await taken(slow, 50) == [str(number) for number in range(50)]
        await house.said_and_read(hub, "100", "101")
        # then
        assert lagged == Lagged(count=100, resume_from=start)
        assert await taken(slow, 52) == [str(number) for number in range(50, 102)]
        await house.said_and_read(hub, "102")
        assert await taken(slow, 1) == ["102"]
        assert await nothing_more(slow)


async def test_a_lag_resumes_behind_the_last_event_that_was_taken(house: House) -> None:
    hub = await house.hub()
    async with house.listen(hub) as slow:
        for number in range(QUEUED):
            await house.said_and_read(hub, str(number))
        [first] = await take(slow, 1)
        for number in range(QUEUED, QUEUED + 5):
            await house.said_and_read(hub, str(number))
        [lagged] = await take(slow, 1)
        assert isinstance(first, Entry)
        assert lagged == Lagged(count=QUEUED + 4, resume_from=first.place)
        assert await taken(slow, QUEUED + 4) == [str(number) for number in range(1, QUEUED + 5)]


@pytest.mark.parametrize("ring", [10_000, 10])
async def test_a_large_transaction_is_no_lag_of_who_had_kept_up(house: House, ring: int) -> None:
    hub = await house.hub(ring=ring)
    names = [str(number) for number in range(3 * REFILL)]
    async with house.listen(hub) as prompt:
        await house.said_and_read(hub, *names)
        await house.said_and_read(hub, "last")
        assert await taken(prompt, len(names) + 1) == [*names, "last"]
        assert await nothing_more(prompt)


async def test_of_a_state_only_the_latest_waits_and_the_order_stays(house: House) -> None:
    # given
    hub = await house.hub()
    start = hub.place
    async with house.listen(hub, conflate=by_first_letter) as one:
        # when
        for number in range(QUEUED + 10):
            await house.said_and_read(hub, f"p{number}", f"q{number}")
            if number == 5:
                await house.said_and_read(hub, "1")
        await house.said_and_read(hub, "2")
        # then
        newest = QUEUED + 9
        assert await taken(one, 4) == ["1", f"p{newest}", f"q{newest}", "2"]
        assert await nothing_more(one)
    async with house.listen(hub, conflate=by_first_letter, after=start) as resumed:
        assert await taken(resumed, 4) == ["1", f"p{newest}", f"q{newest}", "2"]


async def test_a_snapshot_beside_an_open_writer_neither_loses_nor_repeats(house: House) -> None:
    # given a writer that began first and is still open
    hub = await house.hub()
    async with connected(house.database.owner_url) as early, house.listen(hub) as one:
        opened = early.transaction()
        await opened.start()
        await fact(early, house.heatworks, "early")
        await house.say("in the snapshot")
        # when
        snapshot = await house.owner.fetchval("SELECT pg_current_snapshot()::text")
        one.seen(snapshot)
        await house.say("after the snapshot")
        await opened.commit()
        hub.committed()
        # then the older transaction's event comes, though a newer one was in the snapshot
        assert await taken(one, 2) == ["early", "after the snapshot"]
        assert await nothing_more(one)


@pytest.mark.parametrize("events", [3, QUEUED + 10])
async def test_a_snapshot_drops_what_already_waits(house: House, events: int) -> None:
    hub = await house.hub()
    async with house.listen(hub) as one:
        for number in range(events):
            await house.said_and_read(hub, str(number))
        one.seen(await house.owner.fetchval("SELECT pg_current_snapshot()::text"))
        await house.said_and_read(hub, "later")
        assert await taken(one, 1) == ["later"]
        assert await nothing_more(one)


@pytest.mark.parametrize("ring", [10_000, 5])
async def test_resuming_replays_and_goes_live(house: House, ring: int) -> None:
    # given
    hub, coolworks = await house.hub(ring=ring), await organization(house.owner, "Coolworks")
    start = hub.place
    names = [str(number) for number in range(REFILL + 50)]
    for name in names[:REFILL]:
        await house.say(name)
    await facts(house.owner, coolworks, ["theirs"] * 50)
    await house.said_and_read(hub, *names[REFILL:])
    # when
    async with house.listen(hub, after=start) as one:
        head = await taken(one, 10)
        await house.said_and_read(hub, "live")
        # then
        assert head + await taken(one, len(names) - 10 + 1) == [*names, "live"]
        assert await nothing_more(one)


async def test_a_place_ahead_of_this_process_waits_for_it(house: House) -> None:
    # given another process has read further
    behind, ahead = await house.hub(DEAD_BROKER, **ONLY_WHEN_WOKEN), await house.hub()
    await house.said_and_read(ahead, "known")
    # when
    async with house.listen(behind, after=ahead.place) as one:
        await house.said_and_read(behind, "new")
        # then
        assert await taken(one, 1) == ["new"]
        assert await nothing_more(one)


async def test_a_place_older_than_the_log_needs_a_resync(house: House) -> None:
    # given
    for days in (40, 35, 31, 0):
        await fact(house.owner, house.heatworks, str(days), age_days=days)
    hub = await house.hub()
    async with system_pool(house.database.owner_url) as pool:
        forty, _, kept, _ = await Log(pool).after(Place(0, -1))
        assert await Log(pool).prune() == 2
    # when
    async with house.listen(hub, after=forty.place) as too_old, house.listen(hub, after=kept.place) as good:
        # then
        with pytest.raises(ResyncRequired):
            await take(too_old, 1)
        assert await taken(good, 1) == ["0"]


async def test_a_closed_subscription_ends_at_once(house: House) -> None:
    hub = await house.hub()
    quiet, revoked, failing, other = (house.listen(hub) for _ in range(4))
    failing._mailbox._wants = _never_asked
    waiting = asyncio.ensure_future(take(revoked, 1))
    await asyncio.sleep(0)
    # when
    quiet.close(None)
    revoked.close(PermissionError("revoked"))
    revoked.close(None)
    await house.said_and_read(hub, "1")
    # then
    assert [item async for item in quiet] == []
    with pytest.raises(PermissionError):
        await waiting
    with pytest.raises(ZeroDivisionError):
        await take(failing, 1)
    assert await taken(other, 1) == ["1"]
    assert list(hub._subscriptions[house.heatworks]) == [other]


def _never_asked(_entry: Entry) -> bool:
    raise ZeroDivisionError


async def test_stopping_ends_the_subscribers_and_leaves_no_task(database: Database) -> None:
    # given
    before = asyncio.all_tasks()
    async with system_pool(database.owner_url) as pool, connected(database.owner_url) as owner:
        hub = Hub(Log(pool), Wakeups(database.app_url))
        await hub.start()
        subscription = hub.subscribe(await organization(owner), wants=everything)
        waiting = asyncio.create_task(_all_of(subscription))
        await asyncio.sleep(0)
        hub.committed()
        # when
        await hub.stop()
        # then
        assert await waiting == []
        assert hub._subscriptions == {}
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def _all_of(subscription: Subscription) -> list[Entry | Lagged]:
    return [item async for item in subscription]


def test_the_ring_forgets_by_age_and_says_from_where_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    clock = iter([0.0, 5.0, 12.0])
    monkeypatch.setattr("realtime.mailboxes.time.monotonic", lambda: next(clock))
    ring = Ring(Place(1, -1), length=100, seconds=10.0)
    # when
    for xid in (2, 3, 4):
        ring.add([replace(SAMPLE, place=Place(xid, 0))])
    # then
    assert ring.start == Place(2, 0)
    assert [entry.place.xid for entry in ring.after(Place(2, 0))] == [3, 4]
    assert [entry.place.xid for entry in ring.after(Place(3, 0))] == [4]
