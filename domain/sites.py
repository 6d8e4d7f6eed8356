"""Sites: the places of work, their time zone and geofence; territories, the areas of service."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from domain.rows import Row, between, jsonb, refers, searched, text


class Territory(Row, table=True):
    """An area of service. `area` is a GeoJSON polygon (lon, lat)."""

    __table_args__ = (UniqueConstraint("organization_id", "name"), *searched("name"))
    name: str = text()
    area: dict[str, Any] | None = jsonb(default=None)


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
