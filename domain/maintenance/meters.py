"""Meters: how much an asset has run in all, over every meter it had."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import text as literal

from domain.unit_of_work import UnitOfWork

# A new meter counts on from where the old one was last read: what it leaves out nobody has seen.
TOTAL = literal(
    "SELECT (array_agg(value ORDER BY at DESC))[1]"
    " + coalesce(sum(earlier - value) FILTER (WHERE replaced AND earlier IS NOT NULL), 0)"
    " FROM (SELECT value, at, replaced, lag(value) OVER (ORDER BY at) AS earlier FROM meter_reading"
    " WHERE organization_id = :organization AND asset_id = :asset) r"
)


async def total(work: UnitOfWork, asset_id: UUID) -> Decimal | None:
    """In the units of its meters, to be asked where every reading is seen; None: it was never read."""
    key = {"organization": work.viewer.organization_id, "asset": asset_id}
    found: Decimal | None = (await work.session.execute(TOTAL, key)).scalar_one()
    return found
