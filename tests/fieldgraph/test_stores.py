"""The demo's stores: ledger, rules, purchases, transfers and numbered pieces agree with the levels."""

from collections import Counter

from domain.stock import (
    Part,
    PurchaseOrder,
    PurchaseOrderLine,
    ReorderRule,
    Reservation,
    StockLevel,
    StockLocation,
    StockMovement,
    StockSerial,
    Transfer,
)
from domain.territories import Territory
from domain.visits import VisitPart
from fieldgraph.demo.tales import tell
from tests.fieldgraph.test_seed import START, helsinki, rows


def test_stores_are_kept_up_to_a_part_that_is_missing() -> None:
    for tale in tell(helsinki(), seed=1, start=START):
        rules, orders = rows(tale, ReorderRule), rows(tale, PurchaseOrder)
        assert len(rules) == 6 * sum(place.kind == "WAREHOUSE" for place in rows(tale, StockLocation))
        more = [("PO-000004", "PARTLY_RECEIVED", False), ("PO-000005", "CANCELLED", False)]
        assert sorted((order.number, str(order.state), order.automatic) for order in orders) == [
            ("PO-000001", "RECEIVED", False),
            ("PO-000002", "ORDERED", True),
            ("PO-000003", "DRAFT", False),
            *(more if rows(tale, Territory) else []),
        ]
        assert {str(one.state) for one in rows(tale, Transfer)} == {"REQUESTED", "SHIPPED", "RECEIVED"}
        levels = {(one.stock_location_id, one.part_id): one for one in rows(tale, StockLevel)}
        lines = {line.reorder_rule_id: line for line in rows(tale, PurchaseOrderLine) if line.is_open}
        for rule in rules:
            level = levels[rule.stock_location_id, rule.part_id]
            line = lines.get(rule.id)
            assert (line is None) == (level.on_hand - level.reserved > rule.minimum)
            assert line is None or level.on_hand - level.reserved + line.quantity == rule.maximum
        (part,) = [one for one in rows(tale, Part) if one.serialized]
        there = [one for one in rows(tale, StockSerial) if one.state == "IN_STOCK"]
        numbers = Counter(one.stock_location_id for one in there)
        assert numbers == Counter(
            {place: level.on_hand for (place, key), level in levels.items() if key == part.id}
        )
        (need,) = [one for one in rows(tale, VisitPart) if one.part_id == part.id]
        vans = {place.id for place in rows(tale, StockLocation) if place.kind == "VAN"}
        assert need.quantity > max(numbers[van] for van in vans) > 0


def test_the_ledger_of_stock_adds_up() -> None:
    for tale in tell(helsinki(), seed=1, start=START):
        moved: dict[tuple[object, object], int] = {}
        held: dict[tuple[object, object], int] = {}
        for movement in rows(tale, StockMovement):
            key = movement.stock_location_id, movement.part_id
            moved[key] = moved.get(key, 0) + movement.quantity
        for hold in rows(tale, Reservation):
            if hold.state in {"HELD", "PICKED"}:
                key = hold.stock_location_id, hold.part_id
                held[key] = held.get(key, 0) + hold.quantity
        levels = {(one.stock_location_id, one.part_id): one for one in rows(tale, StockLevel)}
        assert {key: level.on_hand for key, level in levels.items()} == moved
        assert {key: level.reserved for key, level in levels.items() if level.reserved} == held
