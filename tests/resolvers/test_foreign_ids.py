"""Wherever a question takes an id, another organization's answers exactly as one that nobody has.

Mutations are asked the same in test_every_mutation.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)
from graphql import get_nullable_type as nullable_type

from domain.viewers import Role, Viewer
from resolvers.documents import DocumentRef
from resolvers.refusals import Refusal
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.operations import Operations
from tests.resolvers.test_differential import viewer_of

ABSENT = "018f0000-0000-7000-8000-000000000000"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
THOROUGH = "FIELDGRAPH_THOROUGH" in os.environ
RELATIONS = 2 if THOROUGH else 1
"""How many relations a filter is followed through to the id at its end."""
OPERATIONS = 200 if THOROUGH else 20
SCALARS: Mapping[str, Any] = {
    "String": "x", "Int": 1, "Boolean": True, "Date": "2026-11-23", "Cursor": None, "_Any": None,
}  # fmt: skip
ROLES = sorted(role for role in Role)


@pytest.fixture(scope="module")
async def theirs(lively: Companies) -> dict[str, list[str]]:
    """Ids of the second company, four of every type, by their prefix."""
    found: dict[str, list[str]] = {}
    async with connected(str(lively.app.settings.database_url)) as owner:
        for shape in lively.app.executor.graph.types.values():
            if shape.reading.prefix:
                sql = f"SELECT id FROM {shape.table} WHERE organization_id = $1 ORDER BY id LIMIT 4"
                if shape.table == "organization":
                    sql = "SELECT id FROM organization WHERE id = $1"
                rows = await owner.fetch(sql, lively.second.id)
                found[shape.reading.prefix] = [f"{shape.reading.prefix}1_{row['id']}" for row in rows]
    return found


@pytest.fixture(scope="module")
async def every_one_of_theirs(lively: Companies) -> frozenset[str]:
    """The id of every row of the second company, in whatever table."""
    async with connected(str(lively.app.settings.database_url)) as owner:
        tables = await owner.fetch(
            "SELECT table_name AS name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'organization_id'"
            " AND table_name IN (SELECT table_name FROM information_schema.columns"
            "                    WHERE table_schema = 'public' AND column_name = 'id' AND data_type = 'uuid')"
        )
        rows = [
            await owner.fetch(f"SELECT id FROM {table['name']} WHERE organization_id = $1", lively.second.id)
            for table in tables
        ]
    return frozenset(str(row["id"]) for each in rows for row in each) | {str(lively.second.id)}


def inputs(kind: Any, key: str, relations: int = RELATIONS) -> Iterator[Any]:
    """Every value of an input type in which the id stands in one place."""
    named = get_named_type(kind)
    wrapped = (lambda value: [value]) if is_list_type(nullable_type(kind)) else (lambda value: value)
    if named.name == "ID":
        yield wrapped(key)
    elif named.name == "_Any":
        yield wrapped({"__typename": None, "id": key})
    elif isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            inner = get_named_type(field.type)
            deeper = relations - isinstance(inner, GraphQLInputObjectType)
            if deeper >= 0 and name not in {"and", "or", "not"}:
                for value in inputs(field.type, key, deeper):
                    yield wrapped({name: value})


def harmless(kind: Any) -> Any:
    """Some value of a type that must be given beside the id."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        return {
            name: harmless(field.type)
            for name, field in named.fields.items()
            if is_required_input_field(field)
        }
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    return SCALARS.get(named.name, "x") if isinstance(named, GraphQLScalarType) else None


def questions(kind: GraphQLObjectType, word: str, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each root field with the id in one place of one of its arguments, and its variables."""
    for name, field in kind.fields.items():
        for place, argument in field.args.items():
            for value in inputs(argument.type, key):
                yield (
                    _question(word, name, field, place),
                    {place: value}
                    | {
                        other: harmless(one.type)
                        for other, one in field.args.items()
                        if other != place and is_required_argument(one)
                    },
                )


def _question(word: str, name: str, field: GraphQLField, place: str) -> str:
    needed = [other for other, one in field.args.items() if other == place or is_required_argument(one)]
    declared = ", ".join(f"${one}: {field.args[one].type}" for one in needed)
    given = ", ".join(f"{one}: ${one}" for one in needed)
    target = get_named_type(field.type)
    inner = "{ __typename }"
    if isinstance(target, GraphQLObjectType) and "totalCount" in target.fields:
        inner = "{ totalCount nodes { __typename } }"
    elif isinstance(target, GraphQLObjectType) and target.name == "Query":
        inner = "{ visits(first: 1) { nodes { id } } }"
    return f"{word} Probe({declared}) {{ {name}({given}) {inner} }}"


async def first_answer(companies: Companies, viewer: Viewer, query: str, variables: dict[str, Any]) -> str:
    """As text, without the id that was asked for and what moves by itself."""
    executor = companies.app.executor
    try:
        operation = await executor.prepare(DocumentRef(query), None, viewer=viewer)
        if operation.kind == "subscription":
            stream = executor.stream(operation, variables, viewer=viewer)
            try:
                body = await anext(stream)
            finally:
                await stream.aclose()  # type: ignore[attr-defined]  # an async generator
        else:
            body = await executor.answer(operation, variables, viewer=viewer)
    except Refusal as refusal:
        return UUID.sub("…", orjson.dumps(refusal.errors).decode())
    return UUID.sub("…", body.decode())


async def test_a_foreign_id_is_answered_as_an_absent_one_wherever_one_is_taken(
    lively: Companies, theirs: dict[str, list[str]]
) -> None:
    graph = lively.app.executor.graph
    viewer = lively.viewer(Role.ADMIN)
    asked = 0
    for word, kind in (
        ("query", graph.executable.query_type),
        ("subscription", graph.executable.subscription_type),
    ):
        assert kind is not None
        for prefix, (key, *_) in ((prefix, keys) for prefix, keys in theirs.items() if keys):
            absent = f"{prefix}1_{ABSENT}"
            for (query, foreign), (_, nobodys) in zip(
                questions(kind, word, key), questions(kind, word, absent), strict=True
            ):
                found = await first_answer(lively, viewer, query, foreign)
                if "BAD_USER_INPUT" in found:  # an id of another type than is taken there
                    continue
                asked += 1
                expected = await first_answer(lively, viewer, query, nobodys)
                assert found == expected, (query, foreign)
    assert asked > (1_400 if THOROUGH else 200)


@pytest.mark.parametrize("role", ROLES)
async def test_no_answer_holds_a_row_of_another_organization(
    lively: Companies, theirs: dict[str, list[str]], every_one_of_theirs: frozenset[str], role: Role
) -> None:
    executor, viewer = lively.app.executor, viewer_of(lively, role)
    ids = [key for keys in theirs.values() for key in keys]
    writer = Operations(executor.graph, role, ids=ids, seed=5, keys={})
    rows = 0
    for _ in range(OPERATIONS):
        query = writer.query()
        answer = await lively.ask(query, writer.variables, viewer=viewer)
        found = set(UUID.findall(orjson.dumps(answer.get("data")).decode()))
        rows += len(found)
        assert found & every_one_of_theirs == set(), query
    assert rows > 0 or role is Role.TRACKING


async def test_a_cursor_of_another_organization_is_a_place_among_ones_own_rows(
    lively: Companies, every_one_of_theirs: frozenset[str]
) -> None:
    query = """query Page($after: String) {
      customers(first: 250, after: $after) { totalCount nodes { id } pageInfo { endCursor } } }"""
    others = await lively.data(query.replace("250", "2"), viewer=lively.viewer(Role.ADMIN, second=True))

    found = await lively.data(query, {"after": others["customers"]["pageInfo"]["endCursor"]})

    whole = await lively.data(query)
    assert found["customers"]["totalCount"] == whole["customers"]["totalCount"]
    assert {node["id"] for node in found["customers"]["nodes"]} <= {
        node["id"] for node in whole["customers"]["nodes"]
    }
    assert set(UUID.findall(orjson.dumps(found).decode())) & every_one_of_theirs == set()
