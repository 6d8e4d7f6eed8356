"""The check command: every step runs, failures are counted at the end, the last step is the newcomer's."""

import sys
from pathlib import Path

import pytest

from fieldgraph.checks import Step, run, steps


def test_a_failure_stops_nothing_and_is_told_at_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # given three steps of which the first fails
    chosen = [
        Step("first", [sys.executable, "-c", "raise SystemExit(3)"]),
        Step("second", [sys.executable, "-c", "import os; print(os.getcwd())"]),
        Step("third", [sys.executable, "-c", "print('third ran')"]),
    ]

    # when they run
    failed = run(chosen, tmp_path)

    # then all ran, in that folder, each with its outcome
    said = capfd.readouterr().out
    assert failed == ["first"]
    assert f"\n{tmp_path}\n" in said
    assert [line.split(" (")[0] for line in said.splitlines() if line.endswith(" s)")] == [
        "── first: FAILED",
        "── second: ok",
        "── third: ok",
    ]
    assert "third ran" in said


def test_the_last_step_is_the_readmes_test_command() -> None:
    titles = [step.title for step in steps()]

    assert titles == ["format", "lint", "imports", "types", "schema.graphql", "tests"]
    assert list(steps()[-1].command) == [sys.executable, "run.py", "test"]
