"""The judge: checks and scores any engine's plan by the rules, in plain Python, apart from the kernels.

It reads the times that the plan states and never simulates: a plan is right if its own times keep every
hard rule, whoever made it.
"""

from collections import Counter
from collections.abc import Iterator

from optimizer.plan import Objective, Plan, Route, Stop
from optimizer.problem import Problem, Technician, Visit


def score(problem: Problem, plan: Plan) -> Objective:
    """The plan's price by its own times; ValueError names the first hard rule that it breaks."""
    for fault in violations(problem, plan):
        raise ValueError(fault)
    visits = {visit.key: visit for visit in problem.visits}
    technicians = {technician.key: technician for technician in problem.technicians}
    policy = problem.policy
    travel = lateness = overtime = changes = 0
    for route in plan.routes:
        travel += route.return_travel_seconds
        if route.stops and route.end is not None:
            over = max(0, route.end - technicians[route.technician].shift_end)
            overtime += over * policy.overtime_weight
        for stop in route.stops:
            visit = visits[stop.visit]
            travel += stop.travel_seconds
            if visit.due is not None and stop.start > visit.due:
                lateness += (stop.start - visit.due) * visit.lateness_weight
            changes += _change(problem, visit, stop=stop, technician=route.technician)
    penalty = sum(visits[row.visit].unassigned_penalty for row in plan.unassigned)
    total = travel * policy.travel_weight + lateness + overtime + penalty + changes
    return Objective(total, travel, lateness, overtime, penalty, changes)


def violations(problem: Problem, plan: Plan) -> Iterator[str]:
    """Every hard rule that the plan breaks, one sentence each."""
    yield from _coverage(problem, plan)
    yield from _heads(problem, plan)
    visits = {visit.key: visit for visit in problem.visits}
    technicians = {technician.key: technician for technician in problem.technicians}
    for route in plan.routes:
        technician = technicians.get(route.technician)
        if technician is None:
            yield f"the route of {route.technician} belongs to no technician of the problem"
            continue
        if any(stop.visit not in visits for stop in route.stops):
            continue
        head = tuple(stop.visit for stop in route.stops[: len(technician.fixed)])
        if head != technician.fixed:
            yield f"{technician.key} must begin with the fixed visits {technician.fixed}, not {head}"
            continue
        yield from _route(problem, technician, route=route, visits=visits)


def free_from(problem: Problem, technician: Technician, *, route: Route) -> int:
    """When the technician's first movable travel may start."""
    leave = technician.shift_start
    if technician.available_from is not None:
        leave = max(leave, technician.available_from)
    head = route.stops[: len(technician.fixed)]
    return max(leave, problem.earliest_start, head[-1].end if head else leave)


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


def _coverage(problem: Problem, plan: Plan) -> Iterator[str]:
    known = {visit.key for visit in problem.visits}
    seen = Counter(stop.visit for route in plan.routes for stop in route.stops)
    seen.update(row.visit for row in plan.unassigned)
    for key, times in seen.items():
        if key not in known:
            yield f"visit {key} is not in the problem"
        elif times > 1:
            yield f"visit {key} is in the plan {times} times"
    for visit in problem.visits:
        if visit.key not in seen:
            yield f"visit {visit.key} is neither assigned nor unassigned"


def _heads(problem: Problem, plan: Plan) -> Iterator[str]:
    for key, times in Counter(route.technician for route in plan.routes).items():
        if times > 1:
            yield f"{key} has {times} routes"
    routed = {route.technician: {stop.visit for stop in route.stops} for route in plan.routes}
    for technician in problem.technicians:
        for key in technician.fixed:
            if key not in routed.get(technician.key, set()):
                yield f"visit {key} has been started or dispatched by {technician.key} and is not there"


def _route(
    problem: Problem, technician: Technician, *, route: Route, visits: dict[str, Visit]
) -> Iterator[str]:
    fixed = len(technician.fixed)
    movable = route.stops[fixed:]
    yield from _travel(problem, technician, route=route, visits=visits)
    yield from _return(problem, technician, route=route, visits=visits)
    for stop in route.stops[:fixed]:
        planned = visits[stop.visit].planned
        if planned is not None and planned.start <= problem.earliest_start and stop.start != planned.start:
            yield f"visit {stop.visit} began at {planned.start}, the plan says {stop.start}"
    if not movable:
        return
    for stop in movable:
        yield from _stop(technician, visits[stop.visit], stop=stop)
    yield from _parts(technician, route, visits=visits)
    yield from _times(problem, technician, route=route)
    yield from _lunch(problem, technician, route=route)


def _stop(technician: Technician, visit: Visit, *, stop: Stop) -> Iterator[str]:
    name = f"visit {visit.key} with {technician.key}"
    for skill, level in visit.skills.items():
        have = technician.skills.get(skill)
        if have is None or have < level:
            yield f"{name}: needs skill {skill} at level {level}, the technician has {have}"
    if technician.key in visit.forbidden:
        yield f"{name}: this technician is forbidden"
    planned = visit.planned
    if visit.pin is not None and planned is not None:
        if visit.pin != "TIME" and planned.technician != technician.key:
            yield f"{name}: pinned to technician {planned.technician}"
        if visit.pin != "TECHNICIAN" and planned.start != stop.start:
            yield f"{name}: pinned to the start {planned.start}, starts at {stop.start}"
    inside = any(window.start <= stop.start <= window.end for window in visit.windows)
    if visit.windows and not inside and visit.pin not in {"TIME", "BOTH"}:
        yield f"{name}: starts at {stop.start}, outside every window"
    if stop.end - stop.start != visit.service_seconds:
        yield f"{name}: is served {stop.end - stop.start} s instead of {visit.service_seconds} s"


def _parts(technician: Technician, route: Route, *, visits: dict[str, Visit]) -> Iterator[str]:
    need: Counter[str] = Counter()
    movable: set[str] = set()
    for position, stop in enumerate(route.stops):
        need.update(visits[stop.visit].parts)
        if position >= len(technician.fixed):
            movable.update(part for part, count in visits[stop.visit].parts.items() if count)
    for part in sorted(movable):
        if need[part] > technician.stock.get(part, 0):
            have = technician.stock.get(part, 0)
            yield f"{technician.key}: the visits need {need[part]} of part {part}, the van has {have}"


def _travel(
    problem: Problem, technician: Technician, *, route: Route, visits: dict[str, Visit]
) -> Iterator[str]:
    place = technician.start_location
    for stop in route.stops:
        travel = int(problem.travel_seconds[place, visits[stop.visit].location])
        if stop.travel_seconds != travel:
            yield f"the way to {stop.visit} takes {travel} s, the plan says {stop.travel_seconds} s"
        place = visits[stop.visit].location


def _times(problem: Problem, technician: Technician, *, route: Route) -> Iterator[str]:
    ready = free_from(problem, technician, route=route)
    for stop in route.stops[len(technician.fixed) :]:
        name = f"visit {stop.visit} with {technician.key}"
        leave = stop.arrive - stop.travel_seconds
        if leave < ready:
            yield f"{name}: the way there starts at {leave}, before {ready}"
        if stop.start < stop.arrive:
            yield f"{name}: starts at {stop.start}, before the arrival at {stop.arrive}"
        ready = stop.end


def _return(
    problem: Problem, technician: Technician, *, route: Route, visits: dict[str, Visit]
) -> Iterator[str]:
    if not route.stops:
        if route.return_travel_seconds:
            yield f"{technician.key}: returns from a route without stops"
        return
    last = route.stops[-1]
    travel = int(problem.travel_seconds[visits[last.visit].location, technician.end_location])
    if route.return_travel_seconds != travel:
        yield f"{technician.key}: the return takes {travel} s, not {route.return_travel_seconds} s"
    if route.end is None or route.end - travel < last.end:
        yield f"{technician.key}: the route cannot end at {route.end}"
        return
    limit = technician.shift_end + technician.overtime_limit_seconds
    if len(route.stops) > len(technician.fixed) and route.end > limit:
        yield f"{technician.key}: the route ends at {route.end}, the limit is {limit}"


def _lunch(problem: Problem, technician: Technician, *, route: Route) -> Iterator[str]:
    lunch = technician.lunch
    if lunch is None or route.end is None:
        return
    at = route.lunch_start
    if at is None:
        head = [stop.end for stop in route.stops[: len(technician.fixed)]]
        free = max([free_from(problem, technician, route=route), *head])
        if route.end > lunch.latest and free <= lunch.latest:
            yield f"{technician.key}: no lunch, though the route ends at {route.end}"
        return
    if not lunch.earliest <= at <= lunch.latest:
        yield f"{technician.key}: lunch starts at {at}, not from {lunch.earliest} to {lunch.latest}"
    busy = [(stop.arrive - stop.travel_seconds, stop.arrive) for stop in route.stops[len(technician.fixed) :]]
    busy += [(stop.start, stop.end) for stop in route.stops[len(technician.fixed) :]]
    busy.append((route.end - route.return_travel_seconds, route.end))
    for start, end in busy:
        if start < at + lunch.seconds and at < end:
            yield f"{technician.key}: lunch at {at} meets travel or service from {start} to {end}"
