"""Replenishment: what has become too little is ordered in the transaction that made it so.

A level is locked by whoever changes it, so its rule is looked at by one unit after the other; one open line
for each rule is also what the database admits. The organization's next order number is taken last of all.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text as literal

from domain import ids
from domain.events import Event, Scope
from domain.organizations import Organization, next_in
from domain.stock.rows import PurchaseOrder, PurchaseOrderLine, PurchaseOrderState, Shelf, StockLevel
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD

SERIES = "PURCHASE_ORDER"
DUE = literal("""
SELECT r.id, r.stock_location_id, r.part_id, r.minimum, r.maximum, r.lead_days, r.supplier_name,
  r.supplier_number, r.unit_cost, r.currency, l.id AS level_id, s.technician_id, p.projected
FROM reorder_rule r
JOIN stock_location s ON s.organization_id = r.organization_id AND s.id = r.stock_location_id
LEFT JOIN stock_level l ON l.organization_id = r.organization_id
  AND l.stock_location_id = r.stock_location_id AND l.part_id = r.part_id
CROSS JOIN LATERAL (SELECT coalesce(l.available, 0)
  + coalesce((SELECT sum(n.quantity - n.received) FROM purchase_order_line n
      WHERE n.organization_id = r.organization_id AND n.stock_location_id = r.stock_location_id
      AND n.part_id = r.part_id AND n.is_open), 0)
  + coalesce((SELECT sum(t.quantity) FROM transfer t
      WHERE t.organization_id = r.organization_id AND t.to_location_id = r.stock_location_id
      AND t.part_id = r.part_id AND t.state = 'SHIPPED'), 0) AS projected) p
WHERE r.organization_id = :organization AND r.is_active AND p.projected <= r.minimum
  AND (r.stock_location_id, r.part_id) IN
    (SELECT * FROM unnest(CAST(:places AS uuid[]), CAST(:parts AS uuid[])))
  AND NOT EXISTS (SELECT 1 FROM purchase_order_line n
    WHERE n.organization_id = r.organization_id AND n.reorder_rule_id = r.id AND n.is_open)
ORDER BY r.supplier_name, r.stock_location_id, r.lead_days, r.id
""")


async def replenish(work: UnitOfWork, shelves: Collection[Shelf]) -> None:
    """Order what the rules of these shelves ask for: one purchase order a supplier, place and lead time."""
    if work.viewer.role in FIELD:
        async with work.unscoped():  # who takes the last piece neither sees nor makes purchase orders
            await _order(work, shelves)
    else:
        await work.session.flush()
        await _order(work, shelves)


async def _order(work: UnitOfWork, shelves: Collection[Shelf]) -> None:
    places, parts = zip(*shelves, strict=True)
    given = {"organization": work.viewer.organization_id, "places": list(places), "parts": list(parts)}
    orders: dict[tuple[str, UUID, int], list[Any]] = defaultdict(list)
    for due in (await work.session.execute(DUE, given)).all():
        orders[due.supplier_name, due.stock_location_id, due.lead_days].append(due)
    for lines in orders.values():
        await _make(work, lines)


async def _make(work: UnitOfWork, lines: list[Any]) -> None:
    first = lines[0]
    order = work.add(
        PurchaseOrder(
            number=await next_number(work),
            state=PurchaseOrderState.ORDERED,
            supplier_name=first.supplier_name,
            stock_location_id=first.stock_location_id,
            automatic=True,
            ordered_at=work.at,
            expected_on=await today(work) + timedelta(days=first.lead_days),
        )
    )
    await work.session.flush()
    for line in lines:
        work.add(
            PurchaseOrderLine(
                id=ids.new(),
                purchase_order_id=order.id,
                part_id=line.part_id,
                stock_location_id=line.stock_location_id,
                reorder_rule_id=line.id,
                supplier_number=line.supplier_number,
                quantity=line.maximum - int(line.projected),
                unit_cost=line.unit_cost,
                currency=line.currency,
            )
        )
    await work.session.flush()
    announce(work, order, "PurchaseOrderCreated")
    for line in lines:
        await _warn(work, order, line)


async def _warn(work: UnitOfWork, order: PurchaseOrder, line: Any) -> None:
    if line.level_id is None:
        return
    level = await work.find(StockLevel, line.level_id)
    scope = Scope(technicians=(line.technician_id,) if line.technician_id else ())
    values = {
        "stock_location_id": line.stock_location_id,
        "part_id": line.part_id,
        "projected": int(line.projected),
        "minimum": line.minimum,
        "purchase_order_id": order.id,
    }
    work.emit(
        Event(
            type="StockLow",
            topic="stock_level",
            subject=level,
            values=values,
            scope_before=scope,
            scope_after=scope,
        )
    )


async def next_number(work: UnitOfWork) -> str:
    """Such as PO-000042."""
    return f"PO-{await next_in(work, SERIES):06d}"


async def today(work: UnitOfWork) -> date:
    """The date in the organization's zone."""
    own = await work.session.get(Organization, work.viewer.organization_id)
    if own is None:
        raise LookupError("a unit of work without its organization")
    return work.at.astimezone(ZoneInfo(own.time_zone)).date()


def announce(
    work: UnitOfWork, order: PurchaseOrder, type: str, before: PurchaseOrderState | None = None
) -> None:
    """Nobody in the field is told: purchase orders are the office's."""
    work.emit(
        Event(
            type=type,
            topic="purchase_order",
            subject=order,
            before={"state": before} if before else {},
            values={"number": order.number, "state": order.state, "automatic": order.automatic},
            scope_before=Scope(),
            scope_after=Scope(),
        )
    )
