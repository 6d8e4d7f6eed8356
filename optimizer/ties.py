"""Ties: what visits on different routes owe each other: dependencies, and crews that have been sent."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from optimizer.plan import Route, Stop
from optimizer.problem import Dependency, Problem


class Ties:
    """Dependencies and sent crews of one Problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sent: dict[str, list[str]] = {}
        for technician in problem.technicians:
            for key in technician.fixed:
                self.sent.setdefault(key, []).append(technician.key)

    def bounds(self, routes: Iterable[Route]) -> dict[str, int]:
        """Visit → the start before which it may not begin, by the times of these routes."""
        found: dict[str, int] = {}
        stops = list(_stops(routes))
        by_key = {stop.visit: stop for stop in stops}
        for stop in stops:
            if len(self.sent.get(stop.visit, ())) > 1:
                found[stop.visit] = max(found.get(stop.visit, stop.start), stop.start)
        for row in self.problem.dependencies:
            first = by_key.get(row.first)
            if first is not None:
                bound = first.end + row.gap_seconds
                found[row.second] = max(found.get(row.second, bound), bound)
        return found

    def broken(self, routes: Iterable[Route]) -> set[str]:
        """Visits that would have to be left out; fixed ones are facts."""
        stops = {stop.visit: stop for stop in _stops(routes)}
        return {
            row.second
            for row in self.problem.dependencies
            if row.second in stops and row.second not in self.sent and not self._holds(row, stops)
        }

    def seats(self) -> dict[tuple[str, str], int]:
        """(technician, visit) → seat, for the crews that have been sent: the planned technician leads."""
        planned = {visit.key: visit.planned for visit in self.problem.visits}
        found: dict[tuple[str, str], int] = {}
        for key, names in self.sent.items():
            lead = planned[key]
            order = sorted(names, key=lambda name: lead is None or name != lead.technician)
            found |= {(name, key): seat for seat, name in enumerate(order)}
        return found

    def _holds(self, row: Dependency, stops: Mapping[str, Stop]) -> bool:
        first, second = stops.get(row.first), stops[row.second]
        if first is None:
            return False
        gap = second.start - first.end
        if gap < row.gap_seconds or (row.longest_gap_seconds is not None and gap > row.longest_gap_seconds):
            return False
        days = self.problem.day_starts
        return not row.same_day or bisect_right(days, first.start) == bisect_right(days, second.start)


def _stops(routes: Iterable[Route]) -> Iterator[Stop]:
    return (stop for route in routes for stop in route.stops)
