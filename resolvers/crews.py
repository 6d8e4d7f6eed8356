"""Crews: the mutations that make them, and those by which a technician joins a visit or not."""

from collections.abc import Mapping
from typing import Any

from domain import assignments, crews, visits
from domain.assignments import Member
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import told
from schema.crews import (
    AcceptOfferInput,
    AssignTechnicianInput,
    CreateCrewInput,
    DeclineOfferInput,
    ReleaseTechnicianInput,
    UpdateCrewInput,
)

Values = Mapping[str, Any]


async def create_crew(work: UnitOfWork, given: CreateCrewInput, _context: Context) -> Values:
    crew = await crews.create(
        work,
        {"name": given.name},
        lead_id=key("tec", given.lead),
        member_ids=[key("tec", one) for one in given.members],
    )
    return {"crew_id": crew.id}


async def update_crew(work: UnitOfWork, given: UpdateCrewInput, _context: Context) -> Values:
    values = told(given, "name", "is_active")
    if given.lead is not None:
        values["lead_id"] = key("tec", given.lead)
    members = given.members
    crew = await crews.update(
        work,
        key("crw", given.crew),
        values,
        member_ids=None if members is None else [key("tec", one) for one in members],
        expected_version=given.expected_version,
    )
    return {"crew_id": crew.id}


async def assign_technician(work: UnitOfWork, given: AssignTechnicianInput, _context: Context) -> Values:
    member = Member(
        technician_id=key("tec", given.technician),
        leads=given.lead,
        offer_expires_at=given.offer_expires_at,
        reason=given.reason,
    )
    visit = await assignments.assign(
        work, key("vis", given.visit), member, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def release_technician(work: UnitOfWork, given: ReleaseTechnicianInput, _context: Context) -> Values:
    visit = await visits.release(
        work,
        key("vis", given.visit),
        technician_id=key("tec", given.technician),
        reason=given.reason,
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}


async def accept_offer(work: UnitOfWork, given: AcceptOfferInput, _context: Context) -> Values:
    visit = await visits.accept_offer(
        work,
        key("vis", given.visit),
        technician_id=named("tec", given.technician),
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}


async def decline_offer(work: UnitOfWork, given: DeclineOfferInput, _context: Context) -> Values:
    visit = await visits.decline_offer(
        work,
        key("vis", given.visit),
        reason=given.reason,
        technician_id=named("tec", given.technician),
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}
