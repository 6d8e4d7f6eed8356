"""The demo's two companies, seeded once, and one way to ask their graph as any role."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrosm

from domain.clock import Clock
from domain.viewers import Role, Viewer
from fieldgraph.app import App
from fieldgraph.databases import writing_engine
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.city import build
from fieldgraph.demo.seed import seed
from fieldgraph.settings import Settings
from integrations import osm
from resolvers.context import Context
from resolvers.documents import DocumentRef, Operation
from resolvers.refusals import Refusal

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""Eight in the morning in Helsinki."""


async def seed_companies(app_url: str) -> tuple[Seeded, Seeded]:
    engine = writing_engine(app_url)
    try:
        city = build(osm.read(Path(pyrosm.get_data("helsinki_pbf"))), seed=1)
        return await seed(engine, city, seed=1, start=START)
    finally:
        await engine.dispose()


@dataclass(frozen=True)
class Companies:
    """A running API process' parts over a seeded database, without its sockets."""

    app: App
    first: Seeded
    second: Seeded

    def viewer(self, role: Role, *, second: bool = False) -> Viewer:
        return (self.second if second else self.first).viewers[role]

    async def prepared(self, query: str, viewer: Viewer) -> Operation:
        """Of any cost where nobody counts: tests of other things ask for whole companies at once."""
        operation = await self.app.executor.prepare(DocumentRef(query), None, viewer=viewer)
        if self.app.buckets is None:
            object.__setattr__(operation, "trusted", True)
        return operation

    async def ask(
        self,
        query: str,
        variables: Mapping[str, object] | None = None,
        *,
        viewer: Viewer | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """The response, also when the request was refused as a whole."""
        executor, asker = self.app.executor, viewer or self.viewer(Role.ADMIN)
        try:
            operation = await self.prepared(query, asker)
            body = await executor.answer(operation, variables or {}, viewer=asker, idempotency_key=key)
        except Refusal as refusal:
            return {"errors": refusal.errors}
        found: dict[str, Any] = json.loads(body)
        return found

    async def data(
        self, query: str, variables: Mapping[str, object] | None = None, *, viewer: Viewer | None = None
    ) -> dict[str, Any]:
        """The data of a response without errors."""
        found = await self.ask(query, variables, viewer=viewer)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    async def both_ways(
        self, query: str, variables: Mapping[str, object], *, viewer: Viewer
    ) -> tuple[bytes, bytes]:
        """The compiled answer and the plain one, both at one instant."""
        executor, services = self.app.executor, self.app.services
        stopped = Clock(business_origin=services.clock.now().timestamp(), speed=0)
        operation = await self.prepared(query, viewer)
        executor.services = replace(services, clock=stopped)
        try:
            compiled = await executor.answer(operation, variables, viewer=viewer)
            plain = await executor.plain.answer(operation, variables, Context(viewer, executor.services))
        finally:
            executor.services = services
        return compiled, plain

    async def leveled(self) -> None:
        """Until the hub has told of all that was committed before, by events and by touches."""
        for _ in range(2):  # a look is over for who waits once its events are told, before its touches are
            await self.app.services.hub.level()

    @property
    def is_reading(self) -> bool:
        """Whether an answer is being read from the database at this moment."""
        return self.app.services.reads.connections.used > 0

    @asynccontextmanager
    async def stream(
        self, query: str, variables: Mapping[str, object] | None = None, *, viewer: Viewer | None = None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """A subscription's items: the value of its one field each time."""
        executor, asker = self.app.executor, viewer or self.viewer(Role.DISPATCHER)
        operation = await self.prepared(query, asker)
        items = executor.stream(operation, variables or {}, viewer=asker)

        async def values() -> AsyncIterator[dict[str, Any]]:
            async for body in items:
                yield next(iter(json.loads(body)["data"].values()))

        async with aclosing(items), aclosing(values()) as told:  # type: ignore[type-var]  # an async generator
            yield told


@asynccontextmanager
async def running(
    database: Any, organizations: tuple[Seeded, Seeded], folder: Path, *, rate_points: int = 0
) -> AsyncIterator[Companies]:
    """An App over a database, at the business time of the seed; nobody counts what is asked."""
    settings = Settings().model_copy(
        update={
            "database_url": database.owner_url,
            "app_database_url": database.app_url,
            "data_folder": folder,
            "clock_real_origin": datetime.now(UTC).timestamp(),
            "clock_business_origin": START.timestamp(),
            "rate_points": rate_points,
        }
    )
    app = App(settings)
    async with app.running():
        yield Companies(app, *organizations)
