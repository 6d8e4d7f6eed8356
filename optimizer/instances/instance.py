"""The Instance: one file of a public family as a Problem, and what a Plan of it costs in the file's terms."""

from dataclasses import dataclass, field
from typing import Literal

from optimizer.plan import Plan, Route
from optimizer.problem import Problem

Measure = Literal["distance", "distance and prizes", "duration", "travel and outsourcing", "price"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance. A Problem counts in whole units: `scale` of them are one unit of the file."""

    family: str
    """solomon, gh200 to gh1000, vrptw, pcvrptw, mdvrptw, trsp, strsp, fsm_generated or problem."""
    name: str
    problem: Problem
    measure: Measure
    scale: int = 1
    unit: str = "the file's own unit"
    """What one unit of the file is, of times as of the measure."""
    best_known: float | None = None
    """The least known value of the measure, in the file's units."""
    optional: bool = False
    """True: a visit may be left out at its price; False: a plan that leaves one out solves nothing."""
    teams: bool = False
    """True: technicians may be joined to teams for the day; a team travels once and has all their skills."""
    source: str = field(default="", compare=False)
    """The path that was read."""

    @property
    def prizes(self) -> bool:
        """Whether visits are worth a way only together, as in prize-collecting files."""
        return self.measure == "distance and prizes"

    def cost(self, plan: Plan) -> int:
        """The plan's measure in the Problem's units, by the plan's own times."""
        if self.measure == "price":
            return plan.objective.total
        if self.measure == "duration":
            return sum(duration(route) for route in plan.routes)
        penalties = {visit.key: visit.unassigned_penalty for visit in self.problem.visits}
        left_out = sum(penalties[row.visit] for row in plan.unassigned) if self.optional else 0
        return sum(distance(route) for route in plan.routes) + left_out

    def value(self, plan: Plan) -> float:
        """The plan's measure in the file's units."""
        return self.cost(plan) / self.scale

    def complete(self, plan: Plan) -> bool:
        """Whether nothing that must be served is left out."""
        return self.optional or not plan.unassigned

    def gap_percent(self, plan: Plan) -> float | None:
        """How far above the best known value, in percent; None: not known, or the plan is not complete."""
        if self.best_known is None or not self.complete(plan):
            return None
        return 100 * (self.value(plan) / self.best_known - 1)


def distance(route: Route) -> int:
    """All the ways of a route, its depot stop's included."""
    restock = 0 if route.restock is None else route.restock.travel_seconds
    return restock + route.return_travel_seconds + sum(stop.travel_seconds for stop in route.stops)


def duration(route: Route) -> int:
    """From leaving to the end of the route, waiting and services included; 0 without stops."""
    if not route.stops or route.end is None:
        return 0
    leave = route.leave
    if leave is None:  # of an engine that does not say: the first way begins as late as its arrival allows
        first = route.restock if route.restock is not None and route.restock.position == 0 else route.stops[0]
        leave = first.arrive - first.travel_seconds
    return route.end - leave
