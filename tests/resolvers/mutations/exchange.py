"""Upserts and imports: their mutations' cases. With mode ALL a row's fault is the whole request's."""

from typing import Any

from domain import ids
from tests.resolvers.mutations import customers
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

ONLY = {"mode": "ALL"}


def rows(*given: Given) -> Given:
    return {"rows": list(given), **ONLY}


def wrong(row: Given, code: str, *path: str) -> Wrong:
    return Wrong({"rows": [row]}, code, ("rows", "0", *path))


def crm(key: str) -> Given:
    return {"system": "crm", "key": key}


async def upsert_customers(stage: Stage) -> Given:
    customer = await customers.customer(stage)
    return rows({"id": customer, "name": "Changed"}, {"externalId": crm("1"), "name": "New", "tier": "KEY"})


async def upsert_contacts(stage: Stage) -> Given:
    given = await customers.create_contact(stage)
    contact = await stage.make("createContact", "contact", **given)
    return rows(
        {"id": contact, "phone": "+358401234567"},
        {"externalId": crm("1"), "customer": {"id": given["customer"]}, "name": "Olli"},
    )


async def upsert_sites(stage: Stage) -> Given:
    given = await customers.create_site(stage)
    site = await stage.make("createSite", "site", **given)
    return rows(
        {"id": site, "accessNotes": "Ring."},
        {
            "externalId": crm("1"),
            "customer": {"id": given["customer"]},
            "territory": {"id": await stage.first("territories")},
            "name": "Yard",
            **customers.PLACE,
        },
    )


async def upsert_assets(stage: Stage) -> Given:
    site = await stage.first("sites")
    asset = await stage.make("createAsset", "asset", site=site, name="Boiler", serial="SN-1")
    return rows({"id": asset, "model": "Oras"}, {"serial": "SN-2", "site": {"id": site}, "name": "Pump"})


async def upsert_parts(stage: Stage) -> Given:
    part = await stage.make("createPart", "part", number="N-1", name="Valve", unitPrice="2")
    nut = {"number": "N-2", "name": "Nut", "unitPrice": "1", "unitCost": "0.4"}
    return rows({"id": part, "unitPrice": "2.5", "unitCost": "1"}, nut)


async def upsert_technicians(stage: Stage) -> Given:
    home: dict[str, Any] = {"type": "Point", "coordinates": [24.94, 60.17]}
    new = {"code": "X-1", "name": "Ada", "home": home, "hourlyCost": "40"}
    territory = {"id": await stage.first("territories")}
    return rows(
        {"id": await stage.first("technicians"), "phone": "+358401234567"}, {**new, "territory": territory}
    )


async def upsert_contracts(stage: Stage) -> Given:
    customer = await customers.customer(stage)
    new = {"number": "A-1", "name": "Care", "startsOn": "2026-01-01", "endsOn": "2026-12-31", "price": "9"}
    return rows({**new, "customer": {"id": customer}})


FILE: Given = {"name": "parts.csv", "contentType": "text/csv", "bytes": 40}


async def create_upload(_stage: Stage) -> Given:
    return {**FILE, "sha256": "ab" * 32}


async def import_rows(stage: Stage) -> Given:
    stored = await stage.make("createUpload", "upload", **FILE)
    await stage.execute(
        "UPDATE upload SET state = 'STORED', stored_at = updated_at WHERE id = $1", ids.decode("upl", stored)
    )
    return {"kind": "PARTS", "file": stored, "dryRun": True}


CASES = [
    Case(
        mutation="createUpload",
        right=create_upload,
        again=False,
        wrong={
            "no bytes": Wrong({"bytes": 0}, "INVALID", ("bytes",)),
            "more bytes than are taken": Wrong({"bytes": 100_000_001}, "INVALID", ("bytes",)),
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a name with a line break": Wrong({"name": "a\r\nX-Evil: 1.png"}, "INVALID", ("name",)),
            "no media type": Wrong({"contentType": "image/\u2603"}, "INVALID", ("contentType",)),
            "a header": Wrong({"contentType": "image/x\r\nX-Evil: 1"}, "INVALID", ("contentType",)),
            "no hash": Wrong({"sha256": "AB" * 32}, "INVALID", ("sha256",)),
        },
    ),
    Case(
        mutation="importRows",
        right=import_rows,
        wrong={
            "no file": Wrong({"file": None}, "INVALID", ("file",)),
            "a hash that nobody handed in": Wrong(
                {"file": None, "sha256": "cd" * 32}, "NOT_FOUND", ("sha256",)
            ),
            "two names": Wrong({"sha256": "cd" * 32}, "INVALID", ("file",)),
        },
    ),
    Case(
        mutation="upsertCustomers",
        right=upsert_customers,
        wrong={
            "no rows": Wrong({"rows": []}, "INVALID", ("rows",)),
            "no key": wrong({"name": "Nobody"}, "INVALID", "number"),
            "no name": wrong({"number": "K-1", "name": ""}, "INVALID", "name"),
            "a stale version": wrong({"number": "K-1", "expectedVersion": 9}, "CONFLICT", "expectedVersion"),
            "one key twice": Wrong(
                {"rows": [{"number": "K-9", "name": "A"}, {"number": "K-9", "name": "B"}]},
                "CONFLICT",
                ("rows", "1", "number"),
            ),
        },
    ),
    Case(
        mutation="upsertContacts",
        right=upsert_contacts,
        wrong={
            "nobody's": wrong({"externalId": crm("2"), "name": "Ida"}, "INVALID", "customer"),
            "no such customer": wrong(
                {"name": "Ida", "customer": {"number": "none"}}, "NOT_FOUND", "customer"
            ),
        },
    ),
    Case(
        mutation="upsertSites",
        right=upsert_sites,
        wrong={
            "two ways to one customer": wrong(
                {"name": "Hall", "customer": {"number": "K-1", "externalId": crm("1")}}, "INVALID", "customer"
            ),
            "no such territory": wrong(
                {"name": "Hall", "customer": {"number": "K-1"}, "territory": {"name": "none"}},
                "NOT_FOUND",
                "territory",
            ),
        },
    ),
    Case(
        mutation="upsertAssets",
        right=upsert_assets,
        wrong={
            "nowhere": wrong({"serial": "SN-3", "name": "Pump"}, "INVALID", "site"),
            "a name without a customer": wrong(
                {"serial": "SN-3", "name": "Pump", "site": {"name": "Hall"}}, "INVALID", "site"
            ),
            "a stale version": wrong({"serial": "SN-1", "expectedVersion": 9}, "CONFLICT", "expectedVersion"),
        },
    ),
    Case(
        mutation="upsertParts",
        right=upsert_parts,
        wrong={
            "a negative price": wrong({"number": "N-1", "unitPrice": "-1"}, "INVALID", "unitPrice"),
            "no price": wrong({"number": "N-3", "name": "Bolt"}, "INVALID", "unitPrice"),
        },
    ),
    Case(
        mutation="upsertTechnicians",
        right=upsert_technicians,
        wrong={"no home": wrong({"code": "X-2", "name": "Bo", "hourlyCost": "40"}, "INVALID", "home")},
    ),
    Case(
        mutation="upsertContracts",
        right=upsert_contracts,
        wrong={
            "a term that ends before it starts": wrong(
                {
                    "number": "A-2",
                    "name": "Care",
                    "customer": {"number": "K-1"},
                    "startsOn": "2026-02-01",
                    "endsOn": "2026-01-01",
                    "price": "9",
                },
                "INVALID",
                "endsOn",
            )
        },
    ),
]
