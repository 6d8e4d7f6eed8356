"""Rows: what every table shares, and the words its columns and constraints are declared with."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from domain import ids

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

TIMESTAMP: TypeEngine[datetime] = DateTime(timezone=True)
MONEY: TypeEngine[Any] = Numeric(19, 4)
JSON: TypeEngine[Any] = JSONB()
TEXT: TypeEngine[str] = Text()
NOBODY = UUID(int=0)
"""Stands until the unit of work writes its viewer's organization."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Table(SQLModel):
    """A table named like its class, in snake case."""

    @declared_attr.directive
    @classmethod
    def __tablename__(cls) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Row(Table):
    """A row of one organization: led by its organization, counted by its version.

    `version` starts at 1 and grows by one with every change; `updated_at` is the business time of the
    change. Both are written by the unit of work.
    """

    # Postgres keeps it and the look-up reads it; a verb that loaded it would only carry it about.
    __mapper_args__: ClassVar[dict[str, Any]] = {"exclude_properties": ("searched",)}
    organization_id: UUID = Field(default=NOBODY, primary_key=True, foreign_key="organization.id")
    id: UUID = Field(default_factory=ids.new, primary_key=True)
    version: int = Field(default=1)
    updated_at: datetime = Field(default=NEVER, sa_type=TIMESTAMP)
    created_at: datetime = Field(default=NEVER, sa_type=TIMESTAMP)


def refers(unique: Iterable[str] = (), **columns: str) -> tuple[SchemaItem, ...]:
    """Foreign keys led by the organization, each with the index that serves it: `customer_id="customer"`.

    `customer_id="customer created_at"` serves a long edge in its order, so that a page is not sorted first.
    """
    items: list[SchemaItem] = []
    for column, wanted in columns.items():
        table, *order = wanted.split()
        items.append(
            ForeignKeyConstraint(
                ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], deferrable=True
            )
        )
        keys = (*order, "id") if order else ()
        items.append(Index(None, "organization_id", column, *keys, unique=column in set(unique)))
    return tuple(items)


def searched(*columns: str) -> tuple[SchemaItem, ...]:
    """What `search` looks in: these columns' text, folded and joined in the column `searched`, and its index.

    `@node(…, search=…)` names them for clients; `access.SEARCHED` lets the look-up read them.
    """
    folded = Computed(f"searchable(VARIADIC ARRAY[{', '.join(columns)}])", persisted=True)
    index = Index(
        None,
        "organization_id",
        "searched",
        postgresql_using="gin",
        postgresql_ops={"searched": "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )
    return Column("searched", TEXT, folded, info={"columns": columns}), index


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """Text that is one of an enum's values (never a native enum: its equality is not leakproof)."""
    values = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def between(column: str, least: float, most: float) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=column)


def in_order(start: str, end: str) -> CheckConstraint:
    return CheckConstraint(f"{start} < {end}", name=f"{start}_before_{end}")


def text(**options: Any) -> Any:
    return Field(sa_type=TEXT, **options)


def timestamp(**options: Any) -> Any:
    return Field(sa_type=TIMESTAMP, **options)


def money(**options: Any) -> Any:
    return Field(sa_type=MONEY, **options)


def jsonb(**options: Any) -> Any:
    return Field(sa_type=JSON, **options)
