"""Recurrences: which days a rule (RFC 5545's RRULE, days only) names, and when a wall time is in a zone.

A rule is read by us and not by python-dateutil, which is the tests' oracle: a rule that names no day, such as
FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30, keeps that one searching until the year 9999, for 3 s of a process that
answers others. Here a search ends with the days that were asked about.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = timedelta(days=1)
LONGEST = 500
MOST_INTERVAL = 1_000
MOST_COUNT = 10_000
REFUSED = "has no place in a rule of maintenance"
Weekday = tuple[int, int]
"""An ordinal within the month or year (0: every one), and a weekday from 0, Monday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that was read; an empty tuple: that part is not named."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    weekdays: tuple[Weekday, ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    week_start: int = 0

    def days(self, start: date, first: date, last: date) -> Iterator[date]:
        """In order, the days from `first` to `last` that the rule names, counted from `start` on."""
        end = last if self.until is None else min(last, self.until)
        left = self.count
        since = start if left is not None else max(start, first)
        for period in self._periods(start, since):
            if period > end:
                return
            for day in self._of(period, start):
                if day < start or (left is None and day < first):
                    continue
                if day > end or left == 0:
                    return
                left = None if left is None else left - 1
                if day >= first:
                    yield day

    def _periods(self, start: date, since: date) -> Iterator[date]:
        """The first days of every period that counts, from the one that `since` lies in, or one before."""
        step = self.interval
        if self.frequency in {"DAILY", "WEEKLY"}:
            unit = step * (DAY if self.frequency == "DAILY" else 7 * DAY)
            begin = start if self.frequency == "DAILY" else self._week(start)
            begin += unit * max(0, (since - begin) // unit)
            while begin <= date.max - unit:
                yield begin
                begin += unit
            return
        months = step * (12 if self.frequency == "YEARLY" else 1)
        origin = start.year * 12 + (0 if self.frequency == "YEARLY" else start.month - 1)
        passed = max(0, (since.year * 12 + since.month - 1 - origin) // months)
        number = origin + passed * months
        while number < date.max.year * 12:
            yield date(number // 12, number % 12 + 1, 1)
            number += months

    def _week(self, day: date) -> date:
        return day - DAY * ((day.weekday() - self.week_start) % 7)

    def _of(self, period: date, start: date) -> list[date]:
        """The days of a period, in order, at the places that are named."""
        found = sorted(self._named(period, start))
        if not self.places:
            return found
        kept = {place - 1 if place > 0 else len(found) + place for place in self.places}
        return [day for number, day in enumerate(found) if number in kept]

    def _named(self, period: date, start: date) -> set[date]:
        if self.frequency == "DAILY":
            return {period} if self._fits(period) else set()
        if self.frequency == "WEEKLY":
            wanted = {weekday for _, weekday in self.weekdays} or {start.weekday()}
            week = (period + number * DAY for number in range(7))
            return {day for day in week if day.weekday() in wanted and self._in_month(day)}
        if self.frequency == "MONTHLY":
            return self._of_month(period, start) if self._in_month(period) else set()
        return self._of_year(period.year, start)

    def _of_month(self, first: date, start: date) -> set[date]:
        last = calendar.monthrange(first.year, first.month)[1]
        days = [first + number * DAY for number in range(last)]
        if not self.weekdays and not self.month_days:
            return {day for day in days if day.day == start.day}
        return {day for day in days if self._on_month_day(day) and self._on_weekday(day, days)}

    def _of_year(self, year: int, start: date) -> set[date]:
        if self.weekdays and not self.month_days and not self.months:
            first = date(year, 1, 1)
            days = [first + number * DAY for number in range(366 if calendar.isleap(year) else 365)]
            return {day for day in days if self._on_weekday(day, days)}
        months = self.months or (tuple(range(1, 13)) if self.month_days else (start.month,))
        return {day for month in months for day in self._of_month(date(year, month, 1), start)}

    def _fits(self, day: date) -> bool:
        on_weekday = not self.weekdays or day.weekday() in {weekday for _, weekday in self.weekdays}
        return on_weekday and self._in_month(day) and self._on_month_day(day)

    def _in_month(self, day: date) -> bool:
        return not self.months or day.month in self.months

    def _on_month_day(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        return not self.month_days or day.day in self.month_days or day.day - last - 1 in self.month_days

    def _on_weekday(self, day: date, days: list[date]) -> bool:
        """Whether it is one of the weekdays, and the ordinal one among these days, where one is named."""
        before = (day - days[0]).days // 7 + 1
        after = (days[-1] - day).days // 7 + 1
        return not self.weekdays or any(
            day.weekday() == weekday and place in {0, before, -after} for place, weekday in self.weekdays
        )


def parse(text: str) -> Rule:
    """A rule from its text, such as FREQ=MONTHLY;BYDAY=1MO. Raises ValueError with a sentence for people."""
    if len(text) > LONGEST:
        raise ValueError(f"A rule has at most {LONGEST} characters.")
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").upper().split(";"):
        name, found, value = part.partition("=")
        if not found or not value:
            raise ValueError(f"“{part}” is no NAME=VALUE.")
        if name in parts:
            raise ValueError(f"{name} is named twice.")
        if name not in READERS:
            raise ValueError(f"{name} {REFUSED}; it has {', '.join(READERS)}.")
        parts[name] = value
    if "FREQ" not in parts:
        raise ValueError("A rule begins with FREQ.")
    values = {READERS[name][0]: READERS[name][1](value) for name, value in parts.items()}
    rule = Rule(**values)  # type: ignore[arg-type]  # each reader gives what its part holds
    _check(rule)
    return rule


def instant(day: date, local_time: str, zone: ZoneInfo) -> datetime:
    """When a wall time is on a day, in UTC.

    As RFC 5545 says: a time that comes twice is the first of both; one that the clocks leap over is as long
    after the leap as it would have been after the moment of it.
    """
    wall = datetime.combine(day, time.fromisoformat(local_time))
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _check(rule: Rule) -> None:
    if rule.count is not None and rule.until is not None:
        raise ValueError("A rule ends by COUNT or by UNTIL, not by both.")
    if rule.places and not (rule.weekdays or rule.month_days or rule.months):
        raise ValueError("BYSETPOS chooses among the days of another BY part.")
    ordinal = any(place for place, _ in rule.weekdays)
    if ordinal and rule.frequency not in {"MONTHLY", "YEARLY"}:
        raise ValueError(f"No weekday of a {rule.frequency} rule has a number.")
    if ordinal and rule.month_days:
        raise ValueError("Numbered weekdays and BYMONTHDAY do not go together.")
    if rule.month_days and rule.frequency == "WEEKLY":
        raise ValueError("No WEEKLY rule has BYMONTHDAY.")


def _frequency(value: str) -> str:
    if value not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise ValueError("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY.")
    return value


def _number(name: str, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch("[0-9]{1,6}", value) or not 1 <= int(value) <= most:
            raise ValueError(f"{name} is a number from 1 to {most}.")
        return int(value)

    return read


def _numbers(name: str, most: int, *, negative: bool = True) -> Callable[[str], tuple[int, ...]]:
    def read(value: str) -> tuple[int, ...]:
        found = []
        for one in value.split(","):
            if not re.fullmatch(r"[+-]?[0-9]{1,3}", one) or not 1 <= abs(int(one)) <= most:
                raise ValueError(f"{name} has numbers up to {most}.")
            if int(one) < 0 and not negative:
                raise ValueError(f"{name} has no negative numbers.")
            found.append(int(one))
        return tuple(found)

    return read


def _until(value: str) -> date:
    """A day in the site's zone: a plan has one time of day, so more would say nothing."""
    try:
        return date.fromisoformat(value if re.fullmatch("[0-9]{8}", value) else "")
    except ValueError:
        raise ValueError("UNTIL is a day, such as 20271231.") from None


def _weekdays(value: str) -> tuple[Weekday, ...]:
    found = []
    for one in value.split(","):
        read = re.fullmatch(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", one)
        if read is None or (read[1] and not 1 <= abs(int(read[1])) <= 53):
            raise ValueError("BYDAY has weekdays such as MO or 1MO.")
        found.append((int(read[1] or 0), WEEKDAYS.index(read[2])))
    return tuple(found)


def _week_start(value: str) -> int:
    if value not in WEEKDAYS:
        raise ValueError("WKST is a weekday such as MO.")
    return WEEKDAYS.index(value)


READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "FREQ": ("frequency", _frequency),
    "INTERVAL": ("interval", _number("INTERVAL", MOST_INTERVAL)),
    "COUNT": ("count", _number("COUNT", MOST_COUNT)),
    "UNTIL": ("until", _until),
    "BYDAY": ("weekdays", _weekdays),
    "BYMONTHDAY": ("month_days", _numbers("BYMONTHDAY", 31)),
    "BYMONTH": ("months", _numbers("BYMONTH", 12, negative=False)),
    "BYSETPOS": ("places", _numbers("BYSETPOS", 366)),
    "WKST": ("week_start", _week_start),
}
