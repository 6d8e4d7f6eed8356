"""Buckets, crowds and timers by themselves: exact numbers, with times of the test's own."""

import asyncio
from uuid import UUID

import pytest

from domain.viewers import Role
from fieldgraph.transport.crowds import Crowd, CrowdLimits, User
from fieldgraph.transport.heartbeats import Heartbeat, Quiet
from fieldgraph.transport.paces import Pace
from tests.fieldgraph.transport.conftest import until

MIRA = User(UUID(int=1), Role.DISPATCHER, "mira", None)
OTSO = User(UUID(int=1), Role.DISPATCHER, "otso", None)


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
    assert [crowd.admit(MIRA), crowd.admit(MIRA), crowd.admit(OTSO)] == [True, False, True]
    for address in ("a", "a", "b"):
        crowd.leave(address)
    for user in (MIRA, OTSO):
        crowd.release(user)

    assert (crowd._addresses, crowd._users) == ({}, {})
    assert crowd.enter("c")


@pytest.mark.parametrize(
    ("role", "sockets", "operations"),
    [
        (Role.TRACKING, 10, 20),
        (Role.CUSTOMER, 10, 20),
        (Role.TECHNICIAN, 500, 500),
        (Role.INTEGRATION, 500, 500),
    ],
)
def test_guests_have_fewer_sockets_and_operations(role: Role, sockets: int, operations: int) -> None:
    crowd, user = Crowd(CrowdLimits()), User(UUID(int=1), role, "one", UUID(int=2))

    assert [crowd.admit(user) for _ in range(sockets + 1)] == [True] * sockets + [False]
    assert [crowd.begin(user) for _ in range(operations + 1)] == [True] * operations + [False]
    assert crowd.begin(user._replace(credential_id=UUID(int=3)))
    crowd.end(user)
    assert (crowd.begin(user), crowd.begin(user)) == (True, False)
    for _ in range(operations):
        crowd.end(user)
    assert crowd._operations == {user._replace(credential_id=UUID(int=3)): 1}


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
    await until(lambda: len(said) == 2)
    assert said == ["ask", "lose"]
    heartbeat.stop()


async def test_any_word_is_an_answer() -> None:
    said: list[str] = []
    heartbeat = Heartbeat(
        Quiet(0.02, 5.0), is_busy=lambda: False, ask=lambda: said.append("ask"), lose=lambda: None
    )
    await until(lambda: bool(said))
    assert said == ["ask"]

    heartbeat.heard()

    assert heartbeat._asked_at is None
    heartbeat.stop()
