"""Dependent visits: what waits stands behind what it waits for, and begins after that has ended."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain import scheduling, tracking, visits
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, OutsideWindow, Refused
from domain.scheduling import Move
from domain.technicians import AbsenceReason
from domain.visits import DependencyKind, IncompleteReason, Pair, Visit, VisitDependency
from tests.domain.test_crews import told
from tests.domain.test_plans import commit, proposed
from tests.domain.world import World, at

HALF_AN_HOUR = 1800


async def depend(world: World, first: UUID, second: UUID, **values: Any) -> UUID:
    async with world.unit() as work:
        pair = Pair(predecessor_id=first, successor_id=second, **values)
        return (await visits.add_dependency(work, pair)).id


async def pair(world: World, **values: Any) -> tuple[UUID, UUID, UUID]:
    """A technician, and two visits of whom the second waits for the first."""
    ada, kind = await world.technician(), await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await depend(world, first, second, **values)
    return ada, first, second


async def move(world: World, visit: UUID, hour: float) -> None:
    async with world.unit() as work:
        await scheduling.reschedule(work, visit, Move(start=at(hour)))


async def refused(kind: type[Refused], path: str, doing: Any) -> None:
    with pytest.raises(kind) as caught:
        await doing
    assert caught.value.path == (path,)


async def serve(world: World, visit: UUID, hour: float) -> None:
    """From the dispatch to the work's beginning, at that hour."""
    world.now = at(hour)
    await world.dispatch(visit)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
        await visits.start_work(work, visit)


async def test_what_waits_is_scheduled_behind_what_it_waits_for(world: World) -> None:
    ada, first, second = await pair(world, gap_seconds=HALF_AN_HOUR)
    await refused(InvalidTransition, "visit", world.schedule(second, ada, 12))
    await world.schedule(first, ada, 9)

    await refused(OutsideWindow, "start", world.schedule(second, ada, 10.25))
    await world.schedule(second, ada, 10.5)

    # neither moves so that it breaks
    await refused(OutsideWindow, "start", move(world, first, 9.25))
    await refused(OutsideWindow, "start", move(world, second, 10))
    async with world.unit() as work:
        with pytest.raises(InvalidTransition):
            await visits.unschedule(work, first, reason="No hurry")
    await move(world, second, 12)
    await move(world, first, 10.5)
    assert (await world.read(Visit, first)).planned_start == at(10.5)


async def begin(world: World, visit: UUID, hour: float) -> None:
    world.now = at(hour)
    async with world.unit() as work:
        await visits.start_work(work, visit)


async def test_it_begins_after_the_end_of_the_other_and_the_gap(world: World) -> None:
    ada, first, second = await pair(world, gap_seconds=HALF_AN_HOUR)
    ben = await world.technician("Ben")
    await world.schedule(first, ada, 9)
    await world.schedule(second, ben, 11)
    await serve(world, first, 9)
    await refused(InvalidTransition, "visit", serve(world, second, 9.1))
    async with world.unit() as work:
        await visits.start_travel(work, second)
        await tracking.record_arrival(work, second, occurred_at=None)
    world.now = at(9.2)
    async with world.unit() as work:
        await visits.complete(work, first)

    await refused(InvalidTransition, "visit", begin(world, second, 9.6))
    assert (await world.read(Visit, second)).state == "ARRIVED"
    await begin(world, second, 9.7)

    assert (await world.read(Visit, second)).state == "IN_PROGRESS"


async def test_of_what_was_left_undone_the_rest_is_waited_for(world: World) -> None:
    ada, first, second = await pair(world)
    ben = await world.technician("Ben")
    await world.schedule(first, ada, 9)
    await world.schedule(second, ben, 11)
    await serve(world, first, 9)

    async with world.unit() as work:
        _, rest = await visits.mark_incomplete(work, first, reason=IncompleteReason.PARTS)

    links = {(row.predecessor_id, row.successor_id) for row in await world.all(VisitDependency)}
    assert links == {(first, second), (rest.id, second)}
    await refused(InvalidTransition, "visit", serve(world, second, 10))
    await refused(OutsideWindow, "start", world.schedule(rest.id, ada, 10.5))
    await world.schedule(rest.id, ada, 10)


async def test_a_visit_that_is_cancelled_is_waited_for_no_more(world: World) -> None:
    ada, first, second = await pair(world)

    async with world.unit() as work:
        await visits.cancel(work, first, reason="Not needed")

    await world.schedule(second, ada, 9)
    await serve(world, second, 9)
    assert (await world.read(Visit, second)).state == "IN_PROGRESS"


async def test_who_stands_behind_one_that_is_lost_is_told(world: World) -> None:
    ada, first, second = await pair(world)
    ben = await world.technician("Ben")
    await world.schedule(first, ada, 9)
    await world.schedule(second, ben, 11)

    async with world.unit() as work:
        await scheduling.absent(work, ada, (at(8), at(16)), reason=AbsenceReason.SICK)

    assert (await told(world, second))[-1] == "PredecessorUnscheduled"
    assert (await world.read(Visit, second)).planned_start == at(11)
    await refused(OutsideWindow, "start", world.schedule(first, ben, 12))
    await world.schedule(first, ben, 9)


async def test_the_same_technician_and_the_same_day(world: World) -> None:
    ada = await world.technician("Ada")
    ben = await world.technician("Ben", shift=(8, 40))
    kind = await world.work_type()
    first, second, third = [await world.visit(kind) for _ in range(3)]
    await depend(world, first, second, kind=DependencyKind.SAME_TECHNICIAN)
    await depend(world, first, third, kind=DependencyKind.SAME_DAY)
    await world.schedule(first, ada, 9)

    await refused(Invalid, "technician", world.schedule(second, ben, 10))
    await world.schedule(second, ada, 10)
    await refused(OutsideWindow, "start", world.schedule(third, ben, 26))
    await world.schedule(third, ben, 23)
    await refused(Invalid, "technician", world.schedule(first, ben, 9))


async def test_what_cannot_depend(world: World) -> None:
    ada, first, second = await pair(world)
    third = await world.visit(await world.work_type())
    await depend(world, second, third)
    wrong: list[tuple[type[Refused], str, UUID, UUID, dict[str, Any]]] = [
        (Invalid, "successor", first, first, {}),
        (Invalid, "successor", third, first, {}),
        (Invalid, "successor", third, first, {"kind": DependencyKind.SAME_DAY}),
        (Conflict, "successor", first, second, {"gap_seconds": 60}),
        (Invalid, "gap", first, third, {"gap_seconds": -1}),
        (Invalid, "gap", first, third, {"gap_seconds": 60, "kind": DependencyKind.SAME_DAY}),
        (NotFound, "predecessor", uuid4(), third, {}),
        (NotFound, "successor", first, uuid4(), {}),
    ]
    for kind, path, ahead, after, values in wrong:
        await refused(kind, path, depend(world, ahead, after, **values))
    await world.schedule(first, ada, 12)
    early = await world.visit(await world.work_type())
    await world.schedule(early, ada, 9)
    await refused(OutsideWindow, "successor", depend(world, first, early))
    await serve(world, early, 9)
    await refused(InvalidTransition, "successor", depend(world, first, early))

    assert len(await world.all(VisitDependency)) == 2


async def test_two_at_once_do_not_make_a_ring(world: World) -> None:
    kind = await world.work_type()
    keys = [await world.visit(kind) for _ in range(3)]

    ends = await asyncio.gather(
        *(depend(world, keys[n], keys[(n + 1) % 3]) for n in range(3)), return_exceptions=True
    )

    assert [type(end) for end in ends if isinstance(end, BaseException)] == [Invalid]
    assert len(await world.all(VisitDependency)) == 2


async def test_both_ends_moved_at_once_stay_in_order(world: World) -> None:
    """Whichever is first, the other sees it."""
    ada, first, second = await pair(world)
    ben = await world.technician("Ben")
    await world.schedule(first, ada, 9)
    await world.schedule(second, ben, 12)

    ends = await asyncio.gather(move(world, first, 10.75), move(world, second, 10.25), return_exceptions=True)

    assert [type(end) for end in ends if isinstance(end, BaseException)] == [OutsideWindow]
    ahead, after = await world.read(Visit, first), await world.read(Visit, second)
    assert ahead.planned_end is not None
    assert after.planned_start is not None
    assert ahead.planned_end <= after.planned_start


async def test_one_that_is_removed_binds_no_more(world: World) -> None:
    ada, kind = await world.technician(), await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    key = await depend(world, first, second)
    version = (await world.read(Visit, second)).version

    async with world.unit() as work:
        await visits.remove_dependency(work, key)

    await world.schedule(second, ada, 9)
    assert (await told(world, second))[:3] == ["VisitCreated", "DependencyAdded", "DependencyRemoved"]
    assert (await world.read(Visit, second)).version == version + 2
    assert await world.all(VisitDependency) == []


async def test_a_plan_leaves_alone_what_waits_until_it_may(world: World) -> None:
    ada, first, second = await pair(world)
    await commit(world, await proposed(world, (first, ada, 9), (second, ada, 11)))
    assert (await world.read(Visit, first)).planned_start == at(9)
    assert (await world.read(Visit, second)).state == "UNSCHEDULED"
    await world.schedule(second, ada, 11)
    # when one waits for it, what stands is not moved
    await commit(world, await proposed(world, (first, ada, 13)))
    assert (await world.read(Visit, first)).planned_start == at(9)
    async with world.unit() as work:
        await visits.unschedule(work, second, reason="No hurry")
    await serve(world, first, 9)
    async with world.unit() as work:
        await visits.complete(work, first)
    # and once that is over, it is planned as any other
    world.now += timedelta(minutes=1)
    await commit(world, await proposed(world, (second, ada, 12)))
    assert (await world.read(Visit, second)).planned_start == at(12)


async def test_a_dependency_that_is_newer_than_a_plan_holds_at_its_commit(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    first, second = [await world.visit(await world.work_type()) for _ in range(2)]
    await world.schedule(first, ada, 8)
    plan = await proposed(world, (first, ada, 12))
    await world.schedule(second, ben, 10)
    await depend(world, first, second)

    with pytest.raises(OutsideWindow):
        await commit(world, plan)

    assert (await world.read(Visit, first)).planned_start == at(8)
