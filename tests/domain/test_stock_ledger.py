"""Every verb of stock in any order, against a ledger in plain Python: no piece is lost or promised twice."""

from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import initialize, rule

from domain import purchasing, reservations, stock, stock_movements, transfers, visits
from domain.reservations import Amount, Use, Wish
from domain.stock import PurchaseOrderLine, Reservation, StockSerial
from domain.stock_movements import Change
from domain.transfers import Wish as Wanted
from domain.unit_of_work import UnitOfWork
from tests.conftest import Database
from tests.domain.machines import Verb
from tests.domain.playing import play
from tests.domain.stockroom import ADA, BEN, HALL, OPEN, Hold, Stockroom

SOME_PLACE = some.integers(HALL, BEN)
SOME_VISIT = some.integers(0, 2)
PIECES = some.integers(0, 3)
ENDS = ("used there", "returned", "consumed", "released", "put back", "held")


class Storekeepers(Stockroom):
    """Anybody doing anything, with pieces that have numbers or have none."""

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())
        self.bench.run(self.look())
        if not self.bench.steps:  # once, so that every step is seen whatever chance does
            for end in ENDS:
                for pieces in (1, 2):
                    self.take_course(0, HALL, ADA, pieces, end)

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


def keep(database: Database, *, numbered: bool) -> None:
    steps = play(database, lambda bench: Storekeepers(bench, numbered=numbered), examples=12, steps=40)
    assert steps == {(str(start), str(end)) for start, end in stock.TRANSITIONS}


def test_any_order_of_verbs_keeps_every_piece(database: Database) -> None:
    keep(database, numbered=False)


def test_any_order_of_verbs_keeps_every_numbered_piece(database: Database) -> None:
    keep(database, numbered=True)
