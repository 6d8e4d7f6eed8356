"""Connections: lent to one at a time, in turn, replaced when they are lost; a query given up is cancelled."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from domain.viewers import Role, Viewer
from resolvers.connections import Connections
from resolvers.turns import Turns
from tests.conftest import Database, connected
from tests.patience import PATIENCE_SECONDS

ONE = Viewer(organization_id=UUID(int=1), role=Role.ADMIN, subject="one")
OTHER = Viewer(organization_id=UUID(int=2), role=Role.ADMIN, subject="other")


@pytest.fixture
async def two(database: Database) -> AsyncIterator[Connections]:
    """At most two connections."""
    connections = Connections(lambda: asyncpg.connect(database.app_url), most=2)
    yield connections
    await connections.close()


async def _busy(database: Database) -> int:
    async with connected(database.owner_url) as owner:
        found: int = await owner.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'fieldgraph_app'"
            " AND datname = current_database() AND state = 'active'"
        )
        return found


async def test_the_same_connection_comes_back_to_its_viewer(two: Connections) -> None:
    # given one connection that carries each viewer's settings
    async with two.lend(ONE) as first, two.lend(OTHER) as second:
        first.viewer, second.viewer = ONE, OTHER

    # when / then
    async with two.lend(ONE) as again:
        assert again is first
    async with two.lend(OTHER) as again:
        assert again is second


async def test_more_than_there_are_wait_in_turn(two: Connections) -> None:
    order = []

    async def ask(number: int) -> None:
        async with two.lend(None) as connection:
            order.append((number, id(connection)))
            await connection.driver.execute("SELECT pg_sleep(0.02)")

    await asyncio.gather(*(ask(number) for number in range(6)))

    numbers = [number for number, _ in order]
    assert (sorted(numbers[:2]), numbers[2:]) == (
        [0, 1],
        [2, 3, 4, 5],
    )  # the first two open at their own pace
    assert len({connection for _, connection in order}) == 2


async def test_a_lost_connection_is_replaced(database: Database, two: Connections) -> None:
    # given a connection whose backend is ended
    async with two.lend(None) as lost:
        number = await lost.driver.fetchval("SELECT pg_backend_pid()")
    async with connected(database.owner_url) as owner:
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", number)
    while not lost.driver.is_closed():  # noqa: ASYNC110  # a lost connection tells nobody
        await asyncio.sleep(0.001)

    # when / then
    async with two.lend(None) as new:
        assert new is not lost
        assert await new.driver.fetchval("SELECT 1") == 1


async def test_a_query_given_up_ends_in_the_database_and_makes_room(
    database: Database, two: Connections
) -> None:
    # given two that ask for a minute each, and a third who waits
    async def long() -> None:
        async with two.lend(None) as connection:
            await connection.driver.execute("SELECT pg_sleep(60)")

    async def short() -> object:
        async with two.lend(None) as connection:
            return await connection.driver.fetchval("SELECT 1")

    asking = [asyncio.create_task(long()) for _ in range(2)]
    while await _busy(database) < 2:  # noqa: ASYNC110  # nor does the database
        await asyncio.sleep(0.005)
    waiting = asyncio.create_task(short())

    # when
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)

    # then
    assert await waiting == 1
    while await _busy(database):  # noqa: ASYNC110  # as above
        await asyncio.sleep(0.005)


async def test_who_stops_waiting_takes_nobodys_turn(two: Connections) -> None:
    async with two.lend(None), two.lend(None):
        gone = asyncio.create_task(two.take(None))
        stays = asyncio.create_task(two.take(None))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)

    two.give_back(await stays)
    async with two.lend(None) as connection:
        assert await connection.driver.fetchval("SELECT 1") == 1


async def test_an_error_of_the_database_keeps_the_connection(two: Connections) -> None:
    async with two.lend(None) as first:
        pass
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with two.lend(None) as connection:
            await connection.driver.execute("SELECT 1 / 0")

    async with two.lend(None) as again:
        assert again is first


async def test_a_value_that_the_driver_refuses_keeps_the_connection(two: Connections) -> None:
    async with two.lend(None) as first:
        pass
    with pytest.raises(asyncpg.DataError):
        async with two.lend(None) as connection:
            await connection.driver.fetchval("SELECT $1::integer", "no number")

    async with two.lend(None) as again:
        assert again is first
        assert await again.driver.fetchval("SELECT 1") == 1


async def test_one_client_never_holds_all_and_waits_in_turn(database: Database) -> None:
    connections = Connections(lambda: asyncpg.connect(database.app_url), most=3, of_client=2)
    same = Viewer(organization_id=UUID(int=1), role=Role.DISPATCHER, subject="one")
    order: list[int] = []

    async def ask(number: int, viewer: Viewer) -> None:
        async with connections.lend(viewer):
            order.append(number)
            await asyncio.sleep(0)

    async with connections.lend(ONE), connections.lend(same):
        waiting = [asyncio.create_task(ask(number, ONE)) for number in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        async with asyncio.timeout(PATIENCE_SECONDS), connections.lend(OTHER) as connection:
            assert await connection.driver.fetchval("SELECT 1") == 1
        assert order == []
    await asyncio.gather(*waiting, return_exceptions=True)

    assert order == [1, 2]
    assert (connections.turns._begun, connections.turns._waiting) == ({}, {})
    await connections.close()


async def test_a_turn_that_was_handed_to_who_has_gone_is_passed_on() -> None:
    turns = Turns(1)
    await turns.begin("one")
    gone, stays = asyncio.create_task(turns.begin("one")), asyncio.create_task(turns.begin("one"))
    await asyncio.sleep(0)
    turns.end("one")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    await asyncio.wait_for(stays, PATIENCE_SECONDS)
    assert turns._begun == {"one": 1}
    turns.end("one")
    assert (turns._begun, turns._waiting) == ({}, {})
