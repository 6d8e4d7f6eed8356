"""The roster: a Problem as an OR-Tools routing model, with the rules that can be said there.

Lunch is cut out of the day where all share one, else taken off the shift; a way takes the longest of its
slices; depot stops, absences, held starts and fairness are left to the assembly.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from optimizer import lunches
from optimizer.assembly import Assembly, Orders, may_go
from optimizer.prices import Prices
from optimizer.problem import Problem, Technician, Visit
from optimizer.simulation import NEVER, starts
from optimizer.supplies import offered

PINNED_EXTRA = 1_000_000_000
MOST_PAIR_CELLS = 20_000_000
"""Beyond so many cells of all technicians' matrices, prices of pairs are left to the assembly."""
HOUR, DAY = 3_600, 86_400
STOP_CHECKS = 64
"""`stop` is asked once in so many checks of the search."""


class Roster:
    """One routing model. Nodes: the movable visits, then each technician's start, then each one's end."""

    def __init__(self, problem: Problem, *, seed: int) -> None:
        self.problem, self.prices = problem, Prices(problem)
        self.cut = lunches.cut(problem)
        self.scale = 1 if all(row.hourly_price % HOUR == 0 for row in problem.technicians) else 100
        heads = Assembly(problem).timed
        self.heads = [heads[row.key].route for row in problem.technicians]
        self.ready = [self._ready(place) for place in range(len(self.heads))]
        self.origin = min(self._place(at) for at in self.ready)
        self.able: dict[str, list[int]] = {}
        self.visits = self._choice()
        count, crew = len(self.visits), len(self.heads)
        begins = [count + place for place in range(crew)]
        ends = [count + crew + place for place in range(crew)]
        self.manager = pywrapcp.RoutingIndexManager(count + 2 * crew, crew, begins, ends)
        self.routing = pywrapcp.RoutingModel(self.manager)
        self.routing.solver().ReSeed(seed)
        self.index = {visit.key: self.manager.NodeToIndex(place) for place, visit in enumerate(self.visits)}
        self.locations = self._locations()
        self._costs()
        self.clock = self._times()
        self._vehicles()
        self._visits()
        self._supplies()
        self._dependencies()

    def solve(
        self,
        warm: Orders,
        *,
        seconds: float | None,
        checks: int | None,
        offer: Callable[[Callable[[], Orders]], None] | None,
        stop: Callable[[], bool] | None,
    ) -> Orders | None:
        """The best orders found; None: no solution. `offer` gets what reads the solution that stands.

        `checks` ends the search after so many branches: guided local search ends by itself for no number
        of solutions.
        """
        began = time.perf_counter()
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = (
            routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        )
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        # Without a limit routing warns of a search that may run forever.
        parameters.time_limit.FromSeconds(DAY)
        if offer is not None:
            self.routing.AddAtSolutionCallback(lambda: offer(lambda: self._read(self._follow)))
        if stop is not None or checks is not None:
            self.routing.AddSearchMonitor(self.routing.solver().CustomLimit(_limit(checks, stop)))
        self.routing.CloseModelWithParameters(parameters)
        # Closing the model takes seconds on large days, which routing's own limit does not count.
        left = DAY if seconds is None else seconds - (time.perf_counter() - began)
        parameters.time_limit.FromMilliseconds(max(1, round(1_000 * left)))
        begun = self._start(warm)
        if begun is None:
            found = self.routing.SolveWithParameters(parameters)
        else:
            found = self.routing.SolveFromAssignmentWithParameters(begun, parameters)
        return None if found is None else self._read(lambda index: found.Value(self.routing.NextVar(index)))

    def _start(self, warm: Orders) -> pywrapcp.Assignment | None:
        """The warm orders as an assignment; None: there are none, or routing refuses them."""
        if not warm:
            return None
        rows = [
            [self.manager.IndexToNode(self.index[key]) for key in warm.get(row.key, ()) if key in self.index]
            for row in self.problem.technicians
        ]
        return self.routing.ReadAssignmentFromRoutes(rows, True)

    def _follow(self, index: int) -> int:
        return int(self.routing.NextVar(index).Value())

    def _read(self, follow: Callable[[int], int]) -> Orders:
        orders: dict[str, list[str]] = {}
        for place, technician in enumerate(self.problem.technicians):
            order, index = list[str](), follow(self.routing.Start(place))
            while not self.routing.IsEnd(index):
                order.append(self.visits[self.manager.IndexToNode(index)].key)
                index = follow(index)
            orders[technician.key] = order
        return orders

    def _ready(self, place: int) -> int:
        """When the technician's first movable way may begin."""
        technician, head = self.problem.technicians[place], self.heads[place].stops
        available = technician.available_from
        ready = technician.shift_start if available is None else max(technician.shift_start, available)
        return max(ready, self.problem.earliest_start, head[-1].end if head else ready)

    def _place(self, at: int) -> int:
        """A time on the axis without lunch."""
        return at if self.cut is None else self.cut.place(at)

    def _limit(self, place: int) -> int:
        """The last end of the route, counted from the origin."""
        technician = self.problem.technicians[place]
        limit = self._place(technician.shift_end + technician.overtime_limit_seconds)
        lunch = technician.lunch
        if self.cut is None and lunch is not None and self.ready[place] <= lunch.latest < limit:
            limit -= lunch.seconds
        return limit - self.origin

    def _choice(self) -> list[Visit]:
        """The movable visits that somebody may serve within the days that there are."""
        fixed = {key for row in self.problem.technicians for key in row.fixed}
        horizon = max(self._limit(place) for place in range(len(self.heads)))
        found = []
        for visit in self.problem.visits:
            if visit.key in fixed or not self._who(visit):
                continue
            spans = self._spans(visit)
            if any(end >= 0 and start <= horizon for start, end in spans):
                found.append(visit)
        return found

    def _who(self, visit: Visit) -> list[int]:
        if visit.key not in self.able:
            self.able[visit.key] = self._able(visit)
        return self.able[visit.key]

    def _able(self, visit: Visit) -> list[int]:
        return [
            place
            for place, row in enumerate(self.problem.technicians)
            if may_go(self.problem, row, visit)
            and all(tool in row.tools or offered(self.problem, tool=tool) for tool in visit.tools)
        ]

    def _spans(self, visit: Visit) -> list[tuple[int, int]]:
        """The windows counted from the origin, on the axis without lunch."""
        return [
            (self._place(window.start) - self.origin, self._place(window.end) - self.origin)
            for window in starts(visit)
        ]

    def _locations(self) -> NDArray[np.int64]:
        known = {visit.key: visit.location for visit in self.problem.visits}
        begins = [
            known[head.stops[-1].visit] if head.stops else row.start_location
            for head, row in zip(self.heads, self.problem.technicians, strict=True)
        ]
        ends = [row.end_location for row in self.problem.technicians]
        return np.array([visit.location for visit in self.visits] + begins + ends, dtype=np.int64)

    def _matrix(self, travel: NDArray[np.int32]) -> NDArray[np.int64]:
        return travel[np.ix_(self.locations, self.locations)].astype(np.int64)

    def _costs(self) -> None:
        """Travel, and in one matrix for each kind of technician the prices of pairs."""
        travel = self.problem.travel_seconds
        mean = travel if travel.ndim == 2 else np.rint(travel.mean(axis=0)).astype(np.int32)
        costs = self._matrix(mean) * self.problem.policy.travel_weight
        rows = self.problem.technicians
        pairs = [tuple(self.prices.pair(row, visit) for visit in self.visits) for row in rows]
        if len(set(pairs)) * costs.size > MOST_PAIR_CELLS:
            pairs = [(0,) * len(self.visits)] * len(rows)
        known: dict[tuple[int, ...], int] = {}
        for place, row in enumerate(pairs):
            if row not in known:
                priced = costs.copy()
                priced[:, : len(row)] += np.array(row, dtype=np.int64)
                known[row] = self.routing.RegisterTransitMatrix((priced * self.scale).tolist())
            self.routing.SetArcCostEvaluatorOfVehicle(known[row], place)

    def _times(self) -> pywrapcp.RoutingDimension:
        travel = self.problem.travel_seconds
        ways = self._matrix(travel if travel.ndim == 2 else travel.max(axis=0))
        ways[: len(self.visits)] += np.array(
            [[visit.service_seconds] for visit in self.visits], dtype=np.int64
        ).reshape(-1, 1)
        transit = self.routing.RegisterTransitMatrix(ways.tolist())
        horizon = max(1, *(self._limit(place) for place in range(len(self.heads))))
        self.routing.AddDimension(transit, horizon, horizon, False, "time")
        return self.routing.GetDimensionOrDie("time")

    def _vehicles(self) -> None:
        """Shifts, overtime, hours, and how long and how much."""
        policy = self.problem.policy
        for place, row in enumerate(self.problem.technicians):
            limit, begin = max(0, self._limit(place)), self._place(self.ready[place]) - self.origin
            end = self.routing.End(place)
            if begin <= limit:
                self.clock.CumulVar(self.routing.Start(place)).SetRange(begin, limit)
                self.clock.CumulVar(end).SetRange(begin, limit)
            else:
                self.routing.solver().Add(self.routing.NextVar(self.routing.Start(place)) == end)
            if row.overtime_limit_seconds and policy.overtime_weight:
                over = max(0, limit - row.overtime_limit_seconds)
                self.clock.SetCumulVarSoftUpperBound(end, over, policy.overtime_weight * self.scale)
            if row.hourly_price:
                self.clock.SetSpanCostCoefficientForVehicle(row.hourly_price * self.scale // HOUR, place)
            if row.longest_seconds is not None:
                self.clock.SetSpanUpperBoundForVehicle(max(0, row.longest_seconds - self._lunch(row)), place)
            if row.fixed:
                self.routing.SetVehicleUsedWhenEmpty(True, place)
            else:
                self.routing.SetFixedCostOfVehicle(row.shift_price * self.scale, place)

    def _lunch(self, technician: Technician) -> int:
        return 0 if technician.lunch is None else technician.lunch.seconds

    def _visits(self) -> None:
        """Who may go, when, and what it costs to come late or not at all."""
        for visit in self.visits:
            index = self.index[visit.key]
            penalty = self.prices.left_out(visit) + (PINNED_EXTRA if visit.pin else 0)
            self.routing.AddDisjunction([index], penalty * self.scale)
            self.routing.VehicleVar(index).SetValues([-1, *self._who(visit)])
            cumul = self.clock.CumulVar(index)
            latest = int(cumul.Max())
            spans = [(max(0, a), min(b, latest)) for a, b in self._spans(visit) if b >= 0 and a <= latest]
            reached = spans[0][1]
            cumul.SetRange(spans[0][0], max(end for _, end in spans))
            for start, end in spans[1:]:
                if reached + 1 < start:
                    cumul.RemoveInterval(reached + 1, start - 1)
                reached = max(reached, end)
            if visit.due is not None and visit.lateness_weight and visit.due < NEVER:
                due = max(0, self._place(visit.due) - self.origin)
                if due < latest:
                    self.clock.SetCumulVarSoftUpperBound(index, due, visit.lateness_weight * self.scale)

    def _supplies(self) -> None:
        """Parts that no depot has, and how many visits somebody takes on, as loads."""
        rows = self.problem.technicians
        parts = {part for visit in self.visits for part in visit.parts}
        known = {visit.key: visit for visit in self.problem.visits}
        for part in sorted(part for part in parts if not offered(self.problem, part=part)):
            used = [sum(known[key].parts.get(part, 0) for key in row.fixed) for row in rows]
            room = [max(0, row.stock.get(part, 0) - gone) for row, gone in zip(rows, used, strict=True)]
            self._load(f"part {part}", [visit.parts.get(part, 0) for visit in self.visits], room)
        if any(row.most_visits is not None for row in rows):
            most = [
                len(self.visits) if row.most_visits is None else max(0, row.most_visits - len(row.fixed))
                for row in rows
            ]
            self._load("visits", [1] * len(self.visits), most)

    def _load(self, name: str, need: Sequence[int], room: Sequence[int]) -> None:
        demand = self.routing.RegisterUnaryTransitVector([*need, *([0] * (2 * len(room)))])
        self.routing.AddDimensionWithVehicleCapacity(demand, 0, list(room), True, name)

    def _dependencies(self) -> None:
        """A visit after another; the days and the longest gap are left to the assembly."""
        solver, services = self.routing.solver(), self._services()
        for row in self.problem.dependencies:
            first, second = self.index.get(row.first), self.index.get(row.second)
            if first is None or second is None:
                continue
            gap = services[row.first] + row.gap_seconds
            solver.Add(self.routing.ActiveVar(second) <= self.routing.ActiveVar(first))
            solver.Add(self.clock.CumulVar(second) >= self.clock.CumulVar(first) + gap)

    def _services(self) -> Mapping[str, int]:
        return {visit.key: visit.service_seconds for visit in self.visits}


def _limit(checks: int | None, stop: Callable[[], bool] | None) -> Callable[[], bool]:
    """The search asks at every branch; `stop` is asked once in `STOP_CHECKS`."""
    asked = 0

    def is_over() -> bool:
        nonlocal asked
        asked += 1
        if checks is not None and asked > checks:
            return True
        return stop is not None and asked % STOP_CHECKS == 0 and stop()

    return is_over
