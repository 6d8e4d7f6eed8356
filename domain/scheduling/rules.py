"""Rules: who may serve which visit when, and what has to be read to say so."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from domain import capacities, technicians, visits
from domain.capacities import Capacities
from domain.errors import Invalid, InvalidTransition, MissingSkill, NotFound, OutsideWindow
from domain.sites import Site
from domain.technicians import (
    Skill,
    Technician,
    TechnicianSkill,
    WorkingTimes,
    certificates,
)
from domain.unit_of_work import Kind, UnitOfWork
from domain.visits import Assignment, Visit, VisitState
from domain.work_orders import DERIVED, Orders, WorkOrder, WorkTypeSkill


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Who serves a visit, and when the work starts. `travel_seconds` is the way there, where it is known.

    `others` go there beside the lead (None: those who do already, and no crew as such is named).
    `assignment_id` is the id of a new assignment, where somebody has seen it already (domain/overlays.py).
    """

    technician_id: UUID
    start: datetime
    travel_seconds: int | None = None
    assignment_id: UUID | None = None
    others: tuple[UUID, ...] | None = None
    crew_id: UUID | None = None
    offer_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The hard rules, and what they need to know of some visits and technicians."""

    technicians: Mapping[UUID, Technician]
    working_times: WorkingTimes
    skills: Mapping[tuple[UUID, UUID], TechnicianSkill]
    """By technician and skill."""
    proofs: certificates.Proofs
    capacities: Capacities
    needs: Mapping[UUID, Sequence[tuple[WorkTypeSkill, Skill]]]
    """Work type → what it asks for, each with its skill."""
    work_types: Mapping[UUID, UUID]
    """Work order → its type."""
    zones: Mapping[UUID, ZoneInfo]
    """Site → its time zone."""
    barred: Mapping[UUID, WorkOrder]
    """The work orders that wait, for approval or on hold, or are over."""
    links: visits.Links
    crews: Mapping[UUID, Sequence[Assignment]]
    """Visit → who goes there as it stands, the lead first."""

    def check(self, visit: Visit, placement: Placement) -> None:
        """Raises the refusal of the first rule that does not hold."""
        start = placement.start
        order = self.barred.get(visit.work_order_id)
        if order is not None and visit.state == VisitState.UNSCHEDULED:
            raise InvalidTransition(f"Work order {order.number} is {order.state}.", "visit")
        people = self.people(visit, placement)
        if not self.technicians.keys() >= set(people):
            raise NotFound("No Technician has that id.")
        for technician_id in people:
            check_there(self.technicians[technician_id])
        check_window(visit, start)
        self.check_skills(visit, placement)
        end = start + timedelta(seconds=visit.duration_seconds)
        for technician_id in people:
            self.working_times.check(technician_id, start, end)
            self.capacities.check(technician_id, start, visit.duration_seconds)
        spot = visits.Spot(start, end, placement.technician_id, self.zones[visit.site_id])
        self.links.check(visit, spot)

    def people(self, visit: Visit, placement: Placement) -> list[UUID]:
        """Who is to go there, the lead first: the others are helpers, of whom no skill is asked."""
        others = placement.others
        if others is None:
            others = tuple(row.technician_id for row in self.crews.get(visit.id, ()) if not row.is_lead)
        return list(dict.fromkeys((placement.technician_id, *others)))

    def check_skills(self, visit: Visit, placement: Placement) -> None:
        """Every skill of the work's type, at its level, certified on the visit's date in the site's zone."""
        technician = self.technicians[placement.technician_id]
        day = placement.start.astimezone(self.zones[visit.site_id]).date()
        for need, skill in self.needs.get(self.work_types[visit.work_order_id], ()):
            pair = (technician.id, need.skill_id)
            found, proofs = self.skills.get(pair), self.proofs.get(pair, ())
            if found is None or found.level < need.level:
                raise MissingSkill(
                    f"{technician.name} lacks “{skill.name}” at level {need.level}.", "technician"
                )
            if not certificates.counts(proofs, day, required=skill.requires_certification):
                raise MissingSkill(
                    f"{technician.name} has no certification for “{skill.name}” that is good on {day}.",
                    "technician",
                )


def check_there(technician: Technician) -> None:
    if technician.archived_at is not None:
        raise Invalid(f"{technician.name} is archived.", "technician")


def check_window(visit: Visit, start: datetime) -> None:
    if visit.window_start and visit.window_end and not visit.window_start <= start <= visit.window_end:
        raise OutsideWindow(
            f"The arrival window is {visit.window_start:%H:%M} to {visit.window_end:%H:%M} UTC.", "start"
        )


async def rules(work: UnitOfWork, moves: Sequence[tuple[Visit, Placement | None]], orders: Orders) -> Rules:
    placed = [(visit, placement) for visit, placement in moves if placement is not None]
    keys = [visit.id for visit, _ in moves]
    crews, links = await visits.crews(work, keys), await visits.links_of(work, keys)
    people = {row.technician_id for rows in crews.values() for row in rows}
    for _, placement in placed:
        people |= {placement.technician_id, *(placement.others or ())}
    starts = [placement.start for _, placement in placed] or [work.at]
    longest = timedelta(seconds=max((visit.duration_seconds for visit, _ in placed), default=0))
    sites = await every(work, Site, col(Site.id).in_({visit.site_id for visit, _ in placed}))
    crew = await _crew(work, people)
    return Rules(
        technicians={row.id: row for row in crew},
        working_times=await technicians.working_times(work, people, min(starts), max(starts) + longest),
        skills={
            (row.technician_id, row.skill_id): row
            for row in await every(work, TechnicianSkill, col(TechnicianSkill.technician_id).in_(people))
        },
        proofs=await certificates.proofs(work, people),
        capacities=await capacities.read(work, crew, starts, but={visit.id for visit, _ in moves}),
        needs=await _needs(work, {order.work_type_id for order in orders.rows.values()}),
        work_types={key: order.work_type_id for key, order in orders.rows.items()},
        zones={site.id: ZoneInfo(site.time_zone) for site in sites},
        barred={key: order for key, order in orders.rows.items() if order.state not in DERIVED},
        links=links,
        crews=crews,
    )


async def _crew(work: UnitOfWork, people: Collection[UUID]) -> Sequence[Technician]:
    """Locked in the order of their ids: two who give somebody something, or take hours away, take turns."""
    statement = (
        select(Technician)
        .where(col(Technician.id).in_(people))
        .order_by(col(Technician.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await work.session.exec(statement)).all()


async def _needs(
    work: UnitOfWork, work_type_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[tuple[WorkTypeSkill, Skill]]]:
    statement = (
        select(WorkTypeSkill, Skill)
        .join(
            Skill,
            (col(Skill.id) == WorkTypeSkill.skill_id)
            & (col(Skill.organization_id) == WorkTypeSkill.organization_id),
        )
        .where(col(WorkTypeSkill.work_type_id).in_(work_type_ids))
        .order_by(col(WorkTypeSkill.id))
    )
    found: dict[UUID, list[tuple[WorkTypeSkill, Skill]]] = defaultdict(list)
    for need, skill in (await work.session.exec(statement)).all():
        found[need.work_type_id].append((need, skill))
    return found


async def every(work: UnitOfWork, table: type[Kind], condition: object) -> Sequence[Kind]:
    return (await work.session.exec(select(table).where(condition))).all()  # type: ignore[arg-type]  # a column comparison
