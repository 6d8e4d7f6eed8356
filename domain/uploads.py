"""Uploads: files that clients hand in ahead of what they are for; the bytes lie in integrations/files.

`expires_at` is real time, as for tokens: until then the file may be handed in, and, once it has been, used.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, col, select

from domain import inputs, media
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, one_of, refers, text, timestamp
from domain.unit_of_work import UnitOfWork

HANDING_IN = timedelta(minutes=15)
KEPT = timedelta(hours=24)
STORED = "(state <> 'WAITING' OR stored_at IS NULL) AND (state <> 'STORED' OR stored_at IS NOT NULL)"
SHA256 = re.compile(r"[0-9a-f]{64}")


class UploadState(StrEnum):
    """WAITING for its bytes, then STORED until it expires, then GONE; or KEPT, once it is attached."""

    WAITING = "WAITING"
    STORED = "STORED"
    KEPT = "KEPT"
    GONE = "GONE"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("WAITING", "STORED"), ("WAITING", "GONE"), ("STORED", "GONE"), ("STORED", "KEPT")}
)


class Upload(Row, table=True):
    """One file. `bytes` is its length as announced; `sha256` is checked where it was announced too.

    `technician_id` is whose it is, of somebody in the field, who see no others.
    """

    __table_args__ = (
        one_of("state", UploadState),
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint(STORED, name="stored"),
        Index(None, "organization_id", "sha256"),
        Index(None, "organization_id", "state", "expires_at"),
        *refers(technician_id="technician"),
    )
    name: str = text()
    content_type: str = text()
    bytes: int = Field(sa_type=BigInteger)
    sha256: str | None = text(default=None)
    state: UploadState = text(default=UploadState.WAITING)
    expires_at: datetime = timestamp()
    stored_at: datetime | None = timestamp(default=None)
    technician_id: UUID | None = None

    def in_time(self, real_now: datetime) -> bool:
        """Whether it may still be handed in or used; from `expires_at` on `expire` may take it."""
        return real_now < self.expires_at

    def move_to(self, state: UploadState) -> None:
        if (self.state, state.value) not in TRANSITIONS:
            raise InvalidTransition(f"An upload cannot go from {self.state} to {state.value}.", "file")
        self.state = state


def _hash(value: Any) -> str | None:
    if value is not None and not SHA256.fullmatch(value):
        raise ValueError("A SHA-256 is 64 hexadecimal digits in lower case.")
    return None if value is None else str(value)


UPLOAD: Mapping[str, Check] = {
    "name": media.file_name,
    "content_type": media.media_type,
    "bytes": inputs.given,
    "sha256": _hash,
}
"""What is said of a file before it is handed in."""


async def create(
    work: UnitOfWork, values: Mapping[str, Any], *, real_now: datetime, most_bytes: int
) -> Upload:
    """A file that may be handed in for a quarter of an hour. Raises Invalid."""
    kept = inputs.checked(values, UPLOAD)
    if not 1 <= kept["bytes"] <= most_bytes:
        raise Invalid(f"A file has from 1 to {most_bytes} bytes.", "bytes")
    upload = work.add(
        Upload(**kept, expires_at=real_now + HANDING_IN, technician_id=work.viewer.technician_id)
    )
    await work.session.flush()
    announce(work, upload, "UploadAnnounced")
    return upload


async def store(work: UnitOfWork, key: UUID, sha256: str, *, real_now: datetime) -> Upload:
    """Its bytes have come, and are those that were announced: it may be used for a day.

    The same bytes once more change nothing. Raises NotFound, Conflict for others or too late, Invalid for
    a wrong hash.
    """
    upload = await work.get(Upload, key, "file")
    if upload.state == UploadState.STORED and upload.sha256 == sha256:
        return upload
    if upload.state != UploadState.WAITING:
        raise Conflict(f"The upload is {upload.state} already.", "file")
    if not upload.in_time(real_now):
        raise Conflict("The time to hand the file in is over.", "file")
    if upload.sha256 not in {None, sha256}:
        raise Invalid("These are not the bytes that were announced: their SHA-256 is another.", "sha256")
    upload.move_to(UploadState.STORED)
    upload.sha256, upload.stored_at, upload.expires_at = sha256, work.at, real_now + KEPT
    await work.session.flush()
    announce(work, upload, "UploadStored")
    return upload


async def usable(work: UnitOfWork, named: UUID | str, *path: str, real_now: datetime) -> Upload:
    """The file by its id or hash, held while it is put to use. Raises NotFound or InvalidTransition.

    One whose time is over is not used, whether or not `expire` has come by since.
    """
    if isinstance(named, UUID):
        upload = await work.get(Upload, named, *path)
    else:
        statement = (
            select(Upload)
            .where(
                col(Upload.sha256) == named,
                col(Upload.state) == UploadState.STORED,
                col(Upload.expires_at) > real_now,
            )
            .order_by(col(Upload.id).desc())
            .limit(1)
            .with_for_update(key_share=True)
        )
        found = (await work.session.exec(statement)).first()
        if found is None:
            raise NotFound("No Upload has that hash.", *path)
        upload = found
    _refuse_unless_stored(upload, *path)
    if not upload.in_time(real_now):
        raise InvalidTransition("The time to use the upload is over.", *path)
    return upload


def _refuse_unless_stored(upload: Upload, *path: str) -> None:
    if upload.state != UploadState.STORED:
        raise InvalidTransition(f"The upload is {upload.state}; it is used while it is STORED.", *path)


async def keep(work: UnitOfWork, named: UUID, *path: str) -> Upload:
    """The file for good: it is part of something, and of nothing else. Raises NotFound or InvalidTransition.

    Also after its time, while its bytes are there: evidence of work that came late is not dropped.
    """
    upload = await work.get(Upload, named, *path)
    _refuse_unless_stored(upload, *path)
    upload.move_to(UploadState.KEPT)
    return upload


async def expire(work: UnitOfWork, *, real_now: datetime, in_use: frozenset[UUID]) -> list[UUID]:
    """Those whose time is over are GONE from now on; their bytes are the caller's to remove after that."""
    statement = (
        select(Upload)
        .where(
            col(Upload.organization_id) == work.viewer.organization_id,
            col(Upload.state).in_([UploadState.WAITING, UploadState.STORED]),
            col(Upload.expires_at) <= real_now,
        )
        .order_by(col(Upload.id))
        .limit(500)
        .with_for_update(key_share=True, skip_locked=True)
    )
    rows = [row for row in (await work.session.exec(statement)).all() if row.id not in in_use]
    for row in rows:
        row.move_to(UploadState.GONE)
    await work.session.flush()
    for row in rows:
        announce(work, row, "UploadExpired")
    return [row.id for row in rows]


def announce(work: UnitOfWork, upload: Upload, type: str) -> None:
    nobodys = Scope()
    work.emit(Event(type=type, topic="upload", subject=upload, scope_before=nobodys, scope_after=nobodys))
