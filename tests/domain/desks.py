"""A desk where work is asked for under a contract, and all that may befall it, at a time that is said."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import intake, milestones, scheduling, visits
from domain.contracts import Contract, ContractState, Entitlement
from domain.events import EventRow
from domain.intake import Need
from domain.milestones import Milestone
from domain.scheduling import Placement
from tests.domain.world import DAY, World

OFFICE = {"coverage_opens": "08:00", "coverage_closes": "16:00", "coverage_weekdays": "12345"}
MINUTES = {"respond_minutes": 60, "arrive_minutes": 120, "resolve_minutes": 240}


class Desk:
    """A company with one customer under contract, whose clocks run in office hours."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self, *, shift: tuple[float, float] | None = (0, 24 * 20), **entitlement: Any) -> "Desk":
        world = self.world
        self.technician = await world.technician("Ada", shift=shift)
        self.kind = await world.work_type()
        self.site = await world.site()
        self.contract, self.entitlement = await self.agree(**{**OFFICE, **MINUTES, **entitlement})
        return self

    async def agree(self, **entitlement: Any) -> tuple[UUID, UUID]:
        contract = Contract(
            customer_id=self.world.customer_id, number=f"K{self.world.number()}", name="Care",
            state=ContractState.ACTIVE, starts_on=DAY, ends_on=DAY + timedelta(days=400), price=Decimal(100),
        )  # fmt: skip
        await self.world.keep(contract)
        row = Entitlement(
            contract_id=contract.id, customer_id=self.world.customer_id, name="Fast", **entitlement
        )
        await self.world.keep(row)
        return contract.id, row.id

    async def ask(self, **need: object) -> tuple[UUID, UUID]:
        wanted = Need(site_id=self.site, work_type_id=self.kind, title="It leaks", **need)  # type: ignore[arg-type]  # as given
        async with self.world.unit() as work:
            order, visit = await intake.create_work_order(work, wanted)
        return order.id, visit.id

    async def show(self, order: UUID) -> dict[str, tuple[str, datetime]]:
        """By kind: its state and when it is due."""
        rows = await self.world.all(Milestone, work_order_id=order)
        return {str(row.kind): (str(row.state), row.due_at) for row in rows}

    async def facts(self, key: UUID) -> list[str]:
        async with self.world.unit() as work:
            found = select(EventRow.type).where(col(EventRow.subject_id) == key)
            return list((await work.session.exec(found.order_by(col(EventRow.xid), col(EventRow.n)))).all())

    async def clock(self, order: UUID, kind: str) -> Milestone:
        (row,) = await self.world.all(Milestone, work_order_id=order, kind=kind)
        return row

    async def take(self, verb: object, key: UUID, now: datetime, **more: object) -> None:
        self.world.now = now
        async with self.world.unit() as work:
            await verb(work, key, **more)  # type: ignore[operator]  # a verb of a visit or an order

    async def tick(self, now: datetime) -> int:
        self.world.now = now
        async with self.world.unit() as work:
            return await milestones.tick(work)

    async def schedule(self, visit: UUID, now: datetime) -> None:
        self.world.now = now
        placement = Placement(technician_id=self.technician, start=now + timedelta(hours=1))
        async with self.world.unit() as work:
            await scheduling.schedule(work, visit, placement)

    async def travel(self, visit: UUID, now: datetime) -> None:
        """Scheduled and on the way."""
        await self.schedule(visit, now)
        await self.take(visits.dispatch, visit, now)
        await self.take(visits.start_travel, visit, now)
