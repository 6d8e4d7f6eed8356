"""Entities: what a gateway asks for by representations, and what is found by the keys of other systems."""

from collections.abc import Mapping
from dataclasses import replace
from json import loads
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLUnionType, parse
from graphql.language import ObjectTypeDefinitionNode, SchemaExtensionNode

from domain import ids
from domain.customers import ExternalId
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from tests.resolvers.companies import START, Companies

ENTITIES = """query E($representations: [_Any!]!) { _entities(representations: $representations) {
  __typename ... on Node { id } ... on Visit { state site { name } }
  ...Known } }
  fragment Known on Customer { name sites { nodes { id } } }"""
SAMPLE = "{ customers(first: 2) { nodes { id } } visits(first: 1) { nodes { id } } }"
KNOWN = """query K($system: String!, $key: String!) {
  customerByExternalId(system: $system, key: $key) { id externalIds { system key } } }"""
KNOWN_SITE = (
    "query S($system: String!, $key: String!) { siteByExternalId(system: $system, key: $key) { id } }"
)
KEYS = """{ customers(first: 250) { nodes { id name externalIds {
  system key entity { __typename id ... on Customer { name sites { nodes { name } } } ... on Part { number } }
} } } }"""


def represented(kind: str, key: str) -> dict[str, Any]:
    return {"__typename": kind, "id": key}


async def test_entities_of_many_types_are_one_statement_in_order(companies: Companies) -> None:
    found = await companies.data(SAMPLE)
    first, second = (node["id"] for node in found["customers"]["nodes"])
    visit, absent = found["visits"]["nodes"][0]["id"], ids.encode("cus", uuid4())
    asked = [
        *(represented("Customer", key) for key in (second, absent)),
        represented("Visit", visit),
        *(represented("Customer", key) for key in (first, second)),
    ]
    before = companies.app.reads.statements
    # when
    entities = (await companies.data(ENTITIES, {"representations": asked}))["_entities"]
    # then
    assert companies.app.reads.statements - before == 1
    assert [one and (one["__typename"], one["id"]) for one in entities] == [
        ("Customer", second),
        None,
        ("Visit", visit),
        ("Customer", first),
        ("Customer", second),
    ]
    assert entities[2]["site"]["name"]
    assert entities[0]["sites"]["nodes"]
    assert await companies.data(ENTITIES, {"representations": []}) == {"_entities": []}


async def test_a_representation_in_the_document_is_one_as_well(companies: Companies) -> None:
    key = (await companies.data(SAMPLE))["customers"]["nodes"][0]["id"]
    query = """query E($one: _Any!, $key: String!) { _entities(
      representations: [$one, {__typename: "Customer", id: $key}]) { ... on Customer { id } } }"""
    data = await companies.data(query, {"one": represented("Customer", key), "key": key})
    assert data == {"_entities": [{"id": key}, {"id": key}]}


async def test_a_customer_gets_no_entity_of_another(companies: Companies) -> None:
    viewer = companies.viewer(Role.CUSTOMER)
    own = (await companies.data("{ viewer { customer { id } } }", viewer=viewer))["viewer"]["customer"]["id"]
    everyone = (await companies.data("{ customers(first: 20) { nodes { id } } }"))["customers"]["nodes"]
    asked = [represented("Customer", node["id"]) for node in everyone if node["id"] != own]
    asked.append(represented("Customer", own))
    parts = (await companies.data("{ parts(first: 1) { nodes { id } } }"))["parts"]["nodes"]
    asked += [represented("Part", node["id"]) for node in parts]
    query = "query E($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Node { id } } }"
    for role, seen in ((Role.ADMIN, len(asked)), (Role.CUSTOMER, 1)):
        found = (await companies.data(query, {"r": asked}, viewer=companies.viewer(role)))["_entities"]
        assert len([one for one in found if one is not None]) == seen
    assert found[-2] == {"__typename": "Customer", "id": own}
    # and a field that is not theirs is refused, whatever the row
    secret = "query E($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { tier } } }"
    refused = await companies.ask(secret, {"r": asked}, viewer=viewer)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert refused["errors"][0]["path"] == ["_entities", "tier"]


@pytest.mark.parametrize("role", list(Role))
async def test_entities_are_the_rows_that_the_role_sees(companies: Companies, role: Role) -> None:
    every = await companies.data(
        "{ visits(first: 250) { nodes { id } } assignments(first: 1) { nodes { id } } }"
    )
    names = [node["id"] for node in every["visits"]["nodes"]]
    viewer = companies.viewer(Role.CUSTOMER)
    if role == Role.TRACKING:
        viewer = replace(viewer, role=role, customer_id=None, visit_id=ids.decode("vis", names[0]))
    else:
        viewer = companies.viewer(role)
    query = """query E($r: [_Any!]!, $ids: [ID!]) {
      _entities(representations: $r) { ... on Visit { id } }
      visits(first: 250, where: {id: {in: $ids}}) { nodes { id } } }"""
    asked = {"r": [represented("Visit", name) for name in names], "ids": names}
    found = await companies.data(query, asked, viewer=viewer)
    seen = {one["id"] for one in found["_entities"] if one is not None}
    assert seen == {node["id"] for node in found["visits"]["nodes"]}
    narrow = role in {Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.CUSTOMER, Role.TRACKING}
    assert (len(seen) < len(names)) == narrow
    assert (role != Role.TRACKING) or seen == {names[0]}


async def test_another_companys_entity_is_absent(companies: Companies) -> None:
    key = (await companies.data(SAMPLE))["customers"]["nodes"][0]["id"]
    other = companies.viewer(Role.ADMIN, second=True)
    asked = {"representations": [represented("Customer", key)]}
    assert await companies.data(ENTITIES, asked, viewer=other) == {"_entities": [None]}


GOOD = ids.encode("cus", uuid4())


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": GOOD},
        {"__typename": "Nothing", "id": GOOD},
        {"__typename": "PageInfo", "id": GOOD},
        {"__typename": "Position", "id": GOOD},
        {"__typename": ["Customer"], "id": GOOD},
        {"__typename": "Customer"},
        {"__typename": "Customer", "id": 7},
        {"__typename": "Customer", "id": "cus1_7"},
        {"__typename": "Visit", "id": GOOD},
        "Customer",
        7,
        [represented("Customer", GOOD)],
    ],
)
async def test_what_represents_nothing_is_bad_input(companies: Companies, wrong: object) -> None:
    good = represented("Customer", GOOD)
    for asked in ([wrong], [good, wrong]):
        found = await companies.ask(ENTITIES, {"representations": asked})
        assert "data" not in found
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", asked


async def test_at_most_250_entities_at_once(companies: Companies) -> None:
    asked = [represented("Customer", GOOD)] * 251
    found = await companies.ask(ENTITIES, {"representations": asked})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await companies.data(ENTITIES, {"representations": asked[:250]}) == {"_entities": [None] * 250}


async def test_a_plan_serves_all_representations_of_the_same_types(companies: Companies) -> None:
    executor, one = companies.app.executor, represented("Customer", GOOD)
    other = represented("Customer", ids.encode("cus", uuid4()))
    visit = represented("Visit", ids.encode("vis", uuid4()))

    async def plans(*asked: Mapping[str, Any]) -> int:
        alone = ENTITIES.replace("query E", "query Alone")  # no other test has asked it
        await companies.data(alone, {"representations": list(asked)})
        return len(executor.plans)

    executor.plans._values.clear()  # full of other tests' plans, it lets one go for each that comes
    executor.plans.bytes = 0
    of_customers = await plans(one)
    assert await plans(other) == await plans(one, other, one) == of_customers
    assert await plans(one, visit) == of_customers + 1
    assert await plans(visit, other, one) == of_customers + 1


async def test_the_subgraph_says_its_keys(companies: Companies) -> None:
    executor = companies.app.executor
    sdl = (await companies.data("{ _service { sdl __typename } }"))["_service"]["sdl"]
    document = parse(sdl)
    # then every type with an id has it for a key, and every directive that is applied is imported
    keyed, applied, imported = set(), set(), ""
    for node in document.definitions:
        if isinstance(node, ObjectTypeDefinitionNode):
            names = {directive.name.value for directive in node.directives or ()}
            applied |= names
            if "key" in names:
                keyed.add(node.name.value)
            assert not node.name.value.startswith("_")
        if isinstance(node, SchemaExtensionNode):
            imported = str(
                [argument.value.to_dict() for argument in (node.directives or ())[0].arguments or ()]
            )
    assert keyed == set(executor.graph.prefixes.values())
    assert applied == {"key", "shareable"}
    assert all(f"@{name}" in imported for name in applied)
    union = executor.graph.executable.type_map["_Entity"]
    assert isinstance(union, GraphQLUnionType)
    assert {kind.name for kind in union.types} == keyed


async def test_the_key_of_another_system_leads_to_its_row_and_back(companies: Companies) -> None:
    customers = (await companies.data(KEYS))["customers"]["nodes"]
    known = [customer for customer in customers if customer["externalIds"]]
    assert known
    for customer in known[:3]:
        (key,) = customer["externalIds"]
        assert key["entity"]["__typename"] == "Customer"
        assert (key["entity"]["id"], key["entity"]["name"]) == (customer["id"], customer["name"])
        named = {"system": key["system"], "key": key["key"]}
        before = companies.app.reads.statements
        found = (await companies.data(KNOWN, named))["customerByExternalId"]
        assert companies.app.reads.statements - before == 1
        assert found == {"id": customer["id"], "externalIds": [named]}
        # and it is no key of anything else, anywhere else, or for anybody else
        assert await companies.data(KNOWN_SITE, named) == {"siteByExternalId": None}
        for viewer in (companies.viewer(Role.ADMIN, second=True), companies.viewer(Role.TECHNICIAN)):
            theirs = (await companies.data(KNOWN, named, viewer=viewer))["customerByExternalId"]
            assert theirs is None or theirs["id"] != customer["id"]
    absent = {"system": known[0]["externalIds"][0]["system"], "key": "no such key"}
    assert await companies.data(KNOWN, absent) == {"customerByExternalId": None}


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.TRACKING])
async def test_customers_do_not_ask_by_keys_of_other_systems(companies: Companies, role: Role) -> None:
    viewer = replace(companies.viewer(Role.CUSTOMER), role=role)
    found = await companies.ask(KNOWN, {"system": "crm", "key": "1"}, viewer=viewer)
    assert "data" not in found
    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("FORBIDDEN", ["customerByExternalId"])


async def test_keys_lead_to_rows_of_every_kind(company: Companies) -> None:
    kinds = {"customer": "Customer", "site": "Site", "contract": "Contract", "part": "Part"}
    kinds |= {"work_order": "WorkOrder", "technician": "Technician"}
    roots = {table: kind[0].lower() + kind[1:] for table, kind in kinds.items()}
    sample = " ".join(f"{root}s(first: 1) {{ nodes {{ id }} }}" for root in roots.values())
    rows = {name: found["nodes"][0]["id"] for name, found in (await company.data(f"{{ {sample} }}")).items()}
    # given a key of the same letters for a row of each kind, and for something that is not in the graph
    keys = {}
    async with UnitOfWork(company.app.services.engine, company.viewer(Role.ADMIN), START) as work:
        for table, root in roots.items():
            entity = UUID(rows[f"{root}s"].partition("_")[2])
            keys[table] = work.add(ExternalId(system="erp", key="K1", entity_type=table, entity_id=entity))
        keys["event"] = work.add(ExternalId(system="erp", key="K1", entity_type="event", entity_id=uuid4()))
    # when
    asked = " ".join(f'{root}ByExternalId(system: "erp", key: "K1") {{ id }}' for root in roots.values())
    found = await company.data(f"{{ {asked} }}")
    # then
    assert found == {f"{root}ByExternalId": {"id": rows[f"{root}s"]} for root in roots.values()}
    back = """query B($ids: [ID!]!) { nodes(ids: $ids) { ... on ExternalId { entity { __typename id
      ... on Customer { name } ... on WorkOrder { number visits { totalCount } }
      ... on Technician { code skills { nodes { skill { name } } } } } } } }"""
    asking = {"ids": [ids.encode("ext", key.id) for key in keys.values()]}
    compiled, plain = await company.both_ways(back, asking, viewer=company.viewer(Role.SALES))
    nodes = loads(compiled)["data"]["nodes"]
    assert loads(plain)["data"]["nodes"] == nodes
    assert nodes[-1] == {"entity": None}
    assert [(node["entity"]["__typename"], node["entity"]["id"]) for node in nodes[:-1]] == [
        (kinds[table], rows[f"{root}s"]) for table, root in roots.items()
    ]
    assert nodes[-2]["entity"]["skills"]["nodes"]
    # and field scope holds in the fragments
    cost = "query C($ids: [ID!]!) { nodes(ids: $ids) { ... on ExternalId { entity { ...T } } } }"
    cost += " fragment T on Technician { hourlyCost { amount } }"
    refused = await company.ask(cost, asking, viewer=company.viewer(Role.SALES))
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
