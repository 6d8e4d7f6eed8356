"""Organizations: one service company each, the tenant to which every row belongs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text as literal
from sqlmodel import Field

from domain import ids, inputs, outlines
from domain.errors import NotFound
from domain.inputs import Check
from domain.rows import NEVER, Row, Table, text, timestamp
from domain.unit_of_work import UnitOfWork


class Organization(Table, table=True):
    """One service company."""

    id: UUID = Field(default_factory=ids.new, primary_key=True)
    name: str = text()
    time_zone: str = text()
    currency: str = text(default="EUR")
    version: int = 1
    updated_at: datetime = timestamp(default=NEVER)


class Counter(Row, table=True):
    """The last number given out of a series, such as an organization's work order numbers."""

    series: str = text(unique=False)
    value: int = 0


ORGANIZATION: Mapping[str, Check] = {
    "name": inputs.words(),
    "time_zone": outlines.time_zone,
    "currency": inputs.currency,
}


async def found(work: UnitOfWork, values: Mapping[str, Any]) -> Organization:
    """A new company, whose id is the viewer's organization. Raises Invalid."""
    organization = Organization(id=work.viewer.organization_id, **inputs.checked(values, ORGANIZATION))
    work.session.add(organization)
    await work.session.flush()
    return organization


async def home_zone(work: UnitOfWork) -> ZoneInfo:
    """The zone of the viewer's organization. Raises NotFound where the organization is not to be seen."""
    organization = await work.session.get(Organization, work.viewer.organization_id)
    if organization is None:
        raise NotFound("No Organization has that id.")
    return ZoneInfo(organization.time_zone)


NEXT = literal(
    "UPDATE counter SET value = value + 1, version = version + 1, updated_at = :at"
    " WHERE organization_id = :organization AND series = :series RETURNING value"
)
BEGIN = literal("SELECT pg_advisory_xact_lock(hashtextextended(:series, 0))")


async def next_in(work: UnitOfWork, series: str) -> int:
    """The next number of a series, gapless, one at a time; the first one makes the series."""
    organization = work.viewer.organization_id
    given = {"organization": organization, "series": series, "at": work.at}
    found = (await work.session.execute(NEXT, given)).scalar_one_or_none()
    if found is not None:
        return int(found)
    await work.session.execute(BEGIN, {"series": f"{series} of {organization}"})
    found = (await work.session.execute(NEXT, given)).scalar_one_or_none()
    if found is not None:
        return int(found)
    work.add(Counter(series=series, value=1))
    await work.session.flush()
    return 1
