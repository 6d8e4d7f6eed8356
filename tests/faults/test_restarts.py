"""Restarts: servers are told to stop in turn under many sockets; sockets that vanish leave nothing behind."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from domain.viewers import Role
from tests.faults import sights
from tests.faults.scenes import THOROUGH, Scene, scheduled, token_of
from tests.fieldgraph.running import Server, plain, subscribed, until

SOCKETS = 1000 if THOROUGH else 200
OF_USER = 50
VANISHING = 500
DRAIN_SECONDS, RESUMED_SECONDS = 10.0, 10.0
GAUGES = (
    "fieldgraph_sockets",
    "fieldgraph_socket_operations",
    "fieldgraph_hub_subscriptions",
    "fieldgraph_cohorts",
    "fieldgraph_cohort_members",
    "fieldgraph_tasks",
)


async def test_all_sockets_go_on_through_a_rolling_restart(scene: Scene) -> None:
    # given many who watch the same, at both servers
    dispatcher = token_of(scene.world, Role.DISPATCHER)
    visits = await scheduled(scene.world, 1)
    for number in range(SOCKETS // OF_USER):
        sight = sights.schedule(token_of(scene.world, Role.DISPATCHER, name=str(number)))
        await scene.watch(*[sight] * OF_USER, first="ab"[number % 2])
    scene.write(*visits, token=dispatcher, pause_seconds=SOCKETS / 400)
    await scene.more(1)

    # when one server after the other is told to stop, and starts again
    told = []
    for name in ("a", "b"):
        server = scene.installation.servers[name]
        told.append(time.time())
        server.terminate()
        await server.ended(DRAIN_SECONDS)
        await scene.more(2)
        await scene.installation.serve(name).ready()

    # then each goes on at the other one, soon, without a gap
    judgement = await scene.judged()
    judgement.assert_clean()
    assert max(map(judgement.recovery, told)) <= RESUMED_SECONDS
    assert {code for watcher in scene.watchers for code in watcher.ends} == {"1012"}
    assert all(1 <= watcher.ends["1012"] <= 2 for watcher in scene.watchers)


async def test_sockets_that_vanish_leave_nothing_behind(scene: Scene) -> None:
    # given what there is at rest
    server = scene.installation.b
    dispatcher = token_of(scene.world, Role.DISPATCHER)
    visits = await scheduled(scene.world, 1)
    async with many(server, dispatcher, 1):
        pass
    await until(lambda: gauges(server)["fieldgraph_sockets"] == 0, 10)
    before = gauges(server)

    # when many watch, and are gone in the middle of what they are told
    async with many(server, dispatcher, VANISHING):
        during = gauges(server)
        scene.write(*visits, token=dispatcher, through="a")
        await scene.more(1)

    # then it is as it was
    assert during["fieldgraph_socket_operations"] == VANISHING
    assert during["fieldgraph_cohort_members"] - before["fieldgraph_cohort_members"] == VANISHING
    assert (
        during["fieldgraph_hub_subscriptions"] - before["fieldgraph_hub_subscriptions"] == 1
    )  # theirs together
    assert during["fieldgraph_tasks"] > before["fieldgraph_tasks"]
    await scene.written()
    await until(lambda: gauges(server) == before, 10)


def gauges(server: Server) -> dict[str, float]:
    """What a server says it has of each thing that a socket makes."""
    lines = plain(f"{server.url}/metrics").splitlines()
    said = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(said[name]) for name in GAUGES}


@asynccontextmanager
async def many(server: Server, token: str, number: int) -> AsyncIterator[None]:
    """So many sockets that have their snapshot; at the end they are gone without a word."""
    sight = sights.schedule(token)
    async with AsyncExitStack() as stack:
        streams = []
        for _ in range(number):
            stream = await stack.enter_async_context(
                subscribed(server.ws_url, token, sight.document, sight.variables)
            )
            assert (await stream.item())["__typename"] == "ScheduleSnapshot"
            streams.append(stream)
        yield
        for stream in streams:
            stream.socket.transport.abort()
