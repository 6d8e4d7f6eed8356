"""Exchange: the mutations by which other systems and files bring many rows at once."""

import strawberry

from domain.keeping import Kind
from resolvers import imports
from resolvers.duties import EXCHANGERS, REPORTERS
from resolvers.upserts import upserting
from schema.imports import CreateUploadInput, CreateUploadPayload, ImportRowsInput, ImportRowsPayload
from schema.upserts import (
    UpsertAssetsInput,
    UpsertAssetsPayload,
    UpsertContactsInput,
    UpsertContactsPayload,
    UpsertContractsInput,
    UpsertContractsPayload,
    UpsertCustomersInput,
    UpsertCustomersPayload,
    UpsertPartsInput,
    UpsertPartsPayload,
    UpsertSitesInput,
    UpsertSitesPayload,
    UpsertTechniciansInput,
    UpsertTechniciansPayload,
)
from schema.verbs import verb


@strawberry.type
class Exchange:
    """Fields of Mutation; a type of its own only in Python."""

    upsert_customers: UpsertCustomersPayload = verb(
        upserting(Kind.CUSTOMERS, "cus"),
        UpsertCustomersInput,
        "Make or change many customers; rows that are so already write nothing.",
        roles=EXCHANGERS,
        scope="customers:write",
    )
    upsert_contacts: UpsertContactsPayload = verb(
        upserting(Kind.CONTACTS, "cnt"),
        UpsertContactsInput,
        "Make or change many contacts.",
        roles=EXCHANGERS,
        scope="customers:write",
    )
    upsert_sites: UpsertSitesPayload = verb(
        upserting(Kind.SITES, "sit"),
        UpsertSitesInput,
        "Make or change many sites.",
        roles=EXCHANGERS,
        scope="customers:write",
    )
    upsert_assets: UpsertAssetsPayload = verb(
        upserting(Kind.ASSETS, "ast"),
        UpsertAssetsInput,
        "Make or change many assets.",
        roles=EXCHANGERS,
        scope="customers:write",
    )
    upsert_parts: UpsertPartsPayload = verb(
        upserting(Kind.PARTS, "prt"),
        UpsertPartsInput,
        "Make or change many parts.",
        roles=EXCHANGERS,
        scope="stock:write",
    )
    upsert_technicians: UpsertTechniciansPayload = verb(
        upserting(Kind.TECHNICIANS, "tec"),
        UpsertTechniciansInput,
        "Make or change many technicians.",
        roles=EXCHANGERS,
        scope="technicians:write",
    )
    upsert_contracts: UpsertContractsPayload = verb(
        upserting(Kind.CONTRACTS, "con"),
        UpsertContractsInput,
        "Make or change many contracts.",
        roles=EXCHANGERS,
        scope="contracts:write",
    )
    create_upload: CreateUploadPayload = verb(
        imports.create_upload,
        CreateUploadInput,
        "Announce a file, and be told where its bytes go.",
        roles=REPORTERS,
        scope="imports:write",
    )
    import_rows: ImportRowsPayload = verb(
        imports.import_rows,
        ImportRowsInput,
        "Bring the rows of a file in, or rehearse it; a worker does it, and reports on every line.",
        roles=EXCHANGERS,
        scope="imports:write",
    )
