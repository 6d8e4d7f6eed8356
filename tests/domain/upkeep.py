"""What tests of maintenance share: plans and their occurrences, contracts, assets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain import maintenance
from domain.assets import Asset
from domain.contracts import Contract, ContractState
from domain.errors import Refused
from domain.maintenance import MaintenanceOccurrence
from tests.domain.world import DAY, World

WEEKLY = {"title": "Weekly round", "rrule": "FREQ=WEEKLY", "starts_on": DAY, "local_time": "10:00"}
FIRST = datetime(2026, 11, 23, 8, tzinfo=UTC)
WEEK = timedelta(days=7)


async def plan_of(world: World, site: UUID | None = None, **values: Any) -> UUID:
    """From this Monday at ten in Helsinki, every week, 15 days ahead, if not otherwise: or by a meter."""
    rule = {"title": "Thousands"} if "meter_every" in values else WEEKLY
    said: dict[str, Any] = {**rule, "work_type_id": await world.work_type(), "horizon_days": 15, **values}
    async with world.unit() as work:
        place = site or await world.site()
        return (await maintenance.create(work, place, said)).id


async def rows(world: World, plan: UUID) -> list[MaintenanceOccurrence]:
    found = await world.all(MaintenanceOccurrence, plan_id=plan)
    return sorted(found, key=lambda row: (row.day or date.min, row.threshold or 0))


async def states(world: World, plan: UUID) -> list[tuple[str, str]]:
    return [(str(row.day or row.threshold), str(row.state)) for row in await rows(world, plan)]


async def tick(world: World, plan: UUID) -> int:
    async with world.unit() as work:
        return await maintenance.tick(work, plan)


async def refused(world: World, verb: Any, *given: Any, **more: Any) -> tuple[type[Refused], tuple[str, ...]]:
    with pytest.raises(Refused) as found:
        async with world.unit() as work:
            await verb(work, *given, **more)
    return type(found.value), found.value.path


async def contract(world: World, ends_on: date, state: ContractState = ContractState.ACTIVE) -> UUID:
    row = Contract(
        customer_id=world.customer_id,
        number=f"K{world.number()}",
        name="Care",
        state=state,
        starts_on=DAY - timedelta(days=300),
        ends_on=ends_on,
        price=Decimal(100),
    )
    await world.keep(row)
    return row.id


async def asset(world: World) -> tuple[UUID, UUID]:
    """With its site."""
    site = await world.site()
    row = Asset(customer_id=world.customer_id, site_id=site, name="Boiler")
    await world.keep(row)
    return row.id, site
