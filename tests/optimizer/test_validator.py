"""The validator: a second opinion that agrees with the judge, fast."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.judge import violations
from optimizer.plan import Objective, Plan, Restock, Route, Stop, Unassigned
from optimizer.problem import Problem
from optimizer.validator import validate
from tests.optimizer.drawn import Drawn, spoiled


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_both_accept_a_plan_that_keeps_every_rule_with_little_to_spare(seed: int) -> None:
    drawn = Drawn(seed)
    drawn.problem.check()

    assert list(violations(drawn.problem, drawn.plan)) == []
    assert validate(drawn.problem, drawn.plan) == ()


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 10**6), changes=st.integers(1, 3))
def test_both_agree_on_a_plan_that_has_been_changed(seed: int, changes: int) -> None:
    drawn, draw = Drawn(seed), np.random.default_rng(seed + 1)
    plan = drawn.plan
    for _ in range(changes):
        plan = spoiled(plan, draw)

    found, proven = list(violations(drawn.problem, plan)), validate(drawn.problem, plan)

    assert bool(found) == bool(proven), (found, proven)


KEYS = st.sampled_from(["v0", "v1", "v2", "t0", "t1", "hub", "out0", ""])
TIMES = st.one_of(st.integers(-5, 5000), st.integers(-(1 << 70), 1 << 70))
SEATS = st.integers(-1, 3)
STOPS = st.builds(Stop, visit=KEYS, travel_seconds=TIMES, arrive=TIMES, start=TIMES, end=TIMES, seat=SEATS)
RESTOCKS = st.builds(
    Restock,
    depot=KEYS,
    position=st.integers(-2, 5),
    travel_seconds=TIMES,
    arrive=TIMES,
    end=TIMES,
    parts=st.dictionaries(st.sampled_from(["valve", "pipe"]), TIMES),
    tools=st.lists(st.sampled_from(["pump", "saw"])).map(tuple),
)
ROUTES = st.builds(
    Route,
    technician=KEYS,
    stops=st.lists(STOPS, max_size=3).map(tuple),
    lunch_start=st.none() | TIMES,
    return_travel_seconds=TIMES,
    end=st.none() | TIMES,
    restock=st.none() | RESTOCKS,
    leave=st.none() | TIMES,
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1000),
    routes=st.lists(ROUTES, max_size=3),
    out=st.lists(st.builds(Unassigned, visit=KEYS), max_size=3),
)
def test_no_plan_however_wild_makes_them_stumble(
    seed: int, routes: list[Route], out: list[Unassigned]
) -> None:
    drawn = Drawn(seed)
    some = tuple(route for route in drawn.plan.routes[1:])
    plan = Plan((*routes, *some), (*out, *drawn.plan.unassigned), Objective(0, 0, 0, 0, 0, 0))

    found, proven = list(violations(drawn.problem, plan)), validate(drawn.problem, plan)

    assert bool(found) == bool(proven), (found, proven)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_problem_and_plan_survive_their_texts_to_the_byte(seed: int) -> None:
    drawn = Drawn(seed)

    problem, plan = Problem.from_json(drawn.problem.to_json()), Plan.from_json(drawn.plan.to_json())

    assert problem.to_json() == drawn.problem.to_json()
    assert plan == drawn.plan
    assert plan.to_json() == drawn.plan.to_json()
    assert (problem.visits, problem.technicians) == (drawn.problem.visits, drawn.problem.technicians)
    assert (problem.depots, problem.dependencies) == (drawn.problem.depots, drawn.problem.dependencies)
