"""Offers: taken or not by whom they are made to, by the office for them, or by their silence."""

from uuid import UUID

import pytest
from sqlalchemy import text as literal

from domain import assignments, scheduling, visits
from domain.assignments import Member
from domain.errors import Invalid, InvalidTransition, NotFound
from domain.scheduling import Placement
from domain.technicians import Technician, TechnicianKind
from domain.viewers import Role
from domain.visits import Assignment, AssignmentState, Visit
from tests.domain.test_crews import own, people, told
from tests.domain.world import World, at


async def subcontractor(world: World, name: str = "Eve") -> UUID:
    key = await world.technician(name)
    async with world.unit() as work:
        (await work.get(Technician, key)).kind = TechnicianKind.SUBCONTRACTOR
    return key


async def offered(world: World) -> tuple[UUID, UUID]:
    eve, visit = await subcontractor(world), await world.visit(await world.work_type())
    await world.schedule(visit, eve, 10)
    return visit, eve


async def test_an_offer_stands_until_the_work_begins_unless_said_otherwise(world: World) -> None:
    visit, eve = await offered(world)
    row = await own(world, visit, eve)
    assert (row.state, row.offer_expires_at, row.occupies) == ("OFFERED", at(10), True)

    other = await world.visit(await world.work_type())
    placement = Placement(technician_id=eve, start=at(12), offer_expires_at=at(8))
    async with world.unit() as work:
        await scheduling.schedule(work, other, placement)
    assert (await own(world, other, eve)).offer_expires_at == at(8)
    ada = await world.technician()
    third = await world.visit(await world.work_type())
    await world.schedule(third, ada, 12)
    row = await own(world, third, ada)
    assert (row.state, row.offer_expires_at) == ("ACCEPTED", None)


@pytest.mark.parametrize("role", [Role.SUBCONTRACTOR, Role.DISPATCHER])
async def test_an_offer_is_taken_by_them_or_for_them(world: World, role: Role) -> None:
    visit, eve = await offered(world)
    version = (await world.read(Visit, visit)).version

    async with world.unit(role, technician_id=eve if role == Role.SUBCONTRACTOR else None) as work:
        await visits.accept_offer(work, visit)

    assert (await own(world, visit, eve)).state == AssignmentState.ACCEPTED
    stored = await world.read(Visit, visit)
    assert (stored.state, stored.version) == ("SCHEDULED", version)
    assert (await told(world, visit))[-1] == "OfferAccepted"
    with pytest.raises(InvalidTransition):
        async with world.unit() as work:
            await visits.accept_offer(work, visit)


@pytest.mark.parametrize("role", [Role.SUBCONTRACTOR, Role.DISPATCHER])
async def test_what_is_declined_goes_back_to_the_pool_with_the_reason(world: World, role: Role) -> None:
    visit, eve = await offered(world)

    async with world.unit(role, technician_id=eve if role == Role.SUBCONTRACTOR else None) as work:
        await visits.decline_offer(work, visit, reason="Too far")

    row, stored = await own(world, visit, eve), await world.read(Visit, visit)
    assert (row.state, row.reason, row.occupies) == ("DECLINED", "Too far", False)
    assert (stored.state, stored.reason, stored.planned_start) == ("UNSCHEDULED", "Too far", None)
    assert await told(world, visit) == ["VisitCreated", "VisitScheduled", "VisitUnscheduled"]
    # and it may be offered to them again
    await world.schedule(visit, eve, 11)
    assert [row[2] for row in await people(world, visit)] == ["OFFERED"]


async def test_an_offer_of_help_that_is_declined_leaves_the_others(world: World) -> None:
    ada, eve = await world.technician("Ada"), await subcontractor(world)
    visit = await world.visit(await world.work_type(crew_size=2))
    await world.schedule(visit, ada, 9)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=eve, offer_expires_at=at(8)))

    async with world.unit(Role.SUBCONTRACTOR, technician_id=eve) as work:
        await visits.decline_offer(work, visit, reason="Too far")

    assert (await world.read(Visit, visit)).state == "SCHEDULED"
    assert [row[0] for row in await people(world, visit)] == [ada]
    assert (await told(world, visit))[-2:] == ["MemberAssigned", "OfferDeclined"]
    with pytest.raises(InvalidTransition):
        await world.dispatch(visit)


@pytest.mark.parametrize("role", [Role.SUBCONTRACTOR, Role.DISPATCHER])
@pytest.mark.parametrize("told_already", [False, True])
async def test_a_subcontractor_steps_back_from_what_was_taken_before_travel(
    world: World, role: Role, told_already: bool
) -> None:
    visit, eve = await offered(world)
    async with world.unit(Role.SUBCONTRACTOR, technician_id=eve) as work:
        await visits.accept_offer(work, visit)
    if told_already:
        await world.dispatch(visit)

    async with world.unit(role, technician_id=eve if role == Role.SUBCONTRACTOR else None) as work:
        await visits.decline_offer(work, visit, reason="The car broke down")

    row, stored = await own(world, visit, eve), await world.read(Visit, visit)
    assert (row.state, row.reason, row.occupies) == ("RELEASED", "The car broke down", False)
    assert (stored.state, stored.pin, stored.planned_start) == ("UNSCHEDULED", None, None)
    assert await people(world, visit) == []


async def test_a_subcontractor_who_has_set_off_goes_there(world: World) -> None:
    visit, eve = await offered(world)
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit(Role.SUBCONTRACTOR, technician_id=eve) as work:
        await visits.start_travel(work, visit)

    with pytest.raises(InvalidTransition, match="EN_ROUTE"):
        async with world.unit(Role.SUBCONTRACTOR, technician_id=eve) as work:
            await visits.decline_offer(work, visit, reason="The car broke down")


@pytest.mark.parametrize(("told_already", "state"), [(False, "SCHEDULED"), (True, "UNSCHEDULED")])
async def test_who_helps_and_steps_back_leaves_the_others_unless_they_are_too_few_to_go(
    world: World, told_already: bool, state: str
) -> None:
    ada, eve = await world.technician("Ada"), await subcontractor(world)
    visit = await world.visit(await world.work_type(crew_size=2))
    await world.schedule(visit, ada, 9)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=eve, offer_expires_at=at(8)))
    if told_already:
        await world.dispatch(visit)
    else:
        async with world.unit() as work:
            await visits.accept_offer(work, visit, technician_id=eve)

    async with world.unit(Role.SUBCONTRACTOR, technician_id=eve) as work:
        await visits.decline_offer(work, visit, reason="Too far")

    assert (await world.read(Visit, visit)).state == state
    assert (await own(world, visit, eve)).state == AssignmentState.RELEASED
    assert [row[0] for row in await people(world, visit)] == ([] if told_already else [ada])


async def test_an_employee_who_was_told_hands_it_back_to_the_office_before_travel(world: World) -> None:
    ada, visit = await world.technician(), await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await world.dispatch(visit)

    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await visits.decline_offer(work, visit, reason="The car broke down")

    stored = await world.read(Visit, visit)
    assert (stored.state, stored.pin, stored.reason) == ("SCHEDULED", None, "The car broke down")
    assert [row[2] for row in await people(world, visit)] == ["ACCEPTED"]
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
    with pytest.raises(InvalidTransition):
        async with world.unit() as work:
            await visits.decline_offer(work, visit, reason="The car broke down")


async def test_silence_is_an_answer_once(world: World) -> None:
    visit, eve = await offered(world)
    kept = await world.visit(await world.work_type())
    placement = Placement(technician_id=eve, start=at(12))
    async with world.unit() as work:
        await scheduling.schedule(work, kept, placement)
    world.now = at(10)

    with pytest.raises(InvalidTransition, match="expired"):
        async with world.unit() as work:
            await visits.accept_offer(work, visit)
    async with world.unit() as work:
        assert await visits.expired(work) == [visit]
        assert await visits.expire(work, visit) is True
        assert await visits.expire(work, visit) is False
        assert await visits.expire(work, kept) is False

    row, stored = await own(world, visit, eve), await world.read(Visit, visit)
    assert (row.state, row.occupies) == ("EXPIRED", False)
    assert (stored.state, stored.reason) == ("UNSCHEDULED", "The offer was not answered in time.")
    assert (await own(world, kept, eve)).state == AssignmentState.OFFERED
    async with world.unit() as work:
        assert await visits.expired(work) == []


async def test_an_offer_is_nobody_elses(world: World) -> None:
    visit, _ = await offered(world)
    other = await subcontractor(world, "Uma")

    with pytest.raises(NotFound):
        async with world.unit(Role.SUBCONTRACTOR, technician_id=other) as work:
            await visits.accept_offer(work, visit)
    with pytest.raises(NotFound):
        async with world.unit(Role.SUBCONTRACTOR, technician_id=other) as work:
            await visits.decline_offer(work, visit, reason="No")
    with pytest.raises(NotFound):
        async with world.unit() as work:
            await visits.accept_offer(work, visit, technician_id=other)

    assert (await world.read(Visit, visit)).version == 2


async def test_the_database_knows_the_steps_of_an_assignment(world: World) -> None:
    visit, _ = await offered(world)
    async with world.unit() as work:
        rows = await work.session.execute(literal("SELECT from_state, to_state FROM assignment_transition"))
        assert {tuple(row) for row in rows} == visits.ASSIGNMENT_TRANSITIONS
    async with world.unit() as work:
        await visits.decline_offer(work, visit, reason="No")

    with pytest.raises(Invalid):
        async with world.unit() as work:
            await work.session.execute(literal("UPDATE assignment SET state = 'ACCEPTED'"))
    assert [row.state for row in await world.all(Assignment)] == ["DECLINED"]
