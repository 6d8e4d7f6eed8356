"""Costs of visits: to the exact amount, of a crew, over pauses and the clock's change, without a rate."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlmodel import col, select

from domain import assignments, scheduling, tracking, visits
from domain.assignments import Member
from domain.errors import Refused
from domain.events import EventRow
from domain.organizations import Organization
from domain.reservations import Use, consume
from domain.stock import Part, StockLocation
from domain.technicians import AbsenceReason, Shift, Technician
from domain.viewers import Role
from domain.visits import Assignment, IncompleteReason, Visit, VisitCost, costs
from tests.domain.world import World, at

Amounts = tuple[str | None, str | None, str | None, str | None, str]


async def cost(world: World, visit: UUID) -> Amounts:
    """Labour, travel, parts, total and the currency, as they are kept."""
    (row,) = await world.all(VisitCost, visit_id=visit)
    amounts = (row.labour_cost, row.travel_cost, row.parts_cost, row.total_cost)
    labour, travel, parts, total = (None if one is None else str(one) for one in amounts)
    return labour, travel, parts, total, row.currency


async def change(world: World, table: type[Technician] | type[Part], key: UUID, **values: object) -> None:
    async with world.unit() as work:
        row = await work.get(table, key)
        for name, value in values.items():
            setattr(row, name, value)


async def go(world: World, visit: UUID, *, start: float, way_minutes: float) -> None:
    """Sent, on the way for so long, and at work at once."""
    world.now = at(start) - timedelta(minutes=way_minutes)
    await world.dispatch(visit)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
    world.now = at(start)
    async with world.unit() as work:
        await tracking.record_arrival(work, visit, occurred_at=None)
        await visits.start_work(work, visit)


async def end(world: World, visit: UUID, **given: object) -> None:
    async with world.unit() as work:
        await visits.complete(work, visit, **given)  # type: ignore[arg-type]  # a test's own words


async def test_a_visit_costs_its_work_its_way_and_its_parts(world: World) -> None:
    """1:07:10 at 30 is 33.58333…, 23 minutes on the way 11.50, three valves at 2.3456 and a nut at 0.1."""
    valve, nut = await world.part("Valve"), await world.part("Nut")
    await change(world, Part, valve, unit_cost=Decimal("2.3456"))
    await change(world, Part, nut, unit_cost=Decimal("0.1"))
    ada = await world.technician("Ada", van={valve: 5, nut: 5})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=23)
    world.now = at(10) + timedelta(hours=1, minutes=7, seconds=10)

    await end(world, visit, parts_used=[(valve, 3), (nut, 1)])

    assert await cost(world, visit) == ("33.5833", "11.5000", "7.1368", "52.2201", "EUR")
    await change(world, Technician, ada, hourly_cost=Decimal(99))
    await change(world, Part, valve, unit_cost=Decimal(99))
    assert await cost(world, visit) == ("33.5833", "11.5000", "7.1368", "52.2201", "EUR")


async def test_a_crew_costs_what_each_of_them_gave_to_it(world: World) -> None:
    """The lead works from 10 to 12 with a pause from 10:30 to 11; the helper joins at 10:15: 15 + 60 minutes.

    A second helper, who never came, costs nothing.
    """
    ada, ben, eve = [await world.technician(name) for name in ("Ada", "Ben", "Eve")]
    await change(world, Technician, ben, hourly_cost=Decimal("20.0001"))
    visit = await world.visit(await world.work_type(hours=2))
    await world.schedule(visit, ada, 10)
    async with world.unit() as work:
        for helper in (ben, eve):
            await assignments.assign(work, visit, Member(technician_id=helper))
    await go(world, visit, start=10, way_minutes=20)
    async with world.unit() as work:
        await visits.start_travel(work, visit, technician_id=ben)
    world.now = at(10.25)
    async with world.unit() as work:
        await tracking.record_arrival(work, visit, occurred_at=None, technician_id=ben)
        await visits.start_work(work, visit, technician_id=ben)
    for hour, step in ((10.5, "pause"), (11, "resume")):
        world.now = at(hour)
        async with world.unit() as work:
            await (
                visits.pause(work, visit, reason="Lunch") if step == "pause" else visits.resume(work, visit)
            )
    world.now = at(12)

    await end(world, visit)

    rows = {row.technician_id: row.worked_seconds for row in await world.all(Assignment, visit_id=visit)}
    assert rows == {ada: 5400, ben: 4500, eve: 0}
    # 1.5 h at 30, 1.25 h at 20.0001 = 25.000125; on the way 20 minutes at 30 and 15 at 20.0001 = 5.000025.
    assert await cost(world, visit) == ("70.0001", "15.0000", "0.0000", "85.0001", "EUR")


async def test_who_had_to_leave_in_the_midst_of_it_has_worked_until_then(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type(hours=2))
    await world.schedule(visit, ada, 10)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben))
    await go(world, visit, start=10, way_minutes=0)
    async with world.unit() as work:
        await tracking.record_arrival(work, visit, occurred_at=None, technician_id=ben)
        await visits.start_work(work, visit, technician_id=ben)
    world.now = at(10.5)
    async with world.unit() as work:
        await scheduling.absent(work, ben, (at(10), at(16)), reason=AbsenceReason.SICK)
    world.now = at(11)

    await end(world, visit)

    assert (await cost(world, visit))[0] == "45.0000"  # an hour and half an hour at 30


async def test_the_clocks_change_is_no_time_at_work(world: World) -> None:
    """From 02:30 to 04:30 in Helsinki on the last Sunday of October are three hours, one of them a pause."""
    begins = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    ada = await world.technician("Ada", shift=None)
    await world.keep(Shift(technician_id=ada, starts_at=begins, ends_at=begins + timedelta(hours=8)))
    visit = await world.visit(await world.work_type(hours=3))
    world.now = begins - timedelta(hours=1)
    async with world.unit() as work:
        placement = scheduling.Placement(technician_id=ada, start=begins)
        await scheduling.schedule(work, visit, placement)
    await world.dispatch(visit)
    world.now = begins
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
        await visits.start_work(work, visit)
    for minutes, step in ((75, "pause"), (135, "resume")):
        world.now = begins + timedelta(minutes=minutes)
        async with world.unit() as work:
            await (visits.pause(work, visit, reason="Tea") if step == "pause" else visits.resume(work, visit))
    world.now = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)

    await end(world, visit)

    assert (await world.read(Visit, visit)).worked_seconds == 2 * 3600
    assert (await cost(world, visit))[:2] == ("60.0000", "0.0000")


@pytest.mark.parametrize("way", ["no rate", "another currency"])
async def test_what_a_part_costs_may_not_be_known(world: World, way: str) -> None:
    """Then neither are the parts nor the total: never 0, never half of it."""
    valve, nut = await world.part("Valve"), await world.part("Nut")
    await change(world, Part, nut, unit_cost=Decimal(1))
    if way == "another currency":
        await change(world, Part, valve, unit_cost=Decimal(1), currency="SEK")
    ada = await world.technician("Ada", van={valve: 5, nut: 5})
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=10)
    world.now = at(11)

    await end(world, visit, parts_used=[(valve, 1), (nut, 1)])

    assert await cost(world, visit) == ("30.0000", "5.0000", None, None, "EUR")


async def test_a_rate_in_another_currency_is_none(world: World) -> None:
    """The organization has gone over to crowns; who is paid in euros has no rate until somebody says so."""
    ada = await world.technician("Ada")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=10)
    async with world.unit() as work:
        organization = await work.session.get(Organization, world.organization_id)
        assert organization is not None
        organization.currency = "SEK"
    world.now = at(11)

    await end(world, visit)

    assert await cost(world, visit) == (None, None, "0.0000", None, "SEK")


async def test_a_way_that_nobody_began_is_as_it_was_planned_or_unknown(world: World) -> None:
    ada = await world.technician("Ada")
    kind = await world.work_type()
    planned, unplanned = await world.visit(kind), await world.visit(kind)
    for visit, hour, seconds in ((planned, 9, 600), (unplanned, 11, None)):
        await world.schedule(visit, ada, hour)
        await world.dispatch(visit)
        world.now = at(hour)
        async with world.unit() as work:
            (await work.get(Visit, visit)).planned_travel_seconds = seconds
            await tracking.record_arrival(work, visit, occurred_at=None)
            await visits.start_work(work, visit)
        world.now = at(hour + 1)
        await end(world, visit)

    assert await cost(world, planned) == ("30.0000", "5.0000", "0.0000", "35.0000", "EUR")
    assert await cost(world, unplanned) == ("30.0000", None, "0.0000", None, "EUR")


async def test_no_access_costs_the_way_and_what_is_left_undone_the_work_so_far(world: World) -> None:
    ada = await world.technician("Ada")
    kind = await world.work_type()
    door, rest, sick = [await world.visit(kind) for _ in range(3)]
    await world.schedule(door, ada, 9)
    await world.schedule(rest, ada, 10)
    await world.schedule(sick, ada, 13)
    world.now = at(8.75)
    await world.dispatch(door)
    async with world.unit() as work:
        await visits.start_travel(work, door)
    world.now = at(9)
    async with world.unit() as work:
        await tracking.record_arrival(work, door, occurred_at=None)
        await visits.mark_no_access(work, door, reason="Nobody is in")
    await go(world, rest, start=10, way_minutes=30)
    world.now = at(10.5)
    async with world.unit() as work:
        await visits.pause(work, rest, reason="The part")
    world.now = at(12)
    async with world.unit() as work:
        _, again = await visits.mark_incomplete(work, rest, reason=IncompleteReason.PARTS)
    await go(world, sick, start=13, way_minutes=12)
    world.now = at(13.25)
    async with world.unit() as work:
        await scheduling.absent(work, ada, (at(13), at(16)), reason=AbsenceReason.SICK)

    assert await cost(world, door) == ("0.0000", "7.5000", "0.0000", "7.5000", "EUR")
    assert await cost(world, rest) == ("15.0000", "15.0000", "0.0000", "30.0000", "EUR")
    assert await cost(world, sick) == ("7.5000", "6.0000", "0.0000", "13.5000", "EUR")
    assert await world.all(VisitCost, visit_id=again.id) == []


async def test_pieces_that_are_told_afterwards_are_added(world: World) -> None:
    valve = await world.part("Valve")
    await change(world, Part, valve, unit_cost=Decimal("2.5"))
    ada = await world.technician("Ada", van={valve: 5})
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=10)
    world.now = at(11)
    await end(world, visit, parts_used=[(valve, 1)])
    await change(world, Part, valve, unit_cost=Decimal(3))

    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await consume(work, visit, Use(part_id=valve, quantity=2))

    assert await cost(world, visit) == ("30.0000", "5.0000", "8.5000", "43.5000", "EUR")
    await change(world, Part, valve, unit_cost=None)
    async with world.unit() as work:
        await consume(work, visit, Use(part_id=valve, quantity=1))
    assert await cost(world, visit) == ("30.0000", "5.0000", None, None, "EUR")


async def test_a_technician_ends_a_visit_and_does_not_see_what_it_cost(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben))
    await go(world, visit, start=10, way_minutes=10)
    world.now = at(11)

    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await visits.complete(work, visit)
        assert (await work.session.exec(select(VisitCost))).all() == []

    assert await cost(world, visit) == ("30.0000", "5.0000", "0.0000", "35.0000", "EUR")
    for role, rows in ((Role.DISPATCHER, 0), (Role.SALES, 1), (Role.MANAGER, 1)):
        async with world.unit(role) as work:
            assert len((await work.session.exec(select(VisitCost))).all()) == rows, role


async def test_the_end_is_told_to_whoever_goes_on_from_it_without_its_cost(world: World) -> None:
    """What a CRM needs for the next step is in the event: for whom, where, what came of it, how long."""
    ada = await world.technician("Ada")
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=10)
    world.now = at(11)
    await end(world, visit)

    async with world.unit() as work:
        statement = select(EventRow).where(col(EventRow.type) == "VisitCompleted")
        (event,) = (await work.session.exec(statement)).all()
    row = await world.read(Visit, visit)
    assert event.payload == {
        "before": event.payload["before"],
        "technician_id": str(ada),
        "outcome": "COMPLETED",
        "customer_id": str(world.customer_id),
        "site_id": str(row.site_id),
        "work_order_id": str(row.work_order_id),
        "follow_up_of_id": None,
        "started_at": at(10).isoformat(),
        "ended_at": at(11).isoformat(),
        "worked_seconds": 3600,
        "state": "COMPLETED",
    }
    assert event.scope_after["customers"] == [str(world.customer_id)]


async def test_a_refused_end_costs_nothing(world: World) -> None:
    valve = await world.part("Valve")
    ada = await world.technician("Ada", van={valve: 1})
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    await go(world, visit, start=10, way_minutes=10)

    with pytest.raises(Refused):
        await end(world, visit, parts_used=[(valve, 9)])

    assert await world.all(VisitCost) == []
    assert (await world.read(Visit, visit)).state == "IN_PROGRESS"
    assert [row.kind for row in await world.all(StockLocation)] == ["VAN"]


RATES = some.none() | some.decimals(0, 10_000, places=4)
SECONDS = some.none() | some.integers(0, 90_000)
Spent = list[tuple[int | None, Decimal | None]]


@given(some.lists(some.tuples(SECONDS, RATES), max_size=20))
def test_hours_are_rounded_once_and_only_when_all_is_known(
    spent: list[tuple[int | None, Decimal | None]],
) -> None:
    """Against whole numbers: ten-thousandths of a currency unit times seconds, rounded half up by hand."""
    found = costs.hours(spent)

    counted = [(seconds, rate) for seconds, rate in spent if seconds != 0]
    if any(seconds is None or rate is None for seconds, rate in counted):
        assert found is None
        return
    whole = sum((seconds or 0) * int((rate or 0) * 10_000) for seconds, rate in counted)
    assert found == Decimal((2 * whole + 3600) // 7200).scaleb(-4)
