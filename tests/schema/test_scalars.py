"""Scalars: what is taken and what is not; the same text out as Postgres writes."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from schema import scalars


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T08:30:00Z", datetime(2026, 11, 23, 8, 30, tzinfo=UTC)),
        ("2026-11-23t10:30:00.5+02:00", datetime(2026, 11, 23, 8, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_has_its_offset(text: str, instant: datetime) -> None:
    assert scalars.parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T08:30:00", "2026-11-23", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "x", 5, None,
     "2026-02-30T00:00:00Z", "2026-11-23T08:30:60Z"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        scalars.parse_instant(text)


def test_instants_are_written_as_postgres_writes_them() -> None:
    assert (
        scalars.format_instant(datetime(2026, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC))
        == "2026-01-02T03:04:05.12+00:00"
    )
    assert scalars.format_instant(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(("text", "seconds"), [("PT45M", 2_700), ("P1DT1H1S", 90_001), ("PT0S", 0)])
def test_durations_are_seconds(text: str, seconds: int) -> None:
    assert scalars.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["P", "PT", "45M", "PT99999999999999999S", "P1Y", 45])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="Duration"):
        scalars.parse_duration(text)


def test_numbers_and_days() -> None:
    assert scalars.parse_exact("12.50") == Decimal("12.50")
    assert scalars.parse_day("2026-11-23") == date(2026, 11, 23)
    for wrong in ("NaN", "1e400", "Infinity", 1.5, True, "x"):
        with pytest.raises(ValueError, match="Decimal"):
            scalars.parse_exact(wrong)
    for wrong in ("2026-11-3", "20261123", "0001-01-01", 20261123):
        with pytest.raises(ValueError):  # noqa: PT011  # Python's own sentence for some
            scalars.parse_day(wrong)


def test_points_are_geojson() -> None:
    assert scalars.parse_point({"type": "Point", "coordinates": [24.9, 60]}) == (24.9, 60.0)
    for wrong in ({"type": "Point"}, {"type": "Point", "coordinates": ["24", 60]}, [24.9, 60], None):
        with pytest.raises(ValueError, match="Point"):
            scalars.parse_point(wrong)
