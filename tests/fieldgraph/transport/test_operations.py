"""Operations over a real socket: side by side, refused, cancelled, and leaving nothing behind."""

import asyncio
import gc
import json
from contextlib import AsyncExitStack
from types import AsyncGeneratorType

import pytest
import structlog

from tests.fieldgraph.transport.conftest import Doors, House, until
from tests.fieldgraph.transport.speaking import (
    FOREVER,
    error_code,
    greeted,
    hear,
    nxt,
    say,
    subscribe,
)


async def test_queries_mutations_and_subscriptions_are_answered(doors: Doors) -> None:
    async with greeted(doors) as socket:
        assert socket.subprotocol == "graphql-transport-ws"
        await subscribe(socket, "q", "query Q($n: String!) { hello(name: $n) }", variables={"n": "Åsa"})
        assert [await hear(socket) for _ in range(2)] == [
            nxt("q", hello="Hello Åsa"),
            {"type": "complete", "id": "q"},
        ]
        await subscribe(socket, "m", "mutation { touch }")
        assert [await hear(socket) for _ in range(2)] == [nxt("m", touch=1), {"type": "complete", "id": "m"}]
        await subscribe(socket, 's"1', "subscription { count(to: 3) }")
        assert [await hear(socket) for _ in range(4)] == [
            *(nxt('s"1', count=number) for number in (1, 2, 3)),
            {"type": "complete", "id": 's"1'},
        ]


async def test_a_query_may_have_several_results(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "q", "query Live { hello }")
        assert [await hear(socket) for _ in range(3)] == [
            nxt("q", hello="Hello world"),
            nxt("q", hello="Hello world"),
            {"type": "complete", "id": "q"},
        ]


async def test_a_backlog_does_not_hold_up_the_others(doors: Doors) -> None:
    async with greeted(doors) as one, greeted(doors) as other:
        await subscribe(one, "1", "subscription { count(to: 5000) }")
        await subscribe(other, "1", "{ hello }")
        assert await hear(one) == nxt("1", count=1)
        assert await hear(other) == nxt("1", hello="Hello world")
        told = doors.metrics.text().decode()
        assert 'kind="query",outcome="OK"} 1.0' in told
        assert 'kind="subscription",outcome="OK"' not in told
        assert [await hear(one) for _ in range(5000)][-1] == {"type": "complete", "id": "1"}


async def test_an_id_may_be_used_again_once_it_is_complete(doors: Doors) -> None:
    async with greeted(doors) as socket:
        for _ in range(3):
            await subscribe(socket, "1", "{ hello }")
            assert [(await hear(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_operations_run_side_by_side(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "slow", "{ patient }")
        await subscribe(socket, "fast", "{ hello }")
        assert await hear(socket) == nxt("fast", hello="Hello world")
        assert await hear(socket) == {"type": "complete", "id": "fast"}
        doors.executor.ledger.release.set()
        assert await hear(socket) == nxt("slow", patient="released")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { hello } query B { hello }"}, "BAD_REQUEST"),
        ({"query": "subscription S($t: Int!) { count(to: $t) }", "variables": {"t": "x"}}, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "variables": {"n": "\0"}}, "BAD_REQUEST"),
        ({"query": "query Forbidden { hello }"}, "FORBIDDEN"),
    ],
)
async def test_a_refused_operation_leaves_its_siblings_alone(
    doors: Doors, payload: dict[str, object], expected: str
) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "sibling", FOREVER)
        assert await hear(socket) == nxt("sibling", forever="first")

        await say(socket, type="subscribe", id="bad", payload=payload)
        refusal = await hear(socket)

        assert (refusal["id"], error_code(refusal)) == ("bad", expected)
        doors.executor.ledger.release.set()
        assert await hear(socket) == nxt("sibling", forever="second")


@pytest.mark.parametrize("query", ["query Explode { hello }", "subscription Explode { count(to: 3) }"])
async def test_a_bug_is_told_by_its_id_only(doors: Doors, query: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with greeted(doors) as socket:
            await subscribe(socket, "1", query)
            heard = await hear(socket)
            if heard["type"] == "next":
                heard = await hear(socket)
            await subscribe(socket, "1", "{ hello }")
            assert await hear(socket) == nxt("1", hello="Hello world")

    assert error_code(heard) == "INTERNAL_SERVER_ERROR"
    assert "secret" not in json.dumps(heard)
    assert heard["payload"][0]["extensions"]["correlationId"] == logs[0]["correlation_id"]


async def test_a_socket_runs_fifty_operations(doors: Doors) -> None:
    async with greeted(doors) as socket:
        for number in range(51):
            await subscribe(socket, str(number), FOREVER)
        heard = [await hear(socket) for _ in range(51)]

        refused = [message for message in heard if message["type"] == "error"]
        assert [(message["id"], error_code(message)) for message in refused] == [("50", "RATE_LIMITED")]
        assert doors.executor.ledger.opened == 50

        await say(socket, type="complete", id="7")
        await until(lambda: doors.executor.ledger.closed == 1)
        await subscribe(socket, "50", FOREVER)
        assert await hear(socket) == nxt("50", forever="first")


async def test_a_link_runs_five_operations_a_socket_and_twenty_in_all(house: House) -> None:
    async with house.open() as doors, AsyncExitStack() as stack:
        secret, _ = doors.tracking_secret()
        sockets = [await stack.enter_async_context(greeted(doors, secret)) for _ in range(5)]
        for socket in sockets[:4]:
            for number in range(6):
                await subscribe(socket, str(number), FOREVER)
            heard = [await hear(socket) for _ in range(6)]
            refused = [message for message in heard if message["type"] == "error"]
            assert [(message["id"], error_code(message)) for message in refused] == [("5", "RATE_LIMITED")]
        await subscribe(sockets[4], "one", FOREVER)
        message = await hear(sockets[4])
        assert (error_code(message), message["payload"][0]["message"]) == (
            "RATE_LIMITED",
            "You have too many operations running",
        )
        assert doors.executor.ledger.opened == 20

        await say(sockets[0], type="complete", id="0")
        await until(lambda: doors.executor.ledger.closed == 1)
        await subscribe(sockets[4], "one", FOREVER)
        assert await hear(sockets[4]) == nxt("one", forever="first")
    await until(lambda: not doors.crowd._operations)


async def test_complete_cancels_at_once_and_says_nothing_more(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "s", FOREVER)
        assert await hear(socket) == nxt("s", forever="first")
        await subscribe(socket, "q", "{ patient }")
        await until(lambda: doors.executor.ledger.waiting == 1)

        await say(socket, type="complete", id="s")
        await say(socket, type="complete", id="q")
        await say(socket, type="complete", id="never")
        await until(lambda: doors.executor.ledger.closed == 1 and doors.executor.ledger.cancelled == 1)
        doors.executor.ledger.release.set()

        await subscribe(socket, "s", "{ hello }")
        assert await hear(socket) == nxt("s", hello="Hello world")


def own_generators() -> list[object]:
    """Async generators that have begun and not ended, the fixtures' and tests' own left aside."""
    return [
        it
        for it in gc.get_objects()
        if type(it) is AsyncGeneratorType and it.ag_frame is not None and "toy.py" in it.ag_code.co_filename
    ]


@pytest.mark.parametrize("leaving", ["abort", "close"])
async def test_a_client_that_leaves_leaves_nothing_behind(doors: Doors, leaving: str) -> None:
    before = asyncio.all_tasks()
    sockets = [greeted(doors) for _ in range(5)]
    for waiting, context in enumerate(sockets, 1):
        socket = await context.__aenter__()
        for number in range(4):
            await subscribe(socket, str(number), FOREVER)
            await hear(socket)
        await subscribe(socket, "q", "{ patient }")
        await until(lambda: doors.executor.ledger.waiting == waiting)  # noqa: B023  # awaited in this very turn
        if leaving == "abort":
            socket.transport.abort()
        else:
            await socket.close()
        await context.__aexit__(None, None, None)

    ledger = doors.executor.ledger
    await until(lambda: ledger.opened == ledger.closed == 20 and ledger.cancelled == 5)
    await until(lambda: asyncio.all_tasks() <= before)
    assert own_generators() == []
    assert not doors.websocket._connections
    assert "fieldgraph_sockets 0.0" in doors.metrics.text().decode()
    assert "fieldgraph_socket_operations 0.0" in doors.metrics.text().decode()
