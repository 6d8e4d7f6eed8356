"""Houses: a database as several processes share it, and what tests of the hub ask of a subscription."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from realtime.hub import Hub
from realtime.log import Entry, Log
from realtime.mailboxes import Lagged
from realtime.subscriptions import Subscription
from realtime.wakeups import Wakeups
from tests.conftest import Database, connected
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import facts, organization, system_pool, until

DEAD_BROKER = "redis://127.0.0.1:1"
ONLY_WHEN_WOKEN: dict[str, Any] = {"poll_seconds": 60.0, "busy_poll_seconds": 60.0}
# Of one database only: another test's server may be listening in the same cluster.
KILL = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = $1 AND application_name = $2"""
LISTENING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = $1 AND application_name = $2 AND query LIKE 'LISTEN%'"""


def everything(_entry: Entry) -> bool:
    return True


def by_first_letter(entry: Entry) -> str | None:
    """`p1`, `p2` … are states of one thing; what starts with a digit is queued."""
    return None if entry.type[0].isdigit() else entry.type[0]


@dataclass
class House:
    """A database with one organization, an owner's connection, and hubs as several processes would have."""

    database: Database
    owner: asyncpg.Connection
    heatworks: UUID
    stack: AsyncExitStack
    epochs: list[str] = field(default_factory=list)

    async def hub(self, broker: str | None = None, **options: Any) -> Hub:
        pool = await self.stack.enter_async_context(system_pool(self.database.owner_url))
        wakeups = Wakeups(broker or self.database.app_url)
        one = Hub(Log(pool), wakeups, restored=self.epochs.append, **options)
        await one.start()
        self.stack.push_async_callback(one.stop)
        return one

    def listen(self, hub: Hub, **options: Any) -> Subscription:
        return hub.subscribe(self.heatworks, **{"wants": everything, **options})

    async def say(self, *names: str) -> None:
        await facts(self.owner, self.heatworks, list(names))

    async def said_and_read(self, hub: Hub, *names: str) -> None:
        """In one transaction, and until the hub has routed it."""
        place = hub.place
        await self.say(*names)
        hub.committed()
        await until(lambda: hub.place > place)


@asynccontextmanager
async def house_of(database: Database) -> AsyncIterator[House]:
    async with connected(database.owner_url) as owner, AsyncExitStack() as stack:
        yield House(database, owner, await organization(owner), stack)


async def take(subscription: Subscription, number: int) -> list[Entry | Lagged]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(subscription) for _ in range(number)]


async def taken(subscription: Subscription, number: int) -> list[str]:
    return [item.type if isinstance(item, Entry) else "Lagged" for item in await take(subscription, number)]


async def nothing_more(subscription: Subscription) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(subscription)
            return False
    return True
