"""Wrong operations: each way to ask for a page, an id or a filter that is refused, all over the graph."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from resolvers.compiler.shapes import FieldShape, Graph
from schema.graph import All, AnyNode, AnyNodes, ById, Col, Many

ABSENT = "018f0000-0000-7000-8000-000000000000"
SIZES = ("first: 0", "first: -1", "first: 251", "first: 1000", "last: 0", "last: 1000", "first: 2, last: 2")
TOO_DEEP = "{not: " * 32 + "{}" + "}" * 32


class Wrong(NamedTuple):
    """An operation, its variables, and where in the response its fault lies."""

    query: str
    path: tuple[str, ...]
    variables: Mapping[str, Any] = {}


def of_arguments(graph: Graph, kind: str, *, cursor: str) -> Iterator[str]:
    """Arguments that no connection of this type takes; `cursor` is one of another connection."""
    shape = graph.types[kind]
    yield from SIZES
    for side in ("after", "before"):
        for text in ("", "x", "bm8=.x", cursor, f"A{cursor[1:]}", cursor[:-1]):
            yield f'{side}: "{text}"'
    prefix = shape.reading.prefix
    if prefix is not None:
        other = "wor" if prefix == "cus" else "cus"
        for name in ("", "x", f"{prefix}1_x", f"{prefix}2_{ABSENT}", f"{other}1_{ABSENT}"):
            yield f'where: {{id: {{eq: "{name}"}}}}'
            yield f'where: {{and: [{{id: {{notIn: ["{name}"]}}}}]}}'
    yield "where: {updatedAt: {lt: null}}" if "updatedAt" in shape.fields else "first: 0"
    yield f"where: {TOO_DEEP}"
    for field in shape.fields.values():
        if isinstance(field.source, Col) and field.leaf == "String" and not field.listed:
            yield f"where: {{{field.name}: {{contains: null}}}}"
            yield f"where: {{{field.name}: {{in: null}}}}"
            break


def at_roots(graph: Graph, *, cursor: str) -> Iterator[Wrong]:
    """Every root connection with every wrong argument, under an alias, beside one that is right."""
    for name, field in graph.roots.items():
        if isinstance(field.source, All):
            for arguments in of_arguments(graph, str(field.target), cursor=cursor):
                yield Wrong(f"{{ viewer {{ role }} x: {name}({arguments}) {{ totalCount }} }}", ("x",))


def at_edges(graph: Graph, ids: Mapping[str, str], *, cursor: str) -> Iterator[Wrong]:
    """Every connection of every type of which there is a row, through a fragment on the interface."""
    for kind, row in ids.items():
        for field in graph.types[kind].fields.values():
            if not isinstance(field.source, Many) or field.target is None:
                continue
            for arguments in of_arguments(graph, field.target, cursor=cursor):
                inner = f"more: {field.name}({arguments}) {{ nodes {{ id }} }}"
                yield Wrong(
                    f'{{ top: node(id: "{row}") {{ ...F }} }}'
                    f" fragment F on Node {{ id ... on {kind} {{ {inner} }} }}",
                    ("top", "more"),
                )


def by_variables(cursor: str) -> Iterator[Wrong]:
    """The same faults where the document cannot show them."""
    query = """query Page($first: Int, $last: Int, $after: String, $where: VisitWhere) {
      customers(first: 2) { nodes { visits: workOrders(first: 1) { nodes {
        v: visits(first: $first, last: $last, after: $after, where: $where) { totalCount } } } } } }"""
    path = ("customers", "nodes", "visits", "nodes", "v")
    for variables in (
        {"first": 0},
        {"last": 251},
        {"first": 1, "last": 1},
        {"after": cursor},
        {"after": "x"},
        {"where": {"id": {"eq": "x"}}},
        {"where": {"id": {"in": [f"cus1_{ABSENT}"]}}},
        {"where": {"or": [{"not": {"id": {"neq": f"vis2_{ABSENT}"}}}]}},
        {"where": {"customer": {"id": {"in": [f"cus1_{ABSENT}", f"vis1_{ABSENT}"]}}}},
        {"where": {"assignments": {"none": {"technician": {"id": {"eq": ""}}}}}},
    ):
        yield Wrong(query, path, variables)
    shown = "query F($f: Boolean = true) { customers(first: 1) { all: nodes { name @include(if: $f) } } }"
    yield Wrong(shown, ("customers", "all"), {"f": None})
    yield Wrong('query I($id: ID = "x") { c: customer(id: $id) { id } }', ("c",), {"id": None})


def at_single(graph: Graph) -> Iterator[Wrong]:
    """Roots of one row, or of several by their ids."""
    for name, field in graph.roots.items():
        for query, variables in _single(name, field):
            yield Wrong(query, ("x",), variables)


def _single(name: str, field: FieldShape) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(field.source, ById | AnyNode):
        for text in ("", "x", "cus1_", "cus1_123", f"cus2_{ABSENT}", f"CUS1_{ABSENT}"):
            yield f'{{ x: {name}(id: "{text}") {{ id }} }}', {}
            yield f"query V($id: ID!) {{ x: {name}(id: $id) {{ id }} }}", {"id": text}
    if isinstance(field.source, AnyNodes):
        yield f'{{ x: {name}(ids: ["cus1_{ABSENT}", "x"]) {{ id }} }}', {}
