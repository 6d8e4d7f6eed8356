"""A machine that takes the verbs of visits in any order and looks at every row after each."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import scheduling, stock, tracking, visits
from domain.errors import Refused
from domain.scheduling import Placement
from domain.stock import StockLocation
from domain.technicians import AbsenceReason, Technician, TechnicianKind
from domain.tracking import ConfirmedBy
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from domain.visits import AttachmentKind, Evidence, Visit
from domain.work_orders import WorkType
from fieldgraph.addresses import sqlalchemy_url
from tests.conftest import Database
from tests.domain.ledgers import DUMP, STANDING, Dump, Fact, broken, missteps, moment, steps_between
from tests.domain.oracles import Oracle
from tests.domain.world import World, at

Result = TypeVar("Result")
Verb = Callable[[UnitOfWork], Awaitable[object]]
SOME_VISIT = some.integers(0, 11)
SOMEONE = some.integers(0, 2)
AFTER = some.integers(0, 5)
"""So many steps of a visit's usual course come first."""
LENGTHS = some.sampled_from([0.5, 1, 3])
HALF_HOURS = some.integers(15, 33).map(lambda halves: halves / 2)


@dataclass
class Bench:
    """An event loop of its own, because the machine's rules are plain functions."""

    database: Database
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    steps: set[tuple[str, str]] = field(default_factory=set)
    """The transitions that were seen."""

    def run(self, task: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(task)

    async def open(self) -> "Bench":
        self.engine: AsyncEngine = create_async_engine(sqlalchemy_url(self.database.app_url))
        self.owner = await asyncpg.connect(self.database.owner_url)
        return self

    async def close(self) -> None:
        await self.owner.close()
        await self.engine.dispose()


class Days(Oracle, RuleBasedStateMachine):
    """Three visits, two employees and a subcontractor, too few parts, and anybody doing anything."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())
        self.dump = self.bench.run(self.look())
        assert list(broken(self.dump)) == []

    async def make(self) -> None:
        world = self.world = await World.make(self.bench.engine)
        world.now = at(8)
        self.valve = await world.part("Valve")
        self.crew = [
            await world.technician("Ada", van={self.valve: 3}),
            await world.technician("Ben", van={self.valve: 1}),
            await world.technician("Eve", van={self.valve: 1}),
        ]
        async with world.unit() as work:
            (await work.get(Technician, self.crew[2])).kind = TechnicianKind.SUBCONTRACTOR
        self.kind = await world.work_type(parts={self.valve: 1})
        async with world.unit() as work:
            kind = await work.get(WorkType, self.kind)
            kind.signature_required = kind.no_access_photo_required = True
        self.vans = {row.technician_id: row.id for row in await world.all(StockLocation)}
        for _ in range(3):
            await world.visit(self.kind)

    async def look(self) -> Dump:
        return Dump.of(await self.bench.owner.fetchval(DUMP, self.world.organization_id))

    def attempt(self, verb: Verb, *, allowed: bool, technician: UUID | None = None) -> None:
        """Done if it is allowed, refused and without a trace if not; then all that must hold does."""
        before = self.dump
        refusal = self.bench.run(self.perform(verb, technician))
        self.dump = self.bench.run(self.look())
        assert (refusal is None) == allowed, f"{refusal!r}: {self.told(before)}"
        if refusal is not None:
            assert self.dump == before
        assert list(missteps(before, self.dump)) == []
        self.bench.steps |= steps_between(before, self.dump)
        assert list(broken(self.dump)) == []

    def told(self, before: Dump) -> str:
        """What came of it, for whoever reads the failure."""
        rows = self.dump["event"][len(before["event"]) :]
        return str([(row["type"], row["subject_id"]) for row in rows])

    async def perform(self, verb: Verb, technician: UUID | None) -> Refused | None:
        role = Role.ADMIN if technician is None else Role.TECHNICIAN
        try:
            async with self.world.unit(role, technician_id=technician) as work:
                await verb(work)
        except Refused as refusal:
            return refusal
        return None

    @rule()
    def order(self) -> None:
        """Something more to do, so that a day does not end early."""
        if len(self.dump["visit"]) < 10:
            self.bench.run(self.world.visit(self.kind))
            self.dump = self.bench.run(self.look())

    @rule(number=SOME_VISIT, who=SOMEONE, hour=HALF_HOURS)
    def schedule(self, number: int, who: int, hour: float) -> None:
        visit, technician = self.visit(number), self.crew[who]
        placement = Placement(technician_id=technician, start=at(hour))
        free = self.fits(visit, technician, at(hour))
        held = (visit["pin"] in {"BOTH", "TECHNICIAN"} and self.leader(visit) != str(technician)) or (
            visit["pin"] in {"BOTH", "TIME"} and moment(visit["planned_start"]) != at(hour)
        )
        self.attempt(
            lambda work: scheduling.schedule(work, UUID(visit["id"]), placement),
            allowed=free
            and not held
            and (
                visit["state"] == "SCHEDULED" or (visit["state"] == "UNSCHEDULED" and not self.waits(visit))
            ),
        )

    @rule(number=SOME_VISIT)
    def schedule_what_has_changed(self, number: int) -> None:
        visit = self.visit(number)
        placement = Placement(technician_id=self.crew[0], start=at(12))
        stale = visit["version"] - 1
        self.attempt(
            lambda work: scheduling.schedule(work, UUID(visit["id"]), placement, expected_version=stale),
            allowed=False,
        )

    @rule(number=SOME_VISIT)
    def dispatch(self, number: int) -> None:
        visit = self.visit(number)
        self.attempt(
            lambda work: visits.dispatch(work, UUID(visit["id"]), expected_version=visit["version"]),
            allowed=visit["state"] == "SCHEDULED"
            and len(self.dump.crew(visit)) >= visit["crew_size"]
            and not self.is_held(visit),
        )

    @rule(number=SOME_VISIT, who=some.none() | SOMEONE)
    def start_travel(self, number: int, who: int | None) -> None:
        visit, technician = self.visit(number), None if who is None else self.crew[who]
        own = self.part(visit, technician)
        allowed = own is not None and at(8) <= self.world.now <= at(16) and not self.is_held(visit)
        if own is not None:
            allowed &= not self.is_busy(own["technician_id"], but=visit) and not self.is_away(own)
            allowed &= visit["state"] == "DISPATCHED" if own["is_lead"] else self.may_come(visit, own)
        self.attempt(
            lambda work: visits.start_travel(work, UUID(visit["id"])), allowed=allowed, technician=technician
        )

    @rule(number=SOME_VISIT, minutes=some.none() | some.integers(-30, 5))
    def record_arrival(self, number: int, minutes: int | None) -> None:
        visit = self.visit(number)
        occurred_at = None if minutes is None else self.world.now + timedelta(minutes=minutes)
        allowed = visit["state"] in {"DISPATCHED", "EN_ROUTE"} and (minutes or 0) <= 1
        if allowed and occurred_at is not None:
            allowed = occurred_at >= moment(self.dump.leads(visit)[0]["created_at"])
        self.attempt(
            lambda work: tracking.record_arrival(work, UUID(visit["id"]), occurred_at=occurred_at),
            allowed=allowed and not self.is_busy(self.leader(visit) or "", but=visit),
        )

    @rule(number=SOME_VISIT)
    def arrive_by_fence(self, number: int) -> None:
        visit = self.visit(number)
        technician = UUID(self.leader(visit) or str(self.crew[0]))

        async def arrive(work: UnitOfWork) -> None:
            await tracking.arrive(
                work,
                await work.get(Visit, UUID(visit["id"])),
                technician_id=technician,
                occurred_at=self.world.now,
                confirmed_by=ConfirmedBy.GEOFENCE,
            )

        self.attempt(arrive, allowed=visit["state"] in {"DISPATCHED", "EN_ROUTE"})

    @rule(number=SOME_VISIT, who=SOMEONE, after=AFTER)
    def withdraw(self, number: int, who: int, after: int) -> None:
        """A fence's arrival is taken back while nothing has come of it; a person's word stays."""
        self.go_on(number, who, after)
        visit = self.visit(number)
        by_fence = bool(self.dump.where("arrival", visit_id=visit["id"], confirmed_by="GEOFENCE"))

        async def take_back(work: UnitOfWork) -> None:
            await tracking.withdraw(work, await work.get(Visit, UUID(visit["id"])))

        self.attempt(take_back, allowed=not by_fence or visit["state"] == "ARRIVED")
        if by_fence and visit["state"] == "ARRIVED":
            assert self.state(visit) == "EN_ROUTE"
        else:
            assert self.state(visit) == visit["state"]

    @rule(number=SOME_VISIT, who=some.none() | SOMEONE)
    def start_work(self, number: int, who: int | None) -> None:
        visit, technician = self.visit(number), None if who is None else self.crew[who]
        own = self.part(visit, technician)
        if own is None or own["is_lead"]:
            allowed = own is not None and visit["state"] == "ARRIVED" and self.may_begin(visit)
        else:
            at_work = visit["state"] in {"IN_PROGRESS", "PAUSED"}
            allowed = at_work and own["arrived_at"] is not None and own["started_at"] is None
        allowed = allowed and own is not None and not self.is_busy(own["technician_id"], but=visit)
        allowed &= not self.is_held(visit)
        self.attempt(
            lambda work: visits.start_work(work, UUID(visit["id"])), allowed=allowed, technician=technician
        )

    @rule(number=SOME_VISIT, used=some.none() | some.integers(-1, 2), signs=some.booleans())
    def complete(self, number: int, used: int | None, *, signs: bool = True) -> None:
        visit = self.visit(number)
        held = sum(hold["quantity"] for hold in self.dump.holds(visit))
        counted = None if used is None else [(self.valve, used)]
        possible = used is None or 0 <= used <= held + self.free(visit)
        possible &= signs or self.is_shown(visit, "signature_required", "SIGNATURE")
        signature = self.evidence(AttachmentKind.SIGNATURE) if signs else None
        on_hand = sum(level["on_hand"] for level in self.dump["stock_level"])
        self.attempt(
            lambda work: visits.complete(work, UUID(visit["id"]), parts_used=counted, signature=signature),
            allowed=visit["state"] == "IN_PROGRESS" and possible,
        )
        if visit["state"] == "IN_PROGRESS" and possible:
            left = sum(level["on_hand"] for level in self.dump["stock_level"])
            assert on_hand - left == (held if used is None else used)

    @rule(number=SOME_VISIT, kind=some.sampled_from(AttachmentKind), who=some.none() | SOMEONE)
    def attach(self, number: int, kind: AttachmentKind, who: int | None) -> None:
        """By whoever goes there, or the office: from the arrival on, also afterwards."""
        visit, technician = self.visit(number), None if who is None else self.crew[who]
        shown = self.evidence(kind, technician)
        there = visit["state"] in {"ARRIVED", "IN_PROGRESS", "PAUSED", *visits.ENDED}
        self.attempt(
            lambda work: visits.add_attachment(work, UUID(visit["id"]), shown),
            allowed=there and (technician is None or self.part(visit, technician) is not None),
            technician=technician,
        )

    def evidence(self, kind: AttachmentKind, technician: UUID | None = None) -> Evidence:
        """A picture that was handed in."""
        signed_by = "Aalto" if kind == AttachmentKind.SIGNATURE else None
        upload_id = self.bench.run(self.world.upload(technician_id=technician))
        return Evidence(upload_id=upload_id, kind=kind, signed_by=signed_by)

    def is_shown(self, visit: Fact, asked: str, kind: str) -> bool:
        """Whether its type of work asks for nothing, or the visit has it already."""
        order = self.dump.by_id("work_order")[visit["work_order_id"]]
        asks = self.dump.by_id("work_type")[order["work_type_id"]][asked]
        return not asks or bool(self.dump.where("attachment", visit_id=visit["id"], kind=kind))

    def free(self, visit: Fact) -> int:
        """Valves in the van of who leads a visit that are held for none."""
        vans = {str(technician): str(van) for technician, van in self.vans.items()}
        van = vans.get(self.leader(visit) or "")
        return sum(level["available"] for level in self.dump.where("stock_level", stock_location_id=van))

    @rule(number=SOME_VISIT, after=some.integers(0, 3))
    def cancel(self, number: int, after: int) -> None:
        self.go_on(number, number % 3, after)
        visit = self.visit(number)
        self.attempt(
            lambda work: visits.cancel(work, UUID(visit["id"]), reason="Not needed any more"),
            allowed=visit["state"] in {"UNSCHEDULED", "SCHEDULED", "DISPATCHED"},
        )

    @rule(number=SOME_VISIT)
    def cancel_without_a_reason(self, number: int) -> None:
        visit = self.visit(number)
        self.attempt(lambda work: visits.cancel(work, UUID(visit["id"]), reason=" "), allowed=False)

    @rule(number=SOME_VISIT, after=AFTER)
    def unschedule(self, number: int, after: int) -> None:
        self.go_on(number, number % 3, after)
        visit = self.visit(number)

        async def give_up(work: UnitOfWork) -> None:
            await visits.hand_back(work, await work.get(Visit, UUID(visit["id"])), reason="No room")

        self.attempt(give_up, allowed=visit["state"] in {"SCHEDULED", "DISPATCHED", "EN_ROUTE"})

    @rule(number=SOME_VISIT, after=AFTER, who=SOMEONE, when=some.tuples(HALF_HOURS, LENGTHS))
    def absent(self, number: int, after: int, who: int, when: tuple[float, float]) -> None:
        """Whoever holds that visit, from its start; if nobody does, anyone from that hour."""
        self.go_on(number, who, after)
        hour, hours = when
        visit, technician = self.visit(number), self.crew[who]
        if lead := self.leader(visit):
            technician, hour = UUID(lead), (moment(visit["planned_start"]) - at(0)) / timedelta(hours=1)
        period = (at(hour), at(hour + hours))
        before = self.dump
        hit: list[Fact] = []
        lost: list[Fact] = []
        for row in before.where("assignment", technician_id=str(technician), occupies=True):
            one = before.by_id("visit")[row["visit_id"]]
            left_over = moment(row["planned_end"]) <= self.world.now or one["state"] not in STANDING
            in_hand = period[0] <= self.world.now < period[1] and left_over
            overlaps = moment(row["planned_start"]) < period[1] and period[0] < moment(row["planned_end"])
            if overlaps or in_hand:
                ahead = one["state"] in {*STANDING, "EN_ROUTE"}
                small = ahead and len(before.crew(one)) == one["crew_size"]
                (hit if row["is_lead"] or small else lost).append(one)
        self.attempt(
            lambda work: scheduling.absent(work, technician, period, reason=AbsenceReason.SICK),
            allowed=True,
        )
        wanted = {"ARRIVED": "ARRIVED", "IN_PROGRESS": "INCOMPLETE", "PAUSED": "INCOMPLETE"}
        assert [self.state(visit) for visit in hit] == [
            wanted.get(visit["state"], "UNSCHEDULED") for visit in hit
        ]
        assert [self.state(visit) for visit in lost] == [visit["state"] for visit in lost]
        for one in lost:
            assert str(technician) not in {row["technician_id"] for row in self.dump.crew(one)}
        follow_ups = {row["follow_up_of_id"] for row in self.dump["visit"]} - {
            row["follow_up_of_id"] for row in before["visit"]
        }
        assert follow_ups == {visit["id"] for visit in hit if visit["state"] in {"IN_PROGRESS", "PAUSED"}}

    @rule(number=SOME_VISIT, who=SOMEONE, steps=some.integers(1, 6))
    def go_on(self, number: int, who: int, steps: int) -> None:
        """As most visits go; without this chance would seldom come to their ends."""
        for _ in range(steps):
            match self.visit(number)["state"]:
                case "UNSCHEDULED":
                    self.schedule(number, who, self.earliest(self.visit(number), who))
                case "SCHEDULED":
                    self.dispatch(number)
                case "DISPATCHED":
                    self.start_travel(number, None)
                case "EN_ROUTE":
                    if who == 0:
                        self.record_arrival(number, None)
                    else:
                        self.arrive_by_fence(number)
                case "ARRIVED":
                    self.start_work(number, None)
                case "IN_PROGRESS":
                    self.complete(number, None)

    def earliest(self, visit: Fact, who: int) -> float:
        halves = (hour / 2 for hour in range(16, 31))
        free = (h for h in halves if self.is_free(self.crew[who], at(h), at(h + 1), but=visit))
        return next(free, 16)

    @rule(who=SOMEONE, quantity=some.integers(1, 2))
    def receive(self, who: int, quantity: int) -> None:
        async def bring(work: UnitOfWork) -> None:
            vans = await self.world.all(StockLocation, technician_id=self.crew[who])
            await stock.receive(work, vans[0].id, {self.valve: quantity})

        self.attempt(bring, allowed=True)

    @rule(minutes=some.integers(10, 90))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)
