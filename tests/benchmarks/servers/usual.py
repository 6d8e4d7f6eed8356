"""Usual: the four reads as strawberry's documentation teaches them: SQLAlchemy, a DataLoader an edge."""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import strawberry
import uvicorn
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from domain import contracts, customers, sites, technicians, visits, work_orders
from fieldgraph import lifelines
from fieldgraph.addresses import sqlalchemy_url

Sessions = async_sessionmaker[AsyncSession]
Info = strawberry.Info[dict[str, Any], None]


def _by_id(sessions: Sessions, table: Any) -> DataLoader[UUID, Any]:
    async def load(keys: list[UUID]) -> Sequence[Any]:
        async with sessions() as session:
            rows = (await session.scalars(select(table).where(table.id.in_(keys)))).all()
        found = {row.id: row for row in rows}
        return [found.get(key) for key in keys]

    return DataLoader(load)


def _by_parent(sessions: Sessions, table: Any, column: str, *order: Any) -> DataLoader[UUID, list[Any]]:
    async def load(keys: list[UUID]) -> Sequence[list[Any]]:
        async with sessions() as session:
            found = select(table).where(getattr(table, column).in_(keys)).order_by(*order)
            rows = (await session.scalars(found)).all()
        groups: dict[UUID, list[Any]] = defaultdict(list)
        for row in rows:
            groups[getattr(row, column)].append(row)
        return [groups[key] for key in keys]

    return DataLoader(load)


def loaders(sessions: Sessions) -> dict[str, Callable[[], DataLoader[UUID, Any]]]:
    """One loader an edge, made at most once a request."""
    visit, order, assigned = visits.Visit, work_orders.WorkOrder, visits.Assignment
    return {
        "customer": lambda: _by_id(sessions, customers.Customer),
        "site": lambda: _by_id(sessions, sites.Site),
        "contract": lambda: _by_id(sessions, contracts.Contract),
        "technician": lambda: _by_id(sessions, technicians.Technician),
        "visits": lambda: _by_parent(sessions, visit, "work_order_id", visit.planned_start, visit.id),
        "assignments": lambda: _by_parent(
            sessions, assigned, "visit_id", assigned.planned_start, assigned.id
        ),
        "contracts": lambda: _by_parent(
            sessions, contracts.Contract, "customer_id", contracts.Contract.number
        ),
        "orders": lambda: _by_parent(
            sessions, order, "customer_id", order.created_at.desc(), order.id.desc()  # type: ignore[attr-defined]  # columns
        ),
    }  # fmt: skip  # one edge, one line or three


async def _load(info: Info, edge: str, key: UUID | None) -> Any:
    if key is None:
        return None
    kept = info.context["loaders"]
    if edge not in kept:
        kept[edge] = info.context["edges"][edge]()
    return await kept[edge].load(key)


@strawberry.type
class Technician:
    id: strawberry.ID
    code: str
    name: str
    phone: str | None
    kind: str


@strawberry.type
class Assignment:
    id: strawberry.ID
    state: str
    is_lead: bool
    planned_start: datetime
    planned_end: datetime
    technician_id: strawberry.Private[UUID]

    @strawberry.field
    async def technician(self, info: Info) -> Technician | None:
        found: Technician | None = await _load(info, "technician", self.technician_id)
        return found


@strawberry.type
class ArrivalWindow:
    start: datetime | None
    end: datetime | None


@strawberry.type
class Visit:
    id: strawberry.ID
    state: str
    planned_start: datetime | None
    created_at: datetime
    window_start: strawberry.Private[datetime | None]
    window_end: strawberry.Private[datetime | None]

    @strawberry.field
    def arrival_window(self) -> ArrivalWindow:
        return ArrivalWindow(start=self.window_start, end=self.window_end)

    @strawberry.field
    async def assignments(self, info: Info) -> list[Assignment]:
        found: list[Assignment] = await _load(info, "assignments", _key(self))
        return found


@strawberry.type
class Site:
    id: strawberry.ID
    name: str
    address: str
    time_zone: str


@strawberry.type
class Contract:
    id: strawberry.ID
    number: str
    name: str
    state: str
    starts_on: date
    ends_on: date


@strawberry.type
class WorkOrder:
    id: strawberry.ID
    number: str
    title: str
    state: str
    priority: str
    created_at: datetime
    due_at: datetime | None
    customer_id: strawberry.Private[UUID]
    site_id: strawberry.Private[UUID]
    contract_id: strawberry.Private[UUID | None]

    @strawberry.field
    async def customer(
        self, info: Info
    ) -> Annotated["Customer", strawberry.lazy("tests.benchmarks.servers.usual")]:
        found: Customer = await _load(info, "customer", self.customer_id)
        return found

    @strawberry.field
    async def site(self, info: Info) -> Site:
        found: Site = await _load(info, "site", self.site_id)
        return found

    @strawberry.field
    async def contract(self, info: Info) -> Contract | None:
        found: Contract | None = await _load(info, "contract", self.contract_id)
        return found

    @strawberry.field
    async def visits(self, info: Info) -> list[Visit]:
        found: list[Visit] = await _load(info, "visits", _key(self))
        return found


@strawberry.type
class Customer:
    id: strawberry.ID
    number: str
    name: str

    @strawberry.field
    async def contracts(self, info: Info) -> list[Contract]:
        found: list[Contract] = await _load(info, "contracts", _key(self))
        return found

    @strawberry.field
    async def work_orders(self, info: Info, first: int) -> list[WorkOrder]:
        found: list[WorkOrder] = await _load(info, "orders", _key(self))
        return found[:first]


def _key(row: Any) -> UUID:
    found: UUID = row.id
    return found


@strawberry.type
class Query:
    @strawberry.field
    async def work_order(self, info: Info, id: strawberry.ID) -> WorkOrder | None:
        async with info.context["sessions"]() as session:
            found = select(work_orders.WorkOrder).where(work_orders.WorkOrder.id == UUID(id))  # type: ignore[arg-type]  # a column
            order: WorkOrder | None = (await session.scalars(found)).one_or_none()
        return order

    @strawberry.field
    async def work_orders(
        self,
        info: Info,
        first: int,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
    ) -> list[WorkOrder]:
        order: Any = work_orders.WorkOrder
        found = select(order).order_by(order.created_at.desc(), order.id.desc()).limit(first)
        if created_from is not None and created_to is not None:
            found = found.where(order.created_at >= created_from, order.created_at < created_to)
        async with info.context["sessions"]() as session:
            rows: list[WorkOrder] = list((await session.scalars(found)).all())
        return rows

    @strawberry.field
    async def customer(self, info: Info, id: strawberry.ID) -> Customer | None:
        async with info.context["sessions"]() as session:
            found = select(customers.Customer).where(customers.Customer.id == UUID(id))  # type: ignore[arg-type]  # a column
            customer: Customer | None = (await session.scalars(found)).one_or_none()
        return customer


class Usual(GraphQL[dict[str, Any], None]):
    """The stock handler; the token names whose engine, and so whose rows, a request has."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache]))
        self.sessions = {
            name: async_sessionmaker(engine(plan["url"], settings), expire_on_commit=False)
            for name, settings in plan["viewers"].items()
        }

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        sessions = self.sessions[request.headers["authorization"]]
        return {
            "request": request,
            "response": response,
            "sessions": sessions,
            "edges": loaders(sessions),
            "loaders": {},
        }


def engine(url: str, settings: dict[str, str]) -> Any:
    """A viewer's own pool: kinder than the round trip that switching viewers would cost."""
    reading = {"timezone": "UTC", "jit": "off", **settings}
    connect = {"server_settings": reading}
    return create_async_engine(sqlalchemy_url(url), pool_size=10, connect_args=connect)


def main() -> None:
    lifelines.hold()
    file, port = sys.argv[1:]
    plan = json.loads(Path(file).read_text())
    uvicorn.run(Usual(plan), port=int(port), access_log=False, log_level="warning", ws="none")


if __name__ == "__main__":
    main()
