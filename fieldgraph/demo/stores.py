"""The demo's stores: when what is ordered, what has come, is on the way and is missing; pieces by number."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from domain.organizations import Counter
from domain.stock import (
    MovementKind,
    Part,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderState,
    ReorderRule,
    SerialState,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
    StockSerial,
    Transfer,
    TransferState,
)
from domain.visits import Visit, VisitPart, VisitState
from fieldgraph.demo.companies import Company

RULES = ((0, 20, 80), (2, 12, 60), (4, 20, 80), (5, 30, 120), (8, 20, 80), (11, 6, 40))
"""Parts by their place in the catalogue, with the fewest and the most that shall lie in a warehouse."""
LOW, LOW_PIECES = 4, 15
"""The part that a recall left too few of, and how many: its order is open."""
SUPPLIERS = ("Nordic Parts Oy", "Talotekniikka Tukku Oy")
LEAD_DAYS = 4
CONTROLLERS, CARRIED = 4, 1
"""Pieces with numbers, in the first warehouse and in the first van."""


class Store(NamedTuple):
    """A company with its warehouses, as they are supplied."""

    company: Company
    halls: list[StockLocation]
    rules: dict[tuple[UUID, int], ReorderRule]

    @property
    def yesterday(self) -> datetime:
        return self.company.hours.opens - timedelta(days=1)


def keep_stores(company: Company) -> None:
    """What purchasing and the storekeepers did before the demo begins; drawn from nothing but the order."""
    halls = [
        row
        for row in company.book.rows[company.founded]
        if isinstance(row, StockLocation) and row.kind == StockLocationKind.WAREHOUSE
    ]
    store = Store(company, halls, {})
    for hall in halls:
        for number, minimum, maximum in RULES:
            _rule(store, hall, number, span=(minimum, maximum))
    _purchases(store)
    _transfers(store, _controllers(store))


def _rule(store: Store, hall: StockLocation, number: int, *, span: tuple[int, int]) -> None:
    part = store.company.parts[number]
    store.rules[hall.id, number] = store.company.add(
        ReorderRule(
            part_id=part.id,
            stock_location_id=hall.id,
            minimum=span[0],
            maximum=span[1],
            lead_days=LEAD_DAYS,
            supplier_name=SUPPLIERS[number % len(SUPPLIERS)],
            supplier_number=f"S{4_100 + number}",
            unit_cost=(part.unit_price * Decimal("0.6")).quantize(Decimal("0.01")),
        )
    )


def _purchases(store: Store) -> None:
    """One that has come, one that is open because a recall left too few, and one that is being written."""
    company, hall = store.company, store.halls[0]
    came = _order(store, "PO-000001", PurchaseOrderState.RECEIVED, days_ago=9)
    came.received_at = store.yesterday - timedelta(days=4)
    _line(store, came, 5, quantity=40, received=40)
    filters, at = company.parts[5], came.received_at
    _move(store, hall, filters, 40, kind=MovementKind.RECEIPT, at=at, purchase_order_id=came.id)
    level = company.levels[hall.id, company.parts[LOW].id]
    recalled = LOW_PIECES - level.on_hand
    _move(
        store,
        hall,
        company.parts[LOW],
        recalled,
        kind=MovementKind.ADJUSTMENT,
        at=store.yesterday,
        reason="Recall",
    )
    low = _order(store, "PO-000002", PurchaseOrderState.ORDERED, days_ago=1)
    low.automatic = True
    _line(store, low, LOW, quantity=80 - LOW_PIECES)
    draft = _order(store, "PO-000003", PurchaseOrderState.DRAFT, days_ago=0)
    draft.ordered_at, draft.reason = None, "Before the heating season"
    _line(store, draft, 12, quantity=30)
    company.add(Counter(series="PURCHASE_ORDER", value=3), store.yesterday)


def _order(store: Store, number: str, state: PurchaseOrderState, *, days_ago: int) -> PurchaseOrder:
    at = store.company.hours.opens - timedelta(days=days_ago)
    return store.company.add(
        PurchaseOrder(
            number=number,
            state=state,
            supplier_name=SUPPLIERS[0],
            stock_location_id=store.halls[0].id,
            ordered_at=at,
            expected_on=store.company.hours.day + timedelta(days=LEAD_DAYS - days_ago),
        ),
        at,
    )


def _line(store: Store, order: PurchaseOrder, number: int, *, quantity: int, received: int = 0) -> None:
    hall, part = store.halls[0], store.company.parts[number]
    rule = store.rules.get((hall.id, number))
    at = order.ordered_at or store.company.hours.opens
    store.company.add(
        PurchaseOrderLine(
            purchase_order_id=order.id,
            part_id=part.id,
            stock_location_id=hall.id,
            reorder_rule_id=rule.id if rule and order.automatic else None,
            supplier_number=rule.supplier_number if rule else None,
            quantity=quantity,
            received=received,
            unit_cost=rule.unit_cost if rule else None,
            is_open=received < quantity,
        ),
        at,
    )


def _controllers(store: Store) -> Part:
    """Pieces with numbers; the last visit of today needs two, and no van has more than one."""
    company = store.company
    part = company.add(
        Part(
            number=f"P-{len(company.parts) + 1:03d}",
            name="Heat pump controller",
            barcode=f"20{len(company.parts) + 1:010d}",
            unit_price=Decimal(420),
            serialized=True,
        )
    )
    company.parts.append(part)
    first = company.vans[company.employees()[0].id]
    for place, pieces in ((store.halls[0], CONTROLLERS), (first, CARRIED)):
        company.levels[place.id, part.id] = company.add(
            StockLevel(stock_location_id=place.id, part_id=part.id)
        )
        _move(store, place, part, pieces, kind=MovementKind.RECEIPT, at=company.founded)
        for number in range(1, pieces + 1):
            letter = "V" if place is first else "W"
            serial = f"HPC-{company.ground.letter}{letter}{number:04d}"
            company.add(
                StockSerial(
                    part_id=part.id, serial=serial, state=SerialState.IN_STOCK, stock_location_id=place.id
                )
            )
    waiting = [
        row
        for rows in company.book.rows.values()
        for row in rows
        if isinstance(row, Visit) and row.state == VisitState.UNSCHEDULED
    ]
    company.add(VisitPart(visit_id=waiting[-1].id, part_id=part.id, quantity=2), company.hours.opens)
    return part


def _transfers(store: Store, controller: Part) -> None:
    """One that a visit of today waits for, one on the way, and one that has come."""
    company, hall = store.company, store.halls[0]
    van = company.vans[company.employees()[0].id]
    _transfer(store, (hall, van), controller, 1, TransferState.REQUESTED)
    lock, nozzle = company.parts[8], company.parts[0]
    shipped = _transfer(store, (hall, van), lock, 2, TransferState.SHIPPED)
    _move(store, hall, lock, -2, kind=MovementKind.TRANSFER_OUT, at=store.yesterday, transfer_id=shipped.id)
    came = _transfer(store, (hall, van), nozzle, 3, TransferState.RECEIVED)
    _move(store, hall, nozzle, -3, kind=MovementKind.TRANSFER_OUT, at=store.yesterday, transfer_id=came.id)
    if (van.id, nozzle.id) not in company.levels:
        company.levels[van.id, nozzle.id] = company.add(
            StockLevel(stock_location_id=van.id, part_id=nozzle.id)
        )
    _move(store, van, nozzle, 3, kind=MovementKind.TRANSFER_IN, at=store.yesterday, transfer_id=came.id)


def _transfer(
    store: Store, ends: tuple[StockLocation, StockLocation], part: Part, pieces: int, state: TransferState
) -> Transfer:
    at = store.yesterday
    return store.company.add(
        Transfer(
            from_location_id=ends[0].id,
            to_location_id=ends[1].id,
            part_id=part.id,
            quantity=pieces,
            state=state,
            shipped_at=None if state == TransferState.REQUESTED else at,
            received_at=at + timedelta(hours=2) if state == TransferState.RECEIVED else None,
        ),
        at,
    )


def _move(
    store: Store,
    place: StockLocation,
    part: Part,
    pieces: int,
    *,
    kind: MovementKind,
    at: datetime,
    **because: Any,
) -> None:
    """The ledger says it, the level follows; levels are not yet written."""
    store.company.levels[place.id, part.id].on_hand += pieces
    store.company.add(
        StockMovement(stock_location_id=place.id, part_id=part.id, kind=kind, quantity=pieces, **because), at
    )
