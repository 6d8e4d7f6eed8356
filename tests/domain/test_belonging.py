"""Belonging: a change is told of what its row is part of, also when that changes or the row is gone."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from domain import visits
from domain.assets import Asset
from domain.audit import PLACES, TOLD_OF
from domain.visits import Visit
from tests.conftest import Database, connected
from tests.domain.world import World

TOLD = f"""
SELECT entity_type, action FROM ({TOLD_OF.format(t="a")}) x
WHERE told_of = $1 AND id > $2 ORDER BY id
"""
LAST = "SELECT coalesce(max(id::text), '00000000-0000-0000-0000-000000000000')::uuid FROM audit"
BELONGS = "SELECT belongs_to FROM audit WHERE entity_id = $1 ORDER BY id"


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.owner_url) as connection:
        yield connection


async def told(owner: asyncpg.Connection, key: UUID, since: UUID) -> list[tuple[str, str]]:
    return [tuple(row) for row in await owner.fetch(TOLD, key, since)]


async def test_an_assignment_is_told_of_its_visit_work_order_and_technician(
    world: World, owner: asyncpg.Connection
) -> None:
    filter_ = await world.part("Filter")
    ada = await world.technician(van={filter_: 2})
    visit = await world.visit(await world.work_type(parts={filter_: 1}))
    order = (await world.read(Visit, visit)).work_order_id
    before = await owner.fetchval(LAST)

    await world.schedule(visit, ada, 9)
    async with world.unit() as work:
        await visits.unschedule(work, visit, reason="The customer is away.")

    (assignment,) = await owner.fetch("SELECT id FROM assignment")
    assert [row[0] for row in await owner.fetch(BELONGS, assignment["id"])] == [[visit, order, ada]] * 2
    own = [("visit", "CHANGED"), ("assignment", "CREATED"), ("assignment", "CHANGED"), ("visit", "CHANGED")]
    assert sorted(await told(owner, order, before)) == sorted([*own, *[("work_order", "CHANGED")] * 2])
    assert await told(owner, ada, before) == [("assignment", "CREATED"), ("assignment", "CHANGED")]
    reserved = [("reservation", "CREATED"), ("reservation", "CHANGED")]
    assert sorted(await told(owner, visit, before)) == sorted([*own, *reserved])
    assert await told(owner, world.customer_id, before) == []


async def test_what_goes_to_another_whole_is_told_of_both(world: World, owner: asyncpg.Connection) -> None:
    here, there = await world.site(1), await world.site(2)
    asset = Asset(customer_id=world.customer_id, site_id=here, name="Boiler")
    await world.keep(asset)
    before = await owner.fetchval(LAST)

    async with world.unit() as work:
        row = await work.get(Asset, asset.id)
        row.site_id = there
    async with world.unit() as work:
        row = await work.get(Asset, asset.id)
        row.name = "Boiler of the house"

    assert [row[0] for row in await owner.fetch(BELONGS, asset.id)] == [[here], [there, here], [there]]
    assert await told(owner, here, before) == [("asset", "CHANGED")]
    assert await told(owner, there, before) == [("asset", "CHANGED")] * 2


async def test_what_is_gone_is_told_of_what_it_was_part_of(world: World, owner: asyncpg.Connection) -> None:
    skill = await world.skill("Gas")
    kind = await world.work_type(skills={skill: 2})
    before = await owner.fetchval(LAST)

    await owner.execute("DELETE FROM work_type_skill WHERE work_type_id = $1", kind)

    assert await told(owner, kind, before) == [("work_type_skill", "DELETED")]
    assert await told(owner, skill, before) == []


async def test_what_is_part_of_nothing_and_what_names_nothing_belong_to_nothing(
    world: World, owner: asyncpg.Connection
) -> None:
    await world.skill("Gas")
    await world.part("Filter")
    await owner.execute(
        "INSERT INTO stock_location (id, organization_id, version, updated_at, created_at, name, kind)"
        " VALUES (gen_random_uuid(), $1, 1, now(), now(), 'Hall', 'WAREHOUSE')",
        world.organization_id,
    )

    rows = await owner.fetch(
        "SELECT DISTINCT entity_type, belongs_to FROM audit"
        " WHERE entity_type IN ('organization', 'customer', 'skill', 'part', 'stock_location') ORDER BY 1"
    )

    assert [tuple(row) for row in rows] == [
        (table, None) for table in ("customer", "organization", "part", "skill", "stock_location")
    ]


async def test_it_is_found_in_every_place(world: World, owner: asyncpg.Connection) -> None:
    """A dependency has two, and names as many again where both are exchanged at once."""
    kind = await world.work_type()
    keys = [await world.visit(kind) for _ in range(PLACES)]
    await owner.execute(
        "INSERT INTO visit_dependency (id, organization_id, version, updated_at, created_at, predecessor_id,"
        " successor_id, kind, gap_seconds)"
        " VALUES (gen_random_uuid(), $1, 1, now(), now(), $2, $3, 'FINISH_START', 0)",
        world.organization_id,
        keys[0],
        keys[1],
    )
    before = await owner.fetchval(LAST)

    await owner.execute(
        "UPDATE visit_dependency SET predecessor_id = $1, successor_id = $2", keys[2], keys[3]
    )

    for key in keys:
        assert await told(owner, key, before) == [("visit_dependency", "CHANGED")]
