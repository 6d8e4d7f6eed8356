"""Scenes: an installation under writers and watchers, to which something befalls, and its judgement."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from domain import intake
from domain.intake import Need
from domain.scopes import SCOPES
from domain.sites import Site
from domain.territories import Territory
from domain.viewers import Role, Viewer
from fieldgraph.cluster import locate
from fieldgraph.settings import AUDIENCE, ISSUER
from integrations.identity import Identity
from tests.conftest import connected
from tests.domain.world import STEP_DEGREES, World
from tests.faults.judging import Fact, Judge, Verdict
from tests.faults.proxies import Proxy
from tests.faults.sights import Sight
from tests.faults.watching import Watcher
from tests.faults.writing import Writer, effects, expected
from tests.fieldgraph.installations import KEY, Installation

LOG = logging.getLogger(__name__)
"""What was measured: --log-cli-level=INFO shows it."""
THOROUGH = int(os.environ.get("FIELDGRAPH_THOROUGH", "0"))
CAUGHT_UP_SECONDS = 30.0
PATIENCE_SECONDS = 30.0


def token_of(world: World, role: Role, *, name: str = "", technician: UUID | None = None) -> str:
    """A signed token of somebody in the office, of a technician, or of a machine that may everything."""

    async def nobody(_digest: bytes) -> None:
        return None

    identity = Identity(key=KEY.encode(), issuer=ISSUER, audience=AUDIENCE, find_credential=nobody)
    viewer = Viewer(
        organization_id=world.organization_id,
        role=role,
        subject=f"test:{role.lower()}{name}",
        technician_id=technician,
        scopes=SCOPES if role == Role.INTEGRATION else frozenset(),
    )
    return identity.issue(viewer, lifetime_seconds=3600)


async def territory_of(world: World, name: str) -> UUID:
    row = Territory(name=f"{name} {world.number()}")
    await world.keep(row)
    return row.id


async def scheduled(
    world: World, count: int, *, technician: UUID | None = None, territory: UUID | None = None
) -> list[UUID]:
    """Visits of one technician's day, an hour apart, at sites of that territory."""
    who = technician or await world.technician(f"T{world.number()}")
    kind = await world.work_type(hours=0.25)
    found = []
    for number in range(count):
        site = Site(
            customer_id=world.customer_id,
            name=f"Site {world.number()}",
            address="Street 1",
            longitude=24.9 + number * STEP_DEGREES,
            latitude=60.2,
            time_zone="Europe/Helsinki",
            territory_id=territory,
        )
        await world.keep(site)
        async with world.unit() as work:
            need = Need(site_id=site.id, work_type_id=kind, title="Something is broken")
            visit = (await intake.create_work_order(work, need))[1].id
        await world.schedule(visit, who, 8.5 + number)
        found.append(visit)
    return found


@dataclass
class Scene:
    """Two servers behind proxies, watchers and writers at work, and what they have to show at the end."""

    installation: Installation
    owner_url: str
    postgres_folder: Path
    stack: AsyncExitStack
    proxies: dict[str, Proxy] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)
    _watching: list[asyncio.Task[None]] = field(default_factory=list)
    _writing: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def on(cls, installation: Installation, postgres_folder: Path) -> AsyncIterator[Self]:
        async with AsyncExitStack() as stack:
            scene = cls(installation, installation.owner_url, postgres_folder, stack)
            for name, port in installation.ports.items():
                scene.proxies[name] = await stack.enter_async_context(Proxy(port))
            try:
                yield scene
            finally:
                await scene._end()

    @property
    def world(self) -> World:
        return self.installation.world

    def doors(self, first: str = "a") -> list[Proxy]:
        return [self.proxies[first], *(proxy for name, proxy in self.proxies.items() if name != first)]

    async def watch(self, *sights: Sight, first: str = "a") -> list[Watcher]:
        """Each sight by one watcher, who has its snapshot on return and was at the `first` server for it."""
        doors = [proxy.ws_url for proxy in self.doors(first)]
        watchers = [Watcher(sight, doors) for sight in sights]
        self.watchers += watchers
        self._watching += [asyncio.create_task(watcher.run()) for watcher in watchers]
        began = [asyncio.create_task(watcher.began.wait()) for watcher in watchers]
        await asyncio.wait(began, timeout=PATIENCE_SECONDS)
        assert all(watcher.heard for watcher in watchers), [(one.sight.stream, one.ends) for one in watchers]
        return watchers

    def write(
        self, *visits: UUID, token: str, pause_seconds: float = 0.05, through: str = "ab"
    ) -> list[Writer]:
        """Each visit by one writer, from now on, through any of these servers."""
        doors = [self.proxies[name].url for name in through]
        writers = [
            Writer(visit, doors, token, pause_seconds=pause_seconds, seed=number)
            for number, visit in enumerate(visits)
        ]
        self.writers += writers
        self.go_on(*(writer.run() for writer in writers))
        return writers

    def go_on(self, *writing: Coroutine[Any, Any, None]) -> None:
        """Something else that writes, until it ends by itself."""
        self._writing += [asyncio.create_task(one) for one in writing]

    async def more(self, times: int = 3) -> None:
        """Until each writer was answered so often again; fails when one of them does."""
        wanted = [len(writer.answered) + times for writer in self.writers]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(len(one.answered) < least for one, least in zip(self.writers, wanted, strict=True)):
                for task in self._writing:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)

    async def written(self) -> None:
        """No writer goes on; each has the answer to its last change."""
        for writer in self.writers:
            writer.stop()
        async with asyncio.timeout(PATIENCE_SECONDS + CAUGHT_UP_SECONDS):
            await asyncio.gather(*self._writing)
        for task in self._watching:
            if task.done():
                task.result()

    async def judged(self) -> "Judgement":
        """Everything written, everybody caught up with it or given the time to."""
        await self.written()
        async with connected(self.owner_url) as owner:
            judge = await Judge.of(owner, self.world.organization_id)
            truths = [await judge.facts(watcher.sight) for watcher in self.watchers]
            await self._caught_up(judge, truths)
            await asyncio.sleep(0.2)  # what is told twice may come after
            done = [await effects(owner, writer.visit) for writer in self.writers]
            return Judgement(judge, self.watchers, truths, list(zip(self.writers, done, strict=True)))

    async def _caught_up(self, judge: Judge, truths: Sequence[Sequence[Fact]]) -> None:
        """Until everybody has the last fact, or nobody has heard anything for a time."""
        known, deadline = -1, 0.0
        while not all(
            watcher.over or judge.has_all(watcher, facts)
            for watcher, facts in zip(self.watchers, truths, strict=True)
        ):
            number = sum(len(watcher.heard) for watcher in self.watchers)
            if number > known:
                known, deadline = number, time.monotonic() + CAUGHT_UP_SECONDS
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.05)

    async def _end(self) -> None:
        for writer in self.writers:
            writer.stop()
        tasks = [*self._watching, *self._writing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Judgement:
    """What all watchers heard and all writers did, against the tables."""

    judge: Judge
    watchers: Sequence[Watcher]
    truths: Sequence[Sequence[Fact]]
    done: Sequence[tuple[Writer, list[str]]]

    def verdicts(self) -> list[Verdict]:
        """Whose rights ended is judged by what came before."""
        found = []
        for watcher, facts in zip(self.watchers, self.truths, strict=True):
            shut_out = watcher.over not in {None, "complete"}
            until = self.judge.place(watcher.heard[-1]) if shut_out else None
            found.append(self.judge.verdict(watcher, facts, until=until))
        return found

    def assert_clean(self) -> None:
        """Nothing lost, doubled, out of order or invented; each change's effect there once."""
        pairs = zip(self.watchers, self.verdicts(), strict=True)
        wrong = [f"{watcher}: {verdict}" for watcher, verdict in pairs if not verdict.is_clean]
        assert not wrong, "\n".join(wrong)
        for writer, done in self.done:
            assert done == expected(writer), (done, expected(writer))

    def recovery(self, fault_at: float) -> float:
        """Seconds from a fault until everybody heard of something that was written after it."""
        pairs = zip(self.watchers, self.truths, strict=True)
        found = max(self.judge.recovery(watcher, facts, fault_at) for watcher, facts in pairs)
        LOG.info("all had heard of the time after the fault within %.2f s", found)
        return found

    def slowest(self, since: float, until: float) -> float:
        """The longest way of a fact of that time, in seconds."""
        pairs = zip(self.watchers, self.truths, strict=True)
        found = max(self.judge.slowest(watcher, facts, since, until) for watcher, facts in pairs)
        LOG.info("the slowest fact took %.2f s", found)
        return found


def postmaster(folder: Path) -> int:
    """The process of the embedded server."""
    data = locate(folder, durable=True).data
    return int((data / "postmaster.pid").read_text().split("\n")[0])


def stop_immediately(folder: Path) -> None:
    """As `pg_ctl stop -m immediate`; the keeper starts it again."""
    os.kill(postmaster(folder), signal.SIGQUIT)


async def terminate_backends(url: str, database: str, *, named: str = "%") -> int:
    """Ends every connection to a database, or those of one name; how many there were."""
    async with connected(url) as connection:
        number: int = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = $1 AND pid <> pg_backend_pid() AND application_name LIKE $2",
            database,
            named,
        )
        return number
