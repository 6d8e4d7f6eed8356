"""Coverage: the hours in which a contract's clocks run, by the clock on the wall at the site."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WHOLE_DAY = 24 * 60
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LONGEST = timedelta(days=5 * 366)
"""No clock runs out later than this after it started: then it has none."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """When an entitlement's clocks run: wall times (`HH:MM`) on ISO weekdays in a site's zone.

    An instant is covered when the clock on the wall there shows a time of the coverage: an hour that the
    clock shows twice counts twice, one that it leaves out not at all. A close of 23:59 is the end of the day;
    one that is not after the opening lies on the next day.
    """

    opens: str
    closes: str
    weekdays: str
    zone: ZoneInfo

    def seconds(self, start: datetime, end: datetime) -> int:
        """The whole seconds of coverage from one instant to another; 0 when that one is past."""
        return self.between(start, end) // SECOND

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from one instant to another is covered."""
        return sum((closed - opened for opened, closed in self.spans(start, end)), timedelta())

    def is_open(self, at: datetime) -> bool:
        """Whether a clock that starts then runs at once."""
        return self.between(at, at + timedelta.resolution) > timedelta()

    def after(self, start: datetime, length: timedelta) -> datetime | None:
        """The first instant at which so much coverage has gone by since `start`; None: not for years."""
        rest = length
        if rest <= timedelta():
            return start
        for opened, closed in self.spans(start, start + LONGEST):
            if closed - opened >= rest:
                return opened + rest
            rest -= closed - opened
        return None

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The covered stretches between two instants, in order, in UTC; they may touch."""
        opens, closes = minutes_of(self.opens), minutes_of(self.closes)
        if closes <= opens:
            closes += WHOLE_DAY
        first, last = timedelta(minutes=opens), timedelta(minutes=closes)
        for lower, upper, offset in self._steady(start.astimezone(UTC), end.astimezone(UTC)):
            day = (lower + offset).date() - DAY
            while day <= (upper + offset).date():
                if str(day.isoweekday()) in self.weekdays:
                    midnight = datetime.combine(day, time(), tzinfo=UTC) - offset
                    opened, closed = max(lower, midnight + first), min(upper, midnight + last)
                    if opened < closed:
                        yield opened, closed
                day += DAY

    def _steady(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """Stretches of at most a day in which the zone keeps its distance from UTC, which stands beside them.

        No zone changes its clock twice in a day.
        """
        at = start
        while at < end:
            until, offset = min(at + DAY, end), self._offset(at)
            if self._offset(until) != offset:
                until = min(self._change(at, until), until)
            yield at, until, offset
            at = until

    def _change(self, start: datetime, end: datetime) -> datetime:
        """The second at which the zone's distance from UTC becomes another than at `start`."""
        before, low, high = self._offset(start), 0, -(-(end - start) // SECOND) + 1
        origin = start.replace(microsecond=0)
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(origin + middle * SECOND) == before:
                low = middle
            else:
                high = middle
        return origin + high * SECOND

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta()


def minutes_a_week(opens: str, closes: str, weekdays: str) -> int:
    """How much of a usual week is covered."""
    length = minutes_of(closes) - minutes_of(opens)
    return (length if length > 0 else length + WHOLE_DAY) * len(weekdays)


def minutes_of(wall: str) -> int:
    """Minutes since midnight, the last minute of the day counted as its end."""
    hours, minutes = wall.split(":")
    found = int(hours) * 60 + int(minutes)
    return WHOLE_DAY if found >= WHOLE_DAY - 1 else found


def today(at: datetime, zone: str) -> date:
    """The day that an instant falls on in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()
