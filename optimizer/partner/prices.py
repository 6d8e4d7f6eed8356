"""Prices: the objective of the Problem as terms of the model, constants of facts apart."""

from collections.abc import Iterator

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import Literal

from optimizer.partner import rules
from optimizer.partner.board import Board, Term, Times, Turn, Visiting
from optimizer.partner.tracks import service_seconds, way
from optimizer.problem import Visit

PINNED_EXTRA = 10**9
"""Added to the penalty of a pinned visit: it is left out only where it cannot be placed."""


def terms(board: Board, *, pinned_extra: int) -> list[Term]:
    """Every price that the model decides about; the extra is paid for each pinned visit left out."""
    found = [price for turn in board.turns for price in _turn(board, turn)]
    for place, visiting in board.visits.items():
        visit = board.problem.visits[place]
        out = rules.penalty(board.problem.policy, visit) + (pinned_extra if visit.pin else 0)
        if visiting.served is not board.yes:
            found.append((1 - visiting.served) * out)
        found += _start(board, visit, visiting=visiting)
    return found


def slack(board: Board) -> list[Term]:
    """What the policy holds minutes and pieces to cost."""
    if board.slack is None:
        return []
    policy = board.problem.policy
    return [
        board.slack.window_minutes * policy.window_minute_price,
        *(minutes * policy.overtime_minute_price for minutes in board.slack.overtime_minutes.values()),
        *(pieces * policy.transfer_price for pieces in board.slack.parts.values()),
    ]


def _turn(board: Board, turn: Turn) -> Iterator[Term]:
    technician, policy, model = turn.track.technician, board.problem.policy, board.model
    travel = _travel(board, turn)
    yield travel * policy.travel_weight
    if policy.overtime_weight:
        over = model.new_int_var(0, max(0, board.last - technician.shift_end), "")
        model.add(over >= turn.home.arrive - technician.shift_end).only_enforce_if(turn.used)
        yield over * policy.overtime_weight
    for seat in turn.track.seats:
        if seat.number == 0:
            price = rules.price(policy, technician, board.problem.visits[seat.visit])
            if price:
                yield turn.serves[seat] * price
    yield turn.used * technician.shift_price
    if technician.hourly_price:
        yield _hours(board, turn, travel=travel)
    if policy.fairness_weight:
        yield _load(board, turn, travel=travel)


def _travel(board: Board, turn: Turn) -> Term:
    """Seconds of driving after the head."""
    if len(board.problem.travel_slices) > 1:
        ways = [
            (turn.home, turn.used),
            *((board.to(turn, node), literal) for node, literal in turn.serves.items()),
        ]
        return cp_model.LinearExpr.sum([_driven(board, times, literal) for times, literal in ways])
    return cp_model.LinearExpr.sum(
        [
            literal * way(board.problem, turn.track, tail=tail, head=head)
            for (tail, head), literal in turn.arcs.items()
            if tail is not None or head is not None or turn.track.head.stops
        ]
    )


def _driven(board: Board, times: Times, literal: Literal) -> Term:
    """The seconds of a way that is gone; nothing for one that is not."""
    seconds = board.model.new_int_var(
        0, int(board.problem.travel_seconds.max(initial=0)) + len(board.problem.travel_slices), ""
    )
    board.model.add(seconds >= times.travel).only_enforce_if(literal)
    return seconds


def _hours(board: Board, turn: Turn, *, travel: Term) -> Term:
    """The hourly price to the second, rounded down: the least whole number that is not a whole one less."""
    each, longest = turn.track.technician.hourly_price, 2 * (board.last - board.first)
    away = board.model.new_int_var(0, longest, "")
    board.model.add(away >= turn.home.arrive - turn.leave).only_enforce_if(turn.used)
    # This follows from the times, but only so is it seen before they are chosen: six times as quick.
    track = turn.track
    head = 0 if track.head.leave is None else track.head.free - track.head.leave
    board.model.add(away >= cp_model.LinearExpr.sum([head, travel, *_work(board, turn)]))
    paid = board.model.new_int_var(0, each * longest // 3600 + 1, "")
    board.model.add(3600 * paid >= each * away - 3599)
    return paid


def _work(board: Board, turn: Turn) -> list[Term]:
    """Seconds of service of each node that is served."""
    return [literal * service_seconds(board.problem, node) for node, literal in turn.serves.items()]


def _load(board: Board, turn: Turn, *, travel: Term) -> Term:
    """The square of the whole busy minutes, over 3600, rounded down."""
    problem, model = board.problem, board.model
    # Never `0 + travel` and then `+=`: the sum is the same object, and `+=` changes it in place.
    busy = cp_model.LinearExpr.sum([travel, turn.track.head.busy_seconds, *_work(board, turn)])
    most = turn.track.head.busy_seconds
    most += sum(service_seconds(problem, node) for node in turn.track.nodes)
    most += (len(turn.track.nodes) + 1) * int(problem.travel_seconds.max(initial=0))
    minutes = model.new_int_var(0, most // 60, "")
    square = model.new_int_var(0, (most // 60) ** 2, "")
    weight = problem.policy.fairness_weight
    price = model.new_int_var(0, weight * (most // 60) ** 2 // 3600, "")
    model.add(60 * minutes >= busy - 59)
    model.add_multiplication_equality(square, [minutes, minutes])
    model.add(3600 * price >= weight * square - 3599)
    return price


def _start(board: Board, visit: Visit, *, visiting: Visiting) -> Iterator[Term]:
    """Lateness and a moved start of one visit, unless it is out."""
    model, start = board.model, visiting.start
    if visit.due is not None and visit.lateness_weight:
        late = model.new_int_var(0, max(0, board.last - visit.due), "")
        model.add(late >= start - visit.due).only_enforce_if(visiting.served)
        yield late * visit.lateness_weight
    policy = board.problem.policy
    if visit.planned is not None and policy.change_start_price:
        moved = model.new_bool_var("")
        for gap in (start - visit.planned.start, visit.planned.start - start):
            model.add(gap <= policy.start_tolerance_seconds).only_enforce_if(visiting.served, ~moved)
        yield moved * policy.change_start_price
