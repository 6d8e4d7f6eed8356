"""Listeners: a subscription that is followed beside a test, and what its items come to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.viewers import Viewer
from tests.patience import PATIENCE_SECONDS
from tests.resolvers.companies import Companies

QUIET_SECONDS = 0.7
Data = dict[str, Any]


@dataclass
class Listener:
    """The items that came, in their order, each taken once by `next`, `until` or `rest`."""

    company: Companies
    items: asyncio.Queue[Data | None] = field(default_factory=asyncio.Queue)
    task: "asyncio.Task[None] | None" = None

    async def next(self, seconds: float = PATIENCE_SECONDS) -> Data:
        """Raises TimeoutError, or what ended it."""
        async with asyncio.timeout(seconds):
            found = await self.items.get()
        if found is None:
            if self.task is not None:
                await self.task
            raise AssertionError("it has ended")
        return found

    async def until(self, kind: str) -> Data:
        """The next of a type; what came before it is passed over."""
        while True:
            found = await self.next()
            if found["__typename"] == kind:
                return found

    async def rest(self, seconds: float = QUIET_SECONDS) -> list[Data]:
        """All that comes until nothing has come for a while, in which there was nothing to work on either.

        A slow machine may take longer over one item than that while.
        """
        found = []
        while True:
            await self.company.leveled()
            try:
                found.append(await self.next(seconds))
            except TimeoutError:
                if not self.company.is_reading:
                    return found


@asynccontextmanager
async def listening(
    company: Companies,
    query: str,
    variables: Mapping[str, object] | None = None,
    *,
    viewer: Viewer | None = None,
) -> AsyncIterator[Listener]:
    found = Listener(company)

    async def take() -> None:
        try:
            async with company.stream(query, variables, viewer=viewer) as items:
                async for item in items:
                    found.items.put_nowait(item)
        finally:
            found.items.put_nowait(None)

    found.task = asyncio.create_task(take())
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.wait([found.task])


async def every(company: Companies, root: str, row: str, viewer: Viewer | None = None) -> list[Data]:
    """Every row of a root connection, by a fresh query of all its pages."""
    query = f"query Q($after: String) {{ {root}(first: 250, after: $after) {{"
    query += f" nodes {{ {row} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    found: list[Data] = []
    after = None
    while True:
        page = (await company.data(query, {"after": after}, viewer=viewer))[root]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
