"""Audit: every change of every audited row, sealed into a hash chain; written by triggers, never by verbs."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, LargeBinary, Text, Uuid
from sqlalchemy import text as literal
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

from domain.rows import Table, jsonb, text, timestamp
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role

TEXTS: TypeEngine[Any] = ARRAY(Text())
BIGINT: TypeEngine[int] = BigInteger()
UUIDS: TypeEngine[Any] = ARRAY(Uuid())
PLACES = 4
"""How many of the rows that a change belongs to are found by it: an index for each."""


class ChangeAction(StrEnum):
    """What was done to a row."""

    CREATED = "CREATED"
    CHANGED = "CHANGED"
    DELETED = "DELETED"


def _found_by(place: int) -> Index:
    """Of one place of the array, in the order of change: no index over all of them has an order."""
    named = literal(f"(belongs_to[{place}])")
    there = literal(f"belongs_to[{place}] IS NOT NULL")
    return Index(f"ix_audit_belongs_to_{place}", "organization_id", named, "id", postgresql_where=there)


class Audit(Table, table=True):
    """One change of one row: who, why, when, before and after.

    `before` and `after` hold the columns that differ, `apart` says which others do: their values lie in
    `audit_value`, under `ref`. `at` is the business time, `recorded_at` the database's. `unit_id` is the
    first change of the same transaction: what is sealed together. `readers` are the roles that may read it,
    where not all staff may. `belongs_to` are the rows that it is told of besides its own: what the row is
    part of, and was until this change; null for none, and for what was kept before revision 0016. The id is
    a version 7 of the database's making: the order of change.
    """

    __table_args__ = (
        # No checks: only the trigger writes here, and they would be read and planned anew by every statement.
        Index(None, "organization_id", "entity_id", "id"),
        *(_found_by(place) for place in range(1, PLACES + 1)),
    )
    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    unit_id: UUID
    entity_type: str = text()
    entity_id: UUID
    entity_version: int
    action: ChangeAction = text()
    actor: str = text()
    actor_role: Role | None = text(default=None)
    origin: str = text()
    reason: str | None = text(default=None)
    at: datetime = timestamp()
    recorded_at: datetime = timestamp()
    before: dict[str, Any] | None = jsonb(default=None)
    after: dict[str, Any] | None = jsonb(default=None)
    apart: dict[str, Any] | None = jsonb(default=None)
    readers: list[str] | None = Field(default=None, sa_type=TEXTS)
    belongs_to: list[UUID] | None = Field(default=None, sa_type=UUIDS)


class AuditValue(Table, table=True):
    """One column's value before and after a change, kept apart: erasable, or not for all staff to read."""

    __table_args__ = (Index(None, "organization_id", "entity_id"),)
    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    entity_id: UUID
    personal: bool
    readers: list[str] | None = Field(default=None, sa_type=TEXTS)
    salt: bytes = Field(sa_type=LargeBinary)
    value: dict[str, Any] = jsonb()


class AuditSeal(Table, table=True):
    """A link of an organization's chain: the changes of one transaction, each by its id and its digest."""

    organization_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BIGINT)
    unit_id: UUID
    changes: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)


class AuditChain(Table, table=True):
    """The head of an organization's chain: held from the sealing of a transaction to its end."""

    __table_args__ = (CheckConstraint("seq > 0", name="seq"),)
    organization_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BIGINT)
    hash: bytes = Field(sa_type=LargeBinary)


KEPT = tuple(str(table.__tablename__) for table in (Audit, AuditValue, AuditSeal, AuditChain))
"""The tables that only their own triggers write."""
TOLD_OF = " UNION ALL ".join(
    f"SELECT {{t}}.*, {{t}}.{of} AS told_of FROM audit {{t}}"
    for of in ("entity_id", *(f"belongs_to[{place}]" for place in range(1, PLACES + 1)))
)
"""Each change once for each row that it is told of, by `told_of`, as SQL: every part is read by an index."""
FORGET = literal("SELECT audit_forget(CAST(:keys AS uuid[]))")


async def forget(work: UnitOfWork, *keys: UUID) -> None:
    """Erases from history what was personal in these rows; that they changed stays. For ADMIN only."""
    await work.session.flush()
    await work.session.execute(FORGET, {"keys": list(keys)})
