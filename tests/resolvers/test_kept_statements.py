"""What is kept from one request to the next: bounded, nobody's words in it, and never another's answer."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from domain.viewers import Role
from resolvers.context import Context, Inputs
from resolvers.documents import TREE_BYTES, DocumentRef
from resolvers.questions import bindings_of
from tests.resolvers.companies import Companies

UNKNOWN = "01a206fd-6700-7905-bd5c-a22426ab97f1"
ENTITIES = (
    "query($given: [_Any!]!) { _entities(representations: $given) @skip(if: true) { __typename } cursor }"
)


async def _code(companies: Companies, query: str, variables: dict[str, Any]) -> str:
    found = await companies.ask(query, variables)
    assert "data" not in found or found["data"] is None, found
    return str(found["errors"][0]["extensions"]["code"])


async def test_a_clients_words_are_no_part_of_a_plans_key(companies: Companies) -> None:
    executor = companies.app.executor
    await companies.data(ENTITIES, {"given": []})
    before = len(executor.plans)

    for number in range(20):
        await companies.data(ENTITIES, {"given": [{"__typename": f"Made{number}", f"key{number}": number}]})

    assert len(executor.plans) == before


async def test_a_plan_is_counted_with_the_document_that_it_holds(companies: Companies) -> None:
    executor, comment = companies.app.executor, "#" + "x" * 50_000
    before = executor.plans.bytes

    await companies.data(f"{{ viewer {{ role }} }} {comment}")

    assert executor.plans.bytes - before > len(comment) * TREE_BYTES


async def test_a_kept_statement_holds_nobodys_values(companies: Companies) -> None:
    executor, viewer = companies.app.executor, companies.viewer(Role.DISPATCHER)
    query = (
        "query($where: CustomerWhere, $first: Int) { customers(where: $where, first: $first) { totalCount } }"
    )
    given = {"where": {"name": {"contains": "somebody's secret"}}, "first": 3}
    operation = await executor.prepare(DocumentRef(query), None, viewer=viewer)
    variables = operation.variables.coerce(given)
    statement = executor._compiled(operation, variables, viewer)
    bindings = bindings_of(Context(viewer, companies.app.services), variables)
    bindings.readers = statement.readers
    statement.parameters(bindings)

    held = [cell.cell_contents for reader in statement.readers.values() for cell in reader.__closure__ or ()]

    assert statement.readers
    assert "somebody's secret" not in repr(held)


@pytest.mark.parametrize("root", ["node", "customer"])
async def test_a_malformed_id_is_refused_whoever_asked_before(companies: Companies, root: str) -> None:
    query = f"query($id: ID!) {{ {root}(id: $id) {{ id }} }}"
    for wrong in (
        "garbage",
        f"a-b1_{UNKNOWN}",
        f"ééé1_{UNKNOWN}",
        f"cus1_{UNKNOWN}\n",
        "garbage",
        f"cus2_{UNKNOWN}",
    ):
        assert await _code(companies, query, {"id": wrong}) == "BAD_USER_INPUT", wrong
    assert await companies.data(query, {"id": f"cus1_{UNKNOWN}"}) == {root: None}
    assert await _code(companies, query, {"id": "garbage"}) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "cursor",
    ["W10.é", urlsafe_b64encode(b"[" * 60_000).decode() + ".aa", ".", "", "W10", "W10.", "é.é", "AA==.aa"],
)
async def test_what_is_no_cursor_is_refused(companies: Companies, cursor: str) -> None:
    query = "query($after: String) { customers(after: $after) { nodes { id } } }"
    assert await _code(companies, query, {"after": cursor}) == "BAD_USER_INPUT"


async def test_what_cannot_be_derived_is_null_and_the_rest_stays(companies: Companies) -> None:
    # given a derived field whose function fails
    async def fails(_context: Context, _inputs: Inputs) -> list[Any]:
        raise RuntimeError("no roads today")

    executor, services = companies.app.executor, companies.app.services
    executor.services = replace(services, derived={**services.derived, "drive": fails})
    query = "{ visits(first: 2) { nodes { id way: drive { seconds } } } }"

    # when
    try:
        found = await companies.ask(query)
    finally:
        executor.services = services

    # then
    nodes = found["data"]["visits"]["nodes"]
    assert [node["way"] for node in nodes] == [None, None]
    assert all(node["id"].startswith("vis1_") for node in nodes)
    assert [error["path"] for error in found["errors"]] == [["visits", "nodes", "way"]]
    assert found["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
