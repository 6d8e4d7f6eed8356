"""The plain simulation: an order of visits as a Route with its times and price, apart from the kernels.

For routes of engines that do not know every rule: the fallback's and the opponents' of the benchmark.
Written apart from the kernels and from the judge, without numba.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional

from optimizer.plan import Restock, Route, Stop
from optimizer.prices import Prices
from optimizer.problem import Depot, Problem, Technician, Visit, Window
from optimizer.ways import Ways, clear

NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Timed:
    """A route that keeps every hard rule, and what it adds to the objective."""

    route: Route
    price: int


class Leg(NamedTuple):
    """One place to go to: a visit's, or (visit None) a depot's."""

    location: int
    seconds: int
    visit: Visit | None


class Mark(NamedTuple):
    """The technician is ready at `ready` after some legs; `price` is that of the starts so far."""

    ready: int
    price: int
    lunch: int | None
    times: tuple[int, int, int, int]
    """Of the last leg: travel, arrive, start, end."""
    before: Optional["Mark"]


class Fetch(NamedTuple):
    """A stop at a depot before the leg at `position`."""

    depot: Depot
    position: int
    parts: Mapping[str, int]
    tools: tuple[str, ...]


def starts(visit: Visit) -> tuple[Window, ...]:
    """The windows that bind a movable visit, sorted; a pinned time stands in for the promised ones."""
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        return (Window(visit.planned.start, visit.planned.start),)
    windows = visit.windows or (Window(-NEVER, NEVER),)
    return tuple(sorted(windows, key=lambda window: (window.start, window.end)))


class Simulation:
    """Times routes of one Problem (it must have passed `check`)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.visits = {visit.key: visit for visit in problem.visits}
        self.prices = Prices(problem)
        self.ways = Ways(problem)
        self._windows = {visit.key: starts(visit) for visit in problem.visits}

    def time(
        self,
        technician: Technician,
        order: Sequence[str],
        *,
        fetch: Fetch | None = None,
        not_before: Mapping[str, int] | None = None,
    ) -> Timed | None:
        """The cheapest times of visits in this order (fixed ones first); None: some hard rule breaks.

        It starts and ends where the technician does, as early as it can, and leaves as late as that
        allows where hours have a price or a limit. `not_before` bounds starts. Skills, parts and whom a
        visit may go to are not looked at here.
        """
        if not order:
            return Timed(Route(technician.key), 0)
        day = _Day(self, technician, not_before=not_before or {})
        legs = [
            Leg(self.visits[key].location, self.visits[key].service_seconds, self.visits[key])
            for key in order
        ]
        if fetch is not None:
            legs.insert(fetch.position, Leg(fetch.depot.location, fetch.depot.service_seconds, None))
        timed = day.run(legs, leave=day.leave, fetch=fetch)
        paid = technician.hourly_price or technician.longest_seconds is not None
        if timed is None or technician.fixed or not paid:
            return day.within(timed)
        # The first stop may start later too, where there is a wait behind it.
        low, high = timed.route.leave or day.leave, timed.route.end or day.leave
        while low < high:
            middle = (low + high + 1) // 2
            later = day.run(legs, leave=middle, fetch=fetch)
            if later is not None and later.route.end == timed.route.end and later.price <= timed.price:
                low, timed = middle, later
            else:
                high = middle - 1
        return day.within(timed)

    def first_start(self, technician: Technician, visit: Visit, *, ready: int) -> int | None:
        """The first start from `ready` on inside a window and clear of absences."""
        for window in self._windows[visit.key]:
            at = clear(max(ready, window.start), visit.service_seconds, absences=technician.absences)
            if at <= window.end:
                return at
        return None


class _Day:
    """One technician's day: the marks with lunch open and with lunch taken go from leg to leg."""

    def __init__(
        self, simulation: Simulation, technician: Technician, *, not_before: Mapping[str, int]
    ) -> None:
        self.simulation, self.technician, self.not_before = simulation, technician, not_before
        self.problem = simulation.problem
        available = technician.available_from
        self.leave = technician.shift_start if available is None else max(technician.shift_start, available)
        if not technician.fixed:
            self.leave = max(self.leave, self.problem.earliest_start)
        self.owed = False
        """Whether a lunch must be found, once the fixed head is done."""

    def within(self, timed: Timed | None) -> Timed | None:
        """None instead of a route that is longer than the technician may be out."""
        longest = self.technician.longest_seconds
        if timed is None or longest is None or len(timed.route.stops) <= len(self.technician.fixed):
            return timed
        out = (timed.route.end or 0) - (timed.route.leave or 0)
        return None if out > longest else timed

    def run(self, legs: Sequence[Leg], *, leave: int, fetch: Fetch | None) -> Timed | None:
        """The cheapest day of these legs that leaves at `leave`."""
        marks = [Mark(leave, 0, None, (0, 0, 0, 0), None)]
        place = self.technician.start_location
        fixed = len(self.technician.fixed)
        for leg in legs[:fixed]:
            marks = [self._fact(marks[0], place, leg=leg)]
            place = leg.location
        if len(legs) == fixed:
            return self._end(legs, self._home(marks, place, facts=True), fetch=fetch)
        ready = max(marks[0].ready, self.problem.earliest_start)
        marks = [marks[0]._replace(ready=ready)]
        lunch, free = self.technician.lunch, ready if fixed else self.leave
        self.owed = lunch is not None and free <= lunch.latest
        for leg in legs[fixed:]:
            marks = _best(mark for one in marks for mark in self._step(one, place, leg=leg))
            if not marks:
                return None
            place = leg.location
        return self._end(legs, self._home(marks, place, facts=False), fetch=fetch)

    def _fact(self, mark: Mark, place: int, *, leg: Leg) -> Mark:
        """A fixed visit: it started when it started, or starts as planned or as soon after as it can."""
        visit = leg.visit
        assert visit is not None  # noqa: S101  # a depot is never before the fixed head
        travel = self.simulation.ways.arrival(place, leg.location, leave=mark.ready) - mark.ready
        planned = visit.planned
        arrive = mark.ready + travel
        if planned is not None and planned.start <= self.problem.earliest_start:
            start = planned.start
        else:
            ready = max(arrive, planned.start if planned else arrive, self.not_before.get(visit.key, arrive))
            found = self.simulation.first_start(self.technician, visit, ready=ready)
            start = ready if found is None else found
        price = mark.price + self.simulation.prices.start(visit, start)
        times = (travel, min(arrive, start), start, start + leg.seconds)
        return Mark(start + leg.seconds, price, None, times, mark)

    def _step(self, mark: Mark, place: int, *, leg: Leg) -> Iterator[Mark]:
        """Drive to a movable visit or a depot and serve it; lunch, where still owed, on either side."""
        ways, absences = self.simulation.ways, self.technician.absences
        lunch = self.technician.lunch
        leave, arrive = ways.way(place, leg.location, ready=mark.ready, absences=absences)
        plain = self._served(mark, leg, drive=(leave, arrive), ready=arrive)
        if lunch is None or not self.owed or mark.lunch is not None:
            if plain is not None:
                yield plain
            return
        if plain is not None and plain.ready <= lunch.latest:
            yield plain
        at = clear(max(arrive, lunch.earliest), lunch.seconds, absences=absences)
        if at <= lunch.latest and leg.visit is not None:
            after = self._served(mark, leg, drive=(leave, arrive), ready=at + lunch.seconds)
            if after is not None:
                yield after._replace(lunch=at)
        at = clear(max(mark.ready, lunch.earliest), lunch.seconds, absences=absences)
        if at <= lunch.latest:
            drive = ways.way(place, leg.location, ready=at + lunch.seconds, absences=absences)
            before = self._served(mark, leg, drive=drive, ready=drive[1])
            if before is not None:
                yield before._replace(lunch=at)

    def _served(self, mark: Mark, leg: Leg, *, drive: tuple[int, int], ready: int) -> Mark | None:
        visit, (leave, arrive) = leg.visit, drive
        price = mark.price
        if visit is None:
            start: int | None = clear(ready, leg.seconds, absences=self.technician.absences)
        else:
            ready = max(ready, self._hold(visit), self.not_before.get(visit.key, ready))
            start = self.simulation.first_start(self.technician, visit, ready=ready)
        if start is None or (visit is not None and start > self._certified_until(visit)):
            return None
        if visit is not None:
            price += self.simulation.prices.start(visit, start)
        times = (arrive - leave, arrive, start, start + leg.seconds)
        return Mark(start + leg.seconds, price, mark.lunch, times, mark)

    def _certified_until(self, visit: Visit) -> int:
        return min(
            (self.technician.certified_until.get(skill, NEVER) for skill in visit.skills), default=NEVER
        )

    def _hold(self, visit: Visit) -> int:
        """Where planned starts are held, the technician of the plan waits for them."""
        planned, policy = visit.planned, self.problem.policy
        if planned is None or not policy.hold_planned_starts or planned.technician != self.technician.key:
            return self.leave
        return planned.start - policy.start_tolerance_seconds

    def _home(self, marks: Sequence[Mark], place: int, *, facts: bool) -> list[Mark]:
        """Every mark at the end location, lunch before the way where one is still owed."""
        technician, lunch = self.technician, self.technician.lunch
        there, found = technician.end_location, list[Mark]()
        absences = () if facts else technician.absences
        for mark in marks:
            at: int | None = mark.lunch
            leave, end = self.simulation.ways.way(place, there, ready=mark.ready, absences=absences)
            if not facts and lunch is not None and self.owed and at is None and end > lunch.latest:
                at = clear(max(mark.ready, lunch.earliest), lunch.seconds, absences=absences)
                if at > lunch.latest:
                    continue
                ready = at + lunch.seconds
                leave, end = self.simulation.ways.way(place, there, ready=ready, absences=absences)
            if facts or end <= technician.shift_end + technician.overtime_limit_seconds:
                found.append(Mark(end, mark.price, at, (end - leave, end, end, end), mark))
        return found

    def _end(self, legs: Sequence[Leg], ends: Sequence[Mark], *, fetch: Fetch | None) -> Timed | None:
        """The cheapest of the ends read out, ties to the earliest."""
        read = [self._read(legs, end, fetch=fetch) for end in ends]
        return min(read, key=lambda timed: (timed.price, timed.route.end or 0), default=None)

    def _read(self, legs: Sequence[Leg], end: Mark, *, fetch: Fetch | None) -> Timed:
        stops, restock, mark, leave = list[Stop](), None, end.before, end.ready
        for leg in reversed(legs):
            assert mark is not None  # noqa: S101  # there is a mark for each leg
            if leg.visit is not None:
                stops.append(Stop(leg.visit.key, *mark.times))
            elif fetch is not None:
                travel, arrive, _, done = mark.times
                restock = Restock(
                    fetch.depot.key, fetch.position, travel, arrive, done, fetch.parts, fetch.tools
                )
            # A lunch or an absence before the first way is spent at home.
            leave = mark.times[1] - mark.times[0]
            mark = mark.before
        route = Route(
            technician=self.technician.key,
            stops=tuple(reversed(stops)),
            lunch_start=end.lunch,
            return_travel_seconds=end.times[0],
            end=end.ready,
            restock=restock,
            leave=leave,
        )
        return Timed(route, end.price + self.simulation.prices.route(self.technician, route))


def _best(marks: Iterator[Mark]) -> list[Mark]:
    """With lunch open and with lunch taken: the marks that no other is both earlier and cheaper than."""
    kept: dict[bool, list[Mark]] = {False: [], True: []}
    for mark in sorted(marks, key=lambda mark: (mark.ready, mark.price)):
        front = kept[mark.lunch is None]
        if not front or mark.price < front[-1].price:
            front.append(mark)
    return kept[False] + kept[True]
