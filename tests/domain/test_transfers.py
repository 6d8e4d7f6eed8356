"""Transfers: pieces on the way are in neither place, and come once."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import ids, stock_movements, transfers
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.stock import StockLevel, StockLocation, StockMovement, Transfer
from domain.stock_movements import Change
from domain.transfers import Wish
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.playing import play
from tests.domain.world import World


async def vans(world: World) -> list[UUID]:
    return [row.id for row in await world.all(StockLocation)]


async def on_hand(world: World) -> dict[UUID, int]:
    return {row.stock_location_id: row.on_hand for row in await world.all(StockLevel)}


async def ledger(world: World) -> list[tuple[str, int, UUID | None]]:
    return [(row.kind, row.quantity, row.transfer_id) for row in await world.all(StockMovement)]


async def asked(world: World, quantity: int = 2) -> tuple[UUID, UUID, UUID]:
    """A transfer from Ada's van, where five lie, to Ben's, where none does; and the vans."""
    valve = await world.part("Valve")
    await world.technician("Ada", van={valve: 5})
    await world.technician("Ben")
    start, end = await vans(world)
    async with world.unit() as work:
        wish = Wish(from_id=start, to_id=end, part_id=valve, quantity=quantity)
        return (await transfers.request(work, wish)).id, start, end


async def test_pieces_on_the_way_are_in_neither_place(world: World) -> None:
    key, start, end = await asked(world)
    assert await on_hand(world) == {start: 5}

    async with world.unit() as work:
        await transfers.ship(work, key, expected_version=1)
    assert await on_hand(world) == {start: 3}

    async with world.unit() as work:
        await transfers.receive(work, key, expected_version=2)
    assert await on_hand(world) == {start: 3, end: 2}
    assert await ledger(world) == [("RECEIPT", 5, None), ("TRANSFER_OUT", -2, key), ("TRANSFER_IN", 2, key)]
    row = await world.read(Transfer, key)
    assert (row.state, row.shipped_at, row.received_at) == ("RECEIVED", world.now, world.now)


async def test_a_step_is_taken_once_in_order_and_by_who_has_read_it(world: World) -> None:
    key, start, _ = await asked(world)

    async def refused(verb: object, kind: type[Refused], *path: str, **more: object) -> None:
        with pytest.raises(kind) as found:
            async with world.unit() as work:
                await verb(work, key, **more)  # type: ignore[operator]  # ship or receive
        assert found.value.path == path

    await refused(transfers.receive, InvalidTransition, "transfer")
    await refused(transfers.ship, Conflict, "expectedVersion", expected_version=2)
    assert await on_hand(world) == {start: 5}
    async with world.unit() as work:
        await transfers.ship(work, key)
    await refused(transfers.ship, InvalidTransition, "transfer")
    await refused(transfers.receive, Conflict, "expectedVersion", expected_version=1)
    assert await on_hand(world) == {start: 3}


async def test_more_than_is_free_is_not_shipped(world: World) -> None:
    key, start, _ = await asked(world, 6)

    with pytest.raises(Invalid, match="Only 5 pieces are free") as refused:
        async with world.unit() as work:
            await transfers.ship(work, key)

    assert refused.value.path == ("transfer",)
    assert await on_hand(world) == {start: 5}
    assert (await world.read(Transfer, key)).state == "REQUESTED"
    assert len(await ledger(world)) == 1


async def test_of_several_who_ship_the_same_at_once_one_does(world: World) -> None:
    key, start, _ = await asked(world)

    async def ship() -> str:
        try:
            async with world.unit() as work:
                await transfers.ship(work, key)
        except InvalidTransition:
            return "refused"
        return "shipped"

    assert sorted(await asyncio.gather(*(ship() for _ in range(8)))) == ["refused"] * 7 + ["shipped"]
    assert await on_hand(world) == {start: 3}


async def test_what_is_asked_for_wrongly_is_refused(world: World) -> None:
    valve = await world.part("Valve")
    await world.technician("Ada", van={valve: 5})
    await world.technician("Ben")
    start, end = await vans(world)
    for given, kind, path in (
        ((start, start, valve, 1), Invalid, "toLocation"),
        ((start, end, valve, 0), Invalid, "quantity"),
        ((start, end, ids.new(), 1), NotFound, "part"),
        ((ids.new(), end, valve, 1), NotFound, "fromLocation"),
        ((start, ids.new(), valve, 1), NotFound, "toLocation"),
    ):
        wish = Wish(from_id=given[0], to_id=given[1], part_id=given[2], quantity=given[3])
        with pytest.raises(kind) as refused:
            async with world.unit() as work:
                await transfers.request(work, wish)
        assert refused.value.path == (path,)
    assert await world.all(Transfer) == []


async def test_each_technician_does_their_own_end(world: World) -> None:
    """Ada sends what Ben then has; neither sees the other's van, and Eve sees nothing of it."""
    key, start, end = await asked(world)
    people = {row.id: row.technician_id for row in await world.all(StockLocation)}
    ada, ben, eve = people[start], people[end], await world.technician("Eve")

    async def attempt(verb: object, technician: UUID | None) -> str:
        try:
            async with world.unit(Role.TECHNICIAN, technician_id=technician) as work:
                await verb(work, key)  # type: ignore[operator]  # ship or receive
        except Refused as refusal:
            return type(refusal).__name__
        return "done"

    assert await attempt(transfers.ship, eve) == "NotFound"
    assert await attempt(transfers.ship, ben) == "Invalid"
    assert await attempt(transfers.ship, ada) == "done"
    assert await attempt(transfers.receive, ada) == "Invalid"
    assert await attempt(transfers.receive, ben) == "done"
    assert await on_hand(world) == {start: 3, end: 2}


class Depots(RuleBasedStateMachine):
    """Two vans, one part, transfers both ways in any order; a model counts along."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.valve = await self.world.part("Valve")
        for name in ("Ada", "Ben"):
            await self.world.technician(name, van={self.valve: 4})
        self.vans = await vans(self.world)
        self.lies, self.wanted = [4, 4], list[tuple[UUID, int, int, str]]()

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

    async def look(self) -> None:
        """Balance, ledger and model say the same, and nothing is lost but what is on the way."""
        there = await on_hand(self.world)
        assert [there[van] for van in self.vans] == self.lies
        for van, pieces in zip(self.vans, self.lies, strict=True):
            moved = await self.world.all(StockMovement, stock_location_id=van)
            assert sum(row.quantity for row in moved) == pieces
        rows = {row.id: str(row.state) for row in await self.world.all(Transfer)}
        assert rows == {key: state for key, _, _, state in self.wanted}

    @rule(start=some.integers(0, 1), quantity=some.integers(0, 6))
    def request(self, start: int, quantity: int) -> None:
        wish = Wish(
            from_id=self.vans[start], to_id=self.vans[1 - start], part_id=self.valve, quantity=quantity
        )

        async def known(work: UnitOfWork) -> None:
            self.wanted.append(((await transfers.request(work, wish)).id, start, quantity, "REQUESTED"))

        self.attempt(known, allowed=quantity > 0)

    @rule(number=some.integers(0, 5))
    def ship(self, number: int) -> None:
        if self.wanted:
            key, start, quantity, state = self.wanted[number % len(self.wanted)]
            allowed = state == "REQUESTED" and self.lies[start] >= quantity
            if allowed:
                self.lies[start] -= quantity
                self.wanted[number % len(self.wanted)] = (key, start, quantity, "SHIPPED")
            self.attempt(lambda work: transfers.ship(work, key), allowed=allowed)

    @rule(number=some.integers(0, 5))
    def receive(self, number: int) -> None:
        if self.wanted:
            key, start, quantity, state = self.wanted[number % len(self.wanted)]
            if state == "SHIPPED":
                self.lies[1 - start] += quantity
                self.wanted[number % len(self.wanted)] = (key, start, quantity, "RECEIVED")
            self.attempt(lambda work: transfers.receive(work, key), allowed=state == "SHIPPED")

    @rule(van=some.integers(0, 1), quantity=some.integers(-5, 3))
    def adjust(self, van: int, quantity: int) -> None:
        allowed = quantity != 0 and self.lies[van] + quantity >= 0
        if allowed:
            self.lies[van] += quantity
        change = Change(location_id=self.vans[van], part_id=self.valve, quantity=quantity, reason="so")
        self.attempt(lambda work: stock_movements.adjust(work, change), allowed=allowed)


def test_transfers_in_any_order_lose_nothing(database: Database) -> None:
    play(database, Depots, examples=8, steps=25)
