"""Loads: parts and tools in each van, and what is taken along at a depot."""

from collections.abc import Iterator, Mapping

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import Literal

from optimizer.partner.board import Board, Term, Turn
from optimizer.partner.tracks import Call, Seat, Track, left
from optimizer.problem import Visit

Pieces = dict[tuple[int, str], cp_model.IntVar]
"""(depot, part) → what one technician takes there."""


def lacking_tools(track: Track, visit: Visit) -> list[str]:
    """The tools of a visit that are not in the van."""
    return sorted(visit.tools - track.technician.tools)


def add(board: Board, frozen: Mapping[tuple[int, str], int]) -> None:
    """The loads of all turns; `frozen` is what routes outside the model take: (depot, part) → pieces."""
    for place in board.visits:
        board.after[Seat(place, 0)] = board.model.new_bool_var("")
    loads = [_load(board, turn) for turn in board.turns]
    for place, depot in enumerate(board.problem.depots):
        for part, count in sorted((depot.stock or {}).items()):
            taken = [load[place, part] for load in loads if (place, part) in load]
            if taken:
                board.model.add(sum(taken) <= max(0, count - frozen.get((place, part), 0)))


def _load(board: Board, turn: Turn) -> Pieces:
    _follow(board, turn)
    _tools(board, turn)
    pieces: Pieces = {}
    leads = [visit for _, visit in _leads(board, turn.track)]
    parts = sorted({part for visit in leads for part, count in visit.parts.items() if count})
    reasons = [literal for literal, _ in _lacks(board, turn)]
    reasons += [_part(board, turn, part=part, pieces=pieces) for part in parts]
    calls = [turn.serves[call] for call in turn.track.calls]
    if calls:
        board.model.add_at_most_one(calls)
        if not any(isinstance(node, Call) for node in turn.track.must):
            # A stop that nothing is missing for would only be a way round.
            board.model.add(sum(reasons) >= sum(calls))
    return pieces


def _leads(board: Board, track: Track) -> Iterator[tuple[Seat, Visit]]:
    for seat in track.seats:
        if seat.number == 0:
            yield seat, board.problem.visits[seat.visit]


def _follow(board: Board, turn: Turn) -> None:
    """Along the route, `after` turns true at the depot."""
    passed: dict[Seat, cp_model.IntVar] = {
        seat: board.after[seat] if seat.number == 0 else board.model.new_bool_var("")
        for seat in turn.track.seats
    }
    for (tail, head), hop in turn.arcs.items():
        if isinstance(head, Seat):
            if isinstance(tail, Seat):
                board.model.add(passed[head] == passed[tail]).only_enforce_if(hop)
            else:
                board.model.add(passed[head] == isinstance(tail, Call)).only_enforce_if(hop)


def _lacks(board: Board, turn: Turn) -> Iterator[tuple[Literal, list[str]]]:
    for seat, visit in _leads(board, turn.track):
        tools = lacking_tools(turn.track, visit)
        if tools:
            yield turn.serves[seat], tools


def _tools(board: Board, turn: Turn) -> None:
    """A visit whose tools are not in the van comes after a depot that has them."""
    depots = board.problem.depots
    for seat, visit in _leads(board, turn.track):
        for tool in lacking_tools(turn.track, visit):
            having = [
                turn.serves[call]
                for call in turn.track.calls
                if (tools := depots[call.depot].tools) is None or tool in tools
            ]
            board.model.add(sum(having) >= 1).only_enforce_if(turn.serves[seat])
            board.model.add(board.after[seat] == 1).only_enforce_if(turn.serves[seat])


def _part(board: Board, turn: Turn, *, part: str, pieces: Pieces) -> Literal:
    """The rules of one part; a literal that may only hold where the van has too little of it."""
    model, have = board.model, left(board.problem, turn.track)[part]
    rows = [(seat, visit.parts.get(part, 0)) for seat, visit in _leads(board, turn.track)]
    rows = [(seat, count) for seat, count in rows if count]
    slack = board.slack
    given: Term = 0
    if slack is not None and any(seat.visit == slack.visit for seat, _ in rows):
        need = board.problem.visits[slack.visit].parts[part]
        given = slack.parts[turn.track.technician.key, part] = model.new_int_var(0, need + max(0, -have), "")
    total = sum(turn.serves[seat] * count for seat, count in rows)
    for call in turn.track.calls:
        stock = board.problem.depots[call.depot].stock
        need = sum(count for _, count in rows) + max(0, -have)
        most = need if stock is None else min(need, max(0, stock.get(part, 0)))
        taken = pieces[call.depot, part] = model.new_int_var(0, most, "")
        model.add(taken == 0).only_enforce_if(~turn.serves[call])
    taken_here = [pieces[call.depot, part] for call in turn.track.calls]
    some = model.new_bool_var("")
    model.add_implication(some, _any(board, [turn.serves[seat] for seat, _ in rows]))
    model.add(total <= have + given + sum(taken_here)).only_enforce_if(
        _any(board, [turn.serves[seat] for seat, _ in rows])
    )
    before = sum(_before(board, turn, seat) * count for seat, count in rows)
    for seat, _ in rows:
        model.add(before <= have + given).only_enforce_if(turn.serves[seat])
    model.add(total > have + given).only_enforce_if(some)
    return some


def _any(board: Board, literals: list[Literal]) -> cp_model.IntVar:
    found = board.model.new_bool_var("")
    board.model.add_max_equality(found, literals)
    return found


def _before(board: Board, turn: Turn, seat: Seat) -> cp_model.IntVar:
    """Whether this technician serves the seat before a restock, or without one."""
    literal = board.model.new_bool_var("")
    board.model.add(literal + board.after[seat] >= 1).only_enforce_if(turn.serves[seat])
    return literal
