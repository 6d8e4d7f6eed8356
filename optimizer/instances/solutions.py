"""Published solutions (.sol): routes of visits in order, and their cost; read as a Plan."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from optimizer.instances.instance import Instance
from optimizer.instances.lines import Lines
from optimizer.instances.reading import text
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem, Technician, Visit

ROUTE = re.compile(r"^Route\s*#\s*(\d+)\s*:(.*)$", re.IGNORECASE)
COST = re.compile(r"^Cost\s*:?\s*(\S+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Solution:
    """The keys of the visits of each route, the first technician's first, and the cost that is stated."""

    routes: tuple[tuple[str, ...], ...]
    cost: float


def read(path: Path) -> Solution:
    """The solution; ValueError with the line of what is wrong."""
    lines = Lines(str(path), text(path))
    routes: list[tuple[str, ...]] = []
    while lines:
        line = lines.take("a route")
        route, cost = ROUTE.match(line.text.strip()), COST.match(line.text.strip())
        if cost is not None:
            return Solution(tuple(routes), line.numbers([cost[1]])[0])
        if route is None or int(route[1]) != len(routes) + 1:
            raise line.fault(f"route {len(routes) + 1} or the cost is expected here")
        routes.append(tuple(route[2].split()))
    raise lines.ended("the cost")


def plan(instance: Instance, routes: Sequence[Sequence[str]]) -> Plan:
    """The routes with times, for instances whose visits have one window and whose technicians have no lunch.

    Each leaves as late as the earliest end of its route allows, which makes the duration least, and starts
    every service as early as it then can. ValueError names a visit that is not known or comes too late.
    """
    problem = instance.problem
    if len(routes) > len(problem.technicians):
        raise ValueError(f"{len(routes)} routes, there are {len(problem.technicians)} technicians")
    visits = {visit.key: visit for visit in problem.visits}
    unknown = [key for route in routes for key in route if key not in visits]
    if unknown:
        raise ValueError(f"the visit {unknown[0]} is not in {instance.name}")
    padded = [*routes, *((),) * (len(problem.technicians) - len(routes))]
    made = tuple(
        _route(problem, technician, [visits[key] for key in keys])
        for technician, keys in zip(problem.technicians, padded, strict=True)
    )
    served = {key for route in routes for key in route}
    left = tuple(Unassigned(visit.key) for visit in problem.visits if visit.key not in served)
    travel = sum(
        sum(stop.travel_seconds for stop in route.stops) + route.return_travel_seconds for route in made
    )
    penalty = sum(visits[row.visit].unassigned_penalty for row in left)
    labour = sum(
        technician.hourly_price * ((route.end or 0) - (route.leave or 0)) // 3600
        for technician, route in zip(problem.technicians, made, strict=True)
    )
    total = travel * problem.policy.travel_weight + penalty + labour
    return Plan(made, left, Objective(total, travel, 0, 0, penalty, 0, labour=labour))


def _route(problem: Problem, technician: Technician, visits: list[Visit]) -> Route:
    if not visits:
        return Route(technician.key)
    places = [technician.start_location, *(visit.location for visit in visits), technician.end_location]
    travel = [int(problem.travel_seconds[pair]) for pair in pairwise(places)]
    early = _stops(visits, travel, technician.shift_start)
    latest = early[-1].end
    for visit, way in zip(reversed(visits), reversed(travel[:-1]), strict=True):
        latest = min(visit.windows[0].end, latest - visit.service_seconds) - way
    leave = max(technician.shift_start, latest)
    stops = _stops(visits, travel, leave)
    end = stops[-1].end + travel[-1]
    return Route(technician.key, stops, return_travel_seconds=travel[-1], end=end, leave=leave)


def _stops(visits: list[Visit], travel: list[int], leave: int) -> tuple[Stop, ...]:
    found = []
    for visit, way in zip(visits, travel[:-1], strict=True):
        arrive = leave + way
        start = max(arrive, visit.windows[0].start)
        if start > visit.windows[0].end:
            raise ValueError(f"the visit {visit.key} would start at {start}, after {visit.windows[0].end}")
        leave = start + visit.service_seconds
        found.append(Stop(visit.key, way, arrive, start, leave))
    return tuple(found)
