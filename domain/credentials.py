"""Credentials: what stands behind an opaque token, kept only as its SHA-256 digest."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, UniqueConstraint
from sqlmodel import Field

from domain.rows import Row, one_of, text, timestamp
from domain.viewers import Role, Viewer


class Credential(Row, table=True):
    """One tracking link or key. Times are real time (UTC)."""

    __table_args__ = (
        one_of("role", Role),
        UniqueConstraint("digest"),
        CheckConstraint("length(digest) = 32", name="digest"),
    )
    digest: bytes = Field(sa_type=LargeBinary)
    role: Role = text()
    subject: str = text()
    visit_id: UUID | None = None
    technician_id: UUID | None = None
    scopes: str = text(default="")
    expires_at: datetime = timestamp()
    revoked_at: datetime | None = timestamp(default=None)


class Queries(Protocol):
    """The one method of a pool or connection that a look-up needs."""

    async def fetchrow(self, query: str, *values: Any) -> Any: ...


async def find_viewer(queries: Queries, digest: bytes) -> Viewer | None:
    """Who holds the token with this digest; None when it is unknown, expired or revoked."""
    row = await queries.fetchrow("SELECT * FROM credential_by_digest($1)", digest)
    if row is None:
        return None
    return Viewer(
        organization_id=row["organization_id"],
        role=Role(row["role"]),
        subject=row["subject"],
        scopes=frozenset(row["scopes"].split()),
        technician_id=row["technician_id"],
        visit_id=row["visit_id"],
        credential_id=row["id"],
        expires_at=row["expires_at"],
    )
