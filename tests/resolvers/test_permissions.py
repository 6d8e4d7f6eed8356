"""Permissions, and bad input: the path of what is refused leads from the root of the response."""

from dataclasses import replace

import pytest

from domain import ids
from domain.scopes import SCOPES
from domain.viewers import Role
from resolvers.documents import DocumentRef
from tests.resolvers.companies import Companies


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("{ customers { nodes { tier } } }", ["customers", "nodes", "tier"]),
        ("{ mine: customers { all: nodes { name rank: tier } } }", ["mine", "all", "rank"]),
        (("{ customers { ...C } } fragment C on CustomerConnection { nodes { ...D } }"
         " fragment D on Customer { name tier }"), ["customers", "nodes", "tier"]),
        ("{ customers { edges { node { ... on Node { ... on Customer { t: tier } } } } } }",
         ["customers", "edges", "node", "t"]),
        (("{ visits { nodes { ... { work: workOrder { visits { nodes { ...V } } } } } } }"
         " fragment V on Visit { pin }"), ["visits", "nodes", "work", "visits", "nodes", "pin"]),
        (("{ visits { nodes { ...V } } sites { nodes { ...S } } }"
         " fragment S on Site { geofence } fragment V on Visit { id }"), ["sites", "nodes", "geofence"]),
        ("{ sites { nodes { visits: name ... on Site { customer { tier } } accessNotes } } }",
         ["sites", "nodes", "customer", "tier"]),
        ("{ customers { nodes { tier @skip(if: true) } } }", ["customers", "nodes", "tier"]),
        ("{ customers { nodes { ... @include(if: false) { tier } } } }", ["customers", "nodes", "tier"]),
    ],
)  # fmt: skip  # a query and its path
async def test_the_path_of_a_forbidden_field(companies: Companies, query: str, path: list[str]) -> None:
    before = companies.app.reads.statements
    found = await companies.ask(query, viewer=companies.viewer(Role.CUSTOMER))

    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert found["errors"][0]["path"] == path
    assert companies.app.reads.statements == before


async def test_a_fragment_of_another_operation_refuses_nothing(companies: Companies) -> None:
    document = """
      query Mine { customers { nodes { ...Open } } }
      query Theirs { customers { nodes { ...Closed } } }
      fragment Open on Customer { name }
      fragment Closed on Customer { tier }
    """
    executor, viewer = companies.app.executor, companies.viewer(Role.CUSTOMER)
    operation = await executor.prepare(DocumentRef(document), "Mine", viewer=viewer)
    body = await executor.answer(operation, {}, viewer=viewer)

    assert body.startswith(b'{"data":{"customers":{"nodes":[{"name":')


async def test_what_is_wrong_below_a_payload_is_told_with_its_path_and_undoes_the_change(
    company: Companies,
) -> None:
    # given a visit that could be cancelled
    query = "{ visits(first: 1, where: {state: {eq: SCHEDULED}}) { nodes { id state version } } }"
    before = (await company.data(query))["visits"]["nodes"][0]
    # when a page of the payload has no size
    document = """mutation Cancel($visit: ID!, $first: Int) {
      gone: cancelVisit(input: {visit: $visit, reason: "no"}) {
        visit { id who: assignments(first: $first) { totalCount } } userErrors { code } } }"""
    found = await company.ask(document, {"visit": before["id"], "first": 0})
    # then
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert found["errors"][0]["path"] == ["gone", "visit", "who"]
    assert (await company.data(query))["visits"]["nodes"][0] == before


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
@pytest.mark.parametrize("root", ["users", "apiKeys"])
async def test_who_gets_in_is_told_to_an_admin_only(companies: Companies, role: Role, root: str) -> None:
    # As a viewer of the role; whose rows they see does not come into it.
    viewer = replace(companies.viewer(Role.ADMIN), role=role, user_id=None, scopes=SCOPES)
    found = await companies.ask(f"{{ {root} {{ totalCount }} }}", viewer=viewer)

    (error,) = found["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert (error["message"], error["path"]) == (f"Query.{root} is not for {role.value}.", [root])
    assert (await companies.data(f"{{ {root} {{ totalCount }} }}"))[root]["totalCount"] >= 0


async def test_who_is_no_admin_finds_themselves(companies: Companies) -> None:
    viewer = companies.viewer(Role.DISPATCHER)
    assert viewer.user_id is not None
    found = await companies.data("{ viewer { user { id role } } }", viewer=viewer)
    assert found["viewer"]["user"] == {"id": ids.encode("usr", viewer.user_id), "role": "DISPATCHER"}
