"""Solving a file from the command line: read, searched within a budget, written at each improvement."""

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from fieldgraph import answers, inquiries, telling
from fieldgraph.answers import Outcome
from optimizer import collecting, engines
from optimizer.efforts import Effort
from optimizer.engines import Engine
from optimizer.instances import reading
from optimizer.instances.instance import Instance
from optimizer.instances.reading import Objective
from optimizer.plan import Plan
from optimizer.teams import Teams


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be solved, how, and where the answer goes."""

    file: Path
    seconds: float | None
    iterations: int | None = None
    seed: int = 1
    out: Path | None = None
    dynamic: Path | None = None
    technicians: Path | None = None
    objective: Objective | None = None
    warm: Path | None = None
    engine: Engine = "own"
    chains: int = 1
    why: tuple[str, ...] = ()
    """`VISIT` or `VISIT:TECHNICIAN`, to be explained."""
    prove_seconds: float | None = None
    """For CP-SAT, after the search of a small day."""


@dataclass(slots=True)
class Cancel:
    """Whether a signal has asked to end; a second one ends at once."""

    asked: bool = False

    def __call__(self) -> bool:
        return self.asked

    def ask(self, number: int, _: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)


@dataclass(slots=True)
class Solving:
    """One run: what it works on, and the writing and telling of what it finds."""

    wanted: Wanted
    instance: Instance
    releases: dict[str, int]
    cancel: Cancel
    tell: Callable[[str], None] | None
    started: float = field(default_factory=time.perf_counter)

    def said(self, outcome: Outcome, status: str) -> dict[str, Any]:
        wanted = self.wanted
        run = {
            "status": status,
            "engine": wanted.engine,
            "seed": wanted.seed,
            "chains": wanted.chains,
            "iterations": wanted.iterations,
            "budget_seconds": wanted.seconds,
            "seconds": round(time.perf_counter() - self.started, 3),
        }
        return answers.answer(self.instance, outcome, run)

    def improved(self, outcome: Outcome) -> None:
        said = self.said(outcome, "searching")
        if self.wanted.out is not None:
            answers.write(self.wanted.out, said)
        if self.tell is not None:
            left = len(said["unassigned"])
            self.tell(
                f"{said['seconds']:8.1f} s  {said['objective']:.10g}{telling.gap(said)}  {left} left out"
            )


def solve(wanted: Wanted, *, tell: Callable[[str], None] | None = None) -> dict[str, Any]:
    """The answer, also written to `wanted.out`; `tell` hears of each improvement in a line.

    ValueError and OSError say what is wrong with a file. An interrupt or a request to end is not an error:
    the best plan so far is the answer, as `cancelled`.
    """
    cancel = Cancel()
    with _cancelling(cancel):
        if wanted.seconds is not None and not math.isfinite(wanted.seconds):
            raise ValueError("the seconds are no number")
        if wanted.out is not None:
            _writable(wanted.out)
        instance = reading.read(wanted.file, objective=wanted.objective, technicians=wanted.technicians)
        releases = {} if wanted.dynamic is None else reading.read_releases(wanted.dynamic, instance)
        warm = _warm(wanted, instance)
        pairs = _looked_into(wanted, instance)
        engine = _engine(wanted, tell)
        run = Solving(wanted, instance, releases, cancel, tell)
        effort = Effort(
            engine=engine,
            seconds=wanted.seconds,
            iterations=wanted.iterations,
            seed=wanted.seed,
            stop=cancel,
        )
        outcome = _searched(run, effort, warm)
        more: dict[str, Any] = {}
        if not cancel.asked and (wanted.prove_seconds or pairs):
            if wanted.out is not None:
                answers.write(wanted.out, run.said(outcome, "searching"))
            outcome, more = _told(run, outcome, pairs)
        said = run.said(outcome, "cancelled" if cancel.asked else "done") | more
        said["violations"] = answers.violations(outcome)
        if wanted.out is not None:
            answers.write(wanted.out, said)
    return said


def refused(error: ValueError | OSError) -> str:
    """What was wrong, in one sentence."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _searched(run: Solving, effort: Effort, warm: tuple[Plan, Teams] | None) -> Outcome:
    problem, plan = run.instance.problem, None if warm is None else warm[0]
    if run.wanted.dynamic is not None:
        from optimizer import unfolding  # noqa: PLC0415  # each search loads only what it needs

        day = unfolding.unfold(
            problem,
            run.releases,
            effort,
            on_plan=lambda plan: run.improved(Outcome(plan, problem, releases=run.releases)),
        )
        return Outcome(day.plan, problem, releases=run.releases, plannings=day.plannings)
    if run.instance.teams:
        from optimizer import teams  # noqa: PLC0415  # as above

        found = teams.solve(
            problem,
            effort,
            warm=None if warm is None or not warm[1] else (warm[1], warm[0]),
            on_improvement=lambda best: run.improved(Outcome(best.plan, best.problem, best.teams)),
        )
        return Outcome(found.plan, found.problem, found.teams)
    solve = (
        partial(collecting.solve, problem, effort) if run.instance.prizes else partial(effort.solve, problem)
    )
    best = solve(warm=plan, on_improvement=lambda plan: run.improved(Outcome(plan, problem)))
    return Outcome(best, problem)


def _looked_into(wanted: Wanted, instance: Instance) -> list[inquiries.Pair]:
    """What is asked beyond the plan, if that can be told of this instance."""
    if (wanted.why or wanted.prove_seconds) and (wanted.dynamic is not None or instance.teams):
        raise ValueError("of teams and of a dynamic day nothing is explained or proven")
    if wanted.prove_seconds:
        inquiries.provable(instance.problem)
    return inquiries.pairs(instance.problem, wanted.why)


def _told(run: Solving, outcome: Outcome, pairs: Sequence[inquiries.Pair]) -> tuple[Outcome, dict[str, Any]]:
    """The outcome, or a better one that CP-SAT has found, and what was asked beyond it."""
    more: dict[str, Any] = {}
    problem, wanted = outcome.problem, run.wanted
    if wanted.prove_seconds:
        plan, more["proof"] = inquiries.proved(
            problem, outcome.plan, seconds=wanted.prove_seconds, seed=wanted.seed
        )
        outcome = replace(outcome, plan=plan)
    if pairs and not run.cancel.asked:
        scale = run.instance.scale
        more["why"] = [inquiries.why(problem, outcome.plan, pair, scale=scale) for pair in pairs]
    return outcome, more


def _engine(wanted: Wanted, tell: Callable[[str], None] | None) -> Callable[..., Plan]:
    """The engine's `solve`, its kernels compiled, so that the budget is spent on searching."""
    if wanted.engine == "own" and tell is not None:
        tell("loading the kernels (they are compiled once after an update, which takes a while)")
    elif wanted.engine != "own" and wanted.chains > 1:
        raise ValueError(f"the engine {wanted.engine} has one chain")
    try:
        engines.warm_up(wanted.engine)
    except ModuleNotFoundError as error:
        raise ValueError(f"the engine {wanted.engine} is not installed: {error}") from error
    return partial(engines.solve, engine=wanted.engine, chains=wanted.chains)


def _warm(wanted: Wanted, instance: Instance) -> tuple[Plan, Teams] | None:
    if wanted.warm is None:
        return None
    if wanted.dynamic is not None:
        raise ValueError("a dynamic day begins without a plan: --warm and --dynamic do not go together")
    plan, teams = answers.read_plan(wanted.warm, reading.text(wanted.warm))
    known = {visit.key for visit in instance.problem.visits}
    named = [stop.visit for route in plan.routes for stop in route.stops]
    strange = next((key for key in named if key not in known), None)
    if strange is not None:
        raise ValueError(f"{wanted.warm}: the visit {strange} is not in {instance.name}")
    people = {technician.key for technician in instance.problem.technicians}
    members = [key for team in teams for key in team]
    if instance.teams and (set(members) != people or len(members) != len(people)):
        raise ValueError(f"{wanted.warm}: its teams are not of the technicians of {instance.name}")
    return plan, teams if instance.teams else ()


def _writable(out: Path) -> None:
    folder = out.parent
    if out.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{out}: no file can be written there")


@contextmanager
def _cancelling(cancel: Cancel) -> Iterator[None]:
    before = {number: signal.signal(number, cancel.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
