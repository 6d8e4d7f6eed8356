"""Ways: how each type is come by from Query, for a role, through the fields that it may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType

from domain.viewers import Role
from resolvers.compiler.shapes import FieldShape, Graph
from resolvers.permissions import READS_SCHEMA, STRANGERS
from schema.graph import All, Many


@dataclass(frozen=True)
class Way:
    """How a type is come by from Query: the fields in between, as they are written and as they answer."""

    written: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()

    def query(self, selection: str) -> str:
        text = selection
        for one in reversed(self.written):
            text = f"{one} {{ {text} }}"
        return f"{{ {text} }}"

    def on(self, field: FieldShape) -> "Way":
        if isinstance(field.source, All | Many):
            return Way(
                (*self.written, f"{field.name}(first: 1)", "nodes"), (*self.answered, field.name, "nodes")
            )
        return Way((*self.written, field.name), (*self.answered, field.name))


def allowed(field: FieldShape, role: Role) -> bool:
    if field.name in READS_SCHEMA and role in STRANGERS:
        return False
    return field.source.roles is None or role in field.source.roles


def ways(graph: Graph, role: Role) -> dict[str, Way]:
    """For each type, the shortest way that the role may go; types nobody can come by are left out."""
    found: dict[str, Way] = {}
    waiting = [("Query", Way())]
    while waiting:
        kind, way = waiting.pop(0)
        fields = graph.roots if kind == "Query" else graph.types[kind].fields
        for field in fields.values():
            target = str(field.target)
            bare = not isinstance(field.source, All | Many) and arguments(graph, kind, field)
            if target in graph.types and target not in found and not bare and allowed(field, role):
                found[target] = way.on(field)
                waiting.append((target, found[target]))
    return found


def arguments(graph: Graph, kind: str, field: FieldShape) -> Mapping[str, Any]:
    declared = graph.executable.type_map[kind]
    assert isinstance(declared, GraphQLObjectType)
    found: Mapping[str, Any] = declared.fields[field.name].args
    return found
