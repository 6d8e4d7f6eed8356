"""A wrong or damaged file is refused with the line of what is wrong."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from optimizer.instances import reading, solutions
from tests.optimizer.instances import files


def refusal(folder: Path, text: str, name: str = "tiny.txt") -> str:
    path = folder / name
    path.write_text(text)
    with pytest.raises(ValueError, match="tiny") as caught:
        reading.read(path)
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  2         20", "  2", "FILE, line 5: 2 numbers are needed here, there are 1: '2'"),
        ("  2         20", "  0         20", "FILE, line 5: '0' is not a whole number from 1 to 5000"),
        (
            "VEHICLE\n",
            "VEHICLE\nBICYCLE\n",
            "FILE, line 4: 'NUMBER CAPACITY' is expected here, not 'BICYCLE'",
        ),
        ("90.5        3", "90.5", "FILE, line 12: 7 numbers are needed here, there are 6: "),
        ("90.5", "ninety", "FILE, line 12: 'ninety' is not a number"),
        ("90.5", "nan", "FILE, line 12: 'nan' is not a finite number"),
        ("90.5", "1e300", "FILE, line 12: 1e+300 is too large"),
        ("90.5", "-1", "FILE, line 12: 2 closes at -1, before it opens at 0"),
        ("    2      1         1 ", "    1      1         1 ", "FILE, line 12: 1 has been before"),
        ("    2      1         1 ", "    2      1         1e12 ", "FILE, line 12: 2 is too far away"),
        ("  7  ", " -7  ", "FILE, line 12: '-7' is not a whole number from 0 to 2147483647"),
        ("    3      9        12          0         30         60          1", "", None),
    ],
)
def test_a_damaged_solomon_file(tmp_path: Path, old: str, new: str, sentence: str | None) -> None:
    assert old in files.SOLOMON
    text = files.SOLOMON.replace(old, new, 1)

    if sentence is None:  # rows may be missing at the end: nothing in the format says how many there are
        (tmp_path / "tiny.txt").write_text(text)
        assert len(reading.read(tmp_path / "tiny.txt").problem.visits) == 2
    else:
        assert refusal(tmp_path, text).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "old", "new", "sentence"),
    [
        (files.PCVRPTW, "TYPE : PCVRPTW", "TYPE : CVRP", "line 2: the type CVRP is not known"),
        (files.PCVRPTW, "EUC_2D", "EXPLICIT", "line 7: distances are EXPLICIT; only EUC_2D is known"),
        (files.PCVRPTW, "3 1 1\n", "", "line 10: NODE_COORD_SECTION ends after 2 of 3 rows"),
        (files.PCVRPTW, "3 1 1\n", "4 1 1\n", "line 11: NODE_COORD_SECTION has 4 where 3 is expected"),
        (files.PCVRPTW, "3 7\n", "3 7\n4 9\n", "line 16: DEMAND_SECTION has 4 where 3 is expected"),
        (files.PCVRPTW, "EOF\n", "", "line 26: the file ends here, EOF is missing"),
        (files.PCVRPTW, "PRIZE_SECTION", "BACKHAUL_SECTION", "line 20: the section BACKHAUL_SECTION is not"),
        (files.PCVRPTW, "CAPACITY : 20\n", "", "line 26: the file ends here, CAPACITY is missing"),
        (files.PCVRPTW, "2 11", "2 -11", "line 22: a prize is negative"),
        (files.MDVRPTW, "2\t2\nDEPOT", "2\t3\nDEPOT", "line 31: 3 is not a depot"),
        (files.MDVRPTW, "3\t2\n4\t3\n", "3\t-2\n4\t3\n", "line 22: a service time is negative"),
        (files.TRSP, "2      2       3       2", "2      2       3", "line 5: 4 numbers are needed"),
        (files.TRSP, "[0,1] \t[1,2]", "[0,2] \t[1,2]", "line 10: '2' is not a whole number from 0 to 1"),
        (files.TRSP, "[1,1]\n", "[1,1,1]\n", "line 14: 3 counts of spare parts, there are 2 kinds"),
        (files.TRSP, "[1,1]\n", "[1,1", "line 14: six numbers and three lists in [ ] are needed here"),
        (files.TRSP, files.TRSP.splitlines()[-1], "", "line 13: the name says 3 requests, there are 2"),
    ],
)
def test_a_damaged_file_of_the_other_families(
    tmp_path: Path, text: str, old: str, new: str, sentence: str
) -> None:
    assert old in text

    assert refusal(tmp_path, text.replace(old, new, 1)).startswith(f"FILE, {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "FILE: the file is empty"),
        (" \n\n", "FILE: the file is empty"),
        ("hello\nworld\n", "FILE, line 1: the format is not known"),
        ("Route #1: 1 2\nCost 5\n", "FILE, line 1: this is a solution, not an instance"),
        (files.TECHNICIANS, "FILE, line 1: these are technicians of STRSP"),
        (files.RELEASES, "FILE, line 1: these are release dates"),
        ('{"technicians": [', "FILE, line 1: this is not JSON"),
        ('{"a": 1}', "FILE: this JSON is neither a Problem nor a generated day"),
        ('{"nt": 1, "nv": 1, "D": [[0]]}', "FILE: the generated day has no e"),
        ("[" * 100_000, "FILE: the JSON is nested too deeply"),
        ("a\0b", "FILE: this is not text"),
        (
            '{"technicians":[],"visits":[{"key":5,"location":0,"service_seconds":0}],"travel_seconds":[[0]]}',
            "FILE: Problem.visits[0].key is 5, not str",
        ),
    ],
)
def test_what_is_no_instance_is_said_so(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text).startswith(sentence)


@pytest.mark.parametrize("text", [files.SOLOMON, files.PCVRPTW, files.MDVRPTW, files.TRSP, files.GENERATED])
def test_any_damage_gives_a_problem_that_holds_or_a_sentence(tmp_path: Path, text: str) -> None:
    draw, path = np.random.default_rng(1), tmp_path / "tiny.txt"
    refused = 0
    for _ in range(400):
        start, length = int(draw.integers(0, len(text))), int(draw.integers(0, 6))
        scrap = "".join(draw.choice(list('019-.,[]:{}"\n \tAe'), int(draw.integers(0, 4))))
        path.write_text(text[:start] + scrap + text[start + length :])
        try:
            reading.read(path).problem.check()
        except ValueError as error:
            refused += 1
            assert str(error).startswith(str(path))  # noqa: PT017  # either is right, the sentence must be
    assert refused > 100


def test_damaged_packing_and_foreign_letters_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(files.SOLOMON.encode())
    for data, words in (
        (packed[:-20], "the packed file is not whole"),
        (packed[:5] + b"\xff" * 40, "the packed file is"),
        (b"\xff\xfe\x80", "this is not text"),
    ):
        (tmp_path / "tiny.gz").write_bytes(data)
        with pytest.raises(ValueError, match=words):
            reading.read(tmp_path / "tiny.gz")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("5     96.5", "5     soon", "line 7: 'soon' is not a number"),
        ("5     96.5", "9     96.5", "line 7: the request 9 is not in tiny"),
        ("5     96.5", "4     96.5", "line 7: the request 4 is not in tiny.3_2-2-2-2 or has been before"),
        ("5     96.5", "5     -3", "line 7: the release date -3 is before the start"),
        (
            "5     96.5",
            "5     -1",
            "line 7: 2 dynamic and 1 static requests are announced, there are 1 and 2",
        ),
        ("5     96.5", "", "line 6: the file ends here, a request (2 of 3 have a release date) is missing"),
    ],
)
def test_damaged_release_dates(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    (tmp_path / "tiny.txt").write_text(files.TRSP)
    instance = reading.read(tmp_path / "tiny.txt")
    path = tmp_path / "rd.txt"
    path.write_text(files.RELEASES.replace(old, new))

    with pytest.raises(ValueError, match="rd") as caught:
        reading.read_releases(path, instance)

    assert str(caught.value).startswith(f"{path}, {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            files.TECHNICIANS.replace("Technicians: 3", "Technicians: 4"),
            "line 10: the file ends here, a technician",
        ),
        (files.TECHNICIANS.replace("3\t2\t1", "3\t3\t1"), "line 10: '3' is not a whole number from 0 to 2"),
        (files.TECHNICIANS.replace("3\t2\t1", "2\t2\t1"), "line 10: the technician 2 has been before"),
        (files.TECHNICIANS.replace("domains: 2", "domains: 3"), "line 8: 4 numbers are needed here"),
    ],
)
def test_damaged_technicians(tmp_path: Path, text: str, sentence: str) -> None:
    tasks, technicians = tmp_path / "tasks_tiny.txt", tmp_path / "crew.txt"
    tasks.write_text(files.TASKS)
    technicians.write_text(text)

    with pytest.raises(ValueError, match="crew") as caught:
        reading.read(tasks, technicians=technicians)

    assert str(caught.value).startswith(f"{technicians}, {sentence}")


def test_a_solution_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sol"
    path.write_text("Route #1: 1 2\nRoute #3: 3\nCost 5\n")

    with pytest.raises(ValueError, match="line 2: route 2 or the cost is expected here"):
        solutions.read(path)
