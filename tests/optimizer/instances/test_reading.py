"""Each format's tiny file becomes the Problem that it says; the shared files read whole."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.instances import reading
from optimizer.problem import Problem, Window
from tests.optimizer import problems
from tests.optimizer.instances import files


def written(folder: Path, text: str, name: str = "tiny.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_solomon_is_read_in_tenths_with_distances_cut_off(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, files.SOLOMON.replace("\n", "\r\n"), "any.name"))

    problem = found.problem
    assert (found.family, found.name, found.scale, found.measure) == ("solomon", "tiny", 10, "distance")
    assert [technician.key for technician in problem.technicians] == ["1", "2"]
    assert problem.technicians[1].stock == {"load": 20}
    assert (problem.technicians[0].shift_start, problem.technicians[0].shift_end) == (0, 1000)
    assert [visit.key for visit in problem.visits] == ["1", "2", "3"]
    assert [visit.parts for visit in problem.visits] == [{"load": 10}, {"load": 7}, {}]
    assert problem.visits[0].windows == (Window(120, 200),)
    assert (problem.visits[1].windows, problem.visits[1].service_seconds) == ((Window(0, 905),), 30)
    # (3, 4): 5; (1, 1): 1.414… is 1.4; from (3, 4) to (1, 1): 3.605… is 3.6; (9, 12): 15.
    assert problem.travel_seconds[0].tolist() == [0, 50, 14, 150]
    assert problem.travel_seconds[1].tolist() == [50, 0, 36, 100]
    # Thirty of the longest ways: no detour costs as much.
    assert {visit.unassigned_penalty for visit in problem.visits} == {4501}
    assert not found.optional


def test_prizes_are_what_leaving_out_costs(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, files.PCVRPTW))

    assert (found.family, found.measure, found.optional) == ("pcvrptw", "distance and prizes", True)
    assert [(visit.key, visit.unassigned_penalty) for visit in found.problem.visits] == [
        ("1", 110),
        ("2", 25),
    ]
    assert [visit.service_seconds for visit in found.problem.visits] == [90, 90]
    assert found.problem.visits[0].windows == (Window(200, 270),)
    assert len(found.problem.technicians) == 2


def test_every_vehicle_of_many_depots_has_its_own_and_its_longest_day(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, files.MDVRPTW))

    first, second = found.problem.technicians
    assert (found.family, found.scale) == ("mdvrptw", 1000)
    assert (first.start_location, first.end_location, first.shift_start, first.shift_end) == (
        0,
        0,
        0,
        100_000,
    )
    assert (second.start_location, second.end_location) == (1, 1)
    assert (second.shift_start, second.shift_end, second.longest_seconds) == (5_000, 90_000, 45_000)
    assert [(visit.key, visit.location) for visit in found.problem.visits] == [("2", 2), ("3", 3)]
    assert found.problem.travel_seconds[1].tolist() == [10_000, 0, 8_062, 1_414]


def test_technicians_have_homes_skills_tools_and_parts_and_a_depot(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, files.TRSP))

    problem = found.problem
    assert (found.family, found.name, found.measure, found.scale) == (
        "trsp",
        "tiny.3_2-2-2-2",
        "duration",
        1000,
    )
    first, second = problem.technicians
    assert (first.key, first.skills, first.tools) == ("1", {"0": 1, "1": 1}, frozenset("12"))
    assert (first.stock, second.stock) == ({"0": 3}, {"1": 2})
    assert (second.start_location, second.shift_start, second.shift_end) == (2, 5_000, 400_000)
    assert (second.hourly_price, problem.policy.travel_weight) == (3600, 0)
    assert (problem.depots[0].location, problem.depots[0].stock, problem.depots[0].tools) == (0, None, None)
    visit = problem.visits[2]
    assert (visit.key, visit.location, visit.skills, visit.tools) == ("5", 5, {"1": 1}, frozenset("0"))
    assert (visit.parts, visit.windows) == ({"0": 1, "1": 1}, (Window(100_000, 200_000),))
    assert problem.travel_seconds[1, 4] == 1_414


def test_distance_may_be_asked_for_where_duration_is_usual(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, files.TRSP), objective="distance")

    assert (found.measure, found.problem.policy.travel_weight) == ("distance", 1)
    assert found.problem.technicians[0].hourly_price == 0
    with pytest.raises(ValueError, match="solomon is scored by distance, not by duration"):
        reading.read(written(tmp_path, files.SOLOMON), objective="duration")


def test_release_dates_are_of_their_instance(tmp_path: Path) -> None:
    instance = reading.read(written(tmp_path, files.TRSP))

    found = reading.read_releases(written(tmp_path, files.RELEASES, "rd.txt"), instance)

    assert found == {"3": -1, "4": 15_000, "5": 96_500}
    with pytest.raises(ValueError, match="line 1: these are not the release dates of other"):
        reading.read_releases(tmp_path / "rd.txt", replace(instance, name="other"))


def test_skills_of_tasks_and_technicians_are_counts_by_level(tmp_path: Path) -> None:
    written(tmp_path, files.TECHNICIANS, "technicians_tiny_2x2_noTeam.txt")
    found = reading.read(written(tmp_path, files.TASKS, "tasks_tiny_2x2_noTeam.txt"))

    assert (found.family, found.name, found.teams) == ("strsp", "tiny_2x2_noTeam", False)
    assert [technician.skills for technician in found.problem.technicians] == [
        {"1/1": 1, "1/2": 1},
        {"1/1": 1, "2/1": 1, "2/2": 1},
        {"1/1": 1, "1/2": 1, "2/1": 1},
    ]
    assert [visit.skills for visit in found.problem.visits] == [
        {"1/1": 2, "1/2": 1},
        {"1/1": 1, "1/2": 1, "2/1": 1, "2/2": 1},
    ]
    # 200 + 3^1.5 and 200 + 4^1.5, in thousandths.
    assert [visit.unassigned_penalty for visit in found.problem.visits] == [205_196, 208_000]
    assert found.optional


def test_technicians_of_teams_are_found_in_their_folder_or_named(tmp_path: Path) -> None:
    tasks = written(tmp_path, files.TASKS, "tasks_tiny_2x2_Team.txt")
    with pytest.raises(ValueError, match="the technicians are not beside it"):
        reading.read(tasks)
    other = written(tmp_path, files.TECHNICIANS, "others.txt")
    assert len(reading.read(tasks, technicians=other).problem.technicians) == 3
    (tmp_path / "technicians_Team").mkdir()
    written(tmp_path, files.TECHNICIANS, "technicians_Team/technicians_2x2_Team.txt")

    found = reading.read(tasks)

    assert (found.teams, len(found.problem.technicians)) == (True, 3)


def test_a_problem_of_ours_comes_back_as_it_was(tmp_path: Path) -> None:
    problem = problems.random_problem(3, technicians=3, visits=8)

    found = reading.read(written(tmp_path, problem.to_json(), "day.json"))

    assert found.problem.to_json() == problem.to_json()
    assert (found.family, found.name, found.unit, found.measure) == ("problem", "day", "seconds", "price")


def test_a_generated_day_is_read_packed(tmp_path: Path) -> None:
    path = tmp_path / "day.json.gz"
    path.write_bytes(gzip.compress(files.GENERATED.encode()))

    found = reading.read(path)

    visit, technician = found.problem.visits[0], found.problem.technicians[0]
    assert (found.family, found.name) == ("fsm_generated", "day")
    assert (visit.skills, visit.parts, visit.due, visit.windows) == (
        {"0": 1},
        {"1": 1},
        None,
        (Window(100, 200),),
    )
    assert (technician.skills, technician.stock) == ({"0": 1}, {"0": 2, "1": 0})
    assert np.array_equal(found.problem.travel_seconds, np.array([[0, 60], [70, 0]]))


def test_the_shared_generated_days_are_the_problems_that_the_tests_make_of_them() -> None:
    found = reading.read(files.shared("fsm_generated", "fsm_10x50_s1.json.gz")).problem

    expected = problems.instance("fsm_10x50_s1")
    far = 10_000_000
    visits = tuple(
        replace(visit, due=None, lateness_weight=0) if visit.due == far else visit
        for visit in expected.visits
    )
    assert found.to_json() == replace(expected, visits=visits).to_json()


@pytest.mark.parametrize("kind", ["solomon", "gh200", "gh400", "trsp", "strsp", "pcvrptw", "mdvrptw"])
def test_every_shared_file_reads_whole_and_says_what_is_best_known(kind: str) -> None:
    folder = files.shared(kind)
    sizes = {"solomon": 100, "gh200": 200, "gh400": 400, "trsp": 100, "strsp": 100, "pcvrptw": 1000}

    for path in [*folder.glob("[!t]*.txt"), *folder.glob("tasks*.txt"), *folder.glob("*.vrp")]:
        found = reading.read(path)

        found.problem.check()
        assert len(found.problem.visits) == sizes.get(kind, len(found.problem.visits))
        assert (found.best_known is None) == (kind == "strsp")
        assert isinstance(Problem.from_json(found.problem.to_json()), Problem)
    for path in folder.glob("dyn/*_rd_*.txt"):
        instance = reading.read(folder / f"{path.name.split('_rd_')[0]}.txt")
        released = reading.read_releases(path, instance)
        assert sum(date >= 0 for date in released.values()) == int(path.stem[-2:])


def test_known_values_are_in_the_units_of_the_file() -> None:
    assert reading.read(files.shared("solomon", "C101.txt")).best_known == 827.3
    assert reading.read(files.shared("gh1000", "C1_10_2.txt")).best_known == 41337.8
    assert reading.read(files.shared("pcvrptw", "C1_10_4.vrp")).best_known == 24394.4
    assert reading.read(files.shared("mdvrptw", "PR11A.vrp")).best_known == 6655.548
    trsp = files.shared("trsp", "C206.100_25-5-5-5.txt")
    assert reading.read(trsp).best_known == 9987.778
    assert reading.read(trsp, objective="distance").best_known == 987.778


def test_the_table_one_folder_up_is_found_from_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "solomon").mkdir()
    written(tmp_path, files.SOLOMON, "solomon/tiny.txt")
    written(
        tmp_path,
        "family,instance,dimacs2022_bks_dist_trunc1,sol_cost_or_other\nsolomon,tiny,33,\n",
        "BKS.csv",
    )
    monkeypatch.chdir(tmp_path / "solomon")

    assert reading.read("tiny.txt").best_known == 33.0


def test_a_given_table_is_asked_instead(tmp_path: Path) -> None:
    path = written(tmp_path, files.SOLOMON)
    table = written(
        tmp_path,
        "family,instance,dimacs2022_bks_dist_trunc1,proven_optimal,sol_cost_or_other\ngh200,TINY,33,1,\n",
    )
    path = written(tmp_path, files.SOLOMON, "instance.txt")

    assert reading.read(path).best_known is None
    assert reading.read(path, table=table).best_known == 33.0
    with pytest.raises(ValueError, match="line 1: the column family is missing"):
        reading.read(path, table=written(tmp_path, "a,b\n1,2\n", "wrong.csv"))
