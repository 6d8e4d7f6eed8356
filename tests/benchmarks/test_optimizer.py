"""The optimizer's benchmark runs: every run is there and judged, and who is missing is told."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.assembly import assemble
from optimizer.plan import Plan
from tests.benchmarks import optimizer as benchmark
from tests.benchmarks import rivals, standings
from tests.benchmarks.contest import OURS, Answer, Task
from tests.benchmarks.days import LATENESS, LUNCH, PENALTIES, day, generated
from tests.benchmarks.standings import Run

CHECKOUT = Path(__file__).parents[2]
KEYS = {"instance", "engine", "seed", "seconds", "objective", "gap_percent", "unassigned"}


def test_a_tiny_run_writes_every_run(tmp_path: Path) -> None:
    file = tmp_path / "optimizer.json"
    tiny = ["--instances", "generated:2x6:1", "--seconds", "0.3", "--against", "ortools,nobody"]
    ran = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", "fieldgraph.cli", "bench", "optimizer", *tiny, "--json", str(file)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "nobody is not known" in ran.stderr
    runs = json.loads(file.read_text())["runs"]
    assert [(run["instance"], run["engine"], run["seed"]) for run in runs] == [
        ("generated_2x6_s1", "fieldgraph", 1),
        ("generated_2x6_s1", "ortools", 1),
    ]
    for run in runs:
        assert run.keys() >= KEYS
        assert run["fault"] is None
        assert run["objective"] > 0
        assert run["gap_percent"] is None  # nobody knows the best of a drawn day
    assert "÷ best rival" in ran.stdout


@pytest.mark.parametrize("name", ["pyvrp", "vroom"])
def test_a_rival_routes_a_small_day(name: str) -> None:
    pytest.importorskip(rivals.DISTRIBUTIONS[name])
    instance = generated("generated:3x12:2")

    search = rivals.stated(name, rivals.Day(instance.problem, required=False), seed=1)
    orders = search(0.3, 1)

    assert sum(len(order) for order in orders.values()) >= 6
    run = standings.judged(
        Task(name, instance, 0.3, 1), Answer(instance.problem, assemble(instance.problem, orders))
    )
    assert run.fault is None
    assert run.complete


def test_a_rival_that_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rivals, "find_spec", lambda name: None if name == "pyvrp" else object())

    assert benchmark._rivals("pyvrp,ortools") == ["ortools"]
    assert capsys.readouterr().err == "pyvrp is not installed (the extra bench has it): it is left out\n"


def test_the_judge_refuses_a_broken_plan_and_scores_the_others_itself() -> None:
    instance = generated("generated:2x4:1")
    plan = assemble(instance.problem, {})
    task = Task(OURS, instance, 1.0, 1)

    # given a plan that says it costs nothing, and one that forgets a visit
    told = standings.judged(task, Answer(instance.problem, _free(plan)))
    broken = standings.judged(task, Answer(instance.problem, replace(plan, routes=plan.routes[:1])))

    assert told.objective == plan.objective.total
    assert told.family == "days 2x4"
    assert broken.objective is None
    assert (broken.fault or "").startswith("refused by the judge: ")


def _free(plan: Plan) -> Plan:
    return replace(plan, objective=replace(plan.objective, total=0))


def _run(engine: str, objective: float | None, *, seed: int = 1, complete: bool = True) -> Run:
    return Run(
        family="f",
        instance="i",
        engine=engine,
        seed=seed,
        seconds=1.0,
        objective=objective,
        gap_percent=objective,
        complete=complete,
        unassigned_high=1,
    )


def test_we_are_told_against_the_best_rival_of_each_run() -> None:
    runs = [
        _run(OURS, 80.0),
        _run("a", 100.0),
        _run("b", 160.0),
        _run("c", 10.0, complete=False),  # has left out what must be served
        _run(OURS, 90.0, seed=2),
        _run("a", 60.0, seed=2),
        _run("b", None, seed=2),
    ]

    assert standings.ratio_to_best(runs) == pytest.approx((0.8 + 1.5) / 2)
    (_, ours, *_) = standings.summary(runs)
    assert ours.split() == ["f", "fieldgraph", "2", "85.00", "1.150", "2"]


def test_a_day_is_drawn_by_its_seed() -> None:
    drawn = day(7, 40, seed=3)

    assert drawn.to_json() == day(7, 40, seed=3).to_json()
    assert drawn.to_json() != day(7, 40, seed=4).to_json()
    drawn.check()
    assert drawn.travel_seconds.shape == (47, 47)
    assert {technician.lunch for technician in drawn.technicians} == {LUNCH}
    for technician in drawn.technicians:
        assert 27_000 <= technician.shift_start <= 30_600
        assert technician.shift_end - technician.shift_start == 30_600
        assert 2 <= len(technician.skills) <= 4
    for visit in drawn.visits:
        assert visit.unassigned_penalty == PENALTIES[visit.priority]
        assert visit.lateness_weight in {0, LATENESS[visit.priority]}
        # somebody has the skills
        assert any(visit.skills.keys() <= technician.skills.keys() for technician in drawn.technicians)


@pytest.mark.parametrize("name", ["generated:5:1", "generated:0x5:1", "generated:axb:1"])
def test_a_name_that_says_no_day_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no generated day"):
        generated(name)


def test_files_that_are_no_instances_are_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.txt").write_text("hello\n")
    (tmp_path / "technicians_x.txt").write_text("")
    (tmp_path / "dyn").mkdir()
    (tmp_path / "dyn" / "late.txt").write_text("")
    (tmp_path / "day.json").write_text(day(1, 2, seed=1).to_json())

    found = list(benchmark._instances(str(tmp_path)))

    assert [instance.name for instance in found] == ["day"]
    assert capsys.readouterr().err.count("passed over") == 1
