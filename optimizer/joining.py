"""Joining: between rounds of a search CP-SAT times its crews and dependent visits and places more of them."""

import time
from dataclasses import dataclass, field, replace

from optimizer.chains import apart, best_plan
from optimizer.changes import BEST_FIRST, BEST_LAST, BEST_PRICE, JOB, Chain, restore_best
from optimizer.joint import place_group, retime, settle
from optimizer.judge import left_out_price, score
from optimizer.loading import load
from optimizer.model import AGREED_FIRST, AGREED_LAST, LEAD, NEVER, PENALTY, Encoded
from optimizer.pace import Budget, Pace
from optimizer.partner.solving import Effort
from optimizer.partner.standing import Standing
from optimizer.plan import Plan
from optimizer.state import LENGTH, TOTAL, State

SITTINGS = 8
"""How often in a search by iterations."""
PLACED_AT_ONCE = 4
"""Visits that are tried in one sitting, the dearest first."""
TIME_SHARE = 0.2
"""Of a search by the wall, at most."""
NEAREST = 5
"""Technicians tried for each seat."""
SOLVE_SECONDS = 0.15
LEAST_SOLVE_SECONDS = 0.02
MOST_ALONE = 24
"""Routes without anything coupled that are timed anew at the end."""
MOST_RESERVED_SECONDS, RESERVED_SHARE = 0.3, 0.05
LEAST_SECONDS = 0.3
"""A sitting is not begun with less time for it."""


@dataclass(slots=True)
class Joining:
    """When it is time for a sitting, and what one does. Nothing where no visit is coupled."""

    encoded: Encoded
    coupled: frozenset[str] = field(init=False)
    hourly: tuple[str, ...] = field(init=False)
    """Who is paid by the hour: the search leaves at once around absences and by time of day."""
    sittings: int = 0
    spent: float = 0.0
    longest: float = LEAST_SECONDS
    tried: set[tuple[str, int]] = field(default_factory=set)
    """(visit, price of the plan) that has been tried: the same plan is not asked twice."""

    def __post_init__(self) -> None:
        problem = self.encoded.problem
        facts = {key for row in problem.technicians for key in row.fixed}
        linked = {key for row in problem.dependencies for key in (row.first, row.second)}
        self.hourly = tuple(row.key for row in problem.technicians if row.hourly_price)
        self.coupled = frozenset({row.key for row in problem.visits if row.crew} | linked) - facts

    def due(self, pace: Pace) -> bool:
        """Whether a sitting is due: by meetings where iterations are counted, else by the time it took."""
        if not self.coupled:
            return False
        if pace.budget.seconds is None:
            return pace.meetings >= (self.sittings + 1) * max(1, pace.planned_meetings() // SITTINGS)
        run = pace.budget.spent() - pace.began
        return self.spent + self.longest <= TIME_SHARE * run and 2 * self.longest < pace.left()

    def sit(self, encoded: Encoded, chain: Chain, *, timed: bool) -> bool:
        """Better the chain's best where that can be; whether it was."""
        began = time.perf_counter()
        self.sittings += 1
        plan = best_plan(encoded, chain)
        effort = Effort(seconds=SOLVE_SECONDS, deterministic=0.2) if timed else Effort(deterministic=0.2)
        better = self._improved(plan, effort, until=began + self.longest if timed else None)
        took = False if better is plan else _take_up(encoded, chain, better)
        self.spent += time.perf_counter() - began
        self.longest = max(self.longest, time.perf_counter() - began)
        return took

    def reserve(self, seconds: float | None) -> float:
        """Seconds of a budget that are kept back for the last look."""
        if seconds is None or not (self.coupled or self.hourly):
            return 0.0
        return min(MOST_RESERVED_SECONDS, RESERVED_SHARE * seconds)

    def finished(self, plan: Plan, budget: Budget) -> Plan:
        """The plan with the best starts of what is coupled and of who is paid by the hour."""
        problem = self.encoded.problem
        standing = Standing(problem, plan)
        together = {key for visit in sorted(self.coupled) for key in standing.routes_of.get(visit, ())}
        alone = [key for key in self.hourly if key not in together][:MOST_ALONE]
        for inside in (together, *({key} for key in alone)):
            left = None if budget.seconds is None else budget.seconds - budget.spent()
            if budget.stopped() or (left is not None and left < LEAST_SOLVE_SECONDS):
                break
            if not inside:
                continue
            # It solves twice, states the rules before and is judged after.
            seconds = None if left is None else left / 3
            found = settle(Standing(problem, plan), inside, effort=Effort(seconds, deterministic=0.5))
            if found is not None:
                found = replace(found, objective=score(problem, found))
                plan = min(plan, found, key=lambda row: row.objective.total)
        return plan

    def _improved(self, plan: Plan, effort: Effort, *, until: float | None) -> Plan:
        problem = self.encoded.problem
        timed = retime(problem, plan, effort=effort)
        if timed is not None and timed.objective.total < plan.objective.total:
            plan = timed
        for key in self._absent(plan):
            if until is not None and time.perf_counter() > until:
                break
            self.tried.add((key, plan.objective.total))
            placed = place_group(problem, plan, key, nearest=NEAREST, effort=effort)
            if placed is not None and placed.objective.total < plan.objective.total:
                plan = placed
        return plan

    def _absent(self, plan: Plan) -> list[str]:
        """Coupled visits that are out though who they wait for is in, the dearest first."""
        problem = self.encoded.problem
        out = {row.visit for row in plan.unassigned}
        waiting = {row.second for row in problem.dependencies if row.first in out}
        rows = [problem.visits[self.encoded.visits[key]] for key in out & self.coupled - waiting]
        rows.sort(key=lambda row: (-left_out_price(problem, row), row.key))
        new = [row.key for row in rows if (row.key, plan.objective.total) not in self.tried]
        return new[:PLACED_AT_ONCE]


def _take_up(encoded: Encoded, chain: Chain, plan: Plan) -> bool:
    """Make the plan the chain's best and its current routes, if its own simulation finds it better."""
    own = apart(encoded)
    own.model.work[:, AGREED_FIRST], own.model.work[:, AGREED_LAST] = -NEVER, NEVER
    state = load(own, plan)
    price = _price(own, state)
    if price >= chain.counters[BEST_PRICE]:
        return False
    lengths = state.totals[:, LENGTH]
    chain.best[:, 0] = lengths
    for place, length in enumerate(lengths.tolist()):
        chain.best[place, 1 : length + 1] = state.stops[place, :length]
    jobs = chain.linked[:, JOB]
    chain.linked[:, BEST_FIRST] = own.model.work[jobs, AGREED_FIRST]
    chain.linked[:, BEST_LAST] = own.model.work[jobs, AGREED_LAST]
    chain.counters[BEST_PRICE] = price
    restore_best(encoded.model, chain)
    return True


def _price(encoded: Encoded, state: State) -> int:
    leads = encoded.model.work[: len(encoded.jobs), LEAD]
    out = [job for job in range(len(encoded.jobs)) if state.owner[job] < 0 and leads[job] == job]
    return int(state.totals[:, TOTAL].sum() + encoded.model.work[out, PENALTY].sum())
