"""Standings: what each run came to by one judge, and how the engines stand beside each other."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.instances.instance import Instance
from optimizer.judge import score
from tests.benchmarks.contest import OURS, Answer, Task

HIGH_PRIORITY = 2
LATE_SHARE = 0.1
"""A run that takes a tenth (and a second) longer than it may is told to be late; it counts all the same."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One engine's run. `objective` is in the instance's own terms; None: no plan that holds."""

    family: str
    instance: str
    engine: str
    seed: int
    seconds: float
    objective: float | None = None
    gap_percent: float | None = None
    unassigned: int | None = None
    unassigned_high: int | None = None
    """Of priority 1 and 2."""
    complete: bool = False
    """Nothing is left out that must be served."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    fault: str | None = None

    @property
    def overrun_seconds(self) -> float:
        return max(0.0, self.wall_seconds - self.seconds)

    def to_json(self) -> dict[str, object]:
        rounded = {"wall_seconds": 3, "cpu_seconds": 3, "overrun_seconds": 3, "gap_percent": 4}
        row: dict[str, object] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        row["overrun_seconds"] = self.overrun_seconds
        for name, digits in rounded.items():
            value = row[name]
            row[name] = round(value, digits) if isinstance(value, float) else value
        return row


def judged(task: Task, answer: Answer) -> Run:
    """The run by the judge: a plan that breaks a rule has no objective, whoever made it."""
    instance = task.instance
    run = Run(
        family=family(instance),
        instance=instance.name,
        engine=task.engine,
        seed=task.seed,
        seconds=task.seconds,
        wall_seconds=answer.wall_seconds,
        cpu_seconds=answer.cpu_seconds,
        fault=answer.fault,
    )
    if answer.plan is None or answer.problem is None:
        return run
    try:
        plan = replace(answer.plan, objective=score(answer.problem, answer.plan))
    except ValueError as error:
        return replace(run, fault=f"refused by the judge: {error}")
    return replace(
        run,
        objective=instance.value(plan),
        gap_percent=instance.gap_percent(plan),
        unassigned=len(plan.unassigned),
        unassigned_high=_high(instance, [row.visit for row in plan.unassigned]),
        complete=instance.complete(plan),
    )


def family(instance: Instance) -> str:
    """What is summed up together: days of one size, else the instance's family."""
    if instance.measure != "price":
        return instance.family
    return f"days {len(instance.problem.technicians)}x{len(instance.problem.visits)}"


def _high(instance: Instance, keys: Sequence[str]) -> int:
    priority = {visit.key: visit.priority for visit in instance.problem.visits}
    return sum(priority[key] <= HIGH_PRIORITY for key in keys)


def heading(instance: Instance, seconds: float) -> Iterator[str]:
    """The instance's lines above its runs."""
    known = "" if instance.best_known is None else f", best known {instance.best_known:,.10g}"
    size = f"{len(instance.problem.technicians)} technicians, {len(instance.problem.visits)} visits"
    yield f"{instance.name} ({instance.family}; {size}): {instance.measure}{known}; {seconds:g} s each"
    yield (
        f"  {'engine':12}{'seed':>5}{'objective':>14}{'gap %':>9}{'left out':>10}{'prio 1-2':>10}"
        f"{'wall s':>8}{'over s':>8}{'CPU s':>8}"
    )


def line(run: Run) -> str:
    """One run of the table."""
    start = f"  {run.engine:12}{run.seed:5}"
    if run.objective is None:
        return f"{start}  {run.fault}"
    gap = "-" if run.gap_percent is None else f"{run.gap_percent:.2f}"
    open_end = "" if run.complete else "  not all served"
    open_end += "  late" if run.overrun_seconds > max(1.0, LATE_SHARE * run.seconds) else ""
    return (
        f"{start}{run.objective:14,.10g}{gap:>9}{run.unassigned:10}{run.unassigned_high:10}"
        f"{run.wall_seconds:8.2f}{run.overrun_seconds:8.2f}{run.cpu_seconds:8.2f}{open_end}"
    )


def summary(runs: Sequence[Run]) -> Iterator[str]:
    """For each family the mean gaps, and our objective over that of the best rival (mean of ratios)."""
    yield f"{'family':20}{'engine':12}{'runs':>6}{'mean gap %':>12}{'÷ best rival':>14}{'out, prio 1-2':>15}"
    for name in dict.fromkeys(run.family for run in runs):
        of_family = [run for run in runs if run.family == name]
        for engine in dict.fromkeys(run.engine for run in of_family):
            own = [run for run in of_family if run.engine == engine]
            gaps = [run.gap_percent for run in own if run.gap_percent is not None]
            gap = f"{statistics.mean(gaps):.2f}" if gaps else "-"
            ratio = ratio_to_best(of_family) if engine == OURS else None
            high = sum(run.unassigned_high or 0 for run in own)
            told = "-" if ratio is None else f"{ratio:.3f}"
            yield f"{name:20}{engine:12}{len(own):6}{gap:>12}{told:>14}{high:15}"


def ratio_to_best(runs: Sequence[Run]) -> float | None:
    """The mean over (instance, seed) of our objective over the least of the rivals; None: no pair."""
    ratios = []
    for run in runs:
        if run.engine != OURS or run.objective is None or not run.complete:
            continue
        best = min(_rivals(runs, run), default=math.nan)
        if best > 0:
            ratios.append(run.objective / best)
    return statistics.mean(ratios) if ratios else None


def _rivals(runs: Sequence[Run], ours: Run) -> Iterator[float]:
    for run in runs:
        same = (run.family, run.instance, run.seed) == (ours.family, ours.instance, ours.seed)
        if same and run.engine != OURS and run.objective is not None and run.complete:
            yield run.objective


def written(runs: Sequence[Run]) -> Mapping[str, object]:
    """All runs, and what they come to, for a file."""
    names = dict.fromkeys(run.family for run in runs)
    ratios = {name: ratio_to_best([run for run in runs if run.family == name]) for name in names}
    return {"runs": [run.to_json() for run in runs], "ratio_to_best_rival": ratios}
