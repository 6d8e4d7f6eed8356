"""Maintenance in any order: generated, skipped, moved, while the rule changes, time passes, workers race."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import maintenance
from domain.errors import Refused
from domain.maintenance import TRANSITIONS, MaintenanceOccurrence
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkOrder
from tests.conftest import Database
from tests.domain.machines import Bench
from tests.domain.playing import play
from tests.domain.world import DAY, World

HELSINKI = ZoneInfo("Europe/Helsinki")
HORIZON = timedelta(days=10)
RULES = ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;INTERVAL=5")
TIMES = ("03:30", "09:00", "17:45")
Verb = Callable[[UnitOfWork], Awaitable[object]]


@dataclass
class Known:
    """What the model knows of one day of the plan."""

    state: str = "PLANNED"
    moved_to: datetime | None = None


class Upkeep(RuleBasedStateMachine):
    """One plan; the model decides by hand what must have become of each day."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())
        self.settle()
        self.bench.run(self.look())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.world.now = datetime(2026, 11, 23, 5, tzinfo=UTC)
        self.text, self.time, self.active = RULES[0], TIMES[1], True
        self.known: dict[date, Known] = {}
        self.seen: dict[UUID, str] = {}
        said = {
            "title": "Round",
            "work_type_id": await self.world.work_type(),
            "rrule": self.text,
            "starts_on": DAY,
            "local_time": self.time,
            "horizon_days": HORIZON.days,
        }
        site = await self.world.site()
        async with self.world.unit() as work:
            self.plan = (await maintenance.create(work, site, said)).id

    def at(self, day: date) -> datetime:
        """By the clock on the wall; what it leaps over is an hour later, of two the first is taken."""
        hours, minutes = map(int, self.time.split(":"))
        wall = datetime(day.year, day.month, day.day, hours, minutes, tzinfo=HELSINKI)
        return wall.astimezone(UTC)

    def starts(self, day: date) -> datetime:
        return self.known[day].moved_to or self.at(day)

    def days(self) -> list[date]:
        """By dateutil, a year ahead; the rule counts from the first Monday whatever the time."""
        today = self.world.now.astimezone(HELSINKI).date()
        first = datetime.combine(DAY, datetime.min.time())
        last = datetime.combine(today + timedelta(days=366), datetime.min.time())
        found = rrulestr(self.text, dtstart=first).between(first, last, inc=True)
        return [day.date() for day in found if day.date() >= today]

    def settle(self) -> None:
        """As a worker does it, until there is nothing more to do."""
        if not self.active:
            return
        now = self.world.now
        for day, one in self.known.items():
            if one.state == "PLANNED" and self.starts(day) < now - timedelta(days=7):
                one.state = "SKIPPED"
        for day in self.days():
            ahead = sum(one.state == "PLANNED" for one in self.known.values())
            if day not in self.known and self.at(day) >= now and ahead < 60:
                self.known[day] = Known()
        for day, one in self.known.items():
            if one.state == "PLANNED" and self.starts(day) - HORIZON <= now:
                one.state = "GENERATED"
        if any(self.starts(day) - HORIZON <= now for day in self.ahead()):
            self.settle()

    def ahead(self) -> list[date]:
        return sorted(day for day, one in self.known.items() if one.state == "PLANNED")

    async def look(self) -> None:
        """After as many rounds as it takes: each day is as the model says, each work order is made once."""
        for _ in range(8):
            async with self.world.unit() as work:
                await maintenance.tick(work, self.plan)
        all_rows = await self.world.all(MaintenanceOccurrence, plan_id=self.plan)
        rows = {row.day: row for row in all_rows if row.day is not None}
        found = {day: (str(row.state), row.moved_to) for day, row in rows.items()}
        laid = {day: (one.state, one.moved_to) for day, one in self.known.items()}
        decided = {day: one for day, one in laid.items() if one != ("PLANNED", None)}
        assert {day: one for day, one in found.items() if one != ("PLANNED", None)} == decided
        for day in list(found.keys() - laid.keys()) + list(laid.keys() - found.keys()):
            # how far the end of what is laid out has moved on is the worker's own affair
            assert day > self.world.now.date() + timedelta(days=100), (day, found.get(day), laid.get(day))
        for day, row in rows.items():
            if row.state == "PLANNED" and day in self.known:
                assert row.starts_at == self.starts(day)
        orders = [row.work_order_id for row in rows.values() if row.work_order_id]
        assert sorted(map(str, orders)) == sorted(str(one.id) for one in await self.world.all(WorkOrder))
        for row in rows.values():
            was = self.seen.get(row.id, str(row.state))
            assert was == row.state or (was, str(row.state)) in TRANSITIONS
            self.seen[row.id] = str(row.state)
        self.known = {day: one for day, one in self.known.items() if day in rows}

    def attempt(self, verb: Verb, *, allowed: bool) -> None:
        async def perform() -> bool:
            try:
                async with self.world.unit() as work:
                    await verb(work)
            except Refused:
                return False
            return True

        assert self.bench.run(perform()) == allowed
        self.settle()
        self.bench.run(self.look())

    async def row(self, day: date) -> MaintenanceOccurrence:
        (found,) = await self.world.all(MaintenanceOccurrence, plan_id=self.plan, day=day)
        return found

    def one(self, number: int) -> tuple[date, UUID]:
        days = sorted(self.known)[:20]
        day = days[number % len(days)]
        return day, self.bench.run(self.row(day)).id

    @rule(number=some.integers(0, 40))
    def skip(self, number: int) -> None:
        if self.known:
            day, key = self.one(number)
            allowed = self.known[day].state != "SKIPPED"
            if allowed:
                self.known[day].state = "SKIPPED"
            self.attempt(lambda work: maintenance.skip(work, key, reason="Closed"), allowed=allowed)

    @rule(number=some.integers(0, 40), days=some.integers(-3, 40))
    def move(self, number: int, days: int) -> None:
        if self.known:
            day, key = self.one(number)
            to = self.world.now + timedelta(days=days, minutes=7)
            allowed = self.known[day].state != "SKIPPED" and days >= 0
            if allowed:
                self.known[day].moved_to = to
            self.attempt(lambda work: maintenance.move(work, key, to, reason="Asked"), allowed=allowed)

    @rule(text=some.sampled_from(RULES), time=some.sampled_from(TIMES))
    def change(self, text: str, time: str) -> None:
        """What nobody decided about is laid out anew; the rest stays."""
        if (text, time) != (self.text, self.time):
            self.text, self.time = text, time
            self.known = {
                day: one for day, one in self.known.items() if one.state != "PLANNED" or one.moved_to
            }
        said = {"rrule": text, "local_time": time}
        self.attempt(lambda work: maintenance.update(work, self.plan, said), allowed=True)

    @rule()
    def pause(self) -> None:
        allowed, self.active = self.active, False
        self.attempt(lambda work: maintenance.pause(work, self.plan, reason="Rebuilt"), allowed=allowed)

    @rule()
    def resume(self) -> None:
        allowed, self.active = not self.active, True
        if allowed:
            for day in self.ahead():
                if self.starts(day) < self.world.now:
                    self.known[day].state = "SKIPPED"
        self.attempt(lambda work: maintenance.resume(work, self.plan), allowed=allowed)

    @rule(hours=some.integers(1, 24 * 9), workers=some.integers(1, 4))
    def pass_time(self, hours: int, workers: int) -> None:
        """Over the changes of the clocks too: a machine's year is long. Then several workers come at once."""
        self.world.now += timedelta(hours=hours)

        async def tick() -> None:
            async with self.world.unit() as work:
                await maintenance.tick(work, self.plan)

        async def race() -> None:
            await asyncio.gather(*(tick() for _ in range(workers)))

        self.bench.run(race())
        self.settle()
        self.bench.run(self.look())


def test_occurrences_in_any_order_are_what_a_model_says(database: Database) -> None:
    play(database, Upkeep, examples=8, steps=20)
