"""Plans by hand: stops, routes and plans of the fewest words, and the smallest problem for them."""

from typing import Any

from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem
from tests.optimizer.problems import HOUR, problem, technician, visit

NOTHING = Objective(0, 0, 0, 0, 0, 0)
Case = tuple[Problem, Plan, Plan]
"""A problem, a plan that keeps every rule, and one that breaks one."""


def stop(key: str, travel: int, arrive: int, start: int | None = None, **fields: Any) -> Stop:
    """An hour of service at once, unless it is said otherwise."""
    begins = arrive if start is None else start
    row = {"end": begins + HOUR, "seat": 0} | fields
    return Stop(key, travel, arrive, begins, row["end"], row["seat"])


def route(key: str = "Ada", *stops: Stop, **fields: Any) -> Route:
    """A route that leaves for its first stop and goes 600 s home, unless it is said otherwise."""
    if not stops:
        return Route(key)
    row: dict[str, Any] = {"leave": stops[0].arrive - stops[0].travel_seconds, "return_travel_seconds": 600}
    row |= fields
    row.setdefault("end", stops[-1].end + row["return_travel_seconds"])
    return Route(key, stops, **row)


def plan(*routes: Route, out: tuple[str, ...] = ()) -> Plan:
    return Plan(routes, tuple(Unassigned(key) for key in out), NOTHING)


A = stop("a", 600, 600)
ALONE = plan(route("Ada", A))
LEFT_OUT = plan(route("Ada"), out=("a",))


def one(fields: dict[str, Any] | None = None, **more: Any) -> Problem:
    """Ada and visit a, 600 s away; `fields` are the technician's, the others the visit's."""
    return problem([technician(**fields or {})], [visit(**more)])
