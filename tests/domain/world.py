"""A small service company for tests: every row comes through units of work, most through the verbs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

from domain import ids, intake, scheduling, stock, visits
from domain.customers import Customer, Tier
from domain.events import Origin
from domain.intake import Need
from domain.organizations import Counter, Organization
from domain.rows import Row
from domain.scheduling import Placement
from domain.sites import Site
from domain.stock import Part, StockLocation, StockLocationKind
from domain.technicians import Certification, Shift, Skill, Technician, TechnicianSkill, certificates
from domain.unit_of_work import Kind, UnitOfWork
from domain.uploads import Upload, UploadState
from domain.viewers import Role, Viewer
from domain.visits import Visit
from domain.work_orders import Priority, WorkType, WorkTypePart, WorkTypeSkill

DAY = date(2026, 11, 23)
MIDNIGHT = datetime(2026, 11, 22, 22, tzinfo=UTC)
"""The start of the day in Helsinki."""
MORNING = datetime(2026, 11, 23, 5, tzinfo=UTC)
"""Seven o'clock there, an hour before the shifts."""
STEP_DEGREES = 0.01
"""Sites lie on a line to the east; one step is about 560 m."""


def certificate(technician_id: UUID, skill_id: UUID, until: date | None) -> Certification:
    """One that is good up to a day in Helsinki."""
    ends = certificates.ends(until, ZoneInfo("Europe/Helsinki"))
    return Certification(technician_id=technician_id, skill_id=skill_id, valid_until=until, **ends)


def at(hours: float) -> datetime:
    """So many hours after local midnight."""
    return MIDNIGHT + timedelta(hours=hours)


@dataclass
class World:
    """One organization with one customer. `now` is the time of the units of work opened from here."""

    engine: AsyncEngine
    organization_id: UUID = field(default_factory=ids.new)
    now: datetime = MORNING
    customer_id: UUID = field(default_factory=ids.new)
    numbers: int = 0

    @classmethod
    async def make(cls, engine: AsyncEngine) -> "World":
        world = cls(engine)
        async with world.unit() as work:
            work.session.add(
                Organization(
                    id=world.organization_id, name="North", time_zone="Europe/Helsinki", updated_at=MORNING
                )
            )
            await work.session.flush()
            work.add(Counter(series="WORK_ORDER"))
            work.add(Customer(id=world.customer_id, number="C1", name="Aalto", tier=Tier.STANDARD))
        return world

    @asynccontextmanager
    async def unit(self, role: Role = Role.ADMIN, **viewer: Any) -> AsyncIterator[UnitOfWork]:
        who = Viewer(organization_id=self.organization_id, role=role, subject="test", **viewer)
        async with UnitOfWork(self.engine, who, self.now, origin=Origin.API) as work:
            yield work

    async def keep(self, *rows: Row) -> None:
        async with self.unit() as work:
            for row in rows:
                work.add(row)

    async def read(self, table: type[Kind], key: UUID) -> Kind:
        async with self.unit() as work:
            return await work.find(table, key)

    async def all(self, table: type[Kind], **equal: Any) -> list[Kind]:
        async with self.unit() as work:
            return list((await work.session.exec(select(table).filter_by(**equal).order_by("id"))).all())

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    async def skill(self, name: str) -> UUID:
        row = Skill(name=name)
        await self.keep(row)
        return row.id

    async def part(self, name: str) -> UUID:
        row = Part(number=f"P{self.number()}", name=name, unit_price=Decimal(1))
        await self.keep(row)
        return row.id

    async def upload(self, *, technician_id: UUID | None = None, content_type: str = "image/png") -> UUID:
        """A file whose bytes have come, handed in by somebody of the field or by the office."""
        row = Upload(
            name="file",
            content_type=content_type,
            bytes=9,
            sha256=f"{self.number():064x}",
            state=UploadState.STORED,
            stored_at=self.now,
            expires_at=self.now + timedelta(days=1),
            technician_id=technician_id,
        )
        await self.keep(row)
        return row.id

    async def technician(
        self,
        name: str = "Ada",
        *,
        step: float = 0,
        shift: tuple[float, float] | None = (8, 16),
        skills: Mapping[UUID, int | date] | None = None,
        van: Mapping[UUID, int] | None = None,
    ) -> UUID:
        """Someone whose home is `step` steps to the east; a date instead of a level: certified until then."""
        row = Technician(
            code=f"T{self.number():02d}",
            name=name,
            home_longitude=24.9 + step * STEP_DEGREES,
            home_latitude=60.2,
            hourly_cost=Decimal(30),
        )
        place = StockLocation(name=f"Van of {name}", kind=StockLocationKind.VAN, technician_id=row.id)
        async with self.unit() as work:
            work.add(row)
            await work.session.flush()
            work.add(place)
            for skill_id, level in (skills or {}).items():
                until, grade = (level, 3) if isinstance(level, date) else (None, level)
                work.add(
                    TechnicianSkill(
                        technician_id=row.id, skill_id=skill_id, level=grade, certified_until=until
                    )
                )
                if until is not None:
                    work.add(certificate(row.id, skill_id, until))
            await work.session.flush()
            await stock.receive(work, place.id, van or {})
            if shift is not None:
                work.add(Shift(technician_id=row.id, starts_at=at(shift[0]), ends_at=at(shift[1])))
        return row.id

    async def work_type(
        self,
        *,
        hours: float = 1,
        crew_size: int = 1,
        skills: Mapping[UUID, int] | None = None,
        parts: Mapping[UUID, int] | None = None,
    ) -> UUID:
        row = WorkType(code=f"W{self.number()}", name="Repair", duration_seconds=round(hours * 3600))
        row.crew_size = crew_size
        async with self.unit() as work:
            work.add(row)
            await work.session.flush()
            for skill_id, level in (skills or {}).items():
                work.add(WorkTypeSkill(work_type_id=row.id, skill_id=skill_id, level=level))
            for part_id, quantity in (parts or {}).items():
                work.add(WorkTypePart(work_type_id=row.id, part_id=part_id, quantity=quantity))
        return row.id

    async def site(self, step: float = 1) -> UUID:
        row = Site(
            customer_id=self.customer_id,
            name=f"Site {self.number()}",
            address="Street 1",
            longitude=24.9 + step * STEP_DEGREES,
            latitude=60.2,
            time_zone="Europe/Helsinki",
        )
        await self.keep(row)
        return row.id

    async def visit(
        self,
        work_type_id: UUID,
        *,
        step: float = 1,
        window: tuple[float, float] | None = None,
        priority: Priority = Priority.NORMAL,
        due: float | None = None,
    ) -> UUID:
        """The first visit of a new order, at a site so many steps to the east."""
        need = Need(
            site_id=await self.site(step),
            work_type_id=work_type_id,
            title="Something is broken",
            priority=priority,
            window=(at(window[0]), at(window[1])) if window else None,
            due_at=None if due is None else at(due),
        )
        async with self.unit() as work:
            return (await intake.create_work_order(work, need))[1].id

    async def schedule(self, visit_id: UUID, technician_id: UUID, hours: float) -> Visit:
        async with self.unit() as work:
            placement = Placement(technician_id=technician_id, start=at(hours))
            return await scheduling.schedule(work, visit_id, placement)

    async def dispatch(self, visit_id: UUID) -> None:
        async with self.unit() as work:
            await visits.dispatch(work, visit_id)
