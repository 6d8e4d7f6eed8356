"""Houses: two API processes' worth of apps over one database, on ports of their own, with their clients."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from fieldgraph.app import App
from tests.integrations.issuers import AUDIENCE, Issuer, serving
from tests.resolvers.companies import Companies

SECONDS = 2.0
PROTOCOL = [Subprotocol("graphql-transport-ws")]
CHANGES = "subscription { scheduleChanges { __typename } }"
CREATE = """mutation C($input: CreateUserInput!) {
  createUser(input: $input) { user { id } token userErrors { code path } } }"""
KEY = """mutation K($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id hint scopes role } token userErrors { code path } } }"""


@dataclass(frozen=True)
class House:
    """Two API processes' worth of apps over one database, on ports of their own, and an identity provider."""

    company: Companies
    issuer: Issuer
    ports: tuple[int, int]
    apps: tuple[App, App]

    async def ask(self, token: str, query: str = "{ viewer { role user { name } } }", port: int = 0) -> Any:
        async with httpx.AsyncClient() as client:
            found = await client.post(
                f"http://127.0.0.1:{self.ports[port]}/graphql",
                json={"query": query},
                headers={"authorization": f"Bearer {token}"},
            )
        return found.json().get("data") or found.json()["errors"][0]["extensions"]["code"]

    @asynccontextmanager
    async def socket(self, token: str, port: int, query: str = "") -> AsyncIterator[ClientConnection]:
        url = f"ws://127.0.0.1:{self.ports[port]}/graphql"
        async with connect(url, subprotocols=PROTOCOL) as socket:
            await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
            assert "connection_ack" in str(await socket.recv())
            if query:
                await say(socket, type="subscribe", id="1", payload={"query": query})
                assert "ScheduleSnapshot" in str(await socket.recv())
            yield socket

    async def create(self, query: str, **given: object) -> dict[str, Any]:
        found = await self.company.data(query, {"input": given})
        payload: dict[str, Any] = next(iter(found.values()))
        assert payload["userErrors"] == []
        return payload

    async def do(self, mutation: str, **given: object) -> None:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = f"mutation M($input: {kind}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
        assert (await self.company.data(query, {"input": given}))[mutation]["userErrors"] == []


def mira(role: str) -> dict[str, Any]:
    """What she is told about herself."""
    return {"viewer": {"role": role, "user": {"name": "Mira"}}}


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(httpx.Request("POST", "http://x", json=message).content.decode())


async def ended(socket: ClientConnection) -> tuple[int | None, str | None, float]:
    """How it is closed, and after how long."""
    began = time.monotonic()
    async with asyncio.timeout(SECONDS + 3):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason, time.monotonic() - began


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells nobody
        await asyncio.sleep(0.01)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await task


@asynccontextmanager
async def opened(company: Companies) -> AsyncIterator[House]:
    async with serving() as issuer:
        trusting = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE}
        other = App(company.app.settings.model_copy(update=trusting))
        async with other.running(), listening(company.app) as one, listening(other) as two:
            yield House(company, issuer, (one, two), (company.app, other))
