"""Evidence: what is attached to visits, and what the mutations that attach something take and answer."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import visits
from domain.visits import AttachmentKind
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import column, listed, node, one, record, value
from schema.technicians import Technician
from schema.values import derived

if TYPE_CHECKING:
    from schema.visits import Visit

UPLOAD = "The file, handed in by createUpload and not attached to anything yet."
TAKEN = "When it was taken, not in the future; null: now."


@value("Where the bytes of a file are to be had.")
class Download:
    url: str = column("By GET, without a token, from whoever has this address.")
    expires_at: datetime = column("Until when, in real time; ask anew for another.")


@node(
    visits.Attachment,
    prefix="att",
    description="A file that shows something of a visit; it is never changed. Customers see the signatures.",
    order=("taken_at", "id"),
)
class Attachment(Entity):
    kind: AttachmentKind = column("What it is.")
    name: str = column("What the file is called.")
    content_type: str = column("What it holds, such as image/png.")
    bytes: int = column("How long it is.")
    sha256: str = column("The SHA-256 of its bytes, in lower case hexadecimal digits.")
    taken_at: datetime = column("When it was taken or signed.")
    added_at: datetime = column("When it was attached.", of="created_at")
    added_by: str = column("Who attached it.", roles=STAFF)
    signed_by: str | None = column("The name of who signed; of a signature.")
    technician: Technician | None = one("Who of the field attached it.", by="technician_id", roles=STAFF)
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit it shows something of.", by="visit_id"
    )
    download: Download | None = derived(
        "download",
        "Its bytes, for a quarter of an hour.",
        needs="id",
        reads=("attachment",),
        volatile=True,
        personal=True,
    )


@strawberry.input(description="Who signed, and the picture of it.")
class SignatureInput:
    upload: strawberry.ID = strawberry.field(description=f"{UPLOAD} An image.")
    signed_by: str = strawberry.field(description="The name of who signed, in at most 200 characters.")
    taken_at: datetime | None = strawberry.field(default=None, description=TAKEN)


@strawberry.input(description="A picture of what is there.")
class PhotoInput:
    upload: strawberry.ID = strawberry.field(description=f"{UPLOAD} An image.")
    taken_at: datetime | None = strawberry.field(default=None, description=TAKEN)


@strawberry.input(description="A file that shows something of a visit.")
class AddAttachmentInput:
    visit: strawberry.ID = strawberry.field(description="The visit; somebody has arrived there.")
    kind: AttachmentKind = strawberry.field(description="What it is; PHOTO and SIGNATURE are images.")
    upload: strawberry.ID = strawberry.field(description=UPLOAD)
    taken_at: datetime | None = strawberry.field(default=None, description=TAKEN)
    signed_by: str | None = strawberry.field(
        default=None, description="The name of who signed; with SIGNATURE, and with nothing else."
    )


@record("The new attachment.", attachment_id="uuid", visit_id="uuid", user_errors="jsonb")
class AddAttachmentPayload:
    attachment: Attachment | None = one("The new attachment.", by="attachment_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The visit it was added to.", by="visit_id"
    )
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
