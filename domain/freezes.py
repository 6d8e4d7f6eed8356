"""Freezes: what starts soon is dispatched by itself, by the default policy's horizon."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func
from sqlmodel import col, select

from domain import policies, visits
from domain.unit_of_work import UnitOfWork
from domain.visits import Assignment, AssignmentState, Visit, VisitState
from domain.work_orders import DERIVED, WorkOrder


async def due(work: UnitOfWork) -> Sequence[UUID]:
    """The SCHEDULED visits that start within the horizon, by id: accepted by their lead, their crew whole."""
    minutes = (await policies.chosen(work, None)).freeze_minutes
    if minutes is None:
        return ()
    own = and_(
        col(Assignment.organization_id) == col(Visit.organization_id),
        col(Assignment.visit_id) == col(Visit.id),
        col(Assignment.state) == AssignmentState.ACCEPTED,
    )
    order = and_(
        col(WorkOrder.organization_id) == col(Visit.organization_id),
        col(WorkOrder.id) == col(Visit.work_order_id),
    )
    statement = (
        select(Visit.id)
        .join(Assignment, own)
        .join(WorkOrder, order)
        .where(
            col(Visit.state) == VisitState.SCHEDULED,
            col(Visit.planned_start) <= work.at + timedelta(minutes=minutes),
            col(Visit.planned_end) > work.at,
            col(WorkOrder.state).in_(DERIVED),
        )
        .group_by(col(Visit.organization_id), col(Visit.id))
        .having(and_(func.bool_or(col(Assignment.is_lead)), func.count() >= col(Visit.crew_size)))
        .order_by(col(Visit.id))
    )
    return (await work.session.exec(statement)).all()


async def freeze(work: UnitOfWork, visit_id: UUID) -> bool:
    """Dispatched as by the office; False where another has done it, or it stands otherwise by now."""
    visit = await work.get(Visit, visit_id, "visit")
    if visit.state != VisitState.SCHEDULED:
        return False
    await visits.dispatch(work, visit_id)
    return True
