"""Warm starts: from any plan, whatever is wrong with it, the search comes to a valid plan."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.judge import score
from optimizer.plan import Objective, Plan, Route, Stop
from optimizer.problem import Planned, Problem
from optimizer.search import solve
from optimizer.validator import validate
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit

Breaking = Callable[[Problem, Plan], Plan]


def backwards(_: Problem, plan: Plan) -> Plan:
    return replace(plan, routes=tuple(replace(route, stops=route.stops[::-1]) for route in plan.routes))


def doubled(_: Problem, plan: Plan) -> Plan:
    return replace(plan, routes=plan.routes + plan.routes[::-1])


def all_with_the_first(problem: Problem, _: Plan) -> Plan:
    return of_keys({problem.technicians[0].key: [row.key for row in problem.visits]})


def all_with_each(problem: Problem, _: Plan) -> Plan:
    return of_keys({row.key: [each.key for each in problem.visits] for row in problem.technicians})


def with_strangers(_: Problem, plan: Plan) -> Plan:
    routes = tuple(replace(row, stops=(stop_of("nobody knows it"), *row.stops)) for row in plan.routes)
    return replace(plan, routes=(*routes, Route("a stranger", (stop_of("v1"), stop_of("v2")))))


def shifted(_: Problem, plan: Plan) -> Plan:
    names = [route.technician for route in plan.routes]
    moved = zip(plan.routes, names[1:] + names[:1], strict=True)
    return replace(plan, routes=tuple(replace(route, technician=name) for route, name in moved))


def of_another_day(problem: Problem, _: Plan) -> Plan:
    other = random_problem(997, technicians=len(problem.technicians), visits=2 * len(problem.visits))
    return solve(other, seconds=None, iterations=10)


def empty(_: Problem, __: Plan) -> Plan:
    return of_keys({})


def twice_in_a_route(_: Problem, plan: Plan) -> Plan:
    return replace(plan, routes=tuple(replace(row, stops=row.stops + row.stops) for row in plan.routes))


def stop_of(key: str) -> Stop:
    return Stop(key, 0, 0, 0, 0)


def of_keys(routes: dict[str, list[str]]) -> Plan:
    """A plan without a right time in it."""
    rows = tuple(Route(name, tuple(stop_of(key) for key in keys)) for name, keys in routes.items())
    return Plan(rows, (), Objective(0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "broken",
    [
        backwards,
        doubled,
        twice_in_a_route,
        all_with_the_first,
        all_with_each,
        with_strangers,
        shifted,
        of_another_day,
        empty,
    ],
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_search_starts_from_any_plan(broken: Breaking, seed: int) -> None:
    given = random_problem(seed, technicians=3, visits=12)
    plan = solve(given, seconds=None, iterations=10)

    after = solve(given, seconds=None, iterations=10, warm=broken(given, plan))

    assert validate(given, after) == ()
    assert score(given, after) == after.objective


@pytest.mark.parametrize("chains", [1, 2])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_search_goes_on_where_another_ended(chains: int, seed: int) -> None:
    given = random_problem(seed, technicians=4, visits=16, begun=False)
    before = solve(given, seconds=None, iterations=30, seed=1)

    after = solve(given, seconds=None, iterations=30, seed=2, warm=before, chains=chains)

    # A pinned visit is put in whatever it costs; the search holds it dearer than its penalty says.
    pinned = {row.key for row in given.visits if row.pin}
    if not pinned & {row.visit for row in before.unassigned}:
        assert after.objective.total <= before.objective.total


def test_a_plan_of_yesterdays_visits_gives_what_both_days_have() -> None:
    # b is gone, c is new; a stays first with Ada although Bob could do it as well.
    yesterday = of_keys({"Ada": ["a", "b"], "Bob": ["d"]})
    given = problem(
        [technician("Ada"), technician("Bob")],
        [visit("a", 1, planned=Planned("Ada", 600)), visit("c", 2), visit("d", 3)],
    )

    plan = solve(given, seconds=None, iterations=0, warm=yesterday)

    assert plan.technicians()["a"] == "Ada"
    assert plan.technicians()["d"] == "Bob"
    assert set(plan.technicians()) == {"a", "c", "d"}
    assert validate(given, plan) == ()


def test_stops_that_no_longer_fit_are_put_in_elsewhere() -> None:
    # Eight hours hold seven visits of an hour and the ways; the plan has ten with Ada.
    keys = [str(number) for number in range(10)]
    given = problem([technician("Ada"), technician("Bob")], [visit(key, 1) for key in keys])

    plan = solve(given, seconds=None, iterations=0, warm=of_keys({"Ada": keys}))

    assert validate(given, plan) == ()
    assert [stop.visit for stop in plan.routes[0].stops] == keys[:7]
    assert {stop.visit for stop in plan.routes[1].stops} == set(keys[7:])
    assert plan.routes[0].end == 600 + 7 * HOUR + 600


def test_what_a_warm_plan_leaves_out_displaces_cheaper_visits_before_the_search() -> None:
    # Only Ada has gas, and her day is full: b goes to Bob.
    day = 2 * HOUR + 1200
    given = problem(
        [technician("Ada", shift_end=day, skills={"gas": 1}), technician("Bob", shift_end=day)],
        [
            visit("a", 1, skills={"gas": 1}),
            visit("b", 1),
            visit("c", 1, skills={"gas": 1}, unassigned_penalty=60_000),
        ],
    )

    plan = solve(given, seconds=None, iterations=0, warm=of_keys({"Ada": ["a", "b"]}))

    assert plan.technicians() == {"a": "Ada", "b": "Bob", "c": "Ada"}
    assert plan.objective.total == 2_400
