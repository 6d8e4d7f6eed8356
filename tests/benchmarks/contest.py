"""The contest: one engine on one instance in a process of its own, on one core, timed there.

A run is asked for by a pickle on the standard input of `python -m tests.benchmarks.contestant` and answered
by one on its standard output. Kernels are loaded and days are stated before the clock starts.
"""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from optimizer import collecting, teams
from optimizer.assembly import assemble
from optimizer.efforts import Effort
from optimizer.instances.instance import Instance
from optimizer.plan import Plan
from optimizer.problem import Problem
from tests.benchmarks import rivals

CHECKOUT = Path(__file__).parents[2]
OURS = "fieldgraph"
LONGEST_EXTRA_SECONDS = 900.0
"""Beyond its seconds a run is ended: kernels may have to be compiled, and plans are timed in plain Python."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Task:
    """What one engine is asked for."""

    engine: str
    instance: Instance
    seconds: float
    seed: int


@dataclass(frozen=True)
class Answer:
    """The plan of `problem`, whose technicians are the teams where there are teams, or why there is none."""

    problem: Problem | None = None
    plan: Plan | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    fault: str | None = None


@dataclass
class Clock:
    """Seconds of the searches alone: the wall's and the processor's."""

    wall: float = 0.0
    processor: float = 0.0
    began: tuple[float, float] = field(default=(0.0, 0.0))

    def __enter__(self) -> Self:
        self.began = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self.began[0]
        self.processor += time.process_time() - self.began[1]


def run(task: Task) -> Answer:
    """The task in a new process; a process that dies or is too slow is a fault of that run only."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.contestant"],
            input=pickle.dumps(task),
            capture_output=True,
            cwd=CHECKOUT,
            env=os.environ | ONE_THREAD,
            timeout=task.seconds + LONGEST_EXTRA_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(fault=f"no answer {LONGEST_EXTRA_SECONDS:g} s after its time")
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
        return Answer(fault=f"the process ended with {done.returncode}: {last[0]}")
    answer: Answer = pickle.loads(done.stdout)  # noqa: S301  # written by our own child
    return answer


def solve(task: Task) -> Answer:
    """The task in this process."""
    clock = Clock()
    engine = _ours(clock) if task.engine == OURS else _rival(task, clock)
    effort = Effort(engine=engine, seconds=task.seconds, seed=task.seed)
    try:
        if task.instance.teams:
            found = teams.solve(task.instance.problem, effort)
            problem, plan = found.problem, found.plan
        else:
            problem = task.instance.problem
            ours = task.instance.prizes and task.engine == OURS
            plan = collecting.solve(problem, effort) if ours else effort.solve(problem)
    except ValueError as error:
        return Answer(fault=str(error))
    return Answer(problem, plan, clock.wall, clock.processor)


def _ours(clock: Clock) -> Callable[..., Plan]:
    from optimizer import search  # noqa: PLC0415  # the kernels; a rival's process needs none

    search.warm_up()

    def engine(problem: Problem, **budget: object) -> Plan:
        with clock:
            return search.solve(problem, **budget)  # type: ignore[arg-type]  # Effort's own arguments

    return engine


def _rival(task: Task, clock: Clock) -> Callable[..., Plan]:
    def engine(problem: Problem, *, seconds: float, seed: int, **_: object) -> Plan:
        day = rivals.Day(problem, required=not task.instance.optional)
        search = rivals.stated(task.engine, day, seed=seed)
        with clock:
            orders = search(seconds, seed)
        return assemble(problem, orders)

    return engine
