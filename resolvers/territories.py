"""Territories: the mutations that keep the areas of service."""

from collections.abc import Mapping
from typing import Any

from domain import territories
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.staffing import CreateTerritoryInput, UpdateTerritoryInput

Values = Mapping[str, Any]


async def create_territory(work: UnitOfWork, given: CreateTerritoryInput, _context: Context) -> Values:
    territory = await territories.create(work, stated(given, *territories.TERRITORY))
    return {"territory_id": territory.id}


async def update_territory(work: UnitOfWork, given: UpdateTerritoryInput, _context: Context) -> Values:
    values = told(given, *territories.TERRITORY)
    territory = await territories.update(
        work, key("ter", given.territory), values, expected_version=given.expected_version
    )
    return {"territory_id": territory.id}
