"""Floods on a real server: each of very many is answered as one is, and whoever asks beside it, too."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import Database
from tests.fieldgraph import floods
from tests.fieldgraph.driven import Day, day
from tests.fieldgraph.floods import FLOODS, Flood

REQUESTS = 160
AT_ONCE = 16
HEALTHY = {"query": "{ viewer { role } }"}


@pytest.fixture(scope="module")
async def target(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    folder = tmp_path_factory.mktemp("flooded")
    async with day(module_database, folder, chosen={"apq": True}) as running:
        yield running


@pytest.fixture
async def healthy(target: Day) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another user, who asks while the others flood."""
    headers = {"authorization": f"Bearer {target.access['MANAGER']}"}
    async with httpx.AsyncClient(
        base_url=target.server.url, headers=headers, timeout=60, trust_env=False
    ) as client:
        yield client


async def is_answered(client: httpx.AsyncClient) -> bool:
    answer = await client.post("/graphql", json=HEALTHY)
    return bool(answer.json()["data"] == {"viewer": {"role": "MANAGER"}})


async def beside(work: asyncio.Task[list[int]], healthy: httpx.AsyncClient) -> list[int]:
    """What the flood was answered, when somebody else has been answered all the time."""
    asked = 0
    while not work.done():
        assert await is_answered(healthy)
        asked += 1
        await asyncio.sleep(0.05)
    assert asked
    return work.result()


@pytest.mark.parametrize("name", FLOODS)
async def test_each_of_a_flood_is_answered_with_its_code(
    target: Day, healthy: httpx.AsyncClient, name: str
) -> None:
    flood = FLOODS[name]

    statuses = await beside(asyncio.create_task(flooded(target, flood)), healthy)

    assert len(statuses) == REQUESTS
    assert set(statuses) <= flood.statuses
    assert await is_answered(healthy)


async def flooded(target: Day, flood: Flood) -> list[int]:
    headers = {"authorization": f"Bearer {target.access['DISPATCHER']}"}
    numbers = iter(range(REQUESTS))
    statuses: list[int] = []

    async def attack(client: httpx.AsyncClient) -> None:
        for number in numbers:
            answer = await client.send(client.build_request(**flood.request(number)))
            content = answer.json()
            if answer.status_code != 200:
                assert {one["extensions"]["code"] for one in content["errors"]} <= flood.codes, content
            statuses.append(answer.status_code)

    async with httpx.AsyncClient(
        base_url=target.server.url, headers=headers, timeout=60, trust_env=False
    ) as client:
        await asyncio.gather(*(attack(client) for _ in range(AT_ONCE)))
    return statuses


async def test_sockets_that_never_greet_are_closed_in_time(target: Day, healthy: httpx.AsyncClient) -> None:
    work = asyncio.create_task(floods.silent_sockets(target, time.perf_counter()))

    codes = await beside(work, healthy)

    assert Counter(codes) == {4408: floods.SOCKETS}


async def test_a_flood_of_messages_closes_its_socket(target: Day, healthy: httpx.AsyncClient) -> None:
    work = asyncio.create_task(floods.message_flood(target, time.perf_counter()))

    assert await beside(work, healthy) == [4429]


async def test_streams_that_nobody_reads_are_so_many_and_no_more(
    target: Day, healthy: httpx.AsyncClient
) -> None:
    work = asyncio.create_task(floods.unread_streams(target, time.perf_counter()))

    statuses = Counter(await beside(work, healthy))

    refused = floods.STREAMS - floods.STREAMS_OF_USER
    assert statuses == {200: floods.STREAMS_OF_USER, 429: refused}


async def test_pages_of_other_hosts_open_no_socket(target: Day, healthy: httpx.AsyncClient) -> None:
    work = asyncio.create_task(floods.refused_sockets(target, time.perf_counter() + 1))

    assert set(await beside(work, healthy)) == {403}
