"""Purchase orders by hand in any order of verbs: they bring what was asked for, once, and no more."""

from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlmodel import select

from domain import purchasing
from domain.errors import Refused
from domain.purchasing import Arrived, Purchase, Wanted
from domain.stock import PurchaseOrderLine, StockLevel, StockLocation, StockLocationKind, StockMovement
from domain.unit_of_work import UnitOfWork
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.playing import play
from tests.domain.test_purchasing import SUPPLIER, ordered
from tests.domain.world import World


class Suppliers(RuleBasedStateMachine):
    """Orders by hand in any order, in part or whole; a model counts along."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())
        if self.bench.steps:
            return
        for draft, comes in ((True, None), (False, 4), (False, 2), (False, 3)):  # every step once
            self.create(4, draft=draft)
            last = len(self.orders) - 1
            if draft:
                self.place(last)
            if comes:
                self.receive(last, comes)
            if comes == 3:
                self.receive(last, None)
            else:
                self.cancel(last)
        self.create(1, draft=True)
        self.cancel(len(self.orders) - 1)

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.valve = await self.world.part("Valve")
        hall = StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE)
        await self.world.keep(hall)
        self.hall, self.lies = hall.id, 0
        self.orders: list[dict[str, Any]] = []

    def attempt(self, verb: Verb, *, allowed: bool) -> None:
        async def perform() -> bool:
            try:
                async with self.world.unit() as work:
                    await verb(work)
            except Refused:
                return False
            return True

        assert self.bench.run(perform()) == allowed
        self.bench.run(self.look())

    def step(self, one: dict[str, Any], state: str) -> None:
        if one["state"] != state:
            self.bench.steps.add((one["state"], state))
        one["state"] = state

    async def look(self) -> None:
        wanted = [
            (f"PO-{number:06d}", one["state"], one["open"], one["quantity"], one["came"])
            for number, one in enumerate(self.orders, 1)
        ]
        assert await ordered(self.world) == wanted
        levels = await self.world.all(StockLevel)
        assert sum(level.on_hand for level in levels) == self.lies
        assert sum(row.quantity for row in await self.world.all(StockMovement)) == self.lies

    @rule(quantity=some.integers(0, 4), draft=some.booleans())
    def create(self, quantity: int, draft: bool) -> None:  # a rule's arguments are by name
        purchase = Purchase(
            location_id=self.hall,
            supplier_name=SUPPLIER,
            lines=[Wanted(part_id=self.valve, quantity=quantity, values={})],
            draft=draft,
        )

        async def known(work: UnitOfWork) -> None:
            order = await purchasing.create(work, purchase)
            statement = select(PurchaseOrderLine.id).where(PurchaseOrderLine.purchase_order_id == order.id)
            state = "DRAFT" if draft else "ORDERED"
            facts = {"state": state, "open": True, "quantity": quantity, "came": 0}
            line = (await work.session.exec(statement)).one()
            self.orders.append({"id": order.id, "line": line, **facts})

        self.attempt(known, allowed=quantity > 0)

    @rule(number=some.integers(0, 5))
    def place(self, number: int) -> None:
        if self.orders:
            one = self.orders[number % len(self.orders)]
            allowed = one["state"] == "DRAFT"
            if allowed:
                self.step(one, "ORDERED")
            self.attempt(lambda work: purchasing.place(work, one["id"]), allowed=allowed)

    @rule(number=some.integers(0, 5))
    def cancel(self, number: int) -> None:
        if self.orders:
            one = self.orders[number % len(self.orders)]
            allowed = one["state"] not in {"RECEIVED", "CANCELLED"}
            if allowed:
                one["open"] = False
                self.step(one, "CANCELLED")
            self.attempt(lambda work: purchasing.cancel(work, one["id"], reason="so"), allowed=allowed)

    @rule(number=some.integers(0, 5), quantity=some.none() | some.integers(0, 4))
    def receive(self, number: int, quantity: int | None) -> None:
        if self.orders:
            one = self.orders[number % len(self.orders)]
            left = one["quantity"] - one["came"]
            comes = left if quantity is None else quantity
            allowed = one["state"] in {"ORDERED", "PARTLY_RECEIVED"} and 1 <= comes <= left
            if allowed:
                one["came"] += comes
                self.lies += comes
                one["open"] = comes < left
                self.step(one, "PARTLY_RECEIVED" if comes < left else "RECEIVED")
            arrived = None if quantity is None else [Arrived(line_id=one["line"], quantity=quantity)]
            self.attempt(lambda work: purchasing.receive(work, one["id"], arrived), allowed=allowed)


def test_purchase_orders_in_any_order_bring_what_was_asked_for(database: Database) -> None:
    steps = play(database, Suppliers, examples=8, steps=30)
    assert steps == {(str(start), str(end)) for start, end in purchasing.TRANSITIONS}
