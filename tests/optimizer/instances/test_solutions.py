"""Published routes, read as a Plan, cost exactly what is published, and no rule is broken."""

from pathlib import Path

import pytest

from optimizer import judge
from optimizer.instances import reading, solutions
from optimizer.instances.instance import duration
from tests.optimizer.instances import files

PUBLISHED = [
    *[f"gh1000/{name}.txt" for name in ("C1_10_2", "C2_10_3", "R1_10_1", "R2_10_4", "RC1_10_2", "RC2_10_6")],
    *[f"pcvrptw/{name}.vrp" for name in ("C1_10_4", "R1_10_3", "RC2_10_2")],
    *[f"mdvrptw/{name}.vrp" for name in ("PR11A", "PR14A", "PR17A")],
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_routes_cost_what_is_published(name: str) -> None:
    path = files.shared(*name.split("/"))
    instance = reading.read(path)
    solution = solutions.read(path.with_suffix(".sol"))

    plan = solutions.plan(instance, solution.routes)

    # CVRPLIB states gh1000 in the file's units, the other two families in tenths and thousandths.
    stated = solution.cost * (instance.scale if instance.family == "gh1000" else 1)
    assert instance.cost(plan) == round(stated)
    assert instance.gap_percent(plan) == pytest.approx(0, abs=1e-9)
    assert list(judge.violations(instance.problem, plan)) == []
    assert judge.score(instance.problem, plan) == plan.objective


@pytest.fixture
def solomon(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.txt"
    path.write_text(files.SOLOMON)
    return path


def test_a_route_leaves_late_and_starts_early(solomon: Path) -> None:
    instance = reading.read(solomon)

    plan = solutions.plan(instance, [["1", "3"], ["2"]])

    route = plan.routes[0]
    # To 1 it takes 5; 3 opens at 30, 10 after it: from 1 at 20, after a start at 18, so it leaves at 13.
    assert route.leave == 130
    assert [(stop.arrive, stop.start, stop.end) for stop in route.stops] == [(180, 180, 200), (300, 300, 310)]
    assert (route.end, duration(route)) == (460, 330)
    assert instance.value(plan) == 5 + 10 + 15 + 1.4 + 1.4
    assert plan.objective.total == instance.cost(plan) == 328


def test_what_is_left_out_counts_only_where_it_may_be(solomon: Path, tmp_path: Path) -> None:
    strict = reading.read(solomon)
    (tmp_path / "prizes.vrp").write_text(files.PCVRPTW)
    prizes = reading.read(tmp_path / "prizes.vrp")

    half = solutions.plan(strict, [["2"]])
    chosen = solutions.plan(prizes, [["1"]])

    assert (strict.value(half), strict.complete(half), strict.gap_percent(half)) == (2.8, False, None)
    assert (prizes.value(chosen), prizes.complete(chosen)) == (12.5, True)


def test_routes_that_cannot_be_are_refused(solomon: Path) -> None:
    instance = reading.read(solomon)

    with pytest.raises(ValueError, match="the visit 1 would start at 410, after 200"):
        solutions.plan(instance, [["3", "1"]])
    with pytest.raises(ValueError, match="the visit 9 is not in tiny"):
        solutions.plan(instance, [["9"]])
    with pytest.raises(ValueError, match="3 routes, there are 2 technicians"):
        solutions.plan(instance, [["1"], ["2"], ["3"]])
