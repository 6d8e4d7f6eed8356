"""Every verb of stock in any order, against a ledger in plain Python: no piece is lost or promised twice."""

from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain import purchasing, reservations, stock, stock_movements, transfers, visits
from domain.errors import Refused
from domain.reservations import Amount, Use, Wish
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
from domain.transfers import Wish as Wanted
from domain.unit_of_work import UnitOfWork
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.world import World, at

HALL, ADA, BEN = 0, 1, 2
SOME_PLACE = some.integers(HALL, BEN)
SOME_VISIT = some.integers(0, 2)
PIECES = some.integers(0, 3)
LEAST, MOST = 2, 9
OPEN = ("HELD", "PICKED")
ENDS = ("returned", "consumed", "released", "put back", "used there", "held")


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

    numbered = False

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())
        self.bench.run(self.look())
        if not self.bench.steps:  # once, so that every step is seen whatever chance does
            for end in ENDS:
                for pieces in (1, 2):
                    self.take_course(0, HALL, ADA, pieces, end)

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

    # What the model says.

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

    # What is done.

    @rule(place=SOME_PLACE, pieces=PIECES)
    def receive(self, place: int, pieces: int) -> None:
        numbers = self.fresh(pieces)
        change = Change(location_id=self.places[place], part_id=self.part, quantity=pieces, serials=numbers)
        if pieces:
            self.lies[place] += pieces
            self.put(numbers, "IN_STOCK", place)
        self.attempt(lambda work: stock_movements.receive(work, change), allowed=pieces > 0)

    @rule(place=SOME_PLACE, pieces=some.integers(-3, 2))
    def adjust(self, place: int, pieces: int) -> None:
        numbers = self.fresh(pieces) if pieces > 0 else self.told(place, -pieces)
        change = Change(
            location_id=self.places[place],
            part_id=self.part,
            quantity=pieces,
            reason="so",
            serials=numbers,
        )
        allowed = pieces != 0 and self.free(place) + pieces >= 0
        if allowed:
            self.lies[place] += pieces
            self.put(numbers, "IN_STOCK" if pieces > 0 else "GONE", place)
        self.attempt(lambda work: stock_movements.adjust(work, change), allowed=allowed)

    @rule(place=SOME_PLACE, more=some.integers(-2, 2))
    def count(self, place: int, more: int) -> None:
        pieces = self.lies[place] + more
        change = Change(location_id=self.places[place], part_id=self.part, quantity=pieces)
        allowed = pieces >= self.held(place) and (not more or not self.numbered)
        if allowed:
            self.lies[place] = pieces
        self.attempt(lambda work: stock_movements.count(work, change), allowed=allowed)

    @rule(visit=SOME_VISIT, place=SOME_PLACE, pieces=PIECES, partial=some.booleans())
    def reserve(self, visit: int, place: int, pieces: int, partial: bool) -> None:  # by name
        wish = Wish(lines=[(self.part, pieces)], location_id=self.places[place], partial=partial)
        taken = min(pieces, self.free(place))
        allowed = pieces > 0 and visit not in self.over and (partial or taken == pieces)

        async def hold(work: UnitOfWork) -> None:
            for row in await reservations.reserve(work, self.visits[visit], wish):
                self.holds.append(Hold(row.id, visit, place, row.quantity))

        before = len(self.holds)
        self.attempt_then(hold, allowed=allowed)
        assert len(self.holds) - before == (allowed and taken > 0)

    def attempt_then(self, verb: Verb, *, allowed: bool) -> None:
        """For verbs that tell the model which ids they gave."""
        self.attempt(verb, allowed=allowed)

    def one_of(self, number: int) -> Hold | None:
        return self.holds[number % len(self.holds)] if self.holds else None

    @rule(number=some.integers(0, 9), pieces=some.none() | PIECES)
    def release(self, number: int, pieces: int | None) -> None:
        if hold := self.one_of(number):
            wanted = hold.pieces if pieces is None else pieces
            allowed = hold.state in OPEN and 1 <= wanted <= hold.pieces

            async def let_go(work: UnitOfWork) -> None:
                moved, _ = await reservations.release(work, hold.key, Amount(quantity=pieces))
                self.split(hold, wanted, moved.id, state="RELEASED")

            self.attempt_then(let_go, allowed=allowed)

    @rule(number=some.integers(0, 9), van=some.integers(ADA, BEN), pieces=some.none() | PIECES)
    def pick(self, number: int, van: int, pieces: int | None) -> None:
        if hold := self.one_of(number):
            wanted = hold.pieces if pieces is None else pieces
            origin, numbers = hold.place, self.told(hold.place, wanted) if hold.place != van else None
            allowed = hold.state == "HELD" and 1 <= wanted <= hold.pieces

            async def take_along(work: UnitOfWork) -> None:
                amount = Amount(quantity=pieces, location_id=self.places[van], serials=numbers)
                moved, _ = await reservations.pick(work, hold.key, amount)
                self.lies[origin] -= wanted
                self.lies[van] += wanted
                self.put(numbers, "IN_STOCK", van)
                self.split(hold, wanted, moved.id, state="PICKED", place=van, origin=origin)

            self.attempt_then(take_along, allowed=allowed)

    @rule(number=some.integers(0, 9), pieces=some.none() | PIECES)
    def give_back(self, number: int, pieces: int | None) -> None:
        if hold := self.one_of(number):
            wanted = hold.pieces if pieces is None else pieces
            start, end = hold.place, hold.place if hold.origin is None else hold.origin
            numbers = self.told(start, wanted) if start != end else None
            allowed = hold.state == "PICKED" and 1 <= wanted <= hold.pieces

            async def bring_back(work: UnitOfWork) -> None:
                amount = Amount(quantity=pieces, serials=numbers)
                moved, _ = await reservations.give_back(work, hold.key, amount)
                self.lies[start] -= wanted
                self.lies[end] += wanted
                self.put(numbers, "IN_STOCK", end)
                self.split(hold, wanted, moved.id, state="RETURNED", place=end)

            self.attempt_then(bring_back, allowed=allowed)

    @rule(
        visit=SOME_VISIT,
        place=SOME_PLACE,
        van=some.integers(ADA, BEN),
        pieces=some.integers(1, 3),
        end=some.sampled_from(ENDS),
    )
    def take_course(self, visit: int, place: int, van: int, pieces: int, end: str) -> None:
        """As most holds go; without this chance would seldom come to their ends."""
        known = len(self.holds)
        self.reserve(visit, place, pieces, partial=True)
        if len(self.holds) == known:
            return
        if end in {"returned", "consumed", "released"}:
            self.pick(len(self.holds) - 1, van, pieces=1)
        mine, last = self.holds[-1], len(self.holds) - 1
        if end == "returned":
            self.give_back(last, pieces=None)
        elif end in {"released", "put back"}:
            self.release(last, pieces=None)
        elif end in {"consumed", "used there"}:
            self.consume(visit, mine.place, mine.pieces)

    @rule(visit=SOME_VISIT, place=SOME_PLACE, pieces=PIECES)
    def consume(self, visit: int, place: int, pieces: int) -> None:
        numbers = self.told(place, pieces)
        most = self.free(place) + self.held(place, visit=visit)
        allowed = visit < 2 and 1 <= pieces <= most

        async def use(work: UnitOfWork) -> None:
            what = Use(part_id=self.part, quantity=pieces, location_id=self.places[place], serials=numbers)
            await reservations.consume(work, self.visits[visit], what)

        if not allowed:
            self.attempt(use, allowed=False)
            return
        self.lies[place] -= pieces
        self.put(numbers, "CONSUMED", place)
        self.bench.run(self.used(use, visit, place, pieces))
        self.reorder()
        self.bench.run(self.look())

    async def used(self, use: Verb, visit: int, place: int, pieces: int) -> None:
        """Of holds that were used in part the model learns the new ids; PICKED ones go first."""
        own = [one for one in self.holds if (one.visit, one.place) == (visit, place) and one.state in OPEN]
        known = {one.key for one in self.holds}
        async with self.world.unit() as work:
            await use(work)
        new = [row for row in await self.world.all(Reservation) if row.id not in known]
        left = pieces
        for hold in sorted(own, key=lambda one: (one.state != "PICKED", one.key)):
            taken = min(left, hold.pieces)
            left -= taken
            if taken == hold.pieces:
                self.bench.steps.add((hold.state, "CONSUMED"))
                hold.state = "CONSUMED"
            elif taken:
                self.split(hold, taken, new.pop().id, state="CONSUMED")
        assert new == []

    @rule(start=SOME_PLACE, end=SOME_PLACE, pieces=PIECES)
    def request(self, start: int, end: int, pieces: int) -> None:
        wish = Wanted(from_id=self.places[start], to_id=self.places[end], part_id=self.part, quantity=pieces)

        async def ask(work: UnitOfWork) -> None:
            row = await transfers.request(work, wish)
            self.moves.append((row.id, start, end, pieces, "REQUESTED"))

        self.attempt_then(ask, allowed=pieces > 0 and start != end)

    @rule(number=some.integers(0, 5))
    def ship(self, number: int) -> None:
        if self.moves:
            place = number % len(self.moves)
            key, start, end, pieces, state = self.moves[place]
            numbers = self.told(start, pieces)
            allowed = state == "REQUESTED" and pieces <= self.free(start)
            if allowed:
                self.lies[start] -= pieces
                self.moves[place] = (key, start, end, pieces, "SHIPPED")
                self.put(numbers, "IN_TRANSIT", end)
            self.attempt(lambda work: transfers.ship(work, key, numbers=numbers), allowed=allowed)

    @rule(number=some.integers(0, 5))
    def arrive(self, number: int) -> None:
        if self.moves:
            place = number % len(self.moves)
            key, start, end, pieces, state = self.moves[place]
            if state == "SHIPPED":
                self.lies[end] += pieces
                self.moves[place] = (key, start, end, pieces, "RECEIVED")
                self.bench.run(self.arrived(key, end))
            self.attempt(lambda work: transfers.receive(work, key), allowed=state == "SHIPPED")

    async def arrived(self, key: UUID, end: int) -> None:
        for row in await self.world.all(StockSerial, transfer_id=key):
            self.numbers[row.serial] = ("IN_STOCK", end)

    @rule()
    def supply(self) -> None:
        """The rule's open order comes whole."""

        async def come(work: UnitOfWork) -> None:
            (line,) = [row for row in await self.world.all(PurchaseOrderLine) if row.is_open]
            arrived = purchasing.Arrived(line_id=line.id, quantity=line.quantity, serials=numbers)
            await purchasing.receive(work, line.purchase_order_id, [arrived])

        if self.ordered:
            numbers = self.fresh(self.ordered[0])
            self.lies[HALL] += self.ordered.pop()
            self.put(numbers, "IN_STOCK", HALL)
            self.attempt(come, allowed=True)

    @rule()
    def cancel(self) -> None:
        """The visit that has not begun is called off: what was held or taken along for it is free."""
        if 2 not in self.over:
            self.over.add(2)
            for hold in self.holds:
                if hold.visit == 2 and hold.state in OPEN:
                    hold.state = "RELEASED"
            self.attempt(lambda work: visits.cancel(work, self.visits[2], reason="Not needed"), allowed=True)


def play(database: Database, *, numbered: bool) -> None:
    bench = Bench(database)
    bench.run(bench.open())

    class Machine(Stockroom):
        def __init__(self) -> None:
            self.numbered = numbered
            super().__init__(bench)

    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=6,
                stateful_step_count=40,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],  # to shrink takes minutes
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        bench.run(bench.close())
        bench.loop.close()
    assert bench.steps == {(str(start), str(end)) for start, end in stock.TRANSITIONS}


def test_any_order_of_verbs_keeps_every_piece(database: Database) -> None:
    play(database, numbered=False)


def test_any_order_of_verbs_keeps_every_numbered_piece(database: Database) -> None:
    play(database, numbered=True)
