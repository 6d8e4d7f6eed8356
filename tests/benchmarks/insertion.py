"""Insertion: how long the best place of one visit takes in a held plan, and how long making room does.

Each emergency of a morning is asked for, 20 of them over each of the seeds, on a state that is held warm.

python3 run.py bench insertion [--seeds 3] [--seconds 10] [--json FILE]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optimizer import emergency, search
from optimizer.displacement import displace
from optimizer.emergency import Held
from tests.benchmarks.days import day
from tests.benchmarks.figures import quantile
from tests.benchmarks.mornings import Morning, morning

SIZES = ((50, 400), (200, 2_000))
EMERGENCIES = 20
ROUNDS = 5
GOALS_MS = {"insertion": 1.0, "displacement": 300.0}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="mornings of each size")
    parser.add_argument("--seconds", type=float, default=10.0, help="of planning before each")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    search.warm_up()
    found = [
        row
        for technicians, visits in SIZES
        for row in measured(technicians, visits, seeds=options.seeds, seconds=options.seconds)
    ]
    for row in found:
        sys.stdout.write(line(row) + "\n")
    if options.json:
        options.json.write_text(json.dumps({"rows": found}, indent=1) + "\n")


def measured(technicians: int, visits: int, *, seeds: int, seconds: float) -> list[dict[str, Any]]:
    """The two figures of one size: milliseconds by the wall, and of one core where others are at work."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ("holding", *GOALS_MS)}
    fitting = rescued = 0
    for seed in range(1, seeds + 1):
        case = morning(
            day(technicians, visits + EMERGENCIES, seed=seed),
            emergencies=EMERGENCIES,
            locked=0.4,
            seed=seed,
            seconds=seconds,
        )
        emergency.warm_up(case.problem)
        held, took = timed(Held.of, case.problem, case.plan)
        spent["holding"].append(took)
        fitting += _insertions(case, held, spent["insertion"])
        rescued += _displacements(case, held, spent["displacement"])
    size = {"technicians": technicians, "visits": visits, "asked": EMERGENCIES * seeds}
    told = {"holding": {}, "insertion": {"fitting": fitting}, "displacement": {"rescued": rescued}}
    return [{**size, "what": name, **figures(spent[name]), **told[name]} for name in spent]


def timed(call: Callable[..., Any], *given: Any) -> tuple[Any, tuple[float, float]]:
    """What it answers, and its seconds: by the wall, and of this thread on a core."""
    wall, core = time.perf_counter(), time.thread_time()
    answer = call(*given)
    return answer, (time.perf_counter() - wall, time.thread_time() - core)


def figures(spent: Sequence[tuple[float, float]]) -> dict[str, float]:
    walls, cores = sorted(wall * 1000 for wall, _ in spent), sorted(core * 1000 for _, core in spent)
    return {
        "median_ms": round(statistics.median(walls), 3),
        "p95_ms": round(quantile(walls, 0.95), 3),
        "core_median_ms": round(statistics.median(cores), 3),
        "core_p95_ms": round(quantile(cores, 0.95), 3),
    }


def line(row: dict[str, Any]) -> str:
    goal = f", goal {GOALS_MS[row['what']]:g} ms" if row["what"] in GOALS_MS else ""
    others = "".join(
        f", {row[name]} of {row['asked']} {name}" for name in ("fitting", "rescued") if name in row
    )
    return (
        f"{row['technicians']:4} x {row['visits']:5} {row['what']:12} median {row['median_ms']:8.3f} ms,"
        f" p95 {row['p95_ms']:8.3f} ms (of one core {row['core_median_ms']:.3f} and {row['core_p95_ms']:.3f})"
        f"{goal}{others}"
    )


def _insertions(case: Morning, held: Held, spent: list[tuple[float, float]]) -> int:
    """How many of the emergencies have a place."""
    fitting = 0
    for _ in range(ROUNDS):
        for key in case.emergencies:
            spot, took = timed(held.best, key)
            spent.append(took)
            fitting += spot is not None
    return fitting // ROUNDS


def _displacements(case: Morning, held: Held, spent: list[tuple[float, float]]) -> int:
    """How many would be worth making room for, asked of all, whether they have a place or not."""
    rescued = 0
    for key in case.emergencies:
        place = held.encoded.visits[key]
        (price, _), took = timed(displace, held.encoded.model, held.state, place, held.movable)
        spent.append(took)
        rescued += price < held.encoded.problem.visits[place].unassigned_penalty
    return rescued


if __name__ == "__main__":
    main()
