"""Problems and plans as text, and malformed problems refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from optimizer.plan import Plan
from optimizer.problem import Break, Planned, Problem, Window
from optimizer.search import solve
from tests.optimizer.problems import problem, random_problem, technician, visit


def test_a_problem_survives_its_text() -> None:
    given = random_problem(7, technicians=3, visits=8)

    again = Problem.from_json(given.to_json())

    assert again.to_json() == given.to_json()
    assert again.technicians == given.technicians
    assert again.visits == given.visits
    assert again.policy == given.policy
    assert (again.travel_seconds == given.travel_seconds).all()


def test_a_plan_survives_its_text() -> None:
    plan = solve(random_problem(3, technicians=2, visits=9), seconds=None, iterations=20)

    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"travel_seconds": np.zeros((2, 3), np.int32)}, "the shape (2, 3)"),
        ({"travel_seconds": np.full((2, 2), -1, np.int32)}, "negative time"),
        ({"visits": (visit(), visit())}, "two visits share the key a"),
        ({"visits": (visit(location=2),)}, "visit a is at location 2, outside the 2"),
        ({"visits": (visit(windows=(Window(5, 4),)),)}, "visit a has a window that ends before it starts"),
        ({"visits": (visit(priority=0),)}, "visit a has the priority 0"),
        ({"visits": (visit(pin="TIME"),)}, "visit a is pinned but nothing is planned"),
        ({"visits": (visit(pin="DAY", planned=Planned("Ada", 0)),)}, "visit a has the pin DAY"),
        ({"technicians": (technician(fixed=("b",)),)}, "has the fixed visit b, which is not in the problem"),
        ({"technicians": (technician(shift_end=-1),)}, "technician Ada ends the shift at -1"),
        ({"technicians": (technician(lunch=Break(9, 8, 60)),)}, "has a lunch without room"),
    ],
)
def test_a_malformed_problem_is_refused_with_a_sentence(fields: dict[str, object], sentence: str) -> None:
    good = problem([technician()], [visit()])
    good.check()

    with pytest.raises(ValueError, match=re.escape(sentence)):
        replace(good, **fields).check()  # type: ignore[arg-type]  # fields of a Problem by name
