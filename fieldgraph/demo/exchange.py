"""The demo's exchange: files that came in by CSV: a rehearsal, the same for real, and one that was none."""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from domain.customers import ExternalId
from domain.errors import Conflict, Invalid, Refused
from domain.finding import Wish
from domain.imports import Import, ImportLine, ImportState
from domain.organizations import Organization
from domain.sheets import SHEETS, ImportKind, Line, Unreadable
from domain.stock import Part
from domain.uploads import KEPT, Upload, UploadState
from domain.upserts import RowOutcome
from fieldgraph.demo.companies import Book, Company
from integrations import sheets

SYSTEM = "erp"
NEW = (
    ("P-101", "Heat meter DN20", "189.00"),
    ("P-102", "Leak detector", "46.50"),
    ("P-103", "Room thermostat with radio", "92.40"),
)
SAME_PRICE, NEW_PRICE = 12, (20, 21)
"""Parts of the catalogue, by their place: whose price is the old one, and which have a new one."""
NOT_SITES = "name,street,city\nCentral depot,Ruoholahdenkatu 8,Helsinki\n"
"""Somebody else's export: the columns are not ours."""
DAYS_AGO = 6
TOOK = timedelta(seconds=4)
NO_NAME = "A new one needs it."


class Told(NamedTuple):
    """What became of a line: the part that it is about now, and what was wrong."""

    line: Line
    wish: Wish
    outcome: RowOutcome
    part: Part | None = None
    fault: Refused | None = None


def exchange(company: Company, organization: Organization) -> None:
    """Last week's price list, first rehearsed, then kept but for its bad lines; and a file that was refused.

    The files themselves are gone, as a day after they came; what became of their lines stays.
    """
    book = company.apart(organization, "exchange")
    came = company.hours.opens - timedelta(days=DAYS_AGO)
    text = price_list(company.parts)
    upload = _upload(book, "prices-autumn.csv", text, hours=0, company=company)
    for dry_run, at in ((True, came + timedelta(minutes=5)), (False, came + timedelta(minutes=20))):
        row = book.add(Import(upload_id=upload.id, kind=ImportKind.PARTS, name=upload.name), at)
        row.dry_run = dry_run
        made = {} if dry_run else {number: _part(book, company, new) for number, new in enumerate(NEW, 2)}
        _report(book, row, list(_told(company, text, made)), at=at)
        row.finished_at = at + TOOK
    _refused(book, company)


def price_list(parts: Sequence[Part]) -> str:
    """Three new parts, two new prices, one that is known, and three lines with a fault each."""
    known = [parts[place] for place in (*NEW_PRICE, SAME_PRICE)]
    rows = [
        *((f"{SYSTEM},{number},{number},{name},{price}") for number, name, price in NEW),
        *(f",,{part.number},{part.name},{part.unit_price}" for part in known),
        ",,P-104,Drip tray,twelve",
        f"{SYSTEM},P-101-B,{NEW[0][0]},Heat meter DN25,214.00",
        ",,P-105,,31.00",
    ]
    return "\n".join(["system,key,number,name,unit_price", *rows, ""])


def _upload(book: Book, name: str, text: str, *, hours: int, company: Company) -> Upload:
    at = company.hours.opens - timedelta(days=DAYS_AGO) + timedelta(hours=hours)
    content = text.encode()
    return book.add(
        Upload(
            name=name,
            content_type="text/csv",
            bytes=len(content),
            sha256=sha256(content).hexdigest(),
            state=UploadState.GONE,
            stored_at=at,
            expires_at=at + KEPT,
        ),
        at,
    )


def _part(book: Book, company: Company, new: tuple[str, str, str]) -> Part:
    number, name, price = new
    at = company.hours.opens - timedelta(days=DAYS_AGO) + timedelta(minutes=20)
    part = book.add(Part(number=number, name=name, unit_price=Decimal(price)), at)
    named = ExternalId(system=SYSTEM, key=number, entity_type="part", entity_id=part.id)
    book.add(named, at)
    return part


def _told(company: Company, text: str, made: Mapping[int, Part]) -> Iterator[Told]:
    """Every line as the sheet reads it: `made` are the new parts by the line that made them."""
    sheet, seen = SHEETS[ImportKind.PARTS], dict[object, int]()
    known = {part.number: place for place, part in enumerate(company.parts)}
    for line in sheets.lines(io.BytesIO(text.encode()), sheet):
        wish = sheet.wish(line)
        number = wish.values.get("number")
        first = seen.setdefault(number, line.number)
        fault = wish.fault
        if fault is None and first != line.number:
            fault = Conflict(f"Line {first} is about the same one.", "number")
        if fault is None and not wish.values.get("name"):
            fault = Invalid(NO_NAME, "name")
        if fault is not None:
            yield Told(line, wish, RowOutcome.FAILED, fault=fault)
        elif number in known:
            same = known[number] == SAME_PRICE
            outcome = RowOutcome.UNCHANGED if same else RowOutcome.UPDATED
            yield Told(line, wish, outcome, company.parts[known[number]])
        else:
            yield Told(line, wish, RowOutcome.CREATED, made.get(line.number))


def _report(book: Book, row: Import, told: list[Told], *, at: datetime) -> None:
    """A line of the report for each, and their counts."""
    for one in told:
        book.add(_line(row.id, one), at)
    counts = Counter(one.outcome for one in told)
    row.state, row.rows_in_file = ImportState.DONE, len(told)
    row.rows_staged = row.rows_done = len(told)
    row.created, row.updated = counts[RowOutcome.CREATED], counts[RowOutcome.UPDATED]
    row.unchanged, row.failed = counts[RowOutcome.UNCHANGED], counts[RowOutcome.FAILED]
    row.position = told[-1].line.number


def _line(import_id: UUID, one: Told) -> ImportLine:
    faults = []
    if one.fault is not None:
        column = SHEETS[ImportKind.PARTS].column_of(one.fault.path, one.line.cells)
        faults.append({"column": column, "message": one.fault.message, "code": one.fault.code})
    return ImportLine(
        import_id=import_id,
        number=one.line.number,
        external_key=json.dumps(one.wish.external) if one.wish.external else None,
        own_key=one.wish.values.get("number"),
        outcome=one.outcome,
        user_errors=faults,
        entity_type="part" if one.part else None,
        entity_id=one.part.id if one.part else None,
    )


def _refused(book: Book, company: Company) -> None:
    upload = _upload(book, "addresses.csv", NOT_SITES, hours=2, company=company)
    at = (upload.stored_at or company.founded) + timedelta(minutes=1)
    row = book.add(Import(upload_id=upload.id, kind=ImportKind.SITES, name=upload.name), at)
    row.finished_at = at + TOOK
    row.state = ImportState.FAILED
    try:
        list(sheets.lines(io.BytesIO(NOT_SITES.encode()), SHEETS[ImportKind.SITES]))
    except Unreadable as error:
        row.failure = str(error)
