"""Travel by time of day: by hand, and nobody who leaves later arrives earlier."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimizer.problem import Problem
from optimizer.travel import way_bounds, way_seconds
from tests.optimizer.problems import problem, technician


def paced(begins: tuple[int, ...], *paces: int) -> Problem:
    """One way, from 0 to 1, of so many seconds in each slice."""
    matrix = np.array([[[0, pace], [9, 0]] for pace in paces], np.int32)
    return replace(problem([technician()], []), travel_seconds=matrix, travel_slices=begins)


# 600 s before 1,000, 1,200 s until 2,000, then 300 s.
@pytest.mark.parametrize(
    ("leave", "seconds"),
    [
        (-500, 600),  # the first slice also holds before it
        (0, 600),
        (400, 600),  # arrives as the slice ends
        (401, 601),  # 1 s of 600 is left: 2 s of 1,200
        (700, 900),
        (999, 1051),  # 1,198 s are left at 1,000; 198 s of 1,200 at 2,000, which are 49.5 s of 300
        (1000, 1050),
        (1900, 375),
        (1999, 301),
        (2000, 300),
        (9999, 300),
    ],
)
def test_a_way_goes_on_at_the_pace_of_each_slice(leave: int, seconds: int) -> None:
    given = paced((0, 1000, 2000), 600, 1200, 300)

    assert way_seconds(given, 0, 1, leave=leave) == seconds
    assert way_bounds(given, 0, 1) == (300, 1202)  # a second for each crossing, by rounding up


def test_without_slices_a_way_takes_what_the_matrix_says() -> None:
    given = problem([technician()], [], travel_seconds=np.array([[0, 7], [9, 0]], np.int32))

    assert way_seconds(given, 0, 1, leave=5) == 7
    assert way_seconds(given, 1, 0, leave=5) == 9
    assert way_bounds(given, 0, 1) == (7, 7)


@given(
    gaps=st.lists(st.integers(1, 300), min_size=3, max_size=3),
    paces=st.lists(st.integers(0, 500), min_size=4, max_size=4),
)
@example(gaps=[1, 1, 1], paces=[0, 3, 2, 3])  # 4 s from 1 on: rounded up at two crossings
def test_nobody_who_leaves_later_arrives_earlier(gaps: list[int], paces: list[int]) -> None:
    begins = (0, gaps[0], gaps[0] + gaps[1], sum(gaps))
    day = paced(begins, *paces)

    arrivals = [leave + way_seconds(day, 0, 1, leave=leave) for leave in range(-10, begins[-1] + 10)]

    assert arrivals == sorted(arrivals)
    least, most = way_bounds(day, 0, 1)
    assert (least, most) == (min(paces), max(paces) + 3)
    assert all(least <= arrive - leave <= most for leave, arrive in enumerate(arrivals, -10))
