"""Reservations: parts are held, taken along, used and brought back, and every piece is accounted for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain import ids, reservations, stock_movements, visits
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.events import EventRow
from domain.reservations import Amount, Use, Wish
from domain.stock import Reservation, StockLevel, StockLocation, StockLocationKind, StockMovement
from domain.stock_movements import Change
from domain.tracking import record_arrival
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from domain.visits import IncompleteReason, VisitPart
from tests.domain.test_plans import counted
from tests.domain.world import World, at

Numbers = tuple[int, int, int | None]


async def hall(world: World, part: UUID, pieces: int, *, longitude: float | None = None) -> UUID:
    row = StockLocation(
        name=f"Hall {longitude}",
        kind=StockLocationKind.WAREHOUSE,
        longitude=longitude,
        latitude=None if longitude is None else 60.2,
    )
    await world.keep(row)
    if pieces:
        async with world.unit() as work:
            await stock_movements.receive(work, Change(location_id=row.id, part_id=part, quantity=pieces))
    return row.id


async def van(world: World, technician: UUID) -> UUID:
    (row,) = await world.all(StockLocation, technician_id=technician)
    return row.id


async def level(world: World, place: UUID, part: UUID) -> Numbers:
    (row,) = await world.all(StockLevel, stock_location_id=place, part_id=part)
    return row.on_hand, row.reserved, row.available


async def held(world: World, visit: UUID) -> list[tuple[str, int, UUID]]:
    """State, pieces and place of each hold, more pieces first."""
    rows = await world.all(Reservation, visit_id=visit)
    found = [(str(row.state), row.quantity, row.stock_location_id) for row in rows]
    return sorted(found, key=lambda hold: (-hold[1], hold[0], str(hold[2])))


async def ledger(world: World) -> list[tuple[str, int, UUID]]:
    rows = await world.all(StockMovement)
    return [(str(row.kind), row.quantity, row.stock_location_id) for row in rows if row.kind != "RECEIPT"]


async def asked(world: World, *, van_pieces: int = 2, need: int = 3) -> tuple[UUID, UUID, UUID]:
    """A visit that needs three valves, of which Ada's van has two; the part, the visit and Ada."""
    valve = await world.part("Valve")
    ada = await world.technician("Ada", van={valve: van_pieces})
    visit = await world.visit(await world.work_type(parts={valve: need}))
    await world.schedule(visit, ada, 9)
    return valve, visit, ada


async def begin(world: World, visit: UUID) -> None:
    world.now = at(9)
    await world.dispatch(visit)
    async with world.unit() as work:
        await record_arrival(work, visit, occurred_at=None)
    async with world.unit() as work:
        await visits.start_work(work, visit)


async def reserve(world: World, visit: UUID, **wish: Any) -> list[UUID]:
    async with world.unit() as work:
        return [hold.id for hold in await reservations.reserve(work, visit, Wish(**wish))]


async def refused(
    world: World, verb: Callable[[UnitOfWork], Awaitable[object]], role: Role = Role.ADMIN, **viewer: Any
) -> tuple[type[Refused], tuple[str, ...]]:
    with pytest.raises(Refused) as found:
        async with world.unit(role, **viewer) as work:
            await verb(work)
    return type(found.value), found.value.path


async def test_what_a_visit_lacks_comes_from_the_van_and_then_from_the_nearest_hall(world: World) -> None:
    valve, visit, ada = await asked(world)
    far = await hall(world, valve, 9, longitude=25.9)
    near = await hall(world, valve, 9, longitude=24.95)
    nowhere = await hall(world, valve, 9)

    await reserve(world, visit)
    assert await held(world, visit) == [("HELD", 2, await van(world, ada)), ("HELD", 1, near)]
    assert await reserve(world, visit) == []  # it lacks nothing any more

    with pytest.raises(Invalid, match="Only 26 of 27"):
        await reserve(world, visit, lines=[(valve, 27)])
    await reserve(world, visit, lines=[(valve, 27)], partial=True)
    places = [await van(world, ada), near, far, nowhere]
    assert [await level(world, place, valve) for place in places] == [(2, 2, 0)] + [(9, 9, 0)] * 3


async def test_of_what_never_lay_anywhere_nothing_is_held(world: World) -> None:
    valve = await world.part("Valve")
    await world.technician("Ada", van={})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    await hall(world, valve, 0)

    assert await reserve(world, visit, partial=True) == []
    with pytest.raises(Invalid, match="Only 0 of 2"):
        await reserve(world, visit)

    assert await world.all(Reservation) == []


async def test_scheduling_holds_only_what_is_not_held_already(world: World) -> None:
    """Somebody set a valve aside in the hall before the visit was anybody's."""
    valve = await world.part("Valve")
    ada = await world.technician("Ada", van={valve: 2})
    visit = await world.visit(await world.work_type(parts={valve: 2}))
    place = await hall(world, valve, 5)
    await reserve(world, visit, lines=[(valve, 1)])

    await world.schedule(visit, ada, 9)

    assert set(await held(world, visit)) == {("HELD", 1, place), ("HELD", 1, await van(world, ada))}


async def test_what_is_picked_is_in_the_van_and_what_is_returned_back_on_its_shelf(world: World) -> None:
    valve, visit, ada = await asked(world, van_pieces=0)
    place = await hall(world, valve, 5)
    (hold,) = await reserve(world, visit, location_id=place)
    own = await van(world, ada)

    async with world.unit() as work:
        picked, rest = await reservations.pick(work, hold, Amount(quantity=2))
    assert rest is not None
    assert (rest.id, rest.quantity, rest.state) == (hold, 1, "HELD")
    assert (picked.stock_location_id, picked.picked_from_id, picked.quantity) == (own, place, 2)
    assert (await level(world, place, valve), await level(world, own, valve)) == ((3, 1, 2), (2, 2, 0))
    assert sorted(await ledger(world)) == [("PICK", -2, place), ("PICK", 2, own)]

    async with world.unit() as work:
        returned, left = await reservations.give_back(work, picked.id, Amount(quantity=1))
    assert left is not None
    assert (left.id, left.state, returned.stock_location_id) == (picked.id, "PICKED", place)
    assert (await level(world, place, valve), await level(world, own, valve)) == ((4, 1, 3), (1, 1, 0))
    async with world.unit() as work:
        await reservations.give_back(work, picked.id, Amount(location_id=own))
    assert (await level(world, place, valve), await level(world, own, valve)) == ((4, 1, 3), (1, 0, 1))
    async with world.unit() as work:
        await reservations.release(work, hold, Amount())
    assert await level(world, place, valve) == (4, 0, 4)
    assert sorted(state for state, _, _ in await held(world, visit)) == ["RELEASED", "RETURNED", "RETURNED"]


async def test_a_visit_that_is_called_off_frees_what_was_taken_along_where_it_is(world: World) -> None:
    valve, visit, ada = await asked(world, van_pieces=0)
    place = await hall(world, valve, 5)
    (hold,) = await reserve(world, visit)
    async with world.unit() as work:
        await reservations.pick(work, hold, Amount())

    async with world.unit() as work:
        await visits.cancel(work, visit, reason="Not needed")

    own = await van(world, ada)
    assert await held(world, visit) == [("RELEASED", 3, own)]
    assert (await level(world, place, valve), await level(world, own, valve)) == ((2, 0, 2), (3, 0, 3))


async def test_parts_are_used_held_ones_first_and_free_ones_after_them(world: World) -> None:
    valve, visit, ada = await asked(world, van_pieces=5)
    own = await van(world, ada)
    assert await refused(
        world, lambda work: reservations.consume(work, visit, Use(part_id=valve, quantity=1))
    ) == (InvalidTransition, ("visit",))
    await begin(world, visit)

    for quantity, numbers in ((2, (3, 1, 2)), (2, (1, 0, 1))):
        async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
            await reservations.consume(work, visit, Use(part_id=valve, quantity=quantity))
        assert await level(world, own, valve) == numbers
    assert await held(world, visit) == [("CONSUMED", 2, own), ("CONSUMED", 1, own)]
    assert await ledger(world) == [("CONSUMPTION", -2, own), ("CONSUMPTION", -2, own)]
    two = Use(part_id=valve, quantity=2)
    assert await refused(world, lambda work: reservations.consume(work, visit, two)) == (
        Invalid,
        ("quantity",),
    )
    assert await level(world, own, valve) == (1, 0, 1)

    async with world.unit() as work:
        await visits.complete(work, visit)
        await work.flush()
        await reservations.consume(work, visit, Use(part_id=valve, quantity=1))  # what was forgotten
    assert await level(world, own, valve) == (0, 0, 0)


async def test_a_follow_up_needs_what_was_not_used(world: World) -> None:
    valve, seal = await world.part("Valve"), await world.part("Seal")
    ada = await world.technician("Ada", van={valve: 3, seal: 1})
    first = await world.visit(await world.work_type(parts={valve: 3, seal: 1}))
    await world.schedule(first, ada, 9)
    await begin(world, first)
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        for part, quantity in ((valve, 1), (seal, 1)):
            await reservations.consume(work, first, Use(part_id=part, quantity=quantity))

    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        _, again = await visits.mark_incomplete(work, first, reason=IncompleteReason.TIME)

    needs = await world.all(VisitPart, visit_id=again.id)
    assert [(need.part_id, need.quantity) for need in needs] == [(valve, 2)]


async def test_each_step_is_told(world: World) -> None:
    valve, visit, _ = await asked(world, van_pieces=0)
    await hall(world, valve, 5)
    (hold,) = await reserve(world, visit)
    async with world.unit() as work:
        await reservations.pick(work, hold, Amount(quantity=1))
        await reservations.release(work, hold, Amount())

    told = select(EventRow).where(EventRow.topic == "reservation")
    statement = told.order_by(col(EventRow.xid), col(EventRow.n))
    async with world.unit() as work:
        rows = (await work.session.exec(statement)).all()
    assert [(row.type, row.payload["state"], row.payload["quantity"]) for row in rows] == [
        ("PartsReserved", "HELD", 3),
        ("PartsPicked", "PICKED", 1),
        ("ReservationReleased", "RELEASED", 2),
    ]


async def test_what_is_wrong_stale_or_too_late_is_refused_and_changes_nothing(world: World) -> None:
    valve, visit, ada = await asked(world, van_pieces=3)
    (hold,) = [row.id for row in await world.all(Reservation)]
    place = await hall(world, valve, 5)
    over = await world.visit(await world.work_type())
    async with world.unit() as work:
        await visits.cancel(work, over, reason="Not needed")
    before = await held(world, visit)
    cases: list[tuple[Callable[[UnitOfWork], Awaitable[object]], type[Refused], str]] = [
        (lambda work: reservations.reserve(work, ids.new(), Wish()), NotFound, "visit"),
        (lambda work: reservations.reserve(work, over, Wish()), InvalidTransition, "visit"),
        (lambda work: reservations.reserve(work, visit, Wish(lines=[(valve, 0)])), Invalid, "parts"),
        (lambda work: reservations.reserve(work, visit, Wish(lines=[(ids.new(), 1)])), NotFound, "parts"),
        (lambda work: reservations.reserve(work, visit, Wish(lines=[(valve, 6)])), Invalid, "parts"),
        (lambda work: reservations.pick(work, ids.new(), Amount()), NotFound, "reservation"),
        (lambda work: reservations.pick(work, hold, Amount(quantity=0)), Invalid, "quantity"),
        (lambda work: reservations.pick(work, hold, Amount(quantity=4)), Invalid, "quantity"),
        (lambda work: reservations.pick(work, hold, Amount(expected_version=9)), Conflict, "expectedVersion"),
        (lambda work: reservations.pick(work, hold, Amount(location_id=place)), Invalid, "stockLocation"),
        (lambda work: reservations.give_back(work, hold, Amount()), InvalidTransition, "reservation"),
        (lambda work: reservations.release(work, hold, Amount(quantity=-1)), Invalid, "quantity"),
    ]
    for verb, kind, path in cases:
        assert await refused(world, verb) == (kind, (path,))

    assert await held(world, visit) == before == [("HELD", 3, await van(world, ada))]
    assert await level(world, await van(world, ada), valve) == (3, 3, 0)


async def test_in_the_field_one_works_out_of_the_own_van_for_the_own_visits(world: World) -> None:
    """Ada may fetch what the office holds for her visit in the hall; Ben may not, nor hold there himself."""
    valve, visit, ada = await asked(world, van_pieces=0)
    ben = await world.technician("Ben", van={valve: 5})
    place = await hall(world, valve, 5)
    (hold,) = await reserve(world, visit, lines=[(valve, 2)])
    own, other = await van(world, ada), await van(world, ben)

    async def tried(verb: Callable[[UnitOfWork], Awaitable[object]], who: UUID) -> object:
        return await refused(world, verb, Role.TECHNICIAN, technician_id=who)

    assert await tried(lambda work: reservations.pick(work, hold, Amount()), ben) == (
        NotFound,
        ("reservation",),
    )
    assert await tried(lambda work: reservations.reserve(work, visit, Wish()), ben) == (NotFound, ("visit",))
    for wish, kind in ((Wish(location_id=place), Invalid), (Wish(location_id=other), NotFound)):
        assert await tried(lambda work, wish=wish: reservations.reserve(work, visit, wish), ada) == (  # type: ignore[misc]  # bound now
            kind,
            ("stockLocation",),
        )
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await reservations.pick(work, hold, Amount())
    assert await held(world, visit) == [("PICKED", 2, own)]
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await reservations.give_back(work, hold, Amount())
    assert (await level(world, place, valve), await level(world, own, valve)) == ((5, 0, 5), (0, 0, 0))


async def test_fifty_at_one_part_hold_exactly_what_there_is(world: World) -> None:
    """Fifty connections with ten tries each, for fifty visits, at two hundred pieces in one hall."""
    valve = await world.part("Valve")
    place = await hall(world, valve, 200)
    kind = await world.work_type()
    wanted = [await world.visit(kind) for _ in range(50)]
    held_ones, refusals = [], []

    async def take(visit: UUID) -> None:
        for _ in range(10):
            try:
                await reserve(world, visit, lines=[(valve, 1)], location_id=place)
                held_ones.append(visit)
            except Invalid:
                refusals.append(visit)

    await asyncio.gather(*(take(visit) for visit in wanted))

    assert (len(held_ones), len(refusals)) == (200, 300)
    assert await level(world, place, valve) == (200, 200, 0)
    assert sum(row.quantity for row in await world.all(Reservation)) == 200


async def test_who_takes_several_parts_in_any_order_waits_and_never_in_a_circle(world: World) -> None:
    """Levels are locked in one order: forty units over six parts, each naming them in its own way."""
    parts = [await world.part(f"Part {number}") for number in range(6)]
    ada = await world.technician("Ada", van=dict.fromkeys(parts, 40))
    own, kind = await van(world, ada), await world.work_type()
    wanted = [await world.visit(kind) for _ in range(40)]

    async def take(number: int, visit: UUID) -> None:
        turned = parts[number % 6 :] + parts[: number % 6]
        lines = [(part, 1) for part in (turned if number % 2 else reversed(turned))]
        await reserve(world, visit, lines=lines, location_id=own)

    await asyncio.gather(*(take(number, visit) for number, visit in enumerate(wanted)))

    assert [await level(world, own, part) for part in parts] == [(40, 40, 0)] * 6


async def test_many_parts_cost_no_more_statements_than_one(world: World) -> None:
    """Rows are added one by one in the driver's batches; what is read and locked does not grow."""
    parts = [await world.part(f"Part {number}") for number in range(8)]
    ada = await world.technician("Ada", van=dict.fromkeys(parts, 9))
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 9)

    async def statements(wanted: list[UUID]) -> int:
        with counted(world.engine) as sent:
            await reserve(world, visit, lines=[(part, 1) for part in wanted])
        return len([one for one in sent if not one.startswith(("INSERT INTO reservation", "UPDATE"))])

    assert await statements(parts[:1]) == await statements(parts) <= 12
