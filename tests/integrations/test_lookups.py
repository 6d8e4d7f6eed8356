"""Look-ups: what was to be forgotten is asked for anew, also where its answer was still under way."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from domain.viewers import Role, Viewer
from integrations.lanes import Lane
from integrations.lookups import Lookups

USER = UUID("018f0000-0000-7000-8000-00000000000a")
BEFORE = Viewer(organization_id=UUID(int=1), role=Role.ADMIN, subject="mira", user_id=USER)
AFTER = replace(BEFORE, role=Role.SALES)


class Book:
    """What the database says, each answer when it is let go."""

    def __init__(self) -> None:
        self.now: Viewer | None = BEFORE
        self.asked = 0
        self.gate = asyncio.Event()
        self.lookups = Lookups[str](self.find, lane=Lane())

    async def find(self, _key: str) -> Viewer | None:
        self.asked += 1
        answer = self.now
        await self.gate.wait()
        return answer


@pytest.mark.parametrize("now", [AFTER, None])
@pytest.mark.parametrize("how", ["one", "all"])
async def test_an_answer_asked_for_before_the_forgetting_is_nobodys(now: Viewer | None, how: str) -> None:
    book = Book()
    first, second = (asyncio.create_task(book.lookups.find("mira")) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert book.asked == 1

    book.now = now
    if how == "one":
        book.lookups.forget(USER)
    else:
        book.lookups.clear()
    book.gate.set()

    assert [await first, await second] == [now, now]
    assert await book.lookups.find("mira") == now


@pytest.mark.parametrize("turns", range(6))
async def test_an_answer_forgotten_before_it_is_taken_is_nobodys(turns: int) -> None:
    """Whichever turn of the loop the forgetting comes in: a taker has the new one, or had the old before."""
    book = Book()
    taken = list[tuple[Viewer | None, bool]]()
    forgotten = False

    async def take() -> None:
        found = await book.lookups.find("mira")
        taken.append((found, forgotten))

    task = asyncio.create_task(take())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    book.gate.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    book.now = AFTER
    book.lookups.forget(USER)
    forgotten = True
    await task

    assert taken[0] in [(BEFORE, False), (AFTER, True)]
    assert await book.lookups.find("mira") == AFTER


async def test_the_forgetting_of_others_costs_nothing() -> None:
    book = Book()
    task = asyncio.create_task(book.lookups.find("mira"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    book.lookups.forget(UUID(int=9))
    book.gate.set()

    assert await task == BEFORE
    assert await book.lookups.find("mira") == BEFORE
    assert book.asked == 1
