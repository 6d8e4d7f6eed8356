"""Coupling: the seats of a crew, visits that depend on each other, and what stands outside the model."""

from collections.abc import Mapping

from ortools.sat.python.cp_model_helper import Literal

from optimizer.partner import rules
from optimizer.partner.board import Board, Term
from optimizer.partner.tracks import Seat
from optimizer.problem import Dependency


def add(board: Board, standing: Mapping[int, int]) -> None:
    """Seats together or not at all; `standing` is the start of each visit that is not the model's to move.

    A visit neither in the model nor standing is out.
    """
    for place, visiting in board.visits.items():
        for number in range(len(board.problem.visits[place].crew) + 1):
            seat = Seat(place, number)
            takers = [turn.serves[seat] for turn in board.turns if seat in turn.serves]
            # A seat that stands on a route outside the model is taken; its start is standing.
            if takers or place not in standing:
                board.model.add(sum(takers) == visiting.served)
        if place in standing:
            board.model.add(visiting.start == standing[place])
    places = {visit.key: place for place, visit in enumerate(board.problem.visits)}
    fixed = {stop.visit for turn in board.turns for stop in turn.track.head.stops}
    for row in board.problem.dependencies:
        if row.second not in fixed:
            _depend(board, row, places=(places[row.first], places[row.second]), standing=standing)


def _depend(board: Board, row: Dependency, *, places: tuple[int, int], standing: Mapping[int, int]) -> None:
    """One dependency, of which at least one visit is in the model; None: out."""
    one, other = (_start(board, place, standing=standing) for place in places)
    first, second = (board.visits.get(place) for place in places)
    if first is None and second is None:
        return
    if other is None:
        return
    taken = board.yes if second is None else second.served
    if one is None:
        board.model.add(taken == 0)
        return
    if first is not None:
        board.model.add_implication(taken, first.served)
    gap = other - one - board.problem.visits[places[0]].service_seconds
    board.model.add(gap >= row.gap_seconds).only_enforce_if(taken)
    if row.longest_gap_seconds is not None:
        board.model.add(gap <= row.longest_gap_seconds).only_enforce_if(taken)
    if row.same_day and board.problem.day_starts:
        _same_day(board, (one, other), taken=taken)


def _start(board: Board, place: int, *, standing: Mapping[int, int]) -> Term | None:
    visiting = board.visits.get(place)
    return standing.get(place) if visiting is None else visiting.start


def _same_day(
    board: Board,
    pair: tuple[Term, Term],
    *,
    taken: Literal,
) -> None:
    """Both starts lie in one of the days, the time before the first of them being one too."""
    starts = sorted(board.problem.day_starts)
    days = [rules.day(starts, at) for at in (starts[0] - 1, *starts)]
    chosen = [board.model.new_bool_var("") for _ in days]
    board.model.add_exactly_one(chosen)
    for (begin, after), literal in zip(days, chosen, strict=True):
        for start in pair:
            if begin is not None:
                board.model.add(start >= begin).only_enforce_if(literal, taken)
            if after is not None:
                board.model.add(start < after).only_enforce_if(literal, taken)
