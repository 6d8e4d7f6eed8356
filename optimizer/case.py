"""The case before the judge: a problem with its lookups, and each route with what is known of its turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from optimizer.plan import Restock, Route, Stop
from optimizer.problem import Depot, Problem, Technician, Visit


@dataclass(frozen=True)
class Case:
    """A problem and the ways from keys to its rows."""

    problem: Problem

    @cached_property
    def visits(self) -> Mapping[str, Visit]:
        return {visit.key: visit for visit in self.problem.visits}

    @cached_property
    def technicians(self) -> Mapping[str, Technician]:
        return {technician.key: technician for technician in self.problem.technicians}

    @cached_property
    def depots(self) -> Mapping[str, Depot]:
        return {depot.key: depot for depot in self.problem.depots}

    @cached_property
    def facts(self) -> Mapping[str, frozenset[str]]:
        """Fixed visit → the technicians at whose head it stands."""
        found: dict[str, set[str]] = {}
        for technician in self.problem.technicians:
            for key in technician.fixed:
                found.setdefault(key, set()).add(technician.key)
        return {key: frozenset(keys) for key, keys in found.items()}

    def begun_at(self, visit: Visit) -> int | None:
        """When a fixed visit has begun; None: it has not."""
        planned = visit.planned
        if visit.key not in self.facts or planned is None or planned.start > self.problem.earliest_start:
            return None
        return planned.start


@dataclass(frozen=True, slots=True)
class Way:
    """One drive of a route as the plan states it: from `leave` to `arrive`."""

    name: str
    origin: int
    destination: int
    leave: int
    arrive: int
    position: int
    """Of the stop that it leads to; of the way home, the number of stops."""

    @property
    def seconds(self) -> int:
        return self.arrive - self.leave


@dataclass(frozen=True, slots=True)
class Turn:
    """One technician's route with its own problem's rows. `free`: when the first movable way may begin."""

    case: Case
    technician: Technician
    route: Route
    free: int

    @property
    def head(self) -> tuple[Stop, ...]:
        return self.route.stops[: len(self.technician.fixed)]

    @property
    def movable(self) -> tuple[Stop, ...]:
        return self.route.stops[len(self.technician.fixed) :]

    def visit(self, stop: Stop) -> Visit:
        return self.case.visits[stop.visit]

    def name(self, stop: Stop) -> str:
        return f"visit {stop.visit} with {self.technician.key}"

    def restock_before(self, position: int) -> Restock | None:
        """The stop at a known depot before the stop at that position."""
        restock = self.route.restock
        if restock is None or restock.position != position or restock.depot not in self.case.depots:
            return None
        return restock

    def ways(self) -> Iterator[Way]:
        """Every drive in order, the way home last."""
        place = self.technician.start_location
        for position, stop in enumerate(self.route.stops):
            restock = self.restock_before(position)
            if restock is not None:
                depot = self.case.depots[restock.depot]
                leave = restock.arrive - restock.travel_seconds
                name = f"the way to depot {depot.key}"
                yield Way(name, place, depot.location, leave, restock.arrive, position)
                place = depot.location
            location, leave = self.visit(stop).location, stop.arrive - stop.travel_seconds
            yield Way(f"the way to {stop.visit}", place, location, leave, stop.arrive, position)
            place = location
        if self.route.stops and self.route.end is not None:
            end, home = self.route.end, self.technician.end_location
            leave = end - self.route.return_travel_seconds
            yield Way("the return", place, home, leave, end, len(self.route.stops))


def first_way_begins(route: Route) -> int:
    """When the first drive of a route with stops begins."""
    restock, stop = route.restock, route.stops[0]
    if restock is not None and restock.position == 0:
        return restock.arrive - restock.travel_seconds
    return stop.arrive - stop.travel_seconds


def left_at(route: Route) -> int:
    """When the technician leaves; an engine that does not say so leaves when the first way begins."""
    return first_way_begins(route) if route.leave is None else route.leave
