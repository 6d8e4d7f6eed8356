"""What every door tells of an operation at its end: one line each, and the client's trace in it."""

import asyncio
import json
from typing import Any

import pytest

from fieldgraph.transport.operations import SocketLimits
from fieldgraph.transport.records import Parent, parent_of
from tests.fieldgraph.transport.asking import post, query
from tests.fieldgraph.transport.conftest import ORGANIZATION, Doors, House, until
from tests.fieldgraph.transport.speaking import bare, closed, greeted, hear, init, say, subscribe
from tests.patience import PATIENCE_SECONDS

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


async def told(doors: Doors, number: int = 1) -> list[dict[str, Any]]:
    """The lines, once there are so many; when and how long is left out."""

    def lines() -> list[bytes]:
        return b"".join([*doors.lines, *doors.journal._lines]).splitlines()

    await until(lambda: len(lines()) >= number)
    found = [json.loads(line) for line in lines()]
    for line in found:
        assert line.pop("timestamp")
        assert line.pop("logger") == "fieldgraph.requests"
        if line["event"] == "request":
            assert 0 <= line.pop("ms") < 60_000
    return found


async def test_a_request_is_a_line(doors: Doors) -> None:
    response = await post(doors, query("query Hello { hello }"), x_request_id="mine", traceparent=TRACEPARENT)

    assert await told(doors) == [
        {
            "level": "info",
            "event": "request",
            "door": "http",
            "kind": "query",
            "outcome": "OK",
            "bytes": len(response.content),
            "request_id": "mine",
            "operation": "Hello",
            "organization": str(ORGANIZATION),
            "role": "DISPATCHER",
            "by": "token",
            "status": 200,
            "trace_id": TRACE,
        }
    ]


async def test_neither_token_nor_variables_nor_text_are_in_it(doors: Doors) -> None:
    body = query("query Hello($name: String) { hello(name: $name) }", variables={"name": "private"})
    await post(doors, body)
    await post(doors, body, authorization="Bearer of-a-secret")
    await post(doors, query('{ hello(name: "private") }'))

    lines = await told(doors, 3)
    assert [line["outcome"] for line in lines] == ["OK", "UNAUTHENTICATED", "OK"]
    text = json.dumps(lines)
    for secret in ("private", "of-a-secret", "mira", doors.token(), "hello("):
        assert secret not in text


async def test_a_trusted_document_is_told_by_its_id(doors: Doors) -> None:
    await post(doors, json.dumps({"documentId": "hello"}).encode())
    await post(doors, query("query Hello($name: String) { hello(name: $name) }"))

    lines = await told(doors, 2)
    assert [(line["operation"], line.get("document")) for line in lines] == [
        ("Hello", "hello"),
        ("Hello", None),
    ]


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (b"[", 400, "BAD_REQUEST"),
        (query("{ hello"), 400, "GRAPHQL_PARSE_FAILED"),
        (query("query Forbidden { hello }"), 403, "FORBIDDEN"),
        (query("query TooMuch { hello }"), 429, "RATE_LIMITED"),
    ],
)
async def test_a_refusal_is_a_line_with_its_code(
    doors: Doors, body: bytes, status: int, outcome: str
) -> None:
    await post(doors, body)

    (line,) = await told(doors)
    assert (line["level"], line["status"], line["outcome"]) == ("info", status, outcome)


async def test_a_name_is_cut_before_it_is_told(doors: Doors) -> None:
    await post(doors, query("query " + "N" * 500 + " { hello }"))

    (line,) = await told(doors)
    assert line["operation"] == "N" * 80


async def test_an_event_stream_is_one_line_at_its_end(doors: Doors) -> None:
    body = query("subscription Count { count(to: 3) }")
    response = await post(doors, body, accept="text/event-stream")

    assert response.text.count("event: next") == 3
    (line,) = await told(doors)
    assert (line["door"], line["kind"], line["status"], line["items"]) == ("sse", "subscription", 200, 3)
    assert line["bytes"] == len('{"data":{"count":1}}') * 3
    assert "stopped" not in line


async def test_each_operation_of_a_socket_is_a_line(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "1", "query Hello { hello }", extensions={"traceparent": TRACEPARENT})
        for _ in range(2):
            await hear(socket)
        await subscribe(socket, "2", "subscription Count { count(to: 2) }")
        for _ in range(3):
            await hear(socket)
        await subscribe(socket, "3", "subscription Forever { forever }")
        await hear(socket)
        await say(socket, type="complete", id="3")
        one, two, three = await told(doors, 3)

    assert (one["door"], one["operation"], one["trace_id"]) == ("websocket", "Hello", TRACE)
    assert (two["operation"], two["items"], "trace_id" in two, "stopped" in two) == ("Count", 2, False, False)
    assert (three["operation"], three["items"], three["stopped"], "close" in three) == (
        "Forever",
        1,
        True,
        False,
    )
    assert len({line["request_id"] for line in (one, two, three)}) == 3


async def test_the_greetings_trace_is_that_of_all_operations(doors: Doors) -> None:
    async with bare(doors) as socket:
        payload = {"authorization": f"Bearer {doors.token()}", "traceparent": TRACEPARENT}
        await say(socket, type="connection_init", payload=payload)
        await hear(socket)
        await subscribe(socket, "1", "{ hello }")
        (line,) = await told(doors)

    assert line["trace_id"] == TRACE


async def test_what_ends_with_its_socket_tells_by_which_code(doors: Doors) -> None:
    async with greeted(doors) as socket:
        await subscribe(socket, "1", "subscription Forever { forever }")
        await hear(socket)
        doors.closing.set()
        assert (await closed(socket))[0] == 1012

    lines = {line["event"]: line for line in await told(doors, 2)}
    assert lines["socket_closed"]["close"] == 1012
    assert (lines["request"]["close"], lines["request"]["stopped"]) == (1012, True)


async def test_a_socket_that_is_not_let_in_is_a_line(doors: Doors) -> None:
    async with bare(doors) as socket:
        await init(socket, "nobody's")
        assert (await closed(socket))[0] == 4403

    assert await told(doors) == [
        {"level": "info", "event": "socket_closed", "door": "websocket", "close": 4403}
    ]


async def test_an_operation_too_many_is_counted_and_told(house: House) -> None:
    async with house.open(SocketLimits(operations=1)) as doors, greeted(doors) as socket:
        await subscribe(socket, "1", "subscription Forever { forever }")
        await hear(socket)
        await subscribe(socket, "2", "{ hello }")
        assert (await hear(socket))["type"] == "error"

        (line,) = await told(doors)
        text = doors.metrics.text().decode()

    assert (line["kind"], line["outcome"]) == ("unknown", "RATE_LIMITED")
    assert 'fieldgraph_requests_total{door="websocket",kind="unknown",outcome="RATE_LIMITED"} 1.0' in text


async def test_a_bug_is_a_warning_with_the_id_that_the_client_was_told(doors: Doors) -> None:
    response = await post(doors, query("query Explode { hello }"))

    (line,) = await told(doors)
    assert (line["level"], line["outcome"], line["status"]) == ("warning", "INTERNAL_SERVER_ERROR", 500)
    assert line["request_id"] == response.json()["errors"][0]["extensions"]["correlationId"]


async def test_a_client_that_leaves_stopped_its_stream(doors: Doors) -> None:
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": f"Bearer {doors.token()}",
    }
    body = query("subscription Forever { forever }")
    async with doors.client.stream("POST", doors.url, content=body, headers=headers) as response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for text in response.aiter_text():
                if "first" in text:
                    assert "fieldgraph_event_streams 1.0" in doors.metrics.text().decode()
                    break

    (line,) = await told(doors)
    assert (line["door"], line["items"], line["stopped"]) == ("sse", 1, True)
    assert "fieldgraph_event_streams 0.0" in doors.metrics.text().decode()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (TRACEPARENT, Parent(TRACE, SPAN, "01")),
        (f"cc-{TRACE}-{SPAN}-00-more", Parent(TRACE, SPAN, "00")),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"cc-{TRACE}-{SPAN}-00more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (TRACEPARENT[:-1], None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_traceparent_is_w3cs_or_none(said: str, found: Parent | None) -> None:
    assert parent_of(said) == found
