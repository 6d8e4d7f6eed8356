"""Two chains, budgets and breaking off: determinism, no thread lost, the best so far in any case."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from optimizer import annealing, chains, changes, pace, search
from optimizer.encoding import encode
from optimizer.judge import score
from optimizer.loading import load
from optimizer.model import PENALTY, Model
from optimizer.plan import Plan
from optimizer.search import solve, temperatures
from optimizer.state import LENGTH, TOTAL
from optimizer.validator import validate
from tests.optimizer.problems import problem, random_problem, technician, visit

ENDLESS = 10**12


def kept(plan: Plan) -> list[list[str]]:
    return [[stop.visit for stop in route.stops] for route in plan.routes]


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("annealing")}


def test_two_chains_give_equal_bytes_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    given = random_problem(21, technicians=5, visits=30)
    plans = [solve(given, seconds=None, iterations=1_000, seed=seed, chains=2) for seed in (5, 5, 6)]

    # Kernel calls of another length, as on a slower machine.
    monkeypatch.setattr(pace, "CHUNK_SECONDS", 0.0005)
    plans.append(solve(given, seconds=None, iterations=1_000, seed=5, chains=2))

    assert plans[0].to_json() == plans[1].to_json() == plans[3].to_json()
    assert all(validate(given, plan) == () and score(given, plan) == plan.objective for plan in plans)


def test_a_second_chain_does_not_make_the_first_worse() -> None:
    # Meeting never, the second chain can only add plans to choose from.
    given = random_problem(22, technicians=5, visits=30)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "ALONE_CHANCE", 1.1)
        alone = [solve(given, seconds=None, iterations=300, seed=seed) for seed in range(6)]
        beside = [solve(given, seconds=None, iterations=300, seed=seed, chains=2) for seed in range(6)]

    assert all(two.objective.total <= one.objective.total for one, two in zip(alone, beside, strict=True))
    assert any(two.objective.total < one.objective.total for one, two in zip(alone, beside, strict=True))


def test_the_worse_chain_goes_on_from_the_better_ones_best() -> None:
    encoded = encode(random_problem(23, technicians=4, visits=20))
    first = chains.start_chain(encoded, load(encoded, None), seed=1)
    chains.construct_all(encoded, first, lambda: True)
    changes.keep_best(encoded.model, first)
    beside, second = chains.apart(encoded), chains.start_beside(first, seed=2)
    annealing.anneal(encoded.model, first, 400, np.array([0, 400, 500.0, 5.0]))
    annealing.anneal(beside.model, second, 30, np.array([0, 30, 500.0, 5.0]))

    chains.adopt(beside, second, first)

    assert second.counters[changes.PRICE] == first.counters[changes.BEST_PRICE]
    assert second.counters[changes.BEST_PRICE] == first.counters[changes.BEST_PRICE]
    assert chains.best_plan(beside, second) == chains.best_plan(encoded, first)
    assert kept(chains.best_plan(beside, second)) == [
        [encoded.problem.visits[place].key for place in row[:length].tolist()]
        for row, length in zip(second.state.stops, second.state.totals[:, LENGTH].tolist(), strict=True)
    ]
    # What it remembers of routes that stayed is still true: it goes on without a wrong price.
    annealing.anneal(beside.model, second, 400, np.array([0, 400, 500.0, 5.0]))
    out = encoded.model.work[np.flatnonzero(second.state.owner < 0), PENALTY].sum()
    assert second.counters[changes.PRICE] == second.state.totals[:, TOTAL].sum() + out


@pytest.mark.parametrize("count", [1, 2])
def test_a_cancelled_search_answers_the_best_that_was_told(count: int) -> None:
    given = random_problem(24, technicians=6, visits=60)
    told: list[Plan] = []

    plan = solve(
        given, seconds=60, on_improvement=told.append, stop=lambda: len(told) >= 2, chains=count, seed=3
    )

    assert validate(given, plan) == ()
    assert len(told) == 3  # the two, and the last one when the search ends
    assert plan.objective == told[-1].objective
    assert plan.objective.total <= told[1].objective.total < told[0].objective.total
    assert threads() == set()


@pytest.mark.parametrize("count", [1, 2])
def test_what_stop_or_a_report_raise_ends_the_search_and_loses_no_thread(count: int) -> None:
    given = random_problem(25, technicians=6, visits=60)

    def fail(_: Plan) -> None:
        raise ConnectionError("nobody listens")

    with pytest.raises(ConnectionError, match="nobody listens"):
        solve(given, seconds=60, on_improvement=fail, chains=count)
    asked = iter([False] * 20)
    with pytest.raises(StopIteration):
        solve(given, seconds=60, stop=lambda: next(asked), chains=count)

    assert threads() == set()
    assert validate(given, solve(given, seconds=None, iterations=50, chains=count)) == ()


def test_what_a_chain_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given = random_problem(26, technicians=4, visits=20)
    main = threading.get_ident()

    def broken(model: Model, chain: changes.Chain, count: int, heat: NDArray[np.float64]) -> None:
        if threading.get_ident() != main:
            raise MemoryError("the second chain")
        annealing.anneal(model, chain, count, heat)

    monkeypatch.setattr(search, "anneal", broken)

    with pytest.raises(MemoryError, match="the second chain"):
        solve(given, seconds=60, chains=2)

    assert threads() == set()


def test_searches_in_one_process_do_not_disturb_each_other() -> None:
    given = [random_problem(30 + place, technicians=4, visits=25) for place in range(4)]

    def one(place: int) -> str:
        return solve(given[place], seconds=None, iterations=400, seed=place, chains=1 + place % 2).to_json()

    alone = [one(place) for place in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(one, [0, 1, 2, 3, 3, 2, 1, 0]))

    assert together == alone + alone[::-1]


@pytest.mark.parametrize("count", [1, 2])
def test_stop_is_asked_between_short_calls(count: int) -> None:
    given = random_problem(27, technicians=6, visits=60)
    asked: list[float] = []

    def stop() -> bool:
        asked.append(time.perf_counter())
        return False

    solve(given, seconds=1.0, stop=stop, chains=count)

    # 50 calls of 20 ms; a machine that is busy makes them longer, but not ten times.
    assert len(asked) >= 10


def test_a_chain_is_needed() -> None:
    with pytest.raises(ValueError, match="needs a chain"):
        solve(problem([technician()], [visit()]), seconds=1, chains=0)


def test_a_cold_start_may_lose_ten_ways_at_a_time() -> None:
    # Home to the two visits and back: 600, 600 and 1,200 s.
    given = problem([technician()], [visit("a", 1), visit("b", 2)])
    encoded = encode(given)
    state = load(encoded, solve(given, seconds=None, iterations=5))

    assert temperatures(encoded, state, cold=True) == (8_000.0, 80.0)
    assert temperatures(encoded, state, cold=False) == (80.0, 8.0)


def test_where_ways_cost_nothing_penalties_tell_the_order() -> None:
    given = problem([technician()], [visit("a", 1, unassigned_penalty=3_000)])
    free = replace(given, policy=replace(given.policy, travel_weight=0))
    encoded = encode(free)

    assert temperatures(encoded, load(encoded, None), cold=True) == (1_000.0, 10.0)
