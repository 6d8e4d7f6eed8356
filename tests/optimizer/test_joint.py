"""Joint starts: as good as every start, position and technician tried by brute force."""

from dataclasses import replace

import pytest

from optimizer.exact import solve_small
from optimizer.joint import place_group, retime
from optimizer.judge import score, violations
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Dependency, Depot, Planned, Problem, Window
from tests.optimizer.gridded import Orders, all_orders, best_of, may_serve, placements
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.problems import HOUR, line, problem, technician, visit


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


def lone(given: Problem) -> Plan:
    """The best plan of a small day by proof."""
    answer = solve_small(given, seconds=10.0)
    assert answer is not None
    assert answer.proven
    return answer.plan


def test_three_meet_at_the_first_start_that_all_can_keep() -> None:
    staff = [technician(key, start_location=place) for key, place in (("Ada", 0), ("Bob", 1), ("Cyd", 3))]
    crewed = visit("a", 2, crew=({}, {"gas": 2}), due=0, lateness_weight=1)
    given = problem(
        [*staff[:2], replace(staff[2], end_location=3, skills={"gas": 2}, shift_start=HOUR)],
        [crewed, visit("b", 3)],
    )
    before = ordered(given, ((), (), ((1, 0),)))
    timed = lone(replace(given, visits=(replace(crewed, forbidden=frozenset({"Ada"})), given.visits[1])))
    assert before.unassigned == timed.unassigned == (Unassigned("a"),)

    found = place_group(given, timed, "a")

    assert found is not None
    stops = {
        route.technician: next(stop for stop in route.stops if stop.visit == "a") for route in found.routes
    }
    # Cyd is free at 3,600 s and 600 s away; "b" comes after it.
    assert {stop.start for stop in stops.values()} == {HOUR + 600}
    assert stops["Cyd"].seat == 2
    assert sorted(stop.seat for stop in stops.values()) == [0, 1, 2]
    assert list(violations(given, found)) == []


def test_a_dependent_visit_waits_on_another_route_and_moves_what_follows() -> None:
    given = problem(
        [technician("Ada"), technician("Bob")],
        [visit("a", 1), visit("b", 1), visit("c", 2, windows=(Window(0, 4 * HOUR),))],
        dependencies=(Dependency(first="a", second="b", gap_seconds=1800),),
    )
    rough = ordered(given, (((0, 0),), ((1, 0), (2, 0))))

    found = retime(given, rough)

    assert found is not None
    starts = {stop.visit: stop.start for route in found.routes for stop in route.stops}
    assert starts == {"a": 600, "b": 600 + HOUR + 1800, "c": 600 + 2 * HOUR + 1800 + 600}
    # A limit on the gap that the way to "a" and its window do not leave room for: no starts at all.
    late = replace(given.visits[1], windows=(Window(5 * HOUR, 6 * HOUR),))
    tight = replace(
        given,
        visits=(replace(given.visits[0], windows=(Window(0, HOUR),)), late, given.visits[2]),
        dependencies=(Dependency(first="a", second="b", longest_gap_seconds=HOUR),),
    )
    assert retime(tight, rough) is None


def test_what_depends_on_a_visit_that_is_out_stays_out() -> None:
    given = problem(
        [technician("Ada")], [visit("a", 1), visit("b", 1)], dependencies=(Dependency(first="a", second="b"),)
    )
    empty = ordered(given, ((),))

    assert place_group(given, empty, "b") is None
    first = place_group(given, empty, "a")
    assert first is not None
    both = place_group(given, first, "b")
    assert both is not None
    assert [stop.visit for stop in both.routes[0].stops] == ["a", "b"]
    assert both.unassigned == ()


def test_a_crew_meets_on_one_day() -> None:
    day = 24 * HOUR
    staff = [
        technician("Ada 1", start_location=1),
        technician("Bob 1", start_location=1, skills={"gas": 1}),
        technician("Ada 2", start_location=0, shift_start=day, shift_end=day + 8 * HOUR),
        technician("Bob 2", start_location=2, shift_start=day, shift_end=day + 8 * HOUR, skills={"gas": 1}),
    ]
    late = Window(day, day + HOUR)
    given = problem(
        staff,
        [visit("a", 1, crew=({"gas": 1},), windows=(late,))],
        day_starts=(0, day),
        travel_seconds=line(0, 600, 1200),
    )

    found = place_group(given, ordered(given, ((), (), (), ())), "a", nearest=1)

    assert found is not None
    assert {route.technician: route.stops[0].start for route in found.routes if route.stops} == {
        "Ada 2": day + 600,
        "Bob 2": day + 600,
    }


def test_facts_and_routes_without_coupled_visits_are_left_alone() -> None:
    given = problem(
        [technician("Ada", fixed=("f",)), technician("Bob"), technician("Cyd")],
        [visit("f", 1, planned=Planned("Ada", 600)), visit("a", 2, crew=({},)), visit("c", 1)],
        earliest_start=900,
    )
    alone = Route("Cyd", (Stop("c", 600, 2100, 2400, 6000),), None, 600, 6600, leave=1500)
    head = Stop("f", 600, 600, 600, 4200)
    rough = replace(
        ordered(given, (((0, 0), (1, 0)), ((1, 1),), ())),
        routes=(
            Route("Ada", (head, Stop("a", 0, 0, 0, 0)), leave=0),
            Route("Bob", (Stop("a", 0, 0, 0, 0, 1),)),
            alone,
        ),
    )

    found = retime(given, rough)

    assert found is not None
    assert found.routes[2] == alone
    assert found.routes[0].stops == (head, Stop("a", 600, 4800, 4800, 8400))
    assert found.routes[1].stops == (Stop("a", 1200, 2100, 4800, 8400, 1),)
    assert place_group(given, found, "f") is None


def test_a_restock_is_kept_and_one_is_made_where_the_van_lacks_the_part() -> None:
    given = problem(
        [technician("Ada"), technician("Bob")],
        [visit("a", 1, crew=({},), parts={"valve": 2}), visit("b", 2)],
        depots=(Depot(key="store", location=2, service_seconds=300, stock={"valve": 2}),),
    )

    found = place_group(
        given,
        lone(
            replace(given, visits=(replace(given.visits[0], forbidden=frozenset({"Ada"})), given.visits[1]))
        ),
        "a",
    )

    assert found is not None
    lead = next(
        route for route in found.routes if any(stop.visit == "a" and stop.seat == 0 for stop in route.stops)
    )
    assert lead.restock is not None
    assert (lead.restock.depot, dict(lead.restock.parts)) == ("store", {"valve": 2})
    again = retime(given, found)
    assert again is not None
    assert again.to_json() == found.to_json()
    assert (
        place_group(replace(given, depots=(replace(given.depots[0], stock={"valve": 1}),)), found, "a")
        is None
    )


def test_a_place_that_costs_as_much_as_the_penalty_is_none() -> None:
    given = problem(
        [technician("Ada"), technician("Bob")], [visit("a", 1, crew=({},), unassigned_penalty=2400)]
    )
    empty = ordered(given, ((), ()))

    dearer = replace(given, visits=(replace(given.visits[0], unassigned_penalty=2401),))

    assert (
        place_group(replace(given, visits=(replace(given.visits[0], unassigned_penalty=2399),)), empty, "a")
        is None
    )
    found = place_group(dearer, empty, "a")
    assert found is not None
    assert found.objective.total == 2400
