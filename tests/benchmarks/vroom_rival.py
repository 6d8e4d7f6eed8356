"""VROOM: skills, parts as amounts, its own breaks, priorities in the ratio of penalties, due as deadline.

It serves as much priority as it can before it looks at travel; a penalty that is less than its detour is
not known to it. The more it explores, the more first plans it builds, whatever its timeout says: 2,000
visits took 31 s at level 5 instead of 5, and 9 s at level 1, for the same plan. So it explores as deep as
lets it keep the time.
"""

from datetime import timedelta

import numpy as np
import vroom

from optimizer.assembly import Orders
from optimizer.problem import Technician, Visit
from tests.benchmarks.rivals import Day, Search

DEPTHS = ((500, 5), (1_000, 3))
"""(visits at most, level of exploration); beyond, level 1."""
SHALLOWEST = 1
HIGHEST_PRIORITY = 100


def state(day: Day) -> Search:
    """The day as VROOM's input; its vehicles and jobs are numbered as the Problem's rows."""
    rows, visits = day.problem.technicians, day.problem.visits
    depth = next((level for most, level in DEPTHS if len(visits) <= most), SHALLOWEST)
    highest = max((visit.unassigned_penalty for visit in visits), default=1)

    def search(seconds: float, _seed: int) -> Orders:
        stated = vroom.Input()
        stated.set_durations_matrix("car", day.travel.astype(np.uint32))
        for number, row in enumerate(rows):
            stated.add_vehicle(_vehicle(day, row, number))
        for number, visit in enumerate(visits):
            if day.windows(visit):
                stated.add_job(_job(day, visit, number, highest=highest))
        solution = stated.solve(depth, nb_threads=1, timeout=timedelta(seconds=seconds))
        orders: dict[str, list[str]] = {row.key: [] for row in rows}
        steps = solution.routes.sort_values(["vehicle_id", "arrival"], kind="stable")
        for vehicle, kind, number in zip(steps["vehicle_id"], steps["type"], steps["id"], strict=True):
            if kind == "job":
                orders[rows[int(vehicle)].key].append(visits[int(number)].key)
        return orders

    return search


def _vehicle(day: Day, row: Technician, number: int) -> vroom.Vehicle:
    begin = day.ready(row)
    breaks = []
    if row.lunch is not None and begin <= row.lunch.latest < day.limit(row):
        window = vroom.TimeWindow(max(begin, row.lunch.earliest) - day.origin, row.lunch.latest - day.origin)
        breaks = [vroom.Break(number, [window], service=row.lunch.seconds)]
    return vroom.Vehicle(
        number,
        start=row.start_location,
        end=row.end_location,
        capacity=[row.stock.get(part, 0) for part in day.parts],
        skills={place for place, token in enumerate(day.tokens) if day.meets(row, token)},
        time_window=vroom.TimeWindow(begin - day.origin, max(begin, day.limit(row)) - day.origin),
        breaks=breaks,
        costs=vroom.VehicleCosts(fixed=row.shift_price),
        **({} if row.most_visits is None else {"max_tasks": row.most_visits}),
    )


def _job(day: Day, visit: Visit, number: int, *, highest: int) -> vroom.Job:
    needs = day.needs(visit)
    return vroom.Job(
        number,
        location=visit.location,
        default_service=visit.service_seconds,
        delivery=vroom.Amount([visit.parts.get(part, 0) for part in day.parts]),
        skills={place for place, token in enumerate(day.tokens) if token in needs},
        priority=max(1, round(HIGHEST_PRIORITY * visit.unassigned_penalty / max(1, highest))),
        time_windows=[vroom.TimeWindow(start, end) for start, end in day.prompt(visit)],
    )
