"""Contracts in any order of their steps: no two in force ever cover the same at the same time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import contracts, ids
from domain.contracts import Contract, ContractAsset, Cover
from domain.errors import Refused
from domain.unit_of_work import UnitOfWork
from tests.conftest import Database
from tests.domain.machines import Bench
from tests.domain.playing import play
from tests.domain.test_contracts import boiler, turned, written
from tests.domain.world import World


@dataclass
class Agreed:
    """A contract as the model knows it; empty sets cover all."""

    state: str
    starts: date
    ends: date
    renews: bool
    assets: set[UUID]
    kinds: set[UUID]


class Agreements(RuleBasedStateMachine):
    """Contracts for the same two boilers and kinds of work, in any order; a model counts along."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.assets = [await boiler(self.world) for _ in range(2)]
        self.kinds = [await self.world.work_type() for _ in range(2)]
        self.model: dict[UUID, Agreed] = {}

    def attempt(self, verb: Callable[[UnitOfWork], Awaitable[object]], *, allowed: bool) -> None:
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
        rows = {row.id: row for row in await self.world.all(Contract)}
        assert {key: (str(row.state), row.ends_on) for key, row in rows.items()} == {
            key: (one.state, one.ends) for key, one in self.model.items()
        }
        named = [(row.contract_id, row.asset_id) for row in await self.world.all(ContractAsset)]
        assert sorted(named) == sorted(
            (key, asset) for key, one in self.model.items() for asset in one.assets
        )
        active = [one for one in self.model.values() if one.state == "ACTIVE"]
        for number, one in enumerate(active):
            assert not any(self.meet(one, other) for other in active[number + 1 :])

    @staticmethod
    def meet(one: Agreed, other: Agreed) -> bool:
        days = one.starts <= other.ends and other.starts <= one.ends
        kinds = not one.kinds or not other.kinds or one.kinds & other.kinds
        return bool(days and kinds and one.assets & other.assets)

    def free(self, key: UUID, **changed: Any) -> bool:
        wanted = replace(self.model[key], **changed)
        return not any(
            other.state == "ACTIVE" and self.meet(wanted, other)
            for number, other in self.model.items()
            if number != key
        )

    def pick(self, number: int) -> UUID | None:
        keys = sorted(self.model)
        return keys[number % len(keys)] if keys else None

    @rule(
        starts=some.integers(-40, 60),
        length=some.integers(0, 90),
        assets=some.sets(some.integers(0, 1)),
        kinds=some.sets(some.integers(0, 1)),
        renews=some.booleans(),
    )
    def write(self, starts: int, length: int, assets: set[int], kinds: set[int], *, renews: bool) -> None:
        first = self.world.now.date() + timedelta(starts)
        one = Agreed(
            state="DRAFT",
            starts=first,
            ends=first + timedelta(length),
            renews=renews,
            assets={self.assets[n] for n in assets},
            kinds={self.kinds[n] for n in kinds},
        )
        cover = Cover(assets=one.assets, work_types=one.kinds)

        async def verb() -> None:
            values = {"auto_renew": renews, "notice_days": 5, "renewal_months": 1}
            key = await written(self.world, cover, (first, first + timedelta(length)), **values)
            self.model[key] = one

        self.bench.run(verb())
        self.bench.run(self.look())

    @rule(number=some.integers(0, 9))
    def activate(self, number: int) -> None:
        if key := self.pick(number):
            one = self.model[key]
            allowed = one.state == "DRAFT" and one.ends >= self.world.now.date() and self.free(key)
            if allowed:
                one.state = "ACTIVE"
            self.attempt(lambda work: contracts.activate(work, key), allowed=allowed)

    @rule(number=some.integers(0, 9))
    def cancel(self, number: int) -> None:
        if key := self.pick(number):
            one = self.model[key]
            allowed = one.state in {"DRAFT", "ACTIVE"}
            if allowed:
                one.state = "CANCELLED"
            self.attempt(lambda work: contracts.cancel(work, key, reason="So"), allowed=allowed)

    @rule(number=some.integers(0, 9), days=some.integers(-2, 60))
    def renew(self, number: int, days: int) -> None:
        if key := self.pick(number):
            one = self.model[key]
            ends = one.ends + timedelta(days)
            allowed = one.state == "ACTIVE" and days > 0 and self.free(key, ends=ends)
            if allowed:
                one.ends = ends
            self.attempt(lambda work: contracts.renew(work, key, ends_on=ends), allowed=allowed)

    @rule(
        number=some.integers(0, 9),
        assets=some.sets(some.integers(0, 1)),
        kinds=some.sets(some.integers(0, 1)),
    )
    def cover(self, number: int, assets: set[int], kinds: set[int]) -> None:
        if key := self.pick(number):
            one = self.model[key]
            named = {"assets": {self.assets[n] for n in assets}, "kinds": {self.kinds[n] for n in kinds}}
            free = one.state == "DRAFT" or (one.state == "ACTIVE" and self.free(key, **named))
            if free:
                one.assets, one.kinds = named["assets"], named["kinds"]
            cover = Cover(assets=named["assets"], work_types=named["kinds"])
            self.attempt(lambda work: contracts.update(work, key, {}, cover), allowed=free)

    @rule(days=some.integers(0, 25))
    def days_go_by(self, days: int) -> None:
        """A worker turns what is to be turned; in which order, it may decide who is refused."""
        day = self.world.now.date() + timedelta(days)
        keys = self.bench.run(turned(self.world, day))
        for key in keys:
            one = self.model[key]
            while one.renews and one.ends - timedelta(5) <= day:
                row = Contract(
                    customer_id=ids.new(), number="K", name="K", starts_on=day, ends_on=one.ends,
                    price=Decimal(1), renewal_months=1,
                )  # fmt: skip
                ends = contracts.next_end(row)
                if self.free(key, ends=ends):
                    one.ends = ends
                else:
                    one.renews = False
            if one.ends < day:
                one.state = "EXPIRED"
        self.bench.run(self.look())


def test_contracts_in_any_order_never_cover_the_same_twice(database: Database) -> None:
    play(database, Agreements, examples=10, steps=30)
