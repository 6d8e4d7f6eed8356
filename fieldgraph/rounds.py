"""Rounds: what maintenance plans make when it is time, told for every organization in turn by a worker."""

from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import maintenance
from domain.clock import Clock
from domain.errors import Refused
from domain.events import Origin
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from realtime.wakeups import Wakeups

ROUNDSMAN = "fieldgraph:maintenance"


class Rounds:
    """Any number of workers may go round at once: a plan is held by one, and done when the next gets it."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.engine = engine
        self.clock = clock
        self.wakeups = wakeups

    async def go(self) -> None:
        """One round; each plan is a transaction of its own."""
        async with self.engine.begin() as connection:
            due = await maintenance.due(connection, self.clock.now())
        for organization_id, plan_id in due:
            viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=ROUNDSMAN)
            await self._make(viewer, plan_id)

    async def _make(self, viewer: Viewer, plan_id: UUID) -> None:
        """One plan; what is refused is tried later, what another transaction is in the way of next time."""
        log = structlog.get_logger(__name__).bind(plan=str(plan_id))
        try:
            async with self._work(viewer) as work:
                await maintenance.tick(work, plan_id)
        except Refused as refusal:
            log.warning("maintenance refused", reason=refusal.message)
            async with self._work(viewer) as work:
                await maintenance.postpone(work, plan_id)
        except DBAPIError as error:
            log.warning("maintenance waits", error=repr(error))
        if work.xid is not None:
            self.wakeups.announce()

    def _work(self, viewer: Viewer) -> UnitOfWork:
        return UnitOfWork(self.engine, viewer, self.clock.now(), origin=Origin.MAINTENANCE)
