"""A slow, obvious clock: it walks through time minute by minute and looks at the clock on the wall.

Between two whole minutes of UTC no zone changes since 1972 and no coverage opens or closes, so that a step is
either covered or not.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as some

from domain.coverage import Coverage

MINUTE = timedelta(minutes=1)
Halt = tuple[datetime, datetime | None]
CHANGES = (
    ("Europe/Helsinki", "2026-03-29T01:00"),  # 03:00 → 04:00
    ("Europe/Helsinki", "2026-10-25T01:00"),  # 04:00 → 03:00
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/St_Johns", "2010-03-14T03:31"),  # at 00:01, half an hour off the hours
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),  # midnight does not exist
    ("Pacific/Apia", "2011-12-30T10:00"),  # a whole day does not
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Asia/Kolkata", "2026-06-01T00:00"),  # never
)
"""Zones, each with an instant at which its clock changes."""


def shows(coverage: Coverage, instant: datetime) -> bool:
    """Whether the clock on the wall shows a time of the coverage."""
    local = instant.astimezone(coverage.zone)
    wall = f"{local:%H:%M}"
    closes = "24:00" if coverage.closes == "23:59" else coverage.closes
    today, yesterday = str(local.isoweekday()), str(7 if local.isoweekday() == 1 else local.isoweekday() - 1)
    if coverage.opens < closes:
        return today in coverage.weekdays and coverage.opens <= wall < closes
    return (today in coverage.weekdays and wall >= coverage.opens) or (
        yesterday in coverage.weekdays and wall < closes
    )


def steps(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    at = start
    while at < end:
        until = min(at.replace(second=0, microsecond=0) + MINUTE, end)
        yield at, until
        at = until


def covered(coverage: Coverage, start: datetime, end: datetime) -> timedelta:
    return sum((b - a for a, b in steps(start, end) if shows(coverage, a)), timedelta())


def used_up(
    coverage: Coverage, start: datetime, target: timedelta, *, halts: Sequence[Halt] = (), until: datetime
) -> datetime | None:
    """The instant at which a clock that rests in `halts` has run for its target; None: not `until` then."""
    run = timedelta()
    edges = sorted({start, until, *(at for halt in halts for at in halt if at and start < at < until)})
    for first, last in pairwise(edges):
        if any(stopped <= first and (went_on is None or first < went_on) for stopped, went_on in halts):
            continue
        for a, b in steps(first, last):
            if not shows(coverage, a):
                continue
            if run + (b - a) >= target:
                return a + (target - run)
            run += b - a
    return None


@some.composite
def coverages(draw: some.DrawFn, zone: str) -> Coverage:
    def wall() -> str:
        return f"{draw(some.integers(0, 23)):02d}:{draw(some.sampled_from([0, 0, 30, 1, 59])):02d}"

    opens, closes = wall(), draw(some.sampled_from(["23:59", wall()]))
    days = sorted(draw(some.sets(some.sampled_from("1234567"), min_size=1)))
    return Coverage(
        "00:00" if opens == "23:59" else opens, closes, weekdays="".join(days), zone=ZoneInfo(zone)
    )


@some.composite
def moments(draw: some.DrawFn) -> tuple[Coverage, datetime]:
    """Coverage in a zone, and an instant, to the microsecond, within two days of a change of its clock."""
    zone, change = draw(some.sampled_from(CHANGES))
    coverage = draw(coverages(zone))
    away = draw(some.timedeltas(-timedelta(days=2), timedelta(days=2)))
    return coverage, datetime.fromisoformat(change).replace(tzinfo=UTC) + away
