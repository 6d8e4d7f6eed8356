"""Contracts: agreements with a term and a price, and the entitlements they grant."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from domain.rows import Row, money, one_of, refers, searched, text


class ContractState(StrEnum):
    """Where a contract stands."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Contract(Row, table=True):
    """An agreement with a customer. `ends_on` is the last day of the term; `price` is per year."""

    __table_args__ = (
        one_of("state", ContractState),
        UniqueConstraint("organization_id", "number"),
        CheckConstraint("starts_on <= ends_on", name="term"),
        CheckConstraint("price >= 0", name="price"),
        *refers(customer_id="customer"),
        *searched("number", "name"),
    )
    customer_id: UUID
    number: str = text()
    name: str = text()
    state: ContractState = text(default=ContractState.DRAFT)
    starts_on: date
    ends_on: date
    price: Decimal = money()
    currency: str = text(default="EUR")


class Entitlement(Row, table=True):
    """What a contract grants: targets in minutes, counted in coverage hours of the site's zone.

    `coverage_opens` and `coverage_closes` are local wall times (`HH:MM`) on the ISO weekdays (1 is Monday)
    of `coverage_weekdays`.
    """

    __table_args__ = (
        CheckConstraint(
            "coverage_opens ~ '^[0-2][0-9]:[0-5][0-9]$' AND coverage_closes ~ '^[0-2][0-9]:[0-5][0-9]$'",
            name="coverage",
        ),
        Index(None, "organization_id", "name", "id"),
        *refers(contract_id="contract", customer_id="customer"),
    )
    contract_id: UUID
    customer_id: UUID
    name: str = text()
    respond_minutes: int | None = None
    arrive_minutes: int | None = None
    resolve_minutes: int | None = None
    coverage_opens: str = text(default="00:00")
    coverage_closes: str = text(default="23:59")
    coverage_weekdays: str = text(default="1234567")


WHOLE_DAY = 24 * 60
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Coverage:
    """When an entitlement's clocks run: wall times (`HH:MM`) on ISO weekdays in a site's zone.

    A close of 23:59 is the end of the day; one that is not after the opening lies on the next day.
    """

    opens: str
    closes: str
    weekdays: str
    zone: ZoneInfo

    def seconds(self, start: datetime, end: datetime) -> int:
        """The seconds of coverage from one instant to another; 0 when that one is past."""
        opens, closes = _minutes(self.opens), _minutes(self.closes)
        if closes <= opens:
            closes += WHOLE_DAY
        day, last = start.astimezone(self.zone).date() - DAY, end.astimezone(self.zone).date()
        total = timedelta()
        while day <= last:
            if str(day.isoweekday()) in self.weekdays:
                covered = min(end, self._at(day, closes)) - max(start, self._at(day, opens))
                total += max(covered, timedelta())
            day += DAY
        return int(total.total_seconds())

    def _at(self, day: date, minutes: int) -> datetime:
        """The instant of a wall time; in UTC, because times of one zone are subtracted without its shifts."""
        midnight = datetime.combine(day, time(), tzinfo=self.zone)
        return (midnight + timedelta(minutes=minutes)).astimezone(UTC)


def _minutes(wall: str) -> int:
    """Minutes since midnight, the last minute of the day counted as its end."""
    hours, minutes = wall.split(":")
    found = int(hours) * 60 + int(minutes)
    return WHOLE_DAY if found >= WHOLE_DAY - 1 else found
