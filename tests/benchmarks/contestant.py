"""The contestant: the process in which one engine runs; see contest.py."""

import contextlib
import os
import pickle
import sys

from tests.benchmarks.contest import Task, solve


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    task: Task = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by our own parent
    with contextlib.redirect_stdout(sys.stderr):
        answer = solve(task)
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    main()
