"""Assets: installed equipment, and what its meter said."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import assets
from schema.customers import NO_CHANGE, VERSION, Customer, ExternalId
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import Connection, column, listed, many, node, one, record, several
from schema.sites import Site
from schema.values import foremost

if TYPE_CHECKING:
    from schema.contracts import ContractAsset
    from schema.maintenance import MaintenancePlan
    from schema.work_orders import WorkOrder


@node(assets.MeterReading, prefix="mtr", description="What an asset's meter said at a time.", order=("-at",))
class MeterReading(Entity):
    at: datetime = column("When it was read.")
    value: Decimal = column("What it said, in the meter's own unit.")
    replaced: bool = column("Whether a new meter counts from here.")
    site: Site | None = one("Where it was read.", by="site_id")


@node(
    assets.Asset,
    prefix="ast",
    description="Installed equipment.",
    order=("name",),
    search=("name", "serial", "model"),
)
class Asset(Entity):
    name: str = column("What it is called.")
    serial: str | None = column("The maker's number for this one, unique in the company.")
    model: str | None = column("The maker and the make.")
    installed_on: date | None = column("The day it was installed, in the site's zone.")
    warranty_until: date | None = column("The last day of its warranty, in the site's zone.")
    customer: Customer | None = one("Whose it is.", by="customer_id")
    site: Site | None = one("Where it stands.", by="site_id")
    readings: Connection[MeterReading] = many(
        "What its meter said, the latest first.", via="asset_id", order=("-at",), expect=10
    )
    latest_reading: MeterReading | None = foremost(
        "What its meter said last, as far as the viewer may see it.", via="asset_id", order=("-at",)
    )
    work_orders: Connection[Annotated["WorkOrder", strawberry.lazy("schema.work_orders")]] = many(
        "Its service history: the work that was asked for on it, the newest first.",
        via="asset_id",
        order=("-created_at",),
        expect=5,
    )
    covers: Connection[Annotated["ContractAsset", strawberry.lazy("schema.contracts")]] = many(
        "The contracts that name it, as far as the viewer may see them.", via="asset_id", expect=1
    )
    maintenance_plans: Connection[Annotated["MaintenancePlan", strawberry.lazy("schema.maintenance")]] = many(
        "What makes work orders for it again and again, by title.", via="asset_id", order=("title",), expect=2
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


@strawberry.input(description="New equipment.")
class CreateAssetInput:
    site: strawberry.ID = strawberry.field(description="Where it stands.")
    name: str = strawberry.field(description="What it is called.")
    serial: str | None = strawberry.field(default=None, description="Unique in the company.")
    model: str | None = strawberry.field(default=None, description="The maker and the make.")
    installed_on: date | None = strawberry.field(default=None, description="The day it was installed.")
    warranty_until: date | None = strawberry.field(default=None, description="The last day of its warranty.")


@strawberry.input(description="What shall be otherwise about an asset.")
class UpdateAssetInput:
    asset: strawberry.ID = strawberry.field(description="Which one.")
    site: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"Another site of its customer. {NO_CHANGE}"
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    serial: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    model: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    installed_on: date | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: unknown."
    )
    warranty_until: date | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What a meter says.")
class RecordMeterReadingInput:
    asset: strawberry.ID = strawberry.field(description="Whose meter.")
    value: Decimal = strawberry.field(description="From 0, with at most three decimals.")
    at: datetime | None = strawberry.field(default=None, description="When it was read; null: now.")
    replaced: bool = strawberry.field(
        default=False, description="Whether it is a new meter; any other never runs backwards."
    )


@record("The new asset.", asset_id="uuid", user_errors="jsonb")
class CreateAssetPayload:
    asset: Asset | None = one("The new asset.", by="asset_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The asset as it is now.", asset_id="uuid", user_errors="jsonb")
class UpdateAssetPayload:
    asset: Asset | None = one("The asset as it is now.", by="asset_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new reading.", asset_id="uuid", meter_reading_id="uuid", user_errors="jsonb")
class RecordMeterReadingPayload:
    meter_reading: MeterReading | None = one("The new reading.", by="meter_reading_id")
    asset: Asset | None = one("The asset as it is now.", by="asset_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
