"""Visits that others wait for, and crews around lunch: what a search by single visits would not find."""

from optimizer.judge import score
from optimizer.problem import Break, Dependency, Problem
from optimizer.search import solve
from optimizer.validator import validate
from tests.optimizer.problems import HOUR, problem, technician, visit


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


def test_a_crew_starts_after_the_lunch_of_one_of_them() -> None:
    # Ben comes at 1:30 and eats at 2:00 sharp: an hour's work fits only behind that, while Ada could at once.
    lunch = Break(2 * HOUR, 2 * HOUR, HOUR // 2)
    ben = technician("Ben", shift_start=3 * HOUR // 2, lunch=lunch)
    given = problem([technician("Ada"), ben], [visit("a", 0, crew=({},), unassigned_penalty=90_000)])

    plan = solve(given, seconds=None, iterations=1)

    starts = {route.technician: [stop.start for stop in route.stops] for route in plan.routes}
    assert starts == {"Ada": [5 * HOUR // 2], "Ben": [5 * HOUR // 2]}
    assert validate(given, plan) == ()
