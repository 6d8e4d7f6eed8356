"""Contracts as rows: agreements with a term and a price, what they cover, and the entitlements they grant."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, CheckConstraint, Column, Index, UniqueConstraint, false
from sqlalchemy import text as literal
from sqlalchemy.dialects.postgresql import DATERANGE, ExcludeConstraint
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from domain.coverage import Coverage
from domain.events import Scope
from domain.rows import Row, between, money, one_of, refers, searched, text, timestamp


class ContractState(StrEnum):
    """Where a contract stands."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("DRAFT", "ACTIVE"), ("DRAFT", "CANCELLED"), ("ACTIVE", "EXPIRED"), ("ACTIVE", "CANCELLED")}
)


class Kinds(UserDefinedType[Any]):
    """Postgres' ranges of uuids, several in one: those of certain types of work, or one without ends."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "uuidmultirange"


class Contract(Row, table=True):
    """An agreement with a customer. `price` is per year.

    `ends_on` is the last day of the present term, by the organization's clock; a renewal prolongs it by
    `renewal_months`. With `auto_renew` that happens `notice_days` before it.
    """

    __table_args__ = (
        one_of("state", ContractState),
        UniqueConstraint("organization_id", "number"),
        CheckConstraint("starts_on <= ends_on", name="term"),
        CheckConstraint("price >= 0", name="price"),
        between("renewal_months", 1, 120),
        between("notice_days", 0, 365),
        CheckConstraint("(state = 'CANCELLED') OR cancelled_at IS NULL", name="cancelled"),
        Index("ix_contract_in_force", "ends_on", postgresql_where=literal("state = 'ACTIVE'")),
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
    auto_renew: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    renewal_months: int = Field(default=12, sa_column_kwargs={"server_default": "12"})
    notice_days: int = Field(default=30, sa_column_kwargs={"server_default": "30"})
    reason: str | None = text(default=None)
    cancelled_at: datetime | None = timestamp(default=None)

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))


class ContractAsset(Row, table=True):
    """Equipment that a contract names: with any such, it covers no other.

    `active`, `during` and `kinds` are the contract's own state, term and types of work, copied by triggers,
    so that one constraint can refuse a second contract for the same equipment, kind of work and time.
    """

    __table_args__ = (
        UniqueConstraint("organization_id", "contract_id", "asset_id"),
        Column("active", Boolean, nullable=False),
        Column("during", DATERANGE, nullable=False),
        Column("kinds", Kinds, nullable=False),
        ExcludeConstraint(
            ("organization_id", "="),
            ("asset_id", "="),
            ("kinds", "&&"),
            ("during", "&&"),
            using="gist",
            where="active",
            name="ex_contract_asset_one_cover",
            deferrable=True,
        ),
        *refers(contract_id="contract", asset_id="asset", customer_id="customer"),
    )
    __mapper_args__: ClassVar[dict[str, Any]] = {"exclude_properties": ("active", "during", "kinds")}
    contract_id: UUID
    asset_id: UUID
    customer_id: UUID


class ContractWorkType(Row, table=True):
    """A type of work that a contract names: with any such, it covers no other."""

    __table_args__ = (
        UniqueConstraint("organization_id", "contract_id", "work_type_id"),
        *refers(contract_id="contract", work_type_id="work_type", customer_id="customer"),
    )
    contract_id: UUID
    work_type_id: UUID
    customer_id: UUID


class Entitlement(Row, table=True):
    """What a contract grants: targets in minutes, counted in coverage hours of the site's zone.

    `coverage_opens` and `coverage_closes` are local wall times (`HH:MM`) on the ISO weekdays (1 is Monday)
    of `coverage_weekdays`. Its clocks warn when `warn_percent` of a target is used up.
    """

    __table_args__ = (
        CheckConstraint(
            "coverage_opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"
            " AND coverage_closes ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"
            " AND coverage_weekdays ~ '^1?2?3?4?5?6?7?$' AND coverage_weekdays <> ''",
            name="coverage",
        ),
        CheckConstraint("least(respond_minutes, arrive_minutes, resolve_minutes) > 0", name="targets"),
        between("warn_percent", 1, 99),
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
    warn_percent: int | None = Field(default=80, sa_column_kwargs={"server_default": "80"})

    def coverage(self, zone: str) -> Coverage:
        """Its hours at a site in that zone."""
        opens, closes = self.coverage_opens, self.coverage_closes
        return Coverage(opens, closes, weekdays=self.coverage_weekdays, zone=ZoneInfo(zone))
