"""Capacities: how much a subcontractor takes on in a day, counted over all that is given to them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select

from domain import organizations
from domain.errors import OverCapacity
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits import Assignment, AssignmentState

HELD = (AssignmentState.OFFERED, AssignmentState.ACCEPTED)


class Taken(NamedTuple):
    """What somebody has taken on: a visit, from when to when."""

    technician_id: UUID
    visit_id: UUID
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return round((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacities:
    """Those of some technicians that have one, and what they have taken on already by day.

    A day is one of the organization's zone, as a plan's is: a working day may lead through several zones.
    """

    limits: Mapping[UUID, Technician]
    zone: tzinfo = UTC
    taken: dict[tuple[UUID, date], list[int]] = field(default_factory=lambda: defaultdict(list))
    """(Technician, day) → the seconds of each visit."""

    def check(self, technician_id: UUID, start: datetime, seconds: int) -> None:
        """Whether one more has room. Raises OverCapacity."""
        technician = self.limits.get(technician_id)
        if technician is None:
            return
        day = start.astimezone(self.zone).date()
        taken = self.taken[technician_id, day]
        if (most := technician.max_visits_per_day) is not None and len(taken) >= most:
            raise OverCapacity(f"{technician.name} takes on {most} visits a day, and {day} is full.", "start")
        minutes = technician.max_minutes_per_day
        if minutes is not None and sum(taken) + seconds > minutes * 60:
            left = max(0, minutes - sum(taken) // 60)
            raise OverCapacity(
                f"{technician.name} takes on {minutes} minutes a day; on {day} {left} are left.", "start"
            )

    def take(self, technician_id: UUID, start: datetime, seconds: int) -> None:
        """Counts one that was given to them."""
        if technician_id in self.limits:
            self.taken[technician_id, start.astimezone(self.zone).date()].append(seconds)


def limited(technicians: Iterable[Technician]) -> dict[UUID, Technician]:
    return {
        one.id: one
        for one in technicians
        if one.max_visits_per_day is not None or one.max_minutes_per_day is not None
    }


async def read(
    work: UnitOfWork,
    technicians: Iterable[Technician],
    starts: Collection[datetime],
    *,
    but: Collection[UUID] = (),
) -> Capacities:
    """As of now, of technicians who are locked: nobody else gives them anything meanwhile.

    `starts` are about when it will be asked; `but` are visits that are on their way elsewhere.
    """
    limits = limited(technicians)
    if not limits or not starts:
        return Capacities(limits=limits)
    day = timedelta(days=2)
    capacities = Capacities(limits=limits, zone=await organizations.home_zone(work))
    period = (min(starts).astimezone(UTC) - day, max(starts).astimezone(UTC) + day)
    for row in await taken(work, limits, period):
        if row.visit_id not in but:
            capacities.take(row.technician_id, row.start, row.seconds)
    return capacities


async def taken(
    work: UnitOfWork, technician_ids: Collection[UUID], period: tuple[datetime, datetime]
) -> list[Taken]:
    """All that begins in a period and is theirs, done or not, by one statement."""
    statement = select(
        Assignment.technician_id, Assignment.visit_id, Assignment.planned_start, Assignment.planned_end
    ).where(
        col(Assignment.technician_id).in_(technician_ids),
        col(Assignment.state).in_(HELD),
        col(Assignment.planned_start) >= period[0],
        col(Assignment.planned_start) < period[1],
    )
    return [Taken(*row) for row in (await work.session.exec(statement)).all()]
