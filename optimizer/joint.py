"""Joint starts: crews and dependent visits placed and timed together by CP-SAT, the other order kept."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from optimizer.judge import score
from optimizer.partner import nearest as reach
from optimizer.partner import rules
from optimizer.partner.board import Board
from optimizer.partner.reading import routes
from optimizer.partner.solving import FOUND, Effort, complete, tidy
from optimizer.partner.standing import Standing
from optimizer.partner.tracks import Seat, Track, needed_calls
from optimizer.plan import Plan
from optimizer.problem import Problem

MOST_ROUTES = 24
"""Routes that are timed again together; what is coupled beyond them keeps its starts."""
MOST_DAYS = 3
"""Days that are tried for one crew, those that add the least travel first."""
SECOND_LOOK = 8
"""How many times the effort ways to the second may take."""
EFFORT = Effort(deterministic=0.5)


def retime(problem: Problem, plan: Plan, *, effort: Effort = EFFORT) -> Plan | None:
    """The plan with the best starts for every crew and dependent visit, and all else on their routes.

    Who serves what, in which order, is kept, as are routes without such visits. None where the orders
    allow no starts at all. The same input gives the same plan. ValueError where another route of the
    plan breaks a rule.
    """
    standing = Standing(problem, plan)
    inside = {
        technician
        for visit in standing.coupled - standing.fixed
        for technician in standing.routes_of.get(visit, ())
    }
    if not inside:
        return plan
    found = settle(standing, inside, effort=effort)
    return None if found is None else replace(found, objective=score(problem, found))


def place_group(
    problem: Problem, plan: Plan, visit: str, *, nearest: int = 8, effort: Effort = EFFORT
) -> Plan | None:
    """The plan with that visit placed at its best: who takes each seat, where on the routes, and when.

    Tried are the `nearest` technicians for each seat (by added travel), every position, the order of
    all else kept, starts of all else on the same and on coupled routes free. A visit that is in the plan
    is taken out first. None where it does not fit, or its place costs as much as its penalty.
    """
    standing = Standing(problem, plan)
    standing = Standing(problem, plan, standing.places[visit])
    able = reach.able(standing, standing.without)
    if visit in standing.fixed or not all(able.values()):
        return None
    found = [_placed(standing, seats, effort=effort) for seats in _days(standing, able, nearest=nearest)]
    best = min((plan for plan in found if plan is not None), key=_total, default=None)
    if best is None and len(found) != 1:
        # Shifts that lie in two days, or no day with somebody for each seat.
        best = _placed(standing, {seat: keys[:nearest] for seat, keys in able.items()}, effort=effort)
    return best


def _total(plan: Plan) -> int:
    return plan.objective.total


def _placed(standing: Standing, seats: reach.Found, *, effort: Effort) -> Plan | None:
    """The best with these technicians, scored."""
    found = _place(standing, _candidates(standing, seats), effort=effort)
    return None if found is None else replace(found, objective=score(standing.problem, found))


def _days(standing: Standing, able: reach.Found, *, nearest: int) -> list[reach.Found]:
    """The nearest technicians for each seat on the days that add the least travel."""
    problem = standing.problem
    shifts = {technician.key: technician.shift_start for technician in problem.technicians}
    days: dict[tuple[int | None, int | None], reach.Found] = {}
    for number, keys in able.items():
        for key in keys:
            seats = days.setdefault(rules.day(problem.day_starts, shifts[key]), {seat: [] for seat in able})
            if len(seats[number]) < nearest:
                seats[number].append(key)
    full = [seats for seats in days.values() if all(seats.values())]
    return sorted(full, key=lambda seats: _least(standing, seats))[:MOST_DAYS]


def _least(standing: Standing, seats: reach.Found) -> int:
    return sum(
        reach.added(standing, standing.tracks[keys[0]], Seat(standing.without, number))
        for number, keys in seats.items()
    )


def _candidates(standing: Standing, seats: reach.Found) -> list[Track]:
    """The tracks of all who may take a seat, and of those coupled to them or to the visit."""
    may: dict[str, tuple[Seat, ...]] = {}
    for number, keys in seats.items():
        for key in keys:
            may[key] = (*may.get(key, ()), Seat(standing.without, number))
    partners = standing.partners(standing.problem.visits[standing.without].key)
    keys = standing.closure([*may, *sorted(partners)], most=max(MOST_ROUTES, len(may)))
    return [with_seats(standing, key, may.get(key, ())) for key in standing.tracks if key in set(keys)]


def with_seats(standing: Standing, key: str, seats: Iterable[Seat]) -> Track:
    """The technician's track on which these seats may stand, with a restock where it may help."""
    track = standing.tracks[key]
    open_to = replace(track, may=tuple(seats))
    if not open_to.may or track.calls:
        return open_to
    return replace(open_to, may=(*open_to.may, *needed_calls(standing.problem, open_to)))


def _place(standing: Standing, tracks: list[Track], *, effort: Effort) -> Plan | None:
    """The plan with the visit at its best on these tracks, None where it stays out."""
    inside = {track.technician.key for track in tracks}
    board = Board(standing.problem, tracks)
    complete(board, standing.frame(inside))
    solver = effort.solver(board)
    if solver.solve(board.model) not in FOUND or not solver.value(board.visits[standing.without].served):
        return None
    found = standing.replaced(routes(board, solver))
    return settle(Standing(standing.problem, found), inside, effort=effort) or found


def settle(standing: Standing, inside: Collection[str], *, effort: Effort) -> Plan | None:
    """The plan with these technicians' routes at the best starts, and as early as they then may be."""
    tracks = [track for key, track in standing.tracks.items() if key in inside]
    # By time of day ways are rounded up at first; what is that tight is asked again to the second.
    sliced = len(standing.problem.travel_slices) > 1
    for exact, spent in ((False, effort), (True, effort.longer(SECOND_LOOK)))[: 1 + sliced]:
        board = Board(standing.problem, tracks, exact=exact)
        objective = complete(board, standing.frame(inside))
        solver = spent.solver(board)
        if solver.solve(board.model) in FOUND:
            return standing.replaced(routes(board, tidy(board, objective, solver, effort=spent)))
    return None
