"""Lanes: a flood waits behind itself, within a bound, and is not asked about once it has left."""

import asyncio
import random
from uuid import UUID

import pytest

from domain.errors import Busy
from domain.viewers import Role, Viewer
from integrations.identity import Identity, People, new_secret
from integrations.lanes import WAITING_MOST, Lane
from integrations.lookups import Lookups

MIRA = Viewer(
    organization_id=UUID(int=1),
    role=Role.DISPATCHER,
    subject="user:2",
    user_id=UUID(int=2),
    credential_id=None,
)
FLOOD, HOME = "203.0.113.9", "198.51.100.7"


class Database:
    """Answers one question after the other, when it is told to; knows what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.opened = asyncio.Semaphore(0)

    async def find(self, key: str) -> Viewer | None:
        self.asked.append(key)
        await self.opened.acquire()
        return MIRA if key.startswith("good") else None

    async def answer(self, count: int) -> None:
        for _ in range(count):
            self.opened.release()
        await settled()


async def settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def flood(lookups: Lookups[str], count: int, address: str = FLOOD) -> "list[asyncio.Task[Viewer | None]]":
    keys = (f"bad {address} {number}" for number in range(count))
    return [asyncio.create_task(lookups.find(key, address)) for key in keys]


async def test_a_stranger_of_another_address_is_next_and_the_flood_loses_its_last() -> None:
    database, lane = Database(), Lane()
    lookups = Lookups(database.find, lane=lane)
    many = flood(lookups, 1_000)
    await settled()

    assert (len(database.asked), lane.waiting) == (2, WAITING_MOST)
    refused = [one for one in many if one.done()]
    assert len(refused) == 1_000 - 2 - WAITING_MOST
    assert {(type(one.exception()), getattr(one.exception(), "seconds", 0)) for one in refused} == {(Busy, 1)}

    good = asyncio.create_task(lookups.find("good", HOME))
    await settled()
    assert lane.waiting == WAITING_MOST
    assert many[WAITING_MOST + 1].done()  # the last of those who waited
    assert not many[WAITING_MOST].done()
    await database.answer(3)
    assert database.asked[2:4] == [f"bad {FLOOD} 2", "good"]
    await database.answer(1)
    assert await good == MIRA

    await database.answer(1_000)
    await asyncio.gather(*many, return_exceptions=True)
    assert (lane.waiting, lookups._asking, lookups._standing) == (0, {}, {})
    await database.answer(1)
    assert await lookups.find("good too", FLOOD) == MIRA


async def test_a_flood_of_many_addresses_is_bound_as_well() -> None:
    database, lane = Database(), Lane()
    lookups = Lookups(database.find, lane=lane)
    many = [
        one for number in range(300) for one in flood(lookups, 2, f"203.0.{number // 250}.{number % 250}")
    ]
    await settled()

    assert lane.waiting == WAITING_MOST
    assert sum(one.done() for one in many) == 600 - 2 - WAITING_MOST
    await database.answer(1_000)
    done = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(one, Busy) for one in done) == 600 - 2 - WAITING_MOST


async def test_one_house_of_ipv6_is_one_address() -> None:
    database, lane = Database(), Lane()
    lookups = Lookups(database.find, lane=lane)
    for number in range(100):
        flood(lookups, 1, f"2001:db8:1:2:{number:x}::1")
    good = asyncio.create_task(lookups.find("good", "2001:db8:1:3::1"))
    await settled()

    await database.answer(4)
    assert database.asked.index("good") <= 4
    assert await good == MIRA
    await database.answer(100)


async def test_nobody_is_asked_about_for_whom_nobody_waits() -> None:
    database, lane = Database(), Lane()
    lookups = Lookups(database.find, lane=lane)
    many = flood(lookups, 150)
    again = flood(lookups, 10)  # the same secrets, by somebody who stays
    await settled()
    for one in many:
        one.cancel()
    await settled()

    assert lane.waiting == 8
    await database.answer(10)
    assert await asyncio.gather(*again) == [None] * 10
    assert database.asked == [f"bad {FLOOD} {number}" for number in range(10)]
    assert (lookups._asking, lookups._standing) == ({}, {})


async def test_who_leaves_and_who_is_let_in_at_one_moment_takes_no_turn_along() -> None:
    draw = random.Random(5)  # noqa: S311  # repeatable
    lane, inside, most = Lane(), 0, 0

    async def visit(address: str) -> None:
        nonlocal inside, most
        async with lane.turn(address):
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(draw.choice([0, 0.001]))
            finally:
                inside -= 1

    tasks = [asyncio.create_task(visit(draw.choice("abc"))) for _ in range(400)]
    while not all(one.done() for one in tasks):
        for one in draw.sample(tasks, 9):
            one.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (lane.waiting, lane._free, lane._lines, inside, most) == (0, 2, {}, 0, 2)


async def test_a_signed_token_does_not_stand_behind_made_up_secrets() -> None:
    stuck = asyncio.Event()

    async def never(_digest: bytes) -> Viewer | None:
        await stuck.wait()
        return None

    async def user(_key: tuple[UUID, UUID]) -> Viewer | None:
        return MIRA

    async def nobody(_issuer: str, _subject: str, _organization_id: UUID | None) -> None:
        return None

    people = People(user, nobody)
    identity = Identity(key=b"k" * 32, issuer="i", audience="a", find_credential=never, people=people)
    secrets = [new_secret("key_")[0] for _ in range(300)]
    many = [asyncio.create_task(identity.viewer(secret, address=HOME)) for secret in secrets]
    await settled()

    found = await identity.viewer(identity.issue(MIRA, lifetime_seconds=60), address=HOME)

    assert found.user_id == MIRA.user_id
    stuck.set()
    done = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(one, Busy) for one in done) == 300 - 2 - WAITING_MOST
    with pytest.raises(Busy):
        raise next(one for one in done if isinstance(one, Busy))
