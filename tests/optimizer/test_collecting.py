"""Visits at a price: routes that only several of them repay are found, and the true prices decide."""

import pytest

from optimizer import collecting, judge, search
from optimizer.efforts import Effort
from optimizer.plan import Plan
from optimizer.problem import Problem
from tests.optimizer.problems import problem, technician, visit

OWN = Effort(engine=search.solve, seconds=None, iterations=1_000)


def cluster(penalty: int) -> Problem:
    """Six visits an hour and a half away from home, all at one place."""
    return problem([technician()], [visit(name, 9, unassigned_penalty=penalty) for name in "abcdef"])


def test_several_visits_repay_the_route_that_none_would_open() -> None:
    day = cluster(4_000)
    alone = search.solve(day, seconds=None, iterations=1_000)
    told: list[int] = []

    found = collecting.solve(day, OWN, on_improvement=lambda plan: told.append(plan.objective.total))

    # 5,400 s there and back are more than one visit is worth; in eight hours there are five, and one is out.
    assert (len(alone.unassigned), alone.objective.total) == (6, 24_000)
    assert (len(found.unassigned), found.objective.total) == (1, 2 * 5_400 + 4_000)
    assert found.objective == judge.score(day, found)
    assert (told, told[-1]) == (sorted(set(told), reverse=True), found.objective.total)


def test_what_no_route_repays_stays_out() -> None:
    found = collecting.solve(cluster(2_000), OWN)

    # Five of them would save 10,000 s for a way of 10,800 s.
    assert (len(found.unassigned), found.objective.total) == (6, 12_000)
    assert all(row.reasons for row in found.unassigned)


def test_equal_searches_give_equal_bytes_and_a_warm_one_goes_on() -> None:
    day = cluster(4_000)
    first, second = (collecting.solve(day, OWN) for _ in range(2))

    warm = collecting.solve(day, OWN, warm=first)

    assert first.to_json() == second.to_json()
    assert warm.objective.total == first.objective.total


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_a_stopped_search_keeps_what_it_has(seconds: float) -> None:
    found = collecting.solve(cluster(4_000), Effort(engine=search.solve, seconds=seconds, stop=lambda: True))

    assert isinstance(found, Plan)
    assert list(judge.violations(cluster(4_000), found)) == []
