"""Context: what one operation of one viewer may reach; made by the executor, handed to every resolver."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids
from domain.buckets import Buckets
from domain.clock import Clock
from domain.unit_of_work import UnitOfWork
from domain.viewers import Viewer
from integrations.files import Doors
from realtime.hub import Hub
from realtime.log import Cursors, Log
from resolvers.charges import UNCHARGED, Charge
from resolvers.compiler.overlays import Overlay
from resolvers.compiler.writer import Writer
from resolvers.reads import Reads

Point = tuple[float, float]
Inputs = Sequence[Mapping[str, Any]]
Derive = Callable[["Context", Inputs], Awaitable[Sequence[Any]]]
"""Answers a derived field for all rows at once: an answer for each input, in their order.

An input is what the field `needs`, as JSON has it, and the field's coerced `arguments`."""


class Roads(Protocol):
    """What live reads and pages ask about roads; points are (longitude, latitude)."""

    def seconds(self, origin: Point, destination: Point) -> float: ...

    def each(self, ways: Sequence[tuple[Point, Point]]) -> list[float]: ...

    def streets(self) -> list[list[Point]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the process has once, composed in fieldgraph/app.py."""

    reads: Reads
    engine: AsyncEngine
    clock: Clock
    log: Log
    hub: Hub
    cursors: Cursors
    roads: Roads
    new_secret: Callable[[str], tuple[str, bytes]]
    secret: bytes
    base_url: str
    real_now: Callable[[], datetime]
    doors: Doors
    """By which the bytes of uploads come in, each of `upload_bytes` at most."""
    upload_bytes: int
    derived: Mapping[str, Derive]
    """The functions that answer derived fields, by their keys."""
    buckets: Buckets | None = None
    """What clients may ask for; None: as much as they like."""


@dataclass(frozen=True, slots=True)
class Context:
    """One operation: who asks, and the process' services."""

    viewer: Viewer
    services: Services
    plan_id: UUID | None = None
    """Below asOf: everything is over this plan's schedule."""
    charge: Charge = UNCHARGED
    """What the operation may cost."""

    def writer(self) -> Writer:
        """For a statement of the viewer's own."""
        writer = Writer(self.viewer.role, is_limited=self.viewer.is_limited)
        if self.plan_id is not None:
            writer.overlay = Overlay(writer, lambda _bindings: self.plan_id)
        return writer

    def work(self) -> UnitOfWork:
        return UnitOfWork(self.services.engine, self.viewer, self.services.clock.now())

    async def cursor(self) -> str:
        """The head of the log, as a client keeps it."""
        return self.services.cursors.encode(await self.services.log.head())

    async def derive(self, key: str, inputs: Inputs) -> Sequence[Any]:
        """One call for all rows. Raises ValueError when fewer or more are answered than were asked."""
        found = await self.services.derived[key](self, inputs)
        if len(found) != len(inputs):
            raise ValueError(f"{key} answered {len(found)} of {len(inputs)}")
        return found


def key(prefix: str, text: str) -> Any:
    """The uuid in a global id of one type. Raises BadInput."""
    return ids.decode(prefix, text)


def named(prefix: str, text: object) -> Any:
    """The uuid in a global id that may be left out; None where it is. Raises BadInput for any other text."""
    return key(prefix, text) if isinstance(text, str) else None


def viewer_values(viewer: Viewer) -> Mapping[str, Any]:
    """The viewer as the record `Viewer`."""
    return {
        "role": viewer.role.value,
        "scopes": sorted(viewer.scopes),
        "subject": viewer.subject,
        "organization_id": viewer.organization_id,
        "customer_id": viewer.customer_id,
        "technician_id": viewer.technician_id,
        "visit_id": viewer.visit_id,
        "user_id": viewer.user_id,
    }
