"""Crews: technicians who are assigned as a unit, one of them its lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from domain import inputs, scheduling, visits
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, refers, searched, text
from domain.scheduling import Placement
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits import LARGEST_CREW, Visit


class Crew(Row, table=True):
    """Technicians who are assigned as a unit. One that is not active is scheduled no more."""

    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        *searched("name"),
    )
    name: str = text()
    is_active: bool = True


class CrewMember(Row, table=True):
    """A technician of a crew; one of them leads it."""

    __table_args__ = (
        UniqueConstraint("organization_id", "crew_id", "technician_id"),
        Index(
            "uq_crew_member_lead",
            "organization_id",
            "crew_id",
            unique=True,
            postgresql_where=literal("is_lead"),
        ),
        *refers(crew_id="crew", technician_id="technician"),
    )
    crew_id: UUID
    technician_id: UUID
    is_lead: bool = False


CREW: Mapping[str, Check] = {"name": inputs.words(), "is_active": inputs.given}


async def create(
    work: UnitOfWork, values: Mapping[str, Any], *, lead_id: UUID, member_ids: Sequence[UUID] = ()
) -> Crew:
    """A new crew of a lead and others. Raises NotFound, Invalid, or Conflict for a name that another has."""
    kept = inputs.checked(values, CREW)
    await _check_name(work, kept["name"])
    people = await _people(work, lead_id, member_ids)
    crew = work.add(Crew(**kept))
    await work.session.flush()
    for technician_id in people:
        work.add(CrewMember(crew_id=crew.id, technician_id=technician_id, is_lead=technician_id == lead_id))
    _announce(work, crew, "CrewCreated", {}, people=people)
    return crew


async def update(
    work: UnitOfWork,
    key: UUID,
    values: Mapping[str, Any],
    *,
    member_ids: Sequence[UUID] | None = None,
    expected_version: int | None = None,
) -> Crew:
    """Changes what is named and differs; `lead_id` among the values, `member_ids` all others beside the lead.

    Visits that the crew has stay with whom they are.
    """
    crew = await work.get(Crew, key, "crew")
    inputs.check_version(crew, expected_version)
    kept = inputs.checked({name: value for name, value in values.items() if name != "lead_id"}, CREW)
    if kept.get("name", crew.name) != crew.name:
        await _check_name(work, kept["name"])
    rows = await members(work, key)
    led = next(row.technician_id for row in rows if row.is_lead)
    lead_id = values.get("lead_id", led)
    others = [row.technician_id for row in rows] if member_ids is None else member_ids
    people = await _people(work, lead_id, others)
    before: dict[str, Any] = inputs.write(crew, kept)
    if lead_id != led or set(people) != {row.technician_id for row in rows}:
        before |= {"lead_id": led, "member_ids": [row.technician_id for row in rows]}
        flag_modified(crew, "updated_at")
        await _replace(work, crew, rows, people=people)
    if before:
        await work.session.flush()
        _announce(work, crew, "CrewChanged", before, people=people)
    return crew


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Who is to serve a visit: a technician, or a crew as a whole; and why, if somebody says so."""

    technician_id: UUID | None = None
    crew_id: UUID | None = None
    reason: str | None = None


async def schedule(
    work: UnitOfWork, visit_id: UUID, whom: Whom, *, start: datetime, expected_version: int | None = None
) -> Visit:
    """Put a visit on the day of a technician or of a whole crew, if every hard rule holds for each."""
    visits.because(work, whom.reason)
    if whom.crew_id is None and whom.technician_id is not None:
        placement = Placement(technician_id=whom.technician_id, start=start)
    elif whom.technician_id is not None or whom.crew_id is None:
        raise Invalid("Say a technician or a crew.", "technician")
    else:
        crew = await work.find(Crew, whom.crew_id, "crew")
        if not crew.is_active:
            raise InvalidTransition(f"The crew “{crew.name}” is not active.", "crew")
        lead, *others = [row.technician_id for row in await members(work, crew.id)]
        placement = Placement(technician_id=lead, start=start, others=tuple(others), crew_id=crew.id)
    return await scheduling.schedule(work, visit_id, placement, expected_version=expected_version)


async def members(work: UnitOfWork, crew_id: UUID) -> Sequence[CrewMember]:
    """Who is in it, the lead first."""
    statement = select(CrewMember).where(CrewMember.crew_id == crew_id)
    order = col(CrewMember.is_lead).desc(), col(CrewMember.id)
    return (await work.session.exec(statement.order_by(*order))).all()


async def _people(work: UnitOfWork, lead_id: UUID, member_ids: Sequence[UUID]) -> list[UUID]:
    people = list(dict.fromkeys((lead_id, *member_ids)))
    if len(people) > LARGEST_CREW:
        raise Invalid(f"A crew has at most {LARGEST_CREW} members.", "members")
    for technician_id in people:
        await work.find(Technician, technician_id, "lead" if technician_id == lead_id else "members")
    return people


async def _replace(
    work: UnitOfWork, crew: Crew, rows: Sequence[CrewMember], *, people: Sequence[UUID]
) -> None:
    known = {row.technician_id: row for row in rows}
    for row in rows:
        if row.technician_id not in people:
            await work.session.delete(row)
        row.is_lead = row.is_lead and row.technician_id == people[0]
    await work.session.flush()  # whoever led it does not any more, before another does
    for technician_id in people:
        is_lead = technician_id == people[0]
        if technician_id in known:
            known[technician_id].is_lead = is_lead
        else:
            work.add(CrewMember(crew_id=crew.id, technician_id=technician_id, is_lead=is_lead))


async def _check_name(work: UnitOfWork, name: str) -> None:
    if (await work.session.exec(select(Crew.id).where(col(Crew.name) == name))).first() is not None:
        raise Conflict("Another crew has that name.", "name")


def _announce(
    work: UnitOfWork, crew: Crew, type: str, before: Mapping[str, Any], *, people: Sequence[UUID]
) -> None:
    scope = Scope(technicians=tuple(people))
    work.emit(
        Event(
            type=type,
            topic="crew",
            subject=crew,
            before=before,
            scope_before=scope,
            scope_after=scope,
            values={"lead_id": people[0], "member_ids": list(people)},
        )
    )
