"""The validator: every hard rule stated to CP-SAT over a plan's own numbers, apart from judge and kernels.

A plan whose shape is wrong (who has which visit at all) is told so at once; what remains is arithmetic,
and CP-SAT says which of its rules cannot hold.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from optimizer.ledger import Ledger
from optimizer.plan import Plan, Route
from optimizer.problem import Problem, Technician, Visit
from optimizer.proofs import state

PROOF_SECONDS = 10.0
MOST_TIME = 1 << 40


def validate(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Every hard rule that the plan breaks, in words; empty: it may be published."""
    misshapen = tuple(dict.fromkeys(_misshapen(problem, plan)))
    if misshapen:
        return misshapen
    ledger = Ledger()
    state(ledger, problem, plan)
    return tuple(ledger.broken(seconds=PROOF_SECONDS))


def _misshapen(problem: Problem, plan: Plan) -> Iterator[str]:
    """What cannot be stated as numbers."""
    known = {row.key: row for row in problem.technicians}
    for key, times in Counter(route.technician for route in plan.routes).items():
        if key not in known:
            yield f"the route of {key} belongs to no technician of the problem"
        elif times > 1:
            yield f"{key} has {times} routes"
    yield from _seats(problem, plan)
    routes = {route.technician: route for route in plan.routes}
    depots = {depot.key for depot in problem.depots}
    for technician in problem.technicians:
        route = routes.get(technician.key, Route(technician.key))
        yield from _head(technician, route)
        yield from _numbers(route)
        yield from _restock(route, depots=depots, first=len(technician.fixed))


def _seats(problem: Problem, plan: Plan) -> Iterator[str]:
    """Each visit is either left out once or has each of its seats filled once."""
    taken: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for route in plan.routes:
        for stop in route.stops:
            taken[stop.visit].append((stop.seat, route.technician))
    out = Counter(row.visit for row in plan.unassigned)
    for key in sorted((taken.keys() | out.keys()) - {visit.key for visit in problem.visits}):
        yield f"visit {key} is not in the problem"
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for technician in problem.technicians:
        for key in technician.fixed:
            holders[key].add(technician.key)
    for visit in problem.visits:
        times, seats = out[visit.key], taken[visit.key]
        if times > 1 or bool(times) == bool(seats):
            yield f"visit {visit.key} must be assigned or left out, once: it is {len(seats)} + {times} times"
        elif seats and not _is_whole(visit, seats, holders=holders[visit.key]):
            yield f"visit {visit.key} has the seats 0 to {len(visit.crew)}, the plan fills {sorted(seats)}"


def _is_whole(visit: Visit, taken: list[tuple[int, str]], *, holders: set[str]) -> bool:
    """Every seat with somebody else; a fact has those who hold it, one of them in seat 0."""
    seats, who = {seat for seat, _ in taken}, {key for _, key in taken}
    if len(seats) < len(taken) or len(who) < len(taken):
        return False
    every = set(range(1 + len(visit.crew)))
    return who == holders and {0} <= seats <= every if holders else seats == every


def _head(technician: Technician, route: Route) -> Iterator[str]:
    keys = tuple(stop.visit for stop in route.stops)
    for key in technician.fixed:
        if key not in keys:
            yield f"visit {key} has been started or dispatched by {technician.key} and is not there"
    if keys[: len(technician.fixed)] != technician.fixed:
        yield f"{technician.key} must begin with the fixed visits {technician.fixed}"


def _numbers(route: Route) -> Iterator[str]:
    """Times that are there where they must be, run forwards and can be reckoned with."""
    key = route.technician
    if not route.stops:
        if route.return_travel_seconds or (route.leave, route.end, route.restock) != (None, None, None):
            yield f"{key}: leaves, restocks or ends without a stop"
        return
    if route.end is None:
        yield f"{key}: the route cannot end at None"
        return
    lengths = [route.return_travel_seconds]
    times = [route.end, route.end if route.leave is None else route.leave, route.lunch_start or 0]
    for stop in route.stops:
        lengths += [stop.travel_seconds, stop.end - stop.start]
        times += [stop.arrive, stop.start, stop.end]
    if route.restock is not None:
        lengths += [route.restock.travel_seconds, *route.restock.parts.values()]
        times += [route.restock.arrive, route.restock.end]
    if min(lengths) < 0:
        yield f"{key}: has a negative way, service or number of parts"
    if max(map(abs, (*times, *lengths))) > MOST_TIME:
        yield f"{key}: has a time or a number beyond all days"


def _restock(route: Route, *, depots: set[str], first: int) -> Iterator[str]:
    restock = route.restock
    if restock is None or not route.stops:
        return
    if restock.depot not in depots:
        yield f"{route.technician}: depot {restock.depot} is not in the problem"
    if not first <= restock.position < len(route.stops):
        name = route.technician
        yield f"{name}: the restock stands before stop {restock.position}, which is no movable stop"
