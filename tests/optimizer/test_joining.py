"""Joining: what CP-SAT finds between two rounds becomes the chain's best, at the same price."""

from dataclasses import replace

from optimizer.chains import best_plan, start_chain
from optimizer.changes import BEST_PRICE, PRICE, Chain, keep_best
from optimizer.encoding import encode
from optimizer.joining import Joining
from optimizer.judge import score
from optimizer.loading import load
from optimizer.model import Encoded
from optimizer.plan import Plan
from optimizer.problem import Dependency, Problem, Window
from optimizer.search import solve
from optimizer.validator import validate
from tests.benchmarks.coupled import coupled_day
from tests.optimizer.problems import HOUR, problem, technician, visit

CREW = visit("crew", 1, crew=({},), windows=(Window(2 * HOUR, 3 * HOUR),))


def chain_around(given: Problem, plan: Plan | None = None) -> tuple[Encoded, Chain]:
    encoded = encode(given)
    chain = start_chain(encoded, load(encoded, plan), seed=1)
    keep_best(encoded.model, chain)
    return encoded, chain


def test_a_crew_that_is_out_is_placed_and_the_chain_goes_on_from_there() -> None:
    given = problem([technician("Ada"), technician("Bob")], [CREW, visit("a", 2)])
    encoded, chain = chain_around(given)

    assert Joining(encoded).sit(encoded, chain, timed=False)

    plan = best_plan(encoded, chain)
    assert [[(stop.visit, stop.seat, stop.start) for stop in row.stops] for row in plan.routes] in (
        [[("crew", 0, 2 * HOUR)], [("crew", 1, 2 * HOUR)]],
        [[("crew", 1, 2 * HOUR)], [("crew", 0, 2 * HOUR)]],
    )
    # There and back for two, and visit a is left to the chain.
    assert plan.objective.total == 4 * 600 + 50_000 == score(given, plan).total
    assert chain.counters[BEST_PRICE] == chain.counters[PRICE] == plan.objective.total


def test_a_day_without_crews_and_dependencies_has_no_sittings() -> None:
    given = problem([technician()], [visit()])

    assert not Joining(encode(given)).coupled


def test_a_plan_that_is_no_better_changes_nothing() -> None:
    given = problem(
        [technician("Ada"), technician("Bob")],
        [CREW, visit("a", 2)],
        dependencies=(Dependency(first="crew", second="a"),),
    )
    best = solve(given, seconds=None, iterations=60)
    encoded, chain = chain_around(given, best)
    before = best_plan(encoded, chain)

    assert not Joining(encoded).sit(encoded, chain, timed=False)

    assert best_plan(encoded, chain) == before
    assert replace(before, unassigned=()) == replace(best, unassigned=())


def test_a_coupled_day_is_sound_and_the_same_again() -> None:
    given = coupled_day(4, 20, seed=3)
    plans = [solve(given, seconds=None, iterations=300, seed=3, chains=chains) for chains in (1, 1, 2, 2)]

    assert plans[0].to_json() == plans[1].to_json()
    assert plans[2].to_json() == plans[3].to_json()
    assert all(validate(given, plan) == () and score(given, plan) == plan.objective for plan in plans)


def test_a_search_by_the_wall_is_sound_with_crews_in_the_day() -> None:
    given = coupled_day(4, 20, seed=5)

    plan = solve(given, seconds=1.0, seed=5)

    assert validate(given, plan) == ()
    assert score(given, plan) == plan.objective
