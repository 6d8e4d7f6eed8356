"""How surely a fix lies inside a fence, against scipy's distribution."""

import random

import pytest
from scipy.special import chndtr

from realtime.areas import disc_probability


def test_a_disc_holds_what_the_noncentral_chi_square_says() -> None:
    # given fences from a doorway to an airport and fixes from a good phone to a cell tower
    chance = random.Random(20261123)  # noqa: S311  # the same cases each time
    for _ in range(2_000):
        sigma = chance.choice((5.0, 7.0, 20.0, 60.0, 300.0, 2_000.0))
        radius = chance.choice((5.0, 30.0, 100.0, 250.0, 1_000.0, 5_000.0))
        distance = max(0.0, chance.uniform(radius - 10 * sigma, radius + 10 * sigma))

        # when / then
        expected = chndtr((radius / sigma) ** 2, 2, (distance / sigma) ** 2)
        assert disc_probability(distance, radius, sigma) == pytest.approx(expected, abs=1e-8)


def test_far_inside_is_certain_and_far_outside_is_not() -> None:
    assert disc_probability(0.0, 1_000.0, 5.0) == pytest.approx(1.0, abs=1e-12)
    assert disc_probability(1_100.0, 1_000.0, 5.0) == 0.0
