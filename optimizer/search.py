"""The search: from a Problem to the best Plan found within a budget of seconds or iterations."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.annealing import anneal
from optimizer.chains import best_plan, construct_all, start_chain
from optimizer.changes import BEST_PRICE, Chain, keep_best, restore_best
from optimizer.encoding import encode
from optimizer.loading import load
from optimizer.model import NEVER, Encoded
from optimizer.plan import Objective, Plan, Reason, ReasonCode, Route, Unassigned
from optimizer.problem import Break, Planned, Problem, Technician, Visit, Window
from optimizer.reasons import explain_all
from optimizer.timetable import read_plan

CHUNK_SECONDS = 0.03
"""One kernel call: `stop` is asked between two of them."""
REPORT_SECONDS = 0.15
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
    construct_all(encoded, chain, lambda: stop is None or not stop())
    keep_best(encoded.model, chain)
    _improve(encoded, chain, budget, cold=warm is None, report=on_improvement)
    restore_best(encoded.model, chain)
    construct_all(encoded, chain, lambda: True)
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
            report(best_plan(encoded, chain))


def _without_choice(problem: Problem) -> Plan:
    """The plan of a problem without visits or without technicians."""
    reason = Reason(ReasonCode.OFF_SHIFT, "No technician works in this plan.")
    penalty = sum(visit.unassigned_penalty for visit in problem.visits)
    return Plan(
        routes=tuple(Route(technician.key) for technician in problem.technicians),
        unassigned=tuple(Unassigned(visit.key, (reason,)) for visit in problem.visits),
        objective=Objective(penalty, 0, 0, 0, penalty, 0),
    )
