"""Keyset stability: what was there all the time is on exactly one page, while rows come and go around it."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain import ids
from domain.viewers import Role
from tests.conftest import connected
from tests.resolvers.companies import Companies

PAGE = """query Page($first: Int, $after: String, $last: Int, $before: String, $orderBy: [PartOrder!]) {
  parts(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy,
        where: {name: {neq: "Hidden"}}) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
WHOLE = """query Whole($orderBy: [PartOrder!]) { parts(first: 250, orderBy: $orderBy) { nodes { id } } }"""
ADD = """INSERT INTO part (id, organization_id, version, updated_at, created_at, number, name, barcode,
  unit_price, currency)
  SELECT $1, organization_id, $3, updated_at, created_at, $2, $2, $4, 1, 'EUR' FROM part
  WHERE organization_id = $5 LIMIT 1"""
ORDERS: list[list[dict[str, str]] | None] = [
    None,
    [{"field": "VERSION"}],
    [{"field": "BARCODE", "nulls": "FIRST"}, {"field": "VERSION", "direction": "DESC"}],
    [{"field": "BARCODE", "direction": "DESC", "nulls": "LAST"}],
]


class Coming:
    """Rows that are put in and taken out, around those that stay."""

    def __init__(self, owner: asyncpg.Connection, organization: UUID, seed: int) -> None:
        self.owner = owner
        self.organization = organization
        self.random = Random(seed)  # noqa: S311  # tests need repeatable, not secret
        self.there: list[UUID] = []
        self.number = 0

    async def add(self, count: int) -> None:
        for _ in range(count):
            key = ids.new()
            self.number += 1
            barcode = self.random.choice([None, f"{self.random.randint(0, 9)}{self.number:09}"])
            number = f"{self.random.choice('APZ')}-{self.random.randint(0, 99):03}{self.number}"
            await self.owner.execute(ADD, key, number, self.random.randint(1, 3), barcode, self.organization)
            self.there.append(key)

    async def drop(self, count: int, *, cursor_row: str | None) -> None:
        """Some of them; often the very row on which the cursor stands."""
        gone = self.random.sample(self.there, k=min(count, len(self.there)))
        stood = ids.split(cursor_row)[1] if cursor_row else None
        if stood in self.there and stood not in gone and self.random.random() < 0.7:
            gone.append(stood)
        await self.owner.execute("DELETE FROM part WHERE id = ANY($1)", gone)
        self.there = [key for key in self.there if key not in gone]


@pytest.fixture
async def owner(company: Companies) -> AsyncIterator[asyncpg.Connection]:
    async with connected(str(company.app.settings.database_url)) as connection:
        yield connection


async def _walk(company: Companies, coming: Coming, order: Any, *, forward: bool) -> list[str]:
    size, side, end, more = (
        ("first", "after", "endCursor", "hasNextPage")
        if forward
        else ("last", "before", "startCursor", "hasPreviousPage")
    )
    found: list[str] = []
    cursor = None
    while True:
        page = (await company.data(PAGE, {size: 3, side: cursor, "orderBy": order}))["parts"]
        names = [node["id"] for node in page["nodes"]]
        found = found + names if forward else names + found
        if not page["pageInfo"][more]:
            return found
        cursor = page["pageInfo"][end]
        await coming.drop(2, cursor_row=names[-1 if forward else 0])
        await coming.add(coming.random.randint(0, 3))
        await asyncio.sleep(0)


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_hold_what_was_there_all_the_time_once_and_in_order(
    company: Companies, owner: asyncpg.Connection, order: Any
) -> None:
    # given parts, some with the same version and no barcode, of which a third stays
    organization = company.viewer(Role.ADMIN).organization_id
    staying = Coming(owner, organization, seed=1)
    await staying.add(12)
    kept = [node["id"] for node in (await company.data(WHOLE, {"orderBy": order}))["parts"]["nodes"]]
    coming = Coming(owner, organization, seed=2)
    for forward in (True, False):
        await coming.add(20)
        # when
        found = await _walk(company, coming, order, forward=forward)
        # then
        assert len(found) == len(set(found))
        assert [name for name in found if name in set(kept)] == kept
        assert len(found) > len(kept)
