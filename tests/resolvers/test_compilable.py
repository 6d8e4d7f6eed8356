"""Every operation that we ourselves print or ask is compiled for the role that asks it."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    OperationDefinitionNode,
    is_list_type,
    is_non_null_type,
    parse,
    type_from_ast,
)

from domain.viewers import Role
from resolvers.compiler.selections import Selections
from resolvers.documents import DocumentRef
from resolvers.permissions import check_roles
from tests.benchmarks.queries import OURS
from tests.fieldgraph.page_documents import operations
from tests.resolvers.companies import Companies
from tests.resolvers.test_readme import README

ROOM = Path(__file__).parents[2] / "fieldgraph"
VALUES: dict[str, object] = {
    "ID": "vis1_018f0000-0000-7000-8000-000000000000",
    "DateTime": "2026-11-23T08:00:00Z",
    "Date": "2026-11-23",
    "Int": 3,
    "Float": 1.5,
    "Boolean": True,
    "Point": {"type": "Point", "coordinates": [24.9, 60.1]},
}
OFFICE = (Role.DISPATCHER, Role.ADMIN)


def _page(name: str) -> list[str]:
    return [text for _, text in operations(name)]


def _demo() -> Iterator[str]:
    """The operations in the demo's modules, with those of their fragments that they spread."""
    for file in sorted((ROOM / "demo").glob("*.py")):
        known = vars(importlib.import_module(f"fieldgraph.demo.{file.stem}")).values()
        texts = [one for one in known if isinstance(one, str) and "{" in one and _parsed(one)]
        fragments = [one for one in texts if all(isinstance(n, FragmentDefinitionNode) for n in _parsed(one))]
        for text in texts:
            if any(isinstance(node, OperationDefinitionNode) for node in _parsed(text)):
                spread = [
                    one
                    for one in fragments
                    if f"...{one.split()[1]}" in text and f"fragment {one.split()[1]}" not in text
                ]
                yield text + " ".join(spread)


def _parsed(text: str) -> tuple[Any, ...]:
    try:
        return parse(text).definitions
    except GraphQLError:
        return ()


def sources() -> dict[str, tuple[list[str], tuple[Role, ...]]]:
    readme = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    portal = [OURS["portal"]]
    rest = [text for name, text in OURS.items() if name != "portal"]
    return {
        "README.md": (readme, OFFICE[:1]),
        "board.js": (_page("board.js"), OFFICE[:1]),
        "track.js": (_page("track.js"), (Role.TRACKING,)),
        "demo": (list(_demo()), (*OFFICE, Role.TECHNICIAN, Role.INTEGRATION)),
        "portal": (portal, (Role.CUSTOMER,)),
        "benchmarks": (rest, OFFICE[:1]),
    }


COUNTS = {"README.md": 3, "board.js": 9, "track.js": 2, "demo": 9, "portal": 1, "benchmarks": 3}


@pytest.mark.parametrize("source", COUNTS)
async def test_none_of_our_operations_goes_the_plain_way(companies: Companies, source: str) -> None:
    texts, roles = sources()[source]
    assert len(texts) >= COUNTS[source], texts
    for text in texts:
        await _compile(companies, text, roles)


async def test_what_goes_the_plain_way_is_told_to_prometheus(companies: Companies) -> None:
    line = 'fieldgraph_uncompiled_operations_total{reason="introspection"} '
    before = companies.app.metrics.text().decode()
    await companies.data("{ __schema { queryType { name } } }")
    after = companies.app.metrics.text().decode()
    assert line + "0.0" in before
    assert line + "1.0" in after
    companies.app.executor.uncompiled.clear()


async def _compile(companies: Companies, text: str, roles: tuple[Role, ...]) -> None:
    """Raises NotCompilable, or Refusal for what the limits refuse."""
    executor = companies.app.executor
    operation = await executor.prepare(DocumentRef(text), None, viewer=companies.viewer(Role.ADMIN))
    given = {
        one.variable.name.value: _sample(type_from_ast(executor.graph.executable, one.type))
        for one in operation.node.variable_definitions or ()
    }
    variables = operation.variables.coerce(given)
    for role in roles[:1] if operation.kind == "query" else roles:
        try:
            check_roles(executor.graph, operation, role)
        except Exception:
            if role == roles[-1]:
                raise
            continue
        selections = Selections(executor.graph.executable, operation.fragments, variables)
        if operation.kind == "query":
            executor.compiler.query(role, selections, operation.node.selection_set, is_limited=False)
        else:
            _records(companies, selections, operation.node, role)
        return


def _records(companies: Companies, selections: Selections, node: OperationDefinitionNode, role: Role) -> None:
    """A mutation's payload, or every item that a subscription may tell."""
    graph = companies.app.executor.graph
    executable = graph.executable
    kind = executable.get_root_type(node.operation)
    assert kind is not None
    for nodes in selections.fields(kind.name, [node.selection_set]).values():
        told = kind.fields[nodes[0].name.value].type
        while hasattr(told, "of_type"):
            told = told.of_type
        kinds = [told.name] if told.name in graph.types else [one.name for one in told.types]
        for name in kinds:
            companies.app.executor.compiler.record(
                name, role, selections, [one.selection_set for one in nodes], is_limited=False
            )


def _sample(kind: Any) -> object:
    if is_non_null_type(kind):
        return _sample(kind.of_type)
    if is_list_type(kind):
        return [_sample(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: _sample(field.type) for name, field in kind.fields.items() if is_non_null_type(field.type)
        }
    return VALUES.get(kind.name, "text")
