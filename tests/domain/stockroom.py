"""A stockroom as plain Python knows it, and whether the database holds the same."""

from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from domain import purchasing, stock, stock_movements, visits
from domain.errors import Refused
from domain.stock import (
    PurchaseOrderLine,
    Reservation,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
    StockSerial,
    Transfer,
)
from domain.stock_movements import Change
from domain.tracking import record_arrival
from tests.domain.machines import Bench, Verb
from tests.domain.world import World, at

HALL, ADA, BEN = 0, 1, 2
LEAST, MOST = 2, 9
OPEN = ("HELD", "PICKED")


@dataclass
class Hold:
    """A hold as the model knows it."""

    key: UUID
    visit: int
    place: int
    pieces: int
    state: str = "HELD"
    origin: int | None = None


class Stockroom(RuleBasedStateMachine):
    """A hall with a reorder rule and two vans; three visits, two of them under way; one part with numbers.

    `numbered` says whether the part of this run is serialized: then every verb has to name its pieces.
    """

    def __init__(self, bench: Bench, *, numbered: bool) -> None:
        super().__init__()
        self.bench = bench
        self.numbered = numbered

    async def make(self) -> None:
        world = self.world = await World.make(self.bench.engine)
        world.now = at(9)
        self.part = await world.part("Valve")
        crew = [await world.technician(name) for name in ("Ada", "Ben")]
        hall = StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE)
        async with world.unit() as work:
            (await work.get(stock.Part, self.part)).serialized = self.numbered
            work.add(hall)
        vans = {row.technician_id: row.id for row in await world.all(StockLocation)}
        self.places = [hall.id, *(vans[technician] for technician in crew)]
        kind = await world.work_type()
        self.visits = [await world.visit(kind) for _ in range(3)]
        for visit, technician, hour in zip(self.visits, (*crew, crew[0]), (9, 9, 12), strict=True):
            await world.schedule(visit, technician, hour)
        for visit in self.visits[:2]:
            await self.begin(visit)
        self.over: set[int] = set()
        self.lies, self.holds = [0, 0, 0], list[Hold]()
        self.moves: list[tuple[UUID, int, int, int, str]] = []
        self.ordered: list[int] = []
        self.numbers: dict[str, tuple[str, int]] = {}
        values = {"minimum": LEAST, "maximum": MOST, "supplier_name": "Supplies Oy"}
        async with world.unit() as work:
            await purchasing.create_rule(work, self.part, hall.id, values)
        self.ordered.append(MOST)
        for place, pieces in enumerate((6, 4, 4)):
            numbers = self.fresh(pieces)
            where = Change(
                location_id=self.places[place], part_id=self.part, quantity=pieces, serials=numbers
            )
            async with world.unit() as work:
                await stock_movements.receive(work, where)
            self.lies[place] += pieces
            self.put(numbers, "IN_STOCK", place)

    async def begin(self, visit: UUID) -> None:
        await self.world.dispatch(visit)
        async with self.world.unit() as work:
            await record_arrival(work, visit, occurred_at=None)
        async with self.world.unit() as work:
            await visits.start_work(work, visit)

    def held(self, place: int, *, visit: int | None = None) -> int:
        rows = [hold for hold in self.holds if hold.place == place and hold.state in OPEN]
        return sum(hold.pieces for hold in rows if visit in {None, hold.visit})

    def free(self, place: int) -> int:
        return self.lies[place] - self.held(place)

    def told(self, place: int, pieces: int) -> list[str] | None:
        """Numbers of pieces that lie there, as many as are asked for if there are."""
        if not self.numbered:
            return None
        there = sorted(key for key, fact in self.numbers.items() if fact == ("IN_STOCK", place))
        return there[:pieces] if pieces > 0 else []

    def fresh(self, pieces: int) -> list[str] | None:
        if not self.numbered:
            return None
        return [f"S{len(self.numbers) + number}" for number in range(max(pieces, 0))]

    def put(self, numbers: list[str] | None, state: str, place: int) -> None:
        for number in numbers or ():
            self.numbers[number] = (state, place)

    def split(self, hold: Hold, pieces: int, key: UUID, **changes: object) -> None:
        """The pieces that took a step stand under `key`; the rest stays."""
        moved = replace(hold, key=key, pieces=pieces, **changes)  # type: ignore[arg-type]  # by name
        self.bench.steps.add((hold.state, moved.state))
        hold.pieces -= pieces
        if not hold.pieces:
            self.holds.remove(hold)
        self.holds.append(moved)

    def reorder(self) -> None:
        """What the rule asks for after a change at the hall, if none of its orders is open."""
        coming = sum(row[3] for row in self.moves if row[2] == HALL and row[4] != "RECEIVED")
        projected = self.free(HALL) + coming + sum(self.ordered)
        if not self.ordered and projected <= LEAST:
            self.ordered.append(MOST - projected)

    def attempt(self, verb: Verb, *, allowed: bool) -> None:
        async def perform() -> Refused | None:
            try:
                async with self.world.unit() as work:
                    await verb(work)
            except Refused as refusal:
                return refusal
            return None

        refusal = self.bench.run(perform())
        assert (refusal is None) == allowed, repr(refusal)
        self.reorder()
        self.bench.run(self.look())

    async def look(self) -> None:
        """Model, levels, ledger, holds, numbers and orders say the same."""
        everything = {row.stock_location_id: row for row in await self.world.all(StockLevel)}
        movements = Counter[UUID]()
        for row in await self.world.all(StockMovement):
            movements[row.stock_location_id] += row.quantity
        for place, key in enumerate(self.places):
            level = everything.get(key)
            found = (level.on_hand, level.reserved, level.available) if level else (0, 0, 0)
            assert found == (self.lies[place], self.held(place), self.free(place))
            assert found[0] == movements[key]
            assert min(found) >= 0
        rows = {
            (row.id, str(row.state), row.quantity, row.stock_location_id)
            for row in await self.world.all(Reservation)
        }
        assert rows == {(one.key, one.state, one.pieces, self.places[one.place]) for one in self.holds}
        assert {(row.id, str(row.state)) for row in await self.world.all(Transfer)} == {
            (row[0], row[4]) for row in self.moves
        }
        serials = {
            row.serial: (str(row.state), row.stock_location_id) for row in await self.world.all(StockSerial)
        }
        assert serials == {
            number: (state, self.places[place]) for number, (state, place) in self.numbers.items()
        }
        if self.numbered:
            there = Counter(place for state, place in self.numbers.values() if state == "IN_STOCK")
            assert [there[place] for place in range(3)] == self.lies
        lines = [row for row in await self.world.all(PurchaseOrderLine) if row.is_open]
        assert [row.quantity for row in lines] == self.ordered
