"""Substatuses and promises: a company's own words end with their state, the first promise never does."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text as literal

from domain import promises, scheduling, visits
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, OutsideWindow, Refused
from domain.scheduling import Move
from domain.viewers import Role
from domain.visits import Assignment, Substatus, Visit, VisitState
from tests.domain.test_crews import told
from tests.domain.world import World, at


async def word(world: World, state: VisitState, code: str = "KEY") -> UUID:
    async with world.unit() as work:
        values = {"code": code, "name": f"Waits: {code}", "visit_state": state}
        return (await visits.create_substatus(work, values)).id


async def say(world: World, visit: UUID, substatus: UUID | None, **viewer: Any) -> Visit:
    async with world.unit(**viewer) as work:
        return await visits.set_substatus(work, visit, substatus_id=substatus)


async def test_a_word_is_said_in_its_state_and_goes_with_it(world: World) -> None:
    ada, visit = await world.technician(), await world.visit(await world.work_type())
    waits, later = await word(world, VisitState.DISPATCHED), await word(world, VisitState.PAUSED, "PART")
    await world.schedule(visit, ada, 9)
    with pytest.raises(InvalidTransition):
        await say(world, visit, waits)
    await world.dispatch(visit)

    assert (await say(world, visit, waits, role=Role.TECHNICIAN, technician_id=ada)).substatus_id == waits
    version = (await world.read(Visit, visit)).version
    await say(world, visit, waits)
    assert (await world.read(Visit, visit)).version == version
    with pytest.raises(InvalidTransition):
        await say(world, visit, later)
    assert (await told(world, visit))[-1] == "VisitSubstatusSet"

    async with world.unit() as work:
        await visits.recall(work, visit, reason="Not now")
    assert (await world.read(Visit, visit)).substatus_id is None
    assert (await say(world, visit, None)).substatus_id is None


async def test_the_database_clears_and_refuses_by_itself(world: World) -> None:
    """As for a process of the previous release, which knows nothing of it."""
    visit = await world.visit(await world.work_type())
    waits, other = await word(world, VisitState.UNSCHEDULED), await word(world, VisitState.PAUSED, "PART")
    await say(world, visit, waits)
    with pytest.raises(NotFound):
        async with world.unit() as work:
            await work.session.execute(
                literal("UPDATE visit SET substatus_id = :other WHERE id = :visit"),
                {"other": other, "visit": visit},
            )

    async with world.unit() as work:
        await work.session.execute(
            literal("UPDATE visit SET state = 'CANCELLED' WHERE id = :visit"), {"visit": visit}
        )

    assert (await world.read(Visit, visit)).substatus_id is None


async def test_a_word_keeps_its_state_and_may_go_out_of_use(world: World) -> None:
    waits = await word(world, VisitState.UNSCHEDULED)
    visit = await world.visit(await world.work_type())
    with pytest.raises(Conflict):
        await word(world, VisitState.PAUSED)
    async with world.unit() as work:
        row = await visits.update_substatus(work, waits, {"name": "Waits for the key", "is_active": False})
    assert (row.name, row.version) == ("Waits for the key", 2)
    with pytest.raises(InvalidTransition):
        await say(world, visit, waits)
    assert [one.visit_state for one in await world.all(Substatus)] == ["UNSCHEDULED"]


async def change(world: World, visit: UUID, **values: Any) -> Visit:
    async with world.unit() as work:
        return await promises.update(work, visit, values)


async def test_the_first_promise_is_kept_when_another_is_made(world: World) -> None:
    ada = await world.technician()
    visit = await world.visit(await world.work_type(), window=(9, 11))
    await world.schedule(visit, ada, 9)

    with pytest.raises(OutsideWindow) as caught:
        await change(world, visit, window=(at(12), at(14)))
    assert caught.value.path == ("arrivalWindow",)
    async with world.unit() as work:
        await scheduling.reschedule(work, visit, Move(start=at(12), window=(at(12), at(14))))

    stored = await world.read(Visit, visit)
    assert (stored.window_start, stored.window_end) == (at(12), at(14))
    assert (stored.first_promised_start, stored.first_promised_end) == (at(9), at(11))
    assert stored.planned_start == at(12)
    assert (await told(world, visit))[-2:] == ["VisitPromised", "VisitRescheduled"]
    stored = await change(world, visit, window=None)
    assert (stored.window_start, stored.first_promised_start) == (None, at(9))


async def test_the_first_promise_may_come_later(world: World) -> None:
    visit = await world.visit(await world.work_type())
    assert (await world.read(Visit, visit)).first_promised_start is None
    await change(world, visit, window=(at(9), at(11)))
    await change(world, visit, window=(at(13), at(15)))

    stored = await world.read(Visit, visit)
    assert (stored.first_promised_start, stored.window_start) == (at(9), at(13))
    # and what an older process promises is kept by the database
    other = await world.visit(await world.work_type())
    async with world.unit() as work:
        await work.session.execute(
            literal("UPDATE visit SET window_start = :start, window_end = :end WHERE id = :visit"),
            {"start": at(8), "end": at(9), "visit": other},
        )
    assert (await world.read(Visit, other)).first_promised_start == at(8)


async def test_a_visit_takes_longer_where_there_is_room(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    visit, other = await world.visit(kind), await world.visit(kind)
    await world.schedule(visit, ada, 9)
    await world.schedule(other, ada, 11)

    stored = await change(world, visit, duration=7200, crew_size=2)
    assert (stored.planned_end, stored.crew_size) == (at(11), 2)
    (row,) = await world.all(Assignment, visit_id=visit)
    assert row.planned_end == at(11)
    version = stored.version
    with pytest.raises(Refused):
        await change(world, visit, duration=7260)
    assert (await world.read(Visit, visit)).version == version
    assert (await world.read(Visit, visit)).planned_end == at(11)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"duration": 59}, "duration"),
        ({"crew_size": 0}, "crewSize"),
        ({"crew_size": 21}, "crewSize"),
        ({"window": (at(9), at(9))}, "arrivalWindow"),
    ],
)
async def test_what_a_visit_cannot_be_like(world: World, values: dict[str, Any], path: str) -> None:
    visit = await world.visit(await world.work_type())
    with pytest.raises(Invalid) as caught:
        await change(world, visit, **values)
    assert caught.value.path == (path,)
    assert (await world.read(Visit, visit)).version == 1


async def test_what_is_under_way_or_over_stays_as_it_is(world: World) -> None:
    ada, visit = await world.technician(), await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    await world.dispatch(visit)
    with pytest.raises(InvalidTransition):
        await change(world, visit, duration=7200)
    async with world.unit() as work:
        await visits.cancel(work, visit, reason="Not needed")
    with pytest.raises(InvalidTransition):
        await change(world, visit, window=(at(9), at(10)))
