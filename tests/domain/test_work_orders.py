"""Work orders: the state that follows from the visits, the numbers, and what a move may be."""

import asyncio
from itertools import product

import pytest

from domain import ids, work_orders
from domain.errors import InvalidTransition
from domain.visits import VisitState
from domain.work_orders import OPEN, TRANSITIONS, WorkOrder, WorkOrderState, derived_state
from tests.domain.world import World

OPEN_VISITS = {"SCHEDULED", "DISPATCHED"}
UNDER_WAY = {"EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED"}


@pytest.mark.parametrize(
    ("visits", "state"),
    [
        ([], "READY"),
        (["UNSCHEDULED"], "READY"),
        (["SCHEDULED"], "SCHEDULED"),
        (["DISPATCHED"], "SCHEDULED"),
        (["EN_ROUTE"], "IN_PROGRESS"),
        (["ARRIVED"], "IN_PROGRESS"),
        (["IN_PROGRESS"], "IN_PROGRESS"),
        (["PAUSED"], "IN_PROGRESS"),
        (["COMPLETED"], "COMPLETED"),
        (["INCOMPLETE"], "READY"),
        (["NO_ACCESS"], "READY"),
        (["CANCELLED"], "READY"),
        (["INCOMPLETE", "UNSCHEDULED"], "READY"),
        (["INCOMPLETE", "SCHEDULED"], "SCHEDULED"),
        (["INCOMPLETE", "COMPLETED"], "COMPLETED"),
        (["INCOMPLETE", "CANCELLED"], "READY"),
        (["COMPLETED", "CANCELLED"], "COMPLETED"),
        (["COMPLETED", "UNSCHEDULED"], "READY"),
        (["UNSCHEDULED", "COMPLETED"], "READY"),
        (["SCHEDULED", "COMPLETED"], "SCHEDULED"),
        (["EN_ROUTE", "SCHEDULED"], "IN_PROGRESS"),
    ],
)
def test_a_state_follows_from_the_visits(visits: list[str], state: str) -> None:
    assert derived_state(visits) == state


def test_no_order_is_completed_while_a_visit_is_open() -> None:
    for pair in product([state.value for state in VisitState], repeat=2):
        state = derived_state(pair)
        if UNDER_WAY & set(pair):
            assert state == "IN_PROGRESS", pair
        elif OPEN_VISITS & set(pair):
            assert state == "SCHEDULED", pair
        elif "UNSCHEDULED" in pair:
            assert state == "READY", pair
        else:
            assert state in {"READY", "COMPLETED"}, pair


def test_every_derived_state_may_follow_every_other() -> None:
    for start, end in product(work_orders.DERIVED, repeat=2):
        assert ((start, end) in TRANSITIONS) == (start != end)


def test_a_closed_or_cancelled_order_never_moves_again() -> None:
    assert {start for start, _ in TRANSITIONS} & {"CLOSED", "CANCELLED"} == set()
    assert {start for start, end in TRANSITIONS if end == "ON_HOLD"} == OPEN - {"ON_HOLD"}
    assert {start for start, end in TRANSITIONS if end == "CANCELLED"} == {
        "NEW",
        "PENDING_APPROVAL",
        "READY",
        "SCHEDULED",
        "ON_HOLD",
    }


def order_of(number: str, state: str) -> WorkOrder:
    """One that is not in the database, and need not be."""
    return WorkOrder(
        number=number,
        title="Repair",
        state=WorkOrderState(state),
        customer_id=ids.new(),
        site_id=ids.new(),
        work_type_id=ids.new(),
    )


def test_an_illegal_move_is_refused_and_the_state_stays() -> None:
    order = order_of("WO-000001", "CLOSED")

    with pytest.raises(InvalidTransition, match="WO-000001 cannot go from CLOSED to READY"):
        order.move_to(WorkOrderState.READY)

    assert order.state == "CLOSED"


@pytest.mark.parametrize("state", ["ON_HOLD", "CLOSED", "CANCELLED", "NEW"])
async def test_a_state_that_a_person_set_is_not_derived_over(world: World, state: str) -> None:
    order = order_of("WO-1", state)
    async with world.unit() as work:
        await work_orders.settle(work, order, [])

        assert (order.state, work.events) == (state, [])


async def test_numbers_are_given_out_one_at_a_time_without_a_gap(world: World) -> None:
    async def number() -> str:
        async with world.unit() as work:
            return await work_orders.next_number(work)

    async def give_up() -> None:
        async with world.unit() as work:
            await work_orders.next_number(work)
            raise InvalidTransition("given up")

    given = await asyncio.gather(*(number() for _ in range(10)))
    with pytest.raises(InvalidTransition):
        await give_up()
    given = [*given, await number()]

    assert sorted(given) == [f"WO-{value:06d}" for value in range(1, 12)]


async def test_an_order_is_found_by_its_number_in_its_own_company(world: World) -> None:
    other = await World.make(world.engine)
    for place in (world, other):
        await place.visit(await place.work_type())
    (own,) = await world.all(WorkOrder)

    async with world.unit() as work:
        found = await work_orders.by_number(work, "WO-000001")
        assert found is not None
        assert found.id == own.id
        assert await work_orders.by_number(work, "WO-000002") is None
