"""Joint starts: as good as every start, position and technician tried by brute force."""

from dataclasses import replace

import pytest

from optimizer.exact import solve_small
from optimizer.joint import place_group, retime
from optimizer.judge import score, violations
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem
from tests.optimizer.gridded import Orders, all_orders, best_of, may_serve, placements
from tests.optimizer.gridded_problems import gridded_problem


def ordered(given: Problem, orders: Orders) -> Plan:
    """A plan that says the orders alone; its times are nothing yet."""
    placed = {number for order in orders for number, _ in order}
    routes = tuple(
        Route(row.key, tuple(Stop(given.visits[number].key, 0, 0, 0, 0, seat) for number, seat in order))
        for row, order in zip(given.technicians, orders, strict=True)
    )
    out = tuple(Unassigned(row.key) for number, row in enumerate(given.visits) if number not in placed)
    return Plan(routes, out, Objective(0, 0, 0, 0, 0, 0))


def orders_of(given: Problem, plan: Plan) -> Orders:
    """Who serves what in which order."""
    places = {row.key: number for number, row in enumerate(given.visits)}
    return tuple(tuple((places[stop.visit], stop.seat) for stop in route.stops) for route in plan.routes)


def crewed(seed: int) -> Problem:
    """A random day without depots whose first visit needs two."""
    given = gridded_problem(seed)
    first = replace(given.visits[0], crew=({},))
    return replace(given, visits=(first, *given.visits[1:]), depots=())


def fit(given: Problem, orders: Orders) -> bool:
    """Whether everybody may take the seats, the crewed visit is in, and both have something to do."""
    pairs = zip(given.technicians, orders, strict=True)
    return (
        all(orders)
        and any(number == 0 for number, _ in orders[0])
        and all(
            may_serve(given, row, given.visits[number], seat)
            for row, order in pairs
            for number, seat in order
        )
    )


@pytest.mark.parametrize("seed", range(40))
def test_starts_are_the_best_that_the_orders_allow(seed: int) -> None:
    given = crewed(seed)
    for orders in sorted(orders for orders in all_orders(given) if fit(given, orders))[seed % 3 :: 5]:
        least = best_of(given, orders)

        found = retime(given, ordered(given, orders))

        assert (found is None) == (least is None), orders
        if found is not None and least is not None:
            assert list(violations(given, found)) == []
            assert orders_of(given, found) == orders
            assert found.objective == score(given, found)
            assert found.objective.total == least[1]


@pytest.mark.parametrize("seed", range(60))
def test_a_visit_goes_to_the_best_place_of_all(seed: int) -> None:
    given = gridded_problem(seed, visits=4)
    given = replace(given, depots=())
    closed = replace(given.visits[0], forbidden=frozenset({"t0", "t1"}), pin=None)
    before = solve_small(replace(given, visits=(closed, *given.visits[1:])), seconds=20.0)
    assert before is not None
    start = orders_of(given, before.plan)
    options = [best_of(given, orders) for orders in placements(given, start, 0)]
    least = min((price for price in options if price is not None), default=None)
    stays = best_of(given, start)
    assert stays is not None

    found = place_group(given, before.plan, "v0")

    if least is None or least > stays:
        assert found is None
    elif found is None:
        assert least == stays
    else:
        assert list(violations(given, found)) == []
        assert found.objective.total == least[1]
        assert [key for key in found.technicians() if key != "v0"] == [
            key for key in found.technicians() if key in before.plan.technicians()
        ]
        assert found.to_json() == (place_group(given, before.plan, "v0") or found).to_json()
