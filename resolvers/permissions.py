"""Permissions: field scope, checked over a whole operation before any of it runs."""

from graphql import FieldNode, GraphQLObjectType, TypeInfo, TypeInfoVisitor, Visitor, visit

from domain.errors import Forbidden
from domain.viewers import Role
from resolvers.compiler.shapes import DEFINITION, Graph
from resolvers.documents import Operation
from schema.graph import GraphField


def check_roles(graph: Graph, operation: Operation, role: Role) -> None:
    """Raises Forbidden, with the path, for the first field that the role may not ask for."""
    if role not in operation.forbidden:
        operation.forbidden[role] = _first_forbidden(graph, operation, role)
    found = operation.forbidden[role]
    if found is not None:
        path, name = found
        raise Forbidden(f"{name} is not for {role.value}.", tuple(path))


def _first_forbidden(graph: Graph, operation: Operation, role: Role) -> tuple[list[str], str] | None:
    """Fragments are looked at where they stand: each once, with the path from their own start."""
    for node in (operation.node, *operation.fragments.values()):
        types = TypeInfo(graph.executable)
        finder = _Finder(types, role)
        visit(node, TypeInfoVisitor(types, finder))
        if finder.found is not None:
            return finder.found
    return None


class _Finder(Visitor):
    def __init__(self, types: TypeInfo, role: Role) -> None:
        super().__init__()
        self.types = types
        self.role = role
        self.path: list[str] = []
        self.found: tuple[list[str], str] | None = None

    def enter_field(self, node: FieldNode, *_rest: object) -> None:
        self.path.append(node.alias.value if node.alias else node.name.value)
        parent, field = self.types.get_parent_type(), self.types.get_field_def()
        declared = (field.extensions or {}).get(DEFINITION) if field else None
        if not isinstance(declared, GraphField) or not isinstance(parent, GraphQLObjectType):
            return
        roles = declared.source.roles
        if roles is not None and self.role not in roles and self.found is None:
            self.found = (list(self.path), f"{parent.name}.{node.name.value}")

    def leave_field(self, *_rest: object) -> None:
        self.path.pop()
