"""Purchasing: the mutations that keep reorder rules and purchase orders."""

from collections.abc import Mapping
from typing import Any

from domain import purchasing
from domain.purchasing import Arrived, Purchase, Wanted
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.purchasing import (
    CancelPurchaseOrderInput,
    CreatePurchaseOrderInput,
    CreateReorderRuleInput,
    PlacePurchaseOrderInput,
    ReceivePurchaseOrderInput,
    UpdateReorderRuleInput,
)

Values = Mapping[str, Any]
RULE = tuple(purchasing.RULE)
STATED = tuple(name for name in RULE if name != "is_active")
LINE = tuple(purchasing.LINE)


async def create_reorder_rule(work: UnitOfWork, given: CreateReorderRuleInput, _context: Context) -> Values:
    part_id, location_id = key("prt", given.part), key("stl", given.stock_location)
    rule = await purchasing.create_rule(work, part_id, location_id, stated(given, *STATED))
    return {"reorder_rule_id": rule.id}


async def update_reorder_rule(work: UnitOfWork, given: UpdateReorderRuleInput, _context: Context) -> Values:
    rule = await purchasing.update_rule(
        work,
        key("ror", given.reorder_rule),
        told(given, *RULE),
        expected_version=given.expected_version,
    )
    return {"reorder_rule_id": rule.id}


async def create_purchase_order(
    work: UnitOfWork, given: CreatePurchaseOrderInput, _context: Context
) -> Values:
    purchase = Purchase(
        location_id=key("stl", given.stock_location),
        supplier_name=given.supplier_name,
        lines=[
            Wanted(part_id=key("prt", line.part), quantity=line.quantity, values=stated(line, *LINE))
            for line in given.lines
        ],
        expected_on=given.expected_on,
        reason=given.reason,
        draft=given.draft,
    )
    return {"purchase_order_id": (await purchasing.create(work, purchase)).id}


async def place_purchase_order(work: UnitOfWork, given: PlacePurchaseOrderInput, _context: Context) -> Values:
    order = await purchasing.place(
        work, key("por", given.purchase_order), expected_version=given.expected_version
    )
    return {"purchase_order_id": order.id}


async def cancel_purchase_order(
    work: UnitOfWork, given: CancelPurchaseOrderInput, _context: Context
) -> Values:
    order = await purchasing.cancel(
        work,
        key("por", given.purchase_order),
        reason=given.reason,
        expected_version=given.expected_version,
    )
    return {"purchase_order_id": order.id}


async def receive_purchase_order(
    work: UnitOfWork, given: ReceivePurchaseOrderInput, _context: Context
) -> Values:
    lines = given.lines
    arrived = None
    if lines is not None:
        arrived = [
            Arrived(line_id=key("pul", one.line), quantity=one.quantity, serials=one.serials) for one in lines
        ]
    order = await purchasing.receive(
        work, key("por", given.purchase_order), arrived, expected_version=given.expected_version
    )
    return {"purchase_order_id": order.id}
