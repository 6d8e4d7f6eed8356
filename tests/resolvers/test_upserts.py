"""Upserts as clients ask for them: a result for each row with what it leads to, in the request's order."""

import asyncio
from typing import Any

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.test_customers import facts

UPSERT = """mutation U($input: UpsertCustomersInput!) { upsertCustomers(input: $input) {
  __typename results { index outcome userErrors { path code message }
    ... on UpsertCustomerResult { customer { number name externalIds { system key }
      sites(first: 1) { totalCount } openWorkOrderCount } } }
  summary { created updated unchanged failed } userErrors { path code } } }"""
SITES = """mutation U($input: UpsertSitesInput!) { upsertSites(input: $input) {
  results { outcome site { name customer { number } territory { name } } userErrors { path code } } } }"""


async def upsert(company: Companies, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    viewer = company.viewer(Role.INTEGRATION)
    found = await company.data(UPSERT, {"input": {"rows": rows, **more}}, viewer=viewer)
    payload: dict[str, Any] = found["upsertCustomers"]
    return payload


def crm(key: str, **row: Any) -> dict[str, Any]:
    return {"externalId": {"system": "crm", "key": key}, **row}


def summary(created: int = 0, updated: int = 0, unchanged: int = 0, failed: int = 0) -> dict[str, int]:
    return {"created": created, "updated": updated, "unchanged": unchanged, "failed": failed}


def made(number: str, name: str, key: str) -> dict[str, Any]:
    keys = [{"system": "crm", "key": key}]
    entity = {"sites": {"totalCount": 0}, "openWorkOrderCount": 0}
    return {"number": number, "name": name, "externalIds": keys, **entity}


async def test_each_row_has_its_result_in_the_order_of_the_request(company: Companies) -> None:
    rows = [crm("1", number="Z-1", name="Zeta"), crm("2", name=" "), crm("3", number="A-1", name="Alpha")]
    first = await upsert(company, *rows)
    second = await upsert(company, *rows[::2])

    assert first == {
        "__typename": "UpsertCustomersPayload",
        "results": [
            {
                "index": 0,
                "outcome": "CREATED",
                "userErrors": [],
                "customer": made("Z-1", "Zeta", "1"),
            },
            {
                "index": 1,
                "outcome": "FAILED",
                "userErrors": [
                    {
                        "path": ["input", "rows", "1", "name"],
                        "code": "INVALID",
                        "message": "Some text is needed here.",
                    }
                ],
                "customer": None,
            },
            {
                "index": 2,
                "outcome": "CREATED",
                "userErrors": [],
                "customer": made("A-1", "Alpha", "3"),
            },
        ],
        "summary": summary(created=2, failed=1),
        "userErrors": [],
    }
    assert [one["outcome"] for one in second["results"]] == ["UNCHANGED"] * 2
    assert second["summary"] == summary(unchanged=2)
    assert [one[0] for one in await facts(company, "customer")] == ["CustomerCreated"] * 2
    assert [one[0] for one in await facts(company, "external_id")] == ["ExternalIdAdded"] * 2


async def test_all_tells_every_fault_and_writes_nothing(company: Companies) -> None:
    rows = [crm("1", name="Good"), crm("2", name=" "), crm("3", name="x" * 201)]
    refused = await upsert(company, *rows, mode="ALL")
    assert [one["outcome"] for one in refused["results"]] == ["WITHHELD", "FAILED", "FAILED"]
    assert [one["customer"] for one in refused["results"]] == [None] * 3
    assert refused["userErrors"] == [
        {"path": ["input", "rows", "1", "name"], "code": "INVALID"},
        {"path": ["input", "rows", "2", "name"], "code": "INVALID"},
    ]
    assert refused["summary"] == summary(failed=2)
    assert await facts(company, "customer") == []


async def test_too_many_rows_are_no_results_at_all(company: Companies) -> None:
    rows = [crm(str(n), name="x") for n in range(251)]
    text = "mutation ($i: UpsertCustomersInput!) { upsertCustomers(input: $i) { userErrors { code } } }"
    refused = await company.ask(text, {"i": {"rows": rows}})
    assert refused == {
        "errors": [
            {
                "message": "“$i.rows” has 251 items; at most 250 are allowed.",
                "extensions": {"code": "BAD_USER_INPUT", "input": "$i.rows"},
            }
        ]
    }
    assert await facts(company, "customer") == []


async def test_a_key_of_the_same_name_elsewhere_is_another_row(company: Companies) -> None:
    """Other companies' keys are not found, and not told."""
    mine = await upsert(company, crm("1", name="Mine"))
    asking = {"input": {"rows": [crm("1", name="Theirs")]}}
    viewer = company.viewer(Role.ADMIN, second=True)
    theirs = (await company.data(UPSERT, asking, viewer=viewer))["upsertCustomers"]
    assert [one["results"][0]["outcome"] for one in (mine, theirs)] == ["CREATED", "CREATED"]


async def test_references_go_by_other_systems_keys(company: Companies) -> None:
    await upsert(company, crm("7", number="C-7", name="Harbour"))
    area = (await company.data("{ territories(first: 1) { nodes { name } } }"))["territories"]["nodes"][0]
    place = {
        "address": "Kaivokatu 1",
        "timeZone": "Europe/Helsinki",
        "location": {"type": "Point", "coordinates": [24.94, 60.17]},
    }
    rows = [
        crm(
            "s1", name="Hall", customer={"externalId": {"system": "crm", "key": "7"}}, territory=area, **place
        ),
        crm("s2", name="Yard", customer={"externalId": {"system": "crm", "key": "8"}}, **place),
    ]
    found = (await company.data(SITES, {"input": {"rows": rows}}))["upsertSites"]["results"]
    assert found == [
        {
            "outcome": "CREATED",
            "site": {"name": "Hall", "customer": {"number": "C-7"}, "territory": area},
            "userErrors": [],
        },
        {
            "outcome": "FAILED",
            "site": None,
            "userErrors": [{"path": ["input", "rows", "1", "customer"], "code": "NOT_FOUND"}],
        },
    ]


async def test_250_rows_by_two_clients_at_once_are_made_once(company: Companies) -> None:
    rows = [crm(str(n), name=f"Customer {n}") for n in range(250)]
    both = await asyncio.gather(upsert(company, *rows), upsert(company, *reversed(rows)))
    assert sorted(one["summary"]["created"] for one in both) == [0, 250]
    assert sorted(one["summary"]["unchanged"] for one in both) == [0, 250]
    assert len(await facts(company, "customer")) == 250
