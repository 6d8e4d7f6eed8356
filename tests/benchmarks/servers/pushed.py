"""Pushed: a subscription as strawberry's documentation teaches it: an async generator and a queue a client.

A change is committed, then its rows are read once and handed to every queue. With `reading` each client's
generator reads its own, as where each viewer may see other rows.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import strawberry
import uvicorn
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from domain import sites, tables, technicians, visits, work_orders
from fieldgraph import lifelines
from tests.benchmarks.servers.usual import engine
from tests.benchmarks.world import ORGANIZATION

Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class Technician:
    id: strawberry.ID
    name: str


@strawberry.type
class PlannedTime:
    start: datetime | None
    end: datetime | None


@strawberry.type
class WorkOrder:
    id: strawberry.ID
    number: str
    title: str


@strawberry.type
class Site:
    id: strawberry.ID
    name: str
    address: str


@strawberry.type
class VisitBefore:
    state: str
    planned_start: datetime | None


@strawberry.type
class Visit:
    id: strawberry.ID
    state: str
    pin: str | None
    planned_start: strawberry.Private[datetime | None]
    planned_end: strawberry.Private[datetime | None]
    order: strawberry.Private[Any]
    place: strawberry.Private[Any]

    @strawberry.field
    def planned(self) -> PlannedTime:
        return PlannedTime(start=self.planned_start, end=self.planned_end)

    @strawberry.field
    def work_order(self) -> WorkOrder:
        found: WorkOrder = self.order
        return found

    @strawberry.field
    def site(self) -> Site:
        found: Site = self.place
        return found


@strawberry.type
class ScheduleSnapshot:
    cursor: str


@strawberry.type
class VisitProgressed:
    cursor: str
    occurred_at: datetime
    reason: str | None
    before: VisitBefore
    row: strawberry.Private[Any]

    @strawberry.field
    def visit(self) -> Visit:
        return _shown(self.row)

    @strawberry.field
    def technician(self) -> Technician:
        found: Technician = self.row[3]
        return found


ScheduleItem = Annotated[ScheduleSnapshot | VisitProgressed, strawberry.union("ScheduleItem")]


@strawberry.input
class ScheduleScope:
    technicians: list[strawberry.ID] | None = None


@strawberry.input
class PinVisitInput:
    visit: strawberry.ID
    pin: str
    reason: str | None = None


@strawberry.type
class PinVisitPayload:
    id: strawberry.ID


async def _read(sessions: async_sessionmaker[AsyncSession], key: UUID) -> Any:
    """The visit with its work order, its site and who has it, in one statement."""
    visit: Any = visits.Visit
    order: Any = work_orders.WorkOrder
    place: Any = sites.Site
    assigned: Any = visits.Assignment
    person: Any = technicians.Technician
    found: Any = (
        select(visit, order, place, person)
        .join(order, order.id == visit.work_order_id)
        .join(place, place.id == visit.site_id)
        .join(assigned, assigned.visit_id == visit.id)
        .join(person, person.id == assigned.technician_id)
        .where(visit.id == key)
    )
    async with sessions() as session:
        return (await session.execute(found)).one()


def _shown(row: Any) -> Visit:
    visit, order, place, _ = row
    return Visit(
        id=visit.id,
        state=visit.state,
        pin=visit.pin,
        planned_start=visit.planned_start,
        planned_end=visit.planned_end,
        order=order,
        place=place,
    )


@strawberry.type
class Query:
    @strawberry.field
    def ready(self) -> bool:
        return True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def pin_visit(self, info: Info, input: PinVisitInput) -> PinVisitPayload:
        context, key = info.context, UUID(input.visit)
        async with context["sessions"]() as session:
            visit = await session.get_one(visits.Visit, (ORGANIZATION, key))
            before = VisitBefore(state=visit.state, planned_start=visit.planned_start)
            visit.pin, visit.version = input.pin, visit.version + 1
            occurred = visit.updated_at
            await session.commit()
        row = await _read(context["sessions"], key)
        change = VisitProgressed(
            cursor=f"{next(context['numbers']):044}",
            occurred_at=occurred,
            reason=input.reason,
            before=before,
            row=row,
        )
        for queue in context["queues"]:
            queue.put_nowait((key, str(row[3].id), change))
        return PinVisitPayload(id=input.visit)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def schedule_changes(
        self, info: Info, scope: ScheduleScope | None = None
    ) -> AsyncGenerator[ScheduleItem]:
        queue: asyncio.Queue[tuple[UUID, str, VisitProgressed]] = asyncio.Queue()
        wanted = set(scope.technicians or ()) if scope else set()
        context = info.context
        context["queues"].add(queue)
        try:
            yield ScheduleSnapshot(cursor="0")
            while True:
                key, technician, change = await queue.get()
                if wanted and technician not in wanted:
                    continue
                if context["reading"]:
                    yield replace(change, row=await _read(context["sessions"], key))
                else:
                    yield change
        finally:
            context["queues"].discard(queue)


class Pushed(GraphQL[dict[str, Any], None]):
    """The stock handler; all act as one viewer of one organization."""

    def __init__(self, plan: dict[str, Any]) -> None:
        extensions = [ParserCache, ValidationCache]
        super().__init__(strawberry.Schema(Query, Mutation, Subscription, extensions=extensions))
        self.shared = {
            "sessions": async_sessionmaker(engine(plan["url"], plan["viewer"]), expire_on_commit=False),
            "queues": set(),
            "numbers": itertools.count(1),
            "reading": plan["reading"],
        }

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        return {"request": request, "response": response, **self.shared}


def main() -> None:
    lifelines.hold()
    tables.resolve()
    file, port = sys.argv[1:]
    plan = json.loads(Path(file).read_text())
    uvicorn.run(
        Pushed(plan),
        port=int(port),
        access_log=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_ping_interval=None,
    )


if __name__ == "__main__":
    main()
