"""Purchasing: reorder rules that order by themselves, purchase orders by hand, and what comes of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import inputs, stock, stock_movements
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.inputs import Check
from domain.stock import (
    MovementKind,
    Part,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderState,
    ReorderRule,
    StockLevel,
    StockLocation,
    alerts,
    replenishment,
    serials,
)
from domain.unit_of_work import UnitOfWork

DRAFT, ORDERED = PurchaseOrderState.DRAFT, PurchaseOrderState.ORDERED
PARTLY, RECEIVED = PurchaseOrderState.PARTLY_RECEIVED, PurchaseOrderState.RECEIVED
CANCELLED = PurchaseOrderState.CANCELLED
TRANSITIONS = {
    (DRAFT, ORDERED),
    (DRAFT, CANCELLED),
    (ORDERED, PARTLY),
    (ORDERED, RECEIVED),
    (ORDERED, CANCELLED),
    (PARTLY, RECEIVED),
    (PARTLY, CANCELLED),
}
LONGEST_LEAD_DAYS = 730
MOST_LINES = 100


def _pieces(value: Any) -> int:
    number = int(inputs.given(value))
    if not 0 <= number <= stock_movements.MOST_AT_ONCE:
        raise ValueError(f"Between 0 and {stock_movements.MOST_AT_ONCE} pieces.")
    return number


def _days(value: Any) -> int:
    number = int(inputs.given(value))
    if not 0 <= number <= LONGEST_LEAD_DAYS:
        raise ValueError(f"Between 0 and {LONGEST_LEAD_DAYS} days.")
    return number


RULE: Mapping[str, Check] = {
    "minimum": _pieces,
    "maximum": _pieces,
    "lead_days": _days,
    "supplier_name": inputs.words(),
    "supplier_number": inputs.words(50, optional=True),
    "unit_cost": inputs.unless_null(inputs.price),
    "currency": inputs.currency,
    "is_active": lambda value: bool(inputs.given(value)),
}
"""What may be said of a reorder rule, by column; its part and its place stand."""
LINE: Mapping[str, Check] = {name: RULE[name] for name in ("supplier_number", "unit_cost", "currency")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A line of a purchase order: so many pieces of a part; `values` are further columns."""

    part_id: UUID
    quantity: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What is to be bought; `draft`: it is not yet ordered."""

    location_id: UUID
    supplier_name: str
    lines: Sequence[Wanted]
    expected_on: date | None = None
    reason: str | None = None
    draft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What came of a line, with the numbers of the pieces where its part is serialized."""

    line_id: UUID
    quantity: int
    serials: Sequence[str] | None = None


async def create_rule(
    work: UnitOfWork, part_id: UUID, location_id: UUID, values: Mapping[str, Any]
) -> ReorderRule:
    """From now on a part is ordered for a place by itself: at once, where too little is there already."""
    kept = inputs.checked(values, RULE)
    part = await work.find(Part, part_id, "part")
    place = await work.find(StockLocation, location_id, "stockLocation")
    taken = select(ReorderRule.id).where(
        ReorderRule.part_id == part.id, ReorderRule.stock_location_id == place.id
    )
    if (await work.session.exec(taken)).first():
        raise Conflict("There is a rule for that part in that place.", "part")
    rule = ReorderRule(part_id=part.id, stock_location_id=place.id, **kept)
    _check_span(rule)
    level = await stock.shelf(work, place.id, part.id)
    alerts.seen(work, [level], minimum=alerts.UNWATCHED)
    work.add(rule)
    await work.session.flush()
    stock_movements.announce(work, rule, "ReorderRuleCreated", values=_span(rule))
    return rule


async def update_rule(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> ReorderRule:
    """Changes what is named and differs. What it ordered before stays ordered."""
    kept = inputs.checked(values, RULE)
    rule = await work.get(ReorderRule, key, "reorderRule")
    inputs.check_version(rule, expected_version)
    with work.session.no_autoflush:
        before = inputs.write(rule, kept)
        _check_span(rule)
    if before:
        await work.session.flush()
        stock_movements.announce(work, rule, "ReorderRuleChanged", values=_span(rule))
        level = await stock.shelf(work, rule.stock_location_id, rule.part_id)
        was_active = before.get("is_active", rule.is_active)
        minimum = before.get("minimum", rule.minimum) if was_active else alerts.UNWATCHED
        alerts.seen(work, [level], minimum=minimum)
    return rule


def _check_span(rule: ReorderRule) -> None:
    if rule.maximum <= rule.minimum:
        raise Invalid("The most is more than the least.", "maximum")


def _span(rule: ReorderRule) -> dict[str, Any]:
    return {
        "part_id": rule.part_id,
        "stock_location_id": rule.stock_location_id,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "is_active": rule.is_active,
    }


async def create(work: UnitOfWork, purchase: Purchase) -> PurchaseOrder:
    """A purchase order by hand, DRAFT or ORDERED at once."""
    told = inputs.checked({"supplier_name": purchase.supplier_name}, RULE)
    if purchase.reason is not None:
        stock_movements.check_reason(purchase.reason)
    place = await work.find(StockLocation, purchase.location_id, "stockLocation")
    await _check_lines(work, purchase)
    lines = [_line(line, number) for number, line in enumerate(purchase.lines)]
    order = work.add(
        PurchaseOrder(
            number=await replenishment.next_number(work),
            state=DRAFT if purchase.draft else ORDERED,
            stock_location_id=place.id,
            reason=purchase.reason,
            expected_on=purchase.expected_on,
            ordered_at=None if purchase.draft else work.at,
            **told,
        )
    )
    await work.session.flush()
    for line, values in zip(purchase.lines, lines, strict=True):
        work.add(
            PurchaseOrderLine(
                purchase_order_id=order.id,
                stock_location_id=place.id,
                part_id=line.part_id,
                quantity=line.quantity,
                **values,
            )
        )
    await work.session.flush()
    replenishment.announce(work, order, "PurchaseOrderCreated")
    return order


def _line(line: Wanted, number: int) -> Mapping[str, Any]:
    try:
        return inputs.checked(line.values, LINE)
    except Invalid as error:
        raise Invalid(error.message, "lines", str(number), *error.path) from None


async def _check_lines(work: UnitOfWork, purchase: Purchase) -> None:
    keys = [line.part_id for line in purchase.lines]
    if not 1 <= len(keys) <= MOST_LINES:
        raise Invalid(f"A purchase order has between 1 and {MOST_LINES} lines.", "lines")
    if len(set(keys)) < len(keys):
        raise Invalid("A part stands on one line only.", "lines")
    if not all(1 <= line.quantity <= stock_movements.MOST_AT_ONCE for line in purchase.lines):
        raise Invalid(f"Between 1 and {stock_movements.MOST_AT_ONCE} pieces at once.", "lines")
    if purchase.expected_on is not None and purchase.expected_on < await replenishment.today(work):
        raise Invalid("What is ordered now does not come before today.", "expectedOn")
    known = await work.session.exec(select(Part.id).where(col(Part.id).in_(keys)))
    if len(known.all()) < len(keys):
        raise NotFound("No Part has that id.", "lines")


async def place(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> PurchaseOrder:
    """A draft is ordered: DRAFT → ORDERED."""
    order = await _found(work, key, expected_version)
    before = _step(order, ORDERED)
    order.ordered_at = work.at
    replenishment.announce(work, order, "PurchaseOrderPlaced", before)
    return order


async def cancel(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> PurchaseOrder:
    """What has not come will not come; what has, stays. A rule may then order anew."""
    stock_movements.check_reason(reason)
    order = await _found(work, key, expected_version)
    before = _step(order, CANCELLED)
    order.reason = work.reason = reason
    for line in await _lines(work, order):
        line.is_open = False
    replenishment.announce(work, order, "PurchaseOrderCancelled", before)
    return order


async def receive(
    work: UnitOfWork,
    key: UUID,
    arrived: Sequence[Arrived] | None = None,
    *,
    expected_version: int | None = None,
) -> PurchaseOrder:
    """What was ordered comes, line by line in part or whole (None: all that is open), and is in stock."""
    order = await _found(work, key, expected_version)
    if order.state not in {ORDERED, PARTLY}:
        raise InvalidTransition(f"Nothing comes of a purchase order that is {order.state}.", "purchaseOrder")
    lines = {line.id: line for line in await _lines(work, order)}
    if arrived is None:
        arrived = [
            Arrived(line_id=line.id, quantity=line.quantity - line.received)
            for line in lines.values()
            if line.is_open
        ]
    _check_arrived(arrived, lines)
    complete = all(
        line.received + sum(one.quantity for one in arrived if one.line_id == line.id) == line.quantity
        for line in lines.values()
    )
    before = order.state
    if complete or before != PARTLY:
        _step(order, RECEIVED if complete else PARTLY)
    if complete:
        order.received_at = work.at
    parts = await _parts(work, lines.values())
    levels = await stock.shelves(
        work, [(order.stock_location_id, lines[one.line_id].part_id) for one in arrived]
    )
    for one in arrived:
        line = lines[one.line_id]
        level = levels[order.stock_location_id, line.part_id]
        await _bring(work, order, line, one=one, part=parts[line.part_id], level=level)
    replenishment.announce(work, order, "PurchaseOrderReceived", before)
    return order


def _check_arrived(arrived: Sequence[Arrived], lines: Mapping[UUID, PurchaseOrderLine]) -> None:
    if not arrived:
        raise Invalid("Something has to have come.", "lines")
    if len({one.line_id for one in arrived}) < len(arrived):
        raise Invalid("A line is said twice.", "lines")
    for one in arrived:
        line = lines.get(one.line_id)
        if line is None:
            raise NotFound("No PurchaseOrderLine of this order has that id.", "lines")
        left = line.quantity - line.received
        if not 1 <= one.quantity <= left:
            raise Invalid(f"{left} pieces of a line are still to come.", "lines")


async def _bring(
    work: UnitOfWork,
    order: PurchaseOrder,
    line: PurchaseOrderLine,
    *,
    one: Arrived,
    part: Part,
    level: StockLevel,
) -> None:
    numbers = serials.named(part, one.quantity, one.serials, "lines")
    await serials.come(work, part, order.stock_location_id, numbers, "lines")
    stock.check_room(level, one.quantity, "lines")
    stock.move(work, level, quantity=one.quantity, kind=MovementKind.RECEIPT, purchase_order_id=order.id)
    line.received += one.quantity
    line.is_open = line.received < line.quantity


async def _found(work: UnitOfWork, key: UUID, expected_version: int | None) -> PurchaseOrder:
    order = await work.get(PurchaseOrder, key, "purchaseOrder")
    inputs.check_version(order, expected_version)
    return order


async def _lines(work: UnitOfWork, order: PurchaseOrder) -> Sequence[PurchaseOrderLine]:
    statement = select(PurchaseOrderLine).where(col(PurchaseOrderLine.purchase_order_id) == order.id)
    ordered = statement.order_by(col(PurchaseOrderLine.id)).with_for_update(key_share=True)
    return (await work.session.exec(ordered)).all()


async def _parts(work: UnitOfWork, lines: Collection[PurchaseOrderLine]) -> Mapping[UUID, Part]:
    keys = {line.part_id for line in lines}
    return {
        row.id: row for row in (await work.session.exec(select(Part).where(col(Part.id).in_(keys)))).all()
    }


def _step(order: PurchaseOrder, state: PurchaseOrderState) -> PurchaseOrderState:
    """Answers with the state before."""
    before = order.state
    if (before, state) not in TRANSITIONS:
        raise InvalidTransition(
            f"A purchase order cannot go from {before} to {state.value}.", "purchaseOrder"
        )
    order.state = state
    return before
