"""Turns: what workers do that nobody asked for, each a unit of work of its own in an organization's name."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import tracks
from domain.clock import Clock
from domain.errors import Refused
from domain.events import Origin
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Who takes them and by which door; `announce` is called after every commit that wrote something."""

    engine: AsyncEngine
    clock: Clock
    announce: Callable[[], None]
    subject: str
    origin: Origin = Origin.TIMER

    async def organizations(self) -> Sequence[UUID]:
        async with self.engine.begin() as connection:
            return await tracks.organizations(connection)

    @asynccontextmanager
    async def unit(self, organization_id: UUID) -> AsyncIterator[UnitOfWork]:
        viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=self.subject)
        async with UnitOfWork(self.engine, viewer, self.clock.now(), origin=self.origin) as work:
            yield work
        if work.xid is not None:
            self.announce()

    async def take(
        self, organization_id: UUID, verb: Callable[[UnitOfWork], Awaitable[Answer]]
    ) -> Answer | None:
        """None where a rule or another transaction is in the way: the next round tries again."""
        try:
            async with self.unit(organization_id) as work:
                return await verb(work)
        except (Refused, DBAPIError) as error:
            log = structlog.get_logger(__name__)
            log.warning("a turn was not taken", subject=self.subject, error=repr(error))
            return None
