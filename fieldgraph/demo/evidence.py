"""The demo's evidence: what shows the work of past weeks, what that work cost, and which work is signed."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.organizations import Organization
from domain.stock import MovementKind, Part, StockMovement
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.uploads import Upload, UploadState
from domain.viewers import Role
from domain.visits import (
    Assignment,
    AssignmentState,
    Attachment,
    AttachmentKind,
    Visit,
    VisitCost,
    VisitState,
    costs,
    evidence,
)
from domain.work_orders import WorkOrder
from fieldgraph.demo import pictures
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.companies import Book, Company
from integrations.files import Store

SIGNED = ("PUMP", "COOL-REPAIR")
"""The types of work that end with a signature; the visitor's are others, so that any can be done at once."""
SHOWN = ("LEAK",)
"""No access is shown by a photo."""
COST_SHARE = Decimal("0.6")
WITHOUT_COST = 1
"""Nobody has said what the last of the parts costs."""
CENT = Decimal("0.01")
PHOTO_CHANCE = 0.3
COSTED = frozenset({VisitState.COMPLETED, VisitState.INCOMPLETE, VisitState.NO_ACCESS})
PICTURES = {AttachmentKind.SIGNATURE: pictures.signature, AttachmentKind.PHOTO: pictures.photo}


class Past(NamedTuple):
    """A visit that has ended: who led it, what it used, and when its rows are written."""

    visit: Visit
    lead: Assignment
    technician: Technician
    used: tuple[tuple[Part, int], ...]
    at: datetime


def keep_evidence(company: Company, organization: Organization) -> None:
    """Adds to what has been told; its draws are its own, so that nobody else's shift."""
    random = Random(f"{organization.id}:evidence")  # noqa: S311  # tells a story; guards nothing
    book = Book(random, company.hours.start)
    for part in company.parts[:-WITHOUT_COST]:
        part.unit_cost = (part.unit_price * COST_SHARE).quantize(CENT)
    for code in SIGNED:
        company.kinds[code].signature_required = True
    for code in SHOWN:
        company.kinds[code].no_access_photo_required = True
    signed = {company.kinds[code].id for code in SIGNED}
    kinds = {
        row.id: row.work_type_id
        for rows in company.book.rows.values()
        for row in rows
        if isinstance(row, WorkOrder)
    }
    for past in _past(company):
        _times(past)
        book.add(_cost(past, organization), past.at)
        if past.visit.state != VisitState.COMPLETED:
            continue
        if kinds[past.visit.work_order_id] in signed:
            _attach(book, past, AttachmentKind.SIGNATURE)
        if random.random() < PHOTO_CHANCE:
            _attach(book, past, AttachmentKind.PHOTO)
    for at, rows in book.rows.items():
        company.book.rows.setdefault(at, []).extend(rows)


def _past(company: Company) -> Iterator[Past]:
    """Where somebody was, in the order it was told."""
    people = {row.id: row for row in company.technicians}
    parts = {row.id: row for row in company.parts}
    leads = {
        row.visit_id: row
        for rows in company.book.rows.values()
        for row in rows
        if isinstance(row, Assignment) and row.is_lead and row.state == AssignmentState.ACCEPTED
    }
    for at, rows in sorted(company.book.rows.items()):
        uses: dict[object, list[tuple[Part, int]]] = {}
        for row in rows:
            if isinstance(row, StockMovement) and row.kind == MovementKind.CONSUMPTION:
                uses.setdefault(row.visit_id, []).append((parts[row.part_id], -row.quantity))
        for row in rows:
            if isinstance(row, Visit) and row.state in COSTED:
                lead = leads[row.id]
                used = tuple(uses.get(row.id, ()))
                yield Past(row, lead, people[lead.technician_id], used, at)


def _times(past: Past) -> None:
    """The lead's own times are the visit's."""
    visit, lead = past.visit, past.lead
    lead.en_route_at, lead.arrived_at = visit.en_route_at, visit.arrived_at
    lead.started_at, lead.ended_at = visit.started_at, visit.ended_at
    lead.worked_seconds = visit.worked_seconds


def _cost(past: Past, organization: Organization) -> VisitCost:
    visit = past.visit
    way = None
    if visit.en_route_at is not None and visit.arrived_at is not None:
        way = int((visit.arrived_at - visit.en_route_at).total_seconds())
    row = VisitCost(
        visit_id=visit.id,
        work_order_id=visit.work_order_id,
        labour_cost=costs.hours([(visit.worked_seconds, past.technician.hourly_cost)]),
        travel_cost=costs.hours([(way, past.technician.hourly_cost)]),
        parts_cost=costs.pieces((pieces, part.unit_cost) for part, pieces in past.used),
        currency=organization.currency,
    )
    row.total_cost = costs.total(row.labour_cost, row.travel_cost, row.parts_cost)
    return row


def _attach(book: Book, past: Past, kind: AttachmentKind) -> None:
    """A picture that was handed in by whoever was there, at the end of their work."""
    taken_at = past.visit.ended_at or past.at
    person = book.random.choice(pictures.PERSONS)
    upload = book.add(
        Upload(
            name=f"{kind.lower()}.png",
            content_type="image/png",
            bytes=1,
            state=UploadState.KEPT,
            expires_at=taken_at,
            stored_at=taken_at,
            technician_id=past.technician.id,
        ),
        past.at,
    )
    picture = PICTURES[kind](upload.id)
    upload.bytes, upload.sha256 = len(picture), hashlib.sha256(picture).hexdigest()
    book.add(
        Attachment(
            visit_id=past.visit.id,
            customer_id=past.visit.customer_id,
            upload_id=upload.id,
            technician_id=past.technician.id,
            kind=kind,
            name=upload.name,
            content_type=upload.content_type,
            bytes=upload.bytes,
            sha256=upload.sha256,
            taken_at=taken_at,
            added_by=f"technician:{past.technician.id}",
            signed_by=person if kind == AttachmentKind.SIGNATURE else None,
        ),
        past.at,
    )


async def hand_in(engine: AsyncEngine, company: Seeded, store: Store, *, at: datetime) -> int:
    """The bytes of a company's seeded attachments, drawn anew; says how many were missing."""
    viewer = company.viewers[Role.ADMIN]
    async with UnitOfWork(engine, viewer, at) as work:
        found = await evidence.kept(work)
    written = 0
    for row in found:
        file = store.path(company.id, row.upload_id)
        picture = PICTURES.get(row.kind, pictures.photo)(row.upload_id)
        if not file.exists() and hashlib.sha256(picture).hexdigest() == row.sha256:
            _write(file, picture)
            written += 1
    return written


def _write(file: Path, picture: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.seed")
    draft.write_bytes(picture)
    draft.replace(file)
