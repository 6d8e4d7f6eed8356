"""Tracks: the stored fixes of a technician, their working time, and the visits that the fixes may decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, and_, or_
from sqlalchemy import text as literal
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from domain import ids
from domain.errors import NotFound
from domain.events import Event
from domain.sites import Site
from domain.technicians import Technician
from domain.tracking import Arrival, Eta, PositionCurrent
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits import Assignment, AssignmentState, Visit, VisitState

RESENT = timedelta(minutes=10)  # a device's counter starts anew with its app: further apart it is no double
FORGOTTEN = timedelta(days=1)  # a visit dispatched for a day that is over, and never begun
PRESENT = (VisitState.ARRIVED, VisitState.IN_PROGRESS, VisitState.PAUSED)
AHEAD = (VisitState.DISPATCHED, VisitState.EN_ROUTE)
ENDED = (VisitState.COMPLETED, VisitState.INCOMPLETE, VisitState.NO_ACCESS)

Spot = tuple[datetime, float, float]


@dataclass(frozen=True, slots=True)
class Columns:
    """Fixes as columns of equal length, to be stored in one statement whatever their number."""

    at: list[datetime]
    longitude: list[float]
    latitude: list[float]
    accuracy_metres: list[float]
    speed_metres_per_second: list[float | None]
    sequence: list[int | None]


class Period(NamedTuple):
    """A shift, or a hole in it."""

    starts_at: datetime
    ends_at: datetime
    absent: bool


class Watched(NamedTuple):
    """A visit of a technician with what a fence needs to know of it."""

    visit: Visit
    site: Site
    arrival: Arrival | None
    eta: Eta | None


class Journey(NamedTuple):
    """The way to a visit: whose it is, where it leads, where they were last, what was told of it."""

    technician: Technician
    site: Site
    current: PositionCurrent | None
    eta: Eta | None


async def current(work: UnitOfWork, technician_id: UUID) -> PositionCurrent:
    """The technician's row of live facts, made on first need and locked until the end.

    Two reports of one technician wait for each other here. Raises NotFound, also for a colleague.
    """
    viewer = work.viewer
    if viewer.role in FIELD and viewer.technician_id != technician_id:
        raise NotFound("No Technician has that id.", "technician")
    statement = (
        select(PositionCurrent)
        .where(PositionCurrent.technician_id == technician_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = (await work.session.exec(statement)).one_or_none()
    if found is None:
        await work.find(Technician, technician_id, "technician")
        values = {"id": ids.new(), "technician": technician_id, "at": work.at}
        await _execute(work, FIRST, {"organization": viewer.organization_id, **values})
        found = (await work.session.exec(statement)).one()
    return found


async def tell(work: UnitOfWork, position: PositionCurrent) -> None:
    """That a technician is somewhere else now; where, only the row says."""
    technician = await work.find(Technician, position.technician_id)
    scope = technician.scope()
    work.emit(
        Event(
            type="PositionReported",
            topic="position",
            subject=position,
            values={"technician_id": technician.id, "at": position.at},
            scope_before=scope,
            scope_after=scope,
        )
    )


async def periods(work: UnitOfWork, technician_id: UUID, start: datetime, end: datetime) -> Sequence[Period]:
    """The shifts and absences that touch a time."""
    found = await _execute(
        work,
        PERIODS,
        {
            "organization": work.viewer.organization_id,
            "technician": technician_id,
            "start": start,
            "end": end,
        },
    )
    return [Period(*row) for row in found]


async def store(work: UnitOfWork, technician_id: UUID, fixes: Columns) -> set[Spot]:
    """Keep raw fixes; what came back is new, the rest was known already."""
    found = await _execute(
        work,
        STORE,
        {
            "organization": work.viewer.organization_id,
            "technician": technician_id,
            "received_at": work.at,
            "resent": RESENT,
            "at": fixes.at,
            "longitude": fixes.longitude,
            "latitude": fixes.latitude,
            "accuracy_metres": fixes.accuracy_metres,
            "speed_metres_per_second": fixes.speed_metres_per_second,
            "sequence": fixes.sequence,
        },
    )
    return {(at, longitude, latitude) for at, longitude, latitude in found}


async def raw(work: UnitOfWork, technician_id: UUID, since: datetime) -> Sequence[Any]:
    """The fixes since an instant, as rows: at, longitude, latitude, accuracy, speed, sequence."""
    values = {"organization": work.viewer.organization_id, "technician": technician_id, "since": since}
    rows: Sequence[Any] = (await _execute(work, RAW, values)).all()
    return rows


async def watched(work: UnitOfWork, technician_id: UUID, since: datetime) -> list[Watched]:
    """The visits they lead and are dispatched to, are at, or have ended since then; in the plan's order."""
    states = or_(
        col(Visit.state).in_((*PRESENT, VisitState.EN_ROUTE)),
        and_(
            col(Visit.state) == VisitState.DISPATCHED,
            col(Visit.planned_start) > work.at - FORGOTTEN,
        ),
        and_(col(Visit.state).in_(ENDED), col(Visit.ended_at) >= since),
    )
    statement = (
        select(Visit, Site, Arrival, Eta)
        .join(Assignment, _same(Assignment, Assignment.visit_id == Visit.id))
        .join(Site, _same(Site, Site.id == Visit.site_id))
        .outerjoin(Arrival, _same(Arrival, Arrival.visit_id == Visit.id))
        .outerjoin(Eta, _same(Eta, Eta.visit_id == Visit.id))
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.is_lead),
            col(Assignment.state) == AssignmentState.ACCEPTED,
            states,
        )
        .order_by(col(Visit.planned_start), col(Visit.id))
    )
    return [Watched(*row) for row in (await work.session.exec(statement)).all()]


async def locked(work: UnitOfWork, keys: Sequence[UUID]) -> dict[UUID, Visit]:
    """The visits that are about to change, as they are now, locked in the order of their ids."""
    statement = (
        select(Visit)
        .where(col(Visit.id).in_(keys))
        .order_by(col(Visit.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {visit.id: visit for visit in (await work.session.exec(statement)).all()}


async def journey(work: UnitOfWork, visit: Visit) -> Journey | None:
    """What an ETA is computed from; None where nobody leads the visit."""
    statement = (
        select(Technician, Site, PositionCurrent, Eta)
        .join(Assignment, _same(Assignment, Assignment.technician_id == Technician.id, Technician))
        .join(Site, _same(Site, Site.id == visit.site_id, Technician))
        .outerjoin(
            PositionCurrent,
            _same(PositionCurrent, PositionCurrent.technician_id == Technician.id, Technician),
        )
        .outerjoin(Eta, _same(Eta, Eta.visit_id == visit.id, Technician))
        .where(
            Assignment.visit_id == visit.id,
            col(Assignment.is_lead),
            col(Assignment.state) == AssignmentState.ACCEPTED,
        )
    )
    row = (await work.session.exec(statement)).one_or_none()
    return None if row is None else Journey(*row)


async def later(
    work: UnitOfWork, technician_id: UUID, after: datetime, until: datetime
) -> Sequence[tuple[Visit, Site, Eta | None]]:
    """The technician's visits that are still planned for the rest of a day, with what was told of them."""
    statement = (
        select(Visit, Site, Eta)
        .join(Assignment, _same(Assignment, Assignment.visit_id == Visit.id))
        .join(Site, _same(Site, Site.id == Visit.site_id))
        .outerjoin(Eta, _same(Eta, Eta.visit_id == Visit.id))
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.is_lead),
            col(Assignment.state) == AssignmentState.ACCEPTED,
            col(Visit.state).in_((VisitState.SCHEDULED, VisitState.DISPATCHED)),
            col(Visit.planned_start) > after,
            col(Visit.planned_start) <= until,
        )
        .order_by(col(Visit.planned_start), col(Visit.id))
    )
    return [(visit, site, eta) for visit, site, eta in (await work.session.exec(statement)).all()]


async def silent(work: UnitOfWork) -> list[UUID]:
    """The technicians of this organization whose silence now says something that was not yet heard."""
    values = {"organization": work.viewer.organization_id, "at": work.at.timestamp()}
    return list((await _execute(work, SILENT, values)).scalars())


async def organizations(connection: AsyncConnection) -> list[UUID]:
    """Every organization that the log knows, asked as fieldgraph_system for the rest of the transaction."""
    await connection.execute(literal("SET LOCAL ROLE fieldgraph_system"))
    return list((await connection.execute(ORGANIZATIONS)).scalars())


async def _execute(work: UnitOfWork, statement: TextClause, values: dict[str, Any]) -> Any:
    """SQL as written, in the unit's transaction; SQLModel's session takes only its own selects."""
    return await (await work.session.connection()).execute(statement, values)


def _same(table: Any, condition: Any, other: Any = Visit) -> Any:
    """A join within one organization."""
    return and_(condition, table.organization_id == other.organization_id)


FIRST = literal(
    "INSERT INTO position_current (organization_id, id, version, created_at, updated_at, technician_id)"
    " VALUES (:organization, :id, 1, :at, :at, :technician)"
    " ON CONFLICT (organization_id, technician_id) DO NOTHING"
)
PERIODS = literal(
    "SELECT starts_at, ends_at, FALSE FROM shift WHERE organization_id = :organization"
    " AND technician_id = :technician AND starts_at <= :end AND ends_at >= :start UNION ALL"
    " SELECT starts_at, ends_at, TRUE FROM absence WHERE organization_id = :organization"
    " AND technician_id = :technician AND starts_at <= :end AND ends_at >= :start"
)
RAW = literal(
    "SELECT at, longitude, latitude, accuracy_metres, speed_metres_per_second, sequence FROM position"
    " WHERE organization_id = :organization AND technician_id = :technician AND at >= :since"
)
STORE = literal(
    "INSERT INTO position (organization_id, technician_id, at, longitude, latitude, accuracy_metres,"
    " speed_metres_per_second, sequence, received_at)"
    " SELECT :organization, :technician, fix.*, :received_at FROM unnest(CAST(:at AS timestamptz[]),"
    " CAST(:longitude AS float8[]), CAST(:latitude AS float8[]), CAST(:accuracy_metres AS float8[]),"
    " CAST(:speed_metres_per_second AS float8[]), CAST(:sequence AS int[]))"
    " AS fix (at, longitude, latitude, accuracy_metres, speed_metres_per_second, sequence)"
    " WHERE NOT EXISTS (SELECT 1 FROM position known WHERE known.organization_id = :organization"
    " AND known.technician_id = :technician AND known.sequence = fix.sequence"
    " AND known.at BETWEEN fix.at - CAST(:resent AS interval) AND fix.at + CAST(:resent AS interval))"
    " ON CONFLICT DO NOTHING RETURNING at, longitude, latitude"
)
# 60 s of silence may confirm an arrival, 180 s a departure (realtime/fences.py). A clock that has spoken
# since then (`settled_at`) would only repeat itself.
SILENT = literal(
    "SELECT technician_id FROM position_current current"
    " CROSS JOIN LATERAL (SELECT extract(epoch FROM current.at)"
    " + CASE WHEN machine @? '$.presences.*.state ? (@ == \"INSIDE_PENDING\")' THEN 60 ELSE 180 END AS first,"
    " extract(epoch FROM current.at) + CASE WHEN machine @?"
    " '$.presences.*.state ? (@ == \"OUTSIDE_PENDING\")' THEN 180 ELSE 60 END AS final,"
    " coalesce(CAST(machine->>'settled_at' AS float8), 0) AS settled_at) due"
    " WHERE organization_id = :organization AND machine @?"
    ' \'$.presences.*.state ? (@ == "INSIDE_PENDING" || @ == "OUTSIDE_PENDING")\''
    " AND ((:at >= due.first AND due.settled_at < due.first)"
    " OR (:at >= due.final AND due.settled_at < due.final)) ORDER BY technician_id"
)
# A loose index scan: one step per organization, however long the log.
ORGANIZATIONS = literal(
    "WITH RECURSIVE known AS ((SELECT organization_id FROM event ORDER BY organization_id LIMIT 1)"
    " UNION ALL SELECT (SELECT organization_id FROM event WHERE organization_id > known.organization_id"
    " ORDER BY organization_id LIMIT 1) FROM known WHERE known.organization_id IS NOT NULL)"
    " SELECT organization_id FROM known WHERE organization_id IS NOT NULL"
)
