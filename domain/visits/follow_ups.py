"""Follow-ups: the new visit that does what a final one left undone; final visits never reopen."""

from sqlmodel import select

from domain.unit_of_work import UnitOfWork
from domain.visits.rows import Visit, VisitPart
from domain.visits.steps import announce, scope, settle_order


async def follow_up(work: UnitOfWork, visit: Visit) -> Visit:
    """A new visit for what a terminal one left undone, with the same needs."""
    # Unscoped: the technician whose visit it was may need it, and neither sees nor plans the next one.
    async with work.unscoped():
        again = work.add(
            Visit(
                work_order_id=visit.work_order_id,
                customer_id=visit.customer_id,
                site_id=visit.site_id,
                territory_id=visit.territory_id,
                duration_seconds=visit.duration_seconds,
                follow_up_of_id=visit.id,
            )
        )
        await work.session.flush()
        needs = await work.session.exec(select(VisitPart).where(VisitPart.visit_id == visit.id))
        for need in needs.all():
            work.add(VisitPart(visit_id=again.id, part_id=need.part_id, quantity=need.quantity))
    keys = scope(again, [])
    announce(work, again, "VisitCreated", before={}, scopes=(keys, keys))
    await settle_order(work, again)
    return again
