"""One request over HTTP and what it was answered, for tests."""

import json

import httpx

from tests.fieldgraph.transport.conftest import Doors

CURRENT = "application/graphql-response+json"


LEGACY = "application/json"


HELLO = b'{"query": "{ hello }"}'


async def post(doors: Doors, body: bytes = HELLO, /, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/json", "accept": CURRENT, "authorization": f"Bearer {doors.token()}"}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    return await doors.client.post(doors.url, content=body, headers={k: v for k, v in sent.items() if v})


def code(response: httpx.Response) -> object:
    return response.json()["errors"][0]["extensions"]["code"]


def query(text: str, **more: object) -> bytes:
    return json.dumps({"query": text, **more}).encode()
