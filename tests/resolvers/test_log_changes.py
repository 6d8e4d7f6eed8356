"""The log for integrations: page by page or as a stream the same facts, each once, and nobody else's."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain import topics
from domain.viewers import Role, Viewer
from realtime.log import Place
from resolvers.log_changes import TOPICS, told_of
from schema.changes import SUBJECT_PREFIXES
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.listeners import listening
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.storms import Storm
from tests.resolvers.watching import rename

FACT = """cursor type topic subjectId subjectType version before payload occurredAt recordedAt origin actor
  reason"""
PAGE = f"""query P($after: Cursor, $first: Int, $types: [String!], $topics: [String!]) {{
  changes(after: $after, first: $first, types: $types, topics: $topics) {{
    cursor hasMore items {{ {FACT} }} }} }}"""
STREAM = f"""subscription C($after: Cursor, $types: [String!], $topics: [String!]) {{
  changes(after: $after, types: $types, topics: $topics) {{
    __typename ... on ChangesSnapshot {{ cursor }} ... on ChangeEvent {{ {FACT} }}
    ... on ResyncRequired {{ cursor cause }} }} }}"""
Row = dict[str, Any]


def _key(company: Companies, *scopes: str) -> Viewer:
    return replace(company.viewer(Role.INTEGRATION), scopes=frozenset({"changes:read", *scopes}))


async def _pages(company: Companies, viewer: Viewer | None = None, **given: object) -> list[list[Row]]:
    found = []
    while True:
        page = (await company.data(PAGE, given, viewer=viewer))["changes"]
        found.append(page["items"])
        given["after"] = page["cursor"]
        if not page["hasMore"]:
            return found


async def _streamed(company: Companies, viewer: Viewer | None = None, **given: object) -> list[Row]:
    viewer = viewer or company.viewer(Role.ADMIN)
    async with listening(company, STREAM, given, viewer=viewer) as listener:
        items = await listener.rest(1)
    assert {item.pop("__typename") for item in items} <= {"ChangeEvent"}
    return items


def _flat(pages: Sequence[Sequence[Row]]) -> list[Row]:
    return [item for page in pages for item in page]


async def test_pages_and_stream_tell_the_same_in_whole_transactions(company: Companies) -> None:
    start = (await company.data("{ cursor }"))["cursor"]
    async with listening(company, STREAM, viewer=company.viewer(Role.ADMIN)) as listener:
        assert (await listener.next())["__typename"] == "ChangesSnapshot"
        storms = [await Storm.over(company, number) for number in range(3)]
        assert sum(await asyncio.gather(*(one.blow(8) for one in storms))) > 8
        live = await listener.rest()
    for item in live:
        del item["__typename"]
    assert await _streamed(company, after=start) == live
    for first in (1, 3, 250):
        pages = await _pages(company, after=start, first=first)
        assert _flat(pages) == live
        cursors = company.app.services.cursors
        xids = [{cursors.decode(item["cursor"]).xid for item in page} for page in pages]
        assert sum(map(len, xids)) == len(set.union(*xids))
        assert all(len(page) >= first for page in pages[:-1])
    # when somebody goes on from any of them
    for number in range(0, len(live), 4):
        assert _flat(await _pages(company, after=live[number]["cursor"], first=9)) == live[number + 1 :]


async def test_a_fact_says_all_that_the_log_knows(company: Companies) -> None:
    stage = Stage(company, Role.ADMIN)
    start = (await company.data("{ cursor }"))["cursor"]
    order = await stage.first("workOrders", "{state: {eq: READY}}")
    await stage.make("updateWorkOrder", "workOrder", workOrder=order, title="Another", priority="LOW")
    query = f"""query P($after: Cursor) {{ changes(after: $after) {{ items {{ {FACT}
      entity {{ __typename id ... on WorkOrder {{ title }} }} }} }} }}"""
    (fact,) = (await company.data(query, {"after": start}))["changes"]["items"]
    assert fact["entity"] == {"__typename": "WorkOrder", "id": order, "title": "Another"}
    assert (fact["type"], fact["topic"], fact["subjectType"]) == (
        "WorkOrderChanged",
        "work_order",
        "WorkOrder",
    )
    assert (fact["subjectId"], fact["version"], fact["origin"]) == (order, 2, "API")
    assert set(fact["before"]) == {"title", "priority"}
    site = await stage.value("SELECT site_id FROM work_order WHERE id = $1::text::uuid", order[5:])
    assert fact["payload"]["siteId"] == f"sit1_{site}"
    assert fact["actor"] == company.viewer(Role.ADMIN).subject


async def test_only_what_was_asked_for_is_told(company: Companies) -> None:
    start = (await company.data("{ cursor }"))["cursor"]
    await (await Storm.over(company, 2)).blow(12)
    whole = _flat(await _pages(company, after=start))
    asked: list[Row] = [{"types": ["VisitScheduled"]}, {"topics": ["work_order", "milestone"]}]
    for given in asked:
        wanted = [
            item
            for item in whole
            if item["type"] in given.get("types", [item["type"]])
            and item["topic"] in given.get("topics", [item["topic"]])
        ]
        assert 0 < len(wanted) < len(whole)
        assert _flat(await _pages(company, after=start, first=2, **given)) == wanted
        assert await _streamed(company, after=start, **given) == wanted


async def test_a_key_is_told_of_what_its_scopes_let_it_read(company: Companies) -> None:
    start = (await company.data("{ cursor }"))["cursor"]
    await rename(company, "Another name")
    storm = await Storm.over(company, 2)
    await storm.blow(6)
    assert await storm.ask("createUser", name="New", email="new@a.example", role="SALES")
    found = {
        scopes: {item["topic"] for item in _flat(await _pages(company, _key(company, *scopes), after=start))}
        for scopes in ((), ("customers:read",), ("customers:read", "work:write"))
    }
    assert found[()] == set()
    assert found["customers:read",] == {"customer"}
    assert {"customer", "visit", "work_order"} <= found["customers:read", "work:write"]
    everybody = {item["topic"] for item in _flat(await _pages(company, after=start))}
    assert {"user", "customer", "visit"} <= everybody
    assert "user" not in found["customers:read", "work:write"]
    told = await _streamed(company, _key(company, "customers:read"), after=start)
    assert [item["topic"] for item in told] == ["customer"]


async def test_another_company_is_told_nothing_of_it(company: Companies) -> None:
    other = company.viewer(Role.ADMIN, second=True)
    start = (await company.data("{ cursor }"))["cursor"]
    await rename(company, "Another name")
    await rename(company, "Theirs", second=True)
    assert len(_flat(await _pages(company, after=start))) == 1
    (theirs,) = _flat(await _pages(company, other, after=start))
    assert (await _streamed(company, other, after=start)) == [theirs]


async def test_from_the_beginning_it_is_everything_that_is_kept(company: Companies) -> None:
    sql = "SELECT count(*) FROM event WHERE organization_id = $1"
    kept = await Stage(company, Role.ADMIN).value(sql, company.first.id)
    assert len(_flat(await _pages(company, first=250))) == kept


async def test_what_was_erased_is_nowhere_in_it(company: Companies) -> None:
    stage = Stage(company, Role.ADMIN)
    customer = await stage.first("customers")
    given: Row = {"name": "Wilhelmina Quux", "email": "w.quux@a.example", "phone": "+358401234567"}
    contact = await stage.make("createContact", "contact", customer=customer, **given)
    await stage.make("updateContact", "contact", contact=contact, name="Mina Quux")
    await stage.make("eraseContact", "contact", contact=contact)
    text = json.dumps(await _pages(company, topics=["contact"]))
    assert text.count(contact) == 3
    assert [word for word in ("Quux", "quux", "+358401234567") if word in text] == []


async def test_too_old_a_cursor_is_told_and_a_forged_one_refused(company: Companies) -> None:
    old = company.app.services.cursors.encode(Place(3, -1))
    async with connected(str(company.app.settings.database_url)) as connection:
        await connection.execute(
            "UPDATE event SET recorded_at = recorded_at - interval '31 days'"
            " WHERE (xid, n) = (SELECT xid, n FROM event ORDER BY event.xid, event.n LIMIT 1)"
        )
    found = await company.ask(PAGE, {"after": old})
    assert found["errors"][0]["extensions"]["code"] == "RESYNC_REQUIRED"
    (item,) = [one async for one in _told(company, old)]
    assert item["__typename"] == "ResyncRequired"
    assert (await company.ask(PAGE, {"after": item["cursor"]}))["data"]["changes"]["items"] == []
    for wrong in ({"after": "nonsense"}, {"first": 0}, {"first": 251}, {"topics": ["visit", "visits"]}):
        found = await company.ask(PAGE, wrong)
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", wrong


async def test_who_asks_on_and_on_stays_with_the_log_though_nothing_is_theirs(company: Companies) -> None:
    start = (await company.data("{ cursor }"))["cursor"]
    admin = company.viewer(Role.ADMIN, second=True)
    await rename(company, "Another company's", second=True)
    found = (await company.ask(PAGE, {"after": start}))["data"]["changes"]
    assert (found["items"], found["hasMore"]) == ([], False)
    theirs = (await company.ask(PAGE, {"after": start}, viewer=admin))["data"]["changes"]["items"]
    cursors = company.app.services.cursors
    assert theirs
    assert cursors.decode(found["cursor"]) >= cursors.decode(theirs[-1]["cursor"])


async def _told(company: Companies, after: str) -> Any:
    async with company.stream(STREAM, {"after": after}, viewer=company.viewer(Role.ADMIN)) as items:
        async for item in items:
            yield item


@pytest.mark.parametrize("role", [Role.MANAGER, Role.DISPATCHER, Role.SALES, Role.TECHNICIAN, Role.CUSTOMER])
async def test_the_page_is_for_admins_and_integrations(companies: Companies, role: Role) -> None:
    found = await companies.ask(PAGE, viewer=companies.viewer(role))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_two_pages_of_one_query_are_each_their_own(companies: Companies) -> None:
    query = "{ a: changes(first: 1) { items { cursor } } b: changes(first: 200) { items { cursor type } } }"
    found = await companies.data(query)
    whole = [item["cursor"] for item in found["b"]["items"]]
    assert [item["cursor"] for item in found["a"]["items"]] == whole[: len(found["a"]["items"])]
    assert 0 < len(found["a"]["items"]) < len(whole)


async def test_both_ways_answer_the_same_page(companies: Companies) -> None:
    query = f"{{ changes(first: 3) {{ cursor hasMore items {{ {FACT} entity {{ __typename id }} }} }} }}"
    compiled, plain = await companies.both_ways(query, {}, viewer=companies.viewer(Role.ADMIN))
    assert json.loads(compiled) == json.loads(plain)


def test_every_topic_is_known() -> None:
    """A topic that nobody has thought of would be told to nobody."""
    written = set[str]()
    for path in Path("domain").rglob("*.py"):
        written |= set(re.findall(r'topic="(\w+)"', path.read_text()))
    assert written - TOPICS == set()
    known = {topics.subject_table(topic) for topic in TOPICS} - {None}
    assert known - SUBJECT_PREFIXES.keys() == set()


def test_what_is_told_has_the_names_and_ids_of_the_graph() -> None:
    key = "018f0000-0000-7000-8000-000000000000"
    given = {
        "technician_id": key,
        "member_id": None,
        "planned_start": "2026",
        "sha256": "ab",
        "credential_id": key,
    }
    assert told_of(given) == {
        "technicianId": f"tec1_{key}",
        "memberId": None,
        "plannedStart": "2026",
        "sha256": "ab",
        "credentialId": key,
    }
