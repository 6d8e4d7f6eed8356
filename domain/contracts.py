"""Contracts: agreements with a term and a price, and the entitlements they grant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from domain import customers, inputs
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, money, one_of, refers, searched, text
from domain.unit_of_work import UnitOfWork


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

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))


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


CONTRACT: Mapping[str, Check] = {
    "number": inputs.words(60),
    "name": inputs.words(),
    "starts_on": inputs.day,
    "ends_on": inputs.day,
    "price": inputs.price,
    "currency": inputs.currency,
}
"""What may be said of a contract, by column."""
OVER = frozenset({ContractState.EXPIRED, ContractState.CANCELLED})
TERM = frozenset({"starts_on", "ends_on"})


async def create(work: UnitOfWork, customer_id: UUID, values: Mapping[str, Any]) -> Contract:
    """A DRAFT with a customer. Raises NotFound, Invalid, or Conflict for a number that another has."""
    kept = inputs.checked(values, CONTRACT)
    customer = await customers.in_use(work, customer_id, "customer")
    contract = Contract(customer_id=customer.id, **kept)
    _check_term(contract)
    await _unused(work, contract.number)
    work.add(contract)
    await work.session.flush()
    _announce(work, contract, "ContractCreated")
    return contract


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Contract:
    """Changes what is named and differs; the days of the term while it is a DRAFT only.

    Raises as `create`, or InvalidTransition where it is over.
    """
    contract = await work.get(Contract, key, "contract")
    inputs.check_version(contract, expected_version)
    if contract.state in OVER:
        raise InvalidTransition(f"Contract {contract.number} is {contract.state}.", "contract")
    kept = inputs.checked(values, CONTRACT)
    for column in sorted(TERM & kept.keys()):
        if contract.state != ContractState.DRAFT and kept[column] != getattr(contract, column):
            raise Invalid("The term of a contract in force stays.", inputs.field_name(column))
    if kept.get("number", contract.number) != contract.number:
        await _unused(work, kept["number"])
    with work.session.no_autoflush:
        before = inputs.write(contract, kept)
        _check_term(contract)
    if before:
        await work.session.flush()
        _announce(work, contract, "ContractChanged", before)
    return contract


def _check_term(contract: Contract) -> None:
    if contract.ends_on < contract.starts_on:
        raise Invalid("A term does not end before it starts.", "endsOn")


async def _unused(work: UnitOfWork, number: str) -> None:
    if await work.owner(Contract, "number", number):
        raise Conflict("Another contract has that number.", "number")


def _announce(
    work: UnitOfWork, contract: Contract, type: str, before: Mapping[str, Any] | None = None
) -> None:
    scope = contract.scope()
    work.emit(
        Event(
            type=type,
            topic="contract",
            subject=contract,
            before=before or {},
            scope_before=scope,
            scope_after=scope,
        )
    )
