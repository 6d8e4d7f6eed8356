"""Reading: what the solver holds, as routes with their times."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from ortools.sat.python import cp_model

from optimizer.partner.board import Board, Turn
from optimizer.partner.loads import lacking_tools
from optimizer.partner.tracks import Call, Node, Seat, ends, left
from optimizer.plan import Restock, Route, Stop
from optimizer.travel import way_seconds


def routes(board: Board, solver: cp_model.CpSolver) -> list[Route]:
    """The route of each turn, in the order of the tracks."""
    return [_route(board, turn, solver) for turn in board.turns]


def _route(board: Board, turn: Turn, solver: cp_model.CpSolver) -> Route:
    track = turn.track
    nodes = list(_nodes(turn, solver))
    seats = [node for node in nodes if isinstance(node, Seat)]
    if not (seats or track.head.stops):
        return Route(track.technician.key)
    ways = _ways(board, turn, nodes, solver=solver)
    stops = (*track.head.stops, *(_stop(board, seat, ways[seat], solver=solver) for seat in seats))
    lunch = solver.value(turn.lunch) if solver.boolean_value(turn.has_lunch) else track.lunch_start
    restock = None
    for place, node in enumerate(nodes):
        if isinstance(node, Call):
            end = solver.value(turn.begins[node]) + board.problem.depots[node.depot].service_seconds
            restock = replace(_restock(board, turn, (node, place), seats=seats, way=ways[node]), end=end)
    return Route(
        technician=track.technician.key,
        stops=stops,
        lunch_start=lunch,
        return_travel_seconds=ways[None][0],
        end=ways[None][1],
        restock=restock,
        leave=solver.value(turn.leave),
    )


def _ways(
    board: Board, turn: Turn, nodes: list[Seat | Call], *, solver: cp_model.CpSolver
) -> dict[Node, tuple[int, int]]:
    """Node (None: home) → seconds of the way there and the arrival, exact where the model rounds up."""
    found: dict[Node, tuple[int, int]] = {}
    for tail, head in pairwise((None, *nodes, None)):
        leave = solver.value(board.to(turn, head).leave)
        seconds = way_seconds(
            board.problem, *ends(board.problem, turn.track, tail=tail, head=head), leave=leave
        )
        found[head] = seconds, leave + seconds
    return found


def _nodes(turn: Turn, solver: cp_model.CpSolver) -> Iterator[Seat | Call]:
    following: dict[Node, Node] = {
        tail: head for (tail, head), literal in turn.arcs.items() if solver.boolean_value(literal)
    }
    node = following[None]
    while node is not None:
        yield node
        node = following[node]


def _stop(board: Board, seat: Seat, way: tuple[int, int], *, solver: cp_model.CpSolver) -> Stop:
    visit = board.problem.visits[seat.visit]
    start = solver.value(board.visits[seat.visit].start)
    return Stop(visit.key, *way, start, start + visit.service_seconds, seat.number)


def _restock(
    board: Board, turn: Turn, call: tuple[Call, int], *, seats: list[Seat], way: tuple[int, int]
) -> Restock:
    """The stop at the depot: only what the van lacks for the stops after it is taken."""
    node, place = call
    problem = board.problem
    leads = [problem.visits[seat.visit] for seat in seats if seat.number == 0]
    need = sum((Counter(visit.parts) for visit in leads), Counter())
    have = left(problem, turn.track)
    later = [problem.visits[seat.visit] for seat in seats[place:] if seat.number == 0]
    return Restock(
        depot=problem.depots[node.depot].key,
        position=len(turn.track.head.stops) + place,
        travel_seconds=way[0],
        arrive=way[1],
        end=way[1],
        parts={part: need[part] - have[part] for part in sorted(need) if need[part] > have[part]},
        tools=tuple(sorted({tool for visit in later for tool in lacking_tools(turn.track, visit)})),
    )
