"""The search: from a Problem to the best Plan found within a budget of seconds or iterations."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.annealing import (
    ABSENT,
    BEST_PRICE,
    PRICE,
    VERSIONS,
    Chain,
    anneal,
    construct,
    keep_best,
    leave_out,
    restore_best,
)
from optimizer.insertion import load
from optimizer.model import LOCATION, NEVER, PENALTY, Encoded, Ints, Model, encode
from optimizer.plan import Objective, Plan, Reason, ReasonCode, Route, Unassigned
from optimizer.problem import Break, Planned, Problem, Technician, Visit, Window
from optimizer.reasons import explain_all
from optimizer.routes import TOTAL, VERSION, State, empty_state
from optimizer.timetable import read_plan

NEIGHBOURS = 128
CHUNK_SECONDS = 0.03
"""One kernel call: `stop` is asked between two of them."""
REPORT_SECONDS = 0.15
CONSTRUCT_CHUNK = 50
COLD_SHARE = 0.005
WARM_TEMPERATURE = 60.0
LAST_TEMPERATURE = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: by the wall, by iterations, or by whichever ends first; and who may stop it."""

    seconds: float | None
    iterations: int | None
    stop: Callable[[], bool] | None
    started: float

    def spent(self) -> float:
        return time.perf_counter() - self.started

    def stopped(self) -> bool:
        if self.stop is not None and self.stop():
            return True
        return self.seconds is not None and self.spent() >= self.seconds


def solve(
    problem: Problem,
    *,
    seconds: float | None,
    iterations: int | None = None,
    seed: int = 1,
    warm: Plan | None = None,
    on_improvement: Callable[[Plan], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Plan:
    """The best plan found. Same problem, seed, warm plan and iterations (seconds None): equal bytes.

    `on_improvement` is called between kernel calls with each better plan (without reasons), at most once
    in 0.15 s and once at the end; `stop` is asked about every 30 ms and ends the search with the best so
    far. `warm` is kept where it still fits and the search starts cool, so that little of it moves.
    """
    if seconds is None and iterations is None:
        raise ValueError("a search needs a budget: seconds, iterations or both")
    problem.check()
    if not problem.technicians or not problem.visits:
        return _without_choice(problem)
    encoded = encode(problem)
    budget = Budget(seconds, iterations, stop, time.perf_counter())
    state = load(encoded, warm)
    chain = start_chain(encoded, state, seed=seed)
    _construct_all(encoded, chain, budget)
    keep_best(chain)
    _improve(encoded, chain, budget, cold=warm is None, report=on_improvement)
    restore_best(encoded.model, chain)
    _construct_all(encoded, chain, replace(budget, seconds=None, stop=None))
    plan = read_plan(encoded, chain.state)
    if on_improvement is not None:
        on_improvement(plan)
    return explain_all(encoded, chain.state, plan)


def warm_up() -> None:
    """Compile every kernel, or load it from numba's cache: once, when a worker starts."""
    technicians = tuple(
        Technician(
            key=key,
            start_location=0,
            end_location=0,
            shift_start=0,
            shift_end=3_000,
            lunch=Break(1_000, 1_500, 300),
            skills={"any": 1},
        )
        for key in ("first", "second")
    )
    visits = tuple(
        Visit(
            key=str(number),
            location=number,
            service_seconds=700,
            windows=(Window(0, 2_000),),
            skills={"any": 1 + number // 8},
            planned=Planned("first", 0) if number == 1 else None,
        )
        for number in range(1, 9)
    )
    problem = Problem(technicians=technicians, visits=visits, travel_seconds=np.full((9, 9), 60, np.int32))
    solve(problem, seconds=None, iterations=20, on_improvement=lambda _: None)


def start_chain(encoded: Encoded, state: State, *, seed: int) -> Chain:
    """A chain around routes that are already simulated."""
    model = encoded.model
    technicians, visits = model.allowed.shape
    chain = Chain(
        state=state,
        kept=empty_state(model),
        best=np.zeros((technicians, visits + 1), np.int64),
        memory=np.zeros((visits, technicians, 6), np.int64),
        absent=np.zeros((2, visits), np.int64),
        touched=np.zeros((2, technicians), np.int64),
        neighbours=_neighbours(model),
        eligible=_eligible(model),
        counters=np.zeros(7, np.int64),
        random=_random_state(seed),
    )
    state.totals[:, VERSION] = np.arange(1, technicians + 1)
    chain.counters[VERSIONS] = technicians
    chain.counters[PRICE] = state.totals[:, TOTAL].sum()
    for visit in np.flatnonzero(state.owner < 0).tolist():
        leave_out(model, chain, visit)
    chain.counters[BEST_PRICE] = NEVER
    return chain


def _random_state(seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    # One round of splitmix64: neighbouring seeds give unrelated chains, and never the all-zero state.
    mask = (1 << 64) - 1
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return np.array([(mixed ^ (mixed >> 31)) or 1], dtype=np.uint64)


def _eligible(model: Model) -> Ints:
    """For each visit the number of technicians who may serve it, then their places."""
    technicians, visits = model.allowed.shape
    eligible = np.zeros((visits, technicians + 1), np.int64)
    for visit in range(visits):
        places = np.flatnonzero(model.allowed[:, visit])
        eligible[visit, 0] = len(places)
        eligible[visit, 1 : len(places) + 1] = places
    return eligible


def _neighbours(model: Model) -> Ints:
    """For each visit the nearest visits, itself first, by travel there and back."""
    travel = model.travel[np.ix_(model.work[:, LOCATION], model.work[:, LOCATION])].astype(np.int64)
    both = travel + travel.T
    np.fill_diagonal(both, -1)
    count = min(NEIGHBOURS, len(both))
    return np.ascontiguousarray(np.argsort(both, axis=1, kind="stable")[:, :count])


def _construct_all(encoded: Encoded, chain: Chain, budget: Budget) -> None:
    """Insert what is out, the dearest first; the dearest are placed even when the budget is spent."""
    penalty = encoded.model.work[:, PENALTY]
    absent = chain.absent[0, : chain.counters[ABSENT]]
    order = absent[np.lexsort((absent, -penalty[absent]))].copy()
    for first in range(0, len(order), CONSTRUCT_CHUNK):
        construct(encoded.model, chain, order[first : first + CONSTRUCT_CHUNK])
        if budget.stop is not None and budget.stop():
            return


def _temperatures(encoded: Encoded, *, cold: bool) -> tuple[float, float]:
    """A cold start needs a first temperature of the order of the penalties; a warm one must not wander."""
    if not cold:
        return WARM_TEMPERATURE, LAST_TEMPERATURE
    penalties = [visit.unassigned_penalty for visit in encoded.problem.visits]
    return max(WARM_TEMPERATURE, COLD_SHARE * float(np.median(penalties))), LAST_TEMPERATURE


def _improve(
    encoded: Encoded,
    chain: Chain,
    budget: Budget,
    *,
    cold: bool,
    report: Callable[[Plan], None] | None,
) -> None:
    first, last = _temperatures(encoded, cold=cold)
    done, count, rate = 0, 4, 0.0
    reported, reported_at = NEVER, budget.spent()
    while not budget.stopped():
        total = float("inf") if budget.iterations is None else float(budget.iterations)
        if done >= total:
            break
        if budget.seconds is not None and rate > 0:
            total = min(total, done + rate * max(0.0, budget.seconds - budget.spent()))
        count = int(min(count, max(1.0, total - done)))
        # Until a rate is known the wall alone bounds the search: stay at the first temperature.
        heat = np.array([done, min(max(total, 1.0), 1e18), first, last])
        before = budget.spent()
        anneal(encoded.model, chain, count, heat)
        took = max(1e-6, budget.spent() - before)
        done += count
        rate = done / max(1e-6, budget.spent())
        count = max(1, int(count * min(4.0, CHUNK_SECONDS / took)))
        best = int(chain.counters[BEST_PRICE])
        if report is not None and best < reported and budget.spent() - reported_at >= REPORT_SECONDS:
            reported, reported_at = best, budget.spent()
            report(_best_plan(encoded, chain))


def _best_plan(encoded: Encoded, chain: Chain) -> Plan:
    """The best routes read out beside the chain, which goes on undisturbed."""
    from_best = chain._replace(
        state=empty_state(encoded.model),
        counters=chain.counters.copy(),
        absent=chain.absent.copy(),
    )
    restore_best(encoded.model, from_best)
    return read_plan(encoded, from_best.state)


def _without_choice(problem: Problem) -> Plan:
    """The plan of a problem without visits or without technicians."""
    reason = Reason(ReasonCode.OFF_SHIFT, "No technician works in this plan.")
    penalty = sum(visit.unassigned_penalty for visit in problem.visits)
    return Plan(
        routes=tuple(Route(technician.key) for technician in problem.technicians),
        unassigned=tuple(Unassigned(visit.key, (reason,)) for visit in problem.visits),
        objective=Objective(penalty, 0, 0, 0, penalty, 0),
    )
