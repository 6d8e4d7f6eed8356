"""Contracts: coverage hours, counted in the site's zone over nights, weekends and the clock's change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.coverage import Coverage

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
