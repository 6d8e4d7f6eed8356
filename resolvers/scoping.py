"""Scoping: what a machine's key may ask for, by its scopes, checked before any of an operation runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
)
from graphql.execution.values import VariableValues

from domain import scopes
from domain.errors import Forbidden
from domain.viewers import Viewer
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.shapes import DEFINITION, Graph, TypeShape
from resolvers.documents import Operation
from resolvers.permissions import Path, Walk
from schema.graph import GraphField, Many, Several
from schema.values import Aggregate

LOGICAL = ("and", "or")


def check_scopes(graph: Graph, operation: Operation, variables: VariableValues, viewer: Viewer) -> None:
    """Raises Forbidden, with the path and the scopes that are missing; people need none.

    It guards roots and edges by the rows that they lead to, and filters by those that they look at, so that
    no permitted root leads into a table whose scope is missing.
    """
    if not viewer.is_limited:
        return
    for path, name, needed in _needs(graph, operation, variables):
        missing = sorted(one for one in needed if not scopes.permits(viewer.scopes, one))
        if missing:
            said = f"needs the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            raise Forbidden(f"{name} {'is for no key' if scopes.PEOPLE in missing else said}.", path)


def _needs(
    graph: Graph, operation: Operation, variables: VariableValues
) -> Iterator[tuple[Path, str, frozenset[str]]]:
    """Path and name of each field, with all that it takes."""
    bindings = Bindings.of(variables)
    kind = graph.executable.get_root_type(operation.node.operation)
    for path, parent, node in Walk(graph, operation).fields(kind, operation.node.selection_set, ()):
        name = f"{parent.name}.{node.name.value}"
        yield path, name, of_field(graph, parent, node.name.value)
        yield path, f"{name}(where:)", frozenset(_of_filter(graph, parent, node, bindings))


def of_field(graph: Graph, parent: GraphQLObjectType | GraphQLInterfaceType, name: str) -> frozenset[str]:
    """What a field takes: what it says itself, else what its rows take. Any other root is closed."""
    field = parent.fields.get(name)
    declared = (field.extensions or {}).get(DEFINITION) if field else None
    if field is None or not isinstance(declared, GraphField):
        return frozenset()  # of introspection, or within a connection whose rows were asked about above
    source = declared.source
    if source.scope is not None:
        return frozenset({source.scope or scopes.PEOPLE})
    if isinstance(source, Aggregate):
        return frozenset({scopes.of_table(source.table)})
    tables = _tables(graph, get_named_type(field.type))
    roots = {graph.executable.query_type, graph.executable.mutation_type, graph.executable.subscription_type}
    if not tables and parent in roots:
        return frozenset({scopes.PEOPLE})
    return frozenset(scopes.of_table(table) for table in tables)


def _tables(graph: Graph, kind: GraphQLNamedType) -> set[str]:
    """Whose rows a type shows."""
    if is_abstract_type(kind):
        return _any_of(graph, kind)
    if not isinstance(kind, GraphQLObjectType):
        return set()
    if "nodes" in kind.fields and "pageInfo" in kind.fields:
        kind = get_named_type(kind.fields["nodes"].type)
    shape = graph.types.get(kind.name)
    return {shape.table} if shape is not None and shape.reading.table is not None else set()


def _any_of(graph: Graph, kind: Any) -> set[str]:
    """Of a node that may be of any type."""
    if not isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return set()
    possible = (graph.types.get(one.name) for one in graph.executable.get_possible_types(kind))
    return {shape.table for shape in possible if shape is not None and shape.reading.table is not None}


def _of_filter(
    graph: Graph, parent: GraphQLObjectType | GraphQLInterfaceType, node: FieldNode, bindings: Bindings
) -> Iterator[str]:
    field = parent.fields.get(node.name.value)
    if field is None or "where" not in field.args:
        return
    where = bindings.arguments(field, node).get("where")
    kind = get_named_type(field.type)
    if where and isinstance(kind, GraphQLObjectType) and "nodes" in kind.fields:
        shape = graph.types.get(get_named_type(kind.fields["nodes"].type).name)
        if shape is not None:
            yield from _of_conditions(graph, shape, where)


def _of_conditions(graph: Graph, shape: TypeShape, where: Mapping[str, Any]) -> Iterator[str]:
    """What the rows take that a filter looks at, however deep."""
    for name, value in where.items():
        if value is None:
            continue
        if name in LOGICAL:
            for one in value:
                yield from _of_conditions(graph, shape, one)
        elif name == "not":
            yield from _of_conditions(graph, shape, value)
        elif shape.fields[name].target is not None:
            target = graph.types[str(shape.fields[name].target)]
            yield scopes.of_table(target.table)
            is_many = isinstance(shape.fields[name].source, Many | Several)
            for inner in value.values() if is_many else [value]:
                yield from _of_conditions(graph, target, inner or {})
