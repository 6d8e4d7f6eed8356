"""Brokers: listeners killed, deaf or never there; the other server tells of a change within 2 s."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.viewers import Role
from fieldgraph.postgres import EmbeddedPostgres
from realtime.wakeups import LISTENER
from tests.conftest import connected
from tests.faults import sights
from tests.faults.conftest import standing_on
from tests.faults.scenes import Scene, scheduled, terminate_backends, token_of
from tests.fieldgraph.installations import Installation

SOON_SECONDS = 2.0
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
async def brokerless(durable: EmbeddedPostgres, standing: Installation) -> AsyncIterator[Installation]:
    """Two servers that have never heard each other."""
    folder = standing.folder.with_name("faults-brokerless")
    async with standing_on(durable, folder, FIELDGRAPH_BROKER_URL=NOBODY) as brokerless:
        await brokerless.serving()
        yield brokerless


async def begun(scene: Scene) -> None:
    """Watchers of the second server, and a writer through the first."""
    dispatcher = token_of(scene.world, Role.DISPATCHER)
    visits = await scheduled(scene.world, 1)
    watchers = await scene.watch(
        sights.schedule(dispatcher), sights.tracking(dispatcher, visits[0]), first="b"
    )
    assert len(watchers) == 2
    scene.write(*visits, token=dispatcher, through="a")
    await scene.more()


async def finished(scene: Scene, since: float) -> None:
    """Nothing took longer than promised, and no socket ended for it."""
    judgement = await scene.judged()
    judgement.assert_clean()
    assert judgement.slowest(since, time.time()) <= SOON_SECONDS
    assert not any(watcher.ends for watcher in scene.watchers)


async def test_listeners_are_killed_again_and_again(scene: Scene) -> None:
    await begun(scene)
    since = time.time()
    killed = 0
    for _ in range(5):
        killed += await terminate_backends(
            scene.installation.maintenance_url, scene.installation.database, named=LISTENER
        )
        await scene.more(2)
    assert killed >= 5
    await finished(scene, since)


async def test_listeners_are_deaf(scene: Scene) -> None:
    await begun(scene)
    since = time.time()
    async with connected(scene.installation.maintenance_url) as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND application_name = $2",
            scene.installation.database,
            LISTENER,
        )
    with held([row["pid"] for row in rows]):
        await scene.more(10)
        await asyncio.sleep(1)
        await scene.more(10)
    assert len(rows) >= 2
    await finished(scene, since)


@contextmanager
def held(processes: list[int]) -> Iterator[None]:
    """Processes that are there, and do nothing."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def test_there_is_no_broker_at_all(brokerless: Installation, cluster_folder: Path) -> None:
    async with Scene.on(brokerless, cluster_folder) as scene:
        since = time.time()
        await begun(scene)
        await scene.more(10)
        await asyncio.sleep(1.5)  # at rest it is asked less often
        await scene.more(5)
        await finished(scene, since)
