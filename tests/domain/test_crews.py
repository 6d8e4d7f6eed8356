"""Crews: all of them go or none, each with their own times; a slot is booked once, whoever asks."""

import asyncio
import os
from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select

from domain import assignments, crews, plans, scheduling, tracking, visits
from domain.assignments import Member
from domain.crews import Crew, CrewMember, Whom
from domain.errors import (
    Conflict,
    DoubleBooking,
    Invalid,
    InvalidTransition,
    MissingSkill,
    NotFound,
    OffShift,
    Refused,
)
from domain.events import EventRow, Origin
from domain.plans import PlanChange
from domain.scheduling import Move
from domain.stock import Reservation, ReservationState
from domain.technicians import AbsenceReason
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, AssignmentState, Visit, VisitState
from fieldgraph.addresses import sqlalchemy_url
from tests.conftest import Database
from tests.domain.test_plans import counted, proposed
from tests.domain.world import World, at

TRIES = 100 if os.environ.get("FIELDGRAPH_THOROUGH") else 2
"""Of each of fifty connections."""


async def crew_of(world: World, *people: UUID, name: str = "Lift") -> UUID:
    async with world.unit() as work:
        return (await crews.create(work, {"name": name}, lead_id=people[0], member_ids=people[1:])).id


async def give(world: World, visit: UUID, crew: UUID, hour: float) -> Visit:
    async with world.unit() as work:
        return await crews.schedule(work, visit, Whom(crew_id=crew), start=at(hour))


async def people(world: World, visit: UUID) -> list[tuple[UUID, bool, str]]:
    """Who goes there: whom, whether they lead, and how it stands with them."""
    async with world.unit() as work:
        rows = await visits.crew(work, await work.find(Visit, visit))
    return [(row.technician_id, row.is_lead, row.state) for row in rows]


async def own(world: World, visit: UUID, technician: UUID) -> Assignment:
    (row,) = await world.all(Assignment, visit_id=visit, technician_id=technician)
    return row


async def told(world: World, visit: UUID) -> list[str]:
    async with world.unit() as work:
        statement = select(EventRow.type).where(col(EventRow.subject_id) == visit)
        return list((await work.session.exec(statement.order_by(col(EventRow.xid), col(EventRow.n)))).all())


async def test_of_fifty_connections_one_books_the_slot(world: World, database: Database) -> None:
    """Alone or as a crew, at times that overlap in part: whoever holds the technician holds them."""
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    crew, kind = await crew_of(world, ada, ben), await world.work_type()
    keys = [await world.visit(kind) for _ in range(50)]
    engine = create_async_engine(sqlalchemy_url(database.app_url), pool_size=50)

    async def book(number: int) -> Counter[str]:
        viewer = Viewer(organization_id=world.organization_id, role=Role.DISPATCHER, subject=f"d{number}")
        ends: Counter[str] = Counter()
        for turn in range(TRIES):
            whom = Whom(crew_id=crew) if (number + turn) % 2 else Whom(technician_id=ada)
            start = at(9 + (number + turn) % 4 / 5)
            try:
                async with UnitOfWork(engine, viewer, world.now, origin=Origin.API) as work:
                    await crews.schedule(work, keys[number], whom, start=start)
            except DoubleBooking:
                ends["refused"] += 1
            else:
                ends["booked"] += 1
                break
        return ends

    ends = sum(await asyncio.gather(*(book(number) for number in range(50))), Counter[str]())
    await engine.dispose()

    assert ends["booked"] == 1
    assert 49 * TRIES <= ends["refused"] < 50 * TRIES
    taken = [row for row in await world.all(Assignment) if row.occupies]
    assert len({row.visit_id for row in taken}) == 1
    assert Counter(row.technician_id for row in taken)[ada] == 1
    states = Counter(visit.state for visit in await world.all(Visit))
    assert states == {"SCHEDULED": 1, "UNSCHEDULED": 49}


async def test_a_crew_is_booked_whole_in_as_many_statements_as_one_technician(world: World) -> None:
    valve = await world.part("Valve")
    folk = [await world.technician(name, van={valve: 9}) for name in ("Ada", "Ben", "Cem", "Dag")]
    kind = await world.work_type(crew_size=2, parts={valve: 1})
    sent = []
    for size in (1, 2, 4):
        crew, visit = await crew_of(world, *folk[:size], name=f"Of {size}"), await world.visit(kind)
        with counted(world.engine) as statements:
            await give(world, visit, crew, 8 + size)
        sent.append(len(statements))

        found = await people(world, visit)
        assert sorted(found) == sorted((one, one == folk[0], "ACCEPTED") for one in folk[:size])
        assert found[0][:2] == (folk[0], True)
        stored = await world.read(Visit, visit)
        assert (stored.crew_id, stored.planned_start) == (crew, at(8 + size))
    assert sent[0] == sent[1] == sent[2]
    assert sent[0] <= 28
    held = await world.all(Reservation, state=ReservationState.HELD)
    assert len(held) == 3


@pytest.mark.parametrize("why", ["absent", "elsewhere", "off shift"])
async def test_what_one_cannot_the_crew_cannot(world: World, why: str) -> None:
    ada = await world.technician("Ada")
    ben = await world.technician("Ben", shift=(12, 16) if why == "off shift" else (8, 16))
    kind, crew = await world.work_type(), await crew_of(world, ada, ben)
    visit = await world.visit(kind)
    if why == "elsewhere":
        await world.schedule(await world.visit(kind), ben, 9.5)
    if why == "absent":
        async with world.unit() as work:
            await scheduling.absent(work, ben, (at(9), at(10)), reason=AbsenceReason.SICK)

    with pytest.raises(DoubleBooking if why == "elsewhere" else OffShift):
        await give(world, visit, crew, 9)

    assert await people(world, visit) == []
    assert (await world.read(Visit, visit)).version == 1


async def test_the_lead_has_the_skills_and_the_others_help(world: World) -> None:
    gas = await world.skill("Gas")
    ada, ben = await world.technician("Ada", skills={gas: 3}), await world.technician("Ben")
    kind = await world.work_type(skills={gas: 2}, crew_size=2)
    visit = await world.visit(kind)
    await give(world, visit, await crew_of(world, ada, ben), 9)

    with pytest.raises(MissingSkill):
        async with world.unit() as work:
            await assignments.assign(work, visit, Member(technician_id=ben, leads=True))
    with pytest.raises(MissingSkill):
        await give(world, await world.visit(kind), await crew_of(world, ben, ada, name="Other"), 12)

    assert [row[:2] for row in await people(world, visit)] == [(ada, True), (ben, False)]


async def test_a_crew_moves_and_goes_back_as_one(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await give(world, visit, await crew_of(world, ada, ben), 9)

    async with world.unit() as work:
        await scheduling.reschedule(work, visit, Move(start=at(13)))
    assert {row.planned_start for row in await world.all(Assignment)} == {at(13)}
    async with world.unit() as work:
        await visits.unschedule(work, visit, reason="No hurry")

    rows = await world.all(Assignment)
    assert {(row.state, row.occupies) for row in rows} == {(AssignmentState.RELEASED, False)}
    stored = await world.read(Visit, visit)
    assert (stored.state, stored.crew_id, stored.planned_start) == ("UNSCHEDULED", None, None)


async def test_another_leads_and_who_led_helps_with_the_parts_of_the_others_van(world: World) -> None:
    valve = await world.part("Valve")
    ada, ben = await world.technician("Ada", van={valve: 1}), await world.technician("Ben", van={valve: 1})
    visit = await world.visit(await world.work_type(parts={valve: 1}))
    await world.schedule(visit, ada, 9)

    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben, leads=True))

    assert [row[:2] for row in await people(world, visit)] == [(ben, True), (ada, False)]
    states = Counter(row.state for row in await world.all(Reservation))
    assert states == {ReservationState.RELEASED: 1, ReservationState.HELD: 1}
    # when one who is there already is named once more, nothing happens
    before = await world.read(Visit, visit)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ada))
    assert await world.read(Visit, visit) == before


async def test_a_crew_that_is_not_whole_is_not_sent(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type(crew_size=2))
    await world.schedule(visit, ada, 9)
    with pytest.raises(InvalidTransition, match="1 of 2"):
        await world.dispatch(visit)

    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben))
    await world.dispatch(visit)

    assert (await world.read(Visit, visit)).state == VisitState.DISPATCHED
    with pytest.raises(InvalidTransition, match="too small"):
        async with world.unit() as work:
            await visits.release(work, visit, technician_id=ben, reason="Elsewhere")


async def test_each_of_a_crew_has_their_own_times_and_the_leads_move_the_visit(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await give(world, visit, await crew_of(world, ada, ben), 9)
    await world.dispatch(visit)
    steps: list[tuple[float, UUID, str, str]] = [
        (8.5, ben, "travel", "DISPATCHED"),
        (8.6, ada, "travel", "EN_ROUTE"),
        (8.8, ben, "arrive", "EN_ROUTE"),
        (9.0, ada, "arrive", "ARRIVED"),
        (9.1, ada, "start", "IN_PROGRESS"),
        (9.3, ben, "start", "IN_PROGRESS"),
        (9.9, ada, "complete", "COMPLETED"),
    ]
    for hour, who, what, state in steps:
        world.now = at(hour)
        async with world.unit(Role.TECHNICIAN, technician_id=who) as work:
            if what == "travel":
                await visits.start_travel(work, visit)
            elif what == "arrive":
                await tracking.record_arrival(work, visit, occurred_at=None)
            elif what == "start":
                await visits.start_work(work, visit)
            else:
                await visits.complete(work, visit)
        assert (await world.read(Visit, visit)).state == state

    def times(row: Assignment | Visit) -> list[object]:
        return [row.en_route_at, row.arrived_at, row.started_at, row.ended_at]

    assert times(await own(world, visit, ada)) == [at(8.6), at(9.0), at(9.1), at(9.9)]
    assert times(await own(world, visit, ben)) == [at(8.5), at(8.8), at(9.3), at(9.9)]
    assert times(await world.read(Visit, visit)) == times(await own(world, visit, ada))
    assert (await told(world, visit))[3:] == [
        *("MemberEnRoute", "VisitEnRoute", "MemberArrived", "VisitArrived"),
        *("VisitStarted", "MemberStarted", "VisitCompleted"),
    ]


async def test_only_the_lead_ends_the_work_and_nobody_else_speaks_for_another(world: World) -> None:
    ada, ben, cem = [await world.technician(name) for name in ("Ada", "Ben", "Cem")]
    visit = await world.visit(await world.work_type())
    await give(world, visit, await crew_of(world, ada, ben), 9)
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
        await visits.start_work(work, visit)

    with pytest.raises(InvalidTransition, match="leads"):
        async with world.unit(Role.TECHNICIAN, technician_id=ben) as work:
            await visits.complete(work, visit)
    with pytest.raises(NotFound):
        async with world.unit(Role.TECHNICIAN, technician_id=cem) as work:
            await visits.complete(work, visit)
    with pytest.raises(NotFound):
        async with world.unit() as work:
            await visits.start_work(work, visit, technician_id=cem)

    assert (await world.read(Visit, visit)).state == VisitState.IN_PROGRESS


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
