"""Credentials: what stands behind an opaque token, kept only as its SHA-256 digest, and whose it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, UniqueConstraint
from sqlmodel import Field, col, select

from domain.events import Event, Scope
from domain.rows import Row, Table, one_of, refers, text, timestamp
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer

ENDED = "credential"
"""The topic of events by which what was opened with a credential, or by a user, ends."""
LOOK_UP = "SELECT *, pg_current_snapshot()::text AS seen FROM"


class Credential(Row, table=True):
    """One tracking link, key or user's token. Times are real time (UTC).

    `role` is None for a user's: who it stands for is the user's own row to say. Without `expires_at` it is
    good until it is revoked.
    """

    __table_args__ = (
        one_of("role", Role),
        UniqueConstraint("digest"),
        CheckConstraint("length(digest) = 32", name="digest"),
        CheckConstraint("(role IS NULL) = (user_id IS NOT NULL)", name="whose"),
        *refers(user_id="app_user"),
    )
    digest: bytes = Field(sa_type=LargeBinary)
    role: Role | None = text(default=None)
    subject: str = text()
    user_id: UUID | None = None
    visit_id: UUID | None = None
    technician_id: UUID | None = None
    scopes: str = text(default="")
    expires_at: datetime | None = timestamp(default=None)
    revoked_at: datetime | None = timestamp(default=None)


class CredentialUse(Table, table=True):
    """When a key was last used: to the hour, in real time."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "credential_id"], ["credential.organization_id", "credential.id"]
        ),
    )
    organization_id: UUID = Field(primary_key=True, foreign_key="organization.id")
    credential_id: UUID = Field(primary_key=True)
    used_at: datetime = timestamp()


class Queries(Protocol):
    """The one method of a pool or connection that a look-up needs."""

    async def fetchrow(self, query: str, *values: Any) -> Any: ...


class Writes(Protocol):
    """The one method of a pool or connection that keeping needs."""

    async def executemany(self, command: str, args: Sequence[Sequence[Any]]) -> Any: ...


async def find_viewer(queries: Queries, digest: bytes) -> Viewer | None:
    """Who holds the token with this digest; None when it is unknown, expired or revoked."""
    row = await queries.fetchrow(f"{LOOK_UP} asker_by_digest($1)", digest)
    return None if row is None else _viewer(row)


async def find_user(queries: Queries, organization_id: UUID, user_id: UUID) -> Viewer | None:
    """The active user with this id; None where there is none."""
    row = await queries.fetchrow(f"{LOOK_UP} asker_of_user($1, $2)", organization_id, user_id)
    return None if row is None else _viewer(row)


async def is_good(queries: Queries, organization_id: UUID, credential_id: UUID, real_now: datetime) -> bool:
    """Whether a credential is there, not revoked and not expired. `queries` as the system."""
    row = await queries.fetchrow(
        "SELECT FROM credential WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > $3)",
        organization_id,
        credential_id,
        real_now,
    )
    return row is not None


async def find_subject(
    queries: Queries, issuer: str, subject: str, organization_id: UUID | None
) -> Viewer | None:
    """The active user of the organization whom an identity provider knows by this subject.

    Where none is named: of those in all organizations the one who was bound to it first.
    """
    asked = f"{LOOK_UP} asker_by_subject($1, $2, $3)"
    row = await queries.fetchrow(asked, issuer, subject, organization_id)
    return None if row is None else _viewer(row)


async def used(writes: Writes, uses: Sequence[tuple[UUID, UUID]], hour: datetime) -> None:
    """Keeps that these credentials, each with its organization, were used in this hour."""
    await writes.executemany(
        "INSERT INTO credential_use (organization_id, credential_id, used_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (organization_id, credential_id)"
        " DO UPDATE SET used_at = excluded.used_at WHERE credential_use.used_at < excluded.used_at",
        [(organization_id, credential_id, hour) for organization_id, credential_id in uses],
    )


async def revoke(work: UnitOfWork, credential_id: UUID, *, real_now: datetime) -> None:
    """It opens nothing any more; once revoked it stays so."""
    credential = await work.get(Credential, credential_id)
    credential.revoked_at = credential.revoked_at or real_now


async def revoke_all(work: UnitOfWork, user_id: UUID, *, real_now: datetime) -> list[Credential]:
    """Every token of a user that was still good; answers with them."""
    statement = (
        select(Credential)
        .where(col(Credential.user_id) == user_id, col(Credential.revoked_at).is_(None))
        .order_by(col(Credential.id))
        .with_for_update(key_share=True)
    )
    found = list((await work.session.exec(statement)).all())
    for credential in found:
        credential.revoked_at = real_now
    return found


def ended(type: str, subject: Row, **values: UUID) -> Event:
    """The fact by which streams and sockets end: of a `credential_id`, or of a `user_id`."""
    return Event(
        type=type, topic=ENDED, subject=subject, values=values, scope_before=Scope(), scope_after=Scope()
    )


def _viewer(row: Any) -> Viewer:
    return Viewer(
        organization_id=row["organization_id"],
        role=Role(row["role"]),
        subject=row["subject"],
        scopes=frozenset(row["scopes"].split()),
        customer_id=row["customer_id"],
        technician_id=row["technician_id"],
        visit_id=row["visit_id"],
        user_id=row["user_id"],
        credential_id=row["credential_id"],
        expires_at=row["expires_at"],
        seen=row["seen"],
    )
