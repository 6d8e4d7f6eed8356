"""Imports: handing a file in, bringing its rows in, and following how that comes along."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain import ids, imports, uploads
from domain.errors import BadInput, Invalid
from domain.imports import UNFINISHED
from domain.unit_of_work import UnitOfWork
from integrations.files import Grant
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from resolvers.inputs import told
from schema.imports import CreateUploadInput, ImportRowsInput
from schema.verbs import Item

ENDED = frozenset({"ImportFinished", "ImportFailed"})
TOLD = frozenset({"ImportStarted", "ImportProgressed"})
COUNTS = ("rows_staged", "rows_done", "failed")


async def create_upload(work: UnitOfWork, given: CreateUploadInput, context: Context) -> Mapping[str, Any]:
    services = context.services
    upload = await uploads.create(
        work,
        told(given, *uploads.UPLOAD),
        real_now=services.real_now(),
        most_bytes=services.upload_bytes,
    )
    grant = Grant(context.viewer, upload.id, upload.bytes)
    door = services.doors.open(grant, until=upload.expires_at.timestamp())
    return {
        "upload_id": upload.id,
        "url": f"{services.base_url}/uploads/{door}",
        "method": "PUT",
        "headers": [{"name": "content-type", "value": upload.content_type}],
    }


async def import_rows(work: UnitOfWork, given: ImportRowsInput, context: Context) -> Mapping[str, Any]:
    by_id, by_hash = given.file is not None, given.sha256 is not None
    if by_id == by_hash:
        raise Invalid("A file is named by its id, or by its hash.", "file")
    file = key("upl", given.file) if given.file is not None else str(given.sha256)
    path = "file" if by_id else "sha256"
    upload = await uploads.usable(work, file, path, real_now=context.services.real_now())
    row = await imports.request(work, upload, given.kind, dry_run=given.dry_run)
    return {"import_id": row.id}


async def import_progress(_context: Context, arguments: Mapping[str, Any]) -> Feed:
    """From how the import stands to its end."""
    prefix, import_id = ids.split(arguments["import"])
    if prefix != "imp":
        raise BadInput("importProgress follows an import.")

    async def snapshot(start: Start) -> Sequence[Item]:
        row = await start.first("SELECT * FROM import WHERE id = $1", import_id)
        if row is None:
            raise BadInput("No Import has that id.")
        counts = {"rows_total": row["rows_in_file"], **{name: row[name] for name in COUNTS}}
        values = {"import_id": import_id, **counts, "cursor": start.cursor()}
        return [Item("ImportSnapshot", values, is_last=row["state"] not in UNFINISHED)]

    async def told(entry: Entry) -> Item | None:
        ended = entry.type in ENDED
        if not ended and entry.type not in TOLD:
            return None
        values = {
            "import_id": import_id,
            **{name: entry.payload.get(name) for name in ("rows_total", *COUNTS)},
        }
        return Item("ImportEnded" if ended else "ImportProgressed", values, is_last=ended)

    return Feed(
        topics=frozenset({"import"}),
        wants=lambda entry: entry.subject_id == import_id,
        snapshot=snapshot,
        told=told,
    )
