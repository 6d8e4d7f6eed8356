"""Unfolding: a day whose visits become known as it goes, planned anew at each release (Pillac's protocol).

At a release the stops on the way to which technicians are, and all before them, are facts; what has become
known is planned together with what has not begun. A visit that finds no place then is rejected for good, and
none that was accepted is given up. Who has no further stop when the last one ends goes home for the day if
somebody with the same skills has not set out yet; else they stay there until called on, to the last release
or as long as they still get home in time, and the wait is in the executed day.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from optimizer import judge
from optimizer.efforts import Effort
from optimizer.plan import Objective, Plan, Restock, Route, Unassigned
from optimizer.problem import Planned, Problem, Technician, Visit

FIRST_SHARE = 0.2
"""Of the budget, for what is known at the start; the rest is shared evenly by the releases."""
ACCEPTED_WEIGHT = 10
"""So much more it costs to leave out what was accepted: nothing new may push it out."""
PLENTY = 1_000_000
"""Pieces of each part after a depot stop; how many were taken is said when the day is over."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """The executed day: every visit of the Problem, with what was rejected in `plan.unassigned`."""

    plan: Plan
    plannings: int
    rejected: tuple[str, ...]


@dataclass(slots=True)
class _Day:
    problem: Problem
    releases: Mapping[str, int]
    routes: dict[str, Route]
    begun: dict[str, int]
    """Technician → how many stops of the route are facts."""
    last: int
    """The last release."""
    home: set[str] = field(default_factory=set)
    """Technicians who have gone home for the day."""
    held: set[str] = field(default_factory=set)
    """Those who stay at their last stop."""
    accepted: set[str] = field(default_factory=set)
    rejected: dict[str, Unassigned] = field(default_factory=dict)


def unfold(
    problem: Problem,
    releases: Mapping[str, int],
    effort: Effort,
    *,
    on_plan: Callable[[Plan], None] | None = None,
) -> Unfolded:
    """Plan, execute and plan again to the end of the day; a visit without a release is known from the start.

    `on_plan` is called after each planning, and at each improvement of the first, with the day as it then
    stands, of the whole Problem. The executed times are those of the plans: nobody is late. With iterations
    and no seconds equal inputs give equal bytes.
    """
    problem.check()
    start = problem.earliest_start
    moments = sorted({date for date in releases.values() if date > start})
    keys = [technician.key for technician in problem.technicians]
    routes, last = {key: Route(key) for key in keys}, max([start, *moments])
    day = _Day(problem, releases, routes, dict.fromkeys(keys, 0), last)
    began = time.perf_counter()
    for place, moment in enumerate((start, *moments)):
        _freeze(day, moment)
        _send_home(day, moment)
        part = _part(effort, place, len(moments), time.perf_counter() - began)
        _plan(day, moment, part, on_plan if place == 0 else None)
        if on_plan is not None:
            on_plan(_executed(day))
    return Unfolded(_executed(day), 1 + len(moments), tuple(day.rejected))


def _part(effort: Effort, place: int, releases: int, spent: float) -> Effort:
    """What one planning may take: of iterations a share that is fixed, of seconds what then is left."""
    share = (FIRST_SHARE if place == 0 else (1 - FIRST_SHARE) / releases) if releases else 1.0
    part = effort.part(share)
    if effort.seconds is None or place == 0:
        return part
    left = max(0.0, effort.seconds - spent)
    return replace(part, seconds=left / (releases - place + 1))


def _freeze(day: _Day, moment: int) -> None:
    """What has begun before the moment is a fact from now on.

    Of a depot stop that has begun all up to the stop that first needs it, too: it must not be for nothing.
    """
    visits = {visit.key: visit for visit in day.problem.visits}
    for technician in day.problem.technicians:
        key, route = technician.key, day.routes[technician.key]
        count = sum(stop.arrive - stop.travel_seconds < moment for stop in route.stops)
        restock = route.restock
        if restock is not None and restock.arrive - restock.travel_seconds < moment:
            count = max(count, _first_use(technician, route, visits) + 1)
        day.begun[key] = max(day.begun[key], count)


def _first_use(technician: Technician, route: Route, visits: Mapping[str, Visit]) -> int:
    """The position of the first stop that the van could not serve without the depot stop."""
    need: Counter[str] = Counter()
    for position, stop in enumerate(route.stops):
        need.update(visits[stop.visit].parts)
        short = any(count > technician.stock.get(part, 0) for part, count in need.items())
        if short or visits[stop.visit].tools - technician.tools:
            return position
    return len(route.stops) - 1


def _plan(day: _Day, moment: int, effort: Effort, on_plan: Callable[[Plan], None] | None) -> None:
    known = _known(day, moment)
    new = [visit for visit in known if visit.key not in day.accepted]
    here = [row for row in day.problem.technicians if row.key not in day.home]
    stays = {stop.visit for row in here for stop in day.routes[row.key].stops}
    part = replace(
        day.problem,
        technicians=tuple(_technician(day, technician) for technician in here),
        visits=tuple(
            _visit(day, visit) for visit in known if visit.key in stays or visit.key not in day.accepted
        ),
        earliest_start=moment,
    )
    stands = Plan(tuple(_ahead(day, row.key) for row in here), (), Objective(0, 0, 0, 0, 0, 0))
    found = effort.solve(
        part,
        warm=stands if day.accepted else None,
        on_improvement=None if on_plan is None else lambda plan: on_plan(_executed(_first(day, plan))),
    )
    left = {row.visit: row for row in found.unassigned}
    if day.accepted & set(left):  # the engine gave up what is promised: the plan that stands is kept
        day.rejected |= {visit.key: left.get(visit.key, Unassigned(visit.key)) for visit in new}
        return
    for route in found.routes:
        day.routes[route.technician] = _joined(day, route)
    day.rejected |= left
    day.accepted |= {visit.key for visit in new} - set(left)


def _send_home(day: _Day, moment: int) -> None:
    """Who has served all they have goes home for the day, or is held where nobody else could do as well."""
    waiting = [row for row in day.problem.technicians if not day.routes[row.key].stops]
    for row in day.problem.technicians:
        stops = day.routes[row.key].stops
        if not stops or stops[-1].end >= moment:
            day.held.discard(row.key)
        elif row.key not in day.home | day.held:
            (day.home if any(_replaces(each, row) for each in waiting) else day.held).add(row.key)


def _replaces(technician: Technician, other: Technician) -> bool:
    return all(technician.skills.get(skill, -1) >= level for skill, level in other.skills.items())


def _waited(day: _Day, technician: Technician, route: Route) -> Route:
    """The route of somebody who is held: the way home begins at the last release, or when it must.

    A lunch that is owed then is taken while waiting. Who has an absence, or other ways by time of day, is
    held no longer than the last stop takes.
    """
    fixed_ways = len(day.problem.travel_slices) == 1 and not technician.absences
    if route.end is None or technician.key not in day.held or not fixed_ways:
        return route
    latest, way = technician.shift_end + technician.overtime_limit_seconds, route.return_travel_seconds
    if technician.longest_seconds is not None and route.leave is not None:
        latest = min(latest, route.leave + technician.longest_seconds)
    end = min(latest, day.last + way)
    lunch, done = technician.lunch, route.stops[-1].end
    if end > route.end and lunch is not None and route.lunch_start is None and end > lunch.latest:
        at = max(done, lunch.earliest)
        end = max(end, at + lunch.seconds + way)
        return route if end > latest else replace(route, end=end, lunch_start=at)
    return replace(route, end=max(route.end, end))


def _ahead(day: _Day, technician: str) -> Route:
    """The route that stands; a depot stop that is a fact is in the van's stock already."""
    route = day.routes[technician]
    return route if _restocked(day, technician) is None else replace(route, restock=None)


def _first(day: _Day, plan: Plan) -> _Day:
    """The day as that plan would have it, before anything has begun."""
    return replace(day, routes={route.technician: route for route in plan.routes})


def _known(day: _Day, moment: int) -> list[Visit]:
    return [
        visit
        for visit in day.problem.visits
        if day.releases.get(visit.key, moment) <= moment and visit.key not in day.rejected
    ]


def _head(day: _Day, technician: str) -> tuple[str, ...]:
    return tuple(stop.visit for stop in day.routes[technician].stops[: day.begun[technician]])


def _restocked(day: _Day, technician: str) -> Restock | None:
    """The depot stop that is a fact."""
    restock = day.routes[technician].restock
    return restock if restock is not None and restock.position < day.begun[technician] else None


def _technician(day: _Day, technician: Technician) -> Technician:
    """As they are at the moment; after a depot stop with all that is to be had there."""
    row = replace(technician, fixed=_head(day, technician.key))
    restock = _restocked(day, technician.key)
    if restock is None:
        return row
    depot = next(each for each in day.problem.depots if each.key == restock.depot)
    visits = day.problem.visits
    parts = {part for visit in visits for part in visit.parts}
    tools = (
        frozenset(tool for visit in visits for tool in visit.tools) if depot.tools is None else depot.tools
    )
    stock = dict.fromkeys(parts, PLENTY) if depot.stock is None else {**technician.stock}
    for part, count in restock.parts.items() if depot.stock is not None else ():
        stock[part] = stock.get(part, 0) + count
    return replace(row, stock=stock, tools=technician.tools | tools)


def _visit(day: _Day, visit: Visit) -> Visit:
    if visit.key not in day.accepted:
        return visit
    for key in day.routes:
        if visit.key in _head(day, key):
            start = next(stop.start for stop in day.routes[key].stops if stop.visit == visit.key)
            return replace(visit, planned=Planned(key, start))
    return replace(visit, unassigned_penalty=visit.unassigned_penalty * ACCEPTED_WEIGHT)


def _joined(day: _Day, new: Route) -> Route:
    """What is a fact as it was, and after it what is planned now."""
    old, count = day.routes[new.technician], day.begun[new.technician]
    if not count:
        return new
    restock = _restocked(day, new.technician)
    return replace(
        new,
        stops=(*old.stops[:count], *new.stops[count:]),
        restock=new.restock if restock is None else restock,
        leave=old.leave,
    )


def _executed(day: _Day) -> Plan:
    """The day as it stands; what is not known yet is among the unassigned, without a reason."""
    visits = {visit.key: visit for visit in day.problem.visits}
    routes = tuple(
        _waited(day, technician, _taken(technician, day.routes[technician.key], visits))
        for technician in day.problem.technicians
    )
    served = {stop.visit for route in routes for stop in route.stops}
    left = tuple(
        day.rejected.get(visit.key, Unassigned(visit.key))
        for visit in day.problem.visits
        if visit.key not in served
    )
    plan = Plan(routes, left, Objective(0, 0, 0, 0, 0, 0))
    if any(judge.violations(day.problem, plan)):
        return plan
    return replace(plan, objective=judge.score(day.problem, plan))


def _taken(technician: Technician, route: Route, visits: Mapping[str, Visit]) -> Route:
    """The route with what its depot stop had to give for the stops that came to follow it."""
    restock = route.restock
    if restock is None:
        return route
    need: Counter[str] = Counter()
    for stop in route.stops:
        need.update(visits[stop.visit].parts)
    parts = {part: count - technician.stock.get(part, 0) for part, count in sorted(need.items())}
    later = (visits[stop.visit].tools for stop in route.stops[restock.position :])
    tools = frozenset[str]().union(*later) - technician.tools
    missing = {part: count for part, count in parts.items() if count > 0}
    return replace(route, restock=replace(restock, parts=missing, tools=tuple(sorted(tools))))
