"""PyVRP: prizes, a vehicle type for each kind of technician, skills and parts as loads, lunch cut out.

A due time is a deadline to it; of several windows it knows the first start and the last.
"""

from collections import defaultdict
from typing import Any

import pyvrp
from pyvrp.stop import MaxRuntime

from optimizer.assembly import Orders
from optimizer.problem import Technician
from tests.benchmarks.rivals import Day, Search

ROOM = 1_000_000
"""How much of a load a technician carries who meets what it stands for."""
HOUR = 3_600


def state(day: Day) -> Search:
    """The day as ProblemData."""
    problem = day.problem
    places = sorted(
        {place for row in problem.technicians for place in (row.start_location, row.end_location)}
    )
    depots = {place: number for number, place in enumerate(places)}
    kinds: dict[Any, list[str]] = defaultdict(list)
    for row in problem.technicians:
        kinds[_kind(day, row, depots)].append(row.key)
    keys = [visit.key for visit in problem.visits if day.windows(visit)]
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in range(len(day.travel))],
        clients=_clients(day),
        depots=[pyvrp.Depot(place) for place in places],
        vehicle_types=[
            pyvrp.VehicleType(num_available=len(same), **dict(kind)) for kind, same in kinds.items()
        ],
        distance_matrices=[day.travel * problem.policy.travel_weight],
        duration_matrices=[day.travel],
    )

    def search(seconds: float, seed: int) -> Orders:
        result = pyvrp.solve(data, MaxRuntime(seconds), seed=seed, collect_stats=False)
        return _orders(result.best, [list(same) for same in kinds.values()], keys)

    return search


def _kind(day: Day, row: Technician, depots: dict[int, int]) -> Any:
    """All that PyVRP knows of a technician; who is alike shares a vehicle type."""
    limit = day.shortened(day.limit(row) - day.origin)
    overtime = row.overtime_limit_seconds if day.problem.policy.overtime_weight else 0
    lunch = 0 if row.lunch is None else row.lunch.seconds
    if not day.cut.seconds:
        limit -= lunch
    begin = day.shortened(day.ready(row) - day.origin)
    longest = {} if row.longest_seconds is None else {"shift_duration": max(0, row.longest_seconds - lunch)}
    if overtime and row.longest_seconds is None:
        longest = {
            "shift_duration": max(0, limit - overtime - begin),
            "max_overtime": overtime,
            "unit_overtime_cost": day.problem.policy.overtime_weight,
        }
    loads = [ROOM if day.meets(row, token) else 0 for token in day.tokens]
    return tuple(
        {
            "capacity": (*loads, *(row.stock.get(part, 0) for part in day.parts)),
            "start_depot": depots[row.start_location],
            "end_depot": depots[row.end_location],
            "fixed_cost": row.shift_price,
            "tw_early": begin,
            "tw_late": max(begin, limit),
            "unit_duration_cost": row.hourly_price // HOUR,
        }.items()
        | longest.items()
    )


def _clients(day: Day) -> list[pyvrp.Client]:
    found = []
    for visit in day.problem.visits:
        windows = day.prompt(visit)
        if not windows:
            continue
        needs = day.needs(visit)
        early, late = day.shortened(windows[0][0]), day.shortened(max(end for _, end in windows))
        found.append(
            pyvrp.Client(
                location=visit.location,
                delivery=[
                    *(int(token in needs) for token in day.tokens),
                    *(visit.parts.get(part, 0) for part in day.parts),
                ],
                service_duration=visit.service_seconds,
                tw_early=early,
                tw_late=late,
                prize=0 if day.required else visit.unassigned_penalty,
                required=day.required,
            )
        )
    return found


def _orders(solution: pyvrp.Solution, free: list[list[str]], keys: list[str]) -> Orders:
    """Each route to the next technician of its kind."""
    orders = {}
    for route in solution.routes():
        technician = free[route.vehicle_type()].pop(0)
        orders[technician] = [keys[activity.idx] for activity in route if activity.is_client()]
    return orders
