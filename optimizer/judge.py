"""The judge: checks and scores any engine's plan by the rules, in plain Python, apart from the kernels.

It reads the times that the plan states and never simulates: a plan is right if its own times keep every
hard rule, whoever made it.
"""

from collections.abc import Iterator

from optimizer.case import Case, Turn, left_at
from optimizer.coupling import coupling_violations
from optimizer.fitness import depot_violations, stop_violations, supply_violations
from optimizer.plan import Objective, Plan, Route, Stop
from optimizer.problem import Problem, Technician, Visit
from optimizer.rules import route_violations


def score(problem: Problem, plan: Plan) -> Objective:
    """The plan's price by its own times; ValueError names the first hard rule that it breaks."""
    for fault in violations(problem, plan):
        raise ValueError(fault)
    case, policy = Case(problem), problem.policy
    travel = lateness = overtime = changes = preferences = labour = fairness = 0
    for route in plan.routes:
        if not route.stops or route.end is None:
            continue
        technician = case.technicians[route.technician]
        driven = _driven(route)
        travel += driven
        overtime += max(0, route.end - technician.shift_end) * policy.overtime_weight
        labour += technician.hourly_price * (route.end - left_at(route)) // 3600 + technician.shift_price
        minutes = (driven + _worked(case, route)) // 60
        fairness += policy.fairness_weight * minutes**2 // 3600
        for stop in route.stops:
            if stop.seat == 0:
                visit = case.visits[stop.visit]
                lateness += max(0, stop.start - _due(visit, stop)) * visit.lateness_weight
                changes += _change(problem, visit, stop=stop, technician=route.technician)
                preferences += _preference(problem, visit, technician=technician)
    penalty = sum(left_out_price(problem, case.visits[row.visit]) for row in plan.unassigned)
    total = travel * policy.travel_weight + lateness + overtime + penalty + changes
    total += preferences + labour + fairness
    return Objective(total, travel, lateness, overtime, penalty, changes, preferences, labour, fairness)


def violations(problem: Problem, plan: Plan) -> Iterator[str]:
    """Every hard rule that the plan breaks, one sentence each."""
    case = Case(problem)
    yield from coupling_violations(case, plan)
    yield from depot_violations({depot.key: depot.stock for depot in problem.depots}, plan)
    for route in plan.routes:
        technician = case.technicians.get(route.technician)
        if technician is None or any(stop.visit not in case.visits for stop in route.stops):
            continue
        turn = Turn(case, technician, route, free_from(problem, technician, route=route))
        head = tuple(stop.visit for stop in turn.head)
        if head != technician.fixed:
            yield f"{technician.key} must begin with the fixed visits {technician.fixed}, not {head}"
            continue
        yield from route_violations(turn)
        yield from supply_violations(turn)
        for stop in turn.movable:
            yield from stop_violations(turn, stop)


def free_from(problem: Problem, technician: Technician, *, route: Route) -> int:
    """When the technician's first movable travel may start."""
    leave = technician.shift_start
    if technician.available_from is not None:
        leave = max(leave, technician.available_from)
    head = route.stops[: len(technician.fixed)]
    return max(leave, problem.earliest_start, head[-1].end if head else leave)


def left_out_price(problem: Problem, visit: Visit) -> int:
    """What it costs to leave the visit out."""
    return visit.unassigned_penalty + visit.customer_value * problem.policy.customer_value_weight


def _driven(route: Route) -> int:
    """Seconds of driving of a route, to the depot and home included."""
    restock = 0 if route.restock is None else route.restock.travel_seconds
    return restock + route.return_travel_seconds + sum(stop.travel_seconds for stop in route.stops)


def _worked(case: Case, route: Route) -> int:
    """Seconds of service at visits and at the depot."""
    restock = 0 if route.restock is None else case.depots[route.restock.depot].service_seconds
    return restock + sum(case.visits[stop.visit].service_seconds for stop in route.stops)


def _due(visit: Visit, stop: Stop) -> int:
    return stop.start if visit.due is None else visit.due


def _change(problem: Problem, visit: Visit, *, stop: Stop, technician: str) -> int:
    policy = problem.policy
    if visit.planned is None:
        return 0
    price = 0
    if visit.planned.technician != technician:
        price += policy.change_technician_price
    if abs(stop.start - visit.planned.start) > policy.start_tolerance_seconds:
        price += policy.change_start_price
    return price


def _preference(problem: Problem, visit: Visit, *, technician: Technician) -> int:
    policy = problem.policy
    price = 0
    if visit.preferred and technician.key not in visit.preferred:
        price += policy.not_preferred_price
    if visit.territory is not None and visit.territory not in technician.territories:
        price += policy.outside_territory_price or 0
    return price
