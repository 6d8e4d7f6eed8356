"""Milestones in the graph: what was promised, what is left of it, and who sees it."""

from datetime import datetime
from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import START, Companies
from tests.resolvers.test_customers import facts, foreign, made, refusal

CLOCKS = """milestones { nodes { kind state target startedAt dueAt warnAt warnedAt pausedAt metAt breachedAt
  remainingSeconds coverageOpens coverageCloses coverageWeekdays timeZone contract { number } } }"""
ASK = f"""mutation C($input: CreateWorkOrderInput!) {{ createWorkOrder(input: $input) {{
  workOrder {{ id dueAt coverageMinutesLeft contract {{ number }} entitlement {{ name }} asset {{ id }}
    {CLOCKS} }}
  visit {{ id }} userErrors {{ path code }} }} }}"""
HOLD = f"""mutation H($input: HoldWorkOrderInput!) {{ holdWorkOrder(input: $input) {{
  workOrder {{ id dueAt {CLOCKS} }} userErrors {{ path code }} }} }}"""
UPDATE = """mutation U($input: UpdateWorkOrderInput!) { updateWorkOrder(input: $input) {
  workOrder { dueAt asset { id } contract { number } } userErrors { path code } } }"""
PLACE = {"name": "Hall", "address": "Street 1", "location": {"type": "Point", "coordinates": [24.9, 60.2]}}


class Shop:
    """A company with a new customer under two contracts; one of them names the boiler at the site."""

    def __init__(self, company: Companies) -> None:
        self.company = company

    async def do(self, mutation: str, answer: str, **given: object) -> Any:
        kind = mutation[0].upper() + mutation[1:]
        query = (
            f"mutation M($input: {kind}Input!) {{ {mutation}(input: $input)"
            f" {{ {answer} userErrors {{ path code message }} }} }}"
        )
        payload = (await self.company.data(query, {"input": given}))[mutation]
        assert payload["userErrors"] == [], payload["userErrors"]
        return payload

    async def open(self) -> "Shop":
        self.customer = (await made(self.company))["id"]
        site = await self.do(
            "createSite", "site { id }", customer=self.customer, timeZone="Europe/Helsinki", **PLACE
        )
        self.site = site["site"]["id"]
        asset = await self.do("createAsset", "asset { id }", site=self.site, name="Boiler")
        self.asset = asset["asset"]["id"]
        found = await self.company.data("{ workTypes(first: 1) { nodes { id } } }")
        self.kind = found["workTypes"]["nodes"][0]["id"]
        self.usual = await self.agree("K-1")
        self.special = await self.agree("K-2", assets=[self.asset])
        return self

    async def agree(self, number: str, **given: object) -> str:
        term = {"startsOn": "2026-11-01", "endsOn": "2027-10-31", "price": "1200"}
        answer = "contract { id }"
        made_one = await self.do(
            "createContract", answer, customer=self.customer, number=number, name="Care", **term, **given
        )
        key: str = made_one["contract"]["id"]
        await self.do(
            "addEntitlement",
            answer,
            contract=key,
            name=f"Office hours of {number}",
            respondMinutes=60,
            arriveMinutes=120,
            coverageOpens="08:00",
            coverageCloses="16:00",
            coverageWeekdays="12345",
        )
        await self.do("activateContract", answer, contract=key)
        return key

    def need(self, **given: object) -> dict[str, object]:
        return {"site": self.site, "workType": self.kind, "title": "It leaks", **given}

    async def ask(self, **given: object) -> dict[str, Any]:
        found = (await self.company.data(ASK, {"input": self.need(**given)}))["createWorkOrder"]
        assert found["userErrors"] == []
        order: dict[str, Any] = found["workOrder"]
        return order


@pytest.fixture
async def shop(company: Companies) -> Shop:
    return await Shop(company).open()


async def test_a_work_order_is_under_the_contract_that_covers_it_unless_somebody_says_otherwise(
    shop: Shop,
) -> None:
    order = await shop.ask()
    assert (order["contract"], order["asset"]) == ({"number": "K-1"}, None)
    assert order["entitlement"] == {"name": "Office hours of K-1"}
    clocks = {row["kind"]: row for row in order["milestones"]["nodes"]}
    assert set(clocks) == {"RESPOND", "ARRIVE"}
    # The demo begins at eight in the morning there, and has run for some seconds.
    arrive = clocks["ARRIVE"]
    begun = datetime.fromisoformat(arrive["startedAt"])
    assert begun >= START
    assert (datetime.fromisoformat(arrive["dueAt"]) - begun).total_seconds() == 7200
    assert order["dueAt"] == arrive["dueAt"]
    assert (arrive["state"], arrive["target"], arrive["timeZone"]) == (
        "RUNNING",
        "PT7200S",
        "Europe/Helsinki",
    )
    assert 7100 <= arrive["remainingSeconds"] <= 7200
    assert arrive["remainingSeconds"] // 60 == order["coverageMinutesLeft"]

    assert (await shop.ask(asset=shop.asset))["contract"] == {"number": "K-2"}
    none = await shop.ask(contract=None)
    assert (none["contract"], none["dueAt"], none["milestones"]["nodes"]) == (None, None, [])
    assert (await shop.ask(contract=shop.usual, asset=shop.asset))["contract"] == {"number": "K-1"}
    for given, code, path in (
        ({"contract": shop.special}, "INVALID", "contract"),  # it names equipment
        ({"contract": await foreign(shop.company, "contracts")}, "NOT_FOUND", "contract"),
        ({"asset": await foreign(shop.company, "assets")}, "NOT_FOUND", "asset"),
    ):
        assert await refusal(shop.company, ASK, shop.need(**given)) == [(code, ["input", path])]


async def test_a_hold_is_shown_on_the_clocks_at_once(shop: Shop) -> None:
    order = await shop.ask()
    given = {"input": {"workOrder": order["id"], "reason": "No key"}}
    held = (await shop.company.data(HOLD, given))["holdWorkOrder"]
    assert held["userErrors"] == []
    clocks = held["workOrder"]["milestones"]["nodes"]
    assert [row["state"] for row in clocks] == ["PAUSED", "PAUSED"]
    assert all(row["pausedAt"] and row["remainingSeconds"] > 3500 for row in clocks)
    types = [name for name, _, _ in await facts(shop.company, "milestone")]
    assert types == ["MilestoneStarted"] * 2 + ["MilestonePaused"] * 2


async def test_equipment_has_its_service_history(shop: Shop) -> None:
    company = shop.company
    first, second = await shop.ask(asset=shop.asset), await shop.ask()
    changed = await company.data(UPDATE, {"input": {"workOrder": second["id"], "asset": shop.asset}})
    assert changed["updateWorkOrder"]["workOrder"]["asset"] == {"id": shop.asset}
    query = """query H($id: ID!) { asset(id: $id) { workOrders { nodes { id } totalCount }
      covers { nodes { contract { number } } } } }"""
    found = (await company.data(query, {"id": shop.asset}))["asset"]
    assert [row["id"] for row in found["workOrders"]["nodes"]] == [second["id"], first["id"]]
    assert found["covers"]["nodes"] == [{"contract": {"number": "K-2"}}]
    await company.data(UPDATE, {"input": {"workOrder": second["id"], "title": "It drips"}})
    gone = await company.data(UPDATE, {"input": {"workOrder": second["id"], "asset": None}})
    assert gone["updateWorkOrder"]["workOrder"] == {
        "asset": None,
        "contract": {"number": "K-1"},
        "dueAt": second["dueAt"],
    }
    elsewhere = await foreign(company, "assets")
    given = {"workOrder": second["id"], "asset": elsewhere}
    assert await refusal(company, UPDATE, given) == [("NOT_FOUND", ["input", "asset"])]


async def test_clocks_are_listed_by_when_they_are_due_in_one_statement(companies: Companies) -> None:
    query = """{ milestones(first: 50, where: {state: {eq: RUNNING}}) { totalCount nodes {
      dueAt remainingSeconds workOrder { number site { name } } contract { name } } } }"""
    before = companies.app.reads.statements
    found = (await companies.data(query))["milestones"]
    assert companies.app.reads.statements - before == 1
    due = [row["dueAt"] for row in found["nodes"]]
    assert due == sorted(due)
    assert found["totalCount"] > len(due) == 50


async def test_the_field_and_the_customer_see_the_clocks_of_their_own(companies: Companies) -> None:
    query = "{ milestones(first: 250) { nodes { workOrder { id } } } workOrders { nodes { id } } }"
    for role in (Role.TECHNICIAN, Role.CUSTOMER, Role.SALES):
        found = await companies.data(query, viewer=companies.viewer(role))
        own = {row["id"] for row in found["workOrders"]["nodes"]}
        assert found["milestones"]["nodes"]
        if role != Role.SALES:
            assert {row["workOrder"]["id"] for row in found["milestones"]["nodes"]} <= own
    stranger = companies.viewer(Role.ADMIN, second=True)
    theirs = await companies.data("{ milestones { totalCount } }", viewer=stranger)
    assert 0 < theirs["milestones"]["totalCount"] < 30
