"""Evidence: the mutation that attaches a file to a visit, and what others say of files they take along."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from domain import ids, visits
from domain.unit_of_work import UnitOfWork
from domain.visits import AttachmentKind, Evidence
from integrations.files import Loan
from resolvers.compiler.bindings import Bindings
from resolvers.context import Context, Inputs, key
from schema.evidence import AddAttachmentInput, PhotoInput, SignatureInput

LENT = timedelta(minutes=15)
FILES = """
SELECT a.upload_id, a.name, a.content_type FROM unnest({keys}) WITH ORDINALITY AS w(id, n)
LEFT JOIN {attachments} a ON {attachment} AND a.id = w.id
ORDER BY w.n
"""


async def add_attachment(work: UnitOfWork, given: AddAttachmentInput, _context: Context) -> Mapping[str, Any]:
    shown = Evidence(
        upload_id=key("upl", given.upload),
        kind=given.kind,
        taken_at=given.taken_at,
        signed_by=given.signed_by,
    )
    row = await visits.add_attachment(work, key("vis", given.visit), shown)
    return {"attachment_id": row.id, "visit_id": row.visit_id}


def signature(given: SignatureInput | None) -> Evidence | None:
    if given is None:
        return None
    return Evidence(
        upload_id=key("upl", given.upload),
        kind=AttachmentKind.SIGNATURE,
        taken_at=given.taken_at,
        signed_by=given.signed_by,
    )


def photo(given: PhotoInput | None) -> Evidence | None:
    if given is None:
        return None
    return Evidence(upload_id=key("upl", given.upload), taken_at=given.taken_at)


async def downloads(context: Context, inputs: Inputs) -> list[dict[str, Any] | None]:
    """A signed address for the bytes of each attachment that the viewer may see."""
    services, viewer, writer = context.services, context.viewer, context.writer()
    keys = [ids.decode("att", one["id"]) for one in inputs]
    sql = FILES.format(
        keys=writer.bind("uuid[]", lambda _bindings: keys),
        attachments=writer.source("attachment"),
        attachment=writer.scope("attachment", "a"),
    )
    bindings = Bindings(viewer, services.clock.now(), services.secret)
    parameters = [binder(bindings) for binder in writer.binders]
    rows = await services.reads.rows(writer.statement(sql), parameters, viewer=viewer)
    until = services.real_now() + LENT
    return [_lent(context, dict(row), until) if row["upload_id"] else None for row in rows]


def _lent(context: Context, row: Mapping[str, Any], until: datetime) -> dict[str, Any]:
    loan = Loan(context.viewer, row["upload_id"], row["name"], row["content_type"])
    door = context.services.doors.lend(loan, until=until.timestamp())
    return {"url": f"{context.services.base_url}/files/{door}", "expires_at": until}
