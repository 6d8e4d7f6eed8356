"""Problems and plans as text."""

from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.search import solve
from tests.optimizer.problems import random_problem


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
