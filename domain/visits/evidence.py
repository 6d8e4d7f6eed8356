"""Evidence: what is attached to a visit: photos, signatures, documents; nothing of it is ever changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, col, select

from domain import inputs, media, uploads
from domain.errors import Invalid, InvalidTransition, MissingEvidence
from domain.events import Event
from domain.rows import Row, one_of, refers, text, timestamp
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits.rows import ENDED, UNDER_WAY, Visit, VisitState
from domain.visits.steps import people, scope, taking_part, whole_crew
from domain.work_orders import WorkOrder, WorkType

CLOCKS_APART = timedelta(minutes=1)
"""So much ahead of ours may a device's clock be."""
THERE = UNDER_WAY - {VisitState.EN_ROUTE}


class AttachmentKind(StrEnum):
    """What a file attached to a visit is."""

    PHOTO = "PHOTO"
    SIGNATURE = "SIGNATURE"
    DOCUMENT = "DOCUMENT"


class Attachment(Row, table=True):
    """A file that shows something of a visit. It is only added: evidence is neither changed nor taken away.

    `name` to `sha256` are the upload's, since fewer see that. `technician_id` is who added it, of the field;
    `signed_by` the name of who signed.
    """

    __table_args__ = (
        one_of("kind", AttachmentKind),
        CheckConstraint("(kind = 'SIGNATURE') = (signed_by IS NOT NULL)", name="signed_by"),
        *refers(("upload_id",), upload_id="upload", visit_id="visit taken_at"),
        *refers(customer_id="customer", technician_id="technician"),
    )
    visit_id: UUID
    customer_id: UUID
    upload_id: UUID
    technician_id: UUID | None = None
    kind: AttachmentKind = text()
    name: str = text()
    content_type: str = text()
    bytes: int = Field(sa_type=BigInteger)
    sha256: str = text()
    taken_at: datetime = timestamp()
    added_by: str = text()
    signed_by: str | None = text(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A file that was handed in, and what it is; `taken_at` None: now. `signed_by`: of a signature."""

    upload_id: UUID
    kind: AttachmentKind = AttachmentKind.PHOTO
    taken_at: datetime | None = None
    signed_by: str | None = None


async def add_attachment(work: UnitOfWork, visit_id: UUID, shown: Evidence) -> Attachment:
    """From the arrival on, also after the end: what was taken there may be long on its way.

    By the office, or by one of the crew. Raises NotFound, Invalid, or InvalidTransition.
    """
    visit = await work.get(Visit, visit_id, "visit")
    if work.viewer.role in FIELD:
        await taking_part(work, visit)
    if visit.state not in THERE | ENDED:
        raise InvalidTransition(f"Nobody has been there yet: the visit is {visit.state}.", "visit")
    return await attach(work, visit, shown)


async def attach(work: UnitOfWork, visit: Visit, shown: Evidence, *path: str) -> Attachment:
    """The file is kept with the visit for good; `path` leads to it in what was asked for."""
    signed_by = _signed_by(shown, path)
    taken_at = shown.taken_at or work.at
    if taken_at > work.at + CLOCKS_APART:
        raise Invalid("Nothing is taken in the future.", *path, "takenAt")
    upload = await uploads.keep(work, shown.upload_id, *path, "upload")
    if shown.kind != AttachmentKind.DOCUMENT and not media.is_image(upload.content_type):
        raise Invalid(f"A {shown.kind.lower()} is a PNG, JPEG, WebP or HEIC image.", *path, "upload")
    row = work.add(
        Attachment(
            visit_id=visit.id,
            customer_id=visit.customer_id,
            upload_id=upload.id,
            technician_id=work.viewer.technician_id,
            kind=shown.kind,
            name=upload.name,
            content_type=upload.content_type,
            bytes=upload.bytes,
            sha256=upload.sha256 or "",
            taken_at=taken_at,
            added_by=work.viewer.subject,
            signed_by=signed_by,
        )
    )
    await work.session.flush()
    await _announce(work, visit, row)
    return row


async def kept(work: UnitOfWork) -> Sequence[Attachment]:
    """All that is attached to the visits that the viewer may see."""
    return (await work.session.exec(select(Attachment).order_by(col(Attachment.id)))).all()


async def check_signed(work: UnitOfWork, visit: Visit) -> None:
    """Raises MissingEvidence where the type of work asks for a signature and the visit has none."""
    kind = await _type_of(work, visit)
    if kind.signature_required and not await _has(work, visit, AttachmentKind.SIGNATURE):
        raise MissingEvidence(f"Work of type {kind.code} ends with a signature.", "signature")


async def check_door(work: UnitOfWork, visit: Visit) -> None:
    """Raises MissingEvidence where the type of work asks for a photo of no access and the visit has none."""
    kind = await _type_of(work, visit)
    if kind.no_access_photo_required and not await _has(work, visit, AttachmentKind.PHOTO):
        raise MissingEvidence(f"No access to work of type {kind.code} is shown by a photo.", "photo")


async def _type_of(work: UnitOfWork, visit: Visit) -> WorkType:
    order = await work.find(WorkOrder, visit.work_order_id)
    return await work.find(WorkType, order.work_type_id)


async def _has(work: UnitOfWork, visit: Visit, kind: AttachmentKind) -> bool:
    statement = select(Attachment.id).where(Attachment.visit_id == visit.id, col(Attachment.kind) == kind)
    return (await work.session.exec(statement.limit(1))).first() is not None


def _signed_by(shown: Evidence, path: tuple[str, ...]) -> str | None:
    """Raises Invalid for a signature of nobody, and for a signer of anything else."""
    name = inputs.words(optional=True)
    try:
        signed_by = name(shown.signed_by)
    except ValueError as error:
        raise Invalid(str(error), *path, "signedBy") from error
    if (shown.kind == AttachmentKind.SIGNATURE) != (signed_by is not None):
        raise Invalid("Who signed is said of a signature, and of nothing else.", *path, "signedBy")
    return str(signed_by) if signed_by is not None else None


async def _announce(work: UnitOfWork, visit: Visit, row: Attachment) -> None:
    """Who signed is not the log's to keep."""
    keys = scope(visit, people(await whole_crew(work, visit)))
    values = {"visit_id": visit.id, "kind": row.kind, "sha256": row.sha256, "taken_at": row.taken_at}
    work.emit(
        Event(
            type="AttachmentAdded",
            topic="attachment",
            subject=row,
            values=values,
            scope_before=keys,
            scope_after=keys,
        )
    )
