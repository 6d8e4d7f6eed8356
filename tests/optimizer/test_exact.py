"""CP-SAT: proofs on small days that no search beats."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.exact import solve_small
from optimizer.judge import score
from optimizer.problem import Break, Window
from optimizer.search import solve
from optimizer.validator import validate
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
    plan, proven = answer
    assert proven
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
    plan, proven = answer
    assert proven
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
    assert (answer[0].objective.total, answer[1]) == (0, True)
