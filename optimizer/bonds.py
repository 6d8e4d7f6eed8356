"""Bonds: what the validator states to CP-SAT about vans, depots, crews and dependent visits."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from ortools.sat.python.cp_model import Domain

from optimizer.ledger import Ledger
from optimizer.plan import Plan, Restock, Route
from optimizer.problem import Depot, Problem, Technician, Visit

EVER = 1 << 41


@dataclass(frozen=True)
class Book:
    """A problem's rows by key, and sets of technicians (by their place) as domains."""

    problem: Problem
    _able: dict[frozenset[tuple[str, int]], Domain] = field(default_factory=dict)

    @cached_property
    def visits(self) -> dict[str, Visit]:
        return {visit.key: visit for visit in self.problem.visits}

    @cached_property
    def technicians(self) -> dict[str, Technician]:
        return {technician.key: technician for technician in self.problem.technicians}

    @cached_property
    def places(self) -> dict[str, int]:
        return {technician.key: place for place, technician in enumerate(self.problem.technicians)}

    @cached_property
    def depots(self) -> dict[str, Depot]:
        return {depot.key: depot for depot in self.problem.depots}

    @cached_property
    def facts(self) -> frozenset[str]:
        return frozenset(key for technician in self.problem.technicians for key in technician.fixed)

    def able(self, skills: Mapping[str, int]) -> Domain:
        """Those who have each of the skills at its level."""
        wanted = frozenset(skills.items())
        if wanted not in self._able:
            self._able[wanted] = _domain(
                place
                for place, row in enumerate(self.problem.technicians)
                if all(skill in row.skills and row.skills[skill] >= level for skill, level in wanted)
            )
        return self._able[wanted]

    def allowed(self, forbidden: AbstractSet[str]) -> Domain:
        return _domain(place for key, place in self.places.items() if key not in forbidden)

    def at_home(self, territory: str) -> Domain:
        rows = enumerate(self.problem.technicians)
        return _domain(place for place, row in rows if territory in row.territories)


def _domain(places: Iterable[int]) -> Domain:
    return Domain.from_values(list(places))


def state_supplies(ledger: Ledger, book: Book, technician: Technician, *, route: Route) -> None:
    """Parts and tools of a route with a movable visit, before and after its stop at a depot."""
    needs = [Counter() if stop.seat else Counter(book.visits[stop.visit].parts) for stop in route.stops]
    restock, head, key = route.restock, len(technician.fixed), technician.key
    spans = [(head, len(needs), Counter[str]())]
    if restock is not None:
        spans = [(head, restock.position, Counter()), (restock.position, len(needs), Counter(restock.parts))]
    for first, until, taken in spans:
        for part in sorted({part for need in needs[first:until] for part in need if need[part]}):
            last = max(place for place in range(first, until) if needs[place][part])
            need = sum(row[part] for row in needs[: last + 1])
            have = technician.stock.get(part, 0) + taken[part]
            said = f"{key}: the visits need {need} of part {part}, the van has {have}"
            ledger.require(ledger.number(need) <= have, said)
    _state_tools(ledger, book, technician, route=route)
    if restock is not None:
        _state_restock(ledger, book, technician, route=route, restock=restock)


def _state_tools(ledger: Ledger, book: Book, technician: Technician, *, route: Route) -> None:
    """A tool is in the van or has been taken along; each stop needs one of the two."""
    restock = route.restock
    for position, stop in enumerate(route.stops):
        if position < len(technician.fixed) or stop.seat:
            continue
        for tool in sorted(book.visits[stop.visit].tools):
            carried = tool in technician.tools
            fetched = restock is not None and restock.position <= position and tool in restock.tools
            there = ledger.number(int(carried)) + ledger.number(int(fetched)) >= 1
            ledger.require(there, f"visit {stop.visit} with {technician.key}: tool {tool} is not in the van")


def _state_restock(
    ledger: Ledger, book: Book, technician: Technician, *, route: Route, restock: Restock
) -> None:
    """Only what later stops need is taken, or the van lacks for facts; and only tools that the depot has."""
    depot, key = book.depots[restock.depot], technician.key
    leads = [(place, book.visits[stop.visit]) for place, stop in enumerate(route.stops) if not stop.seat]
    visits = [visit for place, visit in leads if place >= restock.position]
    taken = sum(restock.parts.values()) + len(restock.tools)
    ledger.require(ledger.number(taken) >= 1, f"{key}: takes nothing along at {depot.key}")
    for part, count in restock.parts.items():
        need = sum(visit.parts.get(part, 0) for visit in visits)
        lack = sum(visit.parts.get(part, 0) for _, visit in leads) - technician.stock.get(part, 0)
        said = f"{key}: takes {count} of part {part} at {depot.key}, the stops after it need {need}"
        ledger.require(ledger.number(count) <= max(need, lack if need else 0), said)
    for tool in restock.tools:
        wanted = sum(tool in visit.tools for visit in visits)
        had = depot.tools is None or tool in depot.tools
        said = f"{key}: takes tool {tool} at {depot.key}, which is not there or not needed after"
        ledger.require(ledger.number(wanted * had) >= 1, said)


def state_depots(ledger: Ledger, book: Book, plan: Plan) -> None:
    """Of each part the routes together take no more than the depot has."""
    for depot in book.problem.depots:
        rows = [route.restock for route in plan.routes if route.restock and route.restock.depot == depot.key]
        if depot.stock is None:
            continue
        for part in sorted({part for row in rows for part in row.parts}):
            have = depot.stock.get(part, 0)
            taken = sum(ledger.number(row.parts.get(part, 0)) for row in rows)
            ledger.require(
                taken <= have, f"depot {depot.key}: the routes take more than {have} of part {part}"
            )


def state_crews(ledger: Ledger, book: Book, plan: Plan) -> None:
    """All of a crew start together; who of them are there is a matter of the plan's shape."""
    starts: dict[str, list[int]] = {}
    for route in plan.routes:
        for stop in route.stops:
            if book.visits[stop.visit].crew and stop.visit not in book.facts:
                starts.setdefault(stop.visit, []).append(stop.start)
    for key, times in starts.items():
        for time in times[1:]:
            together = ledger.number(times[0]) - ledger.number(time) == 0
            ledger.require(together, f"visit {key}: its crew does not start together but at {sorted(times)}")


def state_dependencies(ledger: Ledger, book: Book, plan: Plan) -> None:
    """Gaps and days between plan times; a fact binds what waits for it and is itself bound by nothing."""
    times = {
        stop.visit: (stop.start, stop.end) for route in plan.routes for stop in route.stops if stop.seat == 0
    }
    days = [-EVER, *book.problem.day_starts, EVER]
    for row in book.problem.dependencies:
        if row.second in book.facts or row.second not in times:
            continue
        name = f"visit {row.second}"
        served = ledger.number(int(row.first in times)) == 1
        ledger.require(served, f"{name} is in the plan though {row.first}, which it waits for, is left out")
        if row.first not in times:
            continue
        (first_start, first_end), (start, _) = times[row.first], times[row.second]
        gap = Domain(row.gap_seconds, EVER if row.longest_gap_seconds is None else row.longest_gap_seconds)
        ledger.within(start - first_end, gap, f"{name} starts {start - first_end} s after {row.first} ends")
        if row.same_day:
            place = bisect_right(days, first_start)
            day = Domain(days[place - 1], days[place] - 1)
            ledger.within(start, day, f"{name} is not on the same day as {row.first}")
