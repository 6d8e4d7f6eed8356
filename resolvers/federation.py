"""Federation: this graph's schema as a gateway reads it: a subgraph of Apollo Federation 2."""

from collections.abc import Iterable

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_specified_directive,
    is_specified_scalar_type,
    print_type,
)
from graphql.utilities.print_schema import print_directive

from schema import query_costs
from schema.federation import SPECIFICATION

OWN = frozenset({"_Any", "_Entity", "_Service"})
"""What every gateway adds by itself."""
SHARED = "PageInfo"
"""The one type that other subgraphs are likely to have in the same form."""


def subgraph(executable: GraphQLSchema, keyed: Iterable[str]) -> str:
    """The SDL of `_service`: `keyed` are the types with an id of their own."""
    keys = {
        f"type {name} implements Node {{": f'type {name} implements Node @key(fields: "id") {{'
        for name in keyed
    }
    keys[f"type {SHARED} {{"] = f"type {SHARED} @shareable {{"
    link = f'extend schema @link(url: "{SPECIFICATION}", import: ["@key", "@shareable"])'
    parts = [
        link,
        *(print_directive(one) for one in executable.directives if not is_specified_directive(one)),
    ]
    for name, kind in sorted(executable.type_map.items()):
        if name.startswith("__") or name in OWN or is_specified_scalar_type(kind):
            continue
        printed = query_costs.annotated(print_type(_without_own(kind)), executable)
        lines = (keys.get(line, line) for line in printed.splitlines())
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _without_own(kind: GraphQLNamedType) -> GraphQLNamedType:
    """Query without `_entities` and `_service`."""
    if not isinstance(kind, GraphQLObjectType) or not any(name.startswith("_") for name in kind.fields):
        return kind
    fields = {name: field for name, field in kind.fields.items() if not name.startswith("_")}
    return GraphQLObjectType(kind.name, fields, description=kind.description)
