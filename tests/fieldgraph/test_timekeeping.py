"""Timekeeping: each organization's shifts are made, its certificates told, once, by however many workers."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from domain.clock import Clock
from domain.events import EventRow
from domain.technicians import Shift, certificates, patterns
from domain.technicians.patterns import Week
from fieldgraph.timekeeping import Timekeeping
from realtime.wakeups import Wakeups
from tests.conftest import Database
from tests.domain.world import DAY, MORNING, World
from tests.fieldgraph.working import workplace

WEEK = [{"weekday": number, "starts": "08:00", "ends": "16:00"} for number in range(1, 8)]


async def staffed(world: World) -> UUID:
    """Somebody with a pattern and a certificate that ends in a week."""
    gas = await world.skill("Gas")
    ada = await world.technician("Ada", shift=None, skills={gas: 3})
    async with world.unit() as work:
        await patterns.create(work, Week(technician_id=ada, days=WEEK, valid_from=DAY))
        await certificates.add(work, ada, gas, {"valid_until": DAY + timedelta(days=7)})
    return ada


async def facts(world: World) -> Counter[str]:
    async with world.unit() as work:
        statement = select(EventRow.type).where(EventRow.actor == "fieldgraph:timekeeper")
        return Counter((await work.session.exec(statement)).all())


async def test_a_round_does_once_what_time_brings_in_each_organization(database: Database) -> None:
    async with workplace(database) as place:
        worlds = [place.world, await World.make(place.engine)]
        people = [await staffed(world) for world in worlds]
        wakeups = Wakeups(database.app_url)

        def keeper(days: int) -> Timekeeping:
            now = MORNING + timedelta(days=days)
            return Timekeeping(place.engine, Clock(business_origin=now.timestamp(), speed=1e-9), wakeups)

        await asyncio.gather(*(keeper(0).go_round() for _ in range(3)))
        assert [await facts(world) for world in worlds] == [{"CertificationExpiring": 1}] * 2
        later = [keeper(9) for _ in range(3)]
        await asyncio.gather(*(one.go_round() for one in later))
        wanted = {"CertificationExpiring": 1, "CertificationExpired": 1, "ShiftsGenerated": 1}
        assert [await facts(world) for world in worlds] == [wanted] * 2
        for world, ada in zip(worlds, people, strict=True):
            starts = [row.starts_at for row in await world.all(Shift, technician_id=ada)]
            assert len(set(starts)) == len(starts) == 43 + 9


async def test_rounds_are_a_minute_apart(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with workplace(database) as place:
        keeper = Timekeeping(place.engine, Clock(speed=1e-9), Wakeups(database.app_url))
        rounds: list[UUID] = []

        async def keep(organization_id: UUID) -> None:
            rounds.append(organization_id)

        monkeypatch.setattr(keeper, "keep", keep)
        await staffed(place.world)
        for _ in range(3):
            await keeper.go_round()
        assert rounds == [place.world.organization_id]
        assert keeper.went_at is not None
        keeper.went_at -= 60
        await keeper.go_round()
        assert len(rounds) == 2
