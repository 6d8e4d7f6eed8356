"""Bookkeeping: the mutations that keep whom the work is done for: customers, contacts, sites, assets."""

import strawberry

from resolvers import assets, customers, sites
from resolvers.duties import CLERKS, STOREKEEPERS
from schema.assets import (
    CreateAssetInput,
    CreateAssetPayload,
    RecordMeterReadingInput,
    RecordMeterReadingPayload,
    UpdateAssetInput,
    UpdateAssetPayload,
)
from schema.customers import (
    ArchiveCustomerInput,
    ArchiveCustomerPayload,
    CreateContactInput,
    CreateContactPayload,
    CreateCustomerInput,
    CreateCustomerPayload,
    UpdateContactInput,
    UpdateContactPayload,
    UpdateCustomerInput,
    UpdateCustomerPayload,
)
from schema.sites import CreateSiteInput, CreateSitePayload, UpdateSiteInput, UpdateSitePayload
from schema.verbs import verb


@strawberry.type
class Bookkeeping:
    """Fields of Mutation; a type of its own only in Python."""

    create_customer: CreateCustomerPayload = verb(
        customers.create_customer,
        CreateCustomerInput,
        "Take on a customer.",
        roles=CLERKS,
        scope="customers:write",
    )
    update_customer: UpdateCustomerPayload = verb(
        customers.update_customer,
        UpdateCustomerInput,
        "Change a customer.",
        roles=CLERKS,
        scope="customers:write",
    )
    archive_customer: ArchiveCustomerPayload = verb(
        customers.archive_customer,
        ArchiveCustomerInput,
        "Keep a customer without new work; refused while a work order is open.",
        roles=CLERKS,
        scope="customers:write",
    )
    create_contact: CreateContactPayload = verb(
        customers.create_contact,
        CreateContactInput,
        "Add a person at a customer.",
        roles=CLERKS,
        scope="customers:write",
    )
    update_contact: UpdateContactPayload = verb(
        customers.update_contact,
        UpdateContactInput,
        "Change a contact: channels, language, what they agreed to.",
        roles=CLERKS,
        scope="customers:write",
    )
    create_site: CreateSitePayload = verb(
        sites.create_site,
        CreateSiteInput,
        "Add a place of work to a customer.",
        roles=CLERKS,
        scope="customers:write",
    )
    update_site: UpdateSitePayload = verb(
        sites.update_site,
        UpdateSiteInput,
        "Change a site: where it is, its zone, how to get in, its geofence.",
        roles=CLERKS,
        scope="customers:write",
    )
    create_asset: CreateAssetPayload = verb(
        assets.create_asset,
        CreateAssetInput,
        "Add equipment at a site.",
        roles=CLERKS,
        scope="customers:write",
    )
    update_asset: UpdateAssetPayload = verb(
        assets.update_asset,
        UpdateAssetInput,
        "Change an asset, or move it.",
        roles=CLERKS,
        scope="customers:write",
    )
    record_meter_reading: RecordMeterReadingPayload = verb(
        assets.record_meter_reading,
        RecordMeterReadingInput,
        "Say what an asset's meter says.",
        roles=STOREKEEPERS,
        scope="customers:write",
    )
