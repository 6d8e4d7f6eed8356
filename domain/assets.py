"""Assets: installed equipment at sites, its warranty, and what its meter said when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy import text as literal
from sqlmodel import Field, col, select

from domain import customers, inputs
from domain.errors import Conflict, Invalid
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, refers, searched, text, timestamp
from domain.sites import Site
from domain.unit_of_work import UnitOfWork

FIGURES: Numeric[Decimal] = Numeric(18, 3)
MOST = Decimal(10) ** 12
CLOCKS_DIFFER = timedelta(minutes=5)


class Asset(Row, table=True):
    """Installed equipment. `serial` is unique in the organization; the warranty holds on its last day."""

    __table_args__ = (
        CheckConstraint("warranty_until >= installed_on", name="warranty_until"),
        UniqueConstraint("organization_id", "serial"),
        Index(None, "organization_id", "name", "id"),
        *refers(customer_id="customer", site_id="site"),
        *searched("name", "serial", "model"),
    )
    customer_id: UUID
    site_id: UUID
    name: str = text()
    serial: str | None = text(default=None)
    model: str | None = text(default=None)
    installed_on: date | None = None
    warranty_until: date | None = None

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))


class MeterReading(Row, table=True):
    """What an asset's meter said. `replaced`: a new meter counts from here; `site_id`: where it was read."""

    __table_args__ = (
        CheckConstraint("value >= 0", name="value"),
        UniqueConstraint("organization_id", "asset_id", "at"),
        *refers(asset_id="asset at", customer_id="customer", site_id="site"),
    )
    asset_id: UUID
    customer_id: UUID
    site_id: UUID
    at: datetime = timestamp()
    value: Decimal = Field(sa_type=FIGURES)
    replaced: bool = False


ASSET: Mapping[str, Check] = {
    "name": inputs.words(),
    "serial": inputs.words(100, optional=True),
    "model": inputs.words(optional=True),
    "installed_on": inputs.optional_day,
    "warranty_until": inputs.optional_day,
}
"""What may be said of an asset, by column; where it is comes beside it."""
ONE_AT_A_TIME = literal("SELECT pg_advisory_xact_lock(hashtextextended('meter of ' || :asset, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a meter says: `at` a time (None: now); `replaced` says that it is a new meter."""

    value: Decimal
    at: datetime | None = None
    replaced: bool = False


async def create(work: UnitOfWork, site_id: UUID, values: Mapping[str, Any]) -> Asset:
    """New equipment at a site. Raises NotFound, Invalid, or Conflict for a serial that another has."""
    kept = inputs.checked(values, ASSET)
    site = await work.find(Site, site_id, "site")
    await customers.in_use(work, site.customer_id, "site")
    asset = Asset(customer_id=site.customer_id, site_id=site.id, **kept)
    await _check(work, asset)
    work.add(asset)
    await work.session.flush()
    _announce(work, asset, "AssetCreated")
    return asset


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Asset:
    """Changes what is named and differs; `site_id` is another of its customer's sites. Raises as `create`."""
    asset = await work.get(Asset, key, "asset")
    inputs.check_version(asset, expected_version)
    kept = inputs.checked({name: value for name, value in values.items() if name != "site_id"}, ASSET)
    if "site_id" in values:
        site = await work.find(Site, values["site_id"], "site")
        if site.customer_id != asset.customer_id:
            raise Invalid("An asset moves among the sites of its customer.", "site")
        kept["site_id"] = site.id
    with work.session.no_autoflush:
        before = inputs.write(asset, kept)
        await _check(work, asset)
    if before:
        await work.session.flush()
        _announce(work, asset, "AssetChanged", before)
    return asset


async def read_meter(work: UnitOfWork, key: UUID, figure: Figure) -> MeterReading:
    """A new reading, by whoever sees the asset. Raises NotFound, Conflict, or Invalid."""
    asset = await work.find(Asset, key, "asset")
    at = figure.at or work.at
    if not 0 <= figure.value < MOST or figure.value != round(figure.value, 3):
        raise Invalid("A meter says a number from 0, with at most three decimals.", "value")
    if at > work.at + CLOCKS_DIFFER:
        raise Invalid("A reading is not of the future.", "at")
    await work.session.execute(ONE_AT_A_TIME, {"asset": str(key)})
    async with work.unscoped():  # who reads it here may not see what it said elsewhere
        await _forwards(work, asset, figure, at)
    reading = work.add(
        MeterReading(
            asset_id=asset.id,
            customer_id=asset.customer_id,
            site_id=asset.site_id,
            at=at,
            value=figure.value,
            replaced=figure.replaced,
        )
    )
    await work.session.flush()
    _announce(work, asset, "MeterReadingRecorded", values={"at": at, "value": figure.value})
    return reading


async def _forwards(work: UnitOfWork, asset: Asset, figure: Figure, at: datetime) -> None:
    own = select(MeterReading).where(col(MeterReading.asset_id) == asset.id)
    earlier = own.where(col(MeterReading.at) <= at).order_by(col(MeterReading.at).desc())
    later = own.where(col(MeterReading.at) > at).order_by(col(MeterReading.at))
    before = (await work.session.exec(earlier.limit(1))).first()
    after = (await work.session.exec(later.limit(1))).first()
    if before is not None and before.at == at:
        raise Conflict("The meter was read at that very time.", "at")
    if before is not None and not figure.replaced and figure.value < before.value:
        raise Invalid(f"It said {before.value} before; a meter runs backwards only when replaced.", "value")
    if after is not None and not after.replaced and figure.value > after.value:
        raise Invalid(f"It said {after.value} later; a meter runs backwards only when replaced.", "value")


async def _check(work: UnitOfWork, asset: Asset) -> None:
    if asset.installed_on and asset.warranty_until and asset.warranty_until < asset.installed_on:
        raise Invalid("A warranty does not end before the installation.", "warrantyUntil")
    if asset.serial is None:
        return
    if await work.owner(Asset, "serial", asset.serial) not in {None, asset.id}:
        raise Conflict("Another asset has that serial.", "serial")


def _announce(
    work: UnitOfWork,
    asset: Asset,
    type: str,
    before: Mapping[str, Any] | None = None,
    *,
    values: Mapping[str, Any] | None = None,
) -> None:
    scope = asset.scope()
    work.emit(
        Event(
            type=type,
            topic="asset",
            subject=asset,
            before=before or {},
            values=values or {},
            scope_before=scope,
            scope_after=scope,
        )
    )
