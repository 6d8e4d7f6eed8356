"""The fallback: OR-Tools routing behind the protocol of `search.solve`, for machines without numba.

It routes by the rules that it can say; `assembly` then times its routes, leaves out what breaks a rule
and tries that once more, so that every plan it answers has passed the judge. It plans no crews.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.assembly import Orders, assemble, may_go
from optimizer.plan import Plan, Reason, ReasonCode, Unassigned
from optimizer.problem import Problem, Visit
from optimizer.roster import Roster

ROUTING_SHARE = 0.85
"""Of the seconds; the rest is for timing the routes and placing what was left out."""
REPORT_SECONDS = 1.0
PLACES_TRIED = 60
MOST_ROUTED = 1_000
"""Visits. Routing finds no first plan of 200 technicians and 2,000 visits in 20 s; placing them one by one
takes 12 s and comes to 2.2 M, so beyond this all seconds are the assembly's."""


@dataclass(slots=True)
class _Run:
    """One call: its budget, and the best plan that was told."""

    problem: Problem
    seconds: float | None
    stop: Callable[[], bool] | None
    report: Callable[[Plan], None] | None
    began: float
    told: int | None = None
    told_at: float = 0.0

    def spent(self) -> float:
        return time.perf_counter() - self.began

    def is_over(self) -> bool:
        if self.stop is not None and self.stop():
            return True
        return self.seconds is not None and self.spent() >= self.seconds

    def offer(self, read: Callable[[], Orders]) -> None:
        """Tell a better plan, seldom: it is timed in plain Python, on the search's own seconds."""
        if self.spent() - self.told_at < REPORT_SECONDS:
            return
        self.tell(assemble(self.problem, read(), places_tried=0))
        self.told_at = self.spent()

    def tell(self, plan: Plan) -> None:
        if self.report is not None and (self.told is None or plan.objective.total < self.told):
            self.told = plan.objective.total
            self.report(plan)


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
    """The best plan found, of a problem as `search.solve` takes it; ValueError says what is malformed.

    `iterations` bounds the branches of routing's search. `on_improvement` is called with judged plans, at
    most once a second and once at the end. `warm` is where routing starts, if it can be said to it. The
    answer is never dearer than `warm`, or without it what is planned today, with what fits beside it.
    """
    if seconds is None and iterations is None:
        raise ValueError("a search needs a budget: seconds, iterations or both")
    problem.check()
    run = _Run(problem, seconds, stop, on_improvement, time.perf_counter())
    orders: Orders = {} if warm is None else _orders(warm)
    if problem.technicians and 0 < len(problem.visits) <= MOST_ROUTED:
        roster = Roster(problem, seed=seed)
        budget = None if seconds is None else max(0.01, seconds * ROUTING_SHARE - run.spent())
        offer = None if on_improvement is None else run.offer
        found = roster.solve(orders, seconds=budget, checks=iterations, offer=offer, stop=stop)
        orders = orders if found is None else found
    plan = assemble(problem, orders, places_tried=PLACES_TRIED, stop=run.is_over)
    standing = _planned(problem) if warm is None else _orders(warm)
    if standing:
        kept = assemble(problem, standing, places_tried=PLACES_TRIED, stop=run.is_over)
        plan = min(plan, kept, key=lambda each: each.objective.total)
    plan = _explained(problem, plan)
    run.tell(plan)
    return plan


def _orders(plan: Plan) -> Orders:
    return {route.technician: [stop.visit for stop in route.stops] for route in plan.routes}


def _planned(problem: Problem) -> Orders:
    """What stands today, in the order of its starts, behind what has begun."""
    begun = {key for row in problem.technicians for key in row.fixed}
    orders = {row.key: list(row.fixed) for row in problem.technicians}
    standing = [(row.planned.start, row) for row in problem.visits if row.planned and row.key not in begun]
    for _, row in sorted(standing, key=lambda each: (each[0], each[1].key)):
        if row.planned is not None and row.planned.technician in orders:
            orders[row.planned.technician].append(row.key)
    return dict(orders) if standing else {}


def _explained(problem: Problem, plan: Plan) -> Plan:
    visits = {visit.key: visit for visit in problem.visits}
    told = tuple(Unassigned(row.visit, (_reason(problem, visits[row.visit]),)) for row in plan.unassigned)
    return replace(plan, unassigned=told)


def _reason(problem: Problem, visit: Visit) -> Reason:
    """Why a visit is out, as far as this engine knows: without the kernels it counts no minutes."""
    if not problem.technicians:
        return Reason(ReasonCode.OFF_SHIFT, "No technician works in this plan.")
    if visit.crew:
        return Reason(ReasonCode.NOT_ALLOWED, "The fallback engine plans no crews.")
    skilled = [
        row
        for row in problem.technicians
        if all(row.skills.get(skill, -1) >= level for skill, level in visit.skills.items())
    ]
    if not skilled:
        return Reason(ReasonCode.MISSING_SKILL, "No technician has the skills at the levels it needs.")
    if not any(may_go(problem, row, visit) for row in skilled):
        return Reason(ReasonCode.NOT_ALLOWED, "Whoever has the skills may not be sent.")
    return Reason(ReasonCode.NO_ROOM, "No place was found for it beside the other visits.")
