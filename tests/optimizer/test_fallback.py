"""The fallback: with every feature a plan that breaks no rule; what it can say it plans as it should."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import engines, fallback
from optimizer.judge import score, violations
from optimizer.plan import Plan, ReasonCode
from optimizer.problem import Absence, Break, Dependency, Planned, Policy, Problem, Technician, Visit, Window
from tests.optimizer.drawn import Drawn
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit

CHECKOUT = Path(__file__).parents[2]


def solved(day: Problem, **budget: int) -> Plan:
    plan = fallback.solve(day, seconds=None, iterations=budget.get("iterations", 400))
    assert list(violations(day, plan)) == []
    assert score(day, plan) == plan.objective
    return plan


def starts(plan: Plan) -> dict[str, int]:
    return {stop.visit: stop.start for route in plan.routes for stop in route.stops}


@pytest.mark.parametrize("seed", range(8))
def test_a_day_that_stands_is_not_torn_apart(seed: int) -> None:
    day = random_problem(seed, technicians=4, visits=24, begun=False)
    # A route that is timed anew starts as early as it can: that is no part of what is asked here.
    day = replace(day, policy=replace(day.policy, change_start_price=0))
    before = fallback.solve(day, seconds=None, iterations=2_000)
    where = {
        stop.visit: Planned(route.technician, stop.start) for route in before.routes for stop in route.stops
    }
    visits = tuple(replace(row, planned=where.get(row.key), pin=None) for row in day.visits)
    standing = replace(day, visits=visits)

    # Without time to route anything.
    after = fallback.solve(standing, seconds=0.001)

    assert list(violations(standing, after)) == []
    assert after.objective.total <= score(standing, before).total


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), technicians=st.integers(1, 4), visits=st.integers(1, 10))
def test_no_plan_is_broken(seed: int, technicians: int, visits: int) -> None:
    plan = solved(random_problem(seed, technicians=technicians, visits=visits))

    assert all(row.reasons for row in plan.unassigned)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_plan_of_a_day_with_everything_in_it_is_broken(seed: int) -> None:
    solved(Drawn(seed).problem, iterations=100)


TWO = [
    technician("Ada"),
    technician("Ben", skills={"gas": 2}, stock={"valve": 1}, tools=frozenset({"crane"})),
]
LATE = {"Ben": 5_000}
FEATURES: dict[str, tuple[Visit, dict[str, int]]] = {
    "skill": (visit(skills={"gas": 2}), {"Ben": 600}),
    "part": (visit(parts={"valve": 1}), {"Ben": 600}),
    "tool": (visit(tools=frozenset({"crane"})), {"Ben": 600}),
    "forbidden": (visit(forbidden=frozenset({"Ben"})), {"Ada": 600}),
    "preferred": (visit(preferred=frozenset({"Ben"})), {"Ben": 600}),
    "second window": (visit(windows=(Window(0, 500), Window(5_000, 6_000)), skills={"gas": 1}), LATE),
    "missing skill": (visit(skills={"gas": 3}), {}),
    "missing part": (visit(parts={"valve": 2}), {}),
    "crew": (visit(crew=({},)), {}),
    "too late": (visit(windows=(Window(0, 599),)), {}),
}  # fmt: skip  # a table


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_is_planned_or_left_out(feature: str) -> None:
    row, expected = FEATURES[feature]
    day = problem(TWO, [row], policy=Policy(not_preferred_price=500))

    plan = solved(day)

    assert {route.technician: stop.start for route in plan.routes for stop in route.stops} == expected


def test_lunch_absence_and_longest_day_are_kept() -> None:
    crew: list[Technician] = [
        technician("Ada", lunch=Break(3 * HOUR, 5 * HOUR, 1_800), absences=(Absence(6 * HOUR, 7 * HOUR),)),
        technician("Ben", lunch=Break(3 * HOUR, 5 * HOUR, 1_800), longest_seconds=3 * HOUR),
    ]
    day = problem(crew, [visit(f"v{place}", place, service_seconds=4_000) for place in range(1, 9)])

    plan = solved(day, iterations=4_000)

    assert len(starts(plan)) >= 5
    ada, ben = plan.routes
    assert ada.lunch_start is not None
    assert (ben.end or 0) - (ben.leave or 0) <= 3 * HOUR


def test_dependent_visits_follow_each_other() -> None:
    tie = Dependency(first="a", second="b", gap_seconds=900)
    day = problem(TWO, [visit("a"), visit("b", skills={"gas": 1})], dependencies=(tie,))

    found = starts(solved(day))

    assert found["b"] >= found["a"] + HOUR + 900


def test_a_warm_plan_is_never_made_worse_and_is_told_at_the_end() -> None:
    day = random_problem(5, technicians=3, visits=10, begun=False)
    before = solved(day, iterations=2_000)
    told: list[Plan] = []

    after = fallback.solve(day, seconds=None, iterations=1, warm=before, on_improvement=told.append)

    assert after.objective.total <= before.objective.total
    assert told[-1] == after


def test_a_stop_ends_it_with_a_plan_that_holds() -> None:
    day = random_problem(7, technicians=3, visits=12, begun=False)

    plan = fallback.solve(day, seconds=60, stop=lambda: True)

    assert list(violations(day, plan)) == []


def test_a_day_without_technicians_leaves_everything_out() -> None:
    day = problem([], [visit()])

    plan = fallback.solve(day, seconds=1)

    assert [row.reasons[0].code for row in plan.unassigned] == [ReasonCode.OFF_SHIFT]


def test_it_wants_a_budget_and_a_sound_problem() -> None:
    day = problem([technician()], [visit()])

    with pytest.raises(ValueError, match="needs a budget"):
        fallback.solve(day, seconds=None)
    with pytest.raises(ValueError, match="outside the 2 of the matrix"):
        fallback.solve(replace(day, visits=(visit(location=7),)), seconds=1)


def test_the_engine_is_chosen_by_name_and_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    day = problem([technician()], [visit()])

    assert engines.chosen() == "own"
    assert engines.solve(day, engine="ortools", seconds=None, iterations=50).objective.total == 1_200
    assert engines.solve(day, seconds=None, iterations=50).objective.total == 1_200

    monkeypatch.setattr(engines, "find_spec", lambda _name: None)
    assert engines.chosen() == "ortools"


def test_without_numba_a_worker_plans_with_the_fallback() -> None:
    # given a process in which numba cannot be imported
    code = """
import sys
sys.modules["numba"] = None
import fieldgraph.worker
from optimizer import engines, validator
from optimizer.problem import Problem
problem = Problem.from_json(sys.stdin.read())
engines.warm_up()
plan = engines.solve(problem, seconds=0.2)
assert validator.validate(problem, plan) == ()
print(engines.chosen(), plan.objective.total, "optimizer.search" in sys.modules)
"""
    day = problem([technician()], [visit()])

    ran = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code],
        input=day.to_json(),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout == "ortools 1200 False\n"
