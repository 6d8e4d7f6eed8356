"""Limits: how deep, how wide and how costly a document may be, told in one pass, linear in its size."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_object_type,
    type_from_ast,
)

from resolvers import lists
from resolvers.filters import NO_FILTERING, Filtering, may_filter, of_literal, refuse, together
from resolvers.query_costs import NOTHING, Amount, Cost, Reckoning
from resolvers.refusals import Refusal
from schema.query_costs import Price, Prices, prices

DEEPEST = 15
MOST_FIELDS = 1_000
MOST_ROOTS = 20
MOST_MUTATIONS = 5
MOST_ALIASES = 30
MOST_DIRECTIVES = 50
MOST_COST = 5_000
"""Of one operation; a trusted document carries its own."""
INTROSPECTION = {"__schema": Price(100), "__type": Price(10)}
"""What the whole schema, or one type of it, costs to tell, whatever is asked below."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a selection set reaches with all its fragments spread, and what it costs."""

    depth: int = 0
    fields: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0
    cost: Amount = NOTHING
    filtering: Filtering = NO_FILTERING


class Limits:
    """What one schema's documents are measured by."""

    def __init__(self, executable: GraphQLSchema) -> None:
        self.executable = executable
        self.prices: Prices = prices(executable)

    def check(self, document: DocumentNode) -> dict[OperationDefinitionNode, Cost]:
        """What each operation costs. Raises Refusal for a document beyond the limits.

        What the schema does not know costs nothing here: validation refuses it.
        """
        measure = Measure(self, document)
        costs = {}
        try:
            for node in document.definitions:
                if isinstance(node, OperationDefinitionNode):
                    extent = measure.operation(node)
                    _refuse(extent, mutation=node.operation.value == "mutation")
                    refuse(extent.filtering.known)
                    costs[node] = measure.reckoning.cost(extent.cost, measure.introspection, extent.filtering)
        except RecursionError as error:
            raise Refusal.of("COST_EXCEEDED", "The fragments spread each other too deeply.") from error
        return costs


def _refuse(extent: Extent, *, mutation: bool) -> None:
    for word, found, most in (
        ("levels", extent.depth, DEEPEST),
        ("fields", extent.fields, MOST_FIELDS),
        ("root fields", extent.roots, MOST_MUTATIONS if mutation else MOST_ROOTS),
        ("aliases", extent.aliases, MOST_ALIASES),
        ("directives", extent.directives, MOST_DIRECTIVES),
    ):
        if found > most:
            message = f"The operation has {found} {word}; at most {most} are allowed."
            raise Refusal.of("COST_EXCEEDED", message)


class Measure:
    """Measures one document; each fragment once, however often it is spread."""

    def __init__(self, limits: Limits, document: DocumentNode) -> None:
        self.limits = limits
        self.reckoning = Reckoning()
        self.visited = 0
        """Selections that were looked at: never more than the document has."""
        self.introspection = 0
        """What is asked of the schema itself."""
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Extent] = {}

    def operation(self, node: OperationDefinitionNode) -> Extent:
        executable = self.limits.executable
        for definition in node.variable_definitions or ():
            if definition.default_value is not None:
                kind = type_from_ast(executable, definition.type)
                lists.check_literal(kind, definition.default_value, f"${definition.variable.name.value}")
        return self._extent(node.selection_set, executable.get_root_type(node.operation))

    def _extent(self, selection_set: SelectionSetNode | None, kind: GraphQLNamedType | None) -> Extent:
        depth = fields = roots = aliases = directives = 0
        costs: list[Amount] = []
        filters: list[Filtering] = []
        by_type: dict[str, list[Amount]] = {}
        for selection in selection_set.selections if selection_set else ():
            self.visited += 1
            directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                inner, below = self._field(selection, kind)
                roots += 1 + below
                condition = None
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition and self._kind(selection.type_condition.name.value)
                inner = self._extent(selection.selection_set, condition or kind)
                roots += inner.roots
            elif isinstance(selection, FragmentSpreadNode):
                inner, condition = self._spread(selection)
                roots += inner.roots
            else:
                raise TypeError(f"{selection.kind} is no selection")
            depth, fields = max(depth, inner.depth), fields + inner.fields
            aliases, directives = aliases + inner.aliases, directives + inner.directives
            filters.append(inner.filtering)
            if not _left_out(selection.directives or ()):
                # An object of an abstract type is of one type only: the dearest counts.
                alone = is_abstract_type(kind) and condition is not None and is_object_type(condition)
                (by_type.setdefault(condition.name, []) if alone and condition else costs).append(inner.cost)
        if by_type:
            costs.append(self.reckoning.most(self.reckoning.sum(one) for one in by_type.values()))
        cost, filtering = self.reckoning.sum(costs), together(filters)
        return Extent(depth, fields, roots, aliases, directives, cost, filtering)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> tuple[Extent, int]:
        """A field with all below it, and how many more roots are in it: below asOf are roots as well."""
        name = node.name.value
        declared: Any = getattr(parent, "fields", {}).get(name)
        filters = [one for argument in node.arguments or () if (one := _filtering(declared, name, argument))]
        inner = self._extent(node.selection_set, get_named_type(declared.type) if declared else None)
        price = self.limits.prices.get((parent.name, name)) if parent else None
        if price is None and name in INTROSPECTION:
            price = INTROSPECTION[name]
            self.introspection += price.weight
        cost = self.reckoning.field(price or FREE, node, inner.cost)
        aliases = inner.aliases + bool(node.alias)
        filtering = together([inner.filtering, *filters]) if filters else inner.filtering
        extent = Extent(inner.depth + 1, inner.fields + 1, 0, aliases, inner.directives, cost, filtering)
        return extent, inner.roots if name == "asOf" else 0

    def _spread(self, selection: FragmentSpreadNode) -> tuple[Extent, GraphQLNamedType | None]:
        name = selection.name.value
        fragment = self._fragments.get(name)
        kind = self._kind(fragment.type_condition.name.value) if fragment else None
        if name not in self._known:
            self._known[name] = Extent()  # a cycle counts once here; validation refuses it
            if fragment is not None:
                found = self._extent(fragment.selection_set, kind)
                self._known[name] = replace(found, cost=self.reckoning.shared(found.cost))
        return self._known[name], kind

    def _kind(self, name: str) -> GraphQLNamedType | None:
        return self.limits.executable.type_map.get(name)


FREE = Price(0)


def _filtering(declared: Any, name: str, argument: ArgumentNode) -> Filtering | None:
    """What an argument filters by. Raises Refusal for lists that are too long."""
    known = declared.args.get(argument.name.value) if declared else None
    kind = known.type if known else None
    lists.check_literal(kind, argument.value, f"{name}.{argument.name.value}")
    return of_literal(kind, argument.value) if kind is not None and may_filter(kind) else None


def _left_out(directives: Iterable[DirectiveNode]) -> bool:
    """Whether a constant says so; what a variable says is counted as asked for."""
    for directive in directives:
        for argument in directive.arguments or ():
            value = argument.value
            if isinstance(value, BooleanValueNode) and argument.name.value == "if":
                return value.value is LEAVES_OUT.get(directive.name.value)
    return False


LEAVES_OUT = {"skip": True, "include": False}
