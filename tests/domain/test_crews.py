"""Crews: all of them go or none, each with their own times; a slot is booked once, whoever asks."""

import asyncio
import os
from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select

from domain import assignments, crews, scheduling, tracking, visits
from domain.assignments import Member
from domain.crews import Whom
from domain.errors import (
    Conflict,
    DoubleBooking,
    InvalidTransition,
    MissingSkill,
    NotFound,
    OffShift,
)
from domain.events import EventRow, Origin
from domain.scheduling import Move
from domain.stock import Reservation, ReservationState
from domain.technicians import AbsenceReason
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, AssignmentState, IncompleteReason, Visit, VisitState
from fieldgraph.addresses import sqlalchemy_url
from tests.conftest import Database
from tests.domain.test_plans import counted
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
    assert sent[0] <= 33
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


async def test_nobody_works_on_two_visits_and_what_waits_or_rests_holds_nobody(world: World) -> None:
    ada, kind = await world.technician("Ada"), await world.work_type()
    first, second = [await world.visit(kind) for _ in range(2)]
    for visit, hour in ((first, 9), (second, 11)):
        await world.schedule(visit, ada, hour)
        await world.dispatch(visit)
    world.now = at(9)

    async def take(what: str, visit: UUID) -> str:
        async with world.unit() as work:
            match what:
                case "travel":
                    await visits.start_travel(work, visit)
                case "arrive":
                    await tracking.record_arrival(work, visit, occurred_at=None)
                case "start":
                    await visits.start_work(work, visit)
                case "pause":
                    await visits.pause(work, visit, reason="No part")
                case _:
                    await visits.resume(work, visit)
        return str((await world.read(Visit, visit)).state)

    assert await take("travel", first) == "EN_ROUTE"
    for what in ("travel", "arrive"):
        with pytest.raises(Conflict, match="another visit"):
            await take(what, second)
    assert await take("arrive", first) == "ARRIVED"
    assert await take("travel", second) == "EN_ROUTE"
    with pytest.raises(Conflict, match="another visit"):
        await take("start", first)
    assert await take("arrive", second) == "ARRIVED"
    ends = await asyncio.gather(take("start", first), take("start", second), return_exceptions=True)
    assert Counter(type(end) for end in ends) == {str: 1, Conflict: 1}
    begun, other = (first, second) if ends[0] == "IN_PROGRESS" else (second, first)
    assert await take("pause", begun) == "PAUSED"
    assert await take("start", other) == "IN_PROGRESS"
    with pytest.raises(Conflict, match="another visit"):
        await take("resume", begun)
    assert await take("pause", other) == "PAUSED"
    assert await take("resume", begun) == "IN_PROGRESS"


@pytest.mark.parametrize("end", ["complete", "incomplete", "absent"])
async def test_the_labour_clock_counts_the_work_without_its_pauses(world: World, end: str) -> None:
    ada, kind = await world.technician("Ada"), await world.work_type()
    visit = await world.visit(kind)
    await world.schedule(visit, ada, 9)
    await world.dispatch(visit)

    async def take(hour: float, what: str) -> tuple[int, object]:
        world.now = at(hour)
        async with world.unit() as work:
            match what:
                case "start":
                    await tracking.record_arrival(work, visit, occurred_at=None)
                    await visits.start_work(work, visit)
                case "pause":
                    await visits.pause(work, visit, reason="Lunch")
                case "resume":
                    await visits.resume(work, visit)
                case "complete":
                    await visits.complete(work, visit)
                case "incomplete":
                    await visits.mark_incomplete(work, visit, reason=IncompleteReason.PARTS)
                case _:
                    period = (at(hour), at(hour + 4))
                    await scheduling.absent(work, ada, period, reason=AbsenceReason.SICK)
        row = await world.read(Visit, visit)
        assert (await own(world, visit, ada)).work_since == row.work_since
        return row.worked_seconds, row.work_since

    assert await take(9, "start") == (0, at(9))
    assert await take(9.5, "pause") == (1800, None)
    assert await take(9.75, "resume") == (1800, at(9.75))
    assert await take(9.9, end) == (1800 + 540, None)


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
