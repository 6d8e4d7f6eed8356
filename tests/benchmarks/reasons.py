"""Reasons: how long it takes to say why visits are with none of all technicians, in a held plan.

Each visit that a plan leaves out is asked for, every technician's reasons and the summary, on routes that
are held warm; the time is that of one core, since others may be at work beside it.

python3 run.py bench reasons [--seeds 2] [--seconds 10] [--json FILE]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer import search
from optimizer.encoding import encode
from optimizer.loading import load
from optimizer.reasons import Inquiry, explain_all
from optimizer.timetable import read_plan
from tests.benchmarks.days import day
from tests.benchmarks.figures import quantile

SIZES = ((50, 400), (200, 2_000))
EXTRA = 50
"""Visits that come after the plan, so that they are out."""
GOAL_MS, GOAL_ALL_MS = 5.0, 200.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="days of each size")
    parser.add_argument("--seconds", type=float, default=10.0, help="of planning before each")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    search.warm_up()
    found = [
        measured(technicians, visits, seed=seed, seconds=options.seconds)
        for technicians, visits in SIZES
        for seed in range(1, options.seeds + 1)
    ]
    for row in found:
        sys.stdout.write(line(row) + "\n")
    if options.json:
        options.json.write_text(json.dumps({"rows": found}, indent=1) + "\n")


def measured(technicians: int, visits: int, *, seed: int, seconds: float) -> dict[str, Any]:
    """Milliseconds of one core for one visit, and for all that are out together."""
    given = day(technicians, visits + EXTRA, seed=seed)
    asked = [row.key for row in given.visits[-EXTRA:]]
    before = search.solve(replace(given, visits=given.visits[:-EXTRA]), seconds=seconds, seed=seed)
    encoded = encode(given)
    state = load(encoded, before)
    inquiry = Inquiry.around(encoded, state)
    inquiry.summary(asked[0])
    each = sorted(spent(inquiry.each, key) for key in asked)
    plan = read_plan(encoded, state)
    together = spent(explain_all, encoded, state, plan)
    return {
        "technicians": technicians,
        "visits": visits,
        "seed": seed,
        "asked": len(each),
        "median_ms": round(statistics.median(each), 3),
        "p95_ms": round(quantile(each, 0.95), 3),
        "out": len(plan.unassigned),
        "all_ms": round(together, 1),
    }


def spent(call: Callable[..., Any], *given: Any) -> float:
    """Milliseconds of this thread on a core."""
    began = time.thread_time()
    call(*given)
    return (time.thread_time() - began) * 1000


def line(row: dict[str, Any]) -> str:
    return (
        f"{row['technicians']:4} x {row['visits']:5} seed {row['seed']}: reasons of one visit for all"
        f" median {row['median_ms']:.2f} ms, p95 {row['p95_ms']:.2f} ms of one core, goal {GOAL_MS:g} ms;"
        f" {row['out']} left out together {row['all_ms']:.1f} ms, goal {GOAL_ALL_MS:g} ms"
    )


if __name__ == "__main__":
    main()
