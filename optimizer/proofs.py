"""Proofs of one route: what the validator states to CP-SAT about its times and its technician.

Nothing here is shared with the judge or the kernels. A way by time of day is not driven again: it is
proven from the ends of the slices that lie between its own two times.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python.cp_model import Domain

from optimizer.bonds import Book, state_crews, state_dependencies, state_depots, state_supplies
from optimizer.ledger import Ledger
from optimizer.plan import Plan, Route, Stop
from optimizer.problem import Problem, Technician


@dataclass(frozen=True, slots=True)
class _Event:
    """A place on a route: driven to from `leave` to `arrive`, busy from `begin` to `end`."""

    name: str
    location: int
    leave: int
    arrive: int
    begin: int
    end: int
    fact: bool = False
    begun: int | None = None
    """The start of a fact that has begun."""


def state(ledger: Ledger, problem: Problem, plan: Plan) -> None:
    """Every rule of a plan that has the right shape."""
    book = Book(problem)
    for route in plan.routes:
        if route.stops:
            technician = book.technicians[route.technician]
            events = list(_events(book, technician, route=route))
            _state_ways(ledger, problem, technician, events=events)
            _state_order(ledger, problem, technician, events=events)
            _state_leave(ledger, problem, technician, route=route, first=events[0])
            for stop in route.stops:
                _state_service(ledger, book, stop=stop)
            if len(route.stops) > len(technician.fixed):
                _state_day(ledger, problem, technician, route=route, events=events)
                for stop in route.stops[len(technician.fixed) :]:
                    _state_fitness(ledger, book, technician, stop=stop)
                state_supplies(ledger, book, technician, route=route)
    state_depots(ledger, book, plan)
    state_crews(ledger, book, plan)
    state_dependencies(ledger, book, plan)


def _events(book: Book, technician: Technician, *, route: Route) -> Iterator[_Event]:
    """Everything that is driven to, home last."""
    for position, stop in enumerate(route.stops):
        restock = route.restock
        if restock is not None and restock.position == position:
            depot = book.depots[restock.depot]
            leave, begin = restock.arrive - restock.travel_seconds, restock.end - depot.service_seconds
            name = f"{technician.key} at depot {depot.key}"
            yield _Event(name, depot.location, leave, restock.arrive, begin, restock.end)
        visit = book.visits[stop.visit]
        fact, planned = position < len(technician.fixed), visit.planned
        begun = fact and planned is not None and planned.start <= book.problem.earliest_start
        yield _Event(
            f"{technician.key} at visit {stop.visit}",
            visit.location,
            stop.arrive - stop.travel_seconds,
            stop.arrive,
            stop.start,
            stop.end,
            fact,
            planned.start if begun and planned is not None else None,
        )
    end = route.end or 0
    name = f"{technician.key} at the end of the route"
    yield _Event(name, technician.end_location, end - route.return_travel_seconds, end, end, end)


def _state_ways(
    ledger: Ledger, problem: Problem, technician: Technician, *, events: Sequence[_Event]
) -> None:
    """Every way takes what the matrix of its time of day says."""
    matrix = problem.travel_seconds
    slices = [matrix] if matrix.ndim == 2 else list(matrix)
    place = technician.start_location
    for event in events:
        paces = [int(each[place, event.location]) for each in slices]
        stated = event.arrive - event.leave
        said = f"{event.name}: the plan says {stated} s for a way of"
        if event.begun is not None:
            ledger.within(stated, Domain(min(paces), max(paces)), f"{said} {min(paces)} to {max(paces)} s")
        elif len(paces) == 1:
            ledger.require(
                ledger.number(event.arrive) == ledger.number(event.leave) + paces[0], f"{said} {paces[0]} s"
            )
        else:
            _state_crossing(ledger, problem.travel_slices, event, paces=paces)
        place = event.location


def _state_crossing(ledger: Ledger, begins: Sequence[int], event: _Event, *, paces: Sequence[int]) -> None:
    """The way through the slices that begin between its times: what is left at each, at that one's pace."""
    kept = ledger.literal(f"{event.name}: the way from {event.leave} to {event.arrive} is not by the slices")
    place = max(0, bisect_right(begins, event.leave) - 1)
    last = max(place, bisect_left(begins, event.arrive) - 1)
    left, since = ledger.number(paces[place]), event.leave
    for crossed in range(place + 1, last + 1):
        before, onward, span = paces[crossed - 1], paces[crossed], begins[crossed] - since
        # Some of the way is left when the slice ends, and its share goes on at the new pace, rounded up.
        ledger.model.add(left >= span + 1).only_enforce_if(kept)
        after = ledger.model.new_int_var(0, onward, "")
        ledger.model.add(before * after >= onward * (left - span)).only_enforce_if(kept)
        ledger.model.add(before * after <= onward * (left - span) + before - 1).only_enforce_if(kept)
        left, since = after, begins[crossed]
    # Whatever is left takes nothing where the next slice begins on arrival and its way takes 0 s.
    at_once = last + 1 < len(begins) and begins[last + 1] == event.arrive and paces[last + 1] == 0
    most = paces[last] if at_once else event.arrive - since
    rest = Domain.from_intervals([[event.arrive - since, most]] if event.arrive - since <= most else [])
    ledger.model.add_linear_expression_in_domain(left, rest).only_enforce_if(kept)


def _free(problem: Problem, technician: Technician) -> int:
    """The first moment at which the technician may set out for a movable visit."""
    moments = [problem.earliest_start, technician.shift_start, technician.available_from]
    return max(moment for moment in moments if moment is not None)


def _state_order(
    ledger: Ledger, problem: Problem, technician: Technician, *, events: Sequence[_Event]
) -> None:
    """One thing after the other; of facts only those that have not begun are bound."""
    free, number = _free(problem, technician), ledger.number
    before: _Event | None = None
    for event in events:
        if event.begun is not None:
            ledger.require(number(event.begin) == event.begun, f"{event.name}: began at {event.begun}")
        else:
            if before is not None:
                said = f"{event.name}: the way starts at {event.leave}, before it can at {before.end}"
                ledger.require(number(event.leave) >= number(before.end), said)
            said = f"{event.name}: starts at {event.begin}, before the arrival at {event.arrive}"
            ledger.require(number(event.begin) >= number(event.arrive), said)
        first_movable = not event.fact and (before is None or before.fact) and event is not events[-1]
        if first_movable:
            said = f"{event.name}: the way starts at {event.leave}, before {free}"
            ledger.require(number(event.leave) >= free, said)
        before = event


def _state_leave(
    ledger: Ledger, problem: Problem, technician: Technician, *, route: Route, first: _Event
) -> None:
    if route.leave is None:
        return
    said = f"{technician.key}: leaves at {route.leave}, too early or after its first way begins"
    if not technician.fixed:
        ledger.require(ledger.number(route.leave) >= _free(problem, technician), said)
    if first.begun is None:
        ledger.require(ledger.number(route.leave) <= first.leave, said)


def _state_service(ledger: Ledger, book: Book, *, stop: Stop) -> None:
    visit = book.visits[stop.visit]
    said = f"visit {stop.visit}: is served {stop.end - stop.start} s, not {visit.service_seconds} s"
    begin, end = ledger.number(stop.start), ledger.number(stop.end)
    ledger.require(end - begin == visit.service_seconds, said)
    planned = visit.planned
    if stop.visit in book.facts and planned is not None:
        said = (
            f"visit {stop.visit}: starts at {stop.start}, before {planned.start}, for which it is dispatched"
        )
        ledger.require(begin >= planned.start, said)


def _state_day(
    ledger: Ledger, problem: Problem, technician: Technician, *, route: Route, events: Sequence[_Event]
) -> None:
    """Shift, limits, absences and lunch of a route that has a movable visit."""
    key, end = technician.key, route.end or 0
    limit = technician.shift_end + technician.overtime_limit_seconds
    ledger.require(ledger.number(end) <= limit, f"{key}: the route ends at {end}, the limit is {limit}")
    if technician.longest_seconds is not None:
        leave = events[0].leave if route.leave is None else route.leave
        away = ledger.number(end) - ledger.number(leave) <= technician.longest_seconds
        ledger.require(away, f"{key}: is away longer than {technician.longest_seconds} s")
    if technician.most_visits is not None:
        taken = ledger.number(len(route.stops)) <= technician.most_visits
        ledger.require(taken, f"{key}: has more than {technician.most_visits} visits")
    movable = [event for event in events if not event.fact]
    busy = [(event.leave, event.arrive) for event in movable if event.leave < event.arrive]
    busy += [(event.begin, event.end) for event in movable[:-1]]
    absences = [(absence.start, absence.end) for absence in technician.absences]
    if absences:
        ledger.apart(busy + absences, f"{key}: drives or serves in an absence")
    _state_lunch(ledger, problem, technician, route=route, busy=busy)


def _state_lunch(
    ledger: Ledger, problem: Problem, technician: Technician, *, route: Route, busy: list[tuple[int, int]]
) -> None:
    lunch, at, key, end = technician.lunch, route.lunch_start, technician.key, route.end or 0
    if lunch is None:
        return
    free = _free(problem, technician)
    if at is None:
        free = max([free, *(stop.end for stop in route.stops[: len(technician.fixed)])])
        if free <= lunch.latest:
            early = ledger.number(end) <= lunch.latest
            ledger.require(early, f"{key}: no lunch, though the route ends at {end}")
        return
    earliest = lunch.earliest if technician.fixed else max(lunch.earliest, free)
    window = Domain.from_intervals([[earliest, lunch.latest]] if earliest <= lunch.latest else [])
    ledger.within(at, window, f"{key}: lunch starts at {at}, not from {earliest} to {lunch.latest}")
    ledger.apart([*busy, (at, at + lunch.seconds)], f"{key}: lunch at {at} meets travel or service")


def _state_fitness(ledger: Ledger, book: Book, technician: Technician, *, stop: Stop) -> None:
    """The technician of a movable stop lies in the set of those who may be sent; its start in the windows."""
    visit, place, name = book.visits[stop.visit], book.places[technician.key], f"visit {stop.visit}"
    skills: Mapping[str, int] = visit.crew[stop.seat - 1] if stop.seat else visit.skills
    who = f"with {technician.key}"
    if skills:
        ledger.within(place, book.able(skills), f"{name} {who}: needs the skills {dict(skills)}")
    for skill in skills.keys() & technician.certified_until.keys():
        until = technician.certified_until[skill]
        valid = ledger.number(stop.start) <= until
        ledger.require(valid, f"{name} {who}: the certificate for {skill} ends at {until}")
    if visit.forbidden:
        ledger.within(place, book.allowed(visit.forbidden), f"{name} {who}: this technician is forbidden")
    if visit.territory is not None and not stop.seat and book.problem.policy.outside_territory_price is None:
        ledger.within(place, book.at_home(visit.territory), f"{name} {who}: outside the territories")
    planned, pin = visit.planned, visit.pin
    if planned is not None and pin in {"TECHNICIAN", "BOTH"} and not stop.seat:
        there = ledger.number(place) == book.places.get(planned.technician, -1)
        ledger.require(there, f"{name} {who}: pinned to technician {planned.technician}")
    if planned is not None and pin in {"TIME", "BOTH"}:
        then = ledger.number(stop.start) == planned.start
        ledger.require(then, f"{name} {who}: pinned to the start {planned.start}")
    elif visit.windows and pin not in {"TIME", "BOTH"}:
        inside = Domain.from_intervals([[window.start, window.end] for window in visit.windows])
        ledger.within(stop.start, inside, f"{name} {who}: starts at {stop.start}, outside every window")
