"""Technicians as rows: who does the work, what they can and by which certificates, when they are there."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field

from domain.events import Scope
from domain.rows import Row, between, in_order, money, one_of, refers, searched, text, timestamp

WALL_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
UNSAID = {"server_default": literal("false")}
"""The previous release writes skills without this column."""


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


class CertificationState(StrEnum):
    """Whether a certificate still proves its skill: VALID → EXPIRING → EXPIRED, by time alone."""

    VALID = "VALID"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"


class Skill(Row, table=True):
    """Something a technician can do, to a level from 1 to 5; some of them only with a certificate."""

    __table_args__ = (UniqueConstraint("organization_id", "name"), *searched("name"))
    name: str = text()
    requires_certification: bool = Field(default=False, sa_column_kwargs=UNSAID)


class Technician(Row, table=True):
    """An employee or subcontractor. The costs are what an hour, an hour of overtime, a kilometre takes.

    `max_…_per_day` is what a subcontractor takes on at most on a day of the organization's zone. One with
    `archived_at` is kept for what was, and gets nothing new.
    """

    __table_args__ = (
        one_of("kind", TechnicianKind),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("hourly_cost >= 0", name="hourly_cost"),
        CheckConstraint("overtime_hourly_cost >= 0", name="overtime_hourly_cost"),
        CheckConstraint("kilometre_cost >= 0", name="kilometre_cost"),
        CheckConstraint("max_visits_per_day > 0", name="max_visits_per_day"),
        CheckConstraint("max_minutes_per_day > 0", name="max_minutes_per_day"),
        CheckConstraint(
            "kind = 'SUBCONTRACTOR' OR (max_visits_per_day IS NULL AND max_minutes_per_day IS NULL)",
            name="capacity",
        ),
        CheckConstraint("vehicle_name IS NULL OR vehicle_registration IS NOT NULL", name="vehicle"),
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
    overtime_hourly_cost: Decimal | None = money(default=None)
    kilometre_cost: Decimal | None = money(default=None)
    currency: str = text(default="EUR")
    vehicle_registration: str | None = text(default=None)
    vehicle_name: str | None = text(default=None)
    max_visits_per_day: int | None = None
    max_minutes_per_day: int | None = None
    archived_at: datetime | None = timestamp(default=None)

    def scope(self) -> Scope:
        territories = (self.territory_id,) if self.territory_id else ()
        return Scope(technicians=(self.id,), territories=territories)


class TechnicianSkill(Row, table=True):
    """A technician's level in a skill.

    `certified_until` is the last day of their certificates for it, null where there are none or one does not
    end: the previous release reads it in the place of certifications.
    """

    __table_args__ = (
        between("level", 1, 5),
        UniqueConstraint("organization_id", "technician_id", "skill_id"),
        *refers(technician_id="technician", skill_id="skill"),
    )
    technician_id: UUID
    skill_id: UUID
    level: int = 1
    certified_until: date | None = None


class Certification(Row, table=True):
    """A dated proof of a skill, good from `issued_on` to `valid_until`, both included, until it is revoked.

    `expiring_at` and `expires_at` are when it is about to end and has ended, by the organization's zone;
    `told` is what of it the log has told already.
    """

    __table_args__ = (
        CheckConstraint("valid_until >= issued_on", name="valid_until"),
        CheckConstraint("(valid_until IS NULL) = (expires_at IS NULL)", name="expires_at"),
        CheckConstraint("(expires_at IS NULL) = (expiring_at IS NULL)", name="expiring_at"),
        CheckConstraint("told IN ('EXPIRING', 'EXPIRED')", name="told"),
        UniqueConstraint("organization_id", "technician_id", "skill_id", "number"),
        Index(None, "organization_id", "valid_until", "id"),
        Index(None, "organization_id", "expiring_at"),
        *refers(technician_id="technician", skill_id="skill"),
    )
    technician_id: UUID
    skill_id: UUID
    number: str | None = text(default=None)
    issued_on: date | None = None
    valid_until: date | None = None
    expiring_at: datetime | None = timestamp(default=None)
    expires_at: datetime | None = timestamp(default=None)
    revoked_at: datetime | None = timestamp(default=None)
    reason: str | None = text(default=None)
    told: str | None = text(default=None)

    def is_good(self, day: date) -> bool:
        """Whether it proves the skill on a day."""
        begun = self.issued_on is None or self.issued_on <= day
        return self.revoked_at is None and begun and (self.valid_until is None or day <= self.valid_until)


class ShiftPattern(Row, table=True):
    """A weekly pattern of working time, by the clock of a place, from a day to a day, both included.

    Its shifts are made ahead, once: those of the days up to `generated_until` are there, or were.
    """

    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="valid_until"),
        Index(None, "organization_id", "valid_from", "id"),
        *refers(technician_id="technician"),
    )
    technician_id: UUID
    time_zone: str = text()
    valid_from: date
    valid_until: date | None = None
    generated_until: date


class ShiftPatternDay(Row, table=True):
    """One weekday (ISO, 1 is Monday) of a pattern, in local wall times; an end not after the start is the
    next day's. A break of `break_minutes` starts between `break_earliest` and `break_latest`.
    """

    __table_args__ = (
        between("weekday", 1, 7),
        CheckConstraint(f"starts ~ '^{WALL_TIME}$' AND ends ~ '^{WALL_TIME}$'", name="times"),
        CheckConstraint("(break_minutes = 0) = (break_earliest IS NULL)", name="break_minutes"),
        CheckConstraint("(break_earliest IS NULL) = (break_latest IS NULL)", name="break_latest"),
        UniqueConstraint("organization_id", "shift_pattern_id", "weekday"),
        *refers(shift_pattern_id="shift_pattern", technician_id="technician"),
    )
    shift_pattern_id: UUID
    technician_id: UUID
    weekday: int
    starts: str = text()
    ends: str = text()
    break_earliest: str | None = text(default=None)
    break_latest: str | None = text(default=None)
    break_minutes: int = 0


class Shift(Row, table=True):
    """Working time. A break of `break_seconds` starts between `break_earliest` and `break_latest`.

    One that was made from a pattern knows it, and for which `day` of it; it may have been moved since.
    """

    __table_args__ = (
        in_order("starts_at", "ends_at"),
        CheckConstraint("break_earliest <= break_latest", name="break_earliest"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("technician_id", "="),
            (literal("tstzrange(starts_at, ends_at, '[)'::text)"), "&&"),
            using="gist",
            name="ex_shift_overlap",
        ),
        UniqueConstraint("organization_id", "shift_pattern_id", "day"),
        Index(None, "organization_id", "starts_at", "id"),
        *refers(technician_id="technician", shift_pattern_id="shift_pattern"),
    )
    technician_id: UUID
    starts_at: datetime = timestamp()
    ends_at: datetime = timestamp()
    break_earliest: datetime | None = timestamp(default=None)
    break_latest: datetime | None = timestamp(default=None)
    break_seconds: int = 0
    shift_pattern_id: UUID | None = None
    day: date | None = None

    def scope(self) -> Scope:
        return Scope(technicians=(self.technician_id,), start=self.starts_at)


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
