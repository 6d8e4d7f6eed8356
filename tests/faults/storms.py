"""Storms: faults of every kind, one after the other by a seed, each with its time."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from realtime.wakeups import BROKEN, LISTENER
from tests.faults.proxies import endless
from tests.faults.scenes import Scene, stop_immediately, terminate_backends
from tests.fieldgraph.running import Server, status

LIMIT_BYTES = (200, 20_000)
CUTTING_SECONDS = 2.0
SUPERVISED_SECONDS = 0.2


class Fault(NamedTuple):
    """What befell, and when, in real seconds."""

    name: str
    at: float


@dataclass
class Storm:
    """Over one scene. What is killed is started again; `faults` tells what there was."""

    scene: Scene
    seed: int
    faults: list[Fault] = field(default_factory=list)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311  # repeatable
        self._kinds: list[Callable[[], Awaitable[None]]] = [
            *[self.kill_one] * 3,
            self.kill_both,
            self.stop_database,
            self.terminate,
            self.silence,
            self.cut,
            self.cut_at_random,
        ]

    @property
    def kills(self) -> int:
        """Of servers."""
        return sum({"kill_one": 1, "kill_both": 2}.get(fault.name, 0) for fault in self.faults)

    async def run(self, seconds: float, *, pause_seconds: tuple[float, float], kills: int = 0) -> None:
        """So long, and on until so many servers were killed; then everything is whole again."""
        ends = time.monotonic() + seconds
        supervisor = asyncio.create_task(self._supervise())
        while time.monotonic() < ends or self.kills < kills:
            kind = await self._next()
            self.faults.append(Fault(kind.__name__, time.time()))
            await kind()
            await asyncio.sleep(self._chance.uniform(*pause_seconds))
        self._stopping = True
        await supervisor

    async def _next(self) -> Callable[[], Awaitable[None]]:
        """Where servers take their time to start, they are not killed before somebody was served."""
        ready = await asyncio.gather(*map(is_ready, self.scene.installation.servers.values()))
        return self._chance.choice(
            [kind for kind in self._kinds if all(ready) or not kind.__name__.startswith("kill")]
        )

    async def _supervise(self) -> None:
        """As an operating system's: whoever has ended, killed or for want of a database, starts again."""
        installation = self.scene.installation
        while not self._stopping or not all(
            await asyncio.gather(*map(is_ready, installation.servers.values()))
        ):
            for name, server in list(installation.servers.items()):
                if not server.is_running:
                    installation.serve(name)
            await asyncio.sleep(SUPERVISED_SECONDS)

    async def kill_one(self) -> None:
        await self._kill(self._chance.choice("ab"))

    async def kill_both(self) -> None:
        await self._kill("a")
        await self._kill("b")

    async def stop_database(self) -> None:
        with suppress(OSError, ValueError):  # it is not there yet
            stop_immediately(self.scene.postgres_folder)

    async def terminate(self) -> None:
        await self._end("%")

    async def silence(self) -> None:
        await self._end(LISTENER)

    async def cut(self) -> None:
        for proxy in self.scene.proxies.values():
            proxy.cut()

    async def cut_at_random(self) -> None:
        for proxy in self.scene.proxies.values():
            proxy.limit = lambda: self._chance.randint(*LIMIT_BYTES)
            proxy.cut()
        await asyncio.sleep(CUTTING_SECONDS)
        for proxy in self.scene.proxies.values():
            proxy.limit = endless
            proxy.cut()

    async def _end(self, named: str) -> None:
        installation = self.scene.installation
        with suppress(*BROKEN):  # it is away already
            await terminate_backends(installation.maintenance_url, installation.database, named=named)

    async def _kill(self, name: str) -> None:
        await self.scene.installation.servers[name].kill()


async def is_ready(server: Server) -> bool:
    return await asyncio.to_thread(status, f"{server.url}/readyz") == 200
