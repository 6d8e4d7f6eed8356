"""Plans in any order of steps: what a model says of each, and a schedule that only commits have moved."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import plans
from domain.errors import Refused
from domain.plans import TRANSITIONS, Plan, PlanChange, PlanChangeKind, Proposal, Request
from domain.scheduling import Placement, schedule
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.playing import play
from tests.domain.world import DAY, World, at

ENDED = frozenset({"COMMITTED", "DISCARDED", "FAILED"})
MOST = ("begin", "finish", "move", "commit")
STEPS = ("propose", *MOST, *MOST, *MOST, "discard", "discard", "cancel", "fail")
HOURS = (9, 10, 11, 12, 13, 14)


@dataclass
class Told:
    """What the model knows of a plan: where it stands, and the version of the visit that it saw."""

    state: str = "DRAFT"
    saw: int = 0
    start: datetime | None = None
    stop: bool = False


class Planners(RuleBasedStateMachine):
    """One technician, one visit; plans are asked for, solved, cancelled, dropped and made real by anybody."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.ada = await self.world.technician("Ada")
        self.visit = await self.world.visit(await self.world.work_type(hours=1))
        self.start: datetime | None = None
        self.plans: dict[UUID, Told] = {}

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
        for row in await self.world.all(Plan):
            told = self.plans[row.id]
            assert (row.state, row.stop_asked_at is not None) == (told.state, told.stop)
        assert (await self.world.read(Visit, self.visit)).planned_start == self.start

    def known(self, number: int) -> tuple[UUID, Told] | None:
        """One of two, those that are not over first, so that each gets far."""
        open_first = sorted(self.plans.items(), key=lambda one: one[1].state in ENDED)
        latest = open_first[:2]
        return latest[number % len(latest)] if latest else None

    def becomes(self, told: Told, state: str) -> None:
        if told.state != state:
            self.bench.steps.add((told.state, state))
        told.state = state

    @rule(step=some.sampled_from(STEPS), number=some.integers(0, 1), hour=some.sampled_from(HOURS))
    def somebody(self, step: str, number: int, hour: int) -> None:
        """One rule for all: a run leaves some rules out, and a plan needs several to get far."""
        if step == "propose" or (number == 0 and all(one.state in ENDED for one in self.plans.values())):
            self.propose()
        elif step == "move":
            self.move(hour)
        elif step == "finish":
            self.finish(number, hour)
        else:
            getattr(self, step)(number)

    def propose(self) -> None:
        async def ask(work: UnitOfWork) -> None:
            self.plans[(await plans.propose(work, Request(day=DAY))).id] = Told()

        under_way = [told for told in self.plans.values() if told.state in {"DRAFT", "SOLVING", "PROPOSED"}]
        if len(under_way) < 2:
            self.attempt(ask, allowed=True)

    def begin(self, number: int) -> None:
        """A worker takes it, or takes it anew after a crash."""
        if (found := self.known(number)) is not None:
            key, told = found
            wanted = told.state in {"DRAFT", "SOLVING"}

            async def verb(work: UnitOfWork) -> None:
                assert (await plans.begin(work, key) is not None) == wanted

            if wanted:
                self.becomes(told, "SOLVING")
            self.attempt(verb, allowed=True)

    def finish(self, number: int, hour: int) -> None:
        """What comes for a plan that nobody solves any more is dropped without a word."""
        if (found := self.known(number)) is not None:
            key, told = found
            if wanted := told.state == "SOLVING":
                self.becomes(told, "PROPOSED")

            async def verb(work: UnitOfWork) -> None:
                version = (await work.find(Visit, self.visit)).version
                await plans.finish(work, key, self.proposal(key, version, hour))
                if wanted:
                    told.saw, told.start = version, at(hour)

            self.attempt(verb, allowed=True)

    def proposal(self, key: UUID, version: int, hour: int) -> Proposal:
        change = PlanChange(
            plan_id=key,
            visit_id=self.visit,
            visit_version=version,
            kind=PlanChangeKind.ASSIGN,
            technician_id=self.ada,
            planned_start=at(hour),
            planned_end=at(hour + 1),
        )
        return Proposal(
            changes=[change], reasons=[], objective={"total": 1}, assigned_count=1, unassigned_count=0
        )

    def fail(self, number: int) -> None:
        if (found := self.known(number)) is not None:
            key, told = found
            if told.state in {"DRAFT", "SOLVING"}:
                self.becomes(told, "FAILED")
            self.attempt(lambda work: plans.fail(work, key, "So."), allowed=True)

    def cancel(self, number: int) -> None:
        if (found := self.known(number)) is not None:
            key, told = found
            allowed = told.state in {"DRAFT", "SOLVING"}
            if told.state == "SOLVING":
                told.stop = True
            elif allowed:
                self.becomes(told, "DISCARDED")
            self.attempt(lambda work: plans.cancel(work, key), allowed=allowed)

    def discard(self, number: int) -> None:
        if (found := self.known(number)) is not None:
            key, told = found
            if allowed := told.state in {"DRAFT", "SOLVING", "PROPOSED", "STALE"}:
                self.becomes(told, "DISCARDED")
            self.attempt(lambda work: plans.discard(work, key), allowed=allowed)

    def move(self, hour: int) -> None:
        """By the dispatcher's hand: what was proposed before is stale."""
        self.start = at(hour)
        placement = Placement(technician_id=self.ada, start=at(hour))
        self.attempt(lambda work: schedule(work, self.visit, placement), allowed=True)

    def commit(self, number: int) -> None:
        if (found := self.known(number)) is not None:
            key, told = found
            version = self.bench.run(self.world.read(Visit, self.visit)).version
            if allowed := told.state == "PROPOSED":
                fresh = told.saw == version
                self.becomes(told, "COMMITTED" if fresh else "STALE")
                self.start = told.start if fresh else self.start
            self.attempt(lambda work: plans.commit(work, key), allowed=allowed)


def test_plans_in_any_order_move_the_schedule_by_commits_alone(database: Database) -> None:
    assert play(database, Planners, examples=40, steps=50) == TRANSITIONS
