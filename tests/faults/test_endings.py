"""Endings: what leaves a watcher's scope is told as removed, and whose rights end is told nothing more."""

import time
from uuid import UUID

import pytest

from domain import ids, visits
from domain.events import Event
from domain.viewers import Role
from domain.visits import Visit
from tests.domain.world import at
from tests.faults import sights
from tests.faults.scenes import Scene, scheduled, territory_of, token_of
from tests.faults.watching import Watcher
from tests.fieldgraph.running import Asker, asking, until

END_SECONDS = 2.0
MACHINE = ["changes:read", "work:read", "customers:read", "technicians:read"]


async def everywhere(scene: Scene, sight: sights.Sight) -> list[Watcher]:
    """Watched at both servers."""
    return [*await scene.watch(sight, first="a"), *await scene.watch(sight, first="b")]


async def told(watcher: Watcher, number: int) -> list[tuple[str, str | None]]:
    """Kind and subject of what came after the snapshot, once there is so much."""
    await until(lambda: len(watcher.heard) > number, 10)
    return [(heard.kind, heard.subject) for heard in watcher.heard[1:]]


async def test_a_visit_that_goes_to_somebody_else_is_removed_and_not_told_of_any_more(scene: Scene) -> None:
    # given a technician who watches their own
    world = scene.world
    mine, yours = [await world.technician(f"T{world.number()}") for _ in range(2)]
    (visit,) = await scheduled(world, 1, technician=mine)
    dispatcher = token_of(world, Role.DISPATCHER)
    watchers = await everywhere(
        scene, sights.schedule(token_of(world, Role.TECHNICIAN, technician=mine), technician=mine)
    )
    theirs = await everywhere(
        scene, sights.schedule(token_of(world, Role.TECHNICIAN, technician=yours), technician=yours)
    )

    # when a visit of theirs is given to somebody else, and goes on there
    async with asking(scene.installation.a.graph, dispatcher) as asker:
        named = {"visit": ids.encode("vis", visit)}
        moved = {**named, "technician": ids.encode("tec", yours), "start": at(12).isoformat()}
        await asker.change("scheduleVisit", moved)
        await asker.change("dispatchVisit", named)
        for watcher in theirs:
            assert (await told(watcher, 2))[1:] == [("VisitProgressed", str(visit))]

    # then it is removed, and that is all
    for watcher in watchers:
        assert await told(watcher, 1) == [("VisitRemoved", str(visit))]
    (await scene.judged()).assert_clean()


async def test_a_visit_that_leaves_a_territory_is_removed_from_its_board(scene: Scene) -> None:
    world = scene.world
    east, west = await territory_of(world, "East"), await territory_of(world, "West")
    (visit,) = await scheduled(world, 1, territory=east)
    dispatcher = token_of(world, Role.DISPATCHER)
    boards = await everywhere(scene, sights.schedule(dispatcher, territory=east))
    others = await everywhere(scene, sights.schedule(dispatcher, territory=west))

    # when it is another territory's, and goes on
    await move(scene, visit, west)
    async with asking(scene.installation.b.graph, dispatcher) as asker:
        await asker.change("dispatchVisit", {"visit": ids.encode("vis", visit)})
        for watcher in others:
            assert await told(watcher, 2) == [
                ("VisitRescheduled", str(visit)),
                ("VisitProgressed", str(visit)),
            ]

    for watcher in boards:
        assert await told(watcher, 1) == [("VisitRemoved", str(visit))]
    (await scene.judged()).assert_clean()


async def move(scene: Scene, visit: UUID, territory: UUID) -> None:
    """Into another territory. No verb does that to a visit yet: as one would."""
    async with scene.world.unit() as work:
        row = await work.get(Visit, visit)
        before = await visits.scope_now(work, row)
        row.territory_id = territory
        await work.flush()
        after = await visits.scope_now(work, row)
        work.emit(
            Event(type="VisitRescheduled", topic="visit", subject=row, scope_before=before, scope_after=after)
        )


async def link_of(asker: Asker, visit: UUID) -> tuple[str, str, dict[str, str]]:
    """A token, and how it is taken back."""
    link = await asker.change(
        "createTrackingLink", {"visit": ids.encode("vis", visit)}, "token trackingLink { id }"
    )
    return link["token"], "revokeTrackingLink", {"trackingLink": link["trackingLink"]["id"]}


async def key_of(asker: Asker, visit: UUID) -> tuple[str, str, dict[str, str]]:
    key = await asker.change(
        "createApiKey", {"name": f"of {visit}", "scopes": MACHINE}, "token apiKey { id }"
    )
    return key["token"], "revokeApiKey", {"apiKey": key["apiKey"]["id"]}


async def user_of(asker: Asker, visit: UUID) -> tuple[str, str, dict[str, str]]:
    user = await asker.change(
        "createUser", {"name": f"of {visit}", "role": "DISPATCHER"}, "token user { id }"
    )
    return user["token"], "updateUser", {"user": user["user"]["id"], "role": "SALES"}


@pytest.mark.parametrize("door", [link_of, key_of, user_of])
async def test_a_right_that_ends_ends_its_streams_on_both_servers(scene: Scene, door: object) -> None:
    # given somebody who watches at both servers what goes on and on
    world = scene.world
    (visit,) = await scheduled(world, 1)
    async with asking(scene.installation.a.graph, token_of(world, Role.ADMIN)) as asker:
        assert callable(door)
        token, mutation, given = await door(asker, visit)
        is_link = door is link_of
        sight = sights.tracking(token, visit) if is_link else sights.schedule(token)
        watchers = await everywhere(scene, sight)
        scene.write(visit, token=token_of(world, Role.DISPATCHER))
        await scene.more()

        # when that is taken from them
        await asker.change(mutation, given)
        taken = time.time()
        await until(lambda: all(watcher.over for watcher in watchers), END_SECONDS)
        await scene.more()

    # then nothing is told any more, and what was told before is whole
    (await scene.judged()).assert_clean()
    for watcher in watchers:
        assert watcher.over in {"UNAUTHENTICATED", "4403"}
        assert watcher.over_at - taken <= END_SECONDS
        assert len(watcher.heard) > 1
        assert watcher.heard[-1].at <= watcher.over_at
