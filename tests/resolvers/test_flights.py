"""Flights: one takes off for all who wait, what fails is kept for nobody, and what is kept has an end."""

import asyncio

import pytest

from resolvers.flights import Flights


class Work:
    def __init__(self, answer: bytes = b"x") -> None:
        self.answer = answer
        self.runs = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> bytes:
        self.runs += 1
        await self.may_end.wait()
        if not self.answer:
            raise ValueError("no answer")
        return self.answer


async def test_who_asks_meanwhile_and_soon_after_has_the_same_answer() -> None:
    flights, work = Flights(), Work()
    asked = [asyncio.create_task(flights.get("a", work)) for _ in range(5)]
    await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*asked[1:]) == [b"x"] * 4
    assert await flights.get("a", work) == b"x"
    assert work.runs == 1
    assert await flights.get("b", work) == b"x"
    assert work.runs == 2


async def test_what_is_older_than_a_moment_is_worked_out_anew() -> None:
    flights, work = Flights(kept_seconds=0.02), Work()
    work.may_end.set()
    await flights.get("a", work)
    await asyncio.sleep(0.03)
    await flights.get("a", work)
    assert (work.runs, len(flights)) == (2, 1)


async def test_what_fails_fails_for_all_who_wait_and_for_nobody_after() -> None:
    flights, work = Flights(), Work(b"")
    work.may_end.set()
    found = await asyncio.gather(flights.get("a", work), flights.get("a", work), return_exceptions=True)
    assert [str(one) for one in found] == ["no answer", "no answer"]
    assert (work.runs, len(flights)) == (1, 0)
    with pytest.raises(ValueError, match="no answer"):
        await flights.get("a", work)
    assert work.runs == 2


async def test_no_more_than_so_many_bytes_are_kept() -> None:
    flights, work = Flights(most_bytes=100), Work(b"x" * 40)
    work.may_end.set()
    for number in range(10):
        await flights.get(number, work)
    assert len(flights) <= 4
    await flights.get(9, work)
    assert work.runs == 10
