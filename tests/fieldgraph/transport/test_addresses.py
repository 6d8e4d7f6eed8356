"""GET over real sockets: trusted documents, asked for by their id, and nothing that changes anything."""

import json
from urllib.parse import quote

import httpx
import pytest

from tests.fieldgraph.transport.asking import CURRENT, LEGACY, code
from tests.fieldgraph.transport.conftest import Doors


async def get(doors: Doors, parameters: str, /, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {doors.token()}", "accept": CURRENT, **headers}
    return await doors.client.get(f"{doors.url}?{parameters}", headers={k: v for k, v in sent.items() if v})


def persisted(digest: str) -> str:
    return quote(json.dumps({"persistedQuery": {"version": 1, "sha256Hash": digest}}))


@pytest.mark.parametrize(
    ("parameters", "data"),
    [
        ("documentId=hello", {"hello": "Hello world"}),
        ("documentId=hello&variables=", None),
        ("documentId=hello&variables=" + quote('{"name": "Åsa"}'), {"hello": "Hello Åsa"}),
        ("documentId=hello&operationName=Hello&variables=null&extensions=null", {"hello": "Hello world"}),
        ("documentId=several&operationName=B", {"whoami": "mira"}),
        ("extensions=" + persisted("hello"), {"hello": "Hello world"}),
        ("query=&extensions=" + persisted("hello"), {"hello": "Hello world"}),
    ],
)
async def test_a_trusted_query_is_answered(doors: Doors, parameters: str, data: object) -> None:
    response = await get(doors, parameters)

    if data is None:
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    else:
        assert (response.status_code, response.json()) == (200, {"data": data})
        assert response.headers["content-type"] == f"{CURRENT}; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "variables={}",
        "documentId=",
        "documentId=hello&documentId=hello",
        "documentId=hello&variables=[]",
        "documentId=hello&variables={",
        "documentId=hello&extensions=3",
        "documentId=hello&variables=%ff",
        "documentId=hello&variables=" + quote('{"name": "\\u0000"}'),
        "documentId=hello&variables=" + quote('{"name": ' + "[" * 70 + "]" * 70 + "}"),
        "documentId=several",
        "documentId=hello&operationName=Other",
        "&".join(f"p{number}=1" for number in range(17)),
    ],
)
async def test_a_malformed_address_is_a_clear_400(doors: Doors, parameters: str) -> None:
    response = await get(doors, parameters)

    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("parameters", ["query={hello}", "query=mutation{touch}", "documentId=touch"])
@pytest.mark.parametrize("accept", [CURRENT, LEGACY])
async def test_a_text_or_a_mutation_is_to_be_posted(doors: Doors, parameters: str, accept: str) -> None:
    response = await get(doors, parameters, accept=accept)

    assert (response.status_code, code(response)) == (405, "BAD_REQUEST")
    assert response.headers["allow"] == "POST, OPTIONS"
    assert doors.executor.ledger.touches == 0


async def test_a_page_of_another_host_cannot_ask(doors: Doors) -> None:
    bare = await get(doors, "documentId=hello", authorization="", cookie="token=x")
    basic = await get(doors, "documentId=hello", authorization="Basic bWlyYTpw")

    assert (bare.status_code, basic.status_code) == (401, 401)


async def test_an_address_has_a_length(doors: Doors) -> None:
    fits = await get(doors, "documentId=hello&x=" + "x" * (16_384 - 19))
    long = await get(doors, "documentId=hello&x=" + "x" * (16_384 - 18))

    assert (fits.status_code, long.status_code, code(long)) == (200, 414, "BAD_REQUEST")


@pytest.mark.parametrize("parameters", ["documentId=other", "extensions=" + persisted("0" * 64)])
async def test_an_unknown_document_is_told_in_the_words_that_clients_know(
    doors: Doors, parameters: str
) -> None:
    current = await get(doors, parameters)
    legacy = await get(doors, parameters, accept=LEGACY)

    errors = [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    assert (current.status_code, legacy.status_code) == (400, 200)
    assert current.json() == legacy.json() == {"errors": errors}
