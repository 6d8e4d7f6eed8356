"""A whole installation for tests: one database, two API processes and a worker, and what befalls them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from domain import ids
from domain.scopes import SCOPES
from domain.viewers import Role, Viewer
from fieldgraph.settings import AUDIENCE, ISSUER
from integrations.identity import Identity
from tests.conftest import connected
from tests.domain.world import World
from tests.fieldgraph.running import Program, Server, free_port, subscribed

KEY = "a key that only these tests know, 32+"
CHANGES = """
subscription Changes($after: Cursor) {
  scheduleChanges(after: $after) {
    __typename
    ... on ScheduleSnapshot { cursor }
    ... on ResyncRequired { cursor cause }
    ... on Lagged { cursor count }
    ... on VisitCreated { cursor visit { id } }
    ... on VisitScheduled { cursor visit { id } before { state } }
    ... on VisitRescheduled { cursor visit { id } before { state } }
    ... on VisitProgressed { cursor visit { id } before { state } }
    ... on VisitUnscheduled { cursor visit { id } before { state } }
    ... on VisitRemoved { cursor id }
  }
}
"""


@dataclass(kw_only=True)
class Installation:
    """One database and the processes on it; what a test has killed, the next one starts again."""

    database: str
    maintenance_url: str
    owner_url: str
    world: World
    folder: Path
    environment: dict[str, str]
    token: str
    ports: dict[str, int] = field(default_factory=lambda: {"a": free_port(), "b": free_port()})
    servers: dict[str, Server] = field(default_factory=dict)
    worker: Program | None = None

    @property
    def a(self) -> Server:
        return self.servers["a"]

    @property
    def b(self) -> Server:
        return self.servers["b"]

    async def up(self) -> None:
        """Both API processes ready, and a worker; what runs already is left alone."""
        if self.worker is None or not self.worker.is_running:
            self.work()
        await self.serving()

    async def serving(self) -> None:
        """Both API processes ready."""
        for name in self.ports:
            if name not in self.servers or not self.servers[name].is_running:
                self.serve(name)
        await asyncio.gather(self.a.ready(), self.b.ready())

    def serve(self, name: str) -> Server:
        log = self.folder / f"{name}.log"
        # One migrates, as a process alone does; the other relies on that, as in compose.yaml.
        environment = self.environment | {"FIELDGRAPH_MIGRATES": str(name == "a").lower()}
        server = Server.serve(self.ports[name], log=log, environment=environment)
        self.servers[name] = server
        return server

    def work(self) -> Program:
        log = self.folder / "worker.log"
        self.worker = Program.start("worker", log=log, environment=self.environment)
        return self.worker

    async def down(self) -> None:
        workers = [self.worker] if self.worker else []
        await asyncio.gather(*(program.stop() for program in [*self.servers.values(), *workers]))

    def changes(self, server: Server, after: str | None = None) -> Any:
        return subscribed(server.ws_url, self.token, CHANGES, {"after": after})

    @asynccontextmanager
    async def events(self, server: Server) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of the same subscription over HTTP, once the first has come."""
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {self.token}"}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("POST", server.graph, json={"query": CHANGES}, headers=headers) as response,
        ):
            lines = response.aiter_lines()
            assert await anext(lines) == ":"
            yield lines


def token_of(world: World, role: Role = Role.DISPATCHER) -> str:
    async def nobody(_digest: bytes) -> None:
        return None

    identity = Identity(key=KEY.encode(), issuer=ISSUER, audience=AUDIENCE, find_credential=nobody)
    scopes = SCOPES if role == Role.INTEGRATION else frozenset[str]()
    subject = f"test:{role.lower()}"
    viewer = Viewer(organization_id=world.organization_id, role=role, subject=subject, scopes=scopes)
    return identity.issue(viewer, lifetime_seconds=3600)


@asynccontextmanager
async def held(installation: Installation, visit: str) -> AsyncIterator[None]:
    """Somebody else's transaction has the visit's row."""
    key = ids.decode("vis", visit)
    async with connected(installation.owner_url) as owner, owner.transaction():
        assert await owner.fetchval("SELECT id FROM visit WHERE id = $1 FOR UPDATE", key) == key
        yield


async def until_blocked(installation: Installation) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
    async with connected(installation.maintenance_url) as connection, asyncio.timeout(20):
        while not await connection.fetchval(waiting, installation.database):  # noqa: ASYNC110  # of a server
            await asyncio.sleep(0.02)


@asynccontextmanager
async def outage(installation: Installation) -> AsyncIterator[None]:
    """Every connection is cut and none is let in."""
    name = installation.database
    async with connected(installation.maintenance_url) as connection:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await connection.execute(cut, name)
        try:
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
