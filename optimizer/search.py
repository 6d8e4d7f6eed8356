"""The search: from a Problem to the best Plan found within a budget of seconds or iterations."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.annealing import anneal
from optimizer.chains import adopt, apart, best_plan, construct_all, start_beside, start_chain
from optimizer.changes import BEST_PRICE, Chain, keep_best, restore_best
from optimizer.emergency import Held
from optimizer.encoding import encode
from optimizer.joining import Joining
from optimizer.loading import load
from optimizer.model import HOURLY, NEVER, PENALTY, TRAVEL_WEIGHT, Encoded
from optimizer.pace import Budget, Pace
from optimizer.plan import Objective, Plan, Reason, ReasonCode, Route, Unassigned
from optimizer.problem import Break, Planned, Problem, Technician, Visit, Window
from optimizer.reasons import explain_all
from optimizer.state import LENGTH, WAY, State
from optimizer.timetable import read_plan

REPORT_SECONDS = 0.15
ENDING_SECONDS = 0.01
"""Kept back of a budget of seconds for reading the plan out, or as long as it took before."""
MASK = (1 << 64) - 1
"""A seed may be negative; a generator takes none."""
ALONE_CHANCE = 0.25
"""That at a meeting the worse chain goes on with its own routes, so that the two stay different."""
MOST_RESCUED = 50
RESCUE_SHARE = 0.75
"""Of a budget of seconds, reading the problem included."""
COLD_WAYS, COLD_LAST_WAYS = 10.0, 0.1
WARM_WAYS, WARM_LAST_WAYS = 0.1, 0.01
"""First and last temperature as prices of a mean way from stop to stop."""


def solve(
    problem: Problem,
    *,
    seconds: float | None,
    iterations: int | None = None,
    seed: int = 1,
    warm: Plan | None = None,
    on_improvement: Callable[[Plan], None] | None = None,
    stop: Callable[[], bool] | None = None,
    chains: int = 1,
    explain: bool = True,
) -> Plan:
    """The best plan found. Same problem, seed, warm plan, chains and iterations (seconds None): equal bytes.

    `iterations` are counted in each of the `chains`, which run in a thread each, meet at times and go on
    from the better one's best. `on_improvement` is called between kernel calls with each better plan
    (without reasons), at most once in 0.15 s and once at the end; `stop` is asked about every 20 ms and ends
    the search with the best so far. What either raises ends the search, and no thread stays. `warm` is kept
    where it still fits, what it leaves out is put in first, and the search starts cool, so that little of it
    moves. The wall is held to 50 ms, and what reasons for visits left out take (`explain`).
    """
    budget = Budget(seconds, iterations, stop, time.perf_counter())
    if seconds is None and iterations is None:
        raise ValueError("a search needs a budget: seconds, iterations or both")
    if chains < 1:
        raise ValueError("a search needs a chain")
    problem.check()
    if not problem.technicians or not problem.visits:
        return _without_choice(problem)
    encoded = encode(problem)
    state = load(encoded, warm)
    if warm is not None:
        _rescue(encoded, state, budget)
    chain = start_chain(encoded, state, seed=seed)
    construct_all(encoded, chain, lambda: not budget.exhausted())
    keep_best(encoded.model, chain)
    lanes = [Lane(encoded, chain)]
    lanes += [
        Lane(apart(encoded), start_beside(chain, seed=seed + 1_000_003 * place)) for place in range(1, chains)
    ]
    search = Search(lanes, np.random.default_rng([seed & MASK, chains]), on_improvement, Joining(encoded))
    search.improve(budget, temperatures(encoded, chain.state, cold=warm is None))
    encoded, chain = search.best()
    restore_best(encoded.model, chain)
    construct_all(encoded, chain, lambda: not budget.exhausted())
    plan = search.joining.finished(read_plan(encoded, chain.state), budget)
    if on_improvement is not None:
        on_improvement(plan)
    return explain_all(encoded, chain.state, plan) if explain else plan


def _rescue(encoded: Encoded, state: State, budget: Budget) -> None:
    """What a warm plan leaves out goes in first, the dearest first, where need be by displacing others.

    A cool search finds the chains of moves for this only by chance.
    """
    held = Held.around(encoded, state)
    for visit in held.out()[:MOST_RESCUED]:
        late = budget.seconds is not None and budget.spent() > RESCUE_SHARE * budget.seconds
        if late or budget.stopped():
            return
        held.enact(held.rescue(visit))


def temperatures(encoded: Encoded, state: State, *, cold: bool) -> tuple[float, float]:
    """First and last: a cold start may lose ten ways at a time; a warm one must not wander.

    Where visits must stay out, ten ways are of the order of their penalties too. Where ways cost nothing
    the penalties alone tell the order.
    """
    model, lengths = encoded.model, state.totals[:, LENGTH]
    ways = [
        state.labels[place, : length + 1, WAY].sum()
        for place, length in enumerate(lengths.tolist())
        if length
    ]
    seconds = sum(ways) / max(1, int(lengths.sum()) + len(ways))
    second = float(model.rules[TRAVEL_WEIGHT]) + float(model.staff[:, HOURLY].mean()) / 3600
    penalty = float(np.median(model.work[: len(encoded.jobs), PENALTY]))
    way = seconds * second or max(1.0, penalty / 30)
    first, last = (COLD_WAYS, COLD_LAST_WAYS) if cold else (WARM_WAYS, WARM_LAST_WAYS)
    return first * way, last * way


class Lane(NamedTuple):
    """A chain with the arrays that it writes: nothing in it is another's."""

    encoded: Encoded
    chain: Chain

    def price(self) -> int:
        return int(self.chain.counters[BEST_PRICE])


@dataclass(slots=True)
class Search:
    """Chains that run beside each other, and who is told of better plans."""

    lanes: Sequence[Lane]
    random: np.random.Generator
    report: Callable[[Plan], None] | None
    joining: Joining
    reported: int = NEVER
    reported_at: float = field(default_factory=time.perf_counter)

    def best(self) -> Lane:
        """The lane with the best routes; of equal ones the first."""
        return min(self.lanes, key=Lane.price)

    def improve(self, budget: Budget, heat: tuple[float, float]) -> None:
        """Round after round until the budget is spent."""
        began = time.perf_counter()
        best_plan(*self.lanes[0])
        ending = max(ENDING_SECONDS, 1.5 * (time.perf_counter() - began))
        pace = Pace(budget, ending + self.joining.reserve(budget.seconds))
        # Whatever `stop` or `report` raise, leaving the pool waits for its threads, and none has work then.
        with ThreadPoolExecutor(max(1, len(self.lanes) - 1), "annealing") as pool:
            while not pace.over():
                count = pace.next()
                before = time.perf_counter()
                self._round(pool, count, np.array([pace.done, min(pace.total(), 1e18), *heat]))
                pace.note(count, time.perf_counter() - before)
                meets = pace.meets()
                if meets and self.joining.due(pace):
                    self.joining.sit(*self.best(), timed=budget.seconds is not None)
                if meets and len(self.lanes) > 1:
                    self._meet()
                self._tell()

    def _round(self, pool: ThreadPoolExecutor, count: int, heat: NDArray[np.float64]) -> None:
        """`count` changes in every chain at once."""
        first, *others = self.lanes
        beside = [pool.submit(anneal, lane.encoded.model, lane.chain, count, heat) for lane in others]
        anneal(first.encoded.model, first.chain, count, heat)
        for other in beside:
            other.result()

    def _meet(self) -> None:
        """Worse chains go on from the best of all, most of the time."""
        best = self.best()
        for lane in self.lanes:
            alone = self.random.random() < ALONE_CHANCE
            if not alone and lane.price() > best.price():
                adopt(lane.encoded, lane.chain, best.chain)

    def _tell(self) -> None:
        best = self.best()
        if self.report is None or best.price() >= self.reported:
            return
        if time.perf_counter() - self.reported_at >= REPORT_SECONDS:
            self.reported, self.reported_at = best.price(), time.perf_counter()
            self.report(best_plan(*best))


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
    plan = solve(problem, seconds=None, iterations=20, on_improvement=lambda _: None)
    # Too crowded, and with a crew that finds nobody: emergencies and reasons have kernels of their own.
    narrow = [replace(row, windows=(Window(0, 0),)) for row in visits[:-1]]
    crowded = replace(problem, visits=(*narrow, replace(visits[0], key="8", crew=({"none": 1},))))
    solve(crowded, seconds=None, iterations=1, warm=plan)


def _without_choice(problem: Problem) -> Plan:
    """The plan of a problem without visits or without technicians."""
    reason = Reason(ReasonCode.OFF_SHIFT, "No technician works in this plan.")
    penalty = sum(visit.unassigned_penalty for visit in problem.visits)
    return Plan(
        routes=tuple(Route(technician.key) for technician in problem.technicians),
        unassigned=tuple(Unassigned(visit.key, (reason,)) for visit in problem.visits),
        objective=Objective(penalty, 0, 0, 0, penalty, 0),
    )
