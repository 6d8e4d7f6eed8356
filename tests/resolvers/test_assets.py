"""Assets: kept by mutations; a meter never runs backwards, whoever reads it and in whatever order."""

import asyncio
from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.test_customers import ABSENT, NEW_SITE, PLACE, facts, foreign, made, refusal

CREATE = """mutation C($input: CreateAssetInput!) { createAsset(input: $input) {
  asset { id version name serial model installedOn warrantyUntil site { id } customer { id }
    latestReading { id } }
  userErrors { path code } } }"""
UPDATE = """mutation U($input: UpdateAssetInput!) { updateAsset(input: $input) {
  asset { version name serial model warrantyUntil site { id } } userErrors { path code } } }"""
READ = """mutation R($input: RecordMeterReadingInput!) { recordMeterReading(input: $input) {
  meterReading { at value replaced site { id } } asset { latestReading { value } }
  userErrors { path code } } }"""
FOUND = """query F($serial: String!, $id: ID!) {
  assetBySerial(serial: $serial) { id } asset(id: $id) { readings { nodes { value at } } }
  assets(search: "oras hall") { nodes { id } totalCount } }"""


async def _place(company: Companies, customer: str) -> str:
    found = await company.data(NEW_SITE, {"input": {"customer": customer, **PLACE}})
    site: str = found["createSite"]["site"]["id"]
    return site


async def _asset(company: Companies, **given: object) -> dict[str, Any]:
    site = await _place(company, (await made(company))["id"])
    found = (await company.data(CREATE, {"input": {"site": site, "name": "Hall boiler", **given}}))[
        "createAsset"
    ]
    assert found["userErrors"] == []
    asset: dict[str, Any] = found["asset"]
    return asset


async def test_an_asset_is_made_changed_and_found(company: Companies) -> None:
    dated = {"installedOn": "2024-05-01", "warrantyUntil": "2027-04-30"}
    asset = await _asset(company, serial=" SN-1 ", model="Oras 200", **dated)
    assert asset == {
        "id": asset["id"],
        "version": 1,
        "name": "Hall boiler",
        "serial": "SN-1",
        "model": "Oras 200",
        **dated,
        "site": asset["site"],
        "customer": asset["customer"],
        "latestReading": None,
    }
    other = await _place(company, asset["customer"]["id"])
    change = {"asset": asset["id"], "expectedVersion": 1, "site": other, "warrantyUntil": None}
    changed = (await company.data(UPDATE, {"input": change}))["updateAsset"]
    assert changed["userErrors"] == []
    assert (changed["asset"]["version"], changed["asset"]["site"]) == (2, {"id": other})
    assert (changed["asset"]["serial"], changed["asset"]["warrantyUntil"]) == ("SN-1", None)
    same = (await company.data(UPDATE, {"input": {**change, "expectedVersion": 2}}))["updateAsset"]
    assert same["asset"]["version"] == 2
    found = await company.data(FOUND, {"serial": "SN-1", "id": asset["id"]})
    assert found == {
        "assetBySerial": {"id": asset["id"]},
        "asset": {"readings": {"nodes": []}},
        "assets": {"nodes": [{"id": asset["id"]}], "totalCount": 1},
    }
    assert [one[:2] for one in await facts(company, "asset")] == [("AssetCreated", 1), ("AssetChanged", 2)]


async def test_wrong_assets_are_refused_and_leave_nothing(company: Companies) -> None:
    asset, twin = await _asset(company, serial="SN-1"), await _asset(company, serial="SN-2")
    place = {"site": asset["site"]["id"], "name": "Boiler"}
    for wrong, code, path in (
        ({"name": " "}, "INVALID", "name"),
        ({"serial": "SN-2"}, "CONFLICT", "serial"),
        ({"serial": "x" * 101}, "INVALID", "serial"),
        ({"installedOn": "2026-01-02", "warrantyUntil": "2026-01-01"}, "INVALID", "warrantyUntil"),
        ({"site": f"sit1_{ABSENT}"}, "NOT_FOUND", "site"),
        ({"site": await foreign(company, "sites")}, "NOT_FOUND", "site"),
    ):
        expected = [(code, ["input", path])]
        assert await refusal(company, CREATE, {**place, **wrong}) == expected, wrong
        assert await refusal(company, UPDATE, {"asset": asset["id"], **wrong}) == expected, wrong
    for given, code, path in (
        ({"asset": asset["id"], "site": twin["site"]["id"]}, "INVALID", "site"),
        ({"asset": asset["id"], "site": None}, "INVALID", "site"),
        ({"asset": asset["id"], "name": "New", "expectedVersion": 2}, "CONFLICT", "expectedVersion"),
        ({"asset": f"ast1_{ABSENT}", "name": "New"}, "NOT_FOUND", "asset"),
    ):
        assert await refusal(company, UPDATE, given) == [(code, ["input", path])], given
    stranger = company.viewer(Role.ADMIN, second=True)
    theirs = {"input": {"asset": asset["id"], "name": "Mine"}}
    found = (await company.data(UPDATE, theirs, viewer=stranger))["updateAsset"]
    assert found == {"asset": None, "userErrors": [{"path": ["input", "asset"], "code": "NOT_FOUND"}]}
    assert [one[:2] for one in await facts(company, "asset")] == [("AssetCreated", 1)] * 2


async def test_a_meter_runs_backwards_only_when_it_is_replaced(company: Companies) -> None:
    key = {"asset": (asset := await _asset(company))["id"]}
    first = (await company.data(READ, {"input": {**key, "value": "100.5", "at": "2026-11-01T08:00:00Z"}}))[
        "recordMeterReading"
    ]
    assert first == {
        "meterReading": {
            "at": "2026-11-01T08:00:00+00:00",
            "value": "100.500",
            "replaced": False,
            "site": asset["site"],
        },
        "asset": {"latestReading": {"value": "100.500"}},
        "userErrors": [],
    }
    new = {**key, "value": "3", "at": "2026-11-10T08:00:00Z"}
    assert await refusal(company, READ, new) == [("INVALID", ["input", "value"])]
    assert await refusal(company, READ, {**new, "replaced": True}) == []
    for given, expected in (
        ({"value": "99", "at": "2026-11-05T08:00:00Z"}, [("INVALID", ["input", "value"])]),
        ({"value": "140", "at": "2026-11-05T08:00:00Z"}, []),
        ({"value": "141", "at": "2026-11-04T08:00:00Z"}, [("INVALID", ["input", "value"])]),
        ({"value": "140", "at": "2026-11-05T08:00:00Z"}, [("CONFLICT", ["input", "at"])]),
        ({"value": "-1"}, [("INVALID", ["input", "value"])]),
        ({"value": "4.0001"}, [("INVALID", ["input", "value"])]),
        ({"value": "1000000000000"}, [("INVALID", ["input", "value"])]),
        ({"value": "4", "at": "2026-11-24T08:00:00Z"}, [("INVALID", ["input", "at"])]),
        ({"asset": f"ast1_{ABSENT}", "value": "4"}, [("NOT_FOUND", ["input", "asset"])]),
        ({"value": "3"}, []),
    ):
        assert await refusal(company, READ, {**key, **given}) == expected, given
    found = await company.data(FOUND, {"serial": "none", "id": asset["id"]})
    values = [one["value"] for one in found["asset"]["readings"]["nodes"]]
    assert values == ["3.000", "3.000", "140.000", "100.500"]
    assert len(await facts(company, "asset")) == 5


async def test_readings_at_once_are_told_one_after_another(company: Companies) -> None:
    key = {"asset": (await _asset(company))["id"]}
    falling = [{**key, "value": str(50 - n), "at": f"2026-11-0{n + 1}T08:00:00Z"} for n in range(5)]
    answers = await asyncio.gather(*(refusal(company, READ, given) for given in falling))
    assert sorted(answers) == [[], *([[("INVALID", ["input", "value"])]] * 4)]


async def test_who_goes_there_reads_the_meter_and_nobody_else_in_the_field(company: Companies) -> None:
    technician = company.viewer(Role.TECHNICIAN)
    own = "{ visits(first: 1) { nodes { site { id } } } }"
    site = (await company.data(own, viewer=technician))["visits"]["nodes"][0]["site"]["id"]
    made_there = await company.data(CREATE, {"input": {"site": site, "name": "Pump"}})
    there = made_there["createAsset"]["asset"]["id"]
    elsewhere = (await _asset(company))["id"]
    given = {"input": {"asset": there, "value": "7"}}
    read = (await company.data(READ, given, viewer=technician))["recordMeterReading"]
    assert (read["userErrors"], read["asset"]) == ([], {"latestReading": {"value": "7.000"}})
    given = {"input": {"asset": elsewhere, "value": "7"}}
    refused = (await company.data(READ, given, viewer=technician))["recordMeterReading"]
    assert refused["userErrors"] == [{"path": ["input", "asset"], "code": "NOT_FOUND"}]


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.SALES, Role.CUSTOMER])
async def test_only_clerks_keep_assets(companies: Companies, role: Role) -> None:
    for document, given in ((CREATE, {"site": "s", "name": "n"}), (UPDATE, {"asset": "a"})):
        found = await companies.ask(document, {"input": given}, viewer=companies.viewer(role))
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
