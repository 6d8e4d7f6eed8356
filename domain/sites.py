"""Sites: the places of work, their time zone and geofence, and the territory they lie in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index

from domain import customers, inputs, outlines, territories
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, between, jsonb, refers, searched, text
from domain.territories import Territory
from domain.unit_of_work import UnitOfWork


class Site(Row, table=True):
    """A place of work.

    The geofence is a circle of `geofence_radius_metres` round the point, or `geofence` (a GeoJSON polygon,
    lon, lat) where one is drawn. `time_zone` is an IANA name.
    """

    __table_args__ = (
        between("longitude", -180, 180),
        between("latitude", -90, 90),
        CheckConstraint("geofence_radius_metres > 0", name="geofence_radius_metres"),
        Index(None, "organization_id", "name", "id"),
        *refers(customer_id="customer", territory_id="territory"),
        *searched("name", "address"),
    )
    customer_id: UUID
    territory_id: UUID | None = None
    name: str = text()
    address: str = text()
    longitude: float
    latitude: float
    time_zone: str = text()
    access_notes: str | None = text(default=None)
    geofence_radius_metres: float = 100.0
    geofence: dict[str, Any] | None = jsonb(default=None)

    def scope(self) -> Scope:
        territories = (self.territory_id,) if self.territory_id else ()
        return Scope(customers=(self.customer_id,), territories=territories)


SITE: Mapping[str, Check] = {
    "name": inputs.words(),
    "address": inputs.words(500),
    "location": outlines.place,
    "time_zone": outlines.time_zone,
    "access_notes": inputs.words(inputs.LONGEST_TEXT, optional=True),
    "geofence_radius_metres": inputs.measure(10, outlines.MOST_METRES),
    "geofence": outlines.outline,
    "territory_id": lambda value: value,
}
"""What may be said of a site, by column; `location` is (longitude, latitude)."""
SECRET = frozenset({"access_notes"})
"""Never in the event log, which more may read than the site."""


async def create(work: UnitOfWork, customer_id: UUID, values: Mapping[str, Any]) -> Site:
    """A new place of a customer; it lies in the territory that covers it where none is named.

    Raises NotFound or Invalid.
    """
    kept = await _kept(work, values)
    customer = await customers.in_use(work, customer_id, "customer")
    if kept.get("territory_id") is None:
        kept["territory_id"] = await territories.covering(work, kept["longitude"], kept["latitude"])
    site = work.add(Site(customer_id=customer.id, **kept))
    await work.session.flush()
    scope = site.scope()
    work.emit(Event(type="SiteCreated", topic="site", subject=site, scope_before=scope, scope_after=scope))
    return site


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Site:
    """Changes what is named and differs; its visits keep their territory. Raises as `create`, or Conflict."""
    site = await work.get(Site, key, "site")
    inputs.check_version(site, expected_version)
    scope_before = site.scope()
    before = inputs.write(site, await _kept(work, values))
    if before:
        await work.session.flush()
        told = {column: None if column in SECRET else value for column, value in before.items()}
        work.emit(
            Event(
                type="SiteChanged",
                topic="site",
                subject=site,
                before=told,
                scope_before=scope_before,
                scope_after=site.scope(),
            )
        )
    return site


async def _kept(work: UnitOfWork, values: Mapping[str, Any]) -> dict[str, Any]:
    kept = inputs.checked(values, SITE)
    if "location" in kept:
        kept["longitude"], kept["latitude"] = kept.pop("location")
    if kept.get("territory_id") is not None:
        await work.find(Territory, kept["territory_id"], "territory")
    return kept
