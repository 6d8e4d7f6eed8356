"""Terms in the worker: what becomes due is told once, for every organization, however many look after it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.clock import Clock
from domain.contracts import Contract
from domain.milestones import Milestone
from fieldgraph.timekeeping import Terms
from tests.conftest import Database, connected
from tests.domain.desks import Desk
from tests.domain.world import World, at
from tests.fieldgraph.working import Workplace, workplace


class Bell:
    """In the wake-ups' place: counts what was announced."""

    def __init__(self) -> None:
        self.rung = 0

    def announce(self) -> None:
        self.rung += 1


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Workplace]:
    async with workplace(database) as made:
        yield made


def terms(place: Workplace, now: datetime, bell: Any = None) -> Terms:
    clock = Clock(business_origin=now.timestamp(), speed=0)
    announcer: Any = bell or Bell()
    return Terms(place.engine, clock, announcer)


async def log(place: Workplace, topic: str) -> list[tuple[str, str, datetime]]:
    async with connected(place.database.owner_url) as connection:
        rows = await connection.fetch(
            "SELECT type, origin, occurred_at FROM event WHERE topic = $1 AND origin = 'TIMER'"
            " ORDER BY xid, n",
            topic,
        )
    return [tuple(row) for row in rows]


async def test_clocks_of_every_organization_warn_and_run_out_once(place: Workplace) -> None:
    worlds = [place.world, await World.make(place.engine)]
    for world in worlds:
        await (await Desk(world).open()).ask()
    warned, late = at(8) + timedelta(minutes=49), at(9) + timedelta(seconds=1)
    bell = Bell()
    await terms(place, warned, bell).turn()
    await terms(place, warned, bell).turn()
    assert await log(place, "milestone") == [("MilestoneWarned", "TIMER", warned)] * 2
    assert bell.rung == 2
    await asyncio.gather(*(terms(place, late).turn() for _ in range(4)))
    assert (await log(place, "milestone"))[2:] == [("MilestoneBreached", "TIMER", late)] * 2
    for world in worlds:
        rows = {str(row.kind): row for row in await world.all(Milestone)}
        assert (rows["RESPOND"].state, rows["RESPOND"].breached_at) == ("BREACHED", at(9))
        assert rows["ARRIVE"].state == "RUNNING"


async def test_more_clocks_than_one_transaction_takes(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.milestones.MOST_AT_ONCE", 2)
    desk = await Desk(place.world).open()
    for _ in range(3):
        await desk.ask()
    bell = Bell()
    await terms(place, at(100), bell).turn()
    assert {str(row.state) for row in await place.world.all(Milestone)} == {"BREACHED"}
    assert bell.rung == 5  # nine clocks, two at a time


async def test_contracts_end_and_renew_themselves_once(place: Workplace) -> None:
    desk = await Desk(place.world).open()
    over, _ = await desk.agree(arrive_minutes=60)
    async with place.world.unit() as work:
        (await work.get(Contract, desk.contract)).auto_renew = True
    end = (await place.world.read(Contract, over)).ends_on
    after = at(24) + (end - at(24).date()) + timedelta(days=2)
    await asyncio.gather(*(terms(place, after).turn() for _ in range(3)))
    await terms(place, after).turn()
    assert sorted(await log(place, "contract")) == [
        ("ContractExpired", "TIMER", after),
        ("ContractRenewed", "TIMER", after),
    ]
    assert (await place.world.read(Contract, over)).state == "EXPIRED"
    assert (await place.world.read(Contract, desk.contract)).ends_on > after.date()


async def test_with_nothing_due_a_round_writes_nothing(place: Workplace) -> None:
    await (await Desk(place.world).open()).ask()
    bell = Bell()
    await terms(place, at(8), bell).turn()
    assert (bell.rung, await log(place, "milestone"), await log(place, "contract")) == (0, [], [])
