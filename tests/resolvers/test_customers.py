"""Customers and contacts: kept by mutations, refused where a rule says no, never another company's."""

import asyncio
from typing import Any

import pytest

from domain.viewers import Role
from tests.conftest import connected
from tests.resolvers.companies import Companies

CREATE = """mutation C($input: CreateCustomerInput!) { createCustomer(input: $input) {
  customer { id version number name tier owner archivedAt } userErrors { path code } } }"""
UPDATE = """mutation U($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
  customer { id version number name tier owner } userErrors { path code } } }"""
ARCHIVE = """mutation A($input: ArchiveCustomerInput!) { archiveCustomer(input: $input) {
  customer { version archivedAt } userErrors { path code } } }"""
ADD_CONTACT = """mutation C($input: CreateContactInput!) { createContact(input: $input) {
  contact { id version name email phone language channel emailOptIn phoneOptIn smsOptIn customer { id } }
  userErrors { path code } } }"""
CHANGE_CONTACT = """mutation U($input: UpdateContactInput!) { updateContact(input: $input) {
  contact { version name email phone language channel emailOptIn phoneOptIn smsOptIn }
  userErrors { path code } } }"""
ABSENT = "018f0000-0000-7000-8000-000000000000"


async def facts(company: Companies, topic: str) -> list[tuple[str, int, Any]]:
    """Type, version and payload of the events of a topic, in their order."""
    async with connected(str(company.app.settings.database_url)) as connection:
        rows = await connection.fetch(
            "SELECT type, subject_version, payload::text FROM event WHERE topic = $1 ORDER BY xid, n", topic
        )
    return [tuple(row) for row in rows]


async def made(company: Companies, **given: object) -> dict[str, Any]:
    found: dict[str, Any] = (await company.data(CREATE, {"input": {"name": "Kallio Oy", **given}}))[
        "createCustomer"
    ]
    assert found["userErrors"] == []
    customer: dict[str, Any] = found["customer"]
    return customer


async def foreign(company: Companies, field: str) -> str:
    """An id of the other company."""
    viewer = company.viewer(Role.ADMIN, second=True)
    key: str = (await company.data(f"{{ {field}(first: 1) {{ nodes {{ id }} }} }}", viewer=viewer))[field][
        "nodes"
    ][0]["id"]
    return key


async def refusal(company: Companies, document: str, given: object) -> list[tuple[str, list[str]]]:
    found = next(iter((await company.data(document, {"input": given})).values()))
    return [(error["code"], error["path"]) for error in found["userErrors"]]


async def test_a_customer_is_taken_on_changed_and_archived(company: Companies) -> None:
    customer = await made(company, name="  Kallio Oy ", tier="KEY", owner="sales-1", number="K-1")
    assert customer == {
        "id": customer["id"],
        "version": 1,
        "number": "K-1",
        "name": "Kallio Oy",
        "tier": "KEY",
        "owner": "sales-1",
        "archivedAt": None,
    }
    # when only some is named, the rest stays; null takes away what may be absent
    given = {"customer": customer["id"], "expectedVersion": 1, "name": "Kallio & Co", "owner": None}
    changed = (await company.data(UPDATE, {"input": given}))["updateCustomer"]
    assert changed["userErrors"] == []
    assert changed["customer"] == {
        "id": customer["id"],
        "version": 2,
        "number": "K-1",
        "name": "Kallio & Co",
        "tier": "KEY",
        "owner": None,
    }
    # when nothing differs, nothing is written
    same = (await company.data(UPDATE, {"input": {**given, "expectedVersion": 2}}))["updateCustomer"]
    assert same["customer"]["version"] == 2
    archived = (await company.data(ARCHIVE, {"input": {"customer": customer["id"]}}))["archiveCustomer"]
    assert archived["customer"]["version"] == 3
    assert archived["customer"]["archivedAt"].startswith("2026-11-23T06:")
    again = {"customer": customer["id"]}
    assert await refusal(company, ARCHIVE, again) == [("INVALID_TRANSITION", ["input", "customer"])]
    told = await facts(company, "customer")
    assert [one[:2] for one in told] == [
        ("CustomerCreated", 1),
        ("CustomerChanged", 2),
        ("CustomerArchived", 3),
    ]
    assert told[1][2] == '{"before": {"name": "Kallio Oy", "owner": "sales-1"}}'


async def test_numbers_of_a_series_are_given_once(company: Companies) -> None:
    first = await made(company, number="C-000002")
    numbers = [(await made(company))["number"] for _ in range(2)]
    assert [first["number"], *numbers] == ["C-000002", "C-000001", "C-000003"]
    together = await asyncio.gather(*(made(company) for _ in range(4)))
    assert sorted(one["number"] for one in together) == ["C-000004", "C-000005", "C-000006", "C-000007"]


async def test_wrong_customers_are_refused_and_leave_nothing(company: Companies) -> None:
    customer = await made(company, number="K-1")
    other = await made(company, number="K-2")
    counted = "{ customers { totalCount } }"
    before = await company.data(counted)
    for given, code, path in (
        ({"name": " "}, "INVALID", "name"),
        ({"name": "x" * 201}, "INVALID", "name"),
        ({"name": "K", "number": "K-1"}, "CONFLICT", "number"),
        ({"name": "K", "number": " "}, "INVALID", "number"),
    ):
        assert await refusal(company, CREATE, given) == [(code, ["input", path])], given
    assert await company.data(counted) == before
    mine = {"customer": customer["id"]}
    for given, code, path in (
        ({**mine, "name": None}, "INVALID", "name"),
        ({**mine, "tier": None}, "INVALID", "tier"),
        ({**mine, "number": "K-2"}, "CONFLICT", "number"),
        ({**mine, "name": "New", "expectedVersion": 9}, "CONFLICT", "expectedVersion"),
        ({"customer": f"cus1_{ABSENT}", "name": "New"}, "NOT_FOUND", "customer"),
        ({"customer": await foreign(company, "customers"), "name": "New"}, "NOT_FOUND", "customer"),
    ):
        assert await refusal(company, UPDATE, given) == [(code, ["input", path])], given
    stale = (await company.data(UPDATE, {"input": {**mine, "expectedVersion": 9}}))["updateCustomer"]
    assert stale["customer"]["version"] == 1
    theirs = {"customer": await foreign(company, "customers")}
    assert await refusal(company, ARCHIVE, theirs) == [("NOT_FOUND", ["input", "customer"])]
    stale_archive = {"customer": other["id"], "expectedVersion": 2}
    assert await refusal(company, ARCHIVE, stale_archive) == [("CONFLICT", ["input", "expectedVersion"])]
    assert len(await facts(company, "customer")) == 2
    malformed = await company.ask(UPDATE, {"input": {"customer": "K-1", "name": "New"}})
    assert malformed["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


OPENED = "{ workOrders(where: {isOpen: {eq: true}}, first: 1) { nodes { customer { id version } } } }"
NEW_WORK = """mutation C($input: CreateWorkOrderInput!) { createWorkOrder(input: $input) {
  workOrder { id } userErrors { path code } } }"""
NEW_SITE = """mutation C($input: CreateSiteInput!) { createSite(input: $input) {
  site { id } userErrors { path code } } }"""
PLACE = {
    "name": "Hall",
    "address": "Kaarlenkatu 1, 00530 Helsinki",
    "location": {"type": "Point", "coordinates": [24.95, 60.18]},
    "timeZone": "Europe/Helsinki",
}


async def test_an_archived_customer_gets_nothing_new(company: Companies) -> None:
    busy = (await company.data(OPENED))["workOrders"]["nodes"][0]["customer"]
    assert await refusal(company, ARCHIVE, {"customer": busy["id"]}) == [
        ("INVALID_TRANSITION", ["input", "customer"])
    ]
    customer = await made(company)
    owned = {"customer": customer["id"]}
    site = (await company.data(NEW_SITE, {"input": {**owned, **PLACE}}))["createSite"]["site"]["id"]
    kind = (await company.data("{ workTypes(first: 1) { nodes { id } } }"))["workTypes"]["nodes"][0]["id"]
    await company.data(ARCHIVE, {"input": owned})
    need = {"site": site, "workType": kind, "title": "Cold"}
    assert await refusal(company, NEW_WORK, need) == [("INVALID", ["input", "site"])]
    assert await refusal(company, NEW_SITE, {**owned, **PLACE}) == [("INVALID", ["input", "customer"])]
    assert await refusal(company, ADD_CONTACT, {**owned, "name": "A"}) == [("INVALID", ["input", "customer"])]


async def test_work_and_archiving_at_once_are_one_or_the_other(company: Companies) -> None:
    customer = await made(company)
    owned = {"customer": customer["id"]}
    site = (await company.data(NEW_SITE, {"input": {**owned, **PLACE}}))["createSite"]["site"]["id"]
    kind = (await company.data("{ workTypes(first: 1) { nodes { id } } }"))["workTypes"]["nodes"][0]["id"]
    need = {"site": site, "workType": kind, "title": "Cold"}
    answers = await asyncio.gather(
        *(refusal(company, NEW_WORK, need) for _ in range(3)), refusal(company, ARCHIVE, owned)
    )
    state = await company.data(
        "query($id: ID!) { customer(id: $id) { archivedAt openWorkOrderCount } }", {"id": customer["id"]}
    )
    archived = answers[-1] == []
    assert (state["customer"]["archivedAt"] is not None) == archived
    assert (state["customer"]["openWorkOrderCount"] == 0) == archived


AINO = {
    "name": "Aino",
    "email": "aino@example.com",
    "phone": "+358 (40) 123-4567",
    "language": "fi",
    "channel": "SMS",
    "smsOptIn": True,
}


async def test_a_contact_says_how_it_may_be_reached(company: Companies) -> None:
    customer = await made(company)
    given = {"customer": customer["id"], **AINO}
    contact = (await company.data(ADD_CONTACT, {"input": given}))["createContact"]["contact"]
    assert contact == {
        "id": contact["id"],
        "version": 1,
        "name": "Aino",
        "email": "aino@example.com",
        "phone": "+358401234567",
        "language": "fi",
        "channel": "SMS",
        "emailOptIn": False,
        "phoneOptIn": False,
        "smsOptIn": True,
        "customer": {"id": customer["id"]},
    }
    change = {"contact": contact["id"], "expectedVersion": 1, "emailOptIn": True, "language": "sv-FI"}
    changed = (await company.data(CHANGE_CONTACT, {"input": change}))["updateContact"]
    assert changed["userErrors"] == []
    assert changed["contact"] == {
        "version": 2,
        "name": "Aino",
        "email": "aino@example.com",
        "phone": "+358401234567",
        "language": "sv-FI",
        "channel": "SMS",
        "emailOptIn": True,
        "phoneOptIn": False,
        "smsOptIn": True,
    }
    # the log names what changed of a person, never what it was
    told = await facts(company, "contact")
    assert [one[:2] for one in told] == [("ContactCreated", 1), ("ContactChanged", 2)]
    assert told[1][2] == '{"before": {"language": null, "email_opt_in": null}}'


async def test_wrong_contacts_are_refused_and_leave_nothing(company: Companies) -> None:
    given = {"customer": (await made(company))["id"], **AINO, "emailOptIn": True}
    contact = (await company.data(ADD_CONTACT, {"input": given}))["createContact"]["contact"]
    for wrong, code, path in (
        ({"phone": None}, "INVALID", "smsOptIn"),
        ({"email": None}, "INVALID", "emailOptIn"),
        ({"email": "aino"}, "INVALID", "email"),
        ({"phone": "040 123"}, "INVALID", "phone"),
        ({"language": "finnish language"}, "INVALID", "language"),
        ({"channel": None}, "INVALID", "channel"),
        ({"smsOptIn": None}, "INVALID", "smsOptIn"),
        ({"name": ""}, "INVALID", "name"),
        ({"expectedVersion": 2}, "CONFLICT", "expectedVersion"),
        ({"contact": f"cnt1_{ABSENT}"}, "NOT_FOUND", "contact"),
        ({"contact": await foreign(company, "contacts")}, "NOT_FOUND", "contact"),
    ):
        asked = {"contact": contact["id"], **wrong}
        assert await refusal(company, CHANGE_CONTACT, asked) == [(code, ["input", path])], wrong
    for wrong, code, path in (
        ({"customer": await foreign(company, "customers")}, "NOT_FOUND", "customer"),
        ({"phone": None}, "INVALID", "smsOptIn"),
        ({"name": "x" * 201}, "INVALID", "name"),
    ):
        assert await refusal(company, ADD_CONTACT, {**given, **wrong}) == [(code, ["input", path])], wrong
    assert [one[:2] for one in await facts(company, "contact")] == [("ContactCreated", 1)]


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.SALES, Role.CUSTOMER])
async def test_only_clerks_keep_customers(companies: Companies, role: Role) -> None:
    for document, given in (
        (CREATE, {"name": "K"}),
        (ARCHIVE, {"customer": f"cus1_{ABSENT}"}),
        (CHANGE_CONTACT, {"contact": f"cnt1_{ABSENT}"}),
    ):
        found = await companies.ask(document, {"input": given}, viewer=companies.viewer(role))
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_texts_with_nul_are_refused_by_their_field(company: Companies) -> None:
    found = await company.ask(CREATE, {"input": {"name": "a\u0000b"}})
    assert found["data"]["createCustomer"]["userErrors"] == [{"path": ["input", "name"], "code": "INVALID"}]
