"""Imports: files that are handed in, how their rows come in, and the report of each line."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain import imports, uploads
from domain.imports import ImportState
from domain.sheets import ImportKind
from domain.uploads import UploadState
from domain.upserts import RowOutcome
from schema.entities import Entity
from schema.errors import UserError, UserErrorCode
from schema.graph import Connection, Node, column, listed, many, node, one, one_of, record, value
from schema.scalars import Cursor
from schema.tracking import Lagged, ResyncRequired

IMPORTED = ("customer", "site", "asset", "part", "technician")
"""The tables whose rows come in by files."""


@node(uploads.Upload, prefix="upl", description="A file, handed in ahead of what it is for.")
class Upload(Entity):
    name: str = column("What it is called.")
    content_type: str = column("What it holds, such as text/csv.")
    bytes: int = column("How long it is.")
    sha256: str | None = column("The SHA-256 of its bytes, in lower case hexadecimal digits; once they came.")
    state: UploadState = column("Where it stands.")
    expires_at: datetime = column("Until when it may be handed in, and once it has been, used; in real time.")
    stored_at: datetime | None = column("When its bytes had come.")


@value("What is wrong with a line.")
class LineError:
    message: str = column("What is wrong, in English, for a person.")
    code: UserErrorCode = column("What is wrong, for a program.")
    column: str | None = column("The column it is about; null for the line as a whole.")


@node(imports.ImportLine, prefix="iml", description="One line of a file, and its report.", order=("number",))
class ImportLine(Entity):
    number: int = column("The line's number in the file, from 1; the header's is 1.")
    outcome: RowOutcome | None = column(
        "What became of its row, or what would in a rehearsal; null while it waits."
    )
    user_errors: list[LineError] = listed("Why it was refused; empty when it was not.")
    entity: Node | None = one_of(
        "The row that it is about.", type="entity_type", by="entity_id", tables=IMPORTED
    )


@node(imports.Import, prefix="imp", description="A file of rows on its way in.", order=("-created_at",))
class Import(Entity):
    kind: ImportKind = column("What its lines are.")
    name: str = column("The file's name.")
    dry_run: bool = column("Whether it is a rehearsal: told what would happen, and nothing written.")
    state: ImportState = column("Where it stands.")
    rows_total: int | None = column("How many lines there are; null until all are staged.", of="rows_in_file")
    rows_staged: int = column("Lines that were read and checked.")
    rows_done: int = column("Lines that have their report.")
    created: int = column("Rows that were made.")
    updated: int = column("Rows that were changed.")
    unchanged: int = column("Rows that were so already.")
    failed: int = column("Lines that were refused.")
    failure: str | None = column("Why it could not go on.")
    created_at: datetime = column("When it was asked for.")
    finished_at: datetime | None = column("When it came to its end.")
    upload: Upload | None = one("The file.", by="upload_id")
    lines: Connection[ImportLine] = many(
        "The report of each line, in their order.", via="import_id", expect=50
    )


@strawberry.input(description="A file to be handed in.")
class CreateUploadInput:
    name: str = strawberry.field(description="What it is called.")
    content_type: str = strawberry.field(description="What it holds, such as text/csv.")
    bytes: int = strawberry.field(description="How long it is; 100,000,000 at most if nothing else is set.")
    sha256: str | None = strawberry.field(
        default=None, description="The SHA-256 of its bytes, which is then checked."
    )


@value("A header of a request.")
class UploadHeader:
    name: str = column("Its name, in lower case.")
    value: str = column("What it says.")


@strawberry.input(description="A file whose rows shall come in.")
class ImportRowsInput:
    kind: ImportKind = strawberry.field(description="What its lines are.")
    file: strawberry.ID | None = strawberry.field(
        default=None, description="The upload; or say its hash instead."
    )
    sha256: str | None = strawberry.field(default=None, description="The hash of the uploaded file.")
    dry_run: bool = strawberry.field(
        default=False, description="Only say for each line what would happen; each chunk by itself."
    )


@record(
    "The new upload, and the request that hands its bytes in.",
    upload_id="uuid",
    url="text",
    method="text",
    headers="jsonb",
    user_errors="jsonb",
)
class CreateUploadPayload:
    upload: Upload | None = one("The new upload.", by="upload_id")
    url: str | None = column("Where its bytes go; good until `expiresAt`, told this once.")
    method: str | None = column("By which method: PUT.")
    headers: list[UploadHeader] = listed("What the request says beside them.")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new import; importProgress tells how it comes along.", import_id="uuid", user_errors="jsonb")
class ImportRowsPayload:
    import_: Import | None = one("The new import.", by="import_id", name="import")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


STEP = {
    "cursor": "text",
    "import_id": "uuid",
    "rows_total": "integer",
    "rows_staged": "integer",
    "rows_done": "integer",
    "failed": "integer",
}


@strawberry.type(description="How an import comes along.")
class ImportStep:
    cursor: Cursor = column("Where this stands in the log.")
    rows_total: int | None = column("How many lines there were; null while they were not all staged.")
    rows_staged: int | None = column("Lines that had been read at that moment.")
    rows_done: int | None = column("Lines that had their report at that moment.")
    failed: int | None = column("Lines that had been refused at that moment.")
    import_: Import | None = one("The import as it is now.", by="import_id", name="import")


@record("How the import stands at the start.", **STEP)
class ImportSnapshot(ImportStep):
    """The first item, unless the stream goes on from a cursor."""


@record("The import has come on.", **STEP)
class ImportProgressed(ImportStep):
    """Some more lines were staged, or had their report."""


@record("The import has come to its end.", **STEP)
class ImportEnded(ImportStep):
    """DONE or FAILED."""


ImportProgressItem = Annotated[
    ImportSnapshot | ImportProgressed | ImportEnded | Lagged | ResyncRequired,
    strawberry.union("ImportProgressItem", description="What importProgress tells."),
]
