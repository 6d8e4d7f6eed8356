"""Working times: the shifts of some technicians and the holes in them, as a rule asks for them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain.errors import OffShift
from domain.technicians.rows import Absence, Shift
from domain.unit_of_work import UnitOfWork

Hours = TypeVar("Hours", Shift, Absence)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTimes:
    """The shifts of some technicians and the holes in them, as far as they touch a period."""

    shifts: Mapping[UUID, Sequence[Shift]]
    absences: Mapping[UUID, Sequence[Absence]]

    def check(self, technician_id: UUID, start: datetime, end: datetime) -> None:
        """The whole time lies within one shift and touches no absence. Raises OffShift.

        A time without length is an instant: from an absence's start, and before its end, they are absent.
        """
        shifts = self.shifts.get(technician_id, ())
        if not any(shift.starts_at <= start and shift.ends_at >= end for shift in shifts):
            raise OffShift("The technician is not on shift at that time.", "start")
        absences = self.absences.get(technician_id, ())
        if any(
            hole.ends_at > start and (hole.starts_at < end or hole.starts_at == start) for hole in absences
        ):
            raise OffShift("The technician is absent at that time.", "start")


async def working_times(
    work: UnitOfWork, technician_ids: Collection[UUID], start: datetime, end: datetime
) -> WorkingTimes:
    shifts: dict[UUID, list[Shift]] = defaultdict(list)
    for shift in (await work.session.exec(_touching(Shift, technician_ids, start, end))).all():
        shifts[shift.technician_id].append(shift)
    absences: dict[UUID, list[Absence]] = defaultdict(list)
    for absence in (await work.session.exec(_touching(Absence, technician_ids, start, end))).all():
        absences[absence.technician_id].append(absence)
    return WorkingTimes(shifts=shifts, absences=absences)


def _touching(
    table: type[Hours], technician_ids: Collection[UUID], start: datetime, end: datetime
) -> SelectOfScalar[Hours]:
    return select(table).where(
        col(table.technician_id).in_(technician_ids),
        col(table.starts_at) <= end,
        col(table.ends_at) >= start,
    )


async def check_shift(work: UnitOfWork, technician_id: UUID, start: datetime, end: datetime) -> None:
    """The whole time lies within one shift and touches no absence. Raises OffShift."""
    (await working_times(work, [technician_id], start, end)).check(technician_id, start, end)
