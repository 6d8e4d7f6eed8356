"""Technicians: who does the work, what they can, when they are there."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import col, select

from domain.errors import OffShift
from domain.rows import Row, between, in_order, money, one_of, refers, text, timestamp
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

    __table_args__ = (UniqueConstraint("organization_id", "name"),)
    name: str = text()


class Technician(Row, table=True):
    """An employee or subcontractor. `hourly_cost` is what an hour of theirs costs the company."""

    __table_args__ = (
        one_of("kind", TechnicianKind),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("hourly_cost >= 0", name="hourly_cost"),
        *refers(territory_id="territory"),
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
        Index(None, "organization_id", "starts_at"),
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
        *refers(technician_id="technician"),
    )
    technician_id: UUID
    starts_at: datetime = timestamp()
    ends_at: datetime = timestamp()
    reason: AbsenceReason = text()


async def check_shift(work: UnitOfWork, technician_id: UUID, start: datetime, end: datetime) -> None:
    """The whole time lies within one shift and touches no absence."""
    shifts = select(Shift.id).where(
        Shift.technician_id == technician_id, col(Shift.starts_at) <= start, col(Shift.ends_at) >= end
    )
    if (await work.session.exec(shifts.limit(1))).first() is None:
        raise OffShift("The technician is not on shift at that time.", "start")
    absences = select(Absence.id).where(
        Absence.technician_id == technician_id, col(Absence.starts_at) < end, col(Absence.ends_at) > start
    )
    if start < end and (await work.session.exec(absences.limit(1))).first() is not None:
        raise OffShift("The technician is absent at that time.", "start")
