"""The validator: a second opinion that agrees with the judge, fast."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.judge import violations
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.validator import validate
from tests.optimizer.drawn import Drawn, spoiled


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_both_accept_a_plan_that_keeps_every_rule_with_little_to_spare(seed: int) -> None:
    drawn = Drawn(seed)
    drawn.problem.check()

    assert list(violations(drawn.problem, drawn.plan)) == []
    assert validate(drawn.problem, drawn.plan) == ()


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 10**6), changes=st.integers(1, 3))
def test_both_agree_on_a_plan_that_has_been_changed(seed: int, changes: int) -> None:
    drawn, draw = Drawn(seed), np.random.default_rng(seed + 1)
    plan = drawn.plan
    for _ in range(changes):
        plan = spoiled(plan, draw)

    found, proven = list(violations(drawn.problem, plan)), validate(drawn.problem, plan)

    assert bool(found) == bool(proven), (found, proven)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_problem_and_plan_survive_their_texts_to_the_byte(seed: int) -> None:
    drawn = Drawn(seed)

    problem, plan = Problem.from_json(drawn.problem.to_json()), Plan.from_json(drawn.plan.to_json())

    assert problem.to_json() == drawn.problem.to_json()
    assert plan == drawn.plan
    assert plan.to_json() == drawn.plan.to_json()
    assert (problem.visits, problem.technicians) == (drawn.problem.visits, drawn.problem.technicians)
    assert (problem.depots, problem.dependencies) == (drawn.problem.depots, drawn.problem.dependencies)
