"""The client's half of graphql-transport-ws, for tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fieldgraph.transport.conftest import Doors
from tests.patience import PATIENCE_SECONDS

PROTOCOL = [Subprotocol("graphql-transport-ws")]


FOREVER = "subscription { forever }"


@asynccontextmanager
async def bare(doors: Doors, **more: Any) -> AsyncIterator[ClientConnection]:
    """A socket that has not said anything yet."""
    async with connect(doors.ws_url, **{"subprotocols": PROTOCOL, "max_size": None, **more}) as socket:
        yield socket


@asynccontextmanager
async def greeted(doors: Doors, token: str | None = None, **more: Any) -> AsyncIterator[ClientConnection]:
    async with bare(doors, **more) as socket:
        await init(socket, token or doors.token())
        assert await hear(socket) == {"type": "connection_ack"}
        yield socket


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def init(socket: ClientConnection, token: str) -> None:
    await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})


async def subscribe(socket: ClientConnection, key: str, query: str, **payload: object) -> None:
    await say(socket, type="subscribe", id=key, payload={"query": query, **payload})


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        heard = json.loads(await socket.recv())
    assert isinstance(heard, dict)
    return heard


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the server's close; whatever came before it is read and dropped."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason


def nxt(key: str, **data: object) -> dict[str, object]:
    return {"type": "next", "id": key, "payload": {"data": data}}


def error_code(message: dict[str, Any]) -> object:
    assert message["type"] == "error"
    return message["payload"][0]["extensions"]["code"]
