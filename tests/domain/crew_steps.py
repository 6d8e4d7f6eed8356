"""Crews, offers, dependent visits and substatuses, for the machine that takes the verbs in any order."""

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import rule

from domain import assignments, promises, tracking, visits
from domain.assignments import Member
from domain.unit_of_work import UnitOfWork
from domain.visits import DependencyKind, Pair
from tests.domain.ledgers import STANDING, Fact, moment
from tests.domain.machines import SOME_VISIT, SOMEONE
from tests.domain.order_steps import Orders
from tests.domain.world import at

KINDS = some.sampled_from([DependencyKind.FINISH_START] * 3 + [DependencyKind.SAME_TECHNICIAN])


class Crews(Orders):
    """Anybody joins and leaves the visits of a day, which wait for one another."""

    async def make(self) -> None:
        await super().make()
        self.pair = await self.world.work_type(crew_size=2)
        async with self.world.unit() as work:
            for state in ("SCHEDULED", "ARRIVED"):
                word = {"code": state, "name": state.title(), "visit_state": state}
                await visits.create_substatus(work, word)

    @rule(who=SOMEONE, other=SOMEONE)
    def order_for_two(self, who: int, other: int) -> None:
        """A visit that takes two, mostly given to two."""
        if len(self.dump["visit"]) < 12:
            self.bench.run(self.world.visit(self.pair))
            self.dump = self.bench.run(self.look())
            number = len(self.dump["visit"]) - 1
            self.go_on(number, who, 1)
            self.join(number, other, leads=False)
            self.go_on(number, who, 1)

    @rule(number=SOME_VISIT, who=SOMEONE, leads=some.booleans())
    def join(self, number: int, who: int, *, leads: bool) -> None:
        visit, technician = self.visit(number), self.crew[who]
        crew = self.dump.crew(visit)
        known = next((row for row in crew if row["technician_id"] == str(technician)), None)
        allowed = visit["state"] in {*STANDING, *visits.UNDER_WAY}
        if allowed and (known is None or known["is_lead"] < leads):
            start, end = moment(visit["planned_start"]), moment(visit["planned_end"])
            allowed = self.is_free(technician, start, end, but=visit)
            if leads:
                held = visit["pin"] in {"BOTH", "TECHNICIAN"}
                allowed = visit["state"] == "SCHEDULED" and not held and self.leads_well(visit, technician)
        self.attempt(
            lambda work: assignments.assign(
                work, UUID(visit["id"]), Member(technician_id=technician, leads=leads)
            ),
            allowed=allowed,
        )
        if allowed:
            assert (self.leader(visit) == str(technician)) >= leads
            kept = {row["technician_id"] for row in self.dump.crew(visit)}
            assert kept == {row["technician_id"] for row in crew} | {str(technician)}

    def leads_well(self, visit: Fact, technician: UUID) -> bool:
        """As `fits`, with all who are there already, the lead of before too."""
        start, end = moment(visit["planned_start"]), moment(visit["planned_end"])
        people = {technician, *(UUID(row["technician_id"]) for row in self.dump.crew(visit))}
        free = all(self.is_free(one, start, end, but=visit) for one in people)
        return free and all(self.lets(row, visit, technician, start) for row in self.dump["visit_dependency"])

    @rule(number=SOME_VISIT, who=SOMEONE)
    def leave(self, number: int, who: int) -> None:
        visit, technician = self.visit(number), self.crew[who]
        own, crew = self.part(visit, technician), self.dump.crew(visit)
        allowed = own is not None and not own["is_lead"] and own["arrived_at"] is None
        allowed &= visit["state"] in {*STANDING, *visits.UNDER_WAY}
        allowed &= visit["state"] != "DISPATCHED" or len(crew) > visit["crew_size"]
        self.attempt(
            lambda work: visits.release(
                work, UUID(visit["id"]), technician_id=technician, reason="Needed elsewhere"
            ),
            allowed=allowed,
        )

    @rule(number=SOME_VISIT, who=SOMEONE, by_themselves=some.booleans())
    def come(self, number: int, who: int, *, by_themselves: bool) -> None:
        """One of the crew says that they are there; of the lead that is the visit's arrival."""
        visit, technician = self.visit(number), self.crew[who]
        own = self.part(visit, technician)
        allowed = own is not None
        if own is not None:
            allowed = (
                visit["state"] in {"DISPATCHED", "EN_ROUTE"} if own["is_lead"] else self.may_come(visit, own)
            ) and not self.is_busy(own["technician_id"], but=visit)
        self.attempt(
            lambda work: tracking.record_arrival(
                work,
                UUID(visit["id"]),
                occurred_at=None,
                technician_id=None if by_themselves else technician,
            ),
            allowed=allowed,
            technician=technician if by_themselves else None,
        )
        if allowed and own is not None and not own["is_lead"]:
            assert self.state(visit) == visit["state"]

    @rule(number=SOME_VISIT, who=SOMEONE)
    def turn_back(self, number: int, who: int) -> None:
        visit, technician = self.visit(number), self.crew[who]
        own = self.part(visit, technician)
        allowed = own is not None and own["en_route_at"] is not None
        if own is not None and own["is_lead"]:
            allowed = visit["state"] == "EN_ROUTE"
        elif own is not None:
            allowed &= own["arrived_at"] is None and visit["state"] in {"DISPATCHED", *visits.UNDER_WAY}
        self.attempt(
            lambda work: visits.stop_travel(work, UUID(visit["id"])), allowed=allowed, technician=technician
        )

    @rule(number=SOME_VISIT, who=some.none() | SOMEONE, takes=some.booleans(), hour=some.integers(9, 14))
    def answer(self, number: int, who: int | None, *, takes: bool, hour: int) -> None:
        """What is offered is taken, or not; what was taken is handed back before travel."""
        self.schedule(number, 2, hour)
        visit, technician = self.visit(number), None if who is None else self.crew[who]
        own = self.part(visit, technician)
        offered = own is not None and own["state"] == "OFFERED"
        hired = own is not None and own["technician_id"] == str(self.crew[2])
        crew = len(self.dump.crew(visit))
        before = own is not None and visit["state"] in STANDING and own["en_route_at"] is None
        handed = (before and hired) or (own is not None and own["is_lead"] and visit["state"] == "DISPATCHED")
        alive = own is not None and moment(own["offer_expires_at"] or "9999-01-01T00:00:00Z") > self.world.now
        key = UUID(visit["id"])
        self.attempt(
            (lambda work: visits.accept_offer(work, key))
            if takes
            else (lambda work: visits.decline_offer(work, key, reason="Too far")),
            allowed=offered and alive if takes else offered or handed,
            technician=technician,
        )
        if own is None or takes or not (offered or handed):
            return
        after = self.dump.by_id("assignment")[own["id"]]
        assert after["state"] == ("DECLINED" if offered else "RELEASED" if hired else "ACCEPTED")
        small = not offered and visit["state"] == "DISPATCHED" and crew <= visit["crew_size"]
        pool = "UNSCHEDULED" if own["is_lead"] or small else visit["state"]
        assert self.state(visit) == (pool if offered or hired else "SCHEDULED")

    @rule()
    def expire(self) -> None:
        """The ticker's round; a second one finds nothing."""
        over = [
            row
            for row in self.dump["assignment"]
            if row["state"] == "OFFERED" and moment(row["offer_expires_at"]) <= self.world.now
        ]

        async def tick(work: UnitOfWork) -> None:
            found = await visits.expired(work)
            assert {str(key) for key in found} == {row["visit_id"] for row in over}
            for key in found:
                assert await visits.expire(work, key)
                assert not await visits.expire(work, key)

        self.attempt(tick, allowed=True)
        assert {self.dump.by_id("assignment")[row["id"]]["state"] for row in over} <= {"EXPIRED"}

    @rule(first=SOME_VISIT, second=SOME_VISIT, kind=KINDS, gap=some.sampled_from([0, 0, 30]))
    def depend(self, first: int, second: int, kind: DependencyKind, gap: int) -> None:
        ahead, after = self.visit(first), self.visit(second)
        gap = gap if kind == DependencyKind.FINISH_START else 0
        row = {
            "predecessor_id": ahead["id"],
            "successor_id": after["id"],
            "kind": kind.value,
            "gap_seconds": gap * 60,
        }
        allowed = (
            ahead["state"] != "CANCELLED"
            and after["state"] in {"UNSCHEDULED", *STANDING}
            and not self.dump.where("visit_dependency", **{**row, "gap_seconds": 0})
            and not self.dump.where("visit_dependency", **{**row, "gap_seconds": 1800})
            and not self.waits_for(ahead["id"], after["id"])
        )
        if allowed and after["planned_start"]:
            led = UUID(self.leader(after) or "")
            allowed = self.lets(row, after, led, moment(after["planned_start"]))
        pair = Pair(
            predecessor_id=UUID(ahead["id"]), successor_id=UUID(after["id"]), kind=kind, gap_seconds=gap * 60
        )
        self.attempt(lambda work: visits.add_dependency(work, pair), allowed=allowed)

    def waits_for(self, visit: str, other: str) -> bool:
        """Whether a visit is, or waits for, the other, over any number of dependencies."""
        ahead, seen = [visit], set()
        while ahead:
            one = ahead.pop()
            if one == other:
                return True
            if one not in seen:
                seen.add(one)
                ahead += [
                    row["predecessor_id"] for row in self.dump.where("visit_dependency", successor_id=one)
                ]
        return False

    @rule(number=some.integers(0, 20))
    def depend_no_more(self, number: int) -> None:
        rows = self.dump["visit_dependency"]
        if rows:
            row = rows[number % len(rows)]
            self.attempt(lambda work: visits.remove_dependency(work, UUID(row["id"])), allowed=True)

    @rule(number=SOME_VISIT, which=some.integers(0, 1))
    def say(self, number: int, which: int) -> None:
        visit, word = self.visit(number), self.dump["substatus"][which]
        self.attempt(
            lambda work: visits.set_substatus(work, UUID(visit["id"]), substatus_id=UUID(word["id"])),
            allowed=word["visit_state"] == visit["state"],
        )

    @rule(number=SOME_VISIT, hour=some.integers(8, 12))
    def promise(self, number: int, hour: int) -> None:
        """A window that holds what is planned; the first one is kept for ever."""
        visit = self.visit(number)
        window = (at(hour), at(hour + 3))
        allowed = visit["state"] in {"UNSCHEDULED", "EN_ROUTE", *STANDING}
        if allowed and visit["planned_start"]:
            allowed = window[0] <= moment(visit["planned_start"]) <= window[1]
        self.attempt(
            lambda work: promises.update(work, UUID(visit["id"]), {"window": window}), allowed=allowed
        )
        first = self.dump.by_id("visit")[visit["id"]]["first_promised_start"]
        if allowed:
            assert moment(first) == moment(visit["first_promised_start"] or window[0].isoformat())
            self.attempt(
                lambda work: promises.update(work, UUID(visit["id"]), {"window": None}), allowed=True
            )
            assert self.dump.by_id("visit")[visit["id"]]["first_promised_start"] == first
        self.world.now += timedelta(minutes=1)
