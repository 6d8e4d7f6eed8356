"""Staffing: what happens to visits when hours go, who may be archived, and hours by machine."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import scheduling, sites, staffing, technicians, tracking, visits
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, OffShift, Refused
from domain.sites import Site
from domain.technicians import Absence, AbsenceReason, Shift, Technician, TechnicianSkill, patterns
from domain.technicians.patterns import Week
from domain.territories import Territory
from domain.viewers import Role
from domain.visits import Assignment, Visit, VisitState
from tests.domain.test_plans import counted
from tests.domain.world import DAY, World, at

HALF = 0.5


async def shift_of(world: World, technician: UUID) -> Shift:
    (shift,) = await world.all(Shift, technician_id=technician)
    return shift


async def stands(world: World, *keys: UUID) -> list[str]:
    return [str((await world.read(Visit, key)).state) for key in keys]


async def a_day(world: World) -> tuple[UUID, list[UUID]]:
    """Visits at 9, 11 (dispatched) and 14, of an hour each."""
    ada = await world.technician("Ada")
    kind = await world.work_type(hours=1)
    keys = [await world.visit(kind) for _ in range(3)]
    for key, hour in zip(keys, (9, 11, 14), strict=True):
        await world.schedule(key, ada, hour)
    await world.dispatch(keys[1])
    return ada, keys


async def test_visits_that_a_shift_loses_go_back_to_the_pool_pins_lifted(world: World) -> None:
    ada, keys = await a_day(world)
    shift = await shift_of(world, ada)

    async with world.unit() as work:
        row, changed = await staffing.update_shift(
            work, shift.id, {"starts_at": at(9), "ends_at": at(11.5)}, expected_version=1
        )
    assert (row.starts_at, row.ends_at, row.version) == (at(9), at(11.5), 2)
    assert sorted(visit.id for visit in changed) == sorted(keys[1:])
    assert await stands(world, *keys) == ["SCHEDULED", "UNSCHEDULED", "UNSCHEDULED"]
    freed = await world.read(Visit, keys[1])
    assert (freed.pin, freed.planned_start, freed.reason) == (None, None, "The shift was changed.")

    async with world.unit() as work:
        _, changed = await staffing.cancel_shift(work, shift.id)
    assert [visit.id for visit in changed] == keys[:1]
    assert await world.all(Shift) == []
    assert not any(row.occupies for row in await world.all(Assignment))


async def test_a_shift_that_grows_or_stays_keeps_all_and_says_nothing_when_it_is_the_same(
    world: World,
) -> None:
    ada, keys = await a_day(world)
    shift = await shift_of(world, ada)
    rest = {"break_earliest": at(12), "break_latest": at(13), "break_seconds": 1_800}
    for times in ({"ends_at": at(18)}, {"starts_at": at(9), "ends_at": at(15)}, rest, rest):
        async with world.unit() as work:
            assert (await staffing.update_shift(work, shift.id, times))[1] == []
    assert await stands(world, *keys) == ["SCHEDULED", "DISPATCHED", "SCHEDULED"]
    assert (await shift_of(world, ada)).version == 4


async def test_hours_with_work_under_way_do_not_go(world: World) -> None:
    ada, keys = await a_day(world)
    world.now = at(11)
    async with world.unit() as work:
        await visits.start_travel(work, keys[1])
        await tracking.record_arrival(work, keys[1], occurred_at=None)
    shift = await shift_of(world, ada)
    for verb, given in ((staffing.cancel_shift, ()), (staffing.update_shift, ({"ends_at": at(11.5)},))):
        with pytest.raises(InvalidTransition, match="under way") as refused:
            async with world.unit() as work:
                await verb(work, shift.id, *given)
        assert refused.value.path == ("shift",)
    assert await stands(world, *keys) == ["SCHEDULED", "ARRIVED", "SCHEDULED"]
    async with world.unit() as work:
        _, changed = await staffing.update_shift(work, shift.id, {"ends_at": at(12)})
    assert [visit.id for visit in changed] == keys[2:]
    world.now = at(12)
    with pytest.raises(InvalidTransition, match="over"):
        async with world.unit() as work:
            await staffing.cancel_shift(work, shift.id)


async def test_shifts_of_one_technician_do_not_overlap_whoever_makes_them(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben", shift=None)

    async def create(whose: UUID, start: float, end: float) -> str:
        try:
            async with world.unit() as work:
                await staffing.create_shift(work, whose, {"starts_at": at(start), "ends_at": at(end)})
        except Conflict as refused:
            return " ".join(refused.path)
        return "made"

    assert await create(ada, 15.9, 17) == "startsAt"
    assert await create(ada, 16, 17) == "made"
    ends = await asyncio.gather(*(create(ben, 9 + number / 4, 12 + number / 4) for number in range(8)))
    assert sorted(ends) == ["made", *["startsAt"] * 7]
    with pytest.raises(Refused):
        await world.keep(Shift(technician_id=ada, starts_at=at(10), ends_at=at(11)))


async def test_the_end_of_a_pattern_takes_its_later_shifts_and_their_visits_along(world: World) -> None:
    ada = await world.technician("Ada", shift=None)
    days = [{"weekday": number, "starts": "08:00", "ends": "16:00"} for number in range(1, 8)]
    async with world.unit() as work:
        pattern = await patterns.create(work, Week(technician_id=ada, days=days, valid_from=DAY))
    kind = await world.work_type(hours=1)
    first, second = await world.visit(kind), await world.visit(kind)
    await world.schedule(first, ada, 33)
    await world.schedule(second, ada, 57)

    async with world.unit() as work:
        ended, changed = await staffing.end_pattern(work, pattern.id, DAY + timedelta(days=1))

    assert (ended.valid_until, [visit.id for visit in changed]) == (DAY + timedelta(days=1), [second])
    assert sorted(row.starts_at for row in await world.all(Shift)) == [at(8), at(32)]
    assert await stands(world, first, second) == ["SCHEDULED", "UNSCHEDULED"]
    world.now = at(24 * 20)
    async with world.unit() as work:
        assert await patterns.due(work) == []


async def test_an_absence_that_has_begun_ends_now_and_another_goes(world: World) -> None:
    ada = await world.technician("Ada")
    keys = []
    for start in (9, 14):
        async with world.unit() as work:
            absence, _ = await scheduling.absent(
                work, ada, (at(start), at(start + 2)), reason=AbsenceReason.SICK
            )
            keys.append(absence.id)
    world.now = at(10)
    for key in keys:
        async with world.unit() as work:
            await staffing.cancel_absence(work, key, expected_version=1)
    (left,) = await world.all(Absence)
    assert (left.id, left.ends_at, left.version) == (keys[0], at(10), 2)
    for key, kind in ((keys[0], InvalidTransition), (keys[1], NotFound)):
        with pytest.raises(kind):
            async with world.unit() as work:
                await staffing.cancel_absence(work, key)


async def test_who_is_absent_now_gives_back_what_they_have_in_hand(world: World) -> None:
    """Begun late, left over, or set off too early: whenever it was planned; what comes later stays."""
    ada = await world.technician("Ada")
    kind = await world.work_type(hours=1)
    begun, left, early, later = keys = [await world.visit(kind) for _ in range(4)]
    for key, hour in zip(keys, (9, 10, 14, 15), strict=True):
        await world.schedule(key, ada, hour)
    for key in (begun, left, early):
        await world.dispatch(key)
    world.now = at(11.5)
    async with world.unit() as work:
        await tracking.record_arrival(work, begun, occurred_at=None)
        await visits.start_work(work, begun)
        await visits.pause(work, begun, reason="No part")
        await visits.start_travel(work, early)
    shift = await shift_of(world, ada)
    with pytest.raises(InvalidTransition, match="under way"):
        async with world.unit() as work:
            await staffing.update_shift(work, shift.id, {"starts_at": at(12)})
    async with world.unit() as work:
        await staffing.update_shift(work, shift.id, {"starts_at": at(8.5)})
    assert await stands(world, *keys) == ["PAUSED", "DISPATCHED", "EN_ROUTE", "SCHEDULED"]

    async with world.unit() as work:
        _, changed = await scheduling.absent(work, ada, (at(11.25), at(13)), reason=AbsenceReason.SICK)

    assert await stands(world, *keys) == ["INCOMPLETE", "UNSCHEDULED", "UNSCHEDULED", "SCHEDULED"]
    assert {visit.id for visit in changed} > {begun, left, early}
    assert (await world.read(Visit, begun)).reason == "TECHNICIAN"
    assert later not in {visit.id for visit in changed}


async def test_hours_lost_now_take_what_an_earlier_shift_left_over(world: World) -> None:
    ada = await world.technician("Ada", shift=(8, 10))
    visit = await world.visit(await world.work_type(hours=1))
    await world.schedule(visit, ada, 9)
    afternoon = Shift(technician_id=ada, starts_at=at(12), ends_at=at(16))
    await world.keep(afternoon)
    world.now = at(13)
    async with world.unit() as work:
        _, changed = await staffing.update_shift(work, afternoon.id, {"starts_at": at(12.5)})
    assert changed == []
    async with world.unit() as work:
        _, changed = await staffing.cancel_shift(work, afternoon.id)
    assert [row.id for row in changed] == [visit]
    assert await stands(world, visit) == ["UNSCHEDULED"]


async def test_who_is_absent_does_not_set_off_until_it_ends(world: World) -> None:
    """An instant is in an absence from its start, and not any more at its end."""
    ada = await world.technician("Ada")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)
    await world.dispatch(visit)
    await world.keep(
        Absence(technician_id=ada, starts_at=at(8.25), ends_at=at(8.5), reason=AbsenceReason.OTHER)
    )
    for hour in (8.25, 8.4):
        world.now = at(hour)
        with pytest.raises(OffShift, match="absent"):
            async with world.unit() as work:
                await visits.start_travel(work, visit)
    world.now = at(8.5)
    async with world.unit() as work:
        await visits.start_travel(work, visit)

    assert (await world.read(Visit, visit)).state == VisitState.EN_ROUTE


async def test_who_is_archived_gets_nothing_and_who_has_visits_is_not(world: World) -> None:
    ada, keys = await a_day(world)

    async def attempt(verb: Any, *given: Any) -> str:
        try:
            async with world.unit() as work:
                await verb(work, *given)
        except Refused as refused:
            return type(refused).__name__
        return "done"

    assert await attempt(staffing.archive, ada) == "InvalidTransition"
    assert (await world.read(Technician, ada)).archived_at is None
    await attempt(staffing.cancel_shift, (await shift_of(world, ada)).id)
    assert await attempt(staffing.archive, ada) == "done"
    assert (await world.read(Technician, ada)).archived_at == world.now
    assert await attempt(staffing.archive, ada) == "InvalidTransition"
    times: dict[str, Any] = {"starts_at": at(8), "ends_at": at(16)}
    assert await attempt(staffing.create_shift, ada, times) == "Invalid"
    await world.keep(Shift(technician_id=ada, **times))
    with pytest.raises(Invalid, match="Ada is archived") as refused:
        await world.schedule(keys[0], ada, 9)
    assert refused.value.path == ("technician",)
    assert await attempt(staffing.restore, ada) == "done"
    assert await attempt(staffing.restore, ada) == "InvalidTransition"
    assert (await world.schedule(keys[0], ada, 9)).state == "SCHEDULED"


async def test_to_archive_and_to_book_at_once_is_one_or_the_other(world: World) -> None:
    kind = await world.work_type(hours=1)
    for number in range(8):
        ada = await world.technician("Ada")
        key = await world.visit(kind)

        async def archive(whose: UUID) -> None:
            async with world.unit() as work:
                await staffing.archive(work, whose)

        both = [archive(ada), world.schedule(key, ada, 9)]
        ends = await asyncio.gather(*(both if number % 2 else reversed(both)), return_exceptions=True)

        assert len([end for end in ends if isinstance(end, Refused)]) == 1, ends
        archived = (await world.read(Technician, ada)).archived_at is not None
        assert archived == ((await world.read(Visit, key)).state == "UNSCHEDULED")


async def test_hours_that_go_while_they_are_booked_leave_no_visit_outside(world: World) -> None:
    """Two transactions may meet head on, one then gives way (40P01): the edge tries such a one again."""
    kind = await world.work_type(hours=1)
    for number in range(6):
        ada = await world.technician("Ada")
        keys = [await world.visit(kind) for _ in range(3)]
        shift = await shift_of(world, ada)

        async def cancel(key: UUID) -> None:
            async with world.unit() as work:
                await staffing.cancel_shift(work, key)

        tries: list[Any] = [world.schedule(key, ada, 9 + place) for place, key in enumerate(keys)]
        tries.insert(number % 4, cancel(shift.id))
        await asyncio.gather(*tries, return_exceptions=True)

        left = await world.all(Shift, technician_id=ada)
        held = [row for row in await world.all(Assignment, technician_id=ada) if row.occupies]
        assert left or not held


async def test_a_set_of_skills_takes_the_same_statements_whatever_it_holds(
    world: World, engine: AsyncEngine
) -> None:
    ada = await world.technician("Ada")
    skills = [await world.skill(f"S{number:02d}") for number in range(40)]
    sent = []
    for first, last in ((0, 3), (2, 6), (5, 38), (0, 40)):
        levels = [(skill, 1 + number % 5) for number, skill in enumerate(skills[first:last])]
        with counted(engine) as statements:
            async with world.unit() as work:
                await technicians.set_skills(work, ada, levels)
        sent.append(len(statements))
        assert {row.skill_id: row.level for row in await world.all(TechnicianSkill)} == dict(levels)
    assert sent == [9, 11, 11, 9]  # with and without some to take away
    assert (await world.read(Technician, ada)).version == 5

    with counted(engine) as statements:
        async with world.unit() as work:
            await technicians.set_skills(work, ada, levels, expected_version=5)
    assert len(statements) == 4
    assert (await world.read(Technician, ada)).version == 5
    for wrong, kind in (([(skills[0], 6)], Invalid), ([*levels, levels[0]], Invalid), ([(ada, 1)], NotFound)):
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await technicians.set_skills(work, ada, wrong)
        assert refused.value.path == ("skills",)
    with pytest.raises(Conflict):
        async with world.unit() as work:
            await technicians.set_skills(work, ada, [], expected_version=4)
    assert len(await world.all(TechnicianSkill)) == 40


async def test_of_two_who_set_skills_from_one_reading_one_does(world: World) -> None:
    ada = await world.technician("Ada")
    skills = [await world.skill(name) for name in ("Gas", "Water", "Roofs")]

    async def attempt(skill: UUID) -> str:
        try:
            async with world.unit() as work:
                await technicians.set_skills(work, ada, [(skill, 3)], expected_version=1)
        except Conflict:
            return "refused"
        return "set"

    assert sorted(await asyncio.gather(*map(attempt, skills))) == ["refused", "refused", "set"]
    assert len(await world.all(TechnicianSkill)) == 1


async def test_a_site_lies_in_the_least_territory_that_covers_it(world: World) -> None:
    def square(reach: float) -> dict[str, Any]:
        west, east, south, north = 24.9 - reach, 24.9 + reach, 60.2 - reach, 60.2 + reach
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}

    rows = [Territory(name=f"T{reach}", area=square(reach)) for reach in (1.0, 0.1, 0.5)]
    await world.keep(*rows, Territory(name="Unbounded"))
    place = {"name": "Hall", "address": "Street 1", "time_zone": "Europe/Helsinki"}

    async def lies(longitude: float, **more: Any) -> UUID | None:
        async with world.unit() as work:
            values = {**place, "location": (longitude, 60.2), **more}
            return (await sites.create(work, world.customer_id, values)).territory_id

    assert await lies(24.95) == rows[1].id
    assert await lies(25.2) == rows[2].id
    assert await lies(25.89) == rows[0].id
    assert await lies(26.0) is None
    assert await lies(24.95, territory_id=rows[0].id) == rows[0].id
    assert len(await world.all(Site)) == 5


async def test_a_technician_does_none_of_this(world: World) -> None:
    ada = await world.technician("Ada")
    shift = await shift_of(world, ada)
    with pytest.raises(NotFound):
        async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
            await staffing.cancel_shift(work, shift.id)
    assert (await shift_of(world, ada)).version == 1
