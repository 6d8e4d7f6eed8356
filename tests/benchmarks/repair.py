"""Repair: 20 emergencies come into a planned morning of 200 technicians; who is in, and what moves for it.

The plan that stands is of some seconds of search; 40 % of it has begun, is dispatched or is pinned. One
second is given to search.solve(warm=the plan), and beside it to OR-Tools routing from the same plan;
`inserted` is emergency.Held alone, without a search. One judge and one validator count the faults of all.

python3 run.py bench repair [--seeds 3] [--technicians 200] [--visits 2000] [--seconds 1] [--chains 1]
                            [--planned-for 20] [--json FILE]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from optimizer import fallback, judge, search, validator
from optimizer.emergency import Held
from optimizer.plan import Plan
from tests.benchmarks.days import day
from tests.benchmarks.mornings import Morning, broken, morning, moved

EMERGENCIES = 20
LOCKED = 0.4
GOAL_MOVED_PERCENT = 0.5

Engine = Callable[[Morning, float, int], Plan]


@dataclass(frozen=True)
class Size:
    technicians: int
    visits: int
    planned_for: float
    """Seconds of search before the morning."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="mornings")
    parser.add_argument("--technicians", type=int, default=200)
    parser.add_argument("--visits", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each repair")
    parser.add_argument("--chains", type=int, default=1, help="of our own search")
    parser.add_argument("--planned-for", type=float, default=20.0, help="seconds of planning before")
    parser.add_argument("--engines", default="fieldgraph,inserted,ortools", help="which, by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    search.warm_up()
    size = Size(options.technicians, options.visits, options.planned_for)
    chosen = {name: engines(options.chains)[name] for name in options.engines.split(",")}
    runs = []
    for seed in range(1, options.seeds + 1):
        for run in repaired(size, seed, options.seconds, chosen=chosen):
            runs.append(run)
            sys.stdout.write(line(run) + "\n")
            sys.stdout.flush()
    for name in chosen:
        sys.stdout.write(summary(name, [run for run in runs if run["engine"] == name]) + "\n")
    if options.json:
        options.json.write_text(json.dumps({"runs": runs}, indent=1) + "\n")


def engines(chains: int) -> dict[str, Engine]:
    return {"fieldgraph": partial(_searched, chains=chains), "inserted": _inserted, "ortools": _routed}


def repaired(size: Size, seed: int, seconds: float, *, chosen: Mapping[str, Engine]) -> list[dict[str, Any]]:
    """One run for each engine, on the same morning."""
    given = day(size.technicians, size.visits + EMERGENCIES, seed=seed)
    case = morning(given, emergencies=EMERGENCIES, locked=LOCKED, seed=seed, seconds=size.planned_for)
    runs = []
    for name, engine in chosen.items():
        began = time.perf_counter()
        plan = engine(case, seconds, seed)
        wall = time.perf_counter() - began
        runs.append({"seed": seed, "engine": name, "seconds": round(wall, 2), **told(case, plan)})
    return runs


def told(case: Morning, plan: Plan) -> dict[str, Any]:
    """What a repaired plan is, by the judge and beside the plan that stands."""
    there = plan.technicians()
    gone = moved(case.plan, plan)
    planned = len(case.plan.technicians())
    faults = len(list(judge.violations(case.problem, plan))) + len(validator.validate(case.problem, plan))
    return {
        "objective": plan.objective.total,
        "unassigned": len(plan.unassigned),
        "emergencies_in": sum(key in there for key in case.emergencies),
        "emergencies": len(case.emergencies),
        "planned": planned,
        "locked_percent": round(100 * len(case.locked) / planned, 1),
        "moved": len(gone),
        "moved_percent": round(100 * len(gone) / planned, 2),
        "left_out": sum(key not in there for key in gone),
        "locks_broken": len(broken(case, plan)),
        "faults": faults,
    }


def line(run: Mapping[str, Any]) -> str:
    return (
        f"seed {run['seed']} {run['engine']:11} {run['seconds']:5.2f} s: {run['emergencies_in']} of"
        f" {run['emergencies']} in, {run['moved']} of {run['planned']} change technician"
        f" ({run['moved_percent']:.2f} %, {run['left_out']} of them left out), {run['locks_broken']} of"
        f" {run['locked_percent']} % locks broken, objective {run['objective']:,}, {run['faults']} faults"
    )


def summary(name: str, runs: Sequence[Mapping[str, Any]]) -> str:
    share = statistics.mean(run["moved_percent"] for run in runs)
    objective = statistics.mean(run["objective"] for run in runs)
    all_in = sum(run["emergencies_in"] == run["emergencies"] for run in runs)
    return (
        f"{name:11} all in {all_in} of {len(runs)} times, {share:.2f} % change technician (goal"
        f" {GOAL_MOVED_PERCENT} %), {sum(run['locks_broken'] for run in runs)} locks broken,"
        f" mean objective {objective:,.0f}"
    )


def _searched(case: Morning, seconds: float, seed: int, *, chains: int) -> Plan:
    return search.solve(case.problem, seconds=seconds, seed=seed, warm=case.plan, chains=chains)


def _inserted(case: Morning, _: float, __: int) -> Plan:
    """One emergency after the other by insertion and displacement, without a search."""
    held = Held.of(case.problem, case.plan)
    for key in case.emergencies:
        held.enact(held.rescue(key))
    return held.plan()


def _routed(case: Morning, seconds: float, seed: int) -> Plan:
    return fallback.solve(case.problem, seconds=seconds, seed=seed, warm=case.plan)


if __name__ == "__main__":
    main()
