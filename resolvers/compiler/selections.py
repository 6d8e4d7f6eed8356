"""Selections: which fields of a type an operation asks for, fragments and directives resolved."""

from collections.abc import Iterable, Mapping

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values

from domain.errors import BadInput

LONGEST_ALIAS = 63
"""Bytes of a Postgres identifier; a longer one would be cut."""


class NotCompilable(Exception):
    """An operation that is answered the plain way; `reason` is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Selections:
    """The fields of one operation, as GraphQL's CollectFields gathers them."""

    def __init__(
        self,
        executable: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues | None,
    ) -> None:
        self.executable = executable
        self.fragments = fragments
        self.variables = variables

    def fields(self, kind: str, sets: Iterable[SelectionSetNode | None]) -> dict[str, list[FieldNode]]:
        """Response key → the nodes that ask for it, in the order of the document."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in sets:
            if selection_set is not None:
                self._collect(kind, selection_set, found, visited)
        return found

    def below(self, kind: str, nodes: Iterable[FieldNode]) -> dict[str, list[FieldNode]]:
        """The fields that these nodes ask for of the object they lead to."""
        return self.fields(kind, [node.selection_set for node in nodes])

    def idempotency_key(self, node: FieldNode) -> str | None:
        """What `@idempotent(key:)` on a field says."""
        for directive in node.directives or ():
            if directive.name.value == "idempotent":
                declared = self.executable.get_directive("idempotent")
                if declared is not None:
                    return str(get_argument_values(declared, directive, self.variables)["key"])
        return None

    def _collect(
        self, kind: str, selection_set: SelectionSetNode, found: dict[str, list[FieldNode]], visited: set[str]
    ) -> None:
        for selection in selection_set.selections:
            if not self._included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                if len(key.encode()) > LONGEST_ALIAS:
                    raise NotCompilable("long alias")
                found.setdefault(key, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or self._applies(condition.name.value, kind):
                    self._collect(kind, selection.selection_set, found, visited)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in visited:
                visited.add(selection.name.value)
                fragment = self.fragments[selection.name.value]
                if self._applies(fragment.type_condition.name.value, kind):
                    self._collect(kind, fragment.selection_set, found, visited)

    def _applies(self, condition: str, kind: str) -> bool:
        if condition == kind:
            return True
        abstract = self.executable.type_map[condition]
        if not isinstance(abstract, GraphQLInterfaceType | GraphQLUnionType):
            return False
        return any(possible.name == kind for possible in self.executable.get_possible_types(abstract))

    def _included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            if directive.name.value == "skip" and self._flag(GraphQLSkipDirective, directive):
                return False
            if directive.name.value == "include" and not self._flag(GraphQLIncludeDirective, directive):
                return False
        return True

    def _flag(self, declared: object, directive: DirectiveNode) -> bool:
        """Raises BadInput where a variable that has a default is given as null."""
        try:
            return bool(get_argument_values(declared, directive, self.variables)["if"])  # type: ignore[arg-type]  # a GraphQLDirective
        except GraphQLError as error:
            raise BadInput(error.message) from error
