"""Bookings: whether technicians are free, asked first so that a refusal can name what is in the way."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from domain.errors import DoubleBooking
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits import Assignment, Visit
from domain.work_orders import WorkOrder


async def check_free(
    work: UnitOfWork, visit: Visit, people: Collection[UUID], *, period: tuple[datetime, datetime], path: str
) -> None:
    """Raises DoubleBooking, with the earliest visit that one of them has in that time.

    Whoever books meanwhile is met by the constraint, which has the last word and cannot say this much.
    """
    start, end = period
    of_visit = (col(Visit.id) == Assignment.visit_id) & (Visit.organization_id == Assignment.organization_id)
    of_order = (col(WorkOrder.id) == Visit.work_order_id) & (
        WorkOrder.organization_id == Visit.organization_id
    )
    of_person = (col(Technician.id) == Assignment.technician_id) & (
        Technician.organization_id == Assignment.organization_id
    )
    statement = (
        select(Technician.name, WorkOrder.number, Assignment.planned_start, Assignment.planned_end)
        .select_from(Assignment)
        .join(Visit, of_visit)
        .join(WorkOrder, of_order)
        .join(Technician, of_person)
        .where(
            col(Assignment.technician_id).in_(people),
            col(Assignment.occupies),
            # Not `&&` on `during`: under row-level security no index serves an operator that may leak.
            col(Assignment.planned_start) < end,
            col(Assignment.planned_end) > start,
            Assignment.visit_id != visit.id,
        )
        .order_by(col(Assignment.planned_start), col(Assignment.id))
        .limit(1)
    )
    found = (await work.session.exec(statement)).first()
    if found is not None:
        name, number, begins, ends = found
        times = f"{begins:%Y-%m-%d %H:%M} to {ends:%H:%M} UTC"
        raise DoubleBooking(f"{name} has another visit at that time: {number}, {times}.", path)
