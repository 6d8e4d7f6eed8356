"""Upserts: what a CRM says of many rows at once, and what became of each."""

from datetime import date
from decimal import Decimal

import strawberry

from domain.customers import Channel, Tier
from domain.technicians import TechnicianKind
from domain.upserts import RowOutcome, UpsertMode
from schema.assets import Asset
from schema.contracts import Contract
from schema.customers import Contact, Customer
from schema.errors import UserError
from schema.graph import column, embedded, listed, one, record, records, value
from schema.scalars import Point, Polygon, TimeZone
from schema.sites import RADIUS, Site
from schema.stock import Part
from schema.technicians import Technician

SAID = "Left out: it stays, or has its default in a new row."
NEW = "A new row needs it."
NONE = "Null: none."
RESULT = {"index": "integer", "outcome": "text", "user_errors": "jsonb"}
SUMMARY = {"created": "integer", "updated": "integer", "unchanged": "integer", "failed": "integer"}
ROWS = "From 1 to 250 rows, each once."
MODE = "Whether a row that is refused keeps back the others."
RESULTS = "What became of each row, in their order."
PAYLOAD = {"results": "jsonb", **SUMMARY, "user_errors": "jsonb"}


@strawberry.input(description="What another system calls a row; unique there among rows of one type.")
class ExternalKeyInput:
    system: str = strawberry.field(description="The other system, such as salesforce.")
    key: str = strawberry.field(description="The row's key there.")


@strawberry.input(description="A customer, by one of these.")
class CustomerReference:
    id: strawberry.ID | None = strawberry.field(default=None, description="Its id.")
    external_id: ExternalKeyInput | None = strawberry.field(
        default=None, description="What another system calls it."
    )
    number: str | None = strawberry.field(default=None, description="The company's own number for it.")


@strawberry.input(description="A site, by one of id, externalId, name.")
class SiteReference:
    id: strawberry.ID | None = strawberry.field(default=None, description="Its id.")
    external_id: ExternalKeyInput | None = strawberry.field(
        default=None, description="What another system calls it."
    )
    name: str | None = strawberry.field(default=None, description="What it is called at its customer.")
    customer: CustomerReference | None = strawberry.field(
        default=None, description="Whose site it is; with a name only."
    )


@strawberry.input(description="A territory, by one of these.")
class TerritoryReference:
    id: strawberry.ID | None = strawberry.field(default=None, description="Its id.")
    name: str | None = strawberry.field(default=None, description="What it is called.")


@strawberry.input(
    description="One row: found by its id, by what another system calls it, or by its own number (a site or"
    " contact without a key, by its name at its customer); made where none is found. What it leaves out"
    " stays."
)
class UpsertRow:
    id: strawberry.ID | None = strawberry.field(default=None, description="A row that there is already.")
    external_id: ExternalKeyInput | None = strawberry.field(
        default=None, description="What another system calls it; kept with the row from then on."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read; CONFLICT when the row has moved on since."
    )


@strawberry.input(description="How a customer shall be.")
class UpsertCustomerRow(UpsertRow):
    number: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} A new one gets the next of the series."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    tier: Tier | None = strawberry.field(default=strawberry.UNSET, description=SAID)
    owner: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")


@strawberry.input(description="How a contact shall be.")
class UpsertContactRow(UpsertRow):
    customer: CustomerReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"Whose contact it is, for good. {NEW}"
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    email: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=f"E.164. {SAID} {NONE}")
    language: str | None = strawberry.field(default=strawberry.UNSET, description=f"BCP 47. {SAID}")
    channel: Channel | None = strawberry.field(default=strawberry.UNSET, description=SAID)
    email_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=SAID)
    phone_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=SAID)
    sms_opt_in: bool | None = strawberry.field(default=strawberry.UNSET, description=SAID)


@strawberry.input(description="How a site shall be.")
class UpsertSiteRow(UpsertRow):
    customer: CustomerReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"Whose place it is, for good. {NEW}"
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    address: str | None = strawberry.field(default=strawberry.UNSET, description=f"As one line. {SAID} {NEW}")
    location: Point | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    time_zone: TimeZone | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    access_notes: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    geofence_radius_metres: float | None = strawberry.field(
        default=strawberry.UNSET, description=f"{RADIUS} {SAID}"
    )
    geofence: Polygon | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} Null: the circle."
    )
    territory: TerritoryReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} {NONE}"
    )


@strawberry.input(description="How an asset shall be.")
class UpsertAssetRow(UpsertRow):
    site: SiteReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"Where it stands: one of its customer's sites. {SAID} {NEW}"
    )
    serial: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"Its own number, unique in the company. {SAID} {NONE}"
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    model: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    installed_on: date | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    warranty_until: date | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")


@strawberry.input(description="How a part shall be.")
class UpsertPartRow(UpsertRow):
    number: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    barcode: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    unit_price: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    unit_cost: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    currency: str | None = strawberry.field(default=strawberry.UNSET, description=f"ISO 4217. {SAID}")


@strawberry.input(description="How a technician shall be.")
class UpsertTechnicianRow(UpsertRow):
    code: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    kind: TechnicianKind | None = strawberry.field(default=strawberry.UNSET, description=SAID)
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=f"E.164. {SAID} {NONE}")
    home: Point | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    hourly_cost: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description=f"In the company's currency. {SAID} {NEW}"
    )
    overtime_hourly_cost: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} {NONE}"
    )
    kilometre_cost: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NONE}")
    vehicle_registration: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} {NONE}"
    )
    vehicle_name: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"Of a vehicle that has a registration. {SAID} {NONE}"
    )
    max_visits_per_day: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"A subcontractor's only. {SAID} {NONE}"
    )
    max_minutes_per_day: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"A subcontractor's only. {SAID} {NONE}"
    )
    territory: TerritoryReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"{SAID} {NONE}"
    )


@strawberry.input(description="How a contract shall be; a new one is a DRAFT.")
class UpsertContractRow(UpsertRow):
    customer: CustomerReference | None = strawberry.field(
        default=strawberry.UNSET, description=f"With whom it is made, for good. {NEW}"
    )
    number: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    starts_on: date | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    ends_on: date | None = strawberry.field(default=strawberry.UNSET, description=f"{SAID} {NEW}")
    price: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"A year. {SAID} {NEW}")
    currency: str | None = strawberry.field(default=strawberry.UNSET, description=f"ISO 4217. {SAID}")
    auto_renew: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"Whether it goes on after its term. {SAID}"
    )
    renewal_months: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"For how long it does, in months. {SAID}"
    )
    notice_days: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"How many days before its end it may be called off. {SAID}"
    )


@value("How many rows became what.")
class UpsertSummary:
    created: int = column("Rows that were made.")
    updated: int = column("Rows that were changed, or named by another system.")
    unchanged: int = column("Rows that were so already: nothing was written.")
    failed: int = column("Rows that were refused.")


@strawberry.type(description="What became of one row.")
class UpsertResult:
    index: int = column("The row's place in the request, from 0.")
    outcome: RowOutcome = column("What became of it.")
    user_errors: list[UserError] = listed("Why it was refused; empty when it was not.")


@strawberry.type(description="What became of many rows.")
class UpsertOutcome:
    summary: UpsertSummary | None = embedded("How many rows became what; null where none was looked at.")
    user_errors: list[UserError] = listed(
        "Why nothing was done: of the whole request, and with mode ALL of every row that was refused."
    )


@record("What became of one customer.", customer_id="uuid", **RESULT)
class UpsertCustomerResult(UpsertResult):
    customer: Customer | None = one("The customer as it is now.", by="customer_id")


@strawberry.input(description="Many customers at once.")
class UpsertCustomersInput:
    rows: list[UpsertCustomerRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many customers.", **PAYLOAD)
class UpsertCustomersPayload(UpsertOutcome):
    results: list[UpsertCustomerResult] = records(RESULTS)


@record("What became of one contact.", contact_id="uuid", **RESULT)
class UpsertContactResult(UpsertResult):
    contact: Contact | None = one("The contact as it is now.", by="contact_id")


@strawberry.input(description="Many contacts at once.")
class UpsertContactsInput:
    rows: list[UpsertContactRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many contacts.", **PAYLOAD)
class UpsertContactsPayload(UpsertOutcome):
    results: list[UpsertContactResult] = records(RESULTS)


@record("What became of one site.", site_id="uuid", **RESULT)
class UpsertSiteResult(UpsertResult):
    site: Site | None = one("The site as it is now.", by="site_id")


@strawberry.input(description="Many sites at once.")
class UpsertSitesInput:
    rows: list[UpsertSiteRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many sites.", **PAYLOAD)
class UpsertSitesPayload(UpsertOutcome):
    results: list[UpsertSiteResult] = records(RESULTS)


@record("What became of one asset.", asset_id="uuid", **RESULT)
class UpsertAssetResult(UpsertResult):
    asset: Asset | None = one("The asset as it is now.", by="asset_id")


@strawberry.input(description="Many assets at once.")
class UpsertAssetsInput:
    rows: list[UpsertAssetRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many assets.", **PAYLOAD)
class UpsertAssetsPayload(UpsertOutcome):
    results: list[UpsertAssetResult] = records(RESULTS)


@record("What became of one part.", part_id="uuid", **RESULT)
class UpsertPartResult(UpsertResult):
    part: Part | None = one("The part as it is now.", by="part_id")


@strawberry.input(description="Many parts at once.")
class UpsertPartsInput:
    rows: list[UpsertPartRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many parts.", **PAYLOAD)
class UpsertPartsPayload(UpsertOutcome):
    results: list[UpsertPartResult] = records(RESULTS)


@record("What became of one technician.", technician_id="uuid", **RESULT)
class UpsertTechnicianResult(UpsertResult):
    technician: Technician | None = one("The technician as it is now.", by="technician_id")


@strawberry.input(description="Many technicians at once.")
class UpsertTechniciansInput:
    rows: list[UpsertTechnicianRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many technicians.", **PAYLOAD)
class UpsertTechniciansPayload(UpsertOutcome):
    results: list[UpsertTechnicianResult] = records(RESULTS)


@record("What became of one contract.", contract_id="uuid", **RESULT)
class UpsertContractResult(UpsertResult):
    contract: Contract | None = one("The contract as it is now.", by="contract_id")


@strawberry.input(description="Many contracts at once.")
class UpsertContractsInput:
    rows: list[UpsertContractRow] = strawberry.field(description=ROWS)
    mode: UpsertMode = strawberry.field(default=UpsertMode.PER_ITEM, description=MODE)


@record("What became of many contracts.", **PAYLOAD)
class UpsertContractsPayload(UpsertOutcome):
    results: list[UpsertContractResult] = records(RESULTS)
