"""Waits: lunch and absences, which no way and no service meets."""

from ortools.sat.python import cp_model

from optimizer.partner.board import Board, Term, Turn
from optimizer.partner.tracks import Seat, service_seconds


def add(board: Board, turn: Turn) -> None:
    """The technician's lunch, where one may be owed, and absences."""
    track, model = turn.track, board.model
    absences = [row for row in track.technician.absences if row.end > track.head.free]
    owed = _lunch(board, turn)
    if not (owed or absences):
        return
    busy = _ways(board, turn)
    for node, literal in turn.serves.items():
        begin = board.begin(turn, node)
        seconds = service_seconds(board.problem, node)
        busy.append(model.new_optional_fixed_size_interval_var(begin, seconds, literal, ""))
    away = [model.new_fixed_size_interval_var(row.start, row.end - row.start, "") for row in absences]
    eating = []
    if owed:
        seconds = track.technician.lunch.seconds if track.technician.lunch is not None else 0
        eating = [model.new_optional_fixed_size_interval_var(turn.lunch, seconds, turn.has_lunch, "")]
    model.add_no_overlap([*busy, *eating])
    if away:
        model.add_no_overlap([*busy, *away])


def keep(board: Board, turn: Turn, solver: cp_model.CpSolver) -> None:
    """Each way and service of a fixed order stays on the side of lunch and absences where it was found."""
    lunch = turn.track.technician.lunch
    rests: list[tuple[Term, Term]] = [(row.start, row.end) for row in turn.track.technician.absences]
    if lunch is not None and solver.boolean_value(turn.has_lunch):
        rests.append((turn.lunch, turn.lunch + lunch.seconds))
    busy: list[tuple[Term, Term]] = [(turn.home.leave, turn.home.arrive)]
    for node in turn.track.must:
        times = board.to(turn, node)
        begin = board.begin(turn, node)
        busy += [(times.leave, times.arrive), (begin, begin + service_seconds(board.problem, node))]
    for start, end in busy:
        for rest, after in rests:
            if solver.value(end) <= solver.value(rest):
                board.model.add(end <= rest)
            elif solver.value(start) >= solver.value(after):
                board.model.add(start >= after)


def _ways(board: Board, turn: Turn) -> list[cp_model.IntervalVar]:
    span = board.model.new_optional_interval_var
    home = turn.home
    ways = [span(home.leave, home.travel, home.arrive, turn.moves, "")]
    for node, literal in turn.serves.items():
        times = board.times[node] if isinstance(node, Seat) else turn.calls[node]
        ways.append(span(times.leave, times.travel, times.arrive, literal, ""))
    return ways


def _lunch(board: Board, turn: Turn) -> bool:
    """Lunch is owed where the technician is free by `latest` and ends after it."""
    lunch, model = turn.track.technician.lunch, board.model
    free = turn.track.head.free
    if lunch is None or free > lunch.latest or turn.track.lunch_start is not None:
        model.add(turn.has_lunch == 0)
        return False
    model.add(turn.home.arrive <= lunch.latest).only_enforce_if(~turn.has_lunch, turn.moves)
    model.add(turn.home.arrive > lunch.latest).only_enforce_if(turn.has_lunch)
    model.add_implication(turn.has_lunch, turn.moves)
    model.add(turn.lunch >= max(lunch.earliest, free)).only_enforce_if(turn.has_lunch)
    model.add(turn.lunch <= lunch.latest).only_enforce_if(turn.has_lunch)
    return True
