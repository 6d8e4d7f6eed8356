"""Permissions: field scope, checked over a whole operation before any of it runs."""

from collections.abc import Iterator

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from domain.errors import Forbidden
from domain.viewers import Role
from resolvers.compiler.shapes import DEFINITION, Graph
from resolvers.documents import Operation
from schema.graph import GraphField

Path = tuple[str, ...]
READS_SCHEMA = frozenset({"__schema", "__type", "_service"})
STRANGERS = frozenset({Role.TRACKING})
"""Whoever holds a customer's link: nobody that builds on this graph."""


def check_introspection(role: Role) -> None:
    """Raises Forbidden for a role that may not read the schema."""
    if role in STRANGERS:
        raise Forbidden(f"The schema is not for {role.value}.")


def check_roles(graph: Graph, operation: Operation, role: Role) -> None:
    """Raises Forbidden, with the path, for the first field that the role may not ask for.

    Kept by document and role, so a field that @skip or @include leaves out is refused all the same.
    """
    if role not in operation.forbidden:
        operation.forbidden[role] = _first_forbidden(graph, operation, role)
    found = operation.forbidden[role]
    if found is not None:
        path, name = found
        raise Forbidden(f"{name} is not for {role.value}.", path)


def _first_forbidden(graph: Graph, operation: Operation, role: Role) -> tuple[Path, str] | None:
    """The first in the order of the response, with its path from the root, through all fragments."""
    kind = graph.executable.get_root_type(operation.node.operation)
    walk = Walk(graph, operation)
    for path, parent, node in walk.fields(kind, operation.node.selection_set, ()):
        name = node.name.value
        if name in READS_SCHEMA and role in STRANGERS:
            return path, f"{parent.name}.{name}"
        field = parent.fields.get(name)
        declared = (field.extensions or {}).get(DEFINITION) if field else None
        if isinstance(declared, GraphField):
            roles = declared.source.roles
            if roles is not None and role not in roles:
                return path, f"{parent.name}.{name}"
    return None


class Walk:
    """Every field that an operation asks for, where it stands in the response."""

    def __init__(self, graph: Graph, operation: Operation) -> None:
        self.types = graph.executable.type_map
        self.fragments = operation.fragments

    def fields(
        self, kind: GraphQLNamedType | None, selection_set: SelectionSetNode, path: Path
    ) -> Iterator[tuple[Path, GraphQLObjectType | GraphQLInterfaceType, FieldNode]]:
        """As many steps as the limits count fields: documents past them are refused before."""
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
                    continue
                name = selection.name.value
                here = (*path, selection.alias.value if selection.alias else name)
                yield here, kind, selection
                field = kind.fields.get(name)
                if selection.selection_set and field:
                    yield from self.fields(get_named_type(field.type), selection.selection_set, here)
                continue
            part = (
                self.fragments[selection.name.value]
                if isinstance(selection, FragmentSpreadNode)
                else selection
            )
            if isinstance(part, InlineFragmentNode | FragmentDefinitionNode):
                condition = part.type_condition
                inner = self.types[condition.name.value] if condition else kind
                yield from self.fields(inner, part.selection_set, path)
