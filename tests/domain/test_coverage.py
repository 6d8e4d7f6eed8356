"""Coverage: hours counted in the site's zone over nights, weekends and the clock's change, exactly."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from domain.coverage import Coverage, minutes_a_week
from tests.domain.walks import CHANGES, MINUTE, covered, moments, used_up

HELSINKI = ZoneInfo("Europe/Helsinki")
OFFICE = Coverage("08:00", "16:00", weekdays="12345", zone=HELSINKI)
ALWAYS = Coverage("00:00", "23:59", weekdays="1234567", zone=HELSINKI)
NIGHTS = Coverage("22:00", "06:00", weekdays="5", zone=HELSINKI)
HOUR = 3600


def _local(day: int, hour: int, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=HELSINKI).astimezone(UTC)


@pytest.mark.parametrize(
    ("coverage", "start", "end", "hours"),
    [
        (OFFICE, _local(23, 9), _local(23, 11), 2),  # within one day
        (OFFICE, _local(23, 6), _local(23, 20), 8),  # the day is longer than its coverage
        (OFFICE, _local(20, 15), _local(23, 9), 2),  # over a weekend
        (OFFICE, _local(21, 9), _local(22, 18), 0),  # within a weekend
        (OFFICE, _local(23, 11), _local(23, 9), 0),  # past
        (ALWAYS, _local(22, 0), _local(24, 0), 48),  # no minute is lost at midnight
        (ALWAYS, _local(25, 0, month=10), _local(26, 0, month=10), 25),  # the clock is set back
        (NIGHTS, _local(20, 20), _local(22, 0), 8),  # from Friday into Saturday
        (NIGHTS, _local(21, 1), _local(21, 4), 3),  # begun the day before
    ],
)
def test_coverage_is_counted_by_the_sites_clock(
    coverage: Coverage, start: datetime, end: datetime, hours: int
) -> None:
    assert coverage.seconds(start, end) == hours * HOUR


@pytest.mark.parametrize(
    ("opens", "closes", "at", "minutes"),
    [
        ("03:30", "05:00", (29, 3), 60),  # the clock goes from 03:00 to 04:00: half past three is left out
        ("02:00", "03:30", (29, 3), 60),
        ("03:30", "05:00", (25, 10), 120),  # it goes from 04:00 to 03:00: half past three comes twice
        ("03:00", "03:30", (25, 10), 60),
    ],
)
def test_what_the_clock_leaves_out_or_shows_twice(
    opens: str, closes: str, at: tuple[int, int], minutes: int
) -> None:
    coverage = Coverage(opens, closes, weekdays="7", zone=HELSINKI)
    midnight = _local(at[0], 0, month=at[1])
    assert coverage.seconds(midnight, midnight + timedelta(hours=23)) == minutes * 60


@settings(deadline=None, max_examples=150)
@given(moments(), some.timedeltas(timedelta(), timedelta(days=4)))
def test_it_is_counted_as_by_who_watches_the_clock(
    moment: tuple[Coverage, datetime], length: timedelta
) -> None:
    coverage, start = moment
    assert coverage.between(start, start + length) == covered(coverage, start, start + length)


@settings(deadline=None, max_examples=150)
@given(moments(), some.timedeltas(timedelta(seconds=1), timedelta(hours=30)))
def test_a_target_is_used_up_when_who_watches_the_clock_says_so(
    moment: tuple[Coverage, datetime], target: timedelta
) -> None:
    coverage, start = moment
    due = used_up(coverage, start, target, until=start + timedelta(days=4))
    found = coverage.after(start, target)
    if found is None:  # a minute a week, for example
        a_week = minutes_a_week(coverage.opens, coverage.closes, coverage.weekdays)
        assert target > timedelta(minutes=a_week * 255)
        return
    if due is None:
        assert found >= start + timedelta(days=4)
    else:
        assert found == due
    assert coverage.between(start, found) == target
    assert coverage.between(start, found - timedelta(microseconds=1)) == target - timedelta(microseconds=1)


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_every_minute_round_a_change_of_the_clock(zone: str, change: str) -> None:
    at = datetime.fromisoformat(change).replace(tzinfo=UTC)
    coverage = Coverage("23:30", "03:30", weekdays="1234567", zone=ZoneInfo(zone))
    for n in range(-180, 180):
        start = at + n * MINUTE
        assert coverage.between(start, start + MINUTE) == covered(coverage, start, start + MINUTE), n


def test_what_never_comes_is_never_due() -> None:
    assert Coverage("08:00", "09:00", weekdays="", zone=HELSINKI).after(_local(23, 9), MINUTE) is None
    assert Coverage("08:00", "08:01", weekdays="1", zone=HELSINKI).after(_local(23, 9), 300 * MINUTE) is None
    assert Coverage("08:00", "08:01", weekdays="1", zone=HELSINKI).after(_local(23, 9), MINUTE) is not None


@pytest.mark.parametrize(
    ("coverage", "minutes"),
    [(OFFICE, 2400), (ALWAYS, 10080), (NIGHTS, 480)],
    ids=["office", "always", "nights"],
)
def test_a_week_of_coverage(coverage: Coverage, minutes: int) -> None:
    assert minutes_a_week(coverage.opens, coverage.closes, coverage.weekdays) == minutes
