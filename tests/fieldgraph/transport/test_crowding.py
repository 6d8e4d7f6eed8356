"""Buckets, crowds and timers by themselves: exact numbers, with times of the test's own."""

import asyncio

from fieldgraph.transport.crowds import Crowd, CrowdLimits
from fieldgraph.transport.heartbeats import Heartbeat, Quiet
from fieldgraph.transport.paces import Pace


def test_a_bucket_fills_by_itself_and_not_above_its_rim() -> None:
    pace = Pace(a_second=2, burst=3, now=100.0)

    assert [pace.take(100.0) for _ in range(4)] == [2, 1, 0, -1]
    assert pace.wait_seconds() == 1.0
    assert pace.take(101.0) == 0
    assert pace.take(1_000.0) == 2


def test_a_crowd_forgets_who_left() -> None:
    crowd = Crowd(CrowdLimits(of_user=1, of_address=2, of_process=3))

    assert [crowd.enter("a"), crowd.enter("a"), crowd.enter("a")] == [True, True, False]
    assert [crowd.enter("b"), crowd.enter("c")] == [True, False]
    assert [crowd.admit(("mira",)), crowd.admit(("mira",)), crowd.admit(("otso",))] == [True, False, True]
    for address in ("a", "a", "b"):
        crowd.leave(address)
    for user in (("mira",), ("otso",)):
        crowd.release(user)

    assert (crowd._addresses, crowd._users) == ({}, {})
    assert crowd.enter("c")


async def test_who_is_busy_with_us_is_not_asked() -> None:
    said: list[str] = []
    busy = True
    heartbeat = Heartbeat(
        Quiet(0.02, 0.02),
        is_busy=lambda: busy,
        ask=lambda: said.append("ask"),
        lose=lambda: said.append("lose"),
    )
    await asyncio.sleep(0.1)
    assert said == []

    busy = False
    await asyncio.sleep(0.2)
    assert said == ["ask", "lose"]
    heartbeat.stop()


async def test_any_word_is_an_answer() -> None:
    said: list[str] = []
    heartbeat = Heartbeat(
        Quiet(0.02, 5.0), is_busy=lambda: False, ask=lambda: said.append("ask"), lose=lambda: None
    )
    await asyncio.sleep(0.1)
    assert said == ["ask"]

    heartbeat.heard()

    assert heartbeat._asked_at is None
    heartbeat.stop()
