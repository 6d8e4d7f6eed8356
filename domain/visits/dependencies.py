"""Dependencies: a visit that waits for another's end, shares its day or its technician."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy import text as literal
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain.errors import Conflict, Invalid, InvalidTransition, OutsideWindow
from domain.sites import Site
from domain.unit_of_work import UnitOfWork
from domain.visits import links
from domain.visits.links import STANDING, finish_of
from domain.visits.rows import FINAL, DependencyKind, Visit, VisitDependency, VisitState
from domain.visits.steps import announce, crew, people, scope, snapshot, touch

LONGEST_GAP_SECONDS = 366 * 86_400
NOT_BEGUN = (VisitState.UNSCHEDULED, *STANDING)
ONE_AT_A_TIME = literal(
    "SELECT pg_advisory_xact_lock(hashtextextended('dependencies of ' || :organization, 0))"
)
WAITS_FOR = literal(
    "WITH RECURSIVE ahead (id) AS (SELECT CAST(:visit AS uuid) UNION SELECT d.predecessor_id"
    " FROM visit_dependency d JOIN ahead ON d.successor_id = ahead.id"
    " WHERE d.organization_id = :organization) SELECT 1 FROM ahead WHERE id = :other"
)


async def check_begin(work: UnitOfWork, visit: Visit) -> None:
    """The work begins after what it waits for has ended, by the gap. Raises InvalidTransition."""
    async with work.unscoped():
        statement = (
            select(VisitDependency, Visit)
            .join(
                Visit,
                and_(
                    col(Visit.organization_id) == VisitDependency.organization_id,
                    col(Visit.id) == VisitDependency.predecessor_id,
                ),
            )
            .where(
                col(VisitDependency.successor_id) == visit.id,
                col(VisitDependency.kind) == DependencyKind.FINISH_START,
                col(Visit.state) != VisitState.CANCELLED,
            )
        )
        rows = (await work.session.exec(statement)).all()
    for row, other in rows:
        ended = finish_of(other) if other.state in FINAL else None
        if ended is None or work.at < ended + timedelta(seconds=row.gap_seconds):
            raise InvalidTransition("The visit that it waits for has not ended, or not long enough.", "visit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is to wait for what."""

    predecessor_id: UUID
    successor_id: UUID
    kind: DependencyKind = DependencyKind.FINISH_START
    gap_seconds: int = 0


async def add_dependency(work: UnitOfWork, pair: Pair) -> VisitDependency:
    """One visit waits for another, or goes with it. Raises Invalid, Conflict, or as scheduling it would."""
    await work.find(Visit, pair.predecessor_id, "predecessor")
    await work.find(Visit, pair.successor_id, "successor")
    _check_pair(pair)
    organization = work.viewer.organization_id
    await work.session.execute(ONE_AT_A_TIME, {"organization": str(organization)})
    rows = await work.lock(Visit, {pair.predecessor_id, pair.successor_id})
    first, second = rows[pair.predecessor_id], rows[pair.successor_id]
    if first.state == VisitState.CANCELLED:
        raise InvalidTransition("Nothing waits for a visit that is CANCELLED.", "predecessor")
    if second.state not in NOT_BEGUN:
        raise InvalidTransition(f"A visit that is {second.state} waits for nothing.", "successor")
    await _check_new(work, pair)
    row = work.add(VisitDependency(**{name: getattr(pair, name) for name in PAIR}))
    await work.session.flush()
    await _check_standing(work, second)
    await _tell(work, second, row, "DependencyAdded")
    return row


PAIR = ("predecessor_id", "successor_id", "kind", "gap_seconds")


def _check_pair(pair: Pair) -> None:
    if pair.predecessor_id == pair.successor_id:
        raise Invalid("No visit waits for itself.", "successor")
    if not 0 <= pair.gap_seconds <= LONGEST_GAP_SECONDS:
        raise Invalid("A gap is from nothing to 366 days.", "gap")
    if pair.gap_seconds and pair.kind != DependencyKind.FINISH_START:
        raise Invalid("A gap lies between an end and a start.", "gap")


async def _check_new(work: UnitOfWork, pair: Pair) -> None:
    same = select(VisitDependency.id).where(
        col(VisitDependency.predecessor_id) == pair.predecessor_id,
        col(VisitDependency.successor_id) == pair.successor_id,
        col(VisitDependency.kind) == pair.kind,
    )
    if (await work.session.exec(same)).first() is not None:
        raise Conflict("It depends on that visit in this way already.", "successor")
    found = await work.session.execute(
        WAITS_FOR,
        {
            "organization": work.viewer.organization_id,
            "visit": pair.predecessor_id,
            "other": pair.successor_id,
        },
    )
    if found.first() is not None:
        raise Invalid("They would wait for each other.", "successor")


async def _check_standing(work: UnitOfWork, successor: Visit) -> None:
    """Where it stands already, it stands where the new dependency lets it."""
    start, end = successor.planned_start, successor.planned_end
    led = next(iter(await crew(work, successor)), None)
    if start is None or end is None or led is None:
        return
    site = await work.find(Site, successor.site_id)
    spot = links.Spot(start, end, led.technician_id, ZoneInfo(site.time_zone))
    try:
        (await links.read(work, [successor.id])).check(successor, spot)
    except (OutsideWindow, InvalidTransition, Invalid) as error:
        raise type(error)(error.message, "successor") from None


async def remove_dependency(work: UnitOfWork, dependency_id: UUID) -> Visit:
    """It waits for that visit no longer. Answers with the visit that did."""
    # The visit first, as every verb that looks at what a visit waits for.
    found = await work.find(VisitDependency, dependency_id, "visitDependency")
    visit = await work.get(Visit, found.successor_id)
    row = await work.get(VisitDependency, dependency_id, "visitDependency")
    await work.session.delete(row)
    await _tell(work, visit, row, "DependencyRemoved")
    return visit


async def hand_over(work: UnitOfWork, visit: Visit, follow_up: Visit) -> None:
    """What waits for a visit that left something to do waits for its follow-up too. Seen unscoped."""
    statement = (
        select(VisitDependency)
        .join(
            Visit,
            and_(
                col(Visit.organization_id) == VisitDependency.organization_id,
                col(Visit.id) == VisitDependency.successor_id,
            ),
        )
        .where(
            col(VisitDependency.predecessor_id) == visit.id,
            col(VisitDependency.kind) == DependencyKind.FINISH_START,
            col(Visit.state).in_((*NOT_BEGUN, VisitState.EN_ROUTE, VisitState.ARRIVED)),
        )
        .order_by(col(VisitDependency.id))
    )
    for row in (await work.session.exec(statement)).all():
        values = {name: getattr(row, name) for name in PAIR}
        work.add(VisitDependency(**{**values, "predecessor_id": follow_up.id}))


async def warn(work: UnitOfWork, visit: Visit) -> None:
    """Told for each visit that stands and waits for one that is to be planned anew. Seen unscoped."""
    statement = (
        select(Visit)
        .join(
            VisitDependency,
            and_(
                col(VisitDependency.organization_id) == Visit.organization_id,
                col(VisitDependency.successor_id) == Visit.id,
            ),
        )
        .where(
            col(VisitDependency.predecessor_id) == visit.id,
            col(VisitDependency.kind) == DependencyKind.FINISH_START,
            col(Visit.state).in_(STANDING),
        )
        .order_by(col(Visit.id))
    )
    for other in (await work.session.exec(statement)).all():
        assignments = await crew(work, other)
        scopes = (scope(other, people(assignments)),) * 2
        before, values = snapshot(other, assignments), {"predecessor_id": visit.id}
        announce(work, other, "PredecessorUnscheduled", before=before, scopes=scopes, values=values)


async def bound(work: UnitOfWork, visit_ids: Collection[UUID]) -> set[UUID]:
    """Those of the visits that a plan may neither place nor move: it does not know what they wait for.

    Who waits, until that is over; and what is waited for by a visit that stands in the schedule.
    """
    first, second = aliased(Visit), aliased(Visit)
    statement = (
        select(VisitDependency, first, second)
        .join(first, _end(first, VisitDependency.predecessor_id))
        .join(second, _end(second, VisitDependency.successor_id))
        .where(
            or_(
                col(VisitDependency.predecessor_id).in_(visit_ids),
                col(VisitDependency.successor_id).in_(visit_ids),
            )
        )
    )
    found: set[UUID] = set()
    for row, ahead, after in (await work.session.exec(statement)).all():
        if not _is_over(row, ahead, work.at):
            found.add(after.id)
        if after.state in STANDING:
            found.add(ahead.id)
    return found


def _end(visit: type[Visit], key: UUID) -> ColumnElement[bool]:
    return and_(col(visit.organization_id) == VisitDependency.organization_id, col(visit.id) == key)


def _is_over(row: VisitDependency, ahead: Visit, at: datetime) -> bool:
    if ahead.state == VisitState.CANCELLED:
        return True
    over = finish_of(ahead) if ahead.state in FINAL else None
    waits = row.kind == DependencyKind.FINISH_START
    return waits and over is not None and over + timedelta(seconds=row.gap_seconds) <= at


async def _tell(work: UnitOfWork, successor: Visit, row: VisitDependency, type: str) -> None:
    assignments = await crew(work, successor)
    scopes = (scope(successor, people(assignments)),) * 2
    values = {name: getattr(row, name) for name in PAIR}
    announce(work, successor, type, before=snapshot(successor, assignments), scopes=scopes, values=values)
    touch(successor)
