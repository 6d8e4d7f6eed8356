"""The demo's working hours: a day that has just begun, whenever the demo is started."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

HALF_HOUR = timedelta(minutes=30)
LENGTH = timedelta(hours=9)
BEFORE_START = timedelta(hours=1)
MAY_CROSS_MIDNIGHT_AFTER = time(19, 30)
BREAK_EARLIEST = timedelta(hours=3, minutes=30)
BREAK_LATEST = timedelta(hours=5)
BREAK_SECONDS = 1_800


class Hours(NamedTuple):
    """One working day. `start` is the instant at which the demo begins, an hour or more into it."""

    day: date
    start: datetime
    opens: datetime
    closes: datetime

    @classmethod
    def around(cls, start: datetime, zone: ZoneInfo) -> Self:
        """The day whose shifts began an hour ago; it ends by 23:45 local unless the start is late."""
        local = start.astimezone(zone)
        opens = half_hour(start) - BEFORE_START
        closes = opens + LENGTH
        if local.time() <= MAY_CROSS_MIDNIGHT_AFTER:
            # `opens` has start's zone; comparing aware instants makes no difference between zones.
            closes = min(closes, local.replace(hour=23, minute=45, second=0, microsecond=0))
        return cls(local.date(), start, opens, closes.astimezone(start.tzinfo))

    @property
    def break_fits(self) -> bool:
        return self.opens + BREAK_LATEST + timedelta(seconds=BREAK_SECONDS) <= self.closes


def half_hour(instant: datetime) -> datetime:
    """The last full half hour."""
    return instant.replace(minute=instant.minute // 30 * 30, second=0, microsecond=0)
