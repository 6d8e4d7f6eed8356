"""`solve --why` and `--prove`: what they say of days known by hand, and what they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fieldgraph.cli import program
from optimizer import search
from optimizer.problem import Problem, Window
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.problems import problem, technician, visit


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    search.warm_up()


def solved(given: Problem, folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The answer, and what is printed for people."""
    file, out = folder / "day.json", folder / "plan.json"
    file.write_text(given.to_json())
    ended = CliRunner().invoke(
        program, ["solve", str(file), "--iterations", "20", "--out", str(out), *arguments]
    )
    assert ended.exit_code == 0, ended.output
    said: dict[str, Any] = json.loads(out.read_text())
    return said, ended.stdout


def test_why_says_the_reasons_and_what_would_let_it_in(tmp_path: Path) -> None:
    # The way takes 10 minutes, and the window is over at once.
    rows = [visit("late", windows=(Window(0, 0),)), visit("well")]
    given = problem([technician("Ada"), technician("Ben", skills={"gas": 1})], rows)

    said, told = solved(given, tmp_path, "--why", "late:Ben", "--why", "well")

    first, second = said["why"]
    assert (first["visit"], first["technician"], first["with"]) == ("late", "Ben", [])
    assert [row["code"] for row in first["reasons"]] == ["OUTSIDE_WINDOW"]
    assert (first["relaxation"]["technician"], first["relaxation"]["window_minutes"]) == ("Ben", 10)
    assert (second["reasons"], second["relaxation"]) == ([], None)
    assert second["with"] == [route["technician"] for route in said["routes"]]
    assert "late with Ben: with Ben for " in told
    assert "10 minutes of window" in told
    assert f"well: stands in the plan with {second['with'][0]}" in told


def test_a_crew_is_told_the_cheapest_relaxation_too(tmp_path: Path) -> None:
    given = problem(
        [technician("Ada"), technician("Ben")], [visit("both", crew=({},), windows=(Window(0, 0),))]
    )

    said, _ = solved(given, tmp_path, "--why", "both")

    (row,) = said["why"]
    assert row["technician"] is None
    assert {reason["code"] for reason in row["reasons"]} == {"OUTSIDE_WINDOW"}
    assert row["relaxation"]["window_minutes"] == 10


def test_a_proof_says_that_no_plan_costs_less(tmp_path: Path) -> None:
    given = problem([technician()], [visit("a"), visit("b", 2)])

    said, told = solved(given, tmp_path, "--prove", "20")

    # There and back over 1,200 s.
    assert said["proof"] == {"price": 2400, "searched_price": 2400, "lower_bound": 2400, "proven": True}
    assert "proof: no plan costs less than 2,400 (the search had 2,400)" in told


def test_a_better_plan_of_the_proof_is_the_answer(tmp_path: Path) -> None:
    # The search cannot say the best plan of this day: its own simulation of it is dearer.
    said, _ = solved(gridded_problem(1043, visits=5), tmp_path, "--prove", "20", "--seed", str(2**31))

    proof = said["proof"]
    assert proof["proven"]
    assert proof["price"] == proof["lower_bound"] < proof["searched_price"]
    assert proof["price"] == said["plan"]["objective"]["total"]
    assert said["violations"] == []
    assert all(row["reasons"] for row in said["unassigned"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--why", "nobody"], "--why nobody: neither a visit nor VISIT:TECHNICIAN of this problem"),
        (["--why", "v1:Eve"], "--why v1:Eve: neither a visit nor VISIT:TECHNICIAN of this problem"),
        (
            ["--prove", "5"],
            (
                "a proof is for days of at most 12 visits and 3 technicians, with one matrix of travel and no"
                " fixed visit that is still to begin; this one has 13 visits and 1 technicians"
            ),
        ),
    ],
)
def test_what_cannot_be_told_is_refused_before_the_search(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "day.json", tmp_path / "plan.json"
    file.write_text(problem([technician()], [visit(f"v{number}") for number in range(13)]).to_json())

    ended = CliRunner().invoke(program, ["solve", str(file), "--out", str(out), *arguments])

    assert (ended.exit_code, ended.stderr) == (2, f"solve: {sentence}\n")
    assert not out.exists()


def test_an_instance_in_other_units_is_told_in_its_own(tmp_path: Path) -> None:
    # Two clients; the second closes before anybody can be there.
    rows = ["0 0 0 0 0 1000 0", "1 10 0 1 0 500 10", "2 20 0 1 0 5 10"]
    file, out = tmp_path / "two.txt", tmp_path / "plan.json"
    head = ["two", "", "VEHICLE", "NUMBER CAPACITY", "1 100", "", "CUSTOMER", "CUST NO. XCOORD.", ""]
    file.write_text("\n".join([*head, *rows, ""]))

    ended = CliRunner().invoke(
        program, ["solve", str(file), "--iterations", "20", "--out", str(out), "--why", "2"]
    )

    assert ended.exit_code == 0, ended.output
    (row,) = json.loads(out.read_text())["why"]
    (reason,) = row["reasons"]
    assert (reason["code"], "message" in reason) == ("OUTSIDE_WINDOW", False)
    scale = json.loads(out.read_text())["plan_units_per_time_unit"]
    # 15 units late, in whole minutes of the plan's units.
    minutes = -(-15 * scale // 60)
    assert row["relaxation"]["window"] == minutes * 60 / scale
    assert f"2: OUTSIDE_WINDOW, by {minutes * 60 / scale:g}" in ended.stdout
