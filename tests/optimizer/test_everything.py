"""Everything at once: whatever is in a day, the plan of a search keeps every rule at the judge's price."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.annealing import anneal
from optimizer.chains import best_plan, construct_all, start_chain
from optimizer.changes import BEST_PRICE, keep_best
from optimizer.encoding import encode
from optimizer.judge import score
from optimizer.loading import load
from optimizer.model import PINNED_EXTRA
from optimizer.plan import Plan, Stop
from optimizer.problem import Planned, Problem
from optimizer.search import solve
from optimizer.timetable import read_plan
from optimizer.validator import validate
from tests.optimizer.drawn import Drawn
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.problems import HOUR, problem, technician, visit

ONCE_WRONG = (147, 163, 165, 272, 292, 355, 373, 589, 626, 694, 723, 799, 888, 893, 895, 916)
"""Drawn days for which the search once gave plans that broke rules."""


def weighed(given: Problem, plan: Plan) -> int:
    """What the search weighs: the price, and far more for each pinned visit that is out."""
    pinned = {row.key for row in given.visits if row.pin is not None}
    return plan.objective.total + PINNED_EXTRA * sum(row.visit in pinned for row in plan.unassigned)


def nobody_sent(given: Problem) -> Plan:
    """The plan of the facts alone."""
    encoded = encode(given)
    return read_plan(encoded, load(encoded, None))


def assert_sound(given: Problem, plan: Plan) -> None:
    assert validate(given, plan) == ()
    assert score(given, plan) == plan.objective
    assert weighed(given, plan) <= weighed(given, nobody_sent(given))


@pytest.mark.parametrize("seed", [*range(60), *ONCE_WRONG])
def test_a_search_on_a_drawn_day_gives_a_sound_plan(seed: int) -> None:
    given = Drawn(seed).problem

    assert_sound(given, solve(given, seconds=None, iterations=200, seed=seed))


@pytest.mark.parametrize("seed", range(40))
def test_a_search_on_a_random_day_gives_a_sound_plan(seed: int) -> None:
    given = gridded_problem(seed, visits=6)

    assert_sound(given, solve(given, seconds=None, iterations=200, seed=seed))


@pytest.mark.parametrize("seed", range(40))
def test_a_search_from_a_drawn_plan_is_sound_and_no_dearer(seed: int) -> None:
    drawn = Drawn(seed)
    given = without_longest(drawn.problem)
    warm = replace(drawn.plan, objective=score(given, drawn.plan))

    plan = solve(given, seconds=None, iterations=50, warm=warm)

    assert_sound(given, plan)
    assert len(plan.unassigned) <= len(warm.unassigned)


def without_longest(given: Problem) -> Problem:
    """No limit between leaving and the end: around absences and by time of day the search leaves at once."""
    return replace(given, technicians=tuple(replace(row, longest_seconds=None) for row in given.technicians))


def test_loading_keeps_a_valid_plan_whole() -> None:
    for seed in range(200):
        drawn = Drawn(seed)
        given = without_longest(drawn.problem)
        encoded = encode(given)

        plan = read_plan(encoded, load(encoded, drawn.plan))

        assert score(given, plan) == plan.objective
        assert [stops(route.stops) for route in plan.routes] == [
            stops(row.stops) for row in drawn.plan.routes
        ]
        if len(given.travel_slices) == 1:
            # By time of day who starts earlier may drive for longer.
            assert plan.objective.total <= score(given, drawn.plan).total


def stops(row: tuple[Stop, ...]) -> list[tuple[str, int]]:
    return [(stop.visit, stop.seat) for stop in row]


@pytest.mark.parametrize("seed", [1, 2, 5, 9, 14, 38])
def test_the_price_of_a_chains_best_is_the_judges_over_thousands_of_changes(seed: int) -> None:
    given = gridded_problem(seed, visits=9)
    encoded = encode(given)
    chain = start_chain(encoded, load(encoded, None), seed=seed)
    construct_all(encoded, chain, lambda: True)
    keep_best(encoded.model, chain)

    for _ in range(20):
        anneal(encoded.model, chain, 100, np.array([0.0, 2_000.0, 4_000.0, 400.0]))
        plan = best_plan(encoded, chain)

        assert score(given, plan) == plan.objective
        assert chain.counters[BEST_PRICE] == weighed(given, plan)


@pytest.mark.parametrize("chains", [1, 2])
def test_equal_seeds_give_equal_bytes_with_everything_in_the_day(chains: int) -> None:
    for seed in (4, 7, 53, 161):
        given = Drawn(seed).problem
        first, second = (
            solve(given, seconds=None, iterations=150, seed=seed, chains=chains).to_json() for _ in range(2)
        )

        assert first == second


def test_a_crew_that_has_been_sent_stands_at_each_head_in_its_own_seat() -> None:
    given = problem(
        [technician("Ada", fixed=("a",)), technician("Bob", fixed=("a",))],
        [visit("a", 1, crew=({},), planned=Planned("Bob", 600), due=300, lateness_weight=2), visit("b", 2)],
        earliest_start=HOUR,
    )

    plan = solve(given, seconds=None, iterations=30)

    assert [[(stop.visit, stop.seat, stop.start) for stop in row.stops[:1]] for row in plan.routes] == [
        [("a", 1, 600)],
        [("a", 0, 600)],
    ]
    # The lead alone is late and keeps what was planned.
    assert (plan.objective.lateness, plan.objective.changes) == (600, 0)
    assert validate(given, plan) == ()
    assert score(given, plan) == plan.objective
