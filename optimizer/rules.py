"""Rules of one route's times: ways, waiting, facts, shift, absences, lunch and limits.

A route of facts only is checked for its arithmetic alone: no rule refuses what has happened.
"""

from collections.abc import Iterator

from optimizer.case import Turn, Way, first_way_begins, left_at
from optimizer.plan import Stop
from optimizer.travel import way_bounds, way_seconds


def route_violations(turn: Turn) -> Iterator[str]:
    """Every rule of times that the route breaks."""
    if not turn.route.stops:
        yield from _idle(turn)
        return
    yield from _ways(turn)
    yield from _facts(turn)
    yield from _order(turn)
    yield from _ending(turn)
    if turn.movable and turn.route.end is not None:
        yield from _absences(turn)
        yield from _lunch(turn)
        yield from _limits(turn)


def _idle(turn: Turn) -> Iterator[str]:
    route = turn.route
    if route.return_travel_seconds:
        yield f"{route.technician}: returns from a route without stops"
    if (route.leave, route.end, route.restock) != (None, None, None):
        yield f"{route.technician}: leaves, restocks or ends without a stop"


def _ways(turn: Turn) -> Iterator[str]:
    """Each drive takes what the matrix says; the way to a visit that has begun only what it can say."""
    problem = turn.case.problem
    for way in turn.ways():
        if _leads_to_begun(turn, way):
            least, most = way_bounds(problem, way.origin, way.destination)
        else:
            least = most = way_seconds(problem, way.origin, way.destination, leave=way.leave)
        if not least <= way.seconds <= most:
            takes = least if least == most else f"{least} to {most}"
            yield f"{turn.technician.key}: {way.name} takes {takes} s, the plan says {way.seconds} s"


def _leads_to_begun(turn: Turn, way: Way) -> bool:
    if way.position >= len(turn.head):
        return False
    return turn.case.begun_at(turn.visit(turn.head[way.position])) is not None


def _facts(turn: Turn) -> Iterator[str]:
    """A visit that has begun stands where it began; a dispatched one waits for its plan and its way."""
    ready: int | None = None
    for stop in turn.head:
        visit = turn.visit(stop)
        begun = turn.case.begun_at(visit)
        planned = visit.planned
        if begun is not None and stop.start != begun:
            yield f"visit {stop.visit} began at {begun}, the plan says {stop.start}"
        if begun is None and planned is not None and stop.start < planned.start:
            yield f"visit {stop.visit} is dispatched for {planned.start}, the plan says {stop.start}"
        if begun is None and ready is not None and stop.arrive - stop.travel_seconds < ready:
            yield f"{turn.name(stop)}: the way there starts before {ready}, when the visit before it ends"
        if begun is None and stop.start < stop.arrive:
            yield f"{turn.name(stop)}: starts at {stop.start}, before the arrival at {stop.arrive}"
        yield from _service(turn, stop)
        ready = stop.end


def _service(turn: Turn, stop: Stop) -> Iterator[str]:
    needed = turn.visit(stop).service_seconds
    if stop.end - stop.start != needed:
        yield f"{turn.name(stop)}: is served {stop.end - stop.start} s instead of {needed} s"


def _order(turn: Turn) -> Iterator[str]:
    """Drive, wait, serve: each begins only when what is before it is over."""
    ready, first = turn.free, len(turn.head)
    for position, stop in enumerate(turn.movable, first):
        name = turn.name(stop)
        restock = turn.restock_before(position)
        if restock is not None:
            leave = restock.arrive - restock.travel_seconds
            if leave < ready:
                key = turn.technician.key
                yield f"{key}: the way to depot {restock.depot} starts at {leave}, before {ready}"
            needed = turn.case.depots[restock.depot].service_seconds
            if restock.end - restock.arrive < needed:
                yield f"{turn.technician.key}: depot {restock.depot} takes {needed} s"
            ready = restock.end
        leave = stop.arrive - stop.travel_seconds
        if leave < ready:
            yield f"{name}: the way there starts at {leave}, before {ready}"
        if stop.start < stop.arrive:
            yield f"{name}: starts at {stop.start}, before the arrival at {stop.arrive}"
        yield from _service(turn, stop)
        ready = stop.end
    yield from _leave(turn)


def _leave(turn: Turn) -> Iterator[str]:
    """Nobody leaves after the first way begins; the way to a visit that has begun is not known."""
    leave, head = left_at(turn.route), turn.head
    begun = head and turn.case.begun_at(turn.visit(head[0])) is not None
    if not begun and leave > first_way_begins(turn.route):
        yield f"{turn.technician.key}: leaves at {leave}, after the first way begins"
    if not head and leave < turn.free:
        yield f"{turn.technician.key}: leaves at {leave}, before {turn.free}"


def _ending(turn: Turn) -> Iterator[str]:
    route, last = turn.route, turn.route.stops[-1]
    if route.end is None or route.end - route.return_travel_seconds < last.end:
        yield f"{route.technician}: the route cannot end at {route.end}"


def _busy(turn: Turn) -> Iterator[tuple[int, int, str]]:
    """The movable drives and services, as (start, end, what it is)."""
    first = len(turn.head)
    for way in turn.ways():
        # A way of 0 s is no drive: it may be said to lie anywhere.
        if way.position >= first and way.seconds:
            yield way.leave, way.arrive, way.name
    for position, stop in enumerate(turn.movable, first):
        yield stop.start, stop.end, f"the service of {stop.visit}"
        restock = turn.restock_before(position)
        if restock is not None:
            seconds = turn.case.depots[restock.depot].service_seconds
            yield restock.end - seconds, restock.end, f"the restock at {restock.depot}"


def _absences(turn: Turn) -> Iterator[str]:
    for absence in turn.technician.absences:
        for start, end, name in _busy(turn):
            if start < absence.end and absence.start < end:
                yield (
                    f"{turn.technician.key}: {name} from {start} to {end} meets the absence from"
                    f" {absence.start} to {absence.end}"
                )


def _lunch(turn: Turn) -> Iterator[str]:
    lunch, route, key = turn.technician.lunch, turn.route, turn.technician.key
    if lunch is None or route.end is None:
        return
    at = route.lunch_start
    if at is None:
        free = max([turn.free, *(stop.end for stop in turn.head)])
        if route.end > lunch.latest and free <= lunch.latest:
            yield f"{key}: no lunch, though the route ends at {route.end}"
        return
    if not lunch.earliest <= at <= lunch.latest:
        yield f"{key}: lunch starts at {at}, not from {lunch.earliest} to {lunch.latest}"
    if not turn.head and at < turn.free:
        yield f"{key}: lunch starts at {at}, before the technician is free at {turn.free}"
    for start, end, name in _busy(turn):
        if start < at + lunch.seconds and at < end:
            yield f"{key}: lunch at {at} meets travel or service ({name}) from {start} to {end}"


def _limits(turn: Turn) -> Iterator[str]:
    technician, end = turn.technician, turn.route.end
    if end is None:
        return
    limit = technician.shift_end + technician.overtime_limit_seconds
    if end > limit:
        yield f"{technician.key}: the route ends at {end}, the limit is {limit}"
    away = end - left_at(turn.route)
    if technician.longest_seconds is not None and away > technician.longest_seconds:
        yield f"{technician.key}: is away for {away} s, at most {technician.longest_seconds} s are allowed"
    if technician.most_visits is not None and len(turn.route.stops) > technician.most_visits:
        many = len(turn.route.stops)
        yield f"{technician.key}: has {many} visits, at most {technician.most_visits} are allowed"
