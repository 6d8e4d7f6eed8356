"""Small days with everything in them: what the search finds beside the proven optimum."""

from statistics import mean

import pytest

from optimizer.exact import solve_small
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.search import solve
from tests.optimizer.gridded import best
from tests.optimizer.gridded_problems import gridded_problem

SEEDS = range(40)
UNSEEN = range(1000, 1140)
"""Days that the search was not tuned on."""


def weight(given: Problem, plan: Plan) -> tuple[int, int]:
    """Pinned visits that are out, then the price: what the optimum is least in."""
    pinned = {row.key for row in given.visits if row.pin is not None}
    return sum(row.visit in pinned for row in plan.unassigned), plan.objective.total


@pytest.mark.parametrize(("seeds", "dearer"), [(SEEDS, 0.005), (UNSEEN, 0.01)])
def test_the_search_finds_nine_in_ten_optima_and_is_never_below_one(seeds: range, dearer: float) -> None:
    found: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for seed in seeds:
        given = gridded_problem(seed, visits=5)
        optimum = solve_small(given, seconds=20)
        assert optimum is not None
        assert optimum.proven
        plan = solve(given, seconds=None, iterations=150, seed=seed)
        found.append((weight(given, plan), weight(given, optimum.plan)))

    assert all(searched >= proven for searched, proven in found)
    assert sum(searched == proven for searched, proven in found) >= 0.9 * len(seeds)
    assert mean(searched[1] / proven[1] - 1 for searched, proven in found) <= dearer


def test_the_search_finds_the_optimum_of_the_brute_force() -> None:
    prices: list[tuple[int, int]] = []
    for seed in range(100, 120):
        given = gridded_problem(seed)
        prices.append((solve(given, seconds=None, iterations=100, seed=seed).objective.total, best(given)))

    assert sum(searched == least for searched, least in prices) >= 18
