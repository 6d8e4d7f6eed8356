"""`solve` as whoever types it sees it: its answer, what it refuses, and what remains when it is stopped."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fieldgraph.cli import program
from fieldgraph.settings import CHECKOUT
from optimizer import judge, search
from optimizer.instances import reading
from optimizer.plan import Plan
from optimizer.problem import Window
from tests.optimizer.instances import files
from tests.optimizer.problems import problem, technician, visit

PATIENCE_SECONDS = 120
"""The first process of all compiles the kernels."""


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    search.warm_up()


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Sixty clients around a depot, in Solomon's format."""
    draw = np.random.default_rng(7)
    rows = ["0 50 50 0 0 1000 0"]
    for client in range(1, 61):
        ready = int(draw.integers(0, 800))
        x, y, demand = draw.integers(0, 100), draw.integers(0, 100), draw.integers(1, 20)
        rows.append(f"{client} {x} {y} {demand} {ready} {ready + 120} 10")
    path = tmp_path / "sixty.txt"
    head = ["sixty", "", "VEHICLE", "NUMBER CAPACITY", "12 100", "", "CUSTOMER", "CUST NO. XCOORD.", ""]
    path.write_text("\n".join([*head, *rows, ""]))
    return path


def start(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-m", "fieldgraph.cli", "solve", *map(str, arguments)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments)
    output, error = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output, error


def answered(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def plan_of(said: dict[str, Any]) -> Plan:
    return Plan.from_json(json.dumps(said["plan"]))


@pytest.fixture
def searching(instance: Path, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A search of five minutes that has written its first answer."""
    out = tmp_path / "plan.json"
    process = start(instance, "--seconds", 300, "--out", out)
    until = time.monotonic() + PATIENCE_SECONDS
    while not out.exists() and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.05)
    yield process, out
    process.kill()
    process.communicate()


def test_the_answer_says_routes_objective_and_no_broken_rule(instance: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"

    code, output, error = call(instance, "--seconds", 2, "--seed", 5, "--out", out)

    assert (code, error) == (0, "")
    said = answered(out)
    assert output.splitlines()[0] == f"sixty (solomon): distance {said['objective']:.10g}"
    assert "60 visits served, 0 left out; done after 2." in output
    assert (said["status"], said["engine"], said["seed"], said["budget_seconds"]) == ("done", "own", 5, 2.0)
    assert (said["measure"], said["best_known"], said["gap_percent"]) == ("distance", None, None)
    assert (said["complete"], said["unassigned"], said["violations"]) == (True, [], [])
    assert 1.9 <= said["seconds"] < 4
    read, plan = reading.read(instance), plan_of(said)
    assert list(judge.violations(read.problem, plan)) == []
    assert said["objective"] == read.value(plan) == said["distance"]
    assert sum(route["distance"] for route in said["routes"]) == pytest.approx(said["objective"])
    stops = [stop for route in said["routes"] for stop in route["stops"]]
    assert sorted(int(stop["visit"]) for stop in stops) == list(range(1, 61))
    known = {visit.key: visit for visit in read.problem.visits}
    for stop in stops:
        window = known[stop["visit"]].windows[0]
        assert window.start <= round(stop["start"] * 10) <= window.end
        assert stop["end"] == pytest.approx(stop["start"] + 10)


def test_equal_iterations_give_equal_plans_and_a_warm_one_is_no_worse(instance: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{number}.json" for number in range(3))
    for out in (first, second):
        assert call(instance, "--iterations", 2000, "--out", out)[0] == 0

    code, output, _ = call(instance, "--iterations", 50, "--warm", first, "--out", third, "--json")

    assert answered(first)["plan"] == answered(second)["plan"]
    assert code == 0
    assert json.loads(output) == answered(third)
    assert answered(third)["objective"] <= answered(first)["objective"]


def test_a_killed_search_leaves_its_last_plan_whole(searching: tuple["subprocess.Popen[str]", Path]) -> None:
    process, out = searching

    process.send_signal(signal.SIGKILL)
    process.wait()

    said = answered(out)
    assert said["status"] == "searching"
    assert "violations" not in said  # only what has ended is judged
    read = reading.read(said["file"])
    assert list(judge.violations(read.problem, plan_of(said))) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_ends_well(
    searching: tuple["subprocess.Popen[str]", Path], number: signal.Signals
) -> None:
    process, out = searching

    process.send_signal(number)
    output, error = process.communicate(timeout=30)

    assert (process.returncode, error) == (0, "")
    assert "cancelled after" in output
    said = answered(out)
    assert (said["status"], said["violations"], said["complete"]) == ("cancelled", [], True)
    assert [path.name for path in out.parent.glob(".*")] == []


def test_a_dynamic_day_says_what_was_released_and_rejected(tmp_path: Path) -> None:
    (tmp_path / "tiny.txt").write_text(files.TRSP)
    (tmp_path / "rd.txt").write_text(files.RELEASES)
    out = tmp_path / "plan.json"
    arguments = (tmp_path / "tiny.txt", "--dynamic", tmp_path / "rd.txt", "--iterations", 30)

    code, output, error = call(*arguments, "--objective", "distance", "--out", out)

    assert error == ""
    said = answered(out)
    assert (said["dynamic"]["released"], said["dynamic"]["plannings"]) == ({"4": 15.0, "5": 96.5}, 3)
    assert said["dynamic"]["rejected"] == [row["visit"] for row in said["unassigned"]]
    starts = {
        stop["visit"]: stop["arrive"] - stop["travel"] for row in said["routes"] for stop in row["stops"]
    }
    assert starts.get("4", 15.0) >= 15
    assert starts.get("5", 96.5) >= 96.5
    assert (code, said["violations"]) == (0, []), output


def test_teams_are_named_with_their_members(tmp_path: Path) -> None:
    (tmp_path / "tasks_tiny_2x2_Team.txt").write_text(files.TASKS)
    (tmp_path / "technicians_2x2_Team.txt").write_text(files.TECHNICIANS)
    out = tmp_path / "plan.json"

    code, _, error = call(tmp_path / "tasks_tiny_2x2_Team.txt", "--iterations", 400, "--out", out)

    assert (code, error) == (0, "")
    said = answered(out)
    # Task 2 needs two technicians and task 3 a pair of skills that 2 and 3 have: together they serve both.
    assert (said["measure"], said["unassigned"], said["violations"]) == ("travel and outsourcing", [], [])
    assert sorted(key for members in said["teams"].values() for key in members) == ["1", "2", "3"]
    assert said["objective"] == pytest.approx(5 + 3.606 + 1.414)
    code, _, error = call(
        tmp_path / "tasks_tiny_2x2_Team.txt", "--iterations", 1, "--warm", out, "--out", out
    )
    assert (code, error) == (0, "")
    assert answered(out)["objective"] <= said["objective"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["FOLDER/none.txt"], "FOLDER/none.txt: No such file or directory"),
        (["FOLDER"], "FOLDER: Is a directory"),
        (["FOLDER/odd.txt"], "FOLDER/odd.txt, line 1: the format is not known"),
        (
            ["FOLDER/sixty.txt", "--out", "FOLDER/none/plan.json"],
            "FOLDER/none/plan.json: no file can be written",
        ),
        (["FOLDER/sixty.txt", "--out", "FOLDER"], "FOLDER: no file can be written there"),
        (["FOLDER/sixty.txt", "--objective", "duration"], "FOLDER/sixty.txt: solomon is scored by distance"),
        (["FOLDER/sixty.txt", "--dynamic", "FOLDER/odd.txt"], "FOLDER/odd.txt: release dates are for TRSP"),
        (["FOLDER/sixty.txt", "--warm", "FOLDER/odd.txt"], "FOLDER/odd.txt: this is not JSON"),
        (["FOLDER/sixty.txt", "--warm", "FOLDER/odd.json"], "FOLDER/odd.json: this is neither an answer of"),
        (
            ["FOLDER/sixty.txt", "--warm", "FOLDER/other.json"],
            "FOLDER/other.json: the visit 99 is not in sixty",
        ),
        (["FOLDER/sixty.txt", "--seconds", "inf"], "the seconds are no number"),
    ],
)
@pytest.mark.usefixtures("instance")
def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "odd.txt").write_text("hello\n")
    (tmp_path / "odd.json").write_text('{"plan": {"routes": 5}}')
    stop = {"visit": "99", "travel_seconds": 0, "arrive": 0, "start": 0, "end": 0}
    route = {"technician": "1", "stops": [stop]}
    costs = dict.fromkeys(
        ["total", "travel_seconds", "lateness", "overtime", "unassigned_penalty", "changes"], 0
    )
    (tmp_path / "other.json").write_text(
        json.dumps({"routes": [route], "unassigned": [], "objective": costs})
    )
    before = sorted(tmp_path.rglob("*"))

    ended = CliRunner().invoke(
        program, ["solve", *(text.replace("FOLDER", str(tmp_path)) for text in arguments)]
    )

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("solve: " + sentence.replace("FOLDER", str(tmp_path)))
    assert len(ended.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_visit_left_out_says_what_would_have_to_give(tmp_path: Path) -> None:
    day = problem([technician()], [visit("a", windows=(Window(0, 0),))])
    (tmp_path / "day.json").write_text(day.to_json())
    out = tmp_path / "plan.json"

    code, _, error = call(tmp_path / "day.json", "--iterations", 5, "--out", out)

    assert (code, error) == (0, "")
    (left_out,) = answered(out)["unassigned"]
    assert left_out["reasons"] == [
        {
            "code": "OUTSIDE_WINDOW",
            "technician": "Ada",
            "message": "Even alone Ada would miss the window by 10 minutes. It would fit if the visit started"
            " 10 minutes outside its windows, at a price of 1800.",
            "minutes": 10,
            "relaxation": {
                "technician": "Ada",
                "price": 1800,
                "window_minutes": 10,
                "overtime_minutes": 0,
                "parts": {},
            },
        }
    ]


def test_a_warm_plan_and_a_dynamic_day_do_not_go_together(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.txt").write_text(files.TRSP)
    (tmp_path / "rd.txt").write_text(files.RELEASES)

    code, _, error = call(tmp_path / "tiny.txt", "--dynamic", tmp_path / "rd.txt", "--warm", instance)

    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith("solve: a dynamic day begins without a plan")
