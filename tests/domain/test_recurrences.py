"""Recurrences: the days of a rule are python-dateutil's, and a wall time is where a slow search finds it."""

import calendar
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as some

from domain.maintenance import recurrences
from domain.maintenance.recurrences import WEEKDAYS, instant, parse

STARTS = some.dates(date(2019, 1, 1), date(2028, 12, 31))
ZONES = ("Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata")
"""Leaps by an hour and by half of one, at three in the night and at midnight, and none."""


def numbers(least: int, most: int, *, signed: bool = False) -> some.SearchStrategy[str]:
    one = some.integers(least, most)
    either = one | one.map(lambda number: -number) if signed else one
    return some.lists(either, min_size=1, max_size=3, unique=True).map(lambda got: ",".join(map(str, got)))


@some.composite
def rules(draw: some.DrawFn) -> str:
    """Any rule that is read, ordinals and places too."""
    frequency = draw(some.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = {"FREQ": frequency}
    if draw(some.booleans()):
        parts["INTERVAL"] = str(draw(some.integers(1, 15)))
    if draw(some.booleans()):
        parts["BYMONTH"] = draw(numbers(1, 12))
    if frequency != "WEEKLY" and draw(some.integers(0, 2)) == 0:
        parts["BYMONTHDAY"] = draw(numbers(1, 31, signed=True))
    if draw(some.booleans()):
        ordinal = frequency in {"MONTHLY", "YEARLY"} and "BYMONTHDAY" not in parts and draw(some.booleans())
        place = some.integers(1, 5) | some.integers(-5, -1) if ordinal else some.just("")
        day = some.tuples(place, some.sampled_from(WEEKDAYS)).map(lambda got: f"{got[0]}{got[1]}")
        parts["BYDAY"] = ",".join(draw(some.lists(day, min_size=1, max_size=3, unique=True)))
    if parts.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"} and draw(some.integers(0, 3)) == 0:
        parts["BYSETPOS"] = draw(numbers(1, 4, signed=True))
    if draw(some.booleans()):
        parts["WKST"] = draw(some.sampled_from(WEEKDAYS))
    match draw(some.integers(0, 2)):
        case 0:
            parts["COUNT"] = str(draw(some.integers(1, 40)))
        case 1:
            parts["UNTIL"] = draw(STARTS).strftime("%Y%m%d")
    return ";".join(f"{name}={value}" for name, value in parts.items())


def by_dateutil(text: str, start: date, last: date) -> Iterator[date]:
    """Bounded by a day that every month of every year has: without it some rules are searched to 9999."""
    found = rrulestr(text, dtstart=datetime.combine(start, datetime.min.time()))
    for day in found.xafter(datetime.combine(start, datetime.min.time()), inc=True):
        if day.date() > last:
            return
        yield day.date()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=rules(), start=STARTS, ahead=some.integers(0, 900), length=some.integers(0, 1_500))
def test_the_days_of_a_rule_are_those_that_dateutil_knows(
    text: str, start: date, ahead: int, length: int
) -> None:
    first = start + timedelta(days=ahead - 100)
    last = first + timedelta(days=length)

    found = list(parse(text).days(start, first, last))

    bounded = text if "UNTIL" in text or "COUNT" in text else f"{text};UNTIL={last:%Y%m%d}"
    assert found == [day for day in by_dateutil(bounded, start, last) if day >= first], text


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=1MO", ["2026-12-07", "2027-01-04", "2027-02-01"]),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", ["2026-11-30", "2027-02-28"]),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=15", ["2027-04-15"]),
        ("FREQ=WEEKLY;INTERVAL=4;COUNT=3", ["2026-11-23", "2026-12-21", "2027-01-18"]),
        ("rrule:freq=daily;interval=60;until=20270201", ["2026-11-23", "2027-01-22"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["2026-11-30", "2026-12-31", "2027-01-29"]),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", []),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=29", []),
    ],
)
def test_rules_as_people_write_them(text: str, days: list[str]) -> None:
    start = date(2026, 11, 23)
    found = parse(text.upper().removeprefix("RRULE:")).days(start, start, date(2027, 4, 30))

    assert [str(day) for day in found][:3] == days


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no NAME=VALUE"),
        ("FREQ", "is no NAME=VALUE"),
        ("FREQ=", "is no NAME=VALUE"),
        ("INTERVAL=2", "begins with FREQ"),
        ("FREQ=HOURLY", "FREQ is DAILY"),
        ("FREQ=SECONDLY", "FREQ is DAILY"),
        ("FREQ=MINUTELY", "FREQ is DAILY"),
        ("FREQ=DAILY;FREQ=DAILY", "named twice"),
        ("FREQ=DAILY;BYHOUR=3", "BYHOUR has no place"),
        ("FREQ=DAILY;BYEASTER=0", "BYEASTER has no place"),
        ("FREQ=DAILY\nEXRULE:FREQ=DAILY", "FREQ is DAILY"),
        ("FREQ=DAILY;INTERVAL=0", "from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=-1", "from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=٣", "from 1 to 1000"),
        ("FREQ=DAILY;COUNT=10001", "from 1 to 10000"),
        ("FREQ=DAILY;UNTIL=2026", "UNTIL is a day"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL is a day"),
        ("FREQ=DAILY;UNTIL=20260203T000000Z", "UNTIL is a day"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "by COUNT or by UNTIL"),
        ("FREQ=WEEKLY;BYDAY=1MO", "has a number"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "weekdays such as"),
        ("FREQ=MONTHLY;BYDAY=0MO", "weekdays such as"),
        ("FREQ=MONTHLY;BYDAY=54MO", "weekdays such as"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "numbers up to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "numbers up to 31"),
        ("FREQ=MONTHLY;BYMONTH=-1", "no negative"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses"),
        ("FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=3", "do not go together"),
        ("FREQ=DAILY;WKST=1", "WKST is a weekday"),
        ("FREQ=DAILY;" + "BYMONTH=1," * 60, "at most 500"),
    ],
)
def test_what_is_no_rule_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    "text", ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;INTERVAL=7;BYDAY=TU", "FREQ=DAILY;COUNT=10000"]
)
def test_no_rule_holds_a_process_up(text: str) -> None:
    """dateutil searches the first for 3 s: until the year 9999."""
    begun = time.process_time()
    start = date(2006, 11, 27)
    list(parse(text).days(start, date(2026, 11, 23), date(2027, 11, 23)))

    assert time.process_time() - begun < 0.25


@cache
def clock(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """What a clock on the wall shows at every minute round a day."""
    first = datetime.combine(day, datetime.min.time(), tzinfo=UTC) - timedelta(hours=15)
    minutes = [first + timedelta(minutes=number) for number in range(54 * 60)]
    return [(minute, minute.astimezone(zone).replace(tzinfo=None)) for minute in minutes]


def slowly(day: date, local_time: str, zone: ZoneInfo) -> datetime:
    """Minute by minute: the first at which the clock on the wall says it; else so long after the leap."""
    wanted = datetime.combine(day, datetime.strptime(local_time, "%H:%M").time())  # noqa: DTZ007  # on a wall
    for (minute, shown), (_, then) in pairwise(clock(day, zone)):
        if shown == wanted:
            return minute
        if shown < wanted < then:
            return minute + (wanted - shown)
    raise AssertionError(wanted)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2026, 2027])
def test_a_wall_time_is_where_a_slow_search_finds_it_on_every_day_that_the_clocks_change(
    zone: str, year: int
) -> None:
    place = ZoneInfo(zone)
    changes = [day for day in days_of(year) if hours(day, place) != 24]
    assert len(changes) == (0 if zone == "Asia/Kolkata" else 2)
    for day in changes or [date(year, 3, 29)]:
        for quarter in range(0, 24 * 4, 1):
            local_time = f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"
            assert instant(day, local_time, place) == slowly(day, local_time, place), (day, local_time)


def days_of(year: int) -> list[date]:
    length = 366 if calendar.isleap(year) else 365
    return [date(year, 1, 1) + timedelta(days=number) for number in range(length)]


def hours(day: date, zone: ZoneInfo) -> float:
    start = datetime.combine(day, datetime.min.time(), tzinfo=zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=zone).astimezone(UTC)
    return (end - start).total_seconds() / 3600


def test_what_the_clocks_leap_over_is_later_and_what_comes_twice_is_the_first() -> None:
    helsinki = ZoneInfo("Europe/Helsinki")

    assert instant(date(2026, 3, 29), "03:30", helsinki) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert instant(date(2026, 3, 29), "03:30", helsinki).astimezone(helsinki).strftime("%H:%M") == "04:30"
    assert instant(date(2026, 10, 25), "03:30", helsinki) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant(date(2026, 10, 24), "08:00", helsinki).hour == 5
    assert instant(date(2026, 10, 26), "08:00", helsinki).hour == 6
    assert recurrences.WEEKDAYS[0] == "MO"
