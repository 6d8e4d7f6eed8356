"""Imports: files of rows, staged line by line, then kept in chunks by the upserts; a report for each line.

A chunk of lines, what became of them and how far the import is are one transaction: whoever goes on after a
worker that died goes on behind the last chunk, and no line is kept twice or lost.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, insert
from sqlalchemy import text as literal
from sqlmodel import Field, col, select

from domain import ids, upserts
from domain.errors import Conflict, InvalidTransition
from domain.events import Event, Scope
from domain.finding import Wish
from domain.jobs import Job
from domain.rows import JSON, Row, jsonb, one_of, refers, text, timestamp
from domain.sheets import SHEETS, ImportKind, Line, Sheet
from domain.unit_of_work import UnitOfWork
from domain.uploads import Upload
from domain.upserts import Result, RowOutcome

MOST_LINES = 500
"""Of one chunk."""
MOST_TRIES = 3
JOB = "import"
EMPTY = {"server_default": literal("'[]'")}


class ImportState(StrEnum):
    """QUEUED → STAGING (lines are read) → WRITING (rows are kept) → DONE; FAILED where the file is none."""

    QUEUED = "QUEUED"
    STAGING = "STAGING"
    WRITING = "WRITING"
    DONE = "DONE"
    FAILED = "FAILED"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("QUEUED", "STAGING"),
        ("QUEUED", "FAILED"),
        ("STAGING", "WRITING"),
        ("STAGING", "FAILED"),
        ("WRITING", "DONE"),
        ("WRITING", "FAILED"),
    }
)
UNFINISHED = (ImportState.QUEUED, ImportState.STAGING, ImportState.WRITING)


class Import(Row, table=True):
    """One file on its way in. `position` is the number of the last line that was kept.

    `rows_in_file` is known once all lines are staged; a rehearsal (`dry_run`) says what would happen. `tries`
    are those of workers since it last came on.
    """

    __table_args__ = (
        one_of("state", ImportState),
        one_of("kind", ImportKind),
        CheckConstraint("rows_done <= rows_staged", name="rows_done"),
        CheckConstraint("rows_done = created + updated + unchanged + failed", name="rows_counted"),
        Index(None, "organization_id", "created_at", "id"),
        *refers(upload_id="upload"),
    )
    upload_id: UUID
    kind: ImportKind = text()
    name: str = text()
    dry_run: bool = False
    state: ImportState = text(default=ImportState.QUEUED)
    rows_in_file: int | None = None
    rows_staged: int = 0
    rows_done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    position: int = 0
    tries: int = 0
    failure: str | None = text(default=None)
    finished_at: datetime | None = timestamp(default=None)

    @property
    def sheet(self) -> Sheet:
        return SHEETS[ImportKind(self.kind)]

    def move_to(self, state: ImportState) -> None:
        if (self.state, state.value) not in TRANSITIONS:
            raise InvalidTransition(f"An import cannot go from {self.state} to {state.value}.", "import")
        self.state = state


class ImportLine(Row, table=True):
    """One line. `cells` are kept until it is done; the keys tell lines about the same row."""

    __table_args__ = (
        one_of("outcome", RowOutcome),
        UniqueConstraint("organization_id", "import_id", "number"),
        Index(None, "organization_id", "import_id", "external_key"),
        Index(None, "organization_id", "import_id", "own_key"),
        *refers(import_id="import number"),
    )
    import_id: UUID
    number: int
    cells: dict[str, Any] = jsonb(default_factory=dict)
    external_key: str | None = text(default=None)
    own_key: str | None = text(default=None)
    outcome: RowOutcome | None = text(default=None)
    user_errors: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY)
    entity_type: str | None = text(default=None)
    entity_id: UUID | None = None


REPORT = literal(
    "UPDATE import_line AS l SET outcome = told.outcome, user_errors = told.user_errors,"
    " entity_type = told.entity_type, entity_id = told.entity_id, cells = '{}', version = l.version + 1,"
    " updated_at = CAST(:at AS timestamptz)"
    " FROM jsonb_to_recordset(CAST(:told AS jsonb))"
    " AS told(id uuid, outcome text, user_errors jsonb, entity_type text, entity_id uuid)"
    " WHERE l.organization_id = CAST(:organization AS uuid) AND l.id = told.id"
)


async def request(work: UnitOfWork, upload: Upload, kind: ImportKind, *, dry_run: bool) -> Import:
    """A file is to come in: the import, and the job for a worker."""
    row = work.add(Import(upload_id=upload.id, kind=kind, name=upload.name, dry_run=dry_run))
    await work.session.flush()
    work.add(Job(kind=JOB, subject_id=row.id, requested_by=work.viewer.subject))
    announce(work, row, "ImportRequested")
    return row


async def begin(work: UnitOfWork, key: UUID) -> Import:
    """A worker starts, or goes on after another; one that no worker brings forward is given up."""
    row = await work.get(Import, key, "import")
    row.tries += 1
    if row.tries > MOST_TRIES:
        await fail(work, row, f"It came no further in {MOST_TRIES} tries.")
    if row.state == ImportState.QUEUED:
        row.move_to(ImportState.STAGING)
        announce(work, row, "ImportStarted")
    return row


async def stage(work: UnitOfWork, row: Import, lines: Sequence[Line]) -> None:
    """Some more lines, in the file's order; what is wrong with one by itself is told of it at once."""
    if row.state != ImportState.STAGING:
        raise InvalidTransition(f"Lines are staged while an import is STAGING, not {row.state}.", "import")
    wishes = [row.sheet.wish(line) for line in lines]
    keys = [_keys(row.sheet, wish) for wish in wishes]
    known = await _known(work, row, keys)
    staged = []
    for line, wish, (external, own) in zip(lines, wishes, keys, strict=True):
        fault = wish.fault
        for key, path in ((external, "externalId"), (own, row.sheet.keeping.number or "name")):
            first = known.setdefault((path, key), line.number) if key else line.number
            if fault is None and first != line.number:
                fault = Conflict(f"Line {first} is about the same one.", path)
        staged.append(_staged(work, row, line, Result(RowOutcome.FAILED, fault=fault)))
        staged[-1] |= {"external_key": external, "own_key": own}
    await work.session.execute(insert(ImportLine), staged)
    row.rows_staged += len(lines)
    row.tries = 0
    announce(work, row, "ImportProgressed")


async def staged(work: UnitOfWork, row: Import) -> None:
    """The file has no more lines."""
    row.move_to(ImportState.WRITING)
    row.rows_in_file = row.rows_staged
    announce(work, row, "ImportProgressed")


async def write(work: UnitOfWork, row: Import, *, most: int = MOST_LINES) -> bool:
    """The next lines' rows are kept; False: there were none, and the import is DONE."""
    if row.state != ImportState.WRITING:
        raise InvalidTransition(f"Lines are written while an import is WRITING, not {row.state}.", "import")
    waits = col(ImportLine.outcome).is_(None)
    own = (col(ImportLine.import_id) == row.id, col(ImportLine.number) > row.position)
    columns = select(ImportLine.id, ImportLine.number, ImportLine.cells, waits)
    statement = columns.where(*own).order_by(col(ImportLine.number)).limit(most)
    lines = (await work.session.exec(statement)).all()
    if not lines:
        row.move_to(ImportState.DONE)
        row.finished_at = work.at
        announce(work, row, "ImportFinished")
        return False
    asked = [(key, Line(number, cells)) for key, number, cells, waits in lines if waits]
    results = await _kept(work, row, [row.sheet.wish(line) for _, line in asked])
    await _report(work, row, asked, results)
    counts = Counter(result.outcome for result in results)
    row.created += counts[RowOutcome.CREATED]
    row.updated += counts[RowOutcome.UPDATED]
    row.unchanged += counts[RowOutcome.UNCHANGED]
    row.failed += counts[RowOutcome.FAILED] + len(lines) - len(asked)
    row.rows_done += len(lines)
    row.position, row.tries = lines[-1][1], 0
    announce(work, row, "ImportProgressed")
    return True


async def fail(work: UnitOfWork, row: Import, failure: str) -> None:
    """The file cannot come in, or not all of it; what was kept stays."""
    if (row.state, "FAILED") in TRANSITIONS:
        row.move_to(ImportState.FAILED)
        row.failure, row.finished_at = failure, work.at
        announce(work, row, "ImportFailed")


async def refused_lines(work: UnitOfWork, key: UUID, *, most: int) -> list[ImportLine]:
    """The first of them, with what is wrong."""
    own = (col(ImportLine.import_id) == key, col(ImportLine.outcome) == RowOutcome.FAILED)
    statement = select(ImportLine).where(*own).order_by(col(ImportLine.number)).limit(most)
    return list((await work.session.exec(statement)).all())


async def uploads_in_use(work: UnitOfWork) -> frozenset[UUID]:
    """Files that a worker still needs."""
    statement = select(Import.upload_id).where(col(Import.state).in_(UNFINISHED))
    return frozenset((await work.session.exec(statement)).all())


def announce(work: UnitOfWork, row: Import, type: str) -> None:
    nobodys = Scope()
    counts = ("rows_staged", "rows_done", "created", "updated", "unchanged", "failed")
    work.emit(
        Event(
            type=type,
            topic="import",
            subject=row,
            values={
                "state": row.state,
                "rows_total": row.rows_in_file,
                **{name: getattr(row, name) for name in counts},
            },
            scope_before=nobodys,
            scope_after=nobodys,
        )
    )


async def _kept(work: UnitOfWork, row: Import, wishes: Sequence[Wish]) -> list[Result]:
    if not wishes:
        return []
    results = await upserts.keep_all(work, row.sheet.keeping, wishes, rehearsed=row.dry_run)
    if not row.dry_run:
        return results
    unreal = RowOutcome.CREATED
    return [Result(one.outcome, None if one.outcome is unreal else one.key, one.fault) for one in results]


async def _report(
    work: UnitOfWork, row: Import, asked: Sequence[tuple[UUID, Line]], results: Sequence[Result]
) -> None:
    told = [
        {
            "id": str(key),
            "outcome": result.outcome,
            "user_errors": _faults(row.sheet, line.cells, result),
            "entity_type": row.sheet.keeping.name if result.key else None,
            "entity_id": str(result.key) if result.key else None,
        }
        for (key, line), result in zip(asked, results, strict=True)
    ]
    if told:
        own = {"organization": work.viewer.organization_id, "at": work.at}
        await work.session.execute(REPORT, {"told": json.dumps(told), **own})


def _staged(work: UnitOfWork, row: Import, line: Line, result: Result) -> dict[str, Any]:
    """A line as it is kept: its cells, or what is wrong with it."""
    refused = result.fault is not None
    return {
        "organization_id": work.viewer.organization_id,
        "id": ids.new(),
        "version": 1,
        "created_at": work.at,
        "updated_at": work.at,
        "import_id": row.id,
        "number": line.number,
        "cells": {} if refused else dict(line.cells),
        "outcome": result.outcome if refused else None,
        "user_errors": _faults(row.sheet, line.cells, result),
    }


def _faults(sheet: Sheet, cells: Mapping[str, str], result: Result) -> list[dict[str, Any]]:
    if result.fault is None:
        return []
    column = sheet.column_of(result.fault.path, cells)
    return [{"column": column, "message": result.fault.message, "code": result.fault.code}]


def _keys(sheet: Sheet, wish: Wish) -> tuple[str | None, str | None]:
    """What the line's row is called, elsewhere and here, as far as the line says so."""
    if wish.fault is not None:
        return None, None
    external = json.dumps(wish.external) if wish.external else None
    number = sheet.keeping.number
    if number is not None:
        value = wish.values.get(number)
        return external, str(sheet.keeping.checks[number](value)) if value else None
    parent = wish.references.get(str(sheet.keeping.parent))
    named = wish.values.get("name")
    if external is not None or parent is None or not named:
        return external, None
    return None, json.dumps([parent.external, parent.own, sheet.keeping.checks["name"](named)])


async def _known(
    work: UnitOfWork, row: Import, keys: Sequence[tuple[str | None, str | None]]
) -> dict[tuple[str, str | None], int]:
    """Which earlier lines have these keys, by the field of an input that they are the values of."""
    known: dict[tuple[str, str | None], int] = {}
    number = row.sheet.keeping.number or "name"
    for column, place, path in (("external_key", 0, "externalId"), ("own_key", 1, number)):
        wanted = sorted({value for key in keys if (value := key[place]) is not None})
        named = getattr(ImportLine, column)
        statement = select(named, ImportLine.number).where(
            col(ImportLine.import_id) == row.id, named.in_(wanted)
        )
        if wanted:
            for value, line in (await work.session.exec(statement)).all():
                known[path, value] = min(line, known.get((path, value), line))
    return known
