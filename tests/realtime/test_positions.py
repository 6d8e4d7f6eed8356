"""Hygiene of fixes: what is refused and why, order, doubles."""

import math
from itertools import permutations

import pytest

from realtime.positions import (
    Fix,
    Refusal,
    RefusalReason,
    fix_from_json,
    great_circle_metres,
    metres_between,
    screen,
)

NOW = 1_000_000.0
GOOD = Fix(NOW - 30, 24.94, 60.17, 10.0, 1.0, 7)


@pytest.mark.parametrize(
    ("fix", "reason"),
    [
        (Fix(NOW, 180.1, 60.0), RefusalReason.OUT_OF_RANGE),
        (Fix(NOW, 24.9, -90.5), RefusalReason.OUT_OF_RANGE),
        (Fix(NOW, math.nan, 60.0), RefusalReason.OUT_OF_RANGE),
        (Fix(NOW, 24.9, 60.0, math.inf), RefusalReason.OUT_OF_RANGE),
        (Fix(math.inf, 24.9, 60.0), RefusalReason.OUT_OF_RANGE),
        (Fix(-1.0, 24.9, 60.0), RefusalReason.OUT_OF_RANGE),
        (Fix(NOW, 0.0, 0.0), RefusalReason.NULL_ISLAND),
        (Fix(NOW + 60.1, 24.9, 60.0), RefusalReason.FUTURE),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_reason(fix: Fix, reason: RefusalReason) -> None:
    screened = screen([GOOD, fix], now=NOW, last=None)

    assert screened.accepted == (GOOD,)
    assert screened.refused == (Refusal(fix, reason),)
    assert screened.counts == {reason.value: 1}


def test_the_edges_of_the_world_and_of_the_clock_are_accepted() -> None:
    edges = (Fix(NOW, -180.0, 90.0, 5.0), Fix(NOW + 60, 180.0, -90.0, 5.0))

    assert screen(edges, now=NOW, last=None).accepted == edges


@pytest.mark.parametrize(("accuracy", "speed"), [(None, None), (-1.0, -1.0), (0.0, -1.0)])
def test_what_the_phone_does_not_know_is_made_plain(accuracy: float | None, speed: float | None) -> None:
    screened = screen([Fix(NOW, 24.9, 60.0, accuracy, speed)], now=NOW, last=None)

    assert screened.accepted == (Fix(NOW, 24.9, 60.0, 50.0, None),)


def test_doubles_are_known_by_sequence_or_by_instant_and_place() -> None:
    again = Fix(GOOD.at + 1, 24.95, 60.18, 10.0, None, GOOD.sequence)
    same_spot = Fix(GOOD.at, GOOD.longitude, GOOD.latitude, 40.0)
    other = Fix(GOOD.at, 24.96, GOOD.latitude, 40.0)

    screened = screen([GOOD, again, same_spot, other], now=NOW, last=None)

    assert screened.accepted == (GOOD, other)
    assert screened.counts == {"DUPLICATE": 2}


def test_the_newest_stored_fix_is_not_taken_twice() -> None:
    screened = screen([GOOD], now=NOW, last=GOOD)

    assert screened.accepted == ()
    assert screened.refused == (Refusal(GOOD, RefusalReason.DUPLICATE),)


def test_the_order_of_arrival_changes_nothing() -> None:
    fixes = (
        Fix(NOW - 3, 24.94, 60.17, 10.0, None, 1),
        Fix(NOW - 2, 24.94, 60.17, 30.0, None, 2),
        Fix(NOW - 2, 24.94, 60.17, 20.0, None, 3),
        Fix(NOW - 1, 24.94, 60.17, 20.0, None, 2),
    )

    answers = {screen(order, now=NOW, last=None) for order in permutations(fixes)}

    assert [answer.accepted for answer in answers] == [(fixes[0], fixes[2], fixes[3])]


def test_a_fix_survives_json() -> None:
    for fix in (GOOD, Fix(1.5, -1.0, 2.0)):
        assert fix_from_json(fix.to_json()) == fix


def test_distances_agree_with_known_ones() -> None:
    a_degree = great_circle_metres(24.0, 60.0, 24.0, 61.0)
    across = metres_between(Fix(0, 179.9, 0.0), Fix(0, -179.9, 0.0))

    assert a_degree == pytest.approx(111_195.1, abs=0.1)
    assert across == pytest.approx(22_239.0, abs=0.1)
    assert great_circle_metres(0.0, 0.0, 180.0, 0.0) == pytest.approx(math.pi * 6_371_008.8)
