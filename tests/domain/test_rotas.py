"""Rotas: hours that come, change and go in any order hold every visit that is booked in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import scheduling, staffing
from domain.errors import Refused
from domain.technicians import Absence, AbsenceReason, Shift
from domain.visits import Visit
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.playing import play
from tests.domain.world import World, at

HALF = 0.5


class Rota(RuleBasedStateMachine):
    """One technician, hours that come, change and go, visits that are booked in them; a model keeps along."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.world.now = at(0)
        self.ada = await self.world.technician("Ada", shift=None)
        kind = await self.world.work_type(hours=1)
        self.visits = {await self.world.visit(kind): None for _ in range(4)}
        self.booked: dict[UUID, float | None] = dict(self.visits)
        self.shifts: dict[UUID, tuple[float, float]] = {}
        self.holes: dict[UUID, tuple[float, float]] = {}

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
        def hours(moment: datetime) -> float:
            return (moment - at(0)).total_seconds() / 3600

        rows = {row.id: (hours(row.starts_at), hours(row.ends_at)) for row in await self.world.all(Shift)}
        assert rows == self.shifts
        holes = {row.id: (hours(row.starts_at), hours(row.ends_at)) for row in await self.world.all(Absence)}
        assert holes == self.holes
        for row in await self.world.all(Visit):
            start = None if row.planned_start is None else hours(row.planned_start)
            assert start == self.booked[row.id]
            assert (row.state == "SCHEDULED") == (start is not None)
            if start is not None:
                assert any(first <= start and start + 1 <= last for first, last in self.shifts.values())
                assert not any(first < start + 1 and last > start for first, last in self.holes.values())

    def free(self, start: float, end: float, *, but: UUID | None = None) -> bool:
        spans = [span for key, span in self.shifts.items() if key != but]
        return not any(first < end and last > start for first, last in spans)

    def loses(self, period: tuple[float, float], left: tuple[float, float] | None) -> None:
        for key, start in self.booked.items():
            if start is None or not (period[0] <= start and start + 1 <= period[1]):
                continue
            if left is None or not (left[0] <= start and start + 1 <= left[1]):
                self.booked[key] = None

    @rule(start=some.integers(0, 40), length=some.integers(1, 24))
    def create(self, start: int, length: int) -> None:
        span = (start * HALF, (start + length) * HALF)
        values = {"starts_at": at(span[0]), "ends_at": at(span[1])}

        async def known(work: Any) -> None:
            self.shifts[(await staffing.create_shift(work, self.ada, values)).id] = span

        self.attempt(known, allowed=self.free(*span))

    @rule(number=some.integers(0, 3), start=some.integers(0, 40), length=some.integers(1, 24))
    def update(self, number: int, start: int, length: int) -> None:
        if self.shifts:
            key = sorted(self.shifts)[number % len(self.shifts)]
            span, old = (start * HALF, (start + length) * HALF), self.shifts[key]
            values = {"starts_at": at(span[0]), "ends_at": at(span[1])}
            if allowed := self.free(*span, but=key):
                self.shifts[key] = span
                self.loses(old, span)
            self.attempt(lambda work: staffing.update_shift(work, key, values), allowed=allowed)

    @rule(number=some.integers(0, 3))
    def cancel(self, number: int) -> None:
        if self.shifts:
            key = sorted(self.shifts)[number % len(self.shifts)]
            self.loses(self.shifts.pop(key), None)
            self.attempt(lambda work: staffing.cancel_shift(work, key), allowed=True)

    @rule(start=some.integers(0, 40), length=some.integers(1, 6))
    def absent(self, start: int, length: int) -> None:
        span = (start * HALF, (start + length) * HALF)

        async def known(work: Any) -> None:
            period = (at(span[0]), at(span[1]))
            absence, _ = await scheduling.absent(work, self.ada, period, reason=AbsenceReason.SICK)
            self.holes[absence.id] = span

        for key, begins in self.booked.items():
            if begins is not None and span[0] < begins + 1 and begins < span[1]:
                self.booked[key] = None
        self.attempt(known, allowed=True)

    @rule(number=some.integers(0, 3))
    def there_after_all(self, number: int) -> None:
        if self.holes:
            key = sorted(self.holes)[number % len(self.holes)]
            del self.holes[key]
            self.attempt(lambda work: staffing.cancel_absence(work, key), allowed=True)

    @rule(number=some.integers(0, 3), start=some.integers(0, 50))
    def book(self, number: int, start: int) -> None:
        key, begins = sorted(self.visits)[number], start * HALF
        end = begins + 1
        allowed = (
            any(first <= begins and end <= last for first, last in self.shifts.values())
            and not any(first < end and last > begins for first, last in self.holes.values())
            and not any(
                other is not None and abs(other - begins) < 1
                for whose, other in self.booked.items()
                if whose != key
            )
        )
        if allowed:
            self.booked[key] = begins
        placement = scheduling.Placement(technician_id=self.ada, start=at(begins))
        self.attempt(lambda work: scheduling.schedule(work, key, placement), allowed=allowed)


def test_hours_in_any_order_hold_every_visit_that_is_booked(database: Database) -> None:
    play(database, Rota, examples=8, steps=25)
