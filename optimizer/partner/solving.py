"""Solving: the whole model of a board, its solver, and starts as early as the price allows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ortools.sat.python import cp_model

from optimizer.partner import coupling, loads, prices, waits
from optimizer.partner.board import Board, Term

FOUND = (cp_model.OPTIMAL, cp_model.FEASIBLE)
SEEDS = 2**31
"""CP-SAT takes seeds below it, a search any."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands outside the model."""

    starts: Mapping[int, int] = field(default_factory=dict)
    """Visit's place → its start, which the model may not move."""
    taken: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """(depot, part) → pieces that routes outside the model take."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long the solver may go on: by the wall, or by its own count (the same on every machine)."""

    seconds: float | None = None
    deterministic: float | None = None
    seed: int = 1

    def longer(self, times: int) -> "Effort":
        """So many times this by the solver's own count; the wall stays where it is."""
        return replace(self, deterministic=None if self.deterministic is None else times * self.deterministic)

    def solver(self, board: Board | None = None) -> cp_model.CpSolver:
        """A solver on one thread, for that board."""
        solver = cp_model.CpSolver()
        solver.parameters.random_seed = self.seed % SEEDS
        solver.parameters.num_workers = 1
        if board is not None and any(turn.track.technician.hourly_price for turn in board.turns):
            # All of the model as a linear program too: without it such prices fall second by second.
            solver.parameters.linearization_level = 2
        if self.seconds is not None:
            solver.parameters.max_time_in_seconds = max(0.01, self.seconds)
        if self.deterministic is not None:
            solver.parameters.max_deterministic_time = self.deterministic
        return solver


def complete(board: Board, frame: Frame, *, pinned_extra: int = prices.PINNED_EXTRA) -> Term:
    """Add every rule to the board and answer its objective."""
    for turn in board.turns:
        waits.add(board, turn)
    coupling.add(board, frame.starts)
    loads.add(board, frame.taken)
    objective = cp_model.LinearExpr.sum(
        [*prices.terms(board, pinned_extra=pinned_extra), *prices.slack(board)]
    )
    board.model.minimize(objective)
    return objective


def tidy(board: Board, objective: Term, solver: cp_model.CpSolver, *, effort: Effort) -> cp_model.CpSolver:
    """A solver that holds the same price on a board of fixed orders, each start as early as it allows."""
    model, times = board.model, _times(board)
    hints = [solver.value(time) for time in times]
    model.add(objective <= round(solver.objective_value))
    for turn in board.turns:
        waits.keep(board, turn, solver)
    _keep_choices(model, solver)
    for time, value in zip(times, hints, strict=True):
        model.add_hint(time, value)
    model.minimize(cp_model.LinearExpr.sum(times))
    again = effort.solver(board)
    return again if again.solve(model) in FOUND else solver


def _keep_choices(model: cp_model.CpModel, solver: cp_model.CpSolver) -> None:
    """Every yes or no as it was found: what is left are differences of times."""
    for place, variable in enumerate(model.proto.variables):
        if list(variable.domain) == [0, 1]:
            literal = model.get_bool_var_from_proto_index(place)
            model.add_bool_and(literal if solver.boolean_value(literal) else ~literal)


def _times(board: Board) -> list[cp_model.IntVar]:
    found = [visiting.start for visiting in board.visits.values()]
    found += [times.arrive for times in board.times.values()]
    for turn in board.turns:
        found += [turn.home.arrive, turn.lunch, *turn.begins.values()]
        found += [times.arrive for times in turn.calls.values()]
    return found
