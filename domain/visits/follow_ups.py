"""Follow-ups: the new visit that does what a final one left undone; final visits never reopen."""

from uuid import UUID

from sqlmodel import col, select

from domain import inputs, stock
from domain.errors import Conflict, InvalidTransition
from domain.unit_of_work import UnitOfWork
from domain.visits import dependencies
from domain.visits.rows import FINAL, Visit, VisitPart, VisitState
from domain.visits.steps import announce, scope, settle_order
from domain.work_orders import OPEN, WorkOrder


async def create_follow_up(work: UnitOfWork, visit_id: UUID, *, expected_version: int | None = None) -> Visit:
    """What a visit that has ended left undone shall be done; one open follow-up at a time."""
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    if visit.state not in FINAL or visit.state == VisitState.CANCELLED:
        raise InvalidTransition(f"A visit that is {visit.state} has no follow-up.", "visit")
    order = await work.find(WorkOrder, visit.work_order_id)
    if order.state not in OPEN:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "visit")
    statement = select(Visit.id).where(col(Visit.follow_up_of_id) == visit.id, col(Visit.state).not_in(FINAL))
    if (await work.session.exec(statement)).first() is not None:
        raise Conflict("Its follow-up is still open.", "visit")
    return await follow_up(work, visit)


async def follow_up(work: UnitOfWork, visit: Visit) -> Visit:
    """A new visit for what a terminal one left undone, with the needs that are left of its own."""
    # Unscoped: the technician whose visit it was may need it, and neither sees nor plans the next one.
    async with work.unscoped():
        again = work.add(
            Visit(
                work_order_id=visit.work_order_id,
                customer_id=visit.customer_id,
                site_id=visit.site_id,
                territory_id=visit.territory_id,
                duration_seconds=visit.duration_seconds,
                crew_size=visit.crew_size,
                follow_up_of_id=visit.id,
            )
        )
        await work.session.flush()
        needs = await work.session.exec(select(VisitPart).where(VisitPart.visit_id == visit.id))
        used = dict(await stock.used(work, visit.id))
        for need in needs.all():
            done = min(used.get(need.part_id, 0), need.quantity)
            used[need.part_id] = used.get(need.part_id, 0) - done
            if need.quantity > done:
                work.add(VisitPart(visit_id=again.id, part_id=need.part_id, quantity=need.quantity - done))
        await dependencies.hand_over(work, visit, again)
    keys = scope(again, [])
    announce(work, again, "VisitCreated", before={}, scopes=(keys, keys))
    await settle_order(work, again)
    return again
