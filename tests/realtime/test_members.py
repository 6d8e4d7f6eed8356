"""Members: what is told at once, what waits, what is too much, and what ends them."""

import asyncio
from typing import Any

import pytest

from domain.errors import TooMany, Unauthenticated
from realtime.cohorts import BREATH, Cohort
from realtime.log import Place
from realtime.mailboxes import QUEUED
from realtime.members import WAITING_BYTES, Member, Packet, Told

START = Place(100, 5)


class Purse:
    """So many points, each of which is at hand or not."""

    def __init__(self, points: int = 1_000, *, at_hand: bool = True) -> None:
        self.points = points
        self.at_hand = at_hand

    def at_once(self) -> bool:
        if not self.at_hand or not self.points:
            return False
        self.points -= 1
        return True

    async def another(self) -> None:
        await asyncio.sleep(0)
        if not self.points:
            raise TooMany(1, (0, 0, 0), 1)
        self.points -= 1


class Wire:
    """Takes what it is given while it is free."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_free = True

    def __call__(self, packet: Packet) -> bool:
        if self.is_free:
            self.written.append(packet.body)
        return self.is_free


def member(
    wire: Wire | None = None,
    purse: Purse | None = None,
    **more: Any,
) -> Member:
    return Member(START, purse or Purse(), direct=wire, ended_by=lambda _: None, **more)


def told(number: int, body: bytes | None = None, **more: Any) -> Told:
    return Told(body or b"%d" % number, Place(200, number), **more)


async def taken(one: Member) -> list[bytes]:
    """What it has waiting, to its end or until it waits itself."""
    found: list[bytes] = []
    while True:
        try:
            async with asyncio.timeout(0.05):
                item = await one.next()
        except TimeoutError:
            return found
        if item is None:
            return found
        found.append(item.body)


async def test_what_the_wire_takes_at_once_waits_nowhere_and_costs_a_point() -> None:
    wire, purse = Wire(), Purse(3)
    one = member(wire, purse)
    for number in range(3):
        one.tell(told(number))
    assert (wire.written, purse.points, one.reached) == ([b"0", b"1", b"2"], 0, Place(200, 2))
    assert await taken(one) == []


async def test_what_waits_is_never_overtaken() -> None:
    wire = Wire()
    one = member(wire)
    wire.is_free = False
    one.tell(told(0))
    wire.is_free = True
    one.tell(told(1))
    assert wire.written == []
    assert await taken(one) == [b"0", b"1"]
    one.tell(told(2))
    assert wire.written == [b"2"]


async def test_nothing_is_told_that_it_has_been_told() -> None:
    wire = Wire()
    one = member(wire)
    for place in (Place(100, 4), START, Place(100, 6), Place(99, 7), Place(101, 0)):
        one.tell(Told(b"%d.%d" % (place.xid, place.n), place))
    assert wire.written == [b"100.6", b"101.0"]


async def test_of_a_state_only_the_newest_waits() -> None:
    purse = Purse(10)
    one = member(None, purse)
    for number in range(100):
        one.tell(told(2 * number, state="position"))
        if number % 40 == 0:
            one.tell(told(2 * number + 1))
    assert one.lag == 0
    assert await taken(one) == [b"1", b"81", b"161", b"198"]
    assert purse.points == 6


@pytest.mark.parametrize(("number", "size"), [(QUEUED + 1, 1), (3, WAITING_BYTES // 3 + 1)])
async def test_too_much_waiting_is_dropped_and_counted(number: int, size: int) -> None:
    wire = Wire()
    one = member(wire)
    one.tell(told(0))
    wire.is_free = False
    for n in range(1, number + 1):
        one.tell(told(n, b"x" * size))
    assert (one.lag, one.reached) == (number, Place(200, 0))
    assert await one.next() is None
    wire.is_free = True
    one.tell(told(number + 1))
    assert wire.written == [b"0"]


async def test_a_purse_that_is_empty_for_now_makes_it_wait_and_one_that_stays_so_ends_it() -> None:
    wire, purse = Wire(), Purse(1, at_hand=False)
    one = member(wire, purse)
    one.tell(told(0))
    one.tell(told(1))
    assert wire.written == []
    first = await one.next()
    assert first is not None
    assert (first.body, one.reached, purse.points) == (b"0", Place(200, 0), 0)
    with pytest.raises(TooMany):
        await one.next()
    assert one.reached == Place(200, 0)


async def test_an_end_lets_what_waits_be_taken_and_nothing_more() -> None:
    one = member()
    one.tell(told(0))
    one.end(Unauthenticated("over"))
    one.tell(told(1))
    first = await one.next()
    assert first is not None
    with pytest.raises(Unauthenticated, match="over"):
        await one.next()


async def test_the_last_item_ends_it_even_if_it_was_written_at_once() -> None:
    wire = Wire()
    one, other = member(wire), member()
    for each in (one, other):
        each.tell(told(0, is_last=True))
        each.tell(told(1))
    assert (wire.written, await one.next()) == ([b"0"], None)
    assert await taken(other) == [b"0"]


async def test_who_waits_is_woken() -> None:
    one = member()
    waiting = asyncio.create_task(one.next())
    await asyncio.sleep(0)
    one.tell(told(0))
    found = await waiting
    assert found is not None
    assert found.body == b"0"
    waiting = asyncio.create_task(one.next())
    await asyncio.sleep(0)
    one.end(True)
    assert await waiting is None


async def test_a_newer_state_overtakes_nothing_while_it_is_paid() -> None:
    purse = Purse(10, at_hand=False)
    one = member(None, purse)
    one.tell(told(0, state="eta"))
    first = asyncio.create_task(one.next())
    await asyncio.sleep(0)
    one.tell(told(1))
    one.tell(told(2, state="eta"))
    found = await first
    assert found is not None
    assert [found.body, *await taken(one)] == [b"1", b"2"]
    assert (purse.points, one.reached) == (8, Place(200, 2))


class Source:
    """A subscription that is given its events by the test."""

    def __init__(self, *entries: Any) -> None:
        self.entries = list(entries)

    def __aiter__(self) -> "Source":
        return self

    async def __anext__(self) -> Any:
        if not self.entries:
            await asyncio.Event().wait()
        return self.entries.pop(0)

    def close(self) -> None:
        self.entries.clear()


async def test_who_leaves_while_the_others_are_told_is_told_nothing_more() -> None:
    class Fact:
        topic = "visit"

    async def answer(_entry: Any) -> Told:
        return told(1)

    source: Any = Source(Fact())
    cohort, wires = Cohort(source, answer, on_over=lambda: None), [Wire() for _ in range(BREATH + 1)]
    members = [member(wire) for wire in wires]
    for one in members:
        cohort.add(one)
    for _ in range(50):
        if wires[0].written:
            break
        await asyncio.sleep(0)
    assert wires[-1].written == []
    cohort.remove(members[-1])
    await asyncio.sleep(0.01)
    assert [len(wire.written) for wire in wires] == [1] * BREATH + [0]
    for one in members:
        cohort.remove(one)
