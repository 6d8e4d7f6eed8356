"""Contracts: agreements with a term and a price, and the entitlements they grant."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from domain.rows import Row, money, one_of, refers, text


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
