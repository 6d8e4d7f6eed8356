"""The HTTP door over real sockets: media types, statuses, limits, tokens, bugs."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from fieldgraph.transport.bodies import BodyLimits
from tests.fieldgraph.transport.asking import CURRENT, HELLO, LEGACY, code, post, query
from tests.fieldgraph.transport.conftest import Doors, House, until


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (CURRENT, CURRENT),
        (LEGACY, LEGACY),
        ("", LEGACY),
        ("*/*", LEGACY),
        ("application/*", LEGACY),
        ("application/json, text/plain, */*", LEGACY),
        ("application/json;charset=utf-8;q=0.5, application/graphql-response+json", CURRENT),
        ("text/html, application/*;q=0.2", LEGACY),
        ("application/json;q=0, */*", CURRENT),
        ("application/json;q=0.5, */*", CURRENT),
        ("application/graphql-response+json;q=0.5, */*", LEGACY),
        ("application/graphql-response+json, application/json", CURRENT),
    ],
)
async def test_answers_in_the_media_type_asked_for(doors: Doors, accept: str, media: str) -> None:
    response = await post(doors, accept=accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media}; charset=utf-8"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.json() == {"data": {"hello": "Hello world"}}


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json;q=0", "application/json;charset=utf-16", "application/json;q=x"]
)
async def test_a_client_that_accepts_no_json_is_told_so(doors: Doors, accept: str) -> None:
    response = await post(doors, accept=accept)

    assert (response.status_code, code(response)) == (406, "BAD_REQUEST")


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_encoding": "gzip"},
    ],
)
async def test_only_plain_json_is_read(doors: Doors, headers: dict[str, str]) -> None:
    response = await post(doors, **headers)

    assert (response.status_code, code(response)) == (415, "BAD_REQUEST")


async def test_json_may_name_its_charset(doors: Doors) -> None:
    response = await post(doors, content_type='Application/JSON; charset="UTF-8"')

    assert response.status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_ask_nothing(doors: Doors, method: str) -> None:
    response = await doors.client.request(method, doors.url, headers={"authorization": "Bearer x"})

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, OPTIONS")
    assert (response.content == b"") == (method == "HEAD")


async def test_options_tells_the_methods(doors: Doors) -> None:
    response = await doors.client.options(doors.url)

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "GET, POST, OPTIONS"


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        ("", 'Bearer realm="fieldgraph"'),
        ("Bearer", 'Bearer realm="fieldgraph", error="invalid_token"'),
        ("Bearer nonsense", 'Bearer realm="fieldgraph", error="invalid_token"'),
        ("Bearer trk_short", 'Bearer realm="fieldgraph", error="invalid_token"'),
        ("Basic bWlyYTpw", 'Bearer realm="fieldgraph", error="invalid_token"'),
    ],
)
@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
async def test_nobody_asks_without_a_good_token(
    doors: Doors, authorization: str, challenge: str, accept: str
) -> None:
    response = await post(doors, authorization=authorization, accept=accept)

    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == challenge
    assert doors.executor.ledger.idempotency_keys == []


async def test_a_tracking_secret_is_a_token_until_it_is_revoked(doors: Doors) -> None:
    secret, digest = doors.tracking_secret()
    before = await post(doors, query("{ whoami }"), authorization=f"bearer {secret}")
    del doors.credentials[digest]
    doors.identity._secrets.clear()  # stands for the second that a look-up is remembered

    after = await post(doors, query("{ whoami }"), authorization=f"bearer {secret}")

    assert before.json() == {"data": {"whoami": "link"}}
    assert (after.status_code, code(after)) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (query("{"), "GRAPHQL_PARSE_FAILED"),
        (query(""), "GRAPHQL_PARSE_FAILED"),
        (query("{ nothing }"), "GRAPHQL_VALIDATION_FAILED"),
        (query("query A { hello } query B { hello }"), "BAD_REQUEST"),
        (query("query A { hello }", operationName="B"), "BAD_REQUEST"),
        (query("query Q($s: Int!) { big(size: $s) }", variables={"s": "x"}), "BAD_USER_INPUT"),
    ],
)
async def test_a_request_error_is_400_and_by_the_legacy_rules_200(
    doors: Doors, body: bytes, expected: str
) -> None:
    current = await post(doors, body)
    legacy = await post(doors, body, accept=LEGACY)

    assert (current.status_code, code(current)) == (400, expected)
    assert (legacy.status_code, code(legacy)) == (200, expected)
    assert current.json() == legacy.json()
    assert "data" not in current.json()


@pytest.mark.parametrize(
    ("accept", "status"),
    [("", 400), ("*/*", 400), ("text/html, application/*;q=0.2", 400), ("application/json, */*", 200)],
)
async def test_who_names_no_type_reads_json_with_the_statuses_of_today(
    doors: Doors, accept: str, status: int
) -> None:
    response = await post(doors, query("{ nothing }"), accept=accept)

    assert (response.status_code, code(response)) == (status, "GRAPHQL_VALIDATION_FAILED")
    assert response.headers["content-type"] == f"{LEGACY}; charset=utf-8"


async def test_what_a_role_may_not_ask_is_403(doors: Doors) -> None:
    for accept in (CURRENT, "*/*"):
        response = await post(doors, query("query Forbidden { hello }"), accept=accept)

        assert (response.status_code, code(response)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
async def test_a_refusal_for_now_says_when_to_try_again(doors: Doors, accept: str) -> None:
    response = await post(doors, query("query TooMuch { hello }"), accept=accept)

    assert (response.status_code, code(response)) == (429, "RATE_LIMITED")
    assert response.headers["retry-after"] == "2"
    assert "retry-after" not in (await post(doors, query("query Forbidden { hello }"))).headers


@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
async def test_a_subscription_is_sent_to_the_other_door(doors: Doors, accept: str) -> None:
    response = await post(doors, query("subscription { count(to: 1) }"), accept=accept)

    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert "WebSocket" in response.json()["errors"][0]["message"]


def padded(size: int) -> bytes:
    return HELLO[:-1] + b" " * (size - len(HELLO)) + b"}"


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


@pytest.mark.parametrize(("size", "status"), [(262_144, 200), (262_145, 413), (900_000, 413)])
async def test_a_body_is_counted_while_it_is_read(doors: Doors, size: int, status: int) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {doors.token()}"}

    whole = await doors.client.post(doors.url, content=padded(size), headers=headers)
    chunked = await doors.client.post(doors.url, content=pieces(padded(size)), headers=headers)
    again = await doors.client.post(doors.url, content=HELLO, headers=headers)

    assert (whole.status_code, chunked.status_code, again.status_code) == (status, status, 200)


def head(doors: Doors, *more: str) -> bytes:
    lines = ["POST /graphql HTTP/1.1", "Host: x", "Content-Type: application/json", *more]
    return "\r\n".join([*lines, f"Authorization: Bearer {doors.token()}", "", ""]).encode()


async def raw(doors: Doors, *sent: bytes) -> bytes:
    """What the server says to bytes that no HTTP library would send, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    for part in sent:
        writer.write(part)
        await writer.drain()
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


async def test_an_endless_body_is_cut_off(house: House) -> None:
    async with house.open(body=BodyLimits(body_bytes=100, drained_bytes=1000)) as doors:
        piece = b"1f4\r\n" + b" " * 500 + b"\r\n"
        said = await raw(doors, head(doors, "Transfer-Encoding: chunked") + piece * 3)

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in said


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(house: House) -> None:
    async with house.open(body=BodyLimits(read_seconds=0.05)) as doors:
        nothing = await raw(doors, head(doors, "Content-Length: 22"))
        half = await raw(doors, head(doors, "Content-Length: 22"), HELLO[:5])

    for said in (nothing, half):
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in said
        assert b'"code":"BAD_REQUEST"' in said


async def test_a_client_that_leaves_mid_body_leaves_nothing_behind(doors: Doors) -> None:
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    writer.write(head(doors, "Content-Length: 22") + HELLO[:5])
    await writer.drain()
    await until(lambda: asyncio.all_tasks() != before)

    writer.transport.abort()
    await until(lambda: asyncio.all_tasks() == before)

    assert doors.executor.ledger.idempotency_keys == []


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Idempotency-Key"])
async def test_a_header_that_must_be_single_is(doors: Doors, name: str) -> None:
    doubled = (f"{name}: a", f"{name}: b", "Content-Length: 22", "Connection: close")

    said = await raw(doors, head(doors, *doubled) + HELLO)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"is there twice" in said


async def test_two_accept_headers_are_one_list(doors: Doors) -> None:
    more = ("Accept: text/html", "Accept: application/json", "Content-Length: 22", "Connection: close")

    said = await raw(doors, head(doors, *more) + HELLO)

    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: application/json; charset=utf-8" in said


@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
async def test_a_bug_is_told_by_its_id_only(doors: Doors, accept: str) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await post(
            doors, query("query Explode { hello }"), accept=accept, x_request_id="from-the-client.1"
        )

    assert response.status_code == 500
    assert response.json() == {
        "errors": [
            {
                "message": "Something went wrong on our side",
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "correlationId": "from-the-client.1"},
            }
        ]
    }
    assert response.headers["x-request-id"] == "from-the-client.1"
    assert [(entry["event"], entry["correlation_id"], entry["operation"]) for entry in logs] == [
        ("request_failed", "from-the-client.1", "Explode")
    ]


async def test_a_request_id_that_could_forge_a_log_is_replaced(doors: Doors) -> None:
    first = await post(doors, x_request_id="a b")
    second = await post(doors, x_request_id="x" * 65)

    assert first.headers["x-request-id"] not in {"a b", second.headers["x-request-id"]}
    assert len(second.headers["x-request-id"]) < 65


async def test_the_idempotency_key_reaches_the_executor(doors: Doors) -> None:
    await post(doors, query("mutation { touch }"), idempotency_key="order-1")
    await post(doors, query("mutation { touch }"))

    assert doors.executor.ledger.idempotency_keys == ["order-1", None]


@pytest.mark.parametrize("key", ["a b", "x" * 256, "\u00e9"])
async def test_an_idempotency_key_that_is_none_writes_nothing(doors: Doors, key: str) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {doors.token()}"}
    pairs = [(name.encode(), value.encode()) for name, value in {**headers, "idempotency-key": key}.items()]

    response = await doors.client.post(doors.url, content=query("mutation { touch }"), headers=pairs)

    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert doors.executor.ledger.touches == 0


async def test_requests_are_counted_by_kind_and_outcome(doors: Doors) -> None:
    await post(doors)
    await post(doors, query("mutation M { touch }"))
    await post(doors, b"null")
    await post(doors, query("query Explode { hello }"))

    text = doors.metrics.text().decode()
    counted = {line for line in text.splitlines() if line.startswith("fieldgraph_requests_total")}
    assert counted == {
        f'fieldgraph_requests_total{{door="http",kind="{kind}",outcome="{outcome}"}} 1.0'
        for kind, outcome in [
            ("query", "OK"),
            ("mutation", "OK"),
            ("unknown", "BAD_REQUEST"),
            ("query", "INTERNAL_SERVER_ERROR"),
        ]
    }
