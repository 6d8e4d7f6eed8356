"""Facts: what has begun or been dispatched is refused by no rule, neither by judge nor by validator."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from optimizer.judge import violations
from optimizer.plan import Plan, Restock
from optimizer.problem import Absence, Dependency, Depot, Planned, Problem, Window
from optimizer.validator import validate
from tests.optimizer.plans import ALONE, A, one, plan, route, stop
from tests.optimizer.problems import problem, technician, visit


def begun_before_anybody_can_have_left() -> tuple[Problem, Plan]:
    """It began at 100, though the way there takes 600 s and the shift starts at 0."""
    given = one({"fixed": ("a",), "shift_end": 0}, planned=Planned("Ada", 100), windows=(Window(900, 901),))
    begun = stop("a", 600, 100)
    return replace(given, earliest_start=100), plan(route("Ada", begun, leave=0))


def begun_by_whom_it_may_not_be_given_to() -> tuple[Problem, Plan]:
    fields: dict[str, Any] = {"skills": {"gas": 1}, "forbidden": frozenset({"Ada"}), "parts": {"valve": 1}}
    ada: dict[str, Any] = {
        "fixed": ("a",),
        "most_visits": 0,
        "longest_seconds": 0,
        "absences": (Absence(0, 9999),),
    }
    return one(ada, planned=Planned("Ada", 600), **fields), ALONE


def begun_by_a_part_of_a_crew() -> tuple[Problem, Plan]:
    given = one({"fixed": ("a",)}, planned=Planned("Ada", 600), crew=({"gas": 1}, {}))
    return given, ALONE


def begun_by_a_crew() -> tuple[Problem, Plan]:
    rows = [technician(fixed=("a",)), technician("Bob", fixed=("a",))]
    given = problem(rows, [visit(planned=Planned("Ada", 600), crew=({"gas": 1},))])
    return given, plan(route("Ada", A), route("Bob", replace(A, seat=1)))


def begun_before_what_it_waits_for() -> tuple[Problem, Plan]:
    given = problem([technician(fixed=("b",))], [visit("a"), visit("b", planned=Planned("Ada", 600))])
    given = replace(given, dependencies=(Dependency(first="a", second="b"),))
    return given, plan(route("Ada", stop("b", 600, 600)), out=("a",))


def parts_that_a_fact_owes_the_van_are_made_good() -> tuple[Problem, Plan]:
    given = replace(
        problem(
            [technician(fixed=("a",))],
            [visit(parts={"valve": 1}, planned=Planned("Ada", 600)), visit("b", parts={"valve": 1})],
        ),
        depots=(Depot(key="hub", location=1),),
    )
    restock = Restock("hub", 1, 0, 4200, 4200, {"valve": 2})
    return given, plan(route("Ada", A, stop("b", 0, 4200), restock=restock))


@pytest.mark.parametrize(
    "strange",
    [
        begun_before_anybody_can_have_left,
        begun_by_whom_it_may_not_be_given_to,
        begun_by_a_part_of_a_crew,
        begun_by_a_crew,
        begun_before_what_it_waits_for,
        parts_that_a_fact_owes_the_van_are_made_good,
    ],
    ids=lambda value: value.__name__,
)
def test_a_fact_is_never_refused(strange: Callable[[], tuple[Problem, Plan]]) -> None:
    given, right = strange()
    given.check()

    assert list(violations(given, right)) == []
    assert validate(given, right) == ()
