"""The hub: every wanted event once and in order, whatever is slow, killed, open or too old."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from domain.customers import Customer
from domain.errors import ResyncRequired
from domain.events import Event, Scope
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.addresses import sqlalchemy_url
from realtime.hub import REFILL, Hub
from realtime.log import Entry, Log, Place
from realtime.mailboxes import Lagged
from realtime.retention import drop_expired
from realtime.subscriptions import Subscription
from realtime.wakeups import LISTENER, Wakeups
from tests.conftest import Database, connected
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import AT, fact, facts, organization, system_pool, until, write_slowly
from tests.realtime.houses import (
    DEAD_BROKER,
    KILL,
    LISTENING,
    ONLY_WHEN_WOKEN,
    House,
    everything,
    house_of,
    nothing_more,
    take,
    taken,
)

"""A pg_current_snapshot() in which a million transactions are over."""


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with house_of(database) as one:
        yield one


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
    await until(lambda: hub.subscriptions == 2)
    await house.said_and_read(hub, "1")
    assert await heard == ["1", "1"]
    assert hub.subscriptions == 0


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
            assert await house.owner.fetchval(KILL, house.database.name, LISTENER) == 1
        # when nobody announces anything
        await house.say("1")
        # then
        assert await taken(one, 1) == ["1"]
        assert hub._wakeups.healthy is (broker is None)


async def test_hints_come_again_after_the_listener_was_killed(house: House) -> None:
    here, there = await house.hub(**ONLY_WHEN_WOKEN), await house.hub(**ONLY_WHEN_WOKEN)
    async with house.listen(there) as one:
        for name in ("1", "2", "3"):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await house.owner.fetchval(LISTENING, house.database.name, LISTENER) < 2:
                    pass
            assert await house.owner.fetchval(KILL, house.database.name, LISTENER) == 2
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
            await boss.fetchval(KILL, house.database.name, "reader")
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


async def test_after_a_loss_of_the_database_ids_of_snapshots_are_doubted(house: House) -> None:
    # given a hub at rest
    hub = await house.hub()
    name = house.database.name
    async with (
        house.listen(hub) as live,
        connected(house.database.owner_url.replace(name, "postgres")) as boss,
    ):
        assert hub.doubts == 0
        # when the database has been away
        await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await boss.fetchval(KILL, name, "reader")
        await until(lambda: hub.doubts > 0)
        await boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        # then nothing was lost
        await house.say("told")
        assert await taken(live, 1) == ["told"]


async def test_ids_that_go_back_tell_of_a_loss_that_nobody_noticed(house: House) -> None:
    hub = await house.hub()
    hub._unborn = 1_000_000  # as a database's before it died between two readings
    await until(lambda: hub.doubts == 1)


async def test_level_is_when_all_is_read_that_was_readable_before(house: House) -> None:
    hub = await house.hub(poll_seconds=60.0, busy_poll_seconds=60.0)
    await house.say("1")
    await asyncio.gather(*(hub.level() for _ in range(5)))
    async with house.listen(hub, after=Place(0, -1)) as one:
        assert await taken(one, 1) == ["1"]
        assert hub.place == await hub._log.head()


async def test_level_does_not_wait_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.hub.LEVEL_SECONDS", 0.1)
    hub = await house.hub()

    async def away(*_arguments: object, **_options: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(hub._log, "newer", away)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await hub.level()


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


async def test_who_was_quiet_while_others_spoke_goes_live_again(house: House) -> None:
    # given
    hub, coolworks = await house.hub(ring=5), await organization(house.owner, "Coolworks")
    start = hub.place
    await facts(house.owner, coolworks, ["theirs"] * 20)
    hub.committed()
    await until(lambda: hub.place > start)
    # when
    async with house.listen(hub, after=start) as one:
        waiting = asyncio.create_task(taken(one, 1))
        # then
        await until(lambda: one.mailbox.live)
        await house.said_and_read(hub, "1")
        assert await waiting == ["1"]


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


async def test_the_past_of_one_goes_no_further_than_the_hub_has_read(house: House) -> None:
    # given what the ring holds no more, and more than the hub knows of
    hub = await house.hub(DEAD_BROKER, ring=3, **ONLY_WHEN_WOKEN)
    start = hub.place
    await house.said_and_read(hub, "1", "2", "3", "4", "5")
    await house.say("unread")
    # when
    async with house.listen(hub, after=start) as one:
        past = [entry.type async for entry in one.past() if isinstance(entry, Entry)]
        # then
        assert (past, one.reached) == (["1", "2", "3", "4", "5"], hub.place)
        hub.committed()
        assert await taken(one, 1) == ["unread"]


async def test_a_place_older_than_the_log_needs_a_resync(house: House) -> None:
    # given
    for days in (40, 35, 31, 0):
        await fact(house.owner, house.heatworks, str(days), age_days=days)
    hub = await house.hub()
    async with system_pool(house.database.owner_url) as pool:
        forty, _, kept, _ = await Log(pool).after(Place(0, -1))
        assert len(await drop_expired(pool, "event")) == 2
    # when
    async with house.listen(hub, after=forty.place) as too_old, house.listen(hub, after=kept.place) as good:
        # then
        with pytest.raises(ResyncRequired):
            await take(too_old, 1)
        assert await taken(good, 1) == ["0"]


async def test_a_closed_subscription_ends_at_once(house: House) -> None:
    hub = await house.hub()
    quiet, revoked, failing, other = (house.listen(hub) for _ in range(4))
    failing.mailbox._wants = _never_asked
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
    assert list(hub._subscriptions) == [other]


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
        assert hub.subscriptions == 0
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def _all_of(subscription: Subscription) -> list[Entry | Lagged]:
    return [item async for item in subscription]
