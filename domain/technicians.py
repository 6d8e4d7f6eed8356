"""Technicians: who does the work, what they can, when they are there."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from domain import inputs, outlines
from domain.errors import Conflict, OffShift
from domain.events import Event, Scope
from domain.inputs import Check
from domain.organizations import Organization
from domain.rows import Row, between, in_order, money, one_of, refers, searched, text, timestamp
from domain.sites import Territory
from domain.unit_of_work import UnitOfWork


class TechnicianKind(StrEnum):
    """On what terms a technician works for the company."""

    EMPLOYEE = "EMPLOYEE"
    SUBCONTRACTOR = "SUBCONTRACTOR"


class AbsenceReason(StrEnum):
    """Why a technician is not there."""

    SICK = "SICK"
    HOLIDAY = "HOLIDAY"
    TRAINING = "TRAINING"
    OTHER = "OTHER"


class Skill(Row, table=True):
    """Something a technician can do, to a level from 1 to 5."""

    __table_args__ = (UniqueConstraint("organization_id", "name"), *searched("name"))
    name: str = text()


class Technician(Row, table=True):
    """An employee or subcontractor. `hourly_cost` is what an hour of theirs costs the company."""

    __table_args__ = (
        one_of("kind", TechnicianKind),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("hourly_cost >= 0", name="hourly_cost"),
        *refers(territory_id="territory"),
        *searched("code", "name", "phone"),
    )
    code: str = text()
    name: str = text()
    kind: TechnicianKind = text(default=TechnicianKind.EMPLOYEE)
    phone: str | None = text(default=None)
    territory_id: UUID | None = None
    home_longitude: float
    home_latitude: float
    hourly_cost: Decimal = money()
    currency: str = text(default="EUR")

    def scope(self) -> Scope:
        return Scope(technicians=(self.id,), territories=(self.territory_id,) if self.territory_id else ())


class TechnicianSkill(Row, table=True):
    """A technician's level in a skill. After `certified_until` (a date) the skill no longer counts."""

    __table_args__ = (
        between("level", 1, 5),
        UniqueConstraint("organization_id", "technician_id", "skill_id"),
        *refers(technician_id="technician", skill_id="skill"),
    )
    technician_id: UUID
    skill_id: UUID
    level: int = 1
    certified_until: date | None = None


class Shift(Row, table=True):
    """Working time. A break of `break_seconds` starts between `break_earliest` and `break_latest`."""

    __table_args__ = (
        in_order("starts_at", "ends_at"),
        Index(None, "organization_id", "starts_at", "id"),
        *refers(technician_id="technician"),
    )
    technician_id: UUID
    starts_at: datetime = timestamp()
    ends_at: datetime = timestamp()
    break_earliest: datetime | None = timestamp(default=None)
    break_latest: datetime | None = timestamp(default=None)
    break_seconds: int = 0


class Absence(Row, table=True):
    """A hole in a technician's working time."""

    __table_args__ = (
        one_of("reason", AbsenceReason),
        in_order("starts_at", "ends_at"),
        Index(None, "organization_id", "starts_at", "id"),
        *refers(technician_id="technician"),
    )
    technician_id: UUID
    starts_at: datetime = timestamp()
    ends_at: datetime = timestamp()
    reason: AbsenceReason = text()


Hours = TypeVar("Hours", Shift, Absence)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTimes:
    """The shifts of some technicians and the holes in them, as far as they touch a period."""

    shifts: Mapping[UUID, Sequence[Shift]]
    absences: Mapping[UUID, Sequence[Absence]]

    def check(self, technician_id: UUID, start: datetime, end: datetime) -> None:
        """The whole time lies within one shift and touches no absence. Raises OffShift."""
        shifts = self.shifts.get(technician_id, ())
        if not any(shift.starts_at <= start and shift.ends_at >= end for shift in shifts):
            raise OffShift("The technician is not on shift at that time.", "start")
        absences = self.absences.get(technician_id, ())
        if start < end and any(hole.starts_at < end and hole.ends_at > start for hole in absences):
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


TECHNICIAN: Mapping[str, Check] = {
    "code": inputs.words(30),
    "name": inputs.words(),
    "kind": inputs.any_of(TechnicianKind),
    "phone": inputs.phone,
    "home": outlines.place,
    "territory_id": lambda value: value,
    "hourly_cost": inputs.price,
}
"""What may be said of a technician, by column; `home` is (longitude, latitude)."""


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> Technician:
    """A new technician, who costs in the organization's currency. Raises Invalid, NotFound or Conflict."""
    kept = await _kept(work, values)
    await _unused(work, kept["code"])
    organization = await work.session.get(Organization, work.viewer.organization_id)
    technician = work.add(Technician(**kept, currency=organization.currency if organization else "EUR"))
    await work.session.flush()
    _announce(work, technician, "TechnicianCreated", scope_before=technician.scope())
    return technician


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Technician:
    """Changes what is named and differs. Raises NotFound, Invalid or Conflict."""
    technician = await work.get(Technician, key, "technician")
    inputs.check_version(technician, expected_version)
    kept, scope = await _kept(work, values), technician.scope()
    if kept.get("code", technician.code) != technician.code:
        await _unused(work, kept["code"])
    if before := inputs.write(technician, kept):
        await work.session.flush()
        # The names only: what a person is called, costs or where they live is not the log's to keep.
        _announce(work, technician, "TechnicianChanged", dict.fromkeys(before), scope_before=scope)
    return technician


async def _kept(work: UnitOfWork, values: Mapping[str, Any]) -> dict[str, Any]:
    kept = inputs.checked(values, TECHNICIAN)
    if "home" in kept:
        kept["home_longitude"], kept["home_latitude"] = kept.pop("home")
    if kept.get("territory_id") is not None:
        await work.find(Territory, kept["territory_id"], "territory")
    return kept


async def _unused(work: UnitOfWork, code: str) -> None:
    if await work.owner(Technician, "code", code):
        raise Conflict("Another technician has that code.", "code")


def _announce(
    work: UnitOfWork,
    row: Technician,
    type: str,
    before: Mapping[str, Any] | None = None,
    *,
    scope_before: Scope,
) -> None:
    work.emit(
        Event(
            type=type,
            topic="technician",
            subject=row,
            before=before or {},
            scope_before=scope_before,
            scope_after=row.scope(),
        )
    )
