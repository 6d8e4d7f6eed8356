"""Reading: what the solver holds, as routes with their times."""

from collections import Counter
from collections.abc import Iterator

from ortools.sat.python import cp_model

from optimizer.partner.board import Board, Turn
from optimizer.partner.loads import lacking_tools
from optimizer.partner.tracks import Call, Node, Seat, left
from optimizer.plan import Restock, Route, Stop


def routes(board: Board, solver: cp_model.CpSolver) -> list[Route]:
    """The route of each turn, in the order of the tracks."""
    return [_route(board, turn, solver) for turn in board.turns]


def _route(board: Board, turn: Turn, solver: cp_model.CpSolver) -> Route:
    track = turn.track
    nodes = list(_nodes(turn, solver))
    seats = [node for node in nodes if isinstance(node, Seat)]
    if not (seats or track.head.stops):
        return Route(track.technician.key)
    stops = (*track.head.stops, *(_stop(board, seat, solver) for seat in seats))
    lunch = solver.value(turn.lunch) if solver.boolean_value(turn.has_lunch) else track.lunch_start
    restock = None
    for place, node in enumerate(nodes):
        if isinstance(node, Call):
            restock = _restock(board, turn, (node, place), seats=seats, solver=solver)
    return Route(
        technician=track.technician.key,
        stops=stops,
        lunch_start=lunch,
        return_travel_seconds=solver.value(turn.home.travel),
        end=solver.value(turn.home.arrive),
        restock=restock,
        leave=solver.value(turn.leave),
    )


def _nodes(turn: Turn, solver: cp_model.CpSolver) -> Iterator[Seat | Call]:
    following: dict[Node, Node] = {
        tail: head for (tail, head), literal in turn.arcs.items() if solver.boolean_value(literal)
    }
    node = following[None]
    while node is not None:
        yield node
        node = following[node]


def _stop(board: Board, seat: Seat, solver: cp_model.CpSolver) -> Stop:
    visit, times = board.problem.visits[seat.visit], board.times[seat]
    start = solver.value(board.visits[seat.visit].start)
    end = start + visit.service_seconds
    return Stop(visit.key, solver.value(times.travel), solver.value(times.arrive), start, end, seat.number)


def _restock(
    board: Board, turn: Turn, call: tuple[Call, int], *, seats: list[Seat], solver: cp_model.CpSolver
) -> Restock:
    """The stop at the depot: only what the van lacks for the stops after it is taken."""
    node, place = call
    problem, times = board.problem, turn.calls[node]
    leads = [problem.visits[seat.visit] for seat in seats if seat.number == 0]
    need = sum((Counter(visit.parts) for visit in leads), Counter())
    have = left(problem, turn.track)
    later = [problem.visits[seat.visit] for seat in seats[place:] if seat.number == 0]
    return Restock(
        depot=problem.depots[node.depot].key,
        position=len(turn.track.head.stops) + place,
        travel_seconds=solver.value(times.travel),
        arrive=solver.value(times.arrive),
        end=solver.value(turn.begins[node]) + problem.depots[node.depot].service_seconds,
        parts={part: need[part] - have[part] for part in sorted(need) if need[part] > have[part]},
        tools=tuple(sorted({tool for visit in later for tool in lacking_tools(turn.track, visit)})),
    )
