"""The benchmarks of insertion and repair: a morning is what they say, and what they count is right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer import search, validator
from optimizer.plan import Plan
from tests.benchmarks import insertion, repair
from tests.benchmarks.days import day
from tests.benchmarks.mornings import NOW, Morning, broken, morning, moved


@pytest.fixture(scope="module")
def case() -> Morning:
    search.warm_up()  # what compiles or loads its kernels is not to pay for it with the repair's seconds
    return morning(day(6, 52, seed=3), emergencies=4, locked=0.4, seed=3, seconds=0.5)


def carried(plan: Plan, *, take: str | None = None, late: str | None = None) -> Plan:
    """The plan without a stop, or with one that starts a minute later."""
    rows = []
    for route in plan.routes:
        stops = tuple(
            replace(stop, start=stop.start + 60) if stop.visit == late else stop
            for stop in route.stops
            if stop.visit != take
        )
        rows.append(replace(route, stops=stops))
    return replace(plan, routes=tuple(rows))


def test_a_morning_has_two_fifths_locked_and_its_emergencies_out(case: Morning) -> None:
    case.problem.check()
    planned = case.plan.technicians()

    assert len(case.locked) == max(round(0.4 * len(planned)), len(case.locked))
    assert case.locked <= planned.keys()
    assert not set(case.emergencies) & planned.keys()
    rows = {row.key: row for row in case.problem.visits}
    assert {rows[key].priority for key in case.emergencies} == {1}
    heads = {key for row in case.problem.technicians for key in row.fixed}
    assert heads <= case.locked
    starts = {stop.visit: stop.start for route in case.plan.routes for stop in route.stops}
    assert {key for key in planned if starts[key] <= NOW} <= heads


def test_what_is_repaired_is_valid_and_keeps_the_locks(case: Morning) -> None:
    for name, engine in repair.engines(chains=2).items():
        if name == "ortools":
            continue  # it is another's, and slow to start
        found = repair.told(case, engine(case, 0.5, 1))

        assert (found["faults"], found["locks_broken"], found["emergencies"]) == (0, 0, 4)
        assert found["emergencies_in"] == 4


def test_moves_and_broken_locks_are_counted(case: Morning) -> None:
    key = min(case.locked)
    begun = min(
        key
        for row in case.problem.technicians
        for key in row.fixed
        if any(each.key == key and each.planned and each.planned.start <= NOW for each in case.problem.visits)
    )

    assert (moved(case.plan, case.plan), broken(case, case.plan)) == ([], [])
    assert moved(case.plan, carried(case.plan, take=key)) == [key]
    assert broken(case, carried(case.plan, take=key)) == [key]
    assert broken(case, carried(case.plan, late=begun)) == [begun]


def test_both_commands_write_what_they_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insertion, "SIZES", ((4, 30),))
    monkeypatch.setattr(insertion, "EMERGENCIES", 3)
    monkeypatch.setattr(repair, "EMERGENCIES", 3)
    rows, runs = tmp_path / "rows.json", tmp_path / "runs.json"

    insertion.main(["--seeds", "1", "--seconds", "0.2", "--json", str(rows)])
    size = (
        "--seeds 1 --technicians 4 --visits 30 --planned-for 0.2 --seconds 0.2 --engines fieldgraph,inserted"
    )
    repair.main([*size.split(), "--json", str(runs)])

    found = json.loads(rows.read_text())["rows"]
    assert [row["what"] for row in found] == [
        "holding",
        "insertion",
        "displacement",
    ]
    told = json.loads(runs.read_text())["runs"]
    assert [run["engine"] for run in told] == ["fieldgraph", "inserted"]
    assert all(run["faults"] == 0 for run in told)


def test_the_plan_of_a_morning_passes_the_validator(case: Morning) -> None:
    before = replace(case.problem, visits=case.problem.visits[: -len(case.emergencies)])

    assert validator.validate(before, case.plan) == ()
