"""Timekeeping: what time alone brings about: shifts are made ahead, certificates and offers end."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import tracks, visits
from domain.clock import Clock
from domain.errors import Refused
from domain.events import Origin
from domain.technicians import certificates, patterns
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from realtime.wakeups import Wakeups

SUBJECT = "fieldgraph:timekeeper"
EVERY_SECONDS = 60.0


class Timekeeping:
    """One round a minute of real time; any number of workers may go theirs at once."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.engine = engine
        self.clock = clock
        self.wakeups = wakeups
        self.went_at: float | None = None

    async def go_round(self) -> None:
        if self.went_at is not None and time.monotonic() - self.went_at < EVERY_SECONDS:
            return
        self.went_at = time.monotonic()
        async with self.engine.begin() as connection:
            organizations = await tracks.organizations(connection)
        for organization_id in organizations:
            await self.keep(organization_id)

    async def keep(self, organization_id: UUID) -> None:
        """Each pattern and each offer is a transaction of its own, and so are some certificates at a time."""
        async with self._work(organization_id) as work:
            waiting, over = await patterns.due(work), await visits.expired(work)
        for key in waiting:
            await self._do(organization_id, partial(patterns.extend, key=key))
        for key in over:
            await self._do(organization_id, partial(visits.expire, visit_id=key))
        while await self._do(organization_id, certificates.tell) == certificates.AT_ONCE:
            pass

    async def _do(self, organization_id: UUID, verb: Callable[[UnitOfWork], Awaitable[int]]) -> int:
        """Where another transaction is in the way, the next round tries again."""
        try:
            async with self._work(organization_id) as work:
                done = await verb(work)
        except (Refused, DBAPIError) as error:
            structlog.get_logger(__name__).warning("time not kept", error=repr(error))
            return 0
        if work.xid is not None:
            self.wakeups.announce()
        return done

    def _work(self, organization_id: UUID) -> UnitOfWork:
        viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=SUBJECT)
        return UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.API)
