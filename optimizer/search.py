"""The search: from a Problem to the best Plan found within a budget of seconds or iterations."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.annealing import BEST_PRICE, Chain, anneal, keep_best, restore_best
from optimizer.chains import adopt, best_plan, construct_all, load_any, start_beside, start_chain
from optimizer.emergency import Held
from optimizer.model import NEVER, Encoded, encode
from optimizer.plan import Objective, Plan, Reason, ReasonCode, Route, Unassigned
from optimizer.problem import Break, Planned, Problem, Technician, Visit, Window
from optimizer.reasons import explain_all
from optimizer.routes import State
from optimizer.timetable import read_plan

CHUNK_SECONDS = 0.03
"""One kernel call: `stop` is asked between two of them."""
REPORT_SECONDS = 0.15
ENDING_SECONDS = 0.01
"""Kept back of a budget of seconds for reading the plan out, or as long as it took before."""
MEETINGS = 64
"""How often in a search two chains compare their best."""
MOST_APART = 20_000
"""At most so many changes between two meetings, where a budget of iterations has no sensible end."""
ALONE_CHANCE = 0.25
"""That at a meeting the worse chain goes on with its own routes, so that the two stay different."""
MOST_RESCUED = 50
RESCUE_SHARE = 0.75
"""Of a budget of seconds, reading the problem included."""
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
        return self.stop is not None and self.stop()


@dataclass(slots=True)
class Pace:
    """How many changes each kernel call makes: for 30 ms, to the next meeting or to the end.

    Where the calls are cut changes nothing in what a chain does: only meetings do, and without `seconds`
    they are counted in changes.
    """

    budget: Budget
    ending: float
    began: float = field(init=False)
    done: int = 0
    meetings: int = 0
    count: int = 4

    def __post_init__(self) -> None:
        self.began = self.budget.spent()

    def left(self) -> float:
        """Seconds of the budget before the plan must be read out."""
        seconds = self.budget.seconds
        return float("inf") if seconds is None else seconds - self.ending - self.budget.spent()

    def over(self) -> bool:
        iterations = self.budget.iterations
        return (
            self.budget.stopped() or self.left() <= 0 or (iterations is not None and self.done >= iterations)
        )

    def total(self) -> float:
        """Changes in the whole search, as far as is known; the wall alone says nothing before the first."""
        total = float("inf") if self.budget.iterations is None else float(self.budget.iterations)
        if self.budget.seconds is not None and self.done:
            rate = self.done / max(1e-6, self.budget.spent() - self.began)
            total = min(total, self.done + rate * max(0.0, self.left()))
        return max(1.0, total)

    def next(self) -> int:
        until = self.total()
        if self.budget.seconds is None:
            until = min(until, float(self._meeting()))
        return int(min(self.count, max(1.0, until - self.done)))

    def note(self, changes: int, seconds: float) -> None:
        self.done += changes
        self.count = max(1, int(changes * min(4.0, CHUNK_SECONDS / max(1e-6, seconds))))

    def meets(self) -> bool:
        """Whether it is time for the chains to meet; asked once after each call."""
        seconds = self.budget.seconds
        if seconds is None:
            due = self.done >= self._meeting()
        else:
            due = self.budget.spent() - self.began >= (self.meetings + 1) * (seconds - self.began) / MEETINGS
        self.meetings += due
        return due

    def _meeting(self) -> int:
        """After how many changes the next meeting is, in a search by iterations."""
        apart = max(1, min((self.budget.iterations or 0) // MEETINGS, MOST_APART))
        return (self.meetings + 1) * apart


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
) -> Plan:
    """The best plan found. Same problem, seed, warm plan, chains and iterations (seconds None): equal bytes.

    `iterations` are counted in each of the `chains`, which run in a thread each, meet at times and go on
    from the better one's best. `on_improvement` is called between kernel calls with each better plan
    (without reasons), at most once in 0.15 s and once at the end; `stop` is asked about every 30 ms and ends
    the search with the best so far. What either raises ends the search, and no thread stays. `warm` is kept
    where it still fits, what it leaves out is put in first, and the search starts cool, so that little of it
    moves. The wall is held to 50 ms, and what reasons for visits left out take.
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
    state = load_any(encoded, warm)
    if warm is not None:
        _rescue(encoded, state, budget)
    chain = start_chain(encoded, state, seed=seed)
    construct_all(encoded, chain, lambda: not budget.stopped())
    keep_best(chain)
    beside = [start_beside(encoded, chain, seed=seed + place * 1_000_003) for place in range(1, chains)]
    search = Search(encoded, [chain, *beside], np.random.default_rng([seed, chains]), on_improvement)
    search.improve(budget, temperatures(problem, cold=warm is None))
    best = search.best()
    restore_best(encoded.model, best)
    construct_all(encoded, best, lambda: True)
    plan = read_plan(encoded, best.state)
    if on_improvement is not None:
        on_improvement(plan)
    return explain_all(encoded, best.state, plan)


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


def temperatures(problem: Problem, *, cold: bool) -> tuple[float, float]:
    """First and last: a cold start needs the order of the penalties; a warm one must not wander."""
    if not cold:
        return WARM_TEMPERATURE, LAST_TEMPERATURE
    penalties = [visit.unassigned_penalty for visit in problem.visits]
    return max(WARM_TEMPERATURE, COLD_SHARE * float(np.median(penalties))), LAST_TEMPERATURE


@dataclass(slots=True)
class Search:
    """Chains that run beside each other, and who is told of better plans."""

    encoded: Encoded
    chains: Sequence[Chain]
    random: np.random.Generator
    report: Callable[[Plan], None] | None
    reported: int = NEVER
    reported_at: float = field(default_factory=time.perf_counter)

    def best(self) -> Chain:
        """The chain with the best routes; of equal ones the first."""
        return min(self.chains, key=lambda chain: int(chain.counters[BEST_PRICE]))

    def improve(self, budget: Budget, heat: tuple[float, float]) -> None:
        """Round after round until the budget is spent."""
        began = time.perf_counter()
        best_plan(self.encoded, self.chains[0])
        pace = Pace(budget, max(ENDING_SECONDS, 1.5 * (time.perf_counter() - began)))
        # Whatever `stop` or `report` raise, leaving the pool waits for its threads, and none has work then.
        with ThreadPoolExecutor(max(1, len(self.chains) - 1), "annealing") as pool:
            while not pace.over():
                count = pace.next()
                before = time.perf_counter()
                self._round(pool, count, np.array([pace.done, min(pace.total(), 1e18), *heat]))
                pace.note(count, time.perf_counter() - before)
                if len(self.chains) > 1 and pace.meets():
                    self._meet()
                self._tell()

    def _round(self, pool: ThreadPoolExecutor, count: int, heat: NDArray[np.float64]) -> None:
        """`count` changes in every chain at once."""
        model = self.encoded.model
        others = [pool.submit(anneal, model, chain, count, heat) for chain in self.chains[1:]]
        anneal(model, self.chains[0], count, heat)
        for other in others:
            other.result()

    def _meet(self) -> None:
        """Worse chains go on from the best of all, most of the time."""
        best = self.best()
        for chain in self.chains:
            alone = self.random.random() < ALONE_CHANCE
            if not alone and chain.counters[BEST_PRICE] > best.counters[BEST_PRICE]:
                adopt(self.encoded, chain, best)

    def _tell(self) -> None:
        best = self.best()
        price = int(best.counters[BEST_PRICE])
        if self.report is None or price >= self.reported:
            return
        if time.perf_counter() - self.reported_at >= REPORT_SECONDS:
            self.reported, self.reported_at = price, time.perf_counter()
            self.report(best_plan(self.encoded, best))


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
    crowded = replace(problem, visits=tuple(replace(row, windows=(Window(0, 0),)) for row in visits))
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
