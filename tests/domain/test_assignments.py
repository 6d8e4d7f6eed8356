"""Assignments: who sets off, falls ill, joins and leaves; what a crew is, and what a plan makes of it."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from domain import assignments, crews, plans, scheduling, staffing, tracking, visits
from domain.assignments import Member
from domain.crews import Crew, CrewMember, Whom
from domain.errors import (
    Conflict,
    DoubleBooking,
    Invalid,
    InvalidTransition,
    NotFound,
    Refused,
)
from domain.plans import PlanChange
from domain.technicians import AbsenceReason, Shift
from domain.viewers import Role
from domain.visits import Assignment, AssignmentState, Visit, VisitState
from tests.domain.test_crews import crew_of, give, own, people, told
from tests.domain.test_plans import proposed
from tests.domain.world import World, at


async def test_who_is_on_one_visit_does_not_set_off_to_another(world: World) -> None:
    """Also where they help at the one and lead the other, and where both are asked for at once."""
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await give(world, first, await crew_of(world, ada, ben), 9)
    await world.schedule(second, ben, 11)
    for key in (first, second):
        await world.dispatch(key)
    world.now = at(9)

    async def set_off(key: UUID) -> str:
        try:
            async with world.unit(Role.TECHNICIAN, technician_id=ben) as work:
                await visits.start_travel(work, key)
        except Conflict:
            return "refused"
        return "gone"

    ends = await asyncio.gather(*(set_off(key) for key in (first, second)))

    assert sorted(ends) == ["gone", "refused"]


@pytest.mark.parametrize(
    ("size", "hour", "states"),
    [
        (1, None, ("SCHEDULED", [True])),
        (2, None, ("UNSCHEDULED", [])),
        (2, 9, ("ARRIVED", [True])),
    ],
)
async def test_who_helps_and_falls_ill_is_missed_where_the_crew_is_too_small(
    world: World, size: int, hour: float | None, states: tuple[str, list[bool]]
) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type(crew_size=size))
    await give(world, visit, await crew_of(world, ada, ben), 9)
    if hour is not None:
        await world.dispatch(visit)
        world.now = at(hour)
        async with world.unit() as work:
            await tracking.record_arrival(work, visit, occurred_at=None)

    async with world.unit() as work:
        await scheduling.absent(work, ben, (at(9), at(16)), reason=AbsenceReason.SICK)

    assert (await world.read(Visit, visit)).state == states[0]
    assert [row[1] for row in await people(world, visit)] == states[1]
    gone = await own(world, visit, ben)
    assert (gone.state, gone.occupies) == (AssignmentState.RELEASED, False)
    if states[1]:
        assert gone.reason == "Ben is absent."
        assert (await told(world, visit))[-1] == "MemberReleased"


async def test_a_crew_changes_and_keeps_one_lead(world: World) -> None:
    ada, ben, cem = [await world.technician(name) for name in ("Ada", "Ben", "Cem")]
    crew = await crew_of(world, ada, ben)

    async def members() -> dict[UUID, bool]:
        return {row.technician_id: row.is_lead for row in await world.all(CrewMember, crew_id=crew)}

    assert await members() == {ada: True, ben: False}
    async with world.unit() as work:
        row = await crews.update(work, crew, {"lead_id": cem, "name": "Roof"})
    assert (row.name, row.version) == ("Roof", 2)
    assert await members() == {ada: False, ben: False, cem: True}
    async with world.unit() as work:
        await crews.update(work, crew, {"lead_id": ben}, member_ids=[ada])
    assert await members() == {ada: False, ben: True}
    # when nothing differs, nothing is written
    version = (await world.read(Crew, crew)).version
    async with world.unit() as work:
        await crews.update(work, crew, {"name": "Roof"}, member_ids=[ada, ben])
    assert (await world.read(Crew, crew)).version == version
    async with world.unit() as work:
        await crews.update(work, crew, {"is_active": False})
    with pytest.raises(InvalidTransition):
        await give(world, await world.visit(await world.work_type()), crew, 9)


async def test_what_no_crew_can_be(world: World) -> None:
    ada = await world.technician("Ada")
    crew = await crew_of(world, ada)
    wrong: list[tuple[type[Refused], str, UUID, list[UUID]]] = [
        (Conflict, "Lift", ada, []),
        (Invalid, " ", ada, []),
        (NotFound, "Roof", uuid4(), []),
        (NotFound, "Roof", ada, [uuid4()]),
        (Invalid, "Roof", ada, [uuid4() for _ in range(20)]),
    ]
    for kind, name, lead, others in wrong:
        with pytest.raises(kind):
            async with world.unit() as work:
                await crews.create(work, {"name": name}, lead_id=lead, member_ids=others)
    visit = await world.visit(await world.work_type())
    for whom in (Whom(), Whom(technician_id=ada, crew_id=crew)):
        with pytest.raises(Invalid):
            async with world.unit() as work:
                await crews.schedule(work, visit, whom, start=at(9))

    assert len(await world.all(Crew)) == 1


async def test_a_plan_leaves_crews_where_they_are_and_takes_nobodys_time(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    pair, alone = await world.work_type(crew_size=2), await world.work_type()
    standing, waiting, single = (
        await world.visit(pair),
        await world.visit(pair),
        await world.visit(alone),
    )
    await give(world, standing, await crew_of(world, ada, ben), 9)

    plan = await proposed(world, (single, ben, 11), (standing, ben, 13))

    async with world.unit() as work:
        changes = (await work.session.exec(select(PlanChange))).all()
        assert [change.visit_id for change in changes] == [single]
        await plans.commit(work, plan)
    assert (await world.read(Visit, standing)).planned_start == at(9)
    assert (await world.read(Visit, waiting)).state == VisitState.UNSCHEDULED


async def test_who_joins_makes_it_another_version(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    version = (await world.schedule(visit, ada, 9)).version

    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben))
    assert (await world.read(Visit, visit)).version == version + 1
    async with world.unit() as work:
        await visits.release(work, visit, technician_id=ben, reason="Elsewhere")

    assert (await world.read(Visit, visit)).version == version + 2


async def test_no_member_overlaps_another_visit_however_they_come(world: World) -> None:
    """The database's own no, where the verb has looked too early."""
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await world.schedule(first, ada, 9)

    async def join() -> None:
        async with world.unit() as work:
            await assignments.assign(work, first, Member(technician_id=ben))

    ends = await asyncio.gather(join(), world.schedule(second, ben, 9.5), return_exceptions=True)

    assert len([end for end in ends if isinstance(end, DoubleBooking)]) == 1
    assert len([row for row in await world.all(Assignment, technician_id=ben) if row.occupies]) == 1


async def test_hours_of_a_helper_that_go_take_only_them_along(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await give(world, visit, await crew_of(world, ada, ben), 9)
    (shift,) = await world.all(Shift, technician_id=ben)

    async with world.unit() as work:
        _, changed = await staffing.cancel_shift(work, shift.id)

    assert [one.id for one in changed] == [visit]
    assert (await world.read(Visit, visit)).state == VisitState.SCHEDULED
    assert [row[0] for row in await people(world, visit)] == [ada]
