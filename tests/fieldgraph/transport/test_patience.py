"""Patience: what waits too long is ended, everybody else is left alone."""

import asyncio

import pytest

from fieldgraph.transport.patience import Patience


async def _wait(patience: Patience, event: asyncio.Event) -> str:
    task = patience.begin()
    try:
        await event.wait()
    except asyncio.CancelledError:
        if not patience.ran_out(task):
            raise
        return "ran out"
    finally:
        patience.end(task)
    return "came"


async def test_who_waits_too_long_is_told_so_and_goes_on() -> None:
    patience, never = Patience(0.05), asyncio.Event()

    async def stubborn() -> tuple[str, str]:
        first = await _wait(patience, never)
        await asyncio.sleep(0)  # a cancellation that was not taken back would strike here
        return first, await _wait(patience, never)

    assert await asyncio.create_task(stubborn()) == ("ran out", "ran out")


async def test_what_comes_in_time_is_left_alone() -> None:
    patience, soon = Patience(5.0), asyncio.Event()
    waiting = asyncio.create_task(_wait(patience, soon))
    await asyncio.sleep(0)

    soon.set()

    assert await waiting == "came"


async def test_another_cancellation_is_not_taken_for_ours() -> None:
    patience, never = Patience(5.0), asyncio.Event()
    waiting = asyncio.create_task(_wait(patience, never))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
