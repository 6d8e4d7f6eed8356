"""ETA arithmetic: intervals, what is worth telling, the learnt pace."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from realtime.eta import (
    QUANTILES,
    STRAIGHT_LINE_QUANTILES,
    Estimate,
    Pace,
    Quantile,
    estimate,
    learnt,
    worth_publishing,
)
from realtime.positions import Fix

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def due_in(count: float, *, now: datetime = NOW) -> Estimate:
    return estimate(now=now, route_seconds=count * 60, basis="POSITION")


def test_an_estimate_adds_the_visit_before_and_spreads_only_the_way() -> None:
    table = (Quantile(1200.0, 0.9, 1.5), Quantile(math.inf, 0.5, 2.0))

    eta = estimate(now=NOW, route_seconds=1200, basis="TRAVEL", remaining_before_seconds=600, quantiles=table)

    assert eta == Estimate(
        NOW + minutes(28), NOW + minutes(30), NOW + minutes(40), "TRAVEL", NOW, NOW + minutes(5)
    )


def test_the_horizon_chooses_the_row() -> None:
    table = (Quantile(1200.0, 0.9, 1.5), Quantile(math.inf, 0.5, 2.0))

    eta = estimate(now=NOW, route_seconds=1201, basis="PLAN", quantiles=table)

    assert eta.earliest == NOW + timedelta(seconds=600.5)
    assert eta.latest == NOW + timedelta(seconds=2402)
    assert eta.stale_after == NOW + minutes(15)


def test_an_estimate_is_in_utc_and_refuses_a_time_without_a_zone() -> None:
    helsinki = NOW.astimezone(timezone(timedelta(hours=2)))

    assert estimate(now=helsinki, route_seconds=60, basis="PLAN").expected.tzinfo is UTC
    with pytest.raises(ValueError, match="zone"):
        estimate(now=NOW.replace(tzinfo=None), route_seconds=60, basis="PLAN")


def test_nothing_lies_in_the_past() -> None:
    eta = estimate(now=NOW, route_seconds=-5, remaining_before_seconds=-60, basis="PLAN")

    assert (eta.earliest, eta.expected, eta.latest) == (NOW, NOW, NOW)


@pytest.mark.parametrize("table", [QUANTILES, STRAIGHT_LINE_QUANTILES])
def test_every_default_row_holds_the_expected_time(table: tuple[Quantile, ...]) -> None:
    assert all(0 < row.low <= 1.0 <= row.high for row in table)
    assert [row.horizon_seconds for row in table] == sorted(row.horizon_seconds for row in table)
    assert table[-1].horizon_seconds == math.inf


def test_a_table_is_learnt_from_what_happened_where_that_suffices() -> None:
    table = (Quantile(600.0, 0.5, 2.0), Quantile(math.inf, 0.6, 1.8))
    short = [(100.0, 80.0 + step) for step in range(41)]  # ratios 0.80 to 1.20
    few_long = [(1000.0, 5000.0)] * 29

    measured = learnt(short + few_long + [(0.0, 10.0)], quantiles=table)

    assert measured[0].low == pytest.approx(0.84)
    assert measured[0].high == pytest.approx(1.16)
    assert measured[1] == table[1]
    inside = [low for _, low in short if 84.0 <= low <= 116.0]
    assert len(inside) / len(short) == pytest.approx(0.80, abs=0.01)


@pytest.mark.parametrize(
    ("was", "is_now", "told"),
    [(10, 11.9, False), (10, 12, True), (10, 8, True), (60, 65, False), (60, 66, True), (60, 54, True)],
)
def test_a_move_is_told_from_two_minutes_or_a_tenth(was: float, is_now: float, *, told: bool) -> None:
    answer = worth_publishing(due_in(was), due_in(is_now), approaching=False, state_changed=False, now=NOW)

    assert answer is told


def test_the_first_estimate_and_a_new_state_are_always_told() -> None:
    same = due_in(10)

    assert worth_publishing(None, same, approaching=False, state_changed=False, now=NOW)
    assert worth_publishing(same, same, approaching=False, state_changed=True, now=NOW)


@pytest.mark.parametrize(("seconds", "told"), [(59, False), (60, True)])
def test_while_approaching_every_minute_is_told(seconds: int, *, told: bool) -> None:
    later = NOW + timedelta(seconds=seconds)
    unmoved = due_in(5 - seconds / 60, now=later)

    assert worth_publishing(due_in(5), unmoved, approaching=True, state_changed=False, now=later) is told
    assert not worth_publishing(due_in(5), unmoved, approaching=False, state_changed=False, now=later)


def test_a_pace_is_learnt_slowly_and_stays_within_its_limits() -> None:
    before = Fix(0.0, 24.0, 60.0, 10.0)
    after = Fix(10.0, 24.0, 60.0 + 180 / 111_195.08, 10.0)  # 18 m/s

    assert Pace(8.0).observed(before, after).metres_per_second == pytest.approx(9.0, abs=1e-3)
    pace = Pace(8.0)
    for _ in range(100):
        pace = pace.observed(before, Fix(1.0, 25.0, 60.0, 10.0))
    assert pace.metres_per_second == pytest.approx(30.0, abs=0.01)
    for _ in range(200):
        pace = pace.observed(before, Fix(10.0, 24.0, 60.0, 10.0))
    assert pace.metres_per_second == pytest.approx(2.0, abs=0.01)


def test_an_unfit_pair_teaches_nothing() -> None:
    start = Fix(0.0, 24.0, 60.0, 10.0)

    for unfit in (Fix(0.5, 24.1, 60.0, 10.0), Fix(301.0, 24.1, 60.0, 10.0), Fix(10.0, 24.1, 60.0, 101.0)):
        assert Pace(8.0).observed(start, unfit) == Pace(8.0)


def test_the_way_without_roads_is_a_third_longer_than_the_line() -> None:
    assert Pace(13.0).fallback_seconds(1000.0) == pytest.approx(100.0)
    assert Pace(0.0).fallback_seconds(1000.0) == pytest.approx(650.0)
