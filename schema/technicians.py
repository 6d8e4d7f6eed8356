"""Technicians: who does the work, what they can, when they are there, where they are."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import technicians, tracking
from domain.technicians import AbsenceReason, TechnicianKind
from domain.viewers import Role
from schema.customers import ExternalId
from schema.entities import STAFF, Entity, Money
from schema.graph import Connection, column, embedded, many, node, one, point, row, several, value
from schema.scalars import Point
from schema.sites import Territory
from schema.values import derived, foremost

if TYPE_CHECKING:
    from schema.stock import StockLocation
    from schema.visits import Assignment

HOURLY = {"amount": "hourly_cost", "currency": "currency"}
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


@node(technicians.TechnicianSkill, prefix="tsk", description="A technician's level in a skill.")
class TechnicianSkill(Entity):
    level: int = column("From 1 to 5.")
    certified_until: date | None = column(
        "After this day it no longer counts; null: it needs no certificate."
    )
    skill: Skill | None = one("The skill.", by="skill_id")


@node(technicians.Shift, prefix="shf", description="Working time.", order=("starts_at",))
class Shift(Entity):
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    break_earliest: datetime | None = column("The earliest start of the break.")
    break_latest: datetime | None = column("The latest start of the break.")
    break_seconds: int = column("The length of the break, in seconds.")
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
        roles=(Role.ADMIN, Role.MANAGER, Role.INTEGRATION),
    )
    territory: Territory | None = one("Where they serve.", by="territory_id", roles=STAFF)
    skills: Connection[TechnicianSkill] = many("What they can.", via="technician_id", expect=4, roles=STAFF)
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
        arguments={"day": (date | None, "A day of the organization's zone; null: today.")},
        volatile=True,
        roles=STAFF,
    )
    van: Annotated["StockLocation", strawberry.lazy("schema.stock")] | None = one(
        "The stock they carry.", via="technician_id", roles=STAFF
    )
    position: Position | None = one("Where they were last.", via="technician_id", roles=SEES_POSITIONS)
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)
