"""Brute force for small days on a coarse grid: every order, start, lunch and restock, in plain Python.

Where every time of a problem is a multiple of STEP, so are the times of a best plan: with the orders
given, what is left are differences of times and prices that bend only at multiples of STEP.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from optimizer.problem import Depot, Problem, Technician, Visit

STEP = 1800
Seats = tuple[tuple[int, int], ...]
"""(visit, seat) in the order of a route."""
Orders = tuple[Seats, ...]
Price = tuple[int, int]
"""(pinned visits out, price)"""


@dataclass(frozen=True)
class Timed:
    """One way to keep a route: its starts, what it takes at depots, and its price."""

    starts: tuple[int, ...]
    taken: tuple[tuple[str, str, int], ...]
    price: int


def best(problem: Problem) -> int:
    """The least price of any plan, pinned visits in as far as they can be."""
    found = (best_of(problem, orders) for orders in all_orders(problem))
    return min(price for price in found if price is not None)[1]


def all_orders(
    problem: Problem, start: Orders | None = None, visits: Sequence[int] | None = None
) -> set[Orders]:
    """Every way to put these visits (or leave them out) into the orders."""
    found: set[Orders] = {start or ((),) * len(problem.technicians)}
    for visit in range(len(problem.visits)) if visits is None else visits:
        found |= {placed for orders in found for placed in placements(problem, orders, visit)}
    return found


def placements(problem: Problem, orders: Orders, visit: int, seat: int = 0) -> Iterator[Orders]:
    """Every way to put all seats of a visit into the orders, on different routes."""
    if seat > len(problem.visits[visit].crew):
        yield orders
        return
    for place, order in enumerate(orders):
        if any(other == visit for other, _ in order):
            continue
        for position in range(len(order) + 1):
            longer = (*order[:position], (visit, seat), *order[position:])
            yield from placements(problem, (*orders[:place], longer, *orders[place + 1 :]), visit, seat + 1)


def best_of(problem: Problem, orders: Orders) -> Price | None:
    """The least price with these orders."""
    routes = [
        timings(problem, technician, order)
        for technician, order in zip(problem.technicians, orders, strict=True)
    ]
    placed = {visit for order in orders for visit, _ in order}
    out = [visit for place, visit in enumerate(problem.visits) if place not in placed]
    lost = sum(
        row.unassigned_penalty + row.customer_value * problem.policy.customer_value_weight for row in out
    )
    found: int | None = None
    for chosen in product(*routes):
        price = sum(route.price for route in chosen)
        if (found is None or price < found) and _coupled(problem, orders, chosen):
            found = price
    return None if found is None else (sum(row.pin is not None for row in out), found + lost)


def _coupled(problem: Problem, orders: Orders, chosen: Sequence[Timed]) -> bool:
    starts: dict[str, int] = {}
    for order, route in zip(orders, chosen, strict=True):
        for (visit, _), start in zip(order, route.starts, strict=True):
            if starts.setdefault(problem.visits[visit].key, start) != start:
                return False
    taken = Counter[tuple[str, str]]()
    for route in chosen:
        for depot, part, count in route.taken:
            taken[depot, part] += count
    stocks = {depot.key: depot.stock for depot in problem.depots}
    for (key, part), count in taken.items():
        stock = stocks[key]
        if stock is not None and count > stock.get(part, 0):
            return False
    return all(_depends(problem, starts, place) for place in range(len(problem.dependencies)))


def _depends(problem: Problem, starts: dict[str, int], place: int) -> bool:
    row = problem.dependencies[place]
    if row.second not in starts:
        return True
    if row.first not in starts:
        return False
    service = next(visit.service_seconds for visit in problem.visits if visit.key == row.first)
    gap = starts[row.second] - starts[row.first] - service
    if gap < row.gap_seconds or (row.longest_gap_seconds is not None and gap > row.longest_gap_seconds):
        return False
    days = [bisect_right(problem.day_starts, starts[key]) for key in (row.first, row.second)]
    return not row.same_day or days[0] == days[1]


def timings(problem: Problem, technician: Technician, order: Seats) -> list[Timed]:
    """Every way to keep one route in that order, the cheapest for each starts and takings."""
    if not order:
        return [Timed((), (), 0)]
    rows = [(problem.visits[visit], seat) for visit, seat in order]
    if technician.most_visits is not None and len(order) > technician.most_visits:
        return []
    if not all(may_serve(problem, technician, visit, seat) for visit, seat in rows):
        return []
    found: dict[tuple[tuple[int, ...], tuple[tuple[str, str, int], ...]], int] = {}
    restocks: list[tuple[Depot, int] | None] = [None]
    restocks += [(depot, position) for depot in problem.depots for position in range(len(order))]
    for restock in restocks:
        taken = _loads(technician, [visit if seat == 0 else None for visit, seat in rows], restock)
        if taken is None:
            continue
        for starts in _starts(problem, technician, rows, ()):
            price = _price(problem, technician, rows=rows, starts=starts, restock=restock)
            if price is not None and price < found.get((starts, taken), price + 1):
                found[starts, taken] = price
    return [Timed(starts, taken, price) for (starts, taken), price in found.items()]


def may_serve(problem: Problem, technician: Technician, visit: Visit, seat: int) -> bool:
    needs = visit.skills if seat == 0 else visit.crew[seat - 1]
    if any(technician.skills.get(skill, -1) < level for skill, level in needs.items()):
        return False
    if technician.key in visit.forbidden:
        return False
    if seat:
        return True
    if visit.pin in {"TECHNICIAN", "BOTH"} and visit.planned and visit.planned.technician != technician.key:
        return False
    outside = visit.territory is not None and visit.territory not in technician.territories
    return not outside or problem.policy.outside_territory_price is not None


def _loads(
    technician: Technician, leads: Sequence[Visit | None], restock: tuple[Depot, int] | None
) -> tuple[tuple[str, str, int], ...] | None:
    """What is taken at the depot; None: something is missing, or the stop is for nothing."""
    have = Counter(technician.stock)
    before = leads if restock is None else leads[: restock[1]]
    after = () if restock is None else leads[restock[1] :]
    for visit in (visit for visit in before if visit is not None):
        have.subtract(visit.parts)
        if visit.tools - technician.tools or any(have[part] < 0 for part in visit.parts):
            return None
    if restock is None:
        return ()
    depot, tools = restock[0], set[str]()
    for visit in (visit for visit in after if visit is not None):
        have.subtract(visit.parts)
        tools |= visit.tools - technician.tools
    if depot.tools is not None and tools - depot.tools:
        return None
    taken = tuple((depot.key, part, -count) for part, count in sorted(have.items()) if count < 0)
    return taken if taken or tools else None


def _starts(
    problem: Problem, technician: Technician, rows: Sequence[tuple[Visit, int]], done: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    if len(done) == len(rows):
        yield done
        return
    visit, seat = rows[len(done)]
    first = technician.shift_start
    if done:
        first = done[-1] + rows[len(done) - 1][0].service_seconds
    last = technician.shift_end + technician.overtime_limit_seconds
    needs = visit.skills if seat == 0 else visit.crew[seat - 1]
    for start in range(first, last + 1, STEP):
        if any(start > technician.certified_until.get(skill, last) for skill in needs):
            continue
        if visit.planned is not None and visit.pin in {"TIME", "BOTH"}:
            if start != visit.planned.start:
                continue
        elif visit.windows and not any(row.start <= start <= row.end for row in visit.windows):
            continue
        yield from _starts(problem, technician, rows, (*done, start))


def _price(
    problem: Problem,
    technician: Technician,
    *,
    rows: Sequence[tuple[Visit, int]],
    starts: Sequence[int],
    restock: tuple[Depot, int] | None,
) -> int | None:
    """The least price of the route with these starts, over every lunch."""
    lunch = technician.lunch
    lunches: list[int | None] = [None]
    if lunch is not None:
        lunches += range(lunch.earliest, lunch.latest + 1, STEP)
    found = [_priced(problem, technician, rows=rows, starts=starts, extra=(restock, at)) for at in lunches]
    return min((price for price in found if price is not None), default=None)


def _priced(
    problem: Problem,
    technician: Technician,
    *,
    rows: Sequence[tuple[Visit, int]],
    starts: Sequence[int],
    extra: tuple[tuple[Depot, int] | None, int | None],
) -> int | None:
    restock, lunch_at = extra
    free = max(
        technician.shift_start, technician.available_from or technician.shift_start, problem.earliest_start
    )
    blocked = [(row.start, row.end) for row in technician.absences]
    lunch = technician.lunch
    if lunch is not None and lunch_at is not None:
        if lunch_at < free:
            return None
        blocked.append((lunch_at, lunch_at + lunch.seconds))
    done, here, driven, leave, worked = free, technician.start_location, 0, None, 0
    for position, ((visit, _), start) in enumerate(zip(rows, starts, strict=True)):
        legs: list[int] = []
        if restock is not None and restock[1] == position:
            legs = [int(problem.travel_seconds[here, restock[0].location]), restock[0].service_seconds]
            here, worked = restock[0].location, worked + restock[0].service_seconds
            driven += legs[0]
        legs.append(int(problem.travel_seconds[here, visit.location]))
        driven += legs[-1]
        begun = _fit(done, start, legs=legs, blocked=blocked)
        finish = start + visit.service_seconds
        if begun is None or any(start < end and begin < finish for begin, end in blocked):
            return None
        leave = begun if leave is None else leave
        done, here, worked = finish, visit.location, worked + visit.service_seconds
    home = int(problem.travel_seconds[here, technician.end_location])
    end = done + home
    while any(end - home < after and begin < end for begin, after in blocked) and home:
        end += STEP
    return _total(
        problem,
        technician,
        rows=rows,
        starts=starts,
        times=(leave or 0, end, driven + home, worked, lunch_at),
    )


def _fit(done: int, start: int, *, legs: Sequence[int], blocked: Sequence[tuple[int, int]]) -> int | None:
    """The latest beginning of the legs one after the other, each within [done, start] and not blocked."""
    at = start
    for seconds in reversed(legs):
        at -= seconds
        while at >= done and seconds and any(at < end and begin < at + seconds for begin, end in blocked):
            at -= STEP
    return at if at >= done else None


def _total(
    problem: Problem,
    technician: Technician,
    *,
    rows: Sequence[tuple[Visit, int]],
    starts: Sequence[int],
    times: tuple[int, int, int, int, int | None],
) -> int | None:
    leave, end, driven, worked, lunch_at = times
    policy, lunch = problem.policy, technician.lunch
    if end > technician.shift_end + technician.overtime_limit_seconds:
        return None
    if lunch is not None and lunch_at is None and end > lunch.latest >= technician.shift_start:
        return None
    if technician.longest_seconds is not None and end - leave > technician.longest_seconds:
        return None
    price = driven * policy.travel_weight + max(0, end - technician.shift_end) * policy.overtime_weight
    price += technician.hourly_price * (end - leave) // 3600 + technician.shift_price
    price += policy.fairness_weight * ((driven + worked) // 60) ** 2 // 3600
    for (visit, seat), start in zip(rows, starts, strict=True):
        if seat == 0:
            price += _visit_price(problem, technician, visit, start)
    return price


def _visit_price(problem: Problem, technician: Technician, visit: Visit, start: int) -> int:
    policy, price = problem.policy, 0
    if visit.due is not None:
        price += max(0, start - visit.due) * visit.lateness_weight
    if visit.planned is not None:
        price += policy.change_technician_price * (visit.planned.technician != technician.key)
        late = abs(start - visit.planned.start) > policy.start_tolerance_seconds
        price += policy.change_start_price * late
    price += policy.not_preferred_price * bool(visit.preferred and technician.key not in visit.preferred)
    if visit.territory is not None and visit.territory not in technician.territories:
        price += policy.outside_territory_price or 0
    return price
