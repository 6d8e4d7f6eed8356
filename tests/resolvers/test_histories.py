"""An entity's history has what changed of its parts: each says what it is, and is told to whom it may be."""

import json
from typing import Any

import pytest

from domain import ids
from domain.access import audited
from domain.viewers import Role
from schema.audit import PREFIXES
from schema.entities import BACK_OFFICE
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.scopes import told_of

ENTRY = "id action entityType entityId entity { __typename id } fields { field before after withheld }"
OF = (
    "query H($id: ID!%s) { node(id: $id) { ... on %s {"
    " history(first: 250%s) { totalCount nodes { %s } } } } }"
)
VISIT = """{ visits(first: 1, where: {assignments: {some: {isLead: {eq: true}}}}) { nodes { id
  assignments { nodes { id } } workOrder { id } } } }"""
PAGE = """query P($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { node(id: $id) {
  ... on Visit { history(first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } } } }"""
BOTH = f"""query B($id: ID!, $own: ID!) {{ node(id: $id) {{ ... on Visit {{
  history(first: 7) {{ totalCount edges {{ cursor node {{ {ENTRY} }} }}
    pageInfo {{ endCursor hasNextPage }} }}
  own: history(last: 3, where: {{entityId: {{eq: $own}}}}) {{ totalCount nodes {{ {ENTRY} }} }}
  others: history(first: 3, where: {{not: {{entityType: {{eq: "Visit"}}}}}}) {{ totalCount nodes {{ id }} }}
  }} }}
  some: visits(first: 9, where: {{history: {{some: {{entityType: {{eq: "Arrival"}}}}}}}}) {{
    totalCount nodes {{ id }} }}
  none: visits(where: {{history: {{none: {{entityType: {{eq: "Assignment"}}}}}}}}) {{ totalCount }} }}"""


async def history(
    company: Companies, key: str, kind: str, *, role: Role = Role.ADMIN, own: bool = False
) -> list[dict[str, Any]]:
    where = ", where: {entityId: {eq: $own}}" if own else ""
    query = OF % (", $own: ID!" if own else "", kind, where, ENTRY)
    given = {"id": key, "own": key} if own else {"id": key}
    before = company.app.reads.statements
    found = (await company.data(query, given, viewer=company.viewer(role)))["node"]["history"]
    assert company.app.reads.statements - before <= 1  # the third who asks may share an answer
    nodes: list[dict[str, Any]] = found["nodes"]
    assert found["totalCount"] == len(nodes)
    return nodes


async def any_visit(company: Companies) -> dict[str, Any]:
    (visit,) = (await company.data(VISIT))["visits"]["nodes"]
    found: dict[str, Any] = visit
    return found


@pytest.mark.parametrize(
    "kind", ["Visit", "WorkOrder", "Technician", "Customer", "PurchaseOrder", "WorkType"]
)
async def test_it_has_its_own_changes_and_those_of_its_parts_in_order(lively: Companies, kind: str) -> None:
    """Against the whole audit, as its owner reads it."""
    graph = lively.app.executor.graph
    prefix, table = graph.types[kind].reading.prefix, graph.types[kind].table
    async with connected(str(lively.app.settings.database_url)) as owner:
        rows = await owner.fetch(
            "SELECT id, entity_id, entity_type, belongs_to FROM audit WHERE organization_id = $1",
            lively.first.id,
        )
    changes = sorted((dict(row) for row in rows), key=lambda row: row["id"], reverse=True)
    with_parts = [row["belongs_to"][0] for row in changes if row["belongs_to"]]
    own = {row["entity_id"] for row in changes if row["entity_type"] == table}
    for key in list(dict.fromkeys(one for one in with_parts if one in own))[:3]:
        wanted = [row for row in changes if key in told_of(row)]
        found = await history(lively, ids.encode(str(prefix), key), kind)

        assert [one["id"] for one in found] == [ids.encode("his", row["id"]) for row in wanted][:250]
        assert len({one["entityType"] for one in found}) > 1
        assert [one["entityType"] == kind for one in found] == [row["entity_id"] == key for row in wanted]


async def test_each_entry_says_what_it_is_of(lively: Companies) -> None:
    visit = await any_visit(lively)

    found = await history(lively, visit["id"], "Visit")

    assert {"Visit", "Assignment"} < {one["entityType"] for one in found}
    for one in found:
        if one["entity"] is not None:
            assert one["entity"] == {"__typename": one["entityType"], "id": one["entityId"]}
    (assignment, *_) = visit["assignments"]["nodes"]
    created = next(one for one in reversed(found) if one["entityId"] == assignment["id"])
    assert (created["action"], "technicianId" in {one["field"] for one in created["fields"]}) == (
        "CREATED",
        True,
    )
    of_order = await history(lively, visit["workOrder"]["id"], "WorkOrder")
    assert {visit["id"], assignment["id"]} < {one["entityId"] for one in of_order}


async def test_its_own_alone_can_be_asked_for(lively: Companies) -> None:
    visit = await any_visit(lively)

    whole = await history(lively, visit["id"], "Visit")
    own = await history(lively, visit["id"], "Visit", own=True)

    assert own == [one for one in whole if one["entityType"] == "Visit"]
    assert 0 < len(own) < len(whole)


async def test_pages_neither_miss_nor_double_a_change(lively: Companies) -> None:
    visit = await any_visit(lively)
    whole = [one["id"] for one in await history(lively, visit["id"], "Visit")]

    for size, cursor, more, end in (
        ("first", "after", "hasNextPage", "endCursor"),
        ("last", "before", "hasPreviousPage", "startCursor"),
    ):
        seen: list[str] = []
        given: dict[str, Any] = {"id": visit["id"], size: 2}
        while True:
            page = (await lively.data(PAGE, given))["node"]["history"]
            listed = [one["id"] for one in page["nodes"]]
            seen = seen + listed if size == "first" else listed + seen
            if not page["pageInfo"][more]:
                break
            given[cursor] = page["pageInfo"][end]
        assert seen == whole
    assert len(whole) > 4


@pytest.mark.parametrize("role", BACK_OFFICE)
async def test_both_ways_say_the_same(lively: Companies, role: Role) -> None:
    visit = await any_visit(lively)

    compiled, plain = await lively.both_ways(
        BOTH, {"id": visit["id"], "own": visit["id"]}, viewer=lively.viewer(role)
    )

    assert json.loads(compiled) == json.loads(plain)
    data = json.loads(compiled)["data"]
    assert data["node"]["history"]["totalCount"] > data["node"]["own"]["totalCount"] > 0
    assert data["some"]["totalCount"] > 0
    assert data["none"]["totalCount"] > 0


async def test_what_is_gone_is_told_with_what_it_was(company: Companies) -> None:
    visit = await any_visit(company)
    async with connected(str(company.app.settings.database_url)) as owner:
        part = await owner.fetchval(
            "DELETE FROM visit_part WHERE id = (SELECT id FROM visit_part WHERE visit_id = $1 LIMIT 1)"
            " RETURNING id",
            ids.split(visit["id"])[1],
        )

    latest = (await history(company, visit["id"], "Visit"))[0]

    assert [latest[name] for name in ("action", "entityType", "entityId", "entity")] == [
        "DELETED",
        "VisitPart",
        ids.encode("vpt", part),
        None,
    ]


@pytest.mark.parametrize("role", BACK_OFFICE)
async def test_a_part_is_told_to_whom_its_own_history_is_told(lively: Companies, role: Role) -> None:
    """A link to a visit, and a key of it, are not for all who see the visit."""
    async with connected(str(lively.app.settings.database_url)) as owner:
        visit = await owner.fetchval(
            "SELECT visit_id FROM tracking_link WHERE organization_id = $1 LIMIT 1", lively.first.id
        )
    key = ids.encode("vis", visit)

    told = {one["entityType"] for one in await history(lively, key, "Visit", role=role)}

    whole = {one["entityType"] for one in await history(lively, key, "Visit")}
    assert {"TrackingLink", "Credential", "VisitCost"} < whole
    hidden = {
        Role.ADMIN: set(),
        Role.MANAGER: {"Credential"},
        Role.DISPATCHER: {"Credential", "VisitCost"},
    }.get(role, {"TrackingLink", "Credential"})
    assert told == whole - hidden


@pytest.mark.parametrize("role", BACK_OFFICE)
async def test_a_parts_guarded_values_are_withheld_in_its_wholes_history_too(
    lively: Companies, role: Role
) -> None:
    orders = (await lively.data("{ purchaseOrders(first: 1) { nodes { id } } }"))["purchaseOrders"]["nodes"]

    found = await history(lively, orders[0]["id"], "PurchaseOrder", role=role)

    costs = [
        one
        for entry in found
        if entry["entityType"] == "PurchaseOrderLine"
        for one in entry["fields"]
        if one["field"] in {"unitCost", "currency"}
    ]
    assert costs
    assert all(one["withheld"] == (role == Role.DISPATCHER) for one in costs)
    assert all((one["after"] is None) == one["withheld"] for one in costs)


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.SUBCONTRACTOR, Role.TECHNICIAN])
async def test_who_is_not_of_the_back_office_is_told_nothing(lively: Companies, role: Role) -> None:
    viewer = lively.viewer(role)
    (visit, *_) = (await lively.data("{ visits(first: 1) { nodes { id } } }", viewer=viewer))["visits"][
        "nodes"
    ]

    for query in (
        OF % ("", "Visit", "", "id"),
        "query H($id: ID!) { visits(where: {history: {some: {entityId: {eq: $id}}}}) { totalCount } }",
    ):
        found = await lively.ask(query, {"id": visit["id"]}, viewer=viewer)
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    where = '{entityType: {eq: "Assignment"}}'
    found = await lively.data(f"{{ history(where: {where}) {{ totalCount }} }}", viewer=viewer)
    assert found["history"]["totalCount"] == 0


def test_its_words_for_types_and_ids_are_the_graphs(companies: Companies) -> None:
    graph = companies.app.executor.graph
    known = {table: kind for table, kind in graph.tables.items() if table in audited.tables()}

    assert {table: str(graph.types[kind].reading.prefix) for table, kind in known.items()} == PREFIXES
    said = {"".join(map(str.capitalize, table.split("_"))) for table in known}
    assert said - {"AppUser"} | {"User"} == set(known.values())
