"""Assignments: one more technician on a visit, or another who leads it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain import capacities, inputs, scheduling, technicians, visits
from domain.errors import InvalidTransition
from domain.scheduling import Placement
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits import LARGEST_CREW, Visit, VisitState

JOINED = visits.UNDER_WAY | {VisitState.SCHEDULED, VisitState.DISPATCHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Who joins a visit. `leads` says that they lead it from now on, and who led it helps."""

    technician_id: UUID
    leads: bool = False
    offer_expires_at: datetime | None = None
    reason: str | None = None


async def assign(
    work: UnitOfWork, visit_id: UUID, member: Member, *, expected_version: int | None = None
) -> Visit:
    """One more technician for a visit that has a place in the schedule, until it ends.

    Of a helper no skill is asked, of the lead all; shift, absence and other visits count for both. Who is
    there already stays. Raises InvalidTransition, MissingSkill, OffShift or DoubleBooking.
    """
    visits.because(work, member.reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    technician = await work.get(Technician, member.technician_id, "technician")
    if visit.state not in JOINED or visit.planned_start is None or visit.planned_end is None:
        raise InvalidTransition(f"Nobody joins a visit that is {visit.state}: schedule it.", "visit")
    crew = await visits.crew(work, visit)
    known = next((row for row in crew if row.technician_id == technician.id), None)
    if known is not None and known.is_lead >= member.leads:
        return visit
    if known is None and len(crew) >= LARGEST_CREW:
        raise InvalidTransition(f"A crew has at most {LARGEST_CREW} members.", "technician")
    if member.leads:
        placement = Placement(
            technician_id=technician.id,
            start=visit.planned_start,
            travel_seconds=None,
            others=tuple(visits.people(crew)),
            crew_id=visit.crew_id,
            offer_expires_at=member.offer_expires_at,
        )
        return await scheduling.schedule(work, visit_id, placement)
    await _check(work, visit, technician)
    before, scope = visits.snapshot(visit, crew), visits.scope(visit, visits.people(crew))
    until = member.offer_expires_at or max(visit.planned_start, work.at)
    row = visits.assigned(visit, technician, at=visit.planned_start, until=until)
    row.is_lead, row.planned_end = False, visit.planned_end
    work.add(row)
    visits.touch(visit)
    await work.session.flush()
    scopes = (scope, visits.scope(visit, [*visits.people(crew), technician.id]))
    values = {"member_id": technician.id}
    visits.announce(work, visit, "MemberAssigned", before=before, scopes=scopes, values=values)
    return visit


async def _check(work: UnitOfWork, visit: Visit, technician: Technician) -> None:
    """What holds of a helper: there, at work all that time, and not more than they take on."""
    start, end = visit.planned_start, visit.planned_end
    if start is None or end is None:
        raise InvalidTransition(f"Nobody joins a visit that is {visit.state}: schedule it.", "visit")
    scheduling.check_there(technician)
    await technicians.check_shift(work, technician.id, start, end)
    await scheduling.check_free(work, visit, [technician.id], period=(start, end), path="technician")
    capacity = await capacities.read(work, [technician], [start])
    capacity.check(technician.id, start, visit.duration_seconds)
