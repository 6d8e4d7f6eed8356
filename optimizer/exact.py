"""The exact partner: CP-SAT solves small days with proof, or says how far a plan may be from the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from optimizer.joint import settle
from optimizer.judge import score
from optimizer.partner import rules
from optimizer.partner.board import Board, Term
from optimizer.partner.reading import routes
from optimizer.partner.solving import FOUND, Effort, Frame, complete
from optimizer.partner.standing import Standing
from optimizer.partner.tracks import Head, Seat, Track, needed_calls
from optimizer.partner.tracks import free_from as first_free
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem, Technician

MOST_VISITS = 12
MOST_TECHNICIANS = 3
SETTLE_SECONDS = 1.0
"""For the earliest starts of the plan that was found (some 20 ms)."""
UNSCORED = Objective(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan, what no plan can cost less than, and whether nothing is left between the two."""

    plan: Plan
    objective: int
    bound: int
    proven: bool


def is_small(problem: Problem) -> bool:
    """Whether `solve_small` is the tool: see there."""
    return _tracks(problem) is not None


def solve_small(problem: Problem, *, seconds: float, seed: int = 1) -> Answer | None:
    """The best plan that CP-SAT finds, with a lower bound on the price of every plan.

    None where it is not the tool: beyond 12 visits or 3 technicians, travel by slices, fixed visits
    whose times are not facts yet, or no plan found in the time. The starts are free here, so a plan may
    wait on purpose. A pinned visit is left out only where it cannot be placed; the bound is that of the
    plans that leave out as few of them.
    """
    problem.check()
    tracks = _tracks(problem)
    if tracks is None:
        return None
    board = Board(problem, tracks)
    facts = {stop.visit: stop.start for track in tracks for stop in track.head.stops}
    standing = {place: facts[row.key] for place, row in enumerate(problem.visits) if row.key in facts}
    objective = complete(board, Frame(starts=standing), pinned_extra=0)
    effort = Effort(seconds=seconds, seed=seed)
    fewest, spent = _keep_pins(board, objective, effort=replace(effort, seconds=seconds / 4))
    effort = replace(effort, seconds=seconds - spent)
    solver = effort.solver(board)
    status = solver.solve(board.model)
    if status not in FOUND:
        return None
    gap = solver.objective_value - solver.best_objective_bound
    plan = _read(problem, routes(board, solver))
    brief = replace(effort, seconds=min(seconds, SETTLE_SECONDS))
    settled = settle(Standing(problem, plan), {track.technician.key for track in tracks}, effort=brief)
    if settled is not None:
        settled = replace(settled, objective=score(problem, settled))
        # The time may end before the best starts are found again.
        plan = settled if settled.objective.total <= plan.objective.total else plan
    total = plan.objective.total
    bound = max(0, math.ceil(total - gap - 1e-6))
    return Answer(plan, total, bound, fewest and status == cp_model.OPTIMAL)


def _keep_pins(board: Board, objective: Term, *, effort: Effort) -> tuple[bool, float]:
    """Let the model leave out only as few pinned visits as can be.

    Answers whether fewer are proven impossible, and the seconds that it took.
    """
    visits = board.problem.visits
    out = [1 - row.served for place, row in board.visits.items() if visits[place].pin]
    if not out:
        return True, 0.0
    board.model.minimize(cp_model.LinearExpr.sum(out))
    solver = effort.solver()
    status = solver.solve(board.model)
    if status in FOUND:
        board.model.add(cp_model.LinearExpr.sum(out) <= round(solver.objective_value))
        for place in range(len(board.model.proto.variables)):
            variable = board.model.get_int_var_from_proto_index(place)
            board.model.add_hint(variable, solver.value(variable))
    board.model.minimize(objective)
    return status == cp_model.OPTIMAL, solver.wall_time


def _read(problem: Problem, found: Sequence[Route]) -> Plan:
    served = {stop.visit for route in found for stop in route.stops}
    out = tuple(Unassigned(visit.key) for visit in problem.visits if visit.key not in served)
    plan = Plan(routes=tuple(found), unassigned=out, objective=UNSCORED)
    return replace(plan, objective=score(problem, plan))


def _tracks(problem: Problem) -> list[Track] | None:
    """What each technician may do in any order; None: not a day for this solver."""
    if len(problem.visits) > MOST_VISITS or len(problem.technicians) > MOST_TECHNICIANS:
        return None
    if len(problem.travel_slices) > 1:
        return None
    fixed = {key for technician in problem.technicians for key in technician.fixed}
    tracks = []
    for technician in problem.technicians:
        head = _head(problem, technician)
        if head is None:
            return None
        may = tuple(
            Seat(place, seat)
            for place, visit in enumerate(problem.visits)
            for seat in range(1 + len(visit.crew))
            if visit.key not in fixed and rules.may_serve(problem, technician, visit, seat=seat)
        )
        track = Track(technician=technician, head=head, may=may)
        tracks.append(replace(track, may=(*may, *needed_calls(problem, track))))
    return tracks


def _head(problem: Problem, technician: Technician) -> Head | None:
    """The fixed visits where all have begun, one after the other; None: their times are not facts yet."""
    free, here = first_free(problem, technician), technician.start_location
    if not technician.fixed:
        return Head((), here, free)
    visits = {visit.key: visit for visit in problem.visits}
    stops: list[Stop] = []
    for visit in (visits[key] for key in technician.fixed):
        planned = visit.planned
        if planned is None or planned.start > problem.earliest_start or visit.crew:
            return None
        travel = int(problem.travel_seconds[..., here, visit.location].flat[0])
        end = planned.start + visit.service_seconds
        stops.append(Stop(visit.key, travel, planned.start, planned.start, end))
        here = visit.location
    free = max(free, stops[-1].end)
    lunch = technician.lunch
    if lunch is not None and lunch.earliest < free:
        return None
    return Head(tuple(stops), here, free, leave=stops[0].arrive - stops[0].travel_seconds)
