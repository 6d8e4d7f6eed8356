"""Technicians: who does the work, what they can, when they are there, where they are."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import technicians, tracking
from domain.technicians import AbsenceReason, CertificationState, TechnicianKind
from domain.viewers import Role
from schema.customers import ExternalId
from schema.entities import STAFF, Entity, Money
from schema.graph import Connection, column, embedded, many, node, one, point, row, several, sql, value
from schema.scalars import Point, TimeZone
from schema.sites import Territory
from schema.values import derived, foremost

if TYPE_CHECKING:
    from schema.stock import StockLocation
    from schema.visits import Assignment

SEES_COSTS = (Role.ADMIN, Role.MANAGER, Role.INTEGRATION)
HOURLY = {"amount": "hourly_cost", "currency": "currency"}
OVERTIME = {"amount": "overtime_hourly_cost", "currency": "currency"}
KILOMETRE = {"amount": "kilometre_cost", "currency": "currency"}
STATE = (
    "CASE WHEN {t}.revoked_at IS NOT NULL OR {t}.expires_at <= {now} THEN 'EXPIRED'"
    " WHEN {t}.expiring_at <= {now} THEN 'EXPIRING' ELSE 'VALID' END"
)
SEES_POSITIONS = (
    Role.ADMIN,
    Role.MANAGER,
    Role.DISPATCHER,
    Role.TECHNICIAN,
    Role.SUBCONTRACTOR,
    Role.INTEGRATION,
)


@node(
    technicians.Skill,
    prefix="skl",
    description="Something a technician can do.",
    order=("name",),
    search=("name",),
)
class Skill(Entity):
    name: str = column("What it is called.")
    requires_certification: bool = column("Whether it takes a certificate that is good on a visit's date.")


@node(technicians.TechnicianSkill, prefix="tsk", description="A technician's level in a skill.")
class TechnicianSkill(Entity):
    level: int = column("From 1 to 5.")
    certified_until: date | None = column(
        "The last day of their certificates for it; null where they have none, or one that does not end."
    )
    skill: Skill | None = one("The skill.", by="skill_id")


@node(
    technicians.Certification,
    prefix="cer",
    description="A dated proof of a skill.",
    order=("valid_until", "id"),
)
class Certification(Entity):
    number: str | None = column("What is written on it.")
    issued_on: date | None = column("The first day on which it is good; null: always.")
    valid_until: date | None = column("The last day on which it is good; null: it does not end.")
    state: CertificationState = sql(
        STATE,
        "Whether it proves the skill as of now, by the organization's zone.",
        volatile=True,
        never_null=True,
    )
    revoked_at: datetime | None = column("When it was taken back.")
    reason: str | None = column("Why it was taken back.")
    skill: Skill | None = one("What it proves.", by="skill_id")
    technician: Annotated["Technician", strawberry.lazy("schema.technicians")] | None = one(
        "Whose it is.", by="technician_id"
    )


@row(technicians.ShiftPatternDay, description="A weekday of a pattern, by the clock.", order=("weekday",))
class ShiftPatternDay:
    weekday: int = column("1 is Monday, 7 is Sunday.")
    starts: str = column("When the shift starts, HH:MM in the pattern's zone.")
    ends: str = column("When it ends, HH:MM; not after the start: on the next day.")
    break_earliest: str | None = column("The earliest start of the break, HH:MM.")
    break_latest: str | None = column("The latest start of the break, HH:MM.")
    break_minutes: int = column("The length of the break, in minutes; 0: none.")


@node(
    technicians.ShiftPattern,
    prefix="shp",
    description="A weekly pattern of working time, from which shifts are made six weeks ahead.",
    order=("valid_from", "id"),
)
class ShiftPattern(Entity):
    time_zone: TimeZone = column("By whose clock its times are.")
    valid_from: date = column("Its first day.")
    valid_until: date | None = column("Its last day; null: it goes on.")
    generated_until: date = column("Up to this day its shifts have been made.")
    days: list[ShiftPatternDay] = several("Its weekdays.", via="shift_pattern_id", expect=5)
    technician: Annotated["Technician", strawberry.lazy("schema.technicians")] | None = one(
        "Whose working time it is.", by="technician_id"
    )
    shifts: Connection[Annotated["Shift", strawberry.lazy("schema.technicians")]] = many(
        "What was made of it and still stands.", via="shift_pattern_id", expect=30
    )


@node(technicians.Shift, prefix="shf", description="Working time.", order=("starts_at",))
class Shift(Entity):
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    break_earliest: datetime | None = column("The earliest start of the break.")
    break_latest: datetime | None = column("The latest start of the break.")
    break_seconds: int = column("The length of the break, in seconds.")
    day: date | None = column("For which day of its pattern it was made; null: by hand.")
    pattern: ShiftPattern | None = one("What it was made from; null: by hand.", by="shift_pattern_id")
    technician: Annotated["Technician", strawberry.lazy("schema.technicians")] | None = one(
        "Whose shift it is.", by="technician_id"
    )


@node(technicians.Absence, prefix="abs", description="A hole in working time.", order=("starts_at",))
class Absence(Entity):
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    reason: AbsenceReason = column("Why.")
    technician: Annotated["Technician", strawberry.lazy("schema.technicians")] | None = one(
        "Who is absent.", by="technician_id"
    )


@row(tracking.PositionCurrent, description="Where a technician was last.")
class Position:
    point: Point | None = point("longitude", "latitude", "Where; null before the first fix.")
    accuracy_metres: float | None = column(
        "Radius of the circle that holds the true place in 68 of 100 cases."
    )
    at: datetime | None = column("When the device measured it; null before the first fix.")


@value("What a technician drives.")
class Vehicle:
    registration: str | None = column("The number on its plate.")
    name: str | None = column("What it is called.")


@value("What a technician has planned on one day.")
class RouteSummary:
    visits: int = column("How many visits start on that day.")
    travel_seconds: int = column("The planned ways to them, in seconds, as far as they were computed.")
    work_seconds: int = column("The planned work, in seconds.")


@node(
    technicians.Technician,
    prefix="tec",
    description="An employee or subcontractor.",
    order=("code",),
    search=("code", "name", "phone"),
)
class Technician(Entity):
    code: str = column("The company's own code for them.", roles=STAFF)
    name: str = column("What they are called.")
    kind: TechnicianKind = column("On what terms they work.", roles=STAFF)
    phone: str | None = column("Where to call them.", roles=STAFF)
    home: Point = point(
        "home_longitude", "home_latitude", "Where their day begins and ends.", roles=SEES_POSITIONS
    )
    hourly_cost: Money = embedded(
        "What an hour costs the company.",
        columns=HOURLY,
        roles=SEES_COSTS,
    )
    overtime_hourly_cost: Money | None = embedded(
        "What an hour of overtime costs the company.", columns=OVERTIME, roles=SEES_COSTS
    )
    kilometre_cost: Money | None = embedded(
        "What a kilometre of theirs costs the company.", columns=KILOMETRE, roles=SEES_COSTS
    )
    vehicle: Vehicle | None = embedded("What they drive.", prefix="vehicle_", roles=STAFF)
    max_visits_per_day: int | None = column(
        "How many visits a subcontractor takes on in a day of the organization's zone; null: no limit.",
        roles=STAFF,
    )
    max_minutes_per_day: int | None = column(
        "How much planned work a subcontractor takes on in such a day, in minutes; null: no limit.",
        roles=STAFF,
    )
    archived_at: datetime | None = column("Since when they are given nothing any more.", roles=STAFF)
    territory: Territory | None = one("Where they serve.", by="territory_id", roles=STAFF)
    skills: Connection[TechnicianSkill] = many("What they can.", via="technician_id", expect=4, roles=STAFF)
    certifications: Connection[Certification] = many(
        "What proves it.", via="technician_id", expect=2, roles=STAFF
    )
    shift_patterns: Connection[ShiftPattern] = many(
        "The weeks from which their shifts are made.", via="technician_id", expect=1, roles=STAFF
    )
    shifts: Connection[Shift] = many("When they work.", via="technician_id", expect=5, roles=STAFF)
    absences: Connection[Absence] = many("When they do not.", via="technician_id", expect=2, roles=STAFF)
    assignments: Connection[Annotated["Assignment", strawberry.lazy("schema.visits")]] = many(
        "Their visits, by planned start.", via="technician_id", order=("planned_start",), expect=6
    )
    next_assignment: Annotated["Assignment", strawberry.lazy("schema.visits")] | None = foremost(
        "Their next visit by planned start, from now on; null where none is offered or accepted.",
        via="technician_id",
        order=("planned_start",),
        where="{t}.state IN ('OFFERED', 'ACCEPTED') AND {t}.planned_start >= {now}",
        roles=STAFF,
    )
    route_summary: RouteSummary | None = derived(
        "route_summary",
        "What is planned for them on a day, offered or accepted, as far as the viewer may see it.",
        needs="id",
        reads=("organization", "assignment", "visit"),
        arguments={"day": (date | None, "A day of the organization's zone; null: today.")},
        volatile=True,
        roles=STAFF,
    )
    van: Annotated["StockLocation", strawberry.lazy("schema.stock")] | None = one(
        "The stock they carry.", via="technician_id", roles=STAFF
    )
    position: Position | None = one("Where they were last.", via="technician_id", roles=SEES_POSITIONS)
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)
