"""The demo's seed: writes its two organizations through the unit of work, once, whatever interrupts it."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import visits
from domain.events import Origin
from domain.organizations import Organization
from domain.rows import Row
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import FINAL, LIVE, Assignment, Visit
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.city import City
from fieldgraph.demo.tales import Tale, tell

ROWS_MOST = 500  # in one transaction
SUBJECT = "fieldgraph:seed"


async def seed(
    engine: AsyncEngine, city: City, *, seed: int, start: datetime, time_zone: str = "Europe/Helsinki"
) -> tuple[Seeded, Seeded]:
    """Write both organizations; what an interrupted seed has written already is left as it is.

    `start` is the business time at which the demo begins. `tales.tell` with the same arguments answers the
    same without a database.
    """
    first, second = tell(city, seed=seed, start=start, time_zone=time_zone)
    for tale in (first, second):
        await _write(engine, tale)
    return first.seeded, second.seeded


async def _write(engine: AsyncEngine, tale: Tale) -> None:
    viewer = Viewer(organization_id=tale.organization.id, role=Role.ADMIN, subject=SUBJECT)
    async with UnitOfWork(engine, viewer, tale.chapters[0][0], origin=Origin.SEED) as work:
        if await work.session.get(Organization, tale.organization.id) is None:
            work.session.add(tale.organization)
    led = {
        row.visit_id: row.technician_id
        for _, rows in tale.chapters
        for row in rows
        if isinstance(row, Assignment) and row.is_lead and row.state in LIVE
    }
    transactions = list(_transactions(tale))
    if await _is_written(engine, viewer, transactions[-1]):
        return  # they are written in order
    for at, rows in transactions:
        async with UnitOfWork(engine, viewer, at, origin=Origin.SEED) as work:
            if await work.session.get(type(rows[0]), (viewer.organization_id, rows[0].id)) is not None:
                continue
            await (await work.session.connection()).execute(text("SET CONSTRAINTS ALL DEFERRED"))
            for row in rows:
                work.add(row)
                if isinstance(row, Visit) and row.state not in FINAL:
                    scope = visits.scope(row, [led[row.id]] if row.id in led else [])
                    visits.announce(work, row, "VisitCreated", before={}, scopes=(scope, scope))


async def _is_written(engine: AsyncEngine, viewer: Viewer, last: tuple[datetime, tuple[Row, ...]]) -> bool:
    at, rows = last
    async with UnitOfWork(engine, viewer, at) as work:
        return await work.session.get(type(rows[-1]), (viewer.organization_id, rows[-1].id)) is not None


def _transactions(tale: Tale) -> Iterator[tuple[datetime, tuple[Row, ...]]]:
    for at, rows in tale.chapters:
        for first in range(0, len(rows), ROWS_MOST):
            yield at, rows[first : first + ROWS_MOST]
