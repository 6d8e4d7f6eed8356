"""Visits' verbs of whoever goes there: the way, the work and its end."""

from collections.abc import Sequence
from uuid import UUID

from domain import stock, technicians
from domain.errors import Conflict
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import Visit, VisitState
from domain.visits.steps import change, check_state, own, under_way


async def start_travel(work: UnitOfWork, visit_id: UUID) -> Visit:
    """The technician sets off: DISPATCHED → EN_ROUTE. One visit under way at a time, on shift only."""
    visit = await work.get(Visit, visit_id, "visit")
    assignment = await own(work, visit)
    check_state(visit, VisitState.DISPATCHED, VisitState.EN_ROUTE)
    await technicians.check_shift(work, assignment.technician_id, work.at, work.at)
    busy = await under_way(work, assignment.technician_id)
    if [other for other in busy if other != visit.id]:
        raise Conflict("The technician is still on another visit.", "visit")
    await change(work, visit, VisitState.EN_ROUTE, "VisitEnRoute")
    visit.en_route_at = work.at
    return visit


async def start_work(work: UnitOfWork, visit_id: UUID) -> Visit:
    """Work begins at the site: ARRIVED → IN_PROGRESS."""
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    check_state(visit, VisitState.ARRIVED, VisitState.IN_PROGRESS)
    await change(work, visit, VisitState.IN_PROGRESS, "VisitStarted")
    visit.started_at = work.at
    return visit


async def complete(
    work: UnitOfWork, visit_id: UUID, *, parts_used: Sequence[tuple[UUID, int]] | None = None
) -> Visit:
    """The work is done: IN_PROGRESS → COMPLETED; the parts used leave the van, the rest is free again."""
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    await change(work, visit, VisitState.COMPLETED, "VisitCompleted")
    visit.ended_at = work.at
    await stock.consume(work, visit.id, parts_used)
    return visit
