"""One socket's protocol over a real connection: its greeting, every close code, every malformed message."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldgraph.transport.heartbeats import Quiet
from fieldgraph.transport.operations import SocketLimits
from tests.fieldgraph.transport.conftest import Doors, House, until
from tests.fieldgraph.transport.speaking import (
    FOREVER,
    bare,
    closed,
    error_code,
    greeted,
    hear,
    init,
    nxt,
    say,
    subscribe,
)


async def test_a_socket_that_does_not_greet_is_closed(house: House) -> None:
    async with house.open(SocketLimits(init_seconds=0.05)) as doors, bare(doors) as socket:
        await say(socket, type="ping")
        assert await closed(socket) == (4408, "Connection initialisation timeout")


async def test_a_greeted_socket_outlives_the_time_to_greet(house: House) -> None:
    async with house.open(SocketLimits(init_seconds=1.0)) as doors, greeted(doors) as socket:
        await asyncio.sleep(1.2)
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


async def test_a_second_greeting_is_one_too_many(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await init(socket, doors.token())
        assert await closed(socket) == (4429, "Too many initialisation requests")


async def test_two_greetings_at_once_are_one_too_many(doors: Doors) -> None:
    async with bare(doors) as socket:
        await init(socket, doors.token())
        await init(socket, doors.token())
        assert await closed(socket) == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("greeting", [None, "late"])
async def test_nothing_is_subscribed_before_the_acknowledgement(doors: Doors, greeting: str | None) -> None:
    async with bare(doors) as socket:
        await subscribe(socket, "1", FOREVER)
        if greeting:
            await init(socket, doors.token())
        assert await closed(socket) == (4401, "Unauthorized")
    assert doors.executor.ledger.opened == 0


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic x"},
        {"authorization": 3},
        {"authorization": ["Bearer"]},
        {"Authorization": "Bearer key_" + "x" * 43},
    ],
)
async def test_a_bad_token_is_forbidden(doors: Doors, payload: dict[str, object] | None) -> None:
    async with bare(doors) as socket:
        await say(socket, type="connection_init", payload=payload)
        given = payload.get("authorization", payload.get("Authorization")) if payload else None
        has_token = isinstance(given, str) and given.startswith("Bearer ")
        wanted = "The token is not valid" if has_token else "A token is needed"
        assert await closed(socket) == (4403, wanted)


@pytest.mark.parametrize("name", ["authorization", "Authorization"])
async def test_the_greeting_carries_the_token(doors: Doors, name: str) -> None:
    async with bare(doors) as socket:
        await say(socket, type="connection_init", payload={name: f"bearer {doors.token()}", "more": 1})
        assert await hear(socket) == {"type": "connection_ack"}
        await subscribe(socket, "1", "{ whoami }")
        assert await hear(socket) == nxt("1", whoami="mira")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "null",
        "3",
        "[]",
        '"ping"',
        "{}",
        '{"type": 3}',
        '{"type": "start"}',
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "ping", "payload": []}',
        '{"type": "pong", "payload": "x"}',
        '{"type": "complete"}',
        '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": 1}}',
        "[" * 60_000,
        b'{"type": "ping"}',
        b"\xff",
    ],
)
async def test_an_invalid_message_closes_the_socket(doors: Doors, message: str | bytes) -> None:
    async with greeted(doors) as socket:
        await socket.send(message)
        code, reason = await closed(socket)

    assert code == 4400
    assert reason


@pytest.mark.parametrize("payload", ["[]", '"x"', "1"])
async def test_an_invalid_greeting_closes_the_socket(doors: Doors, payload: str) -> None:
    async with bare(doors) as socket:
        await socket.send('{"type": "connection_init", "payload": ' + payload + "}")
        assert await closed(socket) == (4400, "`payload` is an object")


@pytest.mark.parametrize("size", [1_001, 60_000])
async def test_a_message_has_a_size(house: House, size: int) -> None:
    async with house.open(SocketLimits(frame_bytes=1_000)) as doors, greeted(doors) as socket:
        padding = "x" * (size - len('{"type":"pong","payload":{"p":""}}'))
        await socket.send('{"type":"pong","payload":{"p":"' + padding[1:] + '"}}')
        await socket.send('{"type":"pong","payload":{"p":"' + padding + '"}}')
        assert await closed(socket) == (1009, "A message is at most 1000 bytes")


async def test_an_id_runs_once(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "1", FOREVER)
        await hear(socket)
        await subscribe(socket, "1", "{ hello }")
        assert await closed(socket) == (4409, "Subscriber for 1 already exists")


async def test_a_long_reason_fits_its_frame(doors: Doors) -> None:
    async with greeted(doors) as socket:
        key = "é" * 128
        await subscribe(socket, key, FOREVER)
        await hear(socket)
        await subscribe(socket, key, FOREVER)
        code, reason = await closed(socket)

    assert (code, reason) == (4409, "Subscriber for " + "é" * 54)


async def test_pings_are_answered_at_any_time(doors: Doors) -> None:
    async with bare(doors) as socket:
        await say(socket, type="ping", payload={"n": 1})
        assert await hear(socket) == {"type": "pong", "payload": {"n": 1}}
        await init(socket, doors.token())
        assert await hear(socket) == {"type": "connection_ack"}
        await say(socket, type="pong", payload={"n": 2})
        await say(socket, type="pong")
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


async def test_a_quiet_client_is_asked_and_stays_when_it_answers(house: House) -> None:
    limits = SocketLimits(quiet=Quiet(0.05, 0.2))
    async with house.open(limits) as doors, greeted(doors) as socket:
        for _ in range(3):
            assert await hear(socket) == {"type": "ping"}
            await say(socket, type="pong")
        await subscribe(socket, "1", "{ hello }")
        assert await hear(socket) == nxt("1", hello="Hello world")


async def test_a_client_that_answers_no_ping_is_let_go(house: House) -> None:
    limits = SocketLimits(quiet=Quiet(0.05, 0.1))
    async with house.open(limits) as doors, greeted(doors) as socket:
        await subscribe(socket, "1", FOREVER)
        assert await hear(socket) == nxt("1", forever="first")
        assert await hear(socket) == {"type": "ping"}
        assert await closed(socket) == (1001, "No answer to a ping")
    await until(lambda: doors.executor.ledger.closed == 1)


async def test_too_many_messages_are_refused_and_then_end_the_socket(house: House) -> None:
    limits = SocketLimits(messages_a_second=0.5, messages_at_once=3)
    async with house.open(limits) as doors, greeted(doors) as socket:
        for number in range(3):
            await subscribe(socket, str(number), "mutation { touch }")
        heard = [await hear(socket) for _ in range(5)]
        refused = [one for one in heard if one["type"] == "error"]
        assert [(one["id"], one["payload"][0]["extensions"]["code"]) for one in refused] == [
            ("2", "RATE_LIMITED")
        ]
        assert 0 < refused[0]["payload"][0]["extensions"]["retryAfterSeconds"] <= 4
        for _ in range(3):
            await say(socket, type="ping")
        assert await closed(socket) == (4429, "Too many messages")
    assert doors.executor.ledger.touches == 2


async def test_a_trusted_document_is_asked_for_by_its_id(doors: Doors) -> None:
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": "hello"}}
    async with greeted(doors) as socket:
        for payload in (
            {"documentId": "hello"},
            {"query": "", "documentId": "hello"},
            {"query": "", "extensions": persisted},
        ):
            await say(socket, type="subscribe", id="1", payload=payload)
            assert await hear(socket) == nxt("1", hello="Hello world")
            assert await hear(socket) == {"type": "complete", "id": "1"}
        await say(socket, type="subscribe", id="2", payload={"documentId": "other"})
        assert error_code(await hear(socket)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_revoked_credential_ends_an_idle_socket_within_two_seconds(doors: Doors) -> None:
    secret, digest = doors.tracking_secret()
    async with greeted(doors, secret) as socket:
        del doors.credentials[digest]
        async with asyncio.timeout(2):
            assert await closed(socket) == (4403, "Token revoked")
    assert doors.watch._ends == {}


async def test_a_token_ends_its_socket(doors: Doors) -> None:
    async with greeted(doors, doors.token(lifetime_seconds=1)) as socket:
        await subscribe(socket, "1", FOREVER)
        assert await closed(socket) == (4403, "Token expired")
    await until(lambda: doors.executor.ledger.closed == 1)


async def test_a_revoked_credential_begins_nothing(doors: Doors) -> None:
    secret, digest = doors.tracking_secret()
    async with greeted(doors, secret) as socket:
        del doors.credentials[digest]
        doors.identity._secrets.clear()  # stands for the second that a look-up is remembered
        await subscribe(socket, "1", "mutation { touch }")
        assert await closed(socket) == (4403, "Token revoked")
    assert doors.executor.ledger.touches == 0


async def test_a_stream_that_finds_its_token_revoked_ends_the_socket(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "1", "subscription Revoked { count(to: 3) }")
        assert await closed(socket) == (4403, "Token revoked")


FIELDS = st.none() | st.integers() | st.text(max_size=4) | st.dictionaries(st.text(max_size=4), st.integers())


MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong"]) | FIELDS},
    optional={
        "id": FIELDS,
        "payload": FIELDS | st.fixed_dictionaries({"query": FIELDS, "variables": FIELDS}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.text(max_size=16) | MESSAGES.map(json.dumps), max_size=4))
async def test_whatever_is_said_ends_in_a_code_of_the_protocol(doors: Doors, said: list[str]) -> None:
    async with greeted(doors) as socket:
        for message in said:
            await socket.send(message)
        await init(socket, doors.token())  # closes the socket if nothing before has
        code, _ = await closed(socket)

    assert code in {4400, 4429}
