"""Collecting: visits that may be left out at a price, where only several of them together repay a route.

A search that puts visits in one by one opens no route whose first visit costs more than it is worth. So the
prices of leaving out begin high, and the plan found is taken up again at lower ones, the last the true ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer import judge
from optimizer.efforts import Effort
from optimizer.plan import Plan
from optimizer.problem import Problem

STEPS = ((4, 0.4), (2, 0.2), (1, 0.4))
"""How many times its price leaving out costs, and the share of the budget that is spent on it."""


def solve(
    problem: Problem,
    effort: Effort,
    *,
    warm: Plan | None = None,
    on_improvement: Callable[[Plan], None] | None = None,
) -> Plan:
    """The best plan found by the true prices. With iterations and no seconds equal inputs give equal bytes.

    A warm plan is gone on from by the true prices alone. `on_improvement` hears of each better plan, scored
    by the true prices.
    """
    if warm is not None:
        return effort.solve(problem, warm=warm, on_improvement=on_improvement)
    started = time.perf_counter()
    best = _Best(problem, on_improvement)
    plan, left = None, 1.0
    for factor, share in STEPS:
        part = effort.part(share)
        if effort.seconds is not None:
            rest = max(0.0, effort.seconds - (time.perf_counter() - started))
            part = replace(part, seconds=rest * min(1.0, share / left))
        left -= share
        plan = part.solve(_raised(problem, factor), warm=plan, on_improvement=best, explain=factor == 1)
        best(plan)
        if effort.stop is not None and effort.stop():
            break
    if best.plan is None:
        raise AssertionError("a search gives a plan")
    return best.plan


@dataclass(slots=True)
class _Best:
    """Keeps the plan that is best by the true prices, and passes on each that is better than all before."""

    problem: Problem
    hears: Callable[[Plan], None] | None
    plan: Plan | None = None

    def __call__(self, found: Plan) -> None:
        plan = replace(found, objective=judge.score(self.problem, found))
        if self.plan is None or plan.objective.total < self.plan.objective.total:
            self.plan = plan
            if self.hears is not None:
                self.hears(plan)
        elif plan.objective.total == self.plan.objective.total:
            self.plan = plan  # of equal plans the later one, which has the reasons


def _raised(problem: Problem, factor: int) -> Problem:
    visits = tuple(replace(row, unassigned_penalty=factor * row.unassigned_penalty) for row in problem.visits)
    return replace(problem, visits=visits)
