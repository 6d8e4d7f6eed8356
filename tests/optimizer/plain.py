"""Plain insertion for the tests: one visit tried at every position of one route, no kernel used."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimizer.problem import Problem, Technician, Visit, Window
from optimizer.simulation import Simulation


def price_with(problem: Problem, technician: Technician, order: Sequence[str], key: str) -> int | None:
    """The least that the visit adds to the route at any position; None: it does not fit.

    To a route that holds only with the visit (travel without triangles) it adds the whole price.
    """
    simulation = Simulation(problem)
    visit = simulation.visits[key]
    stays = simulation.time(technician, order)
    before = 0 if stays is None else stays.price
    if not may_be_sent(problem, technician, visit) or not has_room(problem, technician, [*order, key]):
        return None
    timed = [simulation.time(technician, longer) for longer in longer_orders(technician, order, key)]
    prices = [each.price - before for each in timed if each is not None]
    return min(prices, default=None)


def longer_orders(technician: Technician, order: Sequence[str], key: str) -> Iterator[list[str]]:
    for position in range(len(technician.fixed), len(order) + 1):
        yield [*order[:position], key, *order[position:]]


def may_be_sent(problem: Problem, technician: Technician, visit: Visit) -> bool:
    """Whether skills, prohibitions, pins, the territory rule and tools let the technician go."""
    if any(technician.skills.get(skill, -1) < level for skill, level in visit.skills.items()):
        return False
    planned = visit.planned if visit.pin in {"TECHNICIAN", "BOTH"} else None
    if technician.key in visit.forbidden or (planned and planned.technician != technician.key):
        return False
    outside = visit.territory is not None and visit.territory not in technician.territories
    return not (outside and problem.policy.outside_territory_price is None) and not (
        visit.tools - technician.tools
    )


def has_room(problem: Problem, technician: Technician, order: Sequence[str]) -> bool:
    """Whether the van has the parts for all of them, and they are not too many."""
    if technician.most_visits is not None and len(order) > technician.most_visits:
        return False
    need = Counter[str]()
    for visit in problem.visits:
        need.update(visit.parts if visit.key in order else {})
    return all(technician.stock.get(part, 0) >= count for part, count in need.items())


def stretched(problem: Problem, technician: Technician, *, minutes: int) -> tuple[Problem, Technician]:
    """All windows, a pinned start too, and the shift end so many minutes later."""
    seconds = 60 * minutes
    visits = tuple(_stretch(visit, seconds) for visit in problem.visits)
    later = replace(technician, overtime_limit_seconds=technician.overtime_limit_seconds + seconds)
    return replace(problem, visits=visits), later


def _stretch(visit: Visit, seconds: int) -> Visit:
    windows = tuple(Window(window.start, window.end + seconds) for window in visit.windows)
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        start = visit.planned.start
        return replace(visit, windows=(Window(start, start + seconds),), pin=None)
    return replace(visit, windows=windows)


def granted(
    problem: Problem, technician: Technician, key: str, *, gives: tuple[int, int, int]
) -> tuple[Problem, Technician]:
    """The visit's windows wider and the route's limit later by minutes, and pieces of valves in the van."""
    window, overtime, pieces = gives
    visits = tuple(
        replace(
            row, windows=tuple(Window(one.start - 60 * window, one.end + 60 * window) for one in row.windows)
        )
        if row.key == key
        else row
        for row in problem.visits
    )
    eased = replace(
        technician,
        overtime_limit_seconds=technician.overtime_limit_seconds + 60 * overtime,
        stock=dict(technician.stock) | {"valve": technician.stock.get("valve", 0) + pieces},
    )
    return replace(problem, visits=visits), eased
