"""Cuts: connections end at any byte, for watchers and writers alike, and nothing is lost or done twice."""

import asyncio
import random
import time

import pytest

from domain.viewers import Role
from tests.faults import sights
from tests.faults.proxies import Limit, endless
from tests.faults.scenes import Scene, scheduled, territory_of, token_of

CUTS_LEAST = 20
SECONDS_MOST = 15.0


def bytes_of(chance: random.Random) -> Limit:
    """From amid the greeting to after some dozens of items."""

    def limit() -> int:
        return round(10 ** chance.uniform(1.0, 3.8))

    return limit


@pytest.mark.parametrize("seed", [1, 2])
async def test_connections_are_cut_at_random_bytes(scene: Scene, seed: int) -> None:
    # given watchers and writers whose way is cut again and again
    world, chance = scene.world, random.Random(seed)  # noqa: S311  # repeatable
    dispatcher, territory = token_of(world, Role.DISPATCHER), await territory_of(world, "East")
    visits = await scheduled(world, 3, territory=territory)
    await scene.watch(
        sights.schedule(dispatcher),
        sights.schedule(dispatcher, territory=territory),
        *(sights.tracking(dispatcher, visit) for visit in visits),
    )
    for proxy in scene.proxies.values():
        proxy.limit = bytes_of(chance)
        proxy.cut()
    scene.write(*visits, token=dispatcher, pause_seconds=0.02)

    # when that goes on for a while
    deadline = time.monotonic() + SECONDS_MOST
    while sum(proxy.cuts for proxy in scene.proxies.values()) < 5 * CUTS_LEAST:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await scene.more(2)
    for proxy in scene.proxies.values():
        proxy.limit = endless

    # then everybody has everything once, and every change was made once
    judgement = await scene.judged()
    judgement.assert_clean()
    assert sum(sum(watcher.ends.values()) for watcher in scene.watchers) >= CUTS_LEAST
    assert sum(sum(writer.tries.values()) for writer in scene.writers) > 0
