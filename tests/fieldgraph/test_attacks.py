"""Attacks on a real server: every bomb is a clear refusal, and whoever asks beside it is answered.

How long a healthy client waits meanwhile, and what memory it takes: `run.py bench attacks`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import Database
from tests.fieldgraph.bombs import BOMBS, Bomb
from tests.fieldgraph.driven import Day, day
from tests.fieldgraph.running import PROTOCOL

HEALTHY = {"query": "{ viewer { role } }"}


@pytest.fixture(scope="module")
async def target(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    async with day(module_database, tmp_path_factory.mktemp("target")) as running:
        yield running


@pytest.fixture
async def attacker(target: Day) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {target.access['DISPATCHER']}"}
    async with httpx.AsyncClient(
        base_url=target.server.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        yield client


async def is_healthy(client: httpx.AsyncClient) -> bool:
    answer = await client.post("/graphql", json=HEALTHY)
    return bool(answer.json()["data"] == {"viewer": {"role": "DISPATCHER"}})


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_with_a_code_and_no_more(attacker: httpx.AsyncClient, name: str) -> None:
    bomb: Bomb = BOMBS[name]

    try:
        answer = await attacker.post("/graphql", content=bomb.body, headers=dict(bomb.headers))
    except (httpx.WriteError, httpx.ReadError):
        assert len(bomb.body) > 1_048_576, "only a body that nobody reads to its end is cut off"
        answer = None

    if answer is not None:
        content = answer.json()
        if bomb.codes:
            assert 400 <= answer.status_code < 500, content
            assert {error["extensions"]["code"] for error in content["errors"]} <= bomb.codes
            assert "data" not in content
        else:
            assert answer.status_code == 200, content
            assert "errors" not in content
    assert await is_healthy(attacker)


DEEP = '{"a":' * 900 + "1" + "}" * 900
SOCKET_BOMBS: Mapping[str, tuple[list[str | bytes], set[int]]] = {
    "large frame": (["x" * 200_000], {1009}),
    "huge frame": (["x" * 20_000_000], {1009}),
    "binary": ([b"\0" * 100], {4400}),
    "not JSON": (["{"], {4400}),
    "deep JSON": (["[" * 30_000], {4400}),
    "deep greeting": ([f'{{"type": "connection_init", "payload": {DEEP}}}'], {4400, 4403}),
    "null": (["null"], {4400}),
    "no type": (["{}"], {4400}),
    "unknown type": (['{"type": "start"}'], {4400}),
    "subscribe before the greeting": (
        ['{"type": "subscribe", "id": "1", "payload": {"query": "{ cursor }"}}'],
        {4401},
    ),
    "no token": (['{"type": "connection_init"}'], {4401, 4403}),
    "a forged token": (['{"type": "connection_init", "payload": {"authorization": "Bearer x.y.z"}}'], {4403}),
}  # fmt: skip


@pytest.mark.parametrize("name", SOCKET_BOMBS)
async def test_a_bomb_on_a_socket_closes_this_one_socket(
    target: Day, attacker: httpx.AsyncClient, name: str
) -> None:
    messages, codes = SOCKET_BOMBS[name]
    async with connect(target.server.ws_url, subprotocols=PROTOCOL, max_size=None) as socket:
        with suppress(ConnectionClosed):
            for message in messages:
                await socket.send(message)
        async with asyncio.timeout(60):
            await socket.wait_closed()
        assert socket.close_code in codes
    assert await is_healthy(attacker)


NO_REQUEST = {
    "query is a list", "variables are text", "extensions are a list", "operationName is a number", "large",
    "huge number by variable", "infinite number", "lone surrogate",
}  # fmt: skip
"""Which close the whole socket with 4400, or are larger than a frame."""


async def test_bombs_on_an_open_socket_are_errors_of_their_own_operation(
    target: Day, attacker: httpx.AsyncClient
) -> None:
    token = f"Bearer {target.access['DISPATCHER']}"
    async with connect(target.server.ws_url, subprotocols=PROTOCOL) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": token}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for name, bomb in BOMBS.items():
            if not bomb.body.startswith(b'{"query": ') or len(bomb.body) > 60_000 or name in NO_REQUEST:
                continue
            try:
                payload = bomb.body.decode()
            except UnicodeDecodeError:
                continue
            await socket.send(f'{{"type": "subscribe", "id": "{name}", "payload": {payload}}}')
            told = json.loads(await socket.recv())
            assert told["id"] == name
            if bomb.codes:
                assert told["type"] == "error", told
                assert {one["extensions"]["code"] for one in told["payload"]} <= bomb.codes
            else:
                assert told["type"] == "next"
                assert json.loads(await socket.recv()) == {"type": "complete", "id": name}
        # and the socket is as good as before
        await socket.send(json.dumps({"type": "subscribe", "id": "last", "payload": HEALTHY}))
        assert json.loads(await socket.recv())["payload"]["data"] == {"viewer": {"role": "DISPATCHER"}}
    assert await is_healthy(attacker)


async def test_many_attackers_at_once_hurt_nobody_else(attacker: httpx.AsyncClient) -> None:
    bombs = [bomb for bomb in BOMBS.values() if len(bomb.body) < 1_000_000]

    async def attack() -> set[int]:
        answers = [
            await attacker.post("/graphql", content=bomb.body, headers=dict(bomb.headers)) for bomb in bombs
        ]
        return {answer.status_code for answer in answers}

    attackers = [asyncio.create_task(attack()) for _ in range(8)]
    healthy = 0
    while not all(task.done() for task in attackers):
        assert await is_healthy(attacker)
        healthy += 1
        await asyncio.sleep(0.02)

    statuses = set.union(*[await task for task in attackers])
    assert healthy > 10
    assert max(statuses) < 500, statuses
