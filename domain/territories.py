"""Territories: the areas of service, by name and outline, and which of them a place lies in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import shapely
from sqlalchemy import UniqueConstraint
from sqlmodel import col, select

from domain import inputs, outlines
from domain.errors import Conflict
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, jsonb, searched, text
from domain.unit_of_work import UnitOfWork


class Territory(Row, table=True):
    """An area of service. `area` is a GeoJSON polygon (lon, lat)."""

    __table_args__ = (UniqueConstraint("organization_id", "name"), *searched("name"))
    name: str = text()
    area: dict[str, Any] | None = jsonb(default=None)

    def scope(self) -> Scope:
        return Scope(territories=(self.id,))


TERRITORY: Mapping[str, Check] = {"name": inputs.words(), "area": outlines.area}
"""What may be said of a territory, by column."""


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> Territory:
    """A new area; sites that lie in it already stay where they are. Raises Invalid or Conflict."""
    territory = Territory(**inputs.checked(values, TERRITORY))
    await _unnamed(work, territory)
    work.add(territory)
    await work.session.flush()
    _announce(work, territory, "TerritoryCreated", {})
    return territory


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Territory:
    """Changes what is named and differs; sites stay in theirs. Raises NotFound, Invalid or Conflict."""
    territory = await work.get(Territory, key, "territory")
    inputs.check_version(territory, expected_version)
    with work.session.no_autoflush:
        before = inputs.write(territory, inputs.checked(values, TERRITORY))
        await _unnamed(work, territory)
    if before:
        await work.session.flush()
        _announce(work, territory, "TerritoryChanged", before)
    return territory


async def covering(work: UnitOfWork, longitude: float, latitude: float) -> UUID | None:
    """The least of the territories whose outline covers a place; None: none does."""
    place = shapely.Point(longitude, latitude)
    found = [(area.area, key) for area, key in await _areas(work) if area.covers(place)]
    return min(found)[1] if found else None


async def _areas(work: UnitOfWork) -> list[tuple[shapely.Polygon, UUID]]:
    """Read once for all places that are made together."""
    kept = work.ahead.kept.get("areas") if work.session.gathers else None
    if kept is not None:
        return list(kept)
    statement = select(Territory.id, Territory.area).where(col(Territory.area).is_not(None))
    rows = (await work.session.exec(statement)).all()
    areas = [(shapely.Polygon(area["coordinates"][0]), key) for key, area in rows if area is not None]
    work.ahead.kept["areas"] = areas
    return areas


async def _unnamed(work: UnitOfWork, territory: Territory) -> None:
    others = select(Territory.id).where(
        col(Territory.name) == territory.name, col(Territory.id) != territory.id
    )
    if (await work.session.exec(others.limit(1))).first() is not None:
        raise Conflict("Another territory has that name.", "name")


def _announce(work: UnitOfWork, territory: Territory, type: str, before: Mapping[str, Any]) -> None:
    scope = territory.scope()
    work.emit(
        Event(
            type=type,
            topic="territory",
            subject=territory,
            before=before,
            scope_before=scope,
            scope_after=scope,
        )
    )
