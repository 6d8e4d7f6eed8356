"""Bookkeeping: the mutations that keep what the work is done for and with: customers, assets, stock."""

import strawberry

from domain.viewers import FIELD, OFFICE, Role
from resolvers import assets, customers, sites, stock
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
from schema.stock import (
    AdjustStockInput,
    AdjustStockPayload,
    CountStockInput,
    CountStockPayload,
    CreatePartInput,
    CreatePartPayload,
    CreateStockLocationInput,
    CreateStockLocationPayload,
    ReceiveStockInput,
    ReceiveStockPayload,
    ReceiveTransferInput,
    ReceiveTransferPayload,
    RequestTransferInput,
    RequestTransferPayload,
    ShipTransferInput,
    ShipTransferPayload,
)
from schema.verbs import verb

PLANNERS = tuple(sorted(OFFICE))
AT_WORK = tuple(sorted(OFFICE | FIELD))
STOREKEEPERS = (*AT_WORK, Role.INTEGRATION)
CLERKS = (*PLANNERS, Role.INTEGRATION)
"""Who keeps the books on customers, sites and assets."""


@strawberry.type
class Bookkeeping:
    """Fields of Mutation; a type of its own only in Python."""

    create_customer: CreateCustomerPayload = verb(
        customers.create_customer, CreateCustomerInput, "Take on a customer.", roles=CLERKS
    )
    update_customer: UpdateCustomerPayload = verb(
        customers.update_customer, UpdateCustomerInput, "Change a customer.", roles=CLERKS
    )
    archive_customer: ArchiveCustomerPayload = verb(
        customers.archive_customer,
        ArchiveCustomerInput,
        "Keep a customer without new work; refused while a work order is open.",
        roles=CLERKS,
    )
    create_contact: CreateContactPayload = verb(
        customers.create_contact, CreateContactInput, "Add a person at a customer.", roles=CLERKS
    )
    update_contact: UpdateContactPayload = verb(
        customers.update_contact,
        UpdateContactInput,
        "Change a contact: channels, language, what they agreed to.",
        roles=CLERKS,
    )
    create_site: CreateSitePayload = verb(
        sites.create_site, CreateSiteInput, "Add a place of work to a customer.", roles=CLERKS
    )
    update_site: UpdateSitePayload = verb(
        sites.update_site,
        UpdateSiteInput,
        "Change a site: where it is, its zone, how to get in, its geofence.",
        roles=CLERKS,
    )
    create_asset: CreateAssetPayload = verb(
        assets.create_asset, CreateAssetInput, "Add equipment at a site.", roles=CLERKS
    )
    update_asset: UpdateAssetPayload = verb(
        assets.update_asset, UpdateAssetInput, "Change an asset, or move it.", roles=CLERKS
    )
    record_meter_reading: RecordMeterReadingPayload = verb(
        assets.record_meter_reading,
        RecordMeterReadingInput,
        "Say what an asset's meter says.",
        roles=STOREKEEPERS,
    )
    create_part: CreatePartPayload = verb(
        stock.create_part,
        CreatePartInput,
        "Make a part known.",
        roles=(*PLANNERS, Role.INTEGRATION),
    )
    create_stock_location: CreateStockLocationPayload = verb(
        stock.create_stock_location,
        CreateStockLocationInput,
        "Make a place known that holds stock.",
        roles=(*PLANNERS, Role.INTEGRATION),
    )
    receive_stock: ReceiveStockPayload = verb(
        stock.receive_stock,
        ReceiveStockInput,
        "Pieces come to a place from outside; in the field, to the own van only.",
        roles=STOREKEEPERS,
    )
    adjust_stock: AdjustStockPayload = verb(
        stock.adjust_stock,
        AdjustStockInput,
        "Put a level right, for a reason; never below what is held for visits.",
        roles=STOREKEEPERS,
    )
    count_stock: CountStockPayload = verb(
        stock.count_stock,
        CountStockInput,
        "Set a level to what was counted; the ledger gets the difference.",
        roles=STOREKEEPERS,
    )
    request_transfer: RequestTransferPayload = verb(
        stock.request_transfer,
        RequestTransferInput,
        "Ask for pieces from another place; in the field, from or to the own van.",
        roles=STOREKEEPERS,
    )
    ship_transfer: ShipTransferPayload = verb(
        stock.ship_transfer,
        ShipTransferInput,
        "The pieces leave; until they are received they are in neither place.",
        roles=STOREKEEPERS,
    )
    receive_transfer: ReceiveTransferPayload = verb(
        stock.receive_transfer, ReceiveTransferInput, "The pieces are there.", roles=STOREKEEPERS
    )
