"""The assembly: orders of visits from any engine as a Plan that keeps every hard rule, in plain Python.

What does not fit is left out, then each visit that is out is tried in its nearest places.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from optimizer.judge import score
from optimizer.plan import Objective, Plan, Route, Unassigned
from optimizer.problem import Problem, Technician, Visit
from optimizer.simulation import Simulation, Timed
from optimizer.supplies import Supplies
from optimizer.ties import Ties

PLACES_TRIED = 200
"""For one visit so many places are timed, those of the least added travel first."""

Orders = Mapping[str, Sequence[str]]
"""Technician → visits in order; fixed visits may be left away."""


def assemble(
    problem: Problem,
    orders: Orders,
    *,
    places_tried: int = PLACES_TRIED,
    stop: Callable[[], bool] | None = None,
) -> Plan:
    """The plan of these orders (of a problem that has passed `check`).

    Unknown and repeated visits, and visits with technicians who may not serve them, are passed over; so
    are crews, but for those that have been sent. A route that breaks a rule loses the visit of the least
    penalty that mends it, until it holds. Then every visit left out is tried, the dearest first, until
    `stop` says so. The plan has passed the judge: ValueError names the rule if it has not.
    """
    table = Assembly(problem)
    table.take(orders)
    table.settle()
    table.place(places_tried, stop=stop)
    return table.plan()


def may_go(problem: Problem, technician: Technician, visit: Visit) -> bool:
    """Whether nothing but time and supplies could stand between the two."""
    if visit.crew or technician.key in visit.forbidden:
        return False
    planned = visit.planned
    if visit.pin in {"TECHNICIAN", "BOTH"} and planned is not None and planned.technician != technician.key:
        return False
    abroad = visit.territory is not None and visit.territory not in technician.territories
    if abroad and problem.policy.outside_territory_price is None:
        return False
    return all(technician.skills.get(skill, -1) >= level for skill, level in visit.skills.items())


class Assembly:
    """Routes under way: `orders` are keys of visits by technician, the fixed ones first."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.simulation, self.supplies, self.ties = Simulation(problem), Supplies(problem), Ties(problem)
        self.technicians = {row.key: row for row in problem.technicians}
        self.bounds: dict[str, int] = {}
        self.orders = {row.key: list(row.fixed) for row in problem.technicians}
        self.timed: dict[str, Timed] = {}
        for row in problem.technicians:
            self._mend(row)

    def take(self, orders: Orders) -> None:
        """Put in what may go there and fits."""
        seen = {key for order in self.orders.values() for key in order}
        for technician in self.problem.technicians:
            for key in orders.get(technician.key, ()):
                visit = self.simulation.visits.get(key)
                if visit is not None and key not in seen and may_go(self.problem, technician, visit):
                    self.orders[technician.key].append(key)
                    seen.add(key)
            self._mend(technician)

    def settle(self) -> None:
        """Let what depends on a visit start after it; what then still breaks a tie is left out."""
        for _ in range(2 * len(self.problem.dependencies) + 2):
            self.bounds = self.ties.bounds(self._routes())
            early = {
                timed.route.technician
                for timed in self.timed.values()
                for stop in timed.route.stops
                if stop.start < self.bounds.get(stop.visit, stop.start)
            }
            for key in early:
                self._mend(self.technicians[key])
            if not early:
                break
        while broken := self.ties.broken(self._routes()):
            for key, order in self.orders.items():
                if broken.intersection(order):
                    self.orders[key] = [visit for visit in order if visit not in broken]
                    self._mend(self.technicians[key])

    def place(self, places_tried: int, *, stop: Callable[[], bool] | None = None) -> None:
        """Try each visit that is out; twice where one may wait for another that is out."""
        if places_tried <= 0:
            return
        for _ in range(2 if self.problem.dependencies else 1):
            inside = {key for order in self.orders.values() for key in order}
            out = [visit for visit in self.problem.visits if visit.key not in inside and not visit.crew]
            for visit in sorted(out, key=self.simulation.prices.left_out, reverse=True):
                if stop is not None and stop():
                    return
                self.bounds = self.ties.bounds(self._routes()) if self.problem.dependencies else self.bounds
                self._place(visit, places_tried)

    def plan(self) -> Plan:
        """The routes as a judged Plan."""
        seats = self.ties.seats()
        routes = tuple(
            replace(
                route,
                stops=tuple(
                    replace(stop, seat=seats.get((route.technician, stop.visit), 0)) for stop in route.stops
                ),
            )
            for route in self._routes()
        )
        inside = {stop.visit for route in routes for stop in route.stops}
        out = tuple(Unassigned(visit.key) for visit in self.problem.visits if visit.key not in inside)
        plan = Plan(routes, out, Objective(0, 0, 0, 0, 0, 0))
        return replace(plan, objective=score(self.problem, plan))

    def _routes(self) -> list[Route]:
        return [self.timed[row.key].route for row in self.problem.technicians if row.key in self.timed]

    def _time(self, technician: Technician, order: Sequence[str]) -> Timed | None:
        """The cheapest times of this order, with a depot stop where the van lacks something."""
        most = technician.most_visits
        if most is not None and len(order) > max(most, len(technician.fixed)):
            return None
        others = [
            timed.route.restock
            for key, timed in (self.timed.items() if self.problem.depots else ())
            if key != technician.key and timed.route.restock is not None
        ]
        found = [
            self.simulation.time(technician, order, fetch=fetch, not_before=self.bounds)
            for fetch in self.supplies.fetches(technician, order, others=others)
        ]
        return min(
            (timed for timed in found if timed is not None), key=lambda timed: timed.price, default=None
        )

    def _mend(self, technician: Technician) -> None:
        """Time the route; while it breaks a rule, leave out the visit that mends it for the least penalty."""
        order = self.orders[technician.key]
        while (timed := self._time(technician, order)) is None:
            chances = []
            for position in range(len(technician.fixed), len(order)):
                visit = self.simulation.visits[order[position]]
                rest = self._time(technician, order[:position] + order[position + 1 :])
                penalty = self.simulation.prices.left_out(visit)
                chances.append((rest is None, penalty, -visit.service_seconds, position))
            del order[min(chances)[-1]]
        self.timed[technician.key] = timed

    def _place(self, visit: Visit, places_tried: int) -> None:
        """Put the visit where it costs least among its nearest places, if that is less than its penalty."""
        limit = self.simulation.prices.left_out(visit)
        best: tuple[float, str, int, Timed] | None = None
        most = float("inf") if visit.pin is not None else float(limit)
        for added, key, position in self._places(visit)[:places_tried]:
            if added * self.problem.policy.travel_weight >= most:
                break
            order = self.orders[key]
            timed = self._time(self.technicians[key], [*order[:position], visit.key, *order[position:]])
            if timed is None or not self._keeps_ties(key, timed):
                continue
            if timed.price - self.timed[key].price < most:
                most = timed.price - self.timed[key].price
                best = (most, key, position, timed)
        if best is not None:
            _, key, position, timed = best
            self.orders[key].insert(position, visit.key)
            self.timed[key] = timed

    def _keeps_ties(self, key: str, timed: Timed) -> bool:
        if not self.problem.dependencies:
            return True
        return not self.ties.broken(
            timed.route if route.technician == key else route for route in self._routes()
        )

    def _places(self, visit: Visit) -> list[tuple[int, str, int]]:
        """(added travel, technician, position) of every place where the visit may go, the nearest first."""
        found = []
        for technician in self.problem.technicians:
            if not may_go(self.problem, technician, visit):
                continue
            order, visits = self.orders[technician.key], self.simulation.visits
            stations = [technician.start_location, *(visits[key].location for key in order)]
            stations.append(technician.end_location)
            far = self.simulation.ways.seconds
            for position in range(len(technician.fixed), len(order) + 1):
                tail, head = stations[position], stations[position + 1]
                idle = 0 if not order else far(tail, head)
                added = far(tail, visit.location) + far(visit.location, head) - idle
                found.append((added, technician.key, position))
        return sorted(found)
