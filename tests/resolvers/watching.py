"""Watching: a live query that is followed beside the test, and a write that it tells."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from domain.viewers import Role, Viewer
from resolvers.documents import DocumentRef
from tests.patience import PATIENCE_SECONDS
from tests.resolvers.companies import Companies

NAMES = "query N @live { customers(first: 250) { totalCount nodes { id name tier } } }"
QUIET_SECONDS = 0.8
Data = dict[str, Any]


@dataclass
class Told:
    """What a live query was answered so far."""

    company: Companies
    results: list[Data] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    async def next(self, seconds: float = PATIENCE_SECONDS) -> Data:
        """The next result that has not been asked for yet."""
        async with asyncio.timeout(seconds):
            while not self.results:
                self.came.clear()
                await self.came.wait()
        return self.results.pop(0)

    async def last(self) -> Data:
        """The newest, once nothing has come for a while, in which there was nothing to read either."""
        found = await self.next()
        while True:
            await self.company.leveled()
            try:
                found = await self.next(QUIET_SECONDS)
            except TimeoutError:
                if not self.company.is_reading:
                    return found

    async def nothing(self) -> None:
        with suppress(TimeoutError):
            raise AssertionError(await self.next(QUIET_SECONDS))


@asynccontextmanager
async def told(
    company: Companies, query: str, variables: Data | None = None, *, viewer: Viewer | None = None
) -> AsyncIterator[Told]:
    executor, asker, found = company.app.executor, viewer or company.viewer(Role.DISPATCHER), Told(company)
    operation = await executor.prepare(DocumentRef(query), None, viewer=asker)

    async def take() -> None:
        async with aclosing(executor.stream(operation, variables or {}, viewer=asker)) as results:  # type: ignore[type-var]  # an async generator
            async for body in results:
                found.raw.append(body)
                found.results.append(json.loads(body))
                found.came.set()

    found.task = asyncio.create_task(take())
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.wait([found.task])


async def rename(company: Companies, name: str, *, second: bool = False) -> str:
    """Gives a customer another name."""
    admin = company.viewer(Role.ADMIN, second=second)
    key: str = (await company.data("{ customers(first: 1) { nodes { id } } }", viewer=admin))["customers"][
        "nodes"
    ][0]["id"]
    query = (
        "mutation U($input: UpdateCustomerInput!) { updateCustomer(input: $input) { userErrors { code } } }"
    )
    found = await company.data(query, {"input": {"customer": key, "name": name}}, viewer=admin)
    assert found["updateCustomer"]["userErrors"] == []
    return key
