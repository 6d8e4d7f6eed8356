"""Standing: a plan's routes as tracks whose order is kept, and what of it stays outside a model."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from optimizer.case import left_at
from optimizer.judge import free_from
from optimizer.partner.solving import Frame
from optimizer.partner.tracks import Call, Head, Seat, Track, location, needed_calls
from optimizer.plan import Plan, Route, Unassigned
from optimizer.problem import Problem

NONE = -1
"""No visit's place."""


@dataclass(frozen=True)
class Standing:
    """A plan, without the stops of one visit that is to be placed (its place in the Problem)."""

    problem: Problem
    plan: Plan
    without: int = NONE

    @cached_property
    def places(self) -> dict[str, int]:
        """Visit → its place in the Problem."""
        return {visit.key: place for place, visit in enumerate(self.problem.visits)}

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Visits that are facts."""
        return frozenset(key for technician in self.problem.technicians for key in technician.fixed)

    @cached_property
    def coupled(self) -> frozenset[str]:
        """Visits with a crew or a dependency."""
        rows = self.problem.dependencies
        found = {visit.key for visit in self.problem.visits if visit.crew}
        return frozenset(found.union(*({row.first, row.second} for row in rows)))

    @cached_property
    def tracks(self) -> dict[str, Track]:
        """Technician → the track that keeps the order of its route."""
        routes = {route.technician: route for route in self.plan.routes}
        return {
            technician.key: self._track(place, routes.get(technician.key, Route(technician.key)))
            for place, technician in enumerate(self.problem.technicians)
        }

    def _track(self, place: int, route: Route) -> Track:
        technician = self.problem.technicians[place]
        head = route.stops[: len(technician.fixed)]
        free = free_from(self.problem, technician, route=route)
        must: list[Seat | Call] = []
        depots = {depot.key: number for number, depot in enumerate(self.problem.depots)}
        for position, stop in enumerate(route.stops):
            if route.restock is not None and route.restock.position == position:
                must.append(Call(depots[route.restock.depot]))
            if position >= len(head) and self.places[stop.visit] != self.without:
                must.append(Seat(self.places[stop.visit], stop.seat))
        if must and isinstance(must[-1], Call):
            must.pop()
        at = route.lunch_start
        track = Track(
            technician=technician,
            head=Head(
                stops=head,
                location=location(self.problem, Seat(self.places[head[-1].visit], 0))
                if head
                else technician.start_location,
                free=free,
                leave=left_at(route) if head else None,
            ),
            must=tuple(must),
            lunch_start=at if at is not None and at < free else None,
        )
        if self.without in self.places_on(route) and not needed_calls(self.problem, track):
            # Only the visit that is taken out needed the depot.
            return replace(track, must=track.seats)
        return track

    def places_on(self, route: Route) -> set[int]:
        """The places of the visits on a route."""
        return {self.places[stop.visit] for stop in route.stops}

    @cached_property
    def routes_of(self) -> dict[str, list[str]]:
        """Visit → the technicians on whose routes it stands."""
        found: dict[str, list[str]] = {}
        for route in self.plan.routes:
            for stop in route.stops:
                found.setdefault(stop.visit, []).append(route.technician)
        return found

    def partners(self, visit: str) -> set[str]:
        """Technicians on whose routes the visit or one that it depends on, or that depends on it, stands."""
        rows = [row for row in self.problem.dependencies if visit in {row.first, row.second}]
        keys = {visit}.union(*({row.first, row.second} for row in rows))
        return {technician for key in keys for technician in self.routes_of.get(key, ())}

    def closure(self, technicians: Iterable[str], *, most: int) -> list[str]:
        """These technicians and those coupled to them, step by step, `most` together at the most."""
        found = list(dict.fromkeys(technicians))
        for technician in found:  # it grows while it is read
            for seat in self.tracks[technician].seats:
                visit = self.problem.visits[seat.visit].key
                if visit in self.coupled:
                    new = sorted(self.partners(visit) - set(found))
                    found += new[: max(0, most - len(found))]
        return found

    def frame(self, inside: Collection[str]) -> Frame:
        """What stands outside a model of these technicians: facts, and visits with a seat elsewhere."""
        starts: dict[int, int] = {}
        taken: dict[tuple[int, str], int] = {}
        depots = {depot.key: number for number, depot in enumerate(self.problem.depots)}
        for route in self.plan.routes:
            for stop in route.stops:
                place = self.places[stop.visit]
                if place != self.without and (route.technician not in inside or stop.visit in self.fixed):
                    starts[place] = stop.start
            if route.restock is not None and route.technician not in inside:
                for part, count in route.restock.parts.items():
                    at = depots[route.restock.depot], part
                    taken[at] = taken.get(at, 0) + count
        return Frame(starts, taken)

    def replaced(self, routes: Iterable[Route]) -> Plan:
        """The plan with these routes instead, not yet scored."""
        new = {route.technician: route for route in routes}
        old = {route.technician: route for route in self.plan.routes}
        keys = [technician.key for technician in self.problem.technicians]
        found = tuple(new.get(key) or old.get(key) or Route(key) for key in keys)
        served = {stop.visit for route in found for stop in route.stops}
        reasons = {row.visit: row.reasons for row in self.plan.unassigned}
        out = tuple(
            Unassigned(visit.key, reasons.get(visit.key, ()))
            for visit in self.problem.visits
            if visit.key not in served
        )
        return Plan(routes=found, unassigned=out, objective=self.plan.objective)
