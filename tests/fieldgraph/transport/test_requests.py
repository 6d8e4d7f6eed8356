"""Bodies of every shape over real sockets: answered, or a clear 400."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fieldgraph.transport.asking import CURRENT, LEGACY, code, post
from tests.fieldgraph.transport.conftest import Doors

MALFORMED = [
    b"",
    b"null",
    b"3",
    b'"x"',
    b"[]",
    b'[{"query": "{ hello }"}]',
    b"{",
    b"{}",
    b"\xff\xfe{}",
    b'{"query": "\xff"}',
    b'{"query": "\\ud800"}',
    b'{"query": null}',
    b'{"query": 3}',
    b'{"query": ["{ hello }"]}',
    b'{"query": "{ hello }", "variables": []}',
    b'{"query": "{ hello }", "variables": "{}"}',
    b'{"query": "{ hello }", "variables": 1}',
    b'{"query": "{ hello }", "operationName": 1}',
    b'{"query": "{ hello }", "operationName": {}}',
    b'{"query": "{ hello }", "extensions": []}',
    b'{"query": "{ hello }", "variables": {"n": NaN}}',
    b'{"query": "{ hello }", "variables": {"n": 1e999}}',
    b'{"query": "{ hello }", "variables": {"n": "\\u0000"}}',
    b'{"query": "{ hello }", "variables": {"n": ' + b"[" * 90 + b"]" * 90 + b"}}",
    b'{"query": "{ hello }", "variables": {"n": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}",
    b"[" * 100_000,
    b'{"query": "{ hello }"} trailing',
    b'{"query": "3", "query": "{ hello }"}',
    b'{"query": "3", "qu\\u0065ry": "{ hello }"}',
    b'{"query": "{ hello }", "variables": {}, "variables": {}}',
    b'{"documentId": 3}',
    b'{"documentId": ""}',
    b'{"documentId": null}',
    b'{"query": "{ hello }", "documentId": "hello"}',
    b'{"query": 3, "documentId": "hello"}',
    b'{"query": ""}'[:-3] + b"null}",
    b'{"extensions": {}}',
    b'{"extensions": {"persistedQuery": {}}}',
    b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 3}}}',
    b'{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "hello"}}}',
]


@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_body_is_a_clear_400(doors: Doors, body: bytes, accept: str) -> None:
    response = await post(doors, body, accept=accept)

    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "body",
    [
        b'{"documentId": "hello"}',
        b'{"documentId": "hello", "query": "", "variables": {}}',
        b'{"query": "", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "hello"}}}',
        b'{"query": null, "extensions": {"persistedQuery": {"sha256Hash": "hello"}}}',
        b'{"query": "{ hello }", "variables": {"\\u006e": "\\u0065"}}',
        b'{"query": "{ hello }", "variables": null, "operationName": null, "extensions": null}',
        b'{"query": "{ hello }", "extensions": {"persistedQuery": 1}, "unknown": []}',
        b'\n{"query": "query Q($n: String!) { hello(name: $n) }", "variables": {"n": "world"}} ',
        b'{"query": "{ hello }", "variables": {"unused": "\\\\u0000"}}',
        b'{"query": "{ hello }", "variables": {"unused": ' + b"[[]," * 60 + b"1" + b"]" * 60 + b"}}",
    ],
)
async def test_an_unusual_body_is_answered(doors: Doors, body: bytes) -> None:
    response = await post(doors, body)

    assert (response.status_code, response.json()) == (200, {"data": {"hello": "Hello world"}})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(["{ hello }", "query Q($n: String) { hello(name: $n) }"]) | VALUES,
        "operationName": st.just("Q") | VALUES,
        "variables": st.fixed_dictionaries({"n": VALUES}) | VALUES,
        "extensions": VALUES,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=64) | (REQUESTS | VALUES).map(lambda value: json.dumps(value).encode()))
async def test_no_body_makes_a_5xx(doors: Doors, body: bytes) -> None:
    response = await post(doors, body)

    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert code(response) in {
            "BAD_REQUEST",
            "BAD_USER_INPUT",
            "GRAPHQL_PARSE_FAILED",
            "GRAPHQL_VALIDATION_FAILED",
        }
