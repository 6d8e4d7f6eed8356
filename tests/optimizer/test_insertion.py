"""Insertion: the cheapest place is the one that exhaustive simulation finds."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.encoding import encode
from optimizer.insertion import put
from optimizer.loading import best, load, remove
from optimizer.model import FIXED_COUNT, TERMS
from optimizer.plan import Plan
from optimizer.problem import Problem, Window
from optimizer.provisions import has_parts
from optimizer.search import solve
from optimizer.state import LENGTH, TOTAL, State
from tests.optimizer.exhaustive import simulate
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit

SEEDS = st.integers(0, 10**6)


def exhaustive(problem: Problem, plan: Plan, key: str) -> tuple[int, str] | None:
    """The cheapest insertion by simulating every route anew, in plain Python over all lunch places."""
    found: list[tuple[int, str]] = []
    for route, who in zip(plan.routes, problem.technicians, strict=True):
        order = [stop.visit for stop in route.stops]
        if key in who.fixed:
            continue
        present = simulate(problem, who, order)
        assert present is not None
        for position in range(len(who.fixed), len(order) + 1):
            price = simulate(problem, who, [*order[:position], key, *order[position:]])
            if price is not None:
                found.append((price - present, who.key))
    return min(found) if found else None


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_the_best_insertion_is_the_exhaustive_one(seed: int) -> None:
    given = _without_lunch_prices(random_problem(seed, technicians=3, visits=9))
    plan = solve(given, seconds=None, iterations=5)

    for row in plan.unassigned:
        found, expected = best(given, plan, row.visit), exhaustive(given, plan, row.visit)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert found[0] == expected[0]


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_price_of_a_place_is_what_the_route_then_costs(seed: int) -> None:
    given = random_problem(seed, technicians=3, visits=9)
    plan = solve(given, seconds=None, iterations=5)
    encoded = encode(given)
    fixed = {key for row in given.technicians for key in row.fixed}

    for place, row in enumerate(given.visits):
        if row.key in fixed:
            continue
        without = load(encoded, plan)
        remove(encoded, without, place)
        added = []
        for who in range(3):
            if not (
                encoded.model.pairs[TERMS, place, who] >= 0 and has_parts(encoded.model, without, who, place)
            ):
                continue
            before = int(without.totals[who, TOTAL])
            for position in range(encoded.model.staff[who, FIXED_COUNT], without.totals[who, LENGTH] + 1):
                state = State(*(array.copy() for array in without))
                if put(encoded.model, state, who, position, place):
                    added.append(int(state.totals[who, TOTAL]) - before)
        found = best(given, plan, row.key)
        assert (None if found is None else found[0]) == min(added, default=None)


def test_a_place_is_named_by_its_price_technician_and_position() -> None:
    given = problem(
        [technician("Ada"), technician("Bob", skills={"gas": 1})],
        [visit("a", 1, windows=(Window(0, 600),)), visit("b", 2, skills={"gas": 1}, unassigned_penalty=0)],
    )
    plan = solve(given, seconds=None, iterations=5)

    assert best(given, plan, "b") == (2400, "Bob", 0)


def test_no_place_is_none() -> None:
    given = problem([technician(shift_end=HOUR)], [visit("a", 1)])
    plan = solve(given, seconds=None, iterations=5)

    assert best(given, plan, "a") is None


def _without_lunch_prices(given: Problem) -> Problem:
    """Prices of single starts left out: then the earliest times are the cheapest, whoever finds them."""
    visits = tuple(replace(row, lateness_weight=0) for row in given.visits)
    policy = replace(given.policy, change_start_price=0, overtime_weight=0)
    return replace(given, visits=visits, policy=policy)
