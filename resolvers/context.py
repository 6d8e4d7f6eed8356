"""Context: what one operation of one viewer may reach; made by the executor, handed to every resolver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids
from domain.clock import Clock
from domain.unit_of_work import UnitOfWork
from domain.viewers import Viewer
from realtime.hub import Hub
from realtime.log import Cursors, Log
from resolvers.reads import Reads

Point = tuple[float, float]


class Roads(Protocol):
    """What live reads and pages ask about roads; points are (longitude, latitude)."""

    def seconds(self, origin: Point, destination: Point) -> float: ...

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


@dataclass(frozen=True, slots=True)
class Context:
    """One operation: who asks, and the process' services."""

    viewer: Viewer
    services: Services

    def work(self) -> UnitOfWork:
        return UnitOfWork(self.services.engine, self.viewer, self.services.clock.now())

    async def cursor(self) -> str:
        """The head of the log, as a client keeps it."""
        return self.services.cursors.encode(await self.services.log.head())


def key(prefix: str, text: str) -> Any:
    """The uuid in a global id of one type. Raises BadInput."""
    return ids.decode(prefix, text)


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
    }
