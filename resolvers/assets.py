"""Assets: the mutations that keep equipment and read its meters."""

from collections.abc import Mapping
from typing import Any

from domain import assets, maintenance
from domain.assets import Figure
from domain.errors import Invalid
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.assets import CreateAssetInput, RecordMeterReadingInput, UpdateAssetInput

Values = Mapping[str, Any]
ASSET = tuple(assets.ASSET)


async def create_asset(work: UnitOfWork, given: CreateAssetInput, _context: Context) -> Values:
    asset = await assets.create(work, key("sit", given.site), stated(given, *ASSET))
    return {"asset_id": asset.id}


async def update_asset(work: UnitOfWork, given: UpdateAssetInput, _context: Context) -> Values:
    values = told(given, *ASSET)
    for site in told(given, "site").values():
        if site is None:
            raise Invalid("It may be left out, but not be null.", "site")
        values["site_id"] = key("sit", site)
    asset = await assets.update(
        work, key("ast", given.asset), values, expected_version=given.expected_version
    )
    return {"asset_id": asset.id}


async def record_meter_reading(work: UnitOfWork, given: RecordMeterReadingInput, _context: Context) -> Values:
    figure = Figure(value=given.value, at=given.at, replaced=given.replaced)
    reading = await maintenance.read_meter(work, key("ast", given.asset), figure)
    return {"meter_reading_id": reading.id, "asset_id": reading.asset_id}
