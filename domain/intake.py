"""Intake: a customer's need becomes a work order with its first visit."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import select

from domain import contracts, customers, inputs, milestones, tasks, visits, work_orders
from domain.assets import Asset
from domain.contracts import Contract, Work
from domain.errors import Invalid, InvalidTransition
from domain.milestones import Milestone
from domain.sites import Site
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit, VisitPart
from domain.work_orders import OPEN, Priority, WorkOrder, WorkOrderState, WorkType, WorkTypePart

LONGEST_TITLE = 200
LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is asked for. `window` is the arrival window promised; `duration_seconds` overrides the type's.

    Without `contract_id` it is done under the contract in force that covers it, or (`without_contract`) none.
    A `draft` stays NEW until somebody has looked at it.
    What is `planned` ahead of its time is under the contract that it names; nobody waits for it yet, so that
    it has no clocks.
    """

    site_id: UUID
    work_type_id: UUID
    title: str
    description: str | None = None
    internal_notes: str | None = None
    priority: Priority | None = None
    asset_id: UUID | None = None
    contract_id: UUID | None = None
    without_contract: bool = False
    planned: bool = False
    draft: bool = False
    window: tuple[datetime, datetime] | None = None
    due_at: datetime | None = None
    duration_seconds: int | None = None


async def create_work_order(work: UnitOfWork, need: Need) -> tuple[WorkOrder, Visit]:
    """A work order, READY or (where its type asks for it) PENDING_APPROVAL, and its UNSCHEDULED first visit.

    As a draft it is NEW, and nothing of it is scheduled until it is approved.

    The clocks of its contract's entitlement start now; without `due_at` it is due with the one that waits for
    an arrival. Raises NotFound or Invalid.
    """
    check_texts(need)
    check_window(need.window)
    site = await work.find(Site, need.site_id, "site")
    await customers.in_use(work, site.customer_id, "site")
    kind = await tasks.template(work, need.work_type_id)
    if need.asset_id is not None:
        await check_asset(work, need.asset_id, site.id)
    contract = await _contract(work, site, need)
    order = WorkOrder(
        number=await work_orders.next_number(work),
        title=need.title,
        description=need.description,
        internal_notes=need.internal_notes,
        state=WorkOrderState.NEW if need.draft else first_state(kind),
        priority=need.priority or kind.priority,
        customer_id=site.customer_id,
        site_id=site.id,
        asset_id=need.asset_id,
        contract_id=contract.id if contract else None,
        work_type_id=kind.id,
        due_at=need.due_at,
    )
    clocks = [] if need.planned else await _clocks(work, order, site, contract)
    work.add(order)
    await work.session.flush()
    milestones.start(work, clocks)
    await tasks.copy(work, order)
    work_orders.announce(work, order, "WorkOrderCreated", before={})
    return order, await _visit(work, order, site, need, kind)


async def add_visit(
    work: UnitOfWork,
    work_order_id: UUID,
    *,
    window: tuple[datetime, datetime] | None = None,
    duration_seconds: int | None = None,
    expected_version: int | None = None,
) -> Visit:
    """One more UNSCHEDULED visit of an open work order, with the needs of its type."""
    check_window(window)
    order = await work.get(WorkOrder, work_order_id, "workOrder")
    inputs.check_version(order, expected_version)
    if order.state not in OPEN:
        raise InvalidTransition(f"Work order {order.number} is {order.state}.", "workOrder")
    site = await work.find(Site, order.site_id)
    kind = await work.find(WorkType, order.work_type_id)
    need = Need(
        site_id=site.id,
        work_type_id=kind.id,
        title=order.title,
        window=window,
        duration_seconds=duration_seconds,
    )
    visit = await _visit(work, order, site, need, kind)
    await visits.settle_order(work, visit)
    return visit


def first_state(kind: WorkType) -> WorkOrderState:
    """Where work of a type begins, once it is taken in."""
    return WorkOrderState.PENDING_APPROVAL if kind.needs_approval else WorkOrderState.READY


def check_texts(need: Need) -> None:
    if not 1 <= len(need.title.strip()) <= LONGEST_TITLE:
        raise Invalid(f"A title is needed, of at most {LONGEST_TITLE} characters.", "title")
    for text, field in ((need.description, "description"), (need.internal_notes, "internalNotes")):
        if text is not None and len(text) > LONGEST_TEXT:
            raise Invalid(f"It has at most {LONGEST_TEXT} characters.", field)


def check_window(window: tuple[datetime, datetime] | None) -> None:
    if window and window[0] >= window[1]:
        raise Invalid("An arrival window starts before it ends.", "arrivalWindow")


async def check_asset(work: UnitOfWork, key: UUID, site_id: UUID) -> None:
    """That it stands where the work is. Raises NotFound or Invalid."""
    if (await work.find(Asset, key, "asset")).site_id != site_id:
        raise Invalid("That asset stands at another site.", "asset")


async def _contract(work: UnitOfWork, site: Site, need: Need) -> Contract | None:
    wanted = Work(customer_id=site.customer_id, work_type_id=need.work_type_id, asset_id=need.asset_id)
    if need.planned:
        key = need.contract_id
        return await contracts.check_in_force(work, key, site.customer_id) if key else None
    if need.contract_id is not None:
        return await contracts.check_covers(work, need.contract_id, wanted)
    return None if need.without_contract else await contracts.covering(work, wanted)


async def _clocks(
    work: UnitOfWork, order: WorkOrder, site: Site, contract: Contract | None
) -> list[Milestone]:
    """Those of the contract's entitlement, drawn up; the order is due with one of them."""
    entitlement = await contracts.granted(work, contract, site.time_zone) if contract else None
    if entitlement is None:
        return []
    clocks = milestones.draw(order, entitlement, site.time_zone, work.at)
    order.entitlement_id = entitlement.id
    order.due_at = order.due_at or milestones.arrival(clocks)
    return clocks


async def _visit(work: UnitOfWork, order: WorkOrder, site: Site, need: Need, kind: WorkType) -> Visit:
    asked = need.duration_seconds
    duration_seconds = kind.duration_seconds if asked is None else asked
    if not 60 <= duration_seconds <= 86_400:
        raise Invalid("A visit lasts from a minute to a day.", "duration")
    visit = work.add(
        Visit(
            work_order_id=order.id,
            customer_id=site.customer_id,
            site_id=site.id,
            territory_id=site.territory_id,
            duration_seconds=duration_seconds,
            window_start=need.window[0] if need.window else None,
            window_end=need.window[1] if need.window else None,
            first_promised_start=need.window[0] if need.window else None,
            first_promised_end=need.window[1] if need.window else None,
            crew_size=kind.crew_size,
        )
    )
    await work.session.flush()
    needs = await work.session.exec(select(WorkTypePart).where(WorkTypePart.work_type_id == kind.id))
    for part in needs.all():
        work.add(VisitPart(visit_id=visit.id, part_id=part.part_id, quantity=part.quantity))
    scope = visits.scope(visit, [])
    visits.announce(work, visit, "VisitCreated", before={}, scopes=(scope, scope))
    return visit
