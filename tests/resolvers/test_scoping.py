"""Scopes: a machine's key reads and writes what it was given, and no edge, filter or count leads further."""

import json
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

from domain import scopes
from domain.scopes import ANYBODY, PEOPLE, SCOPES
from domain.viewers import Role, Viewer
from resolvers import root
from resolvers.compiler.shapes import Graph
from resolvers.refusals import Refusal
from resolvers.scoping import of_field
from tests.resolvers.companies import Companies

GRAPH = Graph(root.build())
ROOTS = {"Query": GRAPH.roots, "Mutation": GRAPH.mutations, "Subscription": GRAPH.subscriptions}
FIELDS = [(kind, name) for kind, fields in ROOTS.items() for name in fields]


def machine(company: Companies, *held: str, role: Role = Role.INTEGRATION) -> Viewer:
    return replace(company.viewer(role), scopes=frozenset(held))


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_root_belongs_to_a_scope(kind: str, name: str) -> None:
    declared = GRAPH.executable.type_map[kind]
    assert isinstance(declared, GraphQLObjectType)
    needed = of_field(GRAPH, declared, name)
    allowed = ROOTS[kind][name].source.roles

    assert needed
    assert needed <= SCOPES | {ANYBODY, PEOPLE}
    if PEOPLE in needed:
        assert set(allowed or ()) == {Role.ADMIN}, "closed to keys because nobody said for which"
    if kind == "Mutation":
        assert {one.partition(":")[2] for one in needed} <= {"write", ""}


def test_every_table_that_is_shown_lies_in_an_area() -> None:
    tables = {shape.table for shape in GRAPH.types.values() if shape.reading.table is not None}
    assert [table for table in tables if scopes.of_table(table) == PEOPLE] == []
    assert scopes.of_table("unheard_of") == PEOPLE


def test_a_root_that_says_nothing_is_closed() -> None:
    query = GRAPH.executable.query_type
    assert query is not None
    source = GRAPH.roots["cursor"].source
    object.__setattr__(source, "scope", None)
    try:
        assert of_field(GRAPH, query, "cursor") == {PEOPLE}
    finally:
        object.__setattr__(source, "scope", ANYBODY)
    assert isinstance(GRAPH.executable.type_map["Node"], GraphQLInterfaceType)


@pytest.mark.parametrize(
    ("held", "query", "missing", "path"),
    [
        ("stock:read", "{ customers { nodes { name } } }", "customers:read", ["customers"]),
        ("customers:read", "{ customers { nodes { visits { totalCount } } } }", "work:read",
         ["customers", "nodes", "visits"]),
        ("customers:read", "{ a: customers { nodes { b: openWorkOrderCount } } }", "work:read",
         ["a", "nodes", "b"]),
        ("customers:read", "{ customers { nodes { latestVisit { id } } } }", "work:read",
         ["customers", "nodes", "latestVisit"]),
        ("customers:read", "{ customers(where: {contracts: {some: {}}}) { totalCount } }", "contracts:read",
         ["customers"]),
        ("customers:read", ("{ customers(where: {not: {and: [{or: [{sites: {every: {customer: {visits:"
         " {none: {state: {eq: COMPLETED}}}}}}}]}]}}) { totalCount } }"), "work:read", ["customers"]),
        ("customers:read", ("{ customers { nodes { ...F } } } fragment F on Customer { assets { nodes {"
         "site { visits { totalCount } } } } }"), "work:read",
         ["customers", "nodes", "assets", "nodes", "site", "visits"]),
        ("work:read", "{ visits { nodes { history { totalCount } } } }", "history:read",
         ["visits", "nodes", "history"]),
        ("technicians:read", "{ technicians { nodes { position { at } } } }", "positions:read",
         ["technicians", "nodes", "position"]),
        ("work:read", "{ visits { nodes { arrival { occurredAt evidence } } } }", "positions:read",
         ["visits", "nodes", "arrival", "evidence"]),
        ("plans:write", "{ plans { nodes { changes { nodes { visit { id } } } } } }", "work:read",
         ["plans", "nodes", "changes", "nodes", "visit"]),
        ("customers:read", 'mutation { createCustomer(input: {name: "X"}) { userErrors { code } } }',
         "customers:write", ["createCustomer"]),
        ("positions:write", "mutation { reportPositions(input: {positions: []}) { technician { id } } }",
         "technicians:read", ["reportPositions", "technician"]),
        ("imports:write", "mutation { upsertParts(input: {rows: [], mode: ALL}) { userErrors { code } } }",
         "stock:write", ["upsertParts"]),
    ],
)  # fmt: skip  # a key, what it asks, what is missing, and where
async def test_what_lies_beyond_a_scope_is_forbidden_by_its_name(
    companies: Companies, held: str, query: str, missing: str, path: list[str]
) -> None:
    before = companies.app.reads.statements
    found = await companies.ask(query, viewer=machine(companies, held))

    (error,) = found["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["message"].endswith(f" needs the scope {missing}.")
    assert error["path"] == path
    assert companies.app.reads.statements == before
    whole = await companies.ask(query, viewer=machine(companies, held, *SCOPES))
    assert [one for one in whole.get("errors", []) if one["extensions"]["code"] == "FORBIDDEN"] == []


@pytest.mark.parametrize("query", ['{ node(id: "%s") { id } }', '{ nodes(ids: ["%s"]) { __typename } }'])
async def test_a_node_of_any_type_takes_every_read_scope(companies: Companies, query: str) -> None:
    key = (await companies.data("{ customers(first: 1) { nodes { id } } }"))["customers"]["nodes"][0]["id"]
    assert GRAPH.executable.query_type is not None
    every = of_field(GRAPH, GRAPH.executable.query_type, "node")
    assert every == {f"{area}:read" for area in scopes.AREAS if area != "positions"} | {
        scopes.HISTORY,
        ANYBODY,
    }

    found = await companies.data(query % key, viewer=machine(companies, *every))
    assert next(iter(found.values())) not in (None, [None])
    for missing in every - {ANYBODY}:
        refused = await companies.ask(query % key, viewer=machine(companies, *every - {missing}))
        assert refused["errors"][0]["message"].endswith(f" needs the scope {missing}."), missing
    refused = await companies.ask(
        query % key, viewer=machine(companies, *every - {"stock:read", "work:read"})
    )
    assert refused["errors"][0]["message"].endswith(" needs the scopes stock:read, work:read.")


async def test_who_writes_an_area_reads_it_and_everybody_knows_who_they_are(companies: Companies) -> None:
    viewer = machine(companies, "stock:write")

    found = await companies.data(
        "{ viewer { role scopes user { id } } parts { totalCount } cursor }", viewer=viewer
    )
    assert found["viewer"] == {"role": "INTEGRATION", "scopes": ["stock:write"], "user": None}
    assert found["parts"]["totalCount"] > 0


async def test_a_key_of_a_role_is_limited_by_its_scopes_and_a_person_is_not(companies: Companies) -> None:
    query = "{ visits { totalCount } }"
    limited = await companies.ask(query, viewer=machine(companies, "stock:read", role=Role.DISPATCHER))
    bare = await companies.ask(query, viewer=machine(companies))

    assert limited["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert bare["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await companies.data(query, viewer=companies.viewer(Role.DISPATCHER)))["visits"]["totalCount"] > 0


async def test_a_subscription_needs_its_scope(companies: Companies) -> None:

    query: Any = "subscription { scheduleChanges { __typename } }"
    with pytest.raises(Refusal) as refused:
        async with companies.stream(query, viewer=machine(companies, "work:read")) as items:
            await anext(items)
    assert refused.value.errors[0]["message"] == "Subscription.scheduleChanges needs the scope changes:read."


TYPES = "{ history(first: 250, where: %s) { totalCount nodes { entityType fields { field after } } } }"
LED = """{ visits(first: 1, where: {assignments: {some: {isLead: {eq: true}}}}) { nodes {
  assignments { nodes { technician { id } } } } } }"""
OF = """query O($id: ID!) { technicians(where: {id: {eq: $id}}) { nodes { history(first: 250) { totalCount
  nodes { entityType } } } }
  led: technicians(where: {history: {some: {entityType: {eq: "Assignment"}}}}) { totalCount } }"""


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (["history:read"], {"Organization"}),
        (["history:read", "stock:read"], {"Organization", "Part", "StockLevel", "StockLocation"}),
        (["history:read", "technicians:write"], {"Organization", "Technician", "Territory", "Skill"}),
    ],
    ids=str,
)
async def test_a_key_reads_history_of_the_areas_that_it_may_read(
    companies: Companies, held: list[str], told: set[str]
) -> None:
    """A person asks the same before and after: a kept statement is not handed from one to the other."""
    names = '{entityType: {in: ["Organization", "Customer", "Visit", "Contact", "Part", "StockLevel", %s]}}'
    query = TYPES % (names % '"StockLocation", "Technician", "Territory", "Skill", "Credential"')
    person = companies.viewer(Role.MANAGER)
    before = (await companies.data(query, viewer=person))["history"]

    compiled, plain = await companies.both_ways(query, {}, viewer=machine(companies, *held))

    found = json.loads(compiled)["data"]["history"]
    assert json.loads(plain)["data"]["history"] == found
    assert {one["entityType"] for one in found["nodes"]} <= told
    assert found["totalCount"] == await _changes(companies, told)
    assert 0 < found["totalCount"] < before["totalCount"]
    assert (await companies.data(query, viewer=person))["history"] == before


async def _changes(companies: Companies, kinds: set[str]) -> int:
    where = json.dumps(sorted(kinds))
    query = f"{{ history(first: 1, where: {{entityType: {{in: {where}}}}}) {{ totalCount }} }}"
    found: int = (await companies.data(query, viewer=companies.viewer(Role.INTEGRATION)))["history"][
        "totalCount"
    ]
    return found


async def test_a_rows_history_tells_a_key_of_the_parts_that_it_may_read(companies: Companies) -> None:
    (visit,) = (await companies.data(LED))["visits"]["nodes"]
    given = {"id": visit["assignments"]["nodes"][0]["technician"]["id"]}
    few = machine(companies, "history:read", "technicians:read")
    more = machine(companies, "history:read", "technicians:read", "work:read")

    narrow, plainly = await companies.both_ways(OF, given, viewer=few)
    whole = await companies.data(OF, given, viewer=more)

    found = json.loads(narrow)["data"]
    assert json.loads(plainly)["data"] == found
    kinds = [one["entityType"] for one in found["technicians"]["nodes"][0]["history"]["nodes"]]
    every = [one["entityType"] for one in whole["technicians"]["nodes"][0]["history"]["nodes"]]
    assert "Technician" in kinds
    assert {"Arrival", "Assignment"} <= set(every)
    assert kinds == [one for one in every if one not in {"Arrival", "Assignment"}]
    assert (found["led"]["totalCount"], whole["led"]["totalCount"] > 0) == (0, True)
