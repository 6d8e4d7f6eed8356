"""Deaths: servers, the database and its connections die under writers; watchers hear everything once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from domain import ids
from domain.viewers import Role
from tests.conftest import connected
from tests.domain.world import DAY
from tests.faults import sights
from tests.faults.scenes import (
    Scene,
    scheduled,
    stop_immediately,
    terminate_backends,
    territory_of,
    token_of,
)
from tests.faults.writing import write_slowly
from tests.fieldgraph.running import asking

API_SECONDS = 3.0  # after which clients are served again
DATABASE_SECONDS = 5.0  # the same when it was the database
SLOW_SECONDS = 2.0
USED_UP = 100
NEWEST = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1"


async def begun(scene: Scene) -> None:
    """Dispatchers of all and of a territory, a technician and a customer watch what two writers do."""
    world = scene.world
    technician, territory = await world.technician(f"T{world.number()}"), await territory_of(world, "East")
    near = await scheduled(world, 1, technician=technician, territory=territory)
    far = await scheduled(world, 1)
    dispatcher = token_of(world, Role.DISPATCHER)
    own = token_of(world, Role.TECHNICIAN, technician=technician)
    await scene.watch(
        sights.schedule(dispatcher),
        sights.schedule(dispatcher, territory=territory),
        sights.schedule(own, technician=technician),
        sights.tracking(dispatcher, near[0]),
        sights.visits(dispatcher),
        sights.log(token_of(world, Role.INTEGRATION)),
    )
    scene.write(*near, *far, token=dispatcher)
    await scene.more()


async def test_one_server_is_killed_and_the_other_goes_on(scene: Scene) -> None:
    # given everybody at the server that is going to die
    await begun(scene)

    # when it dies
    died = time.time()
    await scene.installation.a.kill()
    await scene.more()

    # then all go on at the other
    judgement = await scene.judged()
    judgement.assert_clean()
    assert judgement.recovery(died) <= API_SECONDS
    assert all(watcher.ends["1006"] == 1 for watcher in scene.watchers)


async def test_both_servers_are_killed_and_come_back(scene: Scene) -> None:
    await begun(scene)
    installation = scene.installation

    # when nobody is there for a while
    await asyncio.gather(installation.a.kill(), installation.b.kill())
    installation.serve("a")
    await installation.a.ready()
    ready = time.time()
    await scene.more()

    # then watchers and writers go on as soon as one is back
    judgement = await scene.judged()
    judgement.assert_clean()
    assert judgement.recovery(ready) <= API_SECONDS


async def test_the_database_is_stopped_at_once_and_started_again(scene: Scene) -> None:
    await begun(scene)

    # when it is not even told to write down what it has
    stopped = time.time()
    stop_immediately(scene.postgres_folder)
    await scene.more()

    # then what was answered is there, and everybody hears it
    judgement = await scene.judged()
    judgement.assert_clean()
    assert judgement.recovery(stopped) <= DATABASE_SECONDS
    assert all(server.is_running for server in scene.installation.servers.values())


async def test_every_connection_to_the_database_is_ended_again_and_again(scene: Scene) -> None:
    await begun(scene)
    ended = []
    for _ in range(3):
        ended.append(time.time())
        assert await terminate_backends(scene.installation.maintenance_url, scene.installation.database) > 4
        await scene.more(2)

    judgement = await scene.judged()
    judgement.assert_clean()
    assert max(map(judgement.recovery, ended)) <= DATABASE_SECONDS


async def test_what_was_solved_is_told_through_the_death_of_a_server(scene: Scene) -> None:
    # given a plan that is being solved, watched at the server that is going to die
    installation, world = scene.installation, scene.world
    if installation.worker is None or not installation.worker.is_running:
        installation.work()
    technician, kind = await world.technician(f"T{world.number()}"), await world.work_type(hours=0.25)
    waiting = [ids.encode("vis", await world.visit(kind, step=1 + n)) for n in range(3)]
    dispatcher = token_of(world, Role.DISPATCHER)
    async with asking(installation.b.graph, dispatcher) as asker:
        who = [ids.encode("tec", technician)]
        given = {"day": DAY.isoformat(), "seconds": 2, "technicians": who, "visits": waiting}
        plan = (await asker.change("proposePlan", given, "plan { id }"))["plan"]["id"]
        (watcher,) = await scene.watch(sights.plan(dispatcher, UUID(plan.partition("_")[2])))

        # when it dies meanwhile, and the plan is committed once it is there
        await installation.a.kill()
        async with asyncio.timeout(60):
            while not any(heard.kind == "PlanProposed" for heard in watcher.heard):  # noqa: ASYNC110  # of a client
                await asyncio.sleep(0.05)
        await asker.change("commitPlan", {"plan": plan})

    # then the stream goes on to its end
    (await scene.judged()).assert_clean()
    assert (watcher.over, watcher.heard[-1].kind) == ("complete", "PlanEnded")


async def test_slow_transactions_are_told_in_their_order_beside_fast_ones(scene: Scene) -> None:
    await begun(scene)
    world = scene.world
    slow = await scheduled(world, 2)
    scene.go_on(*(slowly(scene, visit, after) for visit, after in zip(slow, (0.0, 0.7), strict=True)))
    since = time.time()

    await asyncio.sleep(2 * SLOW_SECONDS + 1.0)
    await scene.more()

    # what began after a slow one waits for its end: two that overlap, and no longer
    judgement = await scene.judged()
    judgement.assert_clean()
    assert SLOW_SECONDS / 2 <= judgement.slowest(since, time.time()) <= 2 * SLOW_SECONDS + 2.0


async def slowly(scene: Scene, visit: UUID, after: float) -> None:
    await asyncio.sleep(after)
    await write_slowly(scene.world, visit, SLOW_SECONDS, times=2)


async def test_transaction_ids_that_a_crash_gives_out_again_hide_no_fact(scene: Scene) -> None:
    # given ids that were used up and left no trace on the disk, and watchers who came after them
    dispatcher = token_of(scene.world, Role.DISPATCHER)
    visits = await scheduled(scene.world, 1)
    async with connected(scene.owner_url) as owner, lazily_written(owner):
        newest = -1
        while newest != await owner.fetchval(NEWEST):  # a wake-up's own transaction may come between
            newest = [await used_up(owner) for _ in range(USED_UP)][-1]
            await scene.watch(sights.schedule(dispatcher), sights.tracking(dispatcher, visits[0]))

        # when the database dies, and what comes then has these ids
        stop_immediately(scene.postgres_folder)
        owner.terminate()
    scene.write(*visits, token=dispatcher)
    await scene.more(5)

    # then it is told as any other
    async with connected(scene.owner_url) as owner:
        await owner.execute("ALTER SYSTEM RESET wal_writer_delay")
        await owner.execute("SELECT pg_reload_conf()")
    judgement = await scene.judged()
    assert judgement.truths[0][-1].place.xid < newest
    judgement.assert_clean()


@asynccontextmanager
async def lazily_written(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """What nobody waits for stays in memory for longer than the usual fifth of a second."""
    await owner.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await owner.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.5)
    yield


async def used_up(owner: asyncpg.Connection) -> int:
    """The id of a transaction that came to nothing."""
    transaction = owner.transaction()
    await transaction.start()
    xid: int = await owner.fetchval("SELECT pg_current_xact_id()::text::bigint")
    await transaction.rollback()
    return xid
