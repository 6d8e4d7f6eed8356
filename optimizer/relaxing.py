"""Relaxing: what would have to give for a visit to fit, at the least price, by CP-SAT."""

from dataclasses import dataclass

from ortools.sat.python import cp_model

from optimizer.joint import with_seats
from optimizer.partner import nearest, rules
from optimizer.partner.board import Board
from optimizer.partner.solving import FOUND, Effort, complete
from optimizer.partner.standing import Standing
from optimizer.partner.tracks import Seat, Track, left
from optimizer.plan import Plan, Relaxation
from optimizer.problem import Policy, Problem

MOST_ROUTES = 8
"""Routes that are timed again together; what is coupled beyond them keeps its starts."""
MOST_MEMBERS = 8
"""Technicians who are tried for each further seat of a crew, the nearest first."""
EFFORT = Effort(deterministic=0.5)
UNKNOWN = -(10**12)
"""Less than any price: a bound that rules nothing out."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked: a visit to be placed, and who could take its seats."""

    standing: Standing
    able: nearest.Found

    @property
    def visit(self) -> int:
        return self.standing.without


def least_relaxation(
    problem: Problem, plan: Plan, visit: str, technician: str | None = None, *, effort: Effort = EFFORT
) -> Relaxation | None:
    """The cheapest way to let that visit in, with any technician or (of a crew: as the lead) with one.

    Position and starts are free, the order of all else is kept. What may give: minutes outside the
    visit's windows, minutes beyond the overtime limit of its routes (of a crew: added up), and pieces of
    parts that are brought to the van. `price` is what the plan then costs more, at its best starts before
    and after, the visit's own penalty not counted, plus the policy's prices of what gives. None where
    that would not help: skills, certificates, prohibitions, pins, tools and the other limits stay.
    """
    standing = Standing(problem, plan)
    standing = Standing(problem, plan, standing.places[visit])
    if visit in standing.fixed:
        return None
    case = _Case(standing, nearest.able(standing, standing.without, relaxed=True))
    leads = [key for key in case.able[0] if technician in {None, key}]
    best: Relaxation | None = None
    for bound, lead in sorted((_least(case, key), key) for key in leads):
        if best is not None and bound >= best.price:
            break
        found = _relaxation(case, lead, effort=effort)
        if found is not None and (best is None or found.price < best.price):
            best = found
    return best


def _relaxation(case: _Case, lead: str, *, effort: Effort) -> Relaxation | None:
    """The cheapest with that lead."""
    standing, tracks = case.standing, _tracks(case, lead)
    before = _solved(standing, [standing.tracks[track.technician.key] for track in tracks], effort=effort)
    after = _solved(standing, tracks, effort=effort, relaxed=case.visit)
    if before is None or after is None or after[0].slack is None:
        return None
    (_, solver, price), slack = after, after[0].slack
    pieces = {part: solver.value(count) for (_, part), count in slack.parts.items()}
    return Relaxation(
        technician=lead,
        price=price - before[2],
        window_minutes=solver.value(slack.window_minutes),
        overtime_minutes=sum(solver.value(minutes) for minutes in slack.overtime_minutes.values()),
        parts={part: count for part, count in sorted(pieces.items()) if count},
    )


def _solved(
    standing: Standing, tracks: list[Track], *, effort: Effort, relaxed: int | None = None
) -> tuple[Board, cp_model.CpSolver, int] | None:
    """The model at its best, and that price."""
    board = Board(standing.problem, tracks, relaxed=relaxed)
    objective = complete(board, standing.frame({track.technician.key for track in tracks}))
    if relaxed is not None:
        board.model.add(board.visits[relaxed].served == 1)
    solver = effort.solver(board)
    if solver.solve(board.model) not in FOUND:
        return None
    price = round(solver.objective_value)
    if board.slack is not None and _is_free(standing.problem.policy):
        # What costs nothing still gives no more than it must.
        board.model.add(objective <= price)
        board.model.minimize(cp_model.LinearExpr.sum(board.slack.given))
        again = effort.solver(board)
        if again.solve(board.model) in FOUND:
            return board, again, price
    return board, solver, price


def _is_free(policy: Policy) -> bool:
    return 0 in {policy.window_minute_price, policy.overtime_minute_price, policy.transfer_price}


def _tracks(case: _Case, lead: str) -> list[Track]:
    """The lead's track, those of who may take the other seats, and what is coupled to them."""
    standing = case.standing
    may: dict[str, tuple[Seat, ...]] = {lead: (Seat(case.visit, 0),)}
    for number, keys in case.able.items():
        for key in [key for key in keys if number and key != lead][:MOST_MEMBERS]:
            may[key] = (*may.get(key, ()), Seat(case.visit, number))
    partners = standing.partners(standing.problem.visits[case.visit].key)
    inside = standing.closure([*may, *sorted(partners)], most=max(MOST_ROUTES, len(may)))
    return [with_seats(standing, key, may.get(key, ())) for key in standing.tracks if key in set(inside)]


def _least(case: _Case, lead: str) -> int:
    """What the visit costs at least with that lead, whatever gives."""
    standing = case.standing
    problem = standing.problem
    row = problem.visits[case.visit]
    total = _added(case, lead, 0) + rules.price(problem.policy, standing.tracks[lead].technician, row)
    if not problem.depots:
        have = left(problem, standing.tracks[lead])
        missing = sum(max(0, count - have[part]) for part, count in row.parts.items())
        total += missing * problem.policy.transfer_price
    for number, keys in case.able.items():
        if number:
            total += min((_added(case, key, number) for key in keys), default=0)
    return max(UNKNOWN, total)


def _added(case: _Case, key: str, number: int) -> int:
    """The least price of the travel that the seat adds; UNKNOWN where a detour could save time."""
    standing, seat = case.standing, Seat(case.visit, number)
    track = standing.tracks[key]
    restocks = with_seats(standing, key, (seat,)).calls != track.calls
    if restocks or nearest.saves_time(standing, track, seat):
        return UNKNOWN
    return nearest.added(standing, track, seat) * standing.problem.policy.travel_weight
