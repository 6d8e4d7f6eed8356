"""Links: what some visits wait for and what waits for them, as the rules of scheduling look at it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_
from sqlmodel import col, select

from domain.errors import Invalid, InvalidTransition, OutsideWindow
from domain.sites import Site
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import FINAL, LIVE, Assignment, DependencyKind, Visit, VisitDependency, VisitState

STANDING = (VisitState.SCHEDULED, VisitState.DISPATCHED)


class Link(NamedTuple):
    """A dependency with the visit at its other end, who leads that one, and the zone of its site."""

    row: VisitDependency
    other: Visit
    technician_id: UUID | None
    zone: ZoneInfo


class Spot(NamedTuple):
    """Where a visit is to stand, in the zone of its site."""

    start: datetime
    end: datetime
    technician_id: UUID
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Links:
    """What some visits wait for, and what waits for them."""

    waits_for: Mapping[UUID, Sequence[Link]]
    awaited_by: Mapping[UUID, Sequence[Link]]

    def check(self, visit: Visit, spot: Spot) -> None:
        """Raises OutsideWindow, Invalid (for the technician) or InvalidTransition."""
        for link in self.waits_for.get(visit.id, ()):
            if link.other.state != VisitState.CANCELLED:
                _check_after(link, spot)
        for link in self.awaited_by.get(visit.id, ()):
            if link.other.state in STANDING:
                _check_before(link, spot)

    def check_free(self, visit: Visit) -> None:
        """Whether nothing stands in the schedule that waits for the visit's end. Raises InvalidTransition."""
        for link in self.awaited_by.get(visit.id, ()):
            if link.other.state in STANDING and link.row.kind == DependencyKind.FINISH_START:
                raise InvalidTransition("A visit that waits for it is scheduled: move that first.", "visit")


async def read(work: UnitOfWork, visit_ids: Collection[UUID]) -> Links:
    """The dependencies are locked, so that two units do not move both ends at once."""
    statement = select(VisitDependency).where(
        or_(
            col(VisitDependency.predecessor_id).in_(visit_ids),
            col(VisitDependency.successor_id).in_(visit_ids),
        )
    )
    rows = (await work.session.exec(statement.order_by(col(VisitDependency.id)).with_for_update())).all()
    if not rows:
        return Links({}, {})
    ends = await _ends(work, {key for row in rows for key in (row.predecessor_id, row.successor_id)})
    waits_for: dict[UUID, list[Link]] = {}
    awaited_by: dict[UUID, list[Link]] = {}
    for row in rows:
        waits_for.setdefault(row.successor_id, []).append(Link(row, *ends[row.predecessor_id]))
        awaited_by.setdefault(row.predecessor_id, []).append(Link(row, *ends[row.successor_id]))
    return Links(waits_for, awaited_by)


async def _ends(
    work: UnitOfWork, visit_ids: Collection[UUID]
) -> dict[UUID, tuple[Visit, UUID | None, ZoneInfo]]:
    statement = (
        select(Visit, col(Assignment.technician_id), Site.time_zone)
        .join(Site, and_(col(Site.organization_id) == Visit.organization_id, col(Site.id) == Visit.site_id))
        .outerjoin(
            Assignment,
            and_(
                col(Assignment.organization_id) == Visit.organization_id,
                col(Assignment.visit_id) == Visit.id,
                col(Assignment.is_lead),
                col(Assignment.state).in_(LIVE),
            ),
        )
        .where(col(Visit.id).in_(visit_ids))
        .execution_options(populate_existing=True)
    )
    rows = (await work.session.exec(statement)).all()
    return {visit.id: (visit, technician_id, ZoneInfo(zone)) for visit, technician_id, zone in rows}


def _check_after(link: Link, spot: Spot) -> None:
    other, kind = link.other, link.row.kind
    if kind == DependencyKind.FINISH_START:
        finish = finish_of(other)
        if finish is None:
            raise InvalidTransition("The visit that it waits for is not scheduled.", "visit")
        earliest = finish + timedelta(seconds=link.row.gap_seconds)
        if spot.start < earliest:
            raise OutsideWindow(f"It waits for another visit, until {earliest:%Y-%m-%d %H:%M} UTC.", "start")
    else:
        _check_shared(link, spot)


def _check_before(link: Link, spot: Spot) -> None:
    other, start = link.other, link.other.planned_start
    if link.row.kind != DependencyKind.FINISH_START:
        _check_shared(link, spot)
    elif start is not None and spot.end + timedelta(seconds=link.row.gap_seconds) > start:
        raise OutsideWindow(
            f"A visit that waits for it starts at {other.planned_start:%Y-%m-%d %H:%M} UTC.", "start"
        )


def _check_shared(link: Link, spot: Spot) -> None:
    start = link.other.planned_start
    if link.row.kind == DependencyKind.SAME_TECHNICIAN:
        if link.technician_id not in {None, spot.technician_id}:
            raise Invalid("Who leads the visit it goes with leads this one too.", "technician")
    elif start is not None:
        day = start.astimezone(link.zone).date()
        if spot.start.astimezone(spot.zone).date() != day:
            raise OutsideWindow(f"It is on the day of the visit it goes with, {day}.", "start")


def finish_of(visit: Visit) -> datetime | None:
    """When a visit has ended, or is planned to."""
    if visit.state in FINAL:
        return visit.ended_at or visit.arrived_at or visit.updated_at
    return visit.planned_end
