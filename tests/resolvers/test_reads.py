"""Reads: one statement whatever the depth, pages that neither skip nor repeat, ids that give nothing away."""

from typing import Any
from uuid import uuid4

import pytest

from domain import ids
from domain.viewers import Role
from tests.resolvers.companies import Companies

NESTED = """
query Everything($where: CustomerWhere) {
  customers(first: 20, where: $where) { totalCount nodes {
    name
    contracts { nodes { number state price { amount currency } entitlements { nodes { arriveMinutes } } } }
    workOrders(first: 5) { nodes {
      number state workType { name duration skills { nodes { level skill { name } } } }
      visits { nodes {
        state planned { start end travelSeconds } arrival { occurredAt confirmedBy }
        assignments { nodes { technician {
          name position { point at }
          van { name stockLevels(first: 3) { nodes { available part { number name } } } }
        } } }
      } }
    } }
  } }
}
"""
PAGE = """
query Page($first: Int, $last: Int, $after: String, $before: String, $orderBy: [VisitOrder!]) {
  visits(first: $first, last: $last, after: $after, before: $before, orderBy: $orderBy) {
    totalCount
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
ORDERS: list[list[dict[str, str]] | None] = [
    None,
    [{"field": "STATE"}],
    [{"field": "PLANNED_START", "direction": "DESC"}],
    [{"field": "PLANNED_START", "nulls": "FIRST"}, {"field": "CREATED_AT", "direction": "DESC"}],
    [{"field": "REASON", "direction": "DESC", "nulls": "LAST"}],
]


async def test_a_nested_query_is_one_statement(companies: Companies) -> None:
    reads = companies.app.reads
    before = reads.statements
    data = await companies.data(NESTED)
    assert reads.statements - before == 1
    customers = data["customers"]["nodes"]
    assert len(customers) == 20
    assert data["customers"]["totalCount"] >= 110
    visits = [v for c in customers for w in c["workOrders"]["nodes"] for v in w["visits"]["nodes"]]
    levels = [
        level
        for visit in visits
        for assignment in visit["assignments"]["nodes"]
        for level in assignment["technician"]["van"]["stockLevels"]["nodes"]
    ]
    assert len(visits) > 20
    assert levels
    assert levels[0]["part"]["number"]


async def _walk(companies: Companies, order: Any, *, forward: bool) -> tuple[list[str], int]:
    found: list[str] = []
    size, side = ("first", "after") if forward else ("last", "before")
    cursor: str | None = None
    while True:
        page = (await companies.data(PAGE, {size: 47, side: cursor, "orderBy": order}))["visits"]
        names = [edge["node"]["id"] for edge in page["edges"]]
        found = found + names if forward else names + found
        info = page["pageInfo"]
        if not info["hasNextPage" if forward else "hasPreviousPage"]:
            return found, page["totalCount"]
        cursor = info["endCursor" if forward else "startCursor"]


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_give_every_row_once_in_both_directions(companies: Companies, order: Any) -> None:
    forward, total = await _walk(companies, order, forward=True)
    backward, _ = await _walk(companies, order, forward=False)
    assert len(forward) == len(set(forward)) == total > 150
    assert backward == forward


async def test_a_cursor_is_good_for_its_own_order_and_filter_only(companies: Companies) -> None:
    page = (await companies.data(PAGE, {"first": 3}))["visits"]
    cursor = page["pageInfo"]["endCursor"]
    tampered = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for wrong, order in (
        (cursor, [{"field": "STATE"}]),
        (tampered, None),
        ("nonsense", None),
        (cursor[:-1], None),
    ):
        found = await companies.ask(PAGE, {"first": 3, "after": wrong, "orderBy": order})
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", wrong


@pytest.mark.parametrize("sizes", [{"first": 0}, {"first": 251}, {"last": -1}, {"first": 5, "last": 5}])
async def test_a_page_has_1_to_250_rows_from_one_end(companies: Companies, sizes: dict[str, int]) -> None:
    found = await companies.ask(PAGE, sizes)
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_foreign_id_answers_like_an_absent_one(companies: Companies) -> None:
    query = "query N($id: ID!) { node(id: $id) { id __typename } customer(id: $id) { name } }"
    foreign = (
        await companies.data(
            "{ customers(first: 1) { nodes { id } } }", viewer=companies.viewer(Role.ADMIN, second=True)
        )
    )["customers"]["nodes"][0]["id"]
    absent = ids.encode("cus", uuid4())
    assert await companies.ask(query, {"id": foreign}) == await companies.ask(query, {"id": absent})
    assert await companies.data(query, {"id": foreign}) == {"node": None, "customer": None}


@pytest.mark.parametrize(
    "text", ["", "x", "cus1_", "cus1_123", "cus2_" + str(uuid4()), "CUS1_" + str(uuid4())]
)
async def test_a_malformed_id_is_bad_input(companies: Companies, text: str) -> None:
    found = await companies.ask("query N($id: ID!) { node(id: $id) { id } }", {"id": text})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_every_type_of_node_is_found_by_its_id(companies: Companies) -> None:
    graph = companies.app.executor.graph
    for name, field in graph.roots.items():
        shape = graph.types.get(str(field.target))
        if type(field.source).__name__ != "All" or shape is None or shape.reading.prefix is None:
            continue
        rows = (await companies.data(f"{{ {name}(first: 1) {{ nodes {{ id }} }} }}"))[name]["nodes"]
        for row in rows:
            found = await companies.data("query N($id: ID!) { node(id: $id) { id __typename } }", row)
            assert found["node"] == {"id": row["id"], "__typename": shape.name}


async def test_filters_reach_over_edges(companies: Companies) -> None:
    query = """query V($where: VisitWhere!) {
      visits(where: {and: [{state: {neq: COMPLETED}}, $where]}, first: 250) {
        totalCount nodes { id state customer { name } } } }"""

    async def asked(where: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await companies.data(query, {"where": where}))["visits"]["nodes"]
        return found

    everything = await asked({})
    name = everything[0]["customer"]["name"]
    either = [{"state": {"in": ["SCHEDULED"]}}, {"not": {"state": {"eq": "SCHEDULED"}}}]
    found = await asked({"customer": {"name": {"eq": name}}, "or": either})
    assert found == [visit for visit in everything if visit["customer"]["name"] == name]
    led = await asked({"assignments": {"some": {"technician": {"code": {"isNull": False}}}}})
    alone = await asked({"assignments": {"none": {}}})
    assert len(everything) == len(led) + len(alone) >= 150
    assert led
    assert alone


async def test_names_of_wild_cards_are_letters(companies: Companies) -> None:
    query = "query C($text: String!) { customers(where: {name: {contains: $text}}) { totalCount } }"
    assert (await companies.data(query, {"text": "%"}))["customers"]["totalCount"] == 0
    assert (await companies.data(query, {"text": "_"}))["customers"]["totalCount"] == 0


async def test_what_cannot_be_compiled_is_answered_the_plain_way(companies: Companies) -> None:
    alias = "x" * 80
    executor = companies.app.executor
    data = await companies.data(f"{{ {alias}: customers(first: 1) {{ nodes {{ name }} }} }}")
    assert len(data[alias]["nodes"]) == 1
    assert executor.uncompiled.pop("long alias") == 1


async def test_introspection_is_answered(companies: Companies) -> None:
    executor = companies.app.executor
    data = await companies.data("{ __schema { queryType { name } } }")
    assert data == {"__schema": {"queryType": {"name": "Query"}}}
    executor.uncompiled.clear()


async def test_bombs_are_refused(companies: Companies) -> None:
    chain = " ".join(f"fragment F{n} on Customer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    bomb = f"{{ customers {{ nodes {{ ...F0 }} }} }} {chain} fragment F30 on Customer {{ name }}"
    found = await companies.ask(bomb)
    assert found["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"
    deep = "{ customers { nodes " + "{ sites { nodes { customer " * 8 + "{ name }" + " } } }" * 8 + " } }"
    assert (await companies.ask(deep))["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"


async def test_nodes_keep_the_order_and_say_null_for_a_miss(companies: Companies) -> None:
    found = await companies.data("{ customers(first: 2) { nodes { id } } visits(first: 1) { nodes { id } } }")
    first, second = (node["id"] for node in found["customers"]["nodes"])
    visit, absent = found["visits"]["nodes"][0]["id"], ids.encode("cus", uuid4())
    query = """query N($ids: [ID!]!) {
      nodes(ids: $ids) { id __typename ... on Visit { state site { name } } ... on Customer { name } } }"""
    before = companies.app.reads.statements
    nodes = (await companies.data(query, {"ids": [second, absent, visit, first, second]}))["nodes"]
    assert companies.app.reads.statements - before == 1
    assert [node and node["id"] for node in nodes] == [second, None, visit, first, second]
    assert nodes[2]["site"]["name"]
    assert (await companies.data(query, {"ids": []})) == {"nodes": []}
    found = await companies.ask(query, {"ids": [first] * 251})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_filter_by_id_wants_an_id_of_its_own_type(companies: Companies) -> None:
    row = (await companies.data("{ customers(first: 1) { nodes { id } } }"))["customers"]["nodes"][0]["id"]
    query = "query C($id: ID!) { customers(where: {id: {in: [$id]}}) { totalCount } }"
    assert (await companies.data(query, {"id": row}))["customers"]["totalCount"] == 1
    found = await companies.ask(query, {"id": row.replace("cus", "vis")})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
