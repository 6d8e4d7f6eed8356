"""Buckets: processes together never grant more than there is; what is not used comes back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.buckets import IDLE_SECONDS, SWEEP_SECONDS, Buckets, Terms, client_of
from domain.errors import TooCostly, TooMany
from domain.viewers import Role, Viewer
from fieldgraph.addresses import SYSTEM_ROLE
from tests.conftest import Database, connected
from tests.domain.world import World

TERMS = Terms(maximum=1_000, restore=10)
CHUNK = 100


class Timer:
    """Real time, as far as the buckets can tell."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Counted:
    """A pool that counts what it is asked."""

    pool: Any
    asked: list[str] = field(default_factory=list)

    async def fetchrow(self, query: str, *values: Any) -> Any:
        self.asked.append(query.split(maxsplit=1)[0])
        return await self.pool.fetchrow(query, *values)

    async def execute(self, query: str, *values: Any) -> Any:
        self.asked.append(query.split(maxsplit=1)[0])
        return await self.pool.execute(query, *values)


@dataclass
class Plant:
    """Two processes over one database, one clock, and a client of each of two organizations."""

    timer: Timer
    pools: list[Counted]
    viewer: Viewer
    other: Viewer
    owner: asyncpg.Connection

    def process(self, number: int = 0, terms: Terms = TERMS) -> Buckets:
        return Buckets(self.pools[number], terms, now=self.timer)

    async def left(self) -> list[tuple[str, float]]:
        found = await self.owner.fetch("SELECT client, left_points FROM bucket ORDER BY client")
        return [(row["client"], row["left_points"]) for row in found]


@pytest.fixture
async def plant(database: Database, engine: AsyncEngine) -> AsyncIterator[Plant]:
    first, second = await World.make(engine), await World.make(engine)
    settings = {"role": SYSTEM_ROLE}
    async with (
        asyncpg.create_pool(database.app_url, min_size=1, max_size=3, server_settings=settings) as one,
        asyncpg.create_pool(database.app_url, min_size=1, max_size=3, server_settings=settings) as two,
        connected(database.owner_url) as owner,
    ):
        viewers = [
            Viewer(organization_id=world.organization_id, role=Role.DISPATCHER, subject="ada")
            for world in (first, second)
        ]
        yield Plant(Timer(), [Counted(one), Counted(two)], viewers[0], viewers[1], owner)


async def test_what_is_not_there_is_refused_and_comes_back_with_time(plant: Plant) -> None:
    buckets = plant.process()
    lease = await buckets.spend(plant.viewer, 600)
    buckets.settle(lease, 0)
    assert await plant.left() == [("subject ada", 400.0)]

    with pytest.raises(TooMany) as refused:
        await buckets.spend(plant.viewer, 600)

    assert (refused.value.cost, refused.value.status, refused.value.seconds) == (600, (1_000, 400, 10), 20)
    assert await plant.left() == [("subject ada", 400.0)]
    plant.timer.seconds += 19
    with pytest.raises(TooMany):
        await buckets.spend(plant.viewer, 600)
    plant.timer.seconds += 1
    await buckets.spend(plant.viewer, 600)
    assert await plant.left() == [("subject ada", 0.0)]


async def test_small_operations_ask_the_database_once_for_many(plant: Plant) -> None:
    buckets = plant.process()
    for _ in range(CHUNK):
        buckets.settle(await buckets.spend(plant.viewer, 1), 0)
    assert plant.pools[0].asked == ["INSERT"]
    assert buckets.status(await buckets.spend(plant.viewer, 1)) == (1_000, 899, 10)
    assert plant.pools[0].asked == ["INSERT", "INSERT"]


async def test_what_was_not_spent_is_spent_later_and_what_was_owed_is_paid(plant: Plant) -> None:
    buckets = plant.process()
    lease = await buckets.spend(plant.viewer, 300)
    buckets.settle(lease, 290)
    assert buckets.status(lease) == (1_000, 990, 10)
    lease = await buckets.spend(plant.viewer, 10)
    buckets.settle(lease, -500)  # an edge had more rows than was expected
    assert buckets.status(lease) == (1_000, 480, 10)
    with pytest.raises(TooMany):
        await buckets.spend(plant.viewer, 481)
    await buckets.spend(plant.viewer, 480)
    assert await plant.left() == [("subject ada", 0.0)]


async def test_an_idle_clients_lease_goes_back_and_a_full_bucket_is_no_row(plant: Plant) -> None:
    buckets = plant.process()
    running = await buckets.spend(plant.viewer, 1)
    plant.timer.seconds += IDLE_SECONDS
    await buckets.tidy()
    assert await plant.left() == [("subject ada", 900.0)]  # it is still running
    buckets.settle(running, 0)
    await buckets.tidy()
    assert await plant.left() == [("subject ada", 1_000.0)]
    plant.timer.seconds += SWEEP_SECONDS
    await buckets.tidy()
    assert await plant.left() == []


async def test_a_lease_that_refunds_have_made_large_is_shared_again(plant: Plant) -> None:
    buckets = plant.process()
    buckets.settle(await buckets.spend(plant.viewer, 800), 799)
    await buckets.tidy()
    assert await plant.left() == [("subject ada", 899.0)]
    lease = await plant.process(1).spend(plant.viewer, 899)
    assert lease.points == 0


async def test_a_bucket_outlives_its_process_and_is_one_clients_alone(plant: Plant) -> None:
    first = plant.process()
    first.settle(await first.spend(plant.viewer, 950), 0)
    await first.close()
    second = plant.process(1)
    with pytest.raises(TooMany):
        await second.spend(plant.viewer, 950)
    for viewer in (
        plant.other,
        replace(plant.viewer, subject="ben"),
        replace(plant.viewer, credential_id=KEY),
    ):
        await second.spend(viewer, 950)
    with pytest.raises(TooMany):
        await second.spend(replace(plant.viewer, subject="ben"), 950)


KEY = UUID(int=7)


def test_a_key_has_a_bucket_of_its_own() -> None:
    viewer = Viewer(organization_id=KEY, role=Role.INTEGRATION, subject="crm")
    assert client_of(viewer) == "subject crm"
    assert client_of(replace(viewer, credential_id=KEY)) == f"key {KEY}"


async def test_more_than_the_full_bucket_is_never_granted(plant: Plant) -> None:
    with pytest.raises(TooCostly):
        await plant.process().spend(plant.viewer, 1_001)
    assert await plant.left() == []


async def test_a_clock_that_is_behind_gives_nothing_twice(plant: Plant) -> None:
    ahead, behind = plant.process(), plant.process(1)
    behind.now = lambda: plant.timer.seconds - 50
    await ahead.spend(plant.viewer, 1_000)
    for _ in range(5):
        with pytest.raises(TooMany):
            await behind.spend(plant.viewer, 1)
    plant.timer.seconds += 1
    await ahead.spend(plant.viewer, 10)
    with pytest.raises(TooMany):
        await ahead.spend(plant.viewer, 1)


@pytest.mark.parametrize("seed", range(6))
async def test_two_processes_never_grant_more_than_there_is(plant: Plant, seed: int) -> None:
    """Over the whole time nothing more; in a burst in its midst one lease of each process more."""
    random = Random(seed)  # noqa: S311  # tests need repeatable, not secret
    processes = [plant.process(0), plant.process(1)]
    spent: list[tuple[float, int]] = []
    start, refused = plant.timer.seconds, 0

    async def ask(buckets: Buckets, points: int, back: int) -> bool:
        try:
            lease = await buckets.spend(plant.viewer, points)
        except TooMany:
            return False
        await asyncio.sleep(0)
        buckets.settle(lease, back)
        spent.append((plant.timer.seconds, points - back))
        return True

    for _ in range(40):
        asked = []
        for _ in range(random.randint(1, 6)):
            points = random.choice((1, 5, 40, 150, 400))
            asked.append(
                ask(random.choice(processes), points, random.choice((0, 0, points // 2, points - 1)))
            )
        refused += (await asyncio.gather(*asked)).count(False)
        total = sum(points for _, points in spent)
        assert total <= TERMS.maximum + TERMS.restore * (plant.timer.seconds - start) + 1e-3
        plant.timer.seconds += random.choice((0.0, 0.1, 1.0, 3.0, 8.0))
        if random.random() < 0.4:
            await random.choice(processes).tidy()
    assert refused > 0
    lease = 2 * CHUNK  # larger ones go back at the next turn, or are of one operation
    for number, (since, _) in enumerate(spent):
        within = 0
        for at, points in spent[number:]:
            within += points
            assert within <= TERMS.maximum + TERMS.restore * (at - since) + 2 * max(lease, 400)


@pytest.mark.parametrize("maximum", [1_000, 5_000])
async def test_who_is_refused_the_whole_bucket_is_granted_none_of_it(plant: Plant, maximum: int) -> None:
    buckets = plant.process(terms=Terms(maximum, restore=1))
    lease = await buckets.spend(plant.viewer, maximum)
    buckets.settle(lease, 0)

    for _ in range(3):
        with pytest.raises(TooMany):
            await buckets.spend(plant.viewer, maximum)
        assert (lease.points, lease.running) == (0, 0)
    assert await plant.left() == [("subject ada", 0.0)]
    with pytest.raises(TooMany):  # nor is there anything for a smaller one
        await buckets.spend(plant.viewer, 2)


async def test_more_for_what_runs_is_of_its_lease_and_asks_nobody(plant: Plant) -> None:
    buckets = plant.process()
    lease = await buckets.spend(plant.viewer, 1)
    asked = len(plant.pools[0].asked)

    for _ in range(CHUNK - 1):
        await buckets.more(lease, 1)

    assert (lease.points, len(plant.pools[0].asked)) == (0, asked)
    lease.left, lease.points = 0, 0
    await plant.owner.execute("UPDATE bucket SET left_points = 0")
    with pytest.raises(TooMany):
        await buckets.more(lease, 1)
    assert (lease.points, lease.running) == (0, 1)
