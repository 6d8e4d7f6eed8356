"""Floods: requests of which each is new and cheap to make, so that only their number hurts."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.fieldgraph.driven import Day
from tests.fieldgraph.running import PROTOCOL

GREETING_SECONDS = 5
SOCKETS = 300
STREAMS = 520
STREAMS_OF_USER = 500
ELSEWHERE = Origin("https://elsewhere.example")
BOOT = secrets.token_hex(4)
"""So that one run's documents are not those of the run before."""
STREAM = "subscription { scheduleChanges { ... on ResyncRequired { cause } } }"


class Flood(NamedTuple):
    """The request of each number, without its token unless it brings one; and how it may be answered."""

    request: Callable[[int], Mapping[str, Any]]
    statuses: frozenset[int]
    codes: frozenset[str]


def _asked(**body: object) -> Mapping[str, Any]:
    return {"method": "POST", "url": "/graphql", "json": body}


def _document(number: int, width: int = 200) -> str:
    """A valid document that nobody has asked before."""
    fields = " ".join(["role subject organization { name }"] * (width // 4))
    return f"query Q{BOOT}_{number} {{ viewer {{ {fields} }} }}"


def _registered(number: int) -> Mapping[str, Any]:
    text = _document(number)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return _asked(query=text, extensions={"persistedQuery": {"version": 1, "sha256Hash": digest}})


def _aliased(number: int) -> Mapping[str, Any]:
    inner = "nodes { workOrders(first: 250) { nodes { id visits(first: 250) { nodes { id } } } } }"
    roots = " ".join(f"a{n}_{number}: customers(first: 250) {{ {inner} }}" for n in range(15))
    return _asked(query=f"{{ {roots} }}")


def _by(token: str) -> Mapping[str, Any]:
    return {**_asked(query="{ cursor }"), "headers": {"authorization": f"Bearer {token}"}}


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _forged(number: int) -> Mapping[str, Any]:
    """Tokens of every kind in turn: of our algorithm, of a provider's with a key nobody has, of none."""
    algorithm = ("HS256", "RS256", "none")[number % 3]
    header = {"alg": algorithm, "typ": "JWT", "kid": f"{BOOT}{number}"}
    claims = {"iss": "fieldgraph", "aud": "fieldgraph", "exp": 4_000_000_000, "iat": 1, "sub": str(number)}
    return _by(f"{_encoded(header)}.{_encoded(claims)}.{secrets.token_urlsafe(32)}")


def _address(number: int) -> Mapping[str, Any]:
    """As long as an address may be here, longer, and as long as clients make them."""
    size = (15_000, 20_000, 60_000)[number % 3]
    return {"method": "GET", "url": "/graphql?" + urlencode({"documentId": f"{number}".ljust(size, "x")})}


NEW = frozenset({"RATE_LIMITED"})
"""Of too many documents at once."""
FLOODS: Mapping[str, Flood] = {
    "registrations": Flood(_registered, frozenset({200, 429}), NEW),
    "unknown ids": Flood(
        lambda number: _asked(documentId=f"{BOOT}{number}"),
        frozenset({400}),
        frozenset({"PERSISTED_QUERY_NOT_FOUND"}),
    ),
    "unknown digests": Flood(
        lambda number: _asked(
            extensions={"persistedQuery": {"version": 1, "sha256Hash": f"{number:064x}"}}
        ),
        frozenset({400}),
        frozenset({"PERSISTED_QUERY_NOT_FOUND"}),
    ),
    "new documents": Flood(lambda number: _asked(query=_document(number)), frozenset({200, 429}), NEW),
    "large new documents": Flood(
        lambda number: _asked(query=_document(number) + " #" + "x" * 100_000), frozenset({200, 429}), NEW
    ),
    "aliased connections": Flood(
        _aliased, frozenset({400, 429}), frozenset({"COST_EXCEEDED", "RATE_LIMITED"})
    ),
    "made-up keys": Flood(
        lambda _number: _by(f"key_{secrets.token_urlsafe(32)}"),
        frozenset({401}),
        frozenset({"UNAUTHENTICATED"}),
    ),
    "forged tokens": Flood(_forged, frozenset({401}), frozenset({"UNAUTHENTICATED"})),
    "long addresses": Flood(
        _address, frozenset({400, 414}), frozenset({"PERSISTED_QUERY_NOT_FOUND", "BAD_REQUEST"})
    ),
}  # fmt: skip


async def silent_sockets(running: Day, until: float) -> list[int]:
    """Sockets that are opened by the hundred and never greet; the codes that they are closed with."""
    opened: list[ClientConnection] = []
    while len(opened) < SOCKETS:
        opened.append(await connect(running.server.ws_url, subprotocols=PROTOCOL, proxy=None))
    async with asyncio.timeout(max(0.0, until - time.perf_counter()) + 60):
        await asyncio.gather(*(socket.wait_closed() for socket in opened))
    return [socket.close_code or 0 for socket in opened]


async def message_flood(running: Day, until: float) -> list[int]:
    """Sockets that greet and then say as much as they can until they are closed; with which codes."""
    codes: list[int] = []
    greeting = {"authorization": f"Bearer {running.access['DISPATCHER']}"}
    begun = False
    while not begun or time.perf_counter() < until:
        begun = True
        async with connect(running.server.ws_url, subprotocols=PROTOCOL, proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": greeting}))
            reading = asyncio.create_task(_read(socket))
            with suppress(ConnectionClosed):
                for number in range(20_000):
                    payload = {"query": "{ viewer { role } }"}
                    await socket.send(json.dumps({"type": "ping", "payload": {"n": number}}))
                    await socket.send(
                        json.dumps({"type": "subscribe", "id": str(number), "payload": payload})
                    )
            await socket.wait_closed()
            await reading
            codes.append(socket.close_code or 0)
    return codes


async def _read(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()


async def unread_streams(running: Day, until: float) -> list[int]:
    """Event streams that are opened by the hundred and not read; the statuses, of which some are refusals."""
    headers = {
        "authorization": f"Bearer {running.access['DISPATCHER']}",
        "accept": "text/event-stream",
    }
    limits = httpx.Limits(max_connections=STREAMS + 1)
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False, limits=limits) as client:

        async def opened() -> httpx.Response:
            request = client.build_request("POST", running.server.graph, json={"query": STREAM})
            return await client.send(request, stream=True)

        answers: list[httpx.Response] = []
        while len(answers) < STREAMS:
            answers += await asyncio.gather(*(opened() for _ in range(20)))
        await asyncio.sleep(max(0.0, until - time.perf_counter()))
        for answer in answers:
            await answer.aclose()
    return [answer.status_code for answer in answers]


async def refused_sockets(running: Day, until: float) -> list[int]:
    """Handshakes that are none of ours; their statuses."""
    statuses: list[int] = []
    while not statuses or time.perf_counter() < until:
        try:
            async with connect(running.server.ws_url, origin=ELSEWHERE, proxy=None) as socket:
                await socket.wait_closed()
                statuses.append(socket.close_code or 0)
        except InvalidStatus as refused:
            statuses.append(refused.response.status_code)
    return statuses


CROWDS: Mapping[str, Callable[[Day, float], Coroutine[Any, Any, list[int]]]] = {
    "silent sockets": silent_sockets,
    "message flood": message_flood,
    "unread streams": unread_streams,
    "refused sockets": refused_sockets,
}
