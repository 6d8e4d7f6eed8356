"""Timekeeping: what time alone brings about, in every organization: each kind of it is a round of a worker.

Any number of workers may go the same round at once: what one has done, the next finds done.
"""

import time
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import contracts, freezes, maintenance, milestones, visits
from domain.clock import Clock
from domain.errors import Refused
from domain.events import Origin
from domain.technicians import certificates, patterns
from fieldgraph.turns import Turns
from realtime import arrivals
from realtime.wakeups import Wakeups

EVERY_SECONDS = 60.0


class Silence:
    """What the silence of a device decides: each technician is a transaction of their own."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.turns = Turns(
            engine=engine,
            clock=clock,
            announce=wakeups.announce,
            subject="fieldgraph:ticker",
            origin=Origin.GEOFENCE,
        )

    async def settle(self) -> None:
        for organization_id in await self.turns.organizations():
            async with self.turns.unit(organization_id) as work:
                waiting = await arrivals.waiting(work)
            for technician_id in waiting:
                await self.turns.take(organization_id, partial(arrivals.settle, technician_id=technician_id))


class Terms:
    """What becomes due: milestones that warn and are breached, contracts that renew themselves and expire."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.turns = Turns(engine=engine, clock=clock, announce=wakeups.announce, subject="fieldgraph:ticker")

    async def turn(self) -> None:
        async with self.turns.engine.begin() as connection:
            clocks = await milestones.due(connection, self.turns.clock.now())
            terms = await contracts.due(connection, self.turns.clock.now())
        for organization_id in clocks:
            while await self.turns.take(organization_id, milestones.tick) == milestones.MOST_AT_ONCE:
                pass
        for organization_id in terms:
            for key in await self.turns.take(organization_id, contracts.turning) or ():
                await self.turns.take(organization_id, partial(contracts.turn, key=key))


class Timekeeping:
    """Shifts made ahead, unanswered offers, visits that start soon, certificates that end: once a minute."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.turns = Turns(
            engine=engine, clock=clock, announce=wakeups.announce, subject="fieldgraph:timekeeper"
        )
        self.went_at: float | None = None

    async def go_round(self) -> None:
        if self.went_at is not None and time.monotonic() - self.went_at < EVERY_SECONDS:
            return
        self.went_at = time.monotonic()
        for organization_id in await self.turns.organizations():
            await self.keep(organization_id)

    async def keep(self, organization_id: UUID) -> None:
        """Each pattern, offer and visit is a transaction of its own, so are some certificates at a time."""
        async with self.turns.unit(organization_id) as work:
            waiting, over = await patterns.due(work), await visits.expired(work)
            soon = await freezes.due(work)
        for key in waiting:
            await self.turns.take(organization_id, partial(patterns.extend, key=key))
        for key in over:
            await self.turns.take(organization_id, partial(visits.expire, visit_id=key))
        for key in soon:
            await self.turns.take(organization_id, partial(freezes.freeze, visit_id=key))
        while await self.turns.take(organization_id, certificates.tell) == certificates.AT_ONCE:
            pass


class Upkeep:
    """What maintenance plans make when it is time: each plan is a transaction of its own."""

    def __init__(self, engine: AsyncEngine, clock: Clock, wakeups: Wakeups) -> None:
        self.turns = Turns(
            engine=engine,
            clock=clock,
            announce=wakeups.announce,
            subject="fieldgraph:maintenance",
            origin=Origin.MAINTENANCE,
        )

    async def go_round(self) -> None:
        async with self.turns.engine.begin() as connection:
            due = await maintenance.due(connection, self.turns.clock.now())
        for organization_id, plan_id in due:
            await self._make(organization_id, plan_id)

    async def _make(self, organization_id: UUID, plan_id: UUID) -> None:
        """What is refused is tried later; what another transaction is in the way of, next time."""
        log = structlog.get_logger(__name__).bind(plan=str(plan_id))
        try:
            async with self.turns.unit(organization_id) as work:
                await maintenance.tick(work, plan_id)
        except Refused as refusal:
            log.warning("maintenance refused", reason=refusal.message)
            async with self.turns.unit(organization_id) as work:
                await maintenance.postpone(work, plan_id)
        except DBAPIError as error:
            log.warning("maintenance waits", error=repr(error))
