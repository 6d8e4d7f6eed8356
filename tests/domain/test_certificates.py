"""Certificates: good by the date of the visit at its site, told once before and once when they end."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

from domain import planning, plans
from domain.errors import MissingSkill, Refused
from domain.events import EventRow
from domain.plans import Request
from domain.sites import Site
from domain.technicians import Certification, Shift, Skill, TechnicianSkill, certificates
from domain.technicians.certificates import NOTICE
from domain.visits import Visit
from integrations.roads import StraightLines
from tests.conftest import Database
from tests.domain.machines import Bench
from tests.domain.playing import play
from tests.domain.test_plans import counted
from tests.domain.world import DAY, World, at

HELSINKI = ZoneInfo("Europe/Helsinki")
A_DAY = timedelta(days=1)


async def added(world: World, technician: UUID, skill: UUID, **values: Any) -> UUID:
    async with world.unit() as work:
        return (await certificates.add(work, technician, skill, values)).id


async def told(world: World) -> list[str]:
    async with world.unit() as work:
        statement = select(EventRow.type).where(EventRow.topic == "certification").order_by("xid", "n")
        return list((await work.session.exec(statement)).all())


async def certified_until(world: World, technician: UUID) -> date | None:
    (row,) = await world.all(TechnicianSkill, technician_id=technician)
    return row.certified_until


@pytest.mark.parametrize(
    ("zone", "hours", "good"),
    [
        ("Europe/Helsinki", 24 + 23.9, True),  # Tuesday, 23:54 there
        ("Europe/Helsinki", 48, False),
        ("Europe/Helsinki", 48.1, False),
        ("America/New_York", 48 + 6.9, True),  # Tuesday, 23:54 in New York is Wednesday in Helsinki
        ("America/New_York", 48 + 7, False),
        ("Pacific/Kiritimati", 24 + 11.9, True),
        ("Pacific/Kiritimati", 24 + 12, False),  # Wednesday there since noon of Tuesday in Helsinki
    ],
)
async def test_the_date_of_the_visit_is_the_sites(
    world: World, zone: str, hours: float, *, good: bool
) -> None:
    gas = await world.skill("Gas")
    ada = await world.technician("Ada", shift=None, skills={gas: 3})
    await added(world, ada, gas, valid_until=DAY + A_DAY)
    await world.keep(Shift(technician_id=ada, starts_at=at(24), ends_at=at(24 * 4)))
    key = await world.visit(await world.work_type(hours=0.1, skills={gas: 1}))
    async with world.unit() as work:
        (await work.get(Site, (await work.find(Visit, key)).site_id)).time_zone = zone

    if good:
        assert (await world.schedule(key, ada, hours)).state == "SCHEDULED"
        return
    with pytest.raises(
        MissingSkill, match="no certification for “Gas” that is good on 2026-11-25"
    ) as refused:
        await world.schedule(key, ada, hours)
    assert refused.value.path == ("technician",)
    assert (await world.read(Visit, key)).state == "UNSCHEDULED"


@pytest.mark.parametrize(
    ("required", "values", "good"),
    [
        (False, [], True),
        (True, [], False),
        (True, [{}], True),
        (True, [{"valid_until": DAY}], True),
        (True, [{"issued_on": DAY}], True),
        (True, [{"issued_on": DAY + A_DAY}], False),
        (False, [{"valid_until": DAY - A_DAY}], False),
        (True, [{"valid_until": DAY - A_DAY}, {"issued_on": DAY - A_DAY}], True),
    ],
)
async def test_the_rule_and_the_optimizer_hold_the_same_to_count(
    world: World, *, required: bool, values: list[dict[str, Any]], good: bool
) -> None:
    gas = await world.skill("Gas")
    ada = await world.technician("Ada", skills={gas: 3})
    async with world.unit() as work:
        (await work.get(Skill, gas)).requires_certification = required
    for one in values:
        await added(world, ada, gas, **one)
    key = await world.visit(await world.work_type(skills={gas: 2}))
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY))
        statement = await planning.load(work, plan, table=StraightLines().table)
    (technician,) = statement.problem.technicians

    assert technician.skills == ({str(gas): 3} if good else {})
    assert technician.expired_skills == (set() if good else {str(gas)})
    try:
        await world.schedule(key, ada, 9)
    except MissingSkill:
        assert not good
    else:
        assert good


async def test_the_skill_goes_on_saying_how_long_it_is_certified(world: World) -> None:
    """What the previous release reads, and clients of the field."""
    gas = await world.skill("Gas")
    ada = await world.technician("Ada", skills={gas: 3})

    first = await added(world, ada, gas, valid_until=DAY)
    assert await certified_until(world, ada) == DAY
    second = await added(world, ada, gas, valid_until=DAY + 9 * A_DAY)
    assert await certified_until(world, ada) == DAY + 9 * A_DAY
    endless = await added(world, ada, gas)
    assert await certified_until(world, ada) is None
    async with world.unit() as work:
        await certificates.revoke(work, endless, reason="Lost")
    assert await certified_until(world, ada) == DAY + 9 * A_DAY
    async with world.unit() as work:
        await certificates.update(work, second, {"valid_until": DAY + 5 * A_DAY})
    assert await certified_until(world, ada) == DAY + 5 * A_DAY
    async with world.unit() as work:
        for key in (first, second):
            await certificates.revoke(work, key, reason="Lost")
    assert await certified_until(world, ada) == DAY - A_DAY


async def test_an_end_is_told_once_before_and_once_when_it_is_there(world: World) -> None:
    gas = await world.skill("Gas")
    ada = await world.technician("Ada", skills={gas: 3})
    last = DAY + 40 * A_DAY
    key = await added(world, ada, gas, valid_until=last)
    await added(world, ada, gas)
    revoked = await added(world, ada, gas, valid_until=last)
    async with world.unit() as work:
        await certificates.revoke(work, revoked, reason="Lost")

    async def tell(moment: datetime) -> list[str]:
        world.now, before = moment, len(await told(world))
        async with world.unit() as work:
            await certificates.tell(work)
        async with world.unit() as work:
            assert await certificates.tell(work) == 0
        return (await told(world))[before:]

    ends = datetime.combine(last + A_DAY, datetime.min.time(), HELSINKI).astimezone(UTC)
    second = timedelta(seconds=1)
    assert await tell(ends - NOTICE - second) == []
    assert await tell(ends - NOTICE) == ["CertificationExpiring"]
    assert await tell(ends - second) == []
    assert await tell(ends) == ["CertificationExpired"]
    assert await tell(ends + 100 * A_DAY) == []
    async with world.unit() as work:
        await certificates.update(work, key, {"valid_until": last + 200 * A_DAY})
    assert await tell(ends + 171 * A_DAY) == ["CertificationExpiring"]
    row = await world.read(Certification, key)
    assert (row.told, row.version) == ("EXPIRING", 5)


async def test_many_ends_take_the_same_statements(world: World, engine: AsyncEngine) -> None:
    gas = await world.skill("Gas")
    sent = []
    for size in (2, 9):
        for _ in range(size):
            ada = await world.technician("Ada", skills={gas: 3})
            await added(world, ada, gas, valid_until=DAY)
        with counted(engine) as statements:
            async with world.unit() as work:
                assert await certificates.tell(work) == size
        sent.append(len(statements))
    assert sent[0] == sent[1] <= 6


@given(
    valid_until=some.none() | some.dates(DAY - 40 * A_DAY, DAY + 80 * A_DAY),
    minutes=some.integers(-60 * 24 * 60, 90 * 24 * 60),
    revoked=some.booleans(),
    zone=some.sampled_from(["Europe/Helsinki", "America/New_York", "Pacific/Kiritimati"]).map(ZoneInfo),
)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_the_state_follows_from_the_date_in_the_zone(
    valid_until: date | None, minutes: int, *, revoked: bool, zone: ZoneInfo
) -> None:
    moment = at(0) + timedelta(minutes=minutes)
    row = Certification(
        technician_id=UUID(int=1),
        skill_id=UUID(int=2),
        valid_until=valid_until,
        revoked_at=at(0) if revoked else None,
        **certificates.ends(valid_until, zone),
    )
    today = moment.astimezone(zone).date()
    if revoked or (valid_until is not None and today > valid_until):
        wanted = "EXPIRED"
    elif valid_until is not None and today > valid_until - timedelta(days=30):
        wanted = "EXPIRING"
    else:
        wanted = "VALID"
    assert certificates.state(row, moment) == wanted
    assert row.is_good(today) == (wanted != "EXPIRED")


class Papers(RuleBasedStateMachine):
    """Two technicians, certificates that come, are put right and are revoked, while the days pass."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def company(self) -> None:
        self.bench.run(self.make())

    async def make(self) -> None:
        self.world = await World.make(self.bench.engine)
        self.world.now = at(12)
        self.skill = await self.world.skill("Gas")
        self.people = [await self.world.technician(name, skills={self.skill: 3}) for name in ("Ada", "Ben")]
        self.papers: list[dict[str, Any]] = []
        self.told: list[tuple[UUID, str]] = []

    @property
    def today(self) -> date:
        return self.world.now.astimezone(HELSINKI).date()

    def state(self, paper: dict[str, Any]) -> str:
        """The oracle: today's date and nothing else."""
        until = paper["until"]
        if paper["revoked"] or (until is not None and until < self.today):
            return "EXPIRED"
        return "EXPIRING" if until is not None and until - self.today < timedelta(days=30) else "VALID"

    @rule(who=some.integers(0, 1), days=some.none() | some.integers(-3, 90))
    def add(self, who: int, days: int | None) -> None:
        until = None if days is None else self.today + timedelta(days=days)
        key = self.bench.run(added(self.world, self.people[who], self.skill, valid_until=until))
        self.papers.append({"key": key, "who": who, "until": until, "revoked": False, "told": None})

    def attempt(self, number: int, verb: Callable[..., Any], **values: Any) -> dict[str, Any] | None:
        """A verb of one certificate; what was revoked is not touched any more."""
        if not self.papers:
            return None
        paper = self.papers[number % len(self.papers)]

        async def perform() -> bool:
            try:
                async with self.world.unit() as work:
                    await verb(work, paper["key"], **values)
            except Refused:
                return False
            return True

        assert self.bench.run(perform()) == (not paper["revoked"])
        return None if paper["revoked"] else paper

    @rule(number=some.integers(0, 9), days=some.none() | some.integers(-3, 90))
    def put_right(self, number: int, days: int | None) -> None:
        until = None if days is None else self.today + timedelta(days=days)
        paper = self.attempt(number, certificates.update, values={"valid_until": until})
        if paper is not None and paper["until"] != until:
            paper.update(until=until, told=None)

    @rule(number=some.integers(0, 9))
    def revoke(self, number: int) -> None:
        paper = self.attempt(number, certificates.revoke, reason="Lost")
        if paper is not None:
            paper["revoked"] = True

    @rule(days=some.integers(1, 40))
    def pass_days(self, days: int) -> None:
        self.world.now += timedelta(days=days)

    @rule()
    def tell(self) -> None:
        async def perform() -> None:
            async with self.world.unit() as work:
                await certificates.tell(work)

        self.bench.run(perform())
        for paper in self.papers:
            state = self.state(paper)
            if not paper["revoked"] and state not in {"VALID", paper["told"]}:
                paper["told"] = state
                self.told.append((paper["key"], f"Certification{state.capitalize()}"))
        self.bench.run(self.look())

    async def look(self) -> None:
        rows = {row.id: row for row in await self.world.all(Certification)}
        assert len(rows) == len(self.papers)
        for paper in self.papers:
            row = rows[paper["key"]]
            assert certificates.state(row, self.world.now) == self.state(paper)
            assert (row.told, row.valid_until) == (paper["told"], paper["until"])
        async with self.world.unit() as work:
            kinds = ("CertificationExpiring", "CertificationExpired")
            statement = select(EventRow.subject_id, EventRow.type).where(EventRow.type.in_(kinds))  # type: ignore[attr-defined]  # a column
            facts = [(key, kind) for key, kind in (await work.session.exec(statement)).all()]
        assert sorted(facts) == sorted(self.told)
        for who, technician in enumerate(self.people):
            ends = [one["until"] for one in self.papers if one["who"] == who and not one["revoked"]]
            if ends:
                wanted = None if None in ends else max(ends)
                assert await certified_until(self.world, technician) == wanted


def test_certificates_in_any_order_are_what_their_dates_say(database: Database) -> None:
    play(database, Papers, examples=8, steps=25)
