"""The storm: everything that may befall, mixed by a seed, under a torrent of facts.

FIELDGRAPH_THOROUGH=n: five seeds, each n minutes, 10,000 n facts and at least 4 n kills; 2 is all of it.
"""

import asyncio
import json
from uuid import UUID

import pytest

from domain.events import Scope
from domain.viewers import Role
from tests.faults import sights
from tests.faults.scenes import LOG, THOROUGH, Scene, scheduled, territory_of, token_of
from tests.faults.storms import Storm
from tests.faults.writing import Torrent, write_slowly

SEEDS = range(1, 6) if THOROUGH else range(1, 2)
SECONDS = 60.0 * THOROUGH if THOROUGH else 8.0
FACTS = 10_000 * THOROUGH if THOROUGH else 1_500
KILLS = 4 * THOROUGH if THOROUGH else 1
PAUSE_SECONDS = (1.0, 6.0) if THOROUGH else (0.5, 1.5)


async def begun(scene: Scene) -> Torrent:
    """Everybody watches; two writers, a slow one now and then, and the torrent, all of one technician."""
    world = scene.world
    technician, territory = await world.technician(f"T{world.number()}"), await territory_of(world, "East")
    visits = await scheduled(world, 4, technician=technician, territory=territory)
    dispatcher = token_of(world, Role.DISPATCHER)
    own = token_of(world, Role.TECHNICIAN, technician=technician)
    for first in ("a", "b"):
        await scene.watch(
            sights.schedule(dispatcher),
            sights.schedule(dispatcher, territory=territory),
            sights.schedule(own, technician=technician),
            sights.tracking(dispatcher, visits[0]),
            sights.visits(dispatcher),
            sights.log(token_of(world, Role.INTEGRATION)),
            first=first,
        )
    scene.write(*visits[:2], token=dispatcher, pause_seconds=0.1)
    torrent = Torrent(
        url=scene.owner_url,
        organization_id=world.organization_id,
        scopes={visit: scope_of(technician, territory, visit) for visit in visits},
        most=FACTS,
        a_second=FACTS / SECONDS,
    )
    scene.go_on(torrent.run(), now_and_then(scene, visits[3]))
    return torrent


def scope_of(technician: UUID, territory: UUID, visit: UUID) -> str:
    scope = Scope(technicians=(technician,), territories=(territory,), visits=(visit,))
    return json.dumps(scope.to_json())


async def now_and_then(scene: Scene, visit: UUID) -> None:
    """A transaction of two seconds; what a fault ends is over, as for any client without a key."""
    ends = asyncio.get_running_loop().time() + SECONDS
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(3.0)
        await asyncio.gather(write_slowly(scene.world, visit, 2.0, times=1), return_exceptions=True)


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_or_doubled(scene: Scene, seed: int) -> None:
    torrent = await begun(scene)
    storm = Storm(scene, seed)

    await storm.run(SECONDS, pause_seconds=PAUSE_SECONDS, kills=KILLS)
    await scene.more(2)

    judgement = await scene.judged()
    LOG.info("%d facts, %d kills", max(map(len, judgement.truths)), storm.kills)
    for fault in storm.faults:
        LOG.info("%s: %.2f s", fault.name, judgement.recovery(fault.at))
    judgement.assert_clean()
    assert torrent.committed >= FACTS
