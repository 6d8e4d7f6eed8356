"""Ways by time of day in the exact partner: pieces that are never too quick, and plans that hold."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from optimizer.joint import place_group, retime
from optimizer.judge import score, violations
from optimizer.partner.slices import pieces
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem, Window
from optimizer.relaxing import least_relaxation
from optimizer.travel import way_seconds
from tests.optimizer.problems import HOUR, problem, technician, visit


def sliced(seed: int, begins: tuple[int, ...]) -> Problem:
    """Two technicians, a crewed visit and two others, each slice with ways of its own."""
    draw = np.random.default_rng(seed)
    travel = draw.integers(0, 1500, (len(begins), 4, 4)).astype(np.int32)
    return Problem(
        technicians=(technician("Ada"), technician("Bob", hourly_price=900)),
        visits=(visit("a", 1, crew=({},)), visit("b", 2), visit("c", 3, windows=(Window(HOUR, 4 * HOUR),))),
        travel_seconds=travel,
        travel_slices=begins,
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("begins", [(0, 3000, 7200), (0, 400, 700, 5000)])
def test_pieces_cover_every_leaving_time_and_are_hardly_too_slow(seed: int, begins: tuple[int, ...]) -> None:
    given = sliced(seed, begins)

    found = pieces(given, 0, 1, span=(0, 9000))

    assert [found[0].first, found[-1].last] == [0, 9000]
    assert all(one.last + 1 == other.first for one, other in itertools.pairwise(found))
    late = [
        piece.seconds - way_seconds(given, 0, 1, leave=at)
        for piece in found
        for at in range(piece.first, piece.last + 1)
    ]
    assert min(late) >= 0
    assert sum(late) / len(late) < 60


@pytest.mark.parametrize("seed", range(20))
def test_plans_by_time_of_day_hold(seed: int) -> None:
    given = sliced(seed, (0, 3000, 7200))
    stops = (Stop("b", 0, 0, 0, 0),), (Stop("c", 0, 0, 0, 0),)
    rough = Plan(
        (Route("Ada", stops[0]), Route("Bob", stops[1])), (Unassigned("a"),), Objective(0, 0, 0, 0, 0, 0)
    )

    found = place_group(given, rough, "a")

    assert found is not None
    assert list(violations(given, found)) == []
    assert found.objective == score(given, found)
    assert found.unassigned == ()
    again = retime(given, found)
    assert again is not None
    assert again.objective.total <= found.objective.total


def test_a_relaxation_by_time_of_day_counts_the_slow_hour() -> None:
    line = problem([technician(shift_end=2 * HOUR)], [visit("a", 1)]).travel_seconds
    # Out by a way of 600 s, an hour of work, and back by one of 3,000 s: 0 s late. At 1,800 s it is 0 s.
    given = problem(
        [technician(shift_end=2 * HOUR)],
        [visit("a", 1, windows=(Window(1800, 1800),))],
        travel_seconds=np.stack([line, 5 * line]),
        travel_slices=(0, HOUR),
    )
    rough = Plan((Route("Ada"),), (Unassigned("a"),), Objective(0, 0, 0, 0, 0, 0))

    found = least_relaxation(given, rough, "a")

    # It would end at 1,800 + 3,600 + 3,000 s, 1,200 s after the shift; 20 minutes earlier is as far off.
    assert found is not None
    assert (found.window_minutes, found.overtime_minutes) == (20, 0)
    assert found.price == 600 + 3000 + 20 * 60
    assert replace(found, price=0).parts == {}
