"""Live queries at the doors: over a socket and as events, never as one answer; ended like a subscription."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jsonpatch
from websockets.asyncio.client import ClientConnection, connect

from domain.viewers import Role
from tests.patience import PATIENCE_SECONDS
from tests.resolvers.companies import Companies
from tests.resolvers.houses import PROTOCOL, SECONDS, ended, listening, say
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.watching import NAMES, rename

Hear = Callable[[], Awaitable[str]]


def token_of(company: Companies) -> str:
    return company.app.identity.issue(company.viewer(Role.DISPATCHER), lifetime_seconds=600)


@asynccontextmanager
async def socketed(port: int, token: str, query: str = NAMES) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=PROTOCOL, max_size=None) as socket:
        await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert "connection_ack" in str(await socket.recv())
        await say(socket, type="subscribe", id="1", payload={"query": query})
        yield socket


@asynccontextmanager
async def evented(port: int, token: str, query: str = NAMES) -> AsyncIterator[Hear]:
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream(
            "POST", f"http://127.0.0.1:{port}/graphql", json={"query": query}, headers=headers
        ) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()

        async def hear() -> str:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for line in lines:
                    if line.startswith("data:"):
                        return line
            raise AssertionError("the stream has ended")

        yield hear


async def heard(socket: ClientConnection) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return str(await socket.recv())


async def test_each_change_is_a_result_over_a_socket_and_as_events(company: Companies) -> None:
    hub, live, token = company.app.services.hub, company.app.executor.live, token_of(company)
    at_rest = hub.subscriptions
    async with listening(company.app) as port:
        async with socketed(port, token) as socket, evented(port, token) as hear:
            for text in (await heard(socket), await hear()):
                assert '"customers":{"totalCount":' in text
                assert "Over both" not in text
            assert hub.subscriptions == at_rest + 1
            assert (live.cohorts, live.followers) == (1, 2)
            await rename(company, "Over both")
            for text in (await heard(socket), await hear()):
                assert "Over both" in text
            await say(socket, type="complete", id="1")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while hub.subscriptions > at_rest:  # noqa: ASYNC110  # nobody tells that they have left
                await asyncio.sleep(0.01)
    assert not [task for task in asyncio.all_tasks() if "Executor" in repr(task)]


async def test_a_patch_is_what_is_told_over_both_and_makes_what_is_asked_anew(company: Companies) -> None:
    query, token = NAMES.replace("@live", "@live(patch: true)"), token_of(company)
    async with (
        listening(company.app) as port,
        socketed(port, token, query) as socket,
        evented(port, token, query) as hear,
    ):
        first = [json.loads(await heard(socket))["payload"], json.loads((await hear())[5:])]
        assert [one["revision"] for one in first] == [1, 1]
        await rename(company, "By patches")
        second = [json.loads(await heard(socket))["payload"], json.loads((await hear())[5:])]
        assert second[0] == second[1]
        assert second[0].keys() == {"patch", "revision"}
        assert second[0]["revision"] == 2
        fresh = await company.data(NAMES.replace("@live", ""), viewer=company.viewer(Role.DISPATCHER))
    for one in first:
        assert jsonpatch.apply_patch(one["data"], second[0]["patch"]) == fresh
        assert len(json.dumps(second[0])) < len(json.dumps(one)) / 20


async def test_over_plain_http_it_is_refused_by_name(company: Companies) -> None:
    async with listening(company.app) as port, httpx.AsyncClient() as client:
        found = await client.post(
            f"http://127.0.0.1:{port}/graphql",
            json={"query": NAMES},
            headers={"authorization": f"Bearer {token_of(company)}"},
        )
    said: dict[str, Any] = found.json()["errors"][0]
    assert (found.status_code, said["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert said["message"] == (
        "Queries @live are answered over WebSocket (graphql-transport-ws), or as text/event-stream"
    )


async def test_who_is_shut_out_loses_the_socket_of_a_live_query(company: Companies) -> None:
    viewer = company.viewer(Role.DISPATCHER)
    async with listening(company.app) as port, socketed(port, token_of(company)) as socket:
        await heard(socket)
        await Stage(company, Role.ADMIN).make("deactivateUser", "user", user=f"usr1_{viewer.user_id}")
        code, reason, seconds = await ended(socket)
    assert (code, reason) == (4403, "Token revoked")
    assert seconds < SECONDS
