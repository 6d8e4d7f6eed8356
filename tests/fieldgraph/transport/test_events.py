"""Server-sent events over real sockets: their frames, their negotiation, and every way they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from fieldgraph.transport.crowds import CrowdLimits
from fieldgraph.transport.events import StreamLimits
from tests.fieldgraph.transport.asking import CURRENT, LEGACY, code, post, query
from tests.fieldgraph.transport.conftest import Doors, House, until
from tests.fieldgraph.transport.speaking import FOREVER, error_code, greeted, hear, subscribe
from tests.patience import PATIENCE_SECONDS

EVENTS = "text/event-stream"
COMPLETE = "event: complete\ndata:\n\n"


def told(**data: object) -> str:
    return "event: next\ndata: " + json.dumps({"data": data}, separators=(",", ":")) + "\n\n"


def error(said: str) -> tuple[str, object]:
    """The frame's name, and the code of the error in it."""
    name, _, rest = said.partition("\n")
    return name, json.loads(rest.removeprefix("data: "))["errors"][0]["extensions"]["code"]


class Reading:
    """A stream of events as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._pieces = response.aiter_text()
        self._text = ""

    async def frame(self) -> str | None:
        """The next event, comments left aside; None at the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame, end, rest = self._text.partition("\n\n")
                if end:
                    self._text = rest
                    if frame != ":":
                        return frame + end
                    continue
                try:
                    self._text += await anext(self._pieces)
                except StopAsyncIteration:
                    return None


@asynccontextmanager
async def reading(doors: Doors, body: bytes, token: str | None = None) -> AsyncIterator[Reading]:
    headers = {
        "content-type": "application/json",
        "accept": EVENTS,
        "authorization": f"Bearer {token or doors.token()}",
    }
    async with doors.client.stream("POST", doors.url, content=body, headers=headers) as response:
        assert response.status_code == 200
        yield Reading(response)


async def test_a_subscription_is_answered_event_by_event(doors: Doors) -> None:
    response = await post(doors, query("subscription { count(to: 2) }"), accept=EVENTS)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.text == ":\n\n" + told(count=1) + told(count=2) + COMPLETE


async def test_a_trusted_subscription_may_be_asked_for_by_get(doors: Doors) -> None:
    headers = {"accept": EVENTS, "authorization": f"Bearer {doors.token()}"}
    parameters = {"documentId": "count", "variables": '{"to": 1}'}

    response = await doors.client.get(doors.url, params=parameters, headers=headers)

    assert response.text == ":\n\n" + told(count=1) + COMPLETE


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("{ hello }", told(hello="Hello world")),
        ("mutation { touch }", told(touch=1)),
        ("query Live { hello }", told(hello="Hello world") * 2),
    ],
)
async def test_who_reads_events_only_gets_every_answer_so(doors: Doors, text: str, frames: str) -> None:
    response = await post(doors, query(text), accept=EVENTS, idempotency_key="once")

    assert response.text == ":\n\n" + frames + COMPLETE
    assert set(doors.executor.ledger.idempotency_keys) <= {"once", None}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (f"{CURRENT}, application/graphql+json, {LEGACY}, {EVENTS}, multipart/mixed", CURRENT),
        (f"{EVENTS}, {LEGACY};q=0.1", LEGACY),
    ],
)
async def test_events_take_no_answer_from_who_reads_json(doors: Doors, accept: str, media: str) -> None:
    answer = await post(doors, accept=accept)
    stream = await post(doors, query("subscription { count(to: 1) }"), accept=accept)

    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert answer.json() == {"data": {"hello": "Hello world"}}
    assert stream.text == ":\n\n" + told(count=1) + COMPLETE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_a_refused_document_is_one_event(doors: Doors, text: str, expected: str) -> None:
    response = await post(doors, query(text), accept=EVENTS)

    first, _, rest = response.text.partition("\n\n")
    assert (response.status_code, rest) == (200, COMPLETE)
    assert error(first) == ("event: next", expected)


async def test_what_the_door_itself_refuses_keeps_its_status(doors: Doors) -> None:
    nobody = await post(doors, authorization="", accept=EVENTS)
    other = await post(doors, content_type="text/plain", accept=EVENTS)
    malformed = await post(doors, b"null", accept=EVENTS)
    later = await post(doors, query("query TooMuch { hello }"), accept=f"{EVENTS}, {CURRENT}")

    assert [one.status_code for one in (nobody, other, malformed, later)] == [401, 415, 400, 429]
    assert code(malformed) == "BAD_REQUEST"
    assert malformed.headers["content-type"] == f"{CURRENT}; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "expected"), [("Explode", "INTERNAL_SERVER_ERROR"), ("Revoked", "UNAUTHENTICATED")]
)
async def test_a_stream_that_fails_says_so_and_is_complete(doors: Doors, name: str, expected: str) -> None:
    async with reading(doors, query(f"subscription {name} {{ count(to: 3) }}")) as stream:
        assert await stream.frame() == told(count=1)
        said = await stream.frame()
        assert said is not None
        assert "secret" not in said
        assert error(said) == ("event: next", expected)
        assert [await stream.frame(), await stream.frame()] == [COMPLETE, None]


async def test_a_token_ends_its_stream(doors: Doors) -> None:
    token = doors.token(lifetime_seconds=1)
    async with reading(doors, query(FOREVER), token) as stream:
        assert await stream.frame() == told(forever="first")
        said = await stream.frame()
        assert said is not None
        assert error(said) == ("event: next", "UNAUTHENTICATED")
        assert [await stream.frame(), await stream.frame()] == [COMPLETE, None]
    await until(lambda: doors.executor.ledger.closed == 1)


async def test_a_revoked_credential_ends_its_stream_within_two_seconds(doors: Doors) -> None:
    secret, digest = doors.tracking_secret()
    async with reading(doors, query(FOREVER), secret) as stream:
        assert await stream.frame() == told(forever="first")
        del doors.credentials[digest]
        async with asyncio.timeout(2):
            said = await stream.frame()
        assert said is not None
        assert error(said) == ("event: next", "UNAUTHENTICATED")
    await until(lambda: doors.executor.ledger.closed == 1)


async def test_a_shutdown_ends_streams_without_completing_them(doors: Doors) -> None:
    async with reading(doors, query(FOREVER)) as stream:
        assert await stream.frame() == told(forever="first")
        doors.closing.set()
        assert await stream.frame() is None
    await until(lambda: doors.executor.ledger.closed == 1)
    after = await post(doors, query(FOREVER), accept=EVENTS)
    assert (after.status_code, after.headers["retry-after"], code(after)) == (429, "5", "RATE_LIMITED")


async def test_a_shutdown_lets_an_answer_end(doors: Doors) -> None:
    asked = asyncio.create_task(post(doors, query("{ patient }"), accept=EVENTS))
    await until(lambda: doors.executor.ledger.waiting == 1)
    doors.closing.set()
    await asyncio.sleep(0.05)
    doors.executor.ledger.release.set()

    assert (await asked).text == ":\n\n" + told(patient="released") + COMPLETE


async def test_a_client_that_leaves_leaves_nothing_behind(doors: Doors) -> None:
    before = asyncio.all_tasks()
    for _ in range(3):
        async with reading(doors, query(FOREVER)) as stream:
            assert await stream.frame() == told(forever="first")

    await until(lambda: doors.executor.ledger.closed == 3)
    await until(lambda: asyncio.all_tasks() <= before)
    assert (doors.events._open, doors.crowd._users, doors.watch._ends) == (set(), {}, {})


async def test_a_quiet_stream_says_that_it_lives(house: House) -> None:
    limits = StreamLimits(quiet_seconds=0.05)
    async with house.open(stream=limits) as doors, reading(doors, query(FOREVER)) as stream:
        text = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for piece in stream.response.aiter_text():
                text += piece
                if text.endswith(":\n\n:\n\n"):
                    break

    assert text.startswith(":\n\n" + told(forever="first"))


async def test_a_client_that_does_not_read_is_cut_off(house: House) -> None:
    async with house.open(stream=StreamLimits(stall_seconds=0.2)) as doors:
        body = query("subscription { flood(size: 100000) }")
        head = (
            "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Accept: {EVENTS}\r\nAuthorization: Bearer {doors.token()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        _, writer = await asyncio.open_connection("127.0.0.1", doors.port, limit=1024)
        writer.write(head.encode() + body)
        await until(lambda: doors.executor.ledger.opened == 1)
        await until(lambda: doors.executor.ledger.closed == 1)
        await until(lambda: not doors.events._open)
        writer.transport.abort()


async def test_sockets_and_streams_are_counted_together(house: House) -> None:
    async with house.open(crowd=CrowdLimits(of_user=2, of_address=3)) as doors:
        secret, _ = doors.tracking_secret()
        async with reading(doors, query(FOREVER)), greeted(doors):
            mine = await post(doors, query(FOREVER), accept=EVENTS)
            async with reading(doors, query(FOREVER), secret):
                theirs = await post(doors, query(FOREVER), accept=EVENTS, authorization=f"Bearer {secret}")
            assert (mine.status_code, mine.json()["errors"][0]["message"]) == (
                429,
                "You have too many sockets and streams open",
            )
            assert (theirs.status_code, theirs.json()["errors"][0]["message"]) == (
                429,
                "Too many sockets and streams are open",
            )
        async with reading(doors, query(FOREVER)) as stream:
            assert await stream.frame() == told(forever="first")


async def test_operations_on_sockets_and_streams_are_counted_together(house: House) -> None:
    async with house.open(crowd=CrowdLimits(operations_of_user=1)) as doors:
        async with reading(doors, query(FOREVER)) as stream, greeted(doors) as socket:
            assert await stream.frame() == told(forever="first")
            refused = await post(doors, query(FOREVER), accept=EVENTS)
            assert (refused.status_code, refused.json()["errors"][0]["message"]) == (
                429,
                "You have too many operations running",
            )
            await subscribe(socket, "s", FOREVER)
            assert error_code(await hear(socket)) == "RATE_LIMITED"
        await until(lambda: not doors.crowd._operations)


async def test_streams_are_counted_as_a_door_of_their_own(doors: Doors) -> None:
    await post(doors, query("subscription { count(to: 1) }"), accept=EVENTS)

    line = 'fieldgraph_requests_total{door="sse",kind="subscription",outcome="OK"} 1.0'
    assert line in doors.metrics.text().decode()
