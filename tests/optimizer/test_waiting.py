"""Visits that others wait for, and crews around lunch: what a search by single visits would not find."""

from dataclasses import replace
from typing import Any

import pytest

from optimizer.encoding import encode
from optimizer.judge import score
from optimizer.model import WORTH
from optimizer.problem import Break, Dependency, Problem, Window
from optimizer.search import solve
from optimizer.validator import validate
from tests.optimizer.problems import HOUR, line, problem, technician, visit


def chain(*penalties: int) -> Problem:
    """Visits of which each waits for the one before; the first is 1,800 s away, the others beside it."""
    rows = [
        visit(name, 3, unassigned_penalty=penalty) for name, penalty in zip("abc", penalties, strict=True)
    ]
    links = (Dependency(first="a", second="b"), Dependency(first="b", second="c"))
    return problem([technician()], rows, dependencies=links)


def test_a_cheap_visit_is_planned_for_the_dear_one_that_waits_for_it() -> None:
    given = chain(100, 200, 90_000)

    plan = solve(given, seconds=None, iterations=1)

    assert [stop.visit for route in plan.routes for stop in route.stops] == ["a", "b", "c"]
    assert plan.objective.total == 3_600  # there and back
    assert (validate(given, plan), score(given, plan)) == ((), plan.objective)


def test_what_all_of_them_are_not_worth_stays_out() -> None:
    given = chain(100, 200, 3_000)

    plan = solve(given, seconds=None, iterations=50)

    assert {row.visit for row in plan.unassigned} == {"a", "b", "c"}
    assert plan.objective.total == 3_300


def test_nobody_serves_at_a_loss_for_one_that_cannot_follow() -> None:
    # The second fits nowhere behind the first: its window is over before that could end.
    rows = [
        visit("a", 3, unassigned_penalty=10),
        visit("b", 0, unassigned_penalty=90_000, windows=(Window(0, 60),)),
        *(visit(f"near{place}", 0, unassigned_penalty=5_000) for place in range(4)),
    ]
    given = problem([technician()], rows, dependencies=(Dependency(first="a", second="b"),))

    plan = solve(given, seconds=None, iterations=300)

    assert {row.visit for row in plan.unassigned} == {"a", "b"}
    assert plan.objective.total == 90_010


@pytest.mark.parametrize("fields", [{"skills": {"gas": 1}}, {"forbidden": frozenset({"Ada"})}])
def test_one_whom_nobody_may_serve_makes_nobody_else_worth_more(fields: dict[str, Any]) -> None:
    rows = [visit("a", 3, unassigned_penalty=10), visit("b", 3, unassigned_penalty=90_000, **fields)]
    given = problem([technician()], rows, dependencies=(Dependency(first="a", second="b"),))

    assert encode(given).model.work[:, WORTH].tolist() == [10, 90_000]


def test_a_day_of_one_visit_goes_on_from_a_plan() -> None:
    ada, ben = technician("Ada", start_location=2, end_location=2), technician("Ben")
    given = problem([ada, ben], [visit("a")], travel_seconds=line(0, 600, 1800))
    worse = solve(replace(given, technicians=(ada,)), seconds=None, iterations=1)
    assert worse.objective.total == 2_400

    plan = solve(given, seconds=None, iterations=50, warm=worse)

    assert plan.objective.total == 1_200
    assert {route.technician for route in plan.routes if route.stops} == {"Ben"}


def test_a_crew_starts_after_the_lunch_of_one_of_them() -> None:
    # Ben comes at 1:30 and eats at 2:00 sharp: an hour's work fits only behind that, while Ada could at once.
    lunch = Break(2 * HOUR, 2 * HOUR, HOUR // 2)
    ben = technician("Ben", shift_start=3 * HOUR // 2, lunch=lunch)
    given = problem([technician("Ada"), ben], [visit("a", 0, crew=({},), unassigned_penalty=90_000)])

    plan = solve(given, seconds=None, iterations=1)

    starts = {route.technician: [stop.start for stop in route.stops] for route in plan.routes}
    assert starts == {"Ada": [5 * HOUR // 2], "Ben": [5 * HOUR // 2]}
    assert validate(given, plan) == ()
