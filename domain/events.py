"""Events: committed facts, written in the transaction of the change, never altered (REALTIME.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Index, Integer
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from domain.rows import TEXT, TIMESTAMP, Row, Table, jsonb, text, timestamp


class Xid8(UserDefinedType[int]):
    """Postgres' 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


class Origin(StrEnum):
    """By which door a change came."""

    API = "API"
    OPTIMIZER = "OPTIMIZER"
    GEOFENCE = "GEOFENCE"
    IMPORT = "IMPORT"
    TIMER = "TIMER"
    SEED = "SEED"
    MAINTENANCE = "MAINTENANCE"
    DATABASE = "DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The keys by which a fact is somebody's: compared with a viewer before and after the change."""

    technicians: tuple[UUID, ...] = ()
    customers: tuple[UUID, ...] = ()
    territories: tuple[UUID, ...] = ()
    visits: tuple[UUID, ...] = ()
    work_orders: tuple[UUID, ...] = ()
    start: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        keys = {
            name: [str(key) for key in getattr(self, name)]
            for name in ("technicians", "customers", "territories", "visits", "work_orders")
        }
        return {**keys, "start": self.start.isoformat() if self.start else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact that a verb announces. `before`: the changed fields as they were; `values`: further facts."""

    type: str
    topic: str
    subject: Row
    before: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    scope_before: Scope
    scope_after: Scope


class EventRow(Table, table=True):
    """One fact of the log. (xid, n) orders it: n counts within the transaction xid.

    It lies in a partition of the day of `recorded_at`, which is real time (realtime/retention.py).
    """

    __table_args__ = (
        Index(None, "organization_id", "xid", "n"),
        Index(None, "organization_id", "subject_id"),
        {"postgresql_partition_by": "RANGE (recorded_at)"},
    )
    __tablename__ = "event"
    xid: int = Field(primary_key=True, sa_type=Xid8)
    n: int = Field(primary_key=True, sa_type=Integer)
    organization_id: UUID = Field(foreign_key="organization.id")
    topic: str = text()
    type: str = text()
    subject_id: UUID
    subject_version: int
    payload: dict[str, Any] = jsonb()
    scope_before: dict[str, Any] = jsonb()
    scope_after: dict[str, Any] = jsonb()
    origin: str = text()
    actor: str = text()
    reason: str | None = text(default=None)
    occurred_at: datetime = timestamp()
    recorded_at: datetime = timestamp(primary_key=True)


TOUCHED = sa.Table(
    "touched",
    SQLModel.metadata,
    sa.Column("xid", Xid8, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("table_name", TEXT, nullable=False),
    sa.Column("key", sa.Uuid),
    sa.Column("recorded_at", TIMESTAMP, nullable=False),
    Index("ix_touched_xid", "xid"),
    Index("ix_touched_organization_id_table_name_xid", "organization_id", "table_name", "xid"),
    postgresql_partition_by="RANGE (recorded_at)",
)
"""Which rows each transaction has written, by triggers alone (access/touching.py), kept for a day.

`key` is the row's id, and null where any row of the table may have changed. There is no primary key: one
transaction may touch a row more than once. No foreign key either: each would be asked at every change.
"""
