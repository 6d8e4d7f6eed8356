"""A small company around one site, made by the domain's own verbs: what a report needs to mean anything."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import event as listeners
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import ids, intake, scheduling, tracking, visits
from domain.customers import Customer
from domain.events import Origin
from domain.intake import Need
from domain.organizations import Counter, Organization
from domain.scheduling import Placement
from domain.sites import Site
from domain.technicians import Shift, Technician
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.work_orders import WorkType
from fieldgraph.addresses import sqlalchemy_url
from realtime import arrivals
from realtime.arrivals import Report
from realtime.etas import Point
from realtime.positions import Fix, great_circle_metres
from tests.conftest import Database
from tests.realtime.drives import LATITUDE, LONGITUDE, METRES_PER_LONGITUDE, START

ROAD_METRES_PER_SECOND = 10.0


def moment(seconds: float) -> datetime:
    """So many seconds after the drives' start."""
    return datetime.fromtimestamp(START, UTC) + timedelta(seconds=seconds)


def straight(origin: Point, destination: Point) -> float:
    """A road without bends, at 10 m/s."""
    return great_circle_metres(*origin, *destination) / ROAD_METRES_PER_SECOND


@dataclass
class World:
    """One organization with one customer and one type of work, seen through the app's role."""

    engine: AsyncEngine
    organization_id: UUID
    customer_id: UUID
    work_type_id: UUID
    numbers: Any

    def unit(
        self, seconds: float, *, technician_id: UUID | None = None, origin: Origin = Origin.API
    ) -> UnitOfWork:
        """A transaction of the office, or of a technician, so many seconds after the start."""
        viewer = Viewer(
            organization_id=self.organization_id,
            role=Role.TECHNICIAN if technician_id else Role.ADMIN,
            subject=f"test:{technician_id or 'office'}",
            technician_id=technician_id,
        )
        return UnitOfWork(self.engine, viewer, moment(seconds), origin)

    async def technician(self, *, east: float = -2000.0, shift: tuple[float, float] = (-3600, 36000)) -> UUID:
        """Someone whose home lies so many metres east of the site, on shift between these seconds."""
        async with self.unit(-7200) as work:
            row = work.add(
                Technician(
                    code=f"T{next(self.numbers)}",
                    name="Aino",
                    home_longitude=LONGITUDE + east / METRES_PER_LONGITUDE,
                    home_latitude=LATITUDE,
                    hourly_cost=Decimal(50),
                )
            )
            await work.session.flush()
            work.add(Shift(technician_id=row.id, starts_at=moment(shift[0]), ends_at=moment(shift[1])))
        return row.id

    async def scheduled(
        self,
        technician_id: UUID,
        *,
        east: float = 0.0,
        planned: float = 600.0,
        site_id: UUID | None = None,
        geofence: dict[str, Any] | None = None,
    ) -> UUID:
        """A visit of half an hour at a new site or the one named; `planned` is in seconds after the start."""
        async with self.unit(-3600) as work:
            if site_id is None:
                site_id = await self._site(work, east, geofence)
            need = Need(site_id=site_id, work_type_id=self.work_type_id, title="Boiler")
            _order, visit = await intake.create_work_order(work, need)
            await scheduling.schedule(
                work, visit.id, Placement(technician_id=technician_id, start=moment(planned))
            )
        return visit.id

    async def dispatched(self, technician_id: UUID, **where: Any) -> UUID:
        visit_id = await self.scheduled(technician_id, **where)
        async with self.unit(-3000) as work:
            await visits.dispatch(work, visit_id)
        return visit_id

    async def travelling(self, technician_id: UUID, *, at: float = 0.0, **where: Any) -> UUID:
        visit_id = await self.dispatched(technician_id, **where)
        async with self.unit(at, technician_id=technician_id) as work:
            await visits.start_travel(work, visit_id)
        return visit_id

    async def finished(self, technician_id: UUID, visit_id: UUID, *, started: float, ended: float) -> None:
        async with self.unit(started, technician_id=technician_id) as work:
            await visits.start_work(work, visit_id)
        async with self.unit(ended, technician_id=technician_id) as work:
            await visits.complete(work, visit_id)

    async def report(self, technician_id: UUID, fixes: Sequence[Fix], *, at: float | None = None) -> Report:
        """One report of the technician's device; received at once unless said otherwise."""
        received = max(fix.at for fix in fixes) - START if at is None else at
        async with self.unit(received, technician_id=technician_id) as work:
            return await arrivals.report(work, technician_id, fixes, seconds=straight)

    async def settle(self, technician_id: UUID, at: float) -> Report:
        async with self.unit(at) as work:
            return await arrivals.settle(work, technician_id)

    async def word(self, technician_id: UUID, visit_id: UUID, at: float) -> None:
        async with self.unit(at, technician_id=technician_id) as work:
            await tracking.record_arrival(work, visit_id, occurred_at=None)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.unit(0) as work:
            return list(await (await work.session.connection()).execute(text(statement), values))

    async def state(self, visit_id: UUID) -> str:
        return str((await self.rows("SELECT state FROM visit WHERE id = :id", id=visit_id))[0].state)

    async def arrived(self, visit_id: UUID) -> list[tuple[float, str]]:
        """The arrivals of a visit: seconds after the start, and by whose word."""
        found = await self.rows(
            "SELECT occurred_at, confirmed_by FROM arrival WHERE visit_id = :id", id=visit_id
        )
        return [((row.occurred_at - moment(0)).total_seconds(), row.confirmed_by) for row in found]

    async def told(self, visit_id: UUID, *types: str) -> list[Any]:
        """The events about a visit of these types, in the log's order."""
        return await self.rows(
            "SELECT type, topic, origin, payload, occurred_at FROM event"
            " WHERE subject_id = :id AND type = ANY(:types) ORDER BY xid, n",
            id=visit_id,
            types=list(types),
        )

    async def _site(self, work: UnitOfWork, east: float, geofence: dict[str, Any] | None) -> UUID:
        row = work.add(
            Site(
                customer_id=self.customer_id,
                name="Yard",
                address="Mannerheimintie 1",
                longitude=LONGITUDE + east / METRES_PER_LONGITUDE,
                latitude=LATITUDE,
                time_zone="Europe/Helsinki",
                geofence=geofence,
            )
        )
        await work.session.flush()
        return row.id


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[World]:
    """A company in a database of its own."""
    engine = create_async_engine(sqlalchemy_url(database.app_url), pool_size=3)
    try:
        yield await founded(engine)
    finally:
        await engine.dispose()


async def founded(engine: AsyncEngine) -> World:
    world = World(engine, ids.new(), ids.new(), ids.new(), count(1))
    async with world.unit(-7200, origin=Origin.SEED) as work:
        work.session.add(
            Organization(id=world.organization_id, name="Nordic Heat", time_zone="Europe/Helsinki")
        )
        await work.session.flush()
        work.add(Counter(series="WORK_ORDER"))
        work.add(Customer(id=world.customer_id, number="C1", name="Kaleva"))
        work.add(WorkType(id=world.work_type_id, code="REPAIR", name="Repair", duration_seconds=1800))
    return world


@asynccontextmanager
async def counted(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """The statements that go to the database meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    listeners.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        listeners.remove(engine.sync_engine, "before_cursor_execute", note)
