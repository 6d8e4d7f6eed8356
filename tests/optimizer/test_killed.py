"""A search that is killed leaves the last plan that it told, whole and right."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from optimizer.judge import score
from optimizer.plan import Plan
from optimizer.validator import validate
from tests.optimizer.problems import random_problem

CHECKOUT = Path(__file__).parents[2]
PROCESS = """
import os, sys
from optimizer.search import solve
from tests.optimizer.problems import random_problem

def keep(plan):
    # Written beside and moved into place: a reader sees the old plan or the new one.
    with open(sys.argv[1] + ".next", "w") as file:
        file.write(plan.to_json())
    os.replace(sys.argv[1] + ".next", sys.argv[1])
    print("kept", flush=True)

solve(random_problem(51, technicians=8, visits=120), seconds=600, on_improvement=keep, chains=2)
"""


def test_a_killed_search_leaves_the_last_good_plan(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    command = [sys.executable, "-c", PROCESS, str(file)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # ours
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "kept\n"
            first = Plan.from_json(file.read_text())
            assert process.stdout.readline() == "kept\n"
            time.sleep(0.2)  # in the middle of a round
        finally:
            process.kill()
            process.wait()

    assert process.returncode == -signal.SIGKILL
    given = random_problem(51, technicians=8, visits=120)
    last = Plan.from_json(file.read_text())
    assert validate(given, last) == ()
    assert score(given, last) == last.objective
    assert last.objective.total < first.objective.total
