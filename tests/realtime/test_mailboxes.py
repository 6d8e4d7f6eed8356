"""Mailboxes and the ring: bounded, in order, each event once, and honest about a lag."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from realtime.hub import REFILL
from realtime.log import Entry, Place
from realtime.mailboxes import QUEUED, Lagged, Ring
from tests.conftest import Database
from tests.realtime.facts import SAMPLE
from tests.realtime.houses import House, by_first_letter, house_of, nothing_more, take, taken


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with house_of(database) as one:
        yield one


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
