"""CP-SAT: proofs on small days that no search beats."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.exact import solve_small
from optimizer.judge import score, violations
from optimizer.plan import Objective, Stop
from optimizer.problem import Break, Planned, Window
from optimizer.search import solve
from optimizer.validator import validate
from tests.optimizer.gridded import best
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), visits=st.integers(1, 5))
def test_no_search_beats_a_proof_and_a_long_one_meets_it(seed: int, visits: int) -> None:
    given = random_problem(seed, technicians=2, visits=visits, begun=False)
    # Starts that may wait on purpose are the solver's alone: without their price both seek the same.
    given = replace(given, policy=replace(given.policy, change_start_price=0, hold_planned_starts=False))
    given = replace(given, visits=tuple(replace(row, pin=None) for row in given.visits))

    answer = solve_small(given, seconds=20.0)
    found = solve(given, seconds=None, iterations=300)

    assert answer is not None
    plan = answer.plan
    assert answer.proven
    assert validate(given, plan) == ()
    assert score(given, plan) == plan.objective
    assert plan.objective.total <= found.objective.total


def test_a_small_day_is_solved_to_its_known_optimum() -> None:
    given = problem(
        [technician(lunch=Break(2 * HOUR, 3 * HOUR, 1800), shift_end=4 * HOUR)],
        [
            visit("a", 1),
            visit("b", 2, windows=(Window(HOUR, 2 * HOUR),)),
            visit("c", 3, unassigned_penalty=900),
        ],
    )

    answer = solve_small(given, seconds=10.0)

    assert answer is not None
    plan = answer.plan
    assert answer.proven
    assert [stop.visit for stop in plan.routes[0].stops] in (["a", "b"], ["b", "a"])
    assert plan.objective.total == 2400 + 900
    assert solve(given, seconds=None, iterations=100).objective.total == 3300


def test_what_is_too_big_or_has_begun_is_not_for_it() -> None:
    many = random_problem(1, technicians=3, visits=13, begun=False)
    crowd = random_problem(1, technicians=4, visits=3, begun=False)
    begun = problem([technician(fixed=("a",))], [visit("a")])

    assert solve_small(many, seconds=1.0) is None
    assert solve_small(crowd, seconds=1.0) is None
    assert solve_small(begun, seconds=1.0) is None


def test_nothing_to_do_is_proven() -> None:
    answer = solve_small(problem([technician()], []), seconds=1.0)

    assert answer is not None
    assert (answer.objective, answer.bound, answer.proven) == (0, 0, True)


@pytest.mark.parametrize("seed", range(240))
def test_the_proof_is_the_least_of_all_orders_and_starts(seed: int) -> None:
    given = gridded_problem(seed)

    answer = solve_small(given, seconds=20.0)

    assert answer is not None
    assert (answer.objective, answer.bound, answer.proven) == (best(given), answer.objective, True)
    assert list(violations(given, answer.plan)) == []
    assert validate(given, answer.plan) == ()
    assert score(given, answer.plan) == answer.plan.objective


def test_the_same_day_gives_the_same_bytes() -> None:
    given = gridded_problem(3, visits=4)

    first, second = (solve_small(given, seconds=20.0) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.plan.to_json() == second.plan.to_json()


def test_without_time_the_bound_still_holds() -> None:
    given = random_problem(5, technicians=3, visits=12, begun=False)

    hasty, patient = (solve_small(given, seconds=seconds) for seconds in (0.3, 6.0))

    assert patient is not None
    assert patient.bound <= patient.objective
    if hasty is not None:
        assert hasty.bound <= patient.objective
        assert hasty.proven or hasty.bound <= hasty.objective


def test_visits_that_have_begun_are_facts() -> None:
    given = problem(
        [technician(fixed=("a",), hourly_price=3600)],
        [
            visit("a", 1, planned=Planned("Ada", 1200), windows=(Window(0, 60),)),
            visit("b", 2, due=HOUR, lateness_weight=1),
        ],
        earliest_start=2 * HOUR,
    )

    answer = solve_small(given, seconds=10.0)

    assert answer is not None
    route = answer.plan.routes[0]
    # The visit ended at 1,200 + 3,600 s; the next way may begin now, at 7,200 s.
    assert route.stops[0] == Stop("a", 600, 1200, 1200, 4800)
    assert route.stops[1] == Stop("b", 600, 7800, 7800, 11400)
    assert (route.leave, route.end) == (600, 12600)
    assert answer.plan.objective == Objective(
        total=2400 + 4200 + 12000,
        travel_seconds=2400,
        lateness=4200,
        overtime=0,
        unassigned_penalty=0,
        changes=0,
        labour=12000,
    )
    assert (answer.bound, answer.proven) == (answer.objective, True)


def test_a_lone_pair_leaves_late_for_its_crewed_visit() -> None:
    given = problem(
        [technician("Ada", hourly_price=3600), technician("Bob", start_location=2, hourly_price=3600)],
        [visit("a", 1, crew=({},), windows=(Window(2 * HOUR, 3 * HOUR),)), visit("b", 2)],
    )

    answer = solve_small(given, seconds=10.0)

    assert answer is not None
    starts = {stop.start for route in answer.plan.routes for stop in route.stops if stop.visit == "a"}
    assert starts == {2 * HOUR}
    by_key = {route.technician: route for route in answer.plan.routes}
    assert by_key["Ada"].leave == 2 * HOUR - 600
    assert [stop.visit for stop in by_key["Bob"].stops] == ["b", "a"]
    assert by_key["Bob"].leave == HOUR - 600


def test_travel_by_time_of_day_is_not_for_it() -> None:
    given = problem([technician()], [visit("a", 1)])
    slices = np.stack([given.travel_seconds, 2 * given.travel_seconds])

    assert solve_small(replace(given, travel_seconds=slices, travel_slices=(0, HOUR)), seconds=1.0) is None
