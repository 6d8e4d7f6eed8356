"""Routes: an event reaches those who take its topic, in order, and costs the others nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from realtime.hub import REFILL
from realtime.log import Entry, Place
from realtime.mailboxes import QUEUED, Mailbox
from realtime.routes import Routes
from tests.conftest import Database
from tests.realtime.facts import SAMPLE, fact, until
from tests.realtime.houses import House, everything, house_of, nothing_more, taken

HEATWORKS, COOLWORKS = UUID(int=1), UUID(int=2)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with house_of(database) as one:
        yield one


def at(xid: int, topic: str, organization_id: UUID = HEATWORKS) -> Entry:
    return replace(SAMPLE, place=Place(xid, 0), topic=topic, organization_id=organization_id)


def test_an_entry_meets_those_of_its_organization_who_take_its_topic() -> None:
    routes = Routes[str]()
    routes.add("all", HEATWORKS, None)
    routes.add("both", HEATWORKS, frozenset({"visits", "stock"}))
    routes.add("stock", HEATWORKS, frozenset({"stock"}))
    routes.add("none", HEATWORKS, frozenset())
    routes.add("theirs", COOLWORKS, None)
    first, second, third = at(1, "visits"), at(2, "stock"), at(3, "customers")

    assert routes.meet([first, second, third]) == {
        "all": [first, second, third],
        "both": [first, second],
        "stock": [second],
    }
    foreign = at(4, "visits", COOLWORKS)
    assert routes.meet([foreign]) == {"theirs": [foreign]}
    assert len(routes) == 5
    for taker in routes:
        routes.remove(taker)
        routes.remove(taker)
    assert (len(routes), routes.meet([first, foreign]), routes._organizations) == (0, {}, {})


async def spoken(house: House, *said: tuple[str, str]) -> None:
    async with house.owner.transaction():
        for n, (topic, name) in enumerate(said):
            await fact(house.owner, house.heatworks, name, n=n, topic=topic)


@pytest.mark.parametrize("ring", [10_000, 5])
async def test_a_subscriber_hears_of_its_topics_alone_live_and_from_the_past(house: House, ring: int) -> None:
    # given
    hub = await house.hub(ring=ring)
    start, topics = hub.place, frozenset({"visits", "stock"})
    async with house.listen(hub, topics=topics) as live, house.listen(hub, topics=frozenset()) as deaf:
        # when
        await spoken(house, ("visits", "1"), ("customers", "2"), ("stock", "3"))
        for number in range(REFILL + 10):
            await spoken(house, ("customers", str(number)))
        await spoken(house, ("customers", "4"), ("stock", "5"))
        last = await house.owner.fetchval("SELECT max(xid::text::bigint) FROM event")
        hub.committed()
        await until(lambda: hub.place.xid == last)
        # then
        assert await taken(live, 3) == ["1", "3", "5"]
        assert await nothing_more(live)
        assert await nothing_more(deaf)
    some = house.listen(hub, topics=topics, wants=lambda entry: entry.type != "3", after=start)
    async with some as resumed:
        assert await taken(resumed, 2) == ["1", "5"]
        assert await nothing_more(resumed)


def test_a_place_does_not_stay_behind_while_others_are_spoken_of() -> None:
    """Or a burst after a long silence would be caught up from a place that is no longer kept."""
    mailbox = Mailbox(Place(1, 0), live=True, wants=everything)

    mailbox.offer([at(900, "visits")], since=Place(800, 0))
    assert mailbox.take() == at(900, "visits")
    mailbox.offer([at(xid, "visits") for xid in range(1000, 1000 + QUEUED + 1)], since=Place(999, 0))

    assert (mailbox.live, mailbox.reached) == (False, Place(999, 0))
    waiting = Mailbox(Place(1, 0), live=True, wants=everything)
    waiting.offer([at(2, "visits")], since=Place(1, 0))
    waiting.offer([at(4, "visits")], since=Place(3, 0))
    assert waiting.reached == Place(1, 0), "what has not been taken is not reached"
