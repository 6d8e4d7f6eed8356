"""Filters: how many conditions, relation steps and orders they have, counted before they are compiled.

Each `where` becomes a condition of its statement, each step along a relation a sub-select: what is written in
the document is counted once per document, what a variable holds once per request, as often as it is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from resolvers.refusals import Refusal

MOST_CONDITIONS = 100
MOST_RELATIONS = 10
"""Of all filters of one operation together."""
CONDITION = 1
RELATION = 10
"""What each costs, in points: a relation reads other rows, and within each other ever more of them."""
MOST_COUNTED = 10**6
QUANTIFIERS = frozenset({"some", "none", "every"})
"""Each a sub-select of its own."""


class Weight(NamedTuple):
    """Comparisons, branches of and / or / not, and orders; and steps along relations."""

    conditions: int = 0
    relations: int = 0

    @property
    def points(self) -> int:
        return CONDITION * self.conditions + RELATION * self.relations

    def plus(self, other: "Weight", times: int = 1) -> "Weight":
        """Never more than is told: fragments that spread each other make numbers of many digits."""
        return Weight(
            min(self.conditions + other.conditions * times, MOST_COUNTED),
            min(self.relations + other.relations * times, MOST_COUNTED),
        )


NO_WEIGHT = Weight()


@dataclass(frozen=True, slots=True)
class Filtering:
    """What is known of an operation's filters, and how often each variable is in them, as which type."""

    known: Weight = NO_WEIGHT
    uses: tuple[tuple[tuple[str, Any], int], ...] = ()

    def weighed(self, given: Mapping[str, Any]) -> Weight:
        """With a request's coerced variables. Raises Refusal where it is too much."""
        found = self.known
        for (name, kind), times in self.uses:
            found = found.plus(of_value(kind, given.get(name)), times)
        if self.uses:
            refuse(found)
        return found


NO_FILTERING = Filtering()


def together(parts: Iterable[Filtering]) -> Filtering:
    """Of several selections; most have none."""
    some = [one for one in parts if one is not NO_FILTERING]
    if len(some) < 2:
        return some[0] if some else NO_FILTERING
    known, uses = NO_WEIGHT, dict[tuple[str, Any], int]()
    for one in some:
        known = known.plus(one.known)
        for use, times in one.uses:
            uses[use] = min(uses.get(use, 0) + times, MOST_COUNTED)
    return Filtering(known, tuple(uses.items()))


def refuse(weight: Weight) -> None:
    """Raises Refusal, naming the number and the cap."""
    for word, found, most in (
        ("conditions", weight.conditions, MOST_CONDITIONS),
        ("steps along relations", weight.relations, MOST_RELATIONS),
    ):
        if found > most:
            message = f"The operation's filters have {found} {word}; at most {most} are allowed."
            raise Refusal.of("COST_EXCEEDED", message)


def may_filter(kind: Any) -> bool:
    """Whether a value of this type is a filter or orders."""
    # Kept by nothing: a type that is remembered holds its whole schema. It takes less than a microsecond.
    named = get_named_type(kind)
    return isinstance(named, GraphQLInputObjectType) and named.name.endswith(("Where", "Order"))


def of_literal(kind: Any, node: ValueNode) -> Filtering:
    """What is written in the document, with the variables in it."""
    uses: dict[tuple[str, Any], int] = {}
    known = _literal(_bare(kind), node, uses)
    return Filtering(known, tuple(uses.items())) if known != NO_WEIGHT or uses else NO_FILTERING


def of_value(kind: Any, value: object) -> Weight:
    """What a variable holds; nothing where it is null or not given."""
    kind = _bare(kind)
    if value is None or not may_filter(kind):
        return NO_WEIGHT
    if isinstance(kind, GraphQLList):
        items = value if isinstance(value, Sequence) else (value,)
        return _sum(_ITEM.plus(of_value(kind.of_type, one)) for one in items)
    if not isinstance(value, Mapping) or kind.name.endswith("Order"):
        return NO_WEIGHT
    found = []
    for name, inner in value.items():
        field = kind.fields.get(name)
        if field is not None and inner is not None:
            below = of_value(field.type, inner)
            found.append(_own(name, field.type, len(inner) if isinstance(inner, Mapping) else 0).plus(below))
    return _sum(found)


def _literal(kind: Any, node: ValueNode, uses: dict[tuple[str, Any], int]) -> Weight:
    if isinstance(node, NullValueNode) or not may_filter(kind):
        return NO_WEIGHT
    if isinstance(node, VariableNode):
        use = (node.name.value, kind)
        uses[use] = uses.get(use, 0) + 1
        return NO_WEIGHT
    if isinstance(kind, GraphQLList):
        items = node.values if isinstance(node, ListValueNode) else (node,)
        return _sum(_ITEM.plus(_literal(_bare(kind.of_type), one, uses)) for one in items)
    if not isinstance(node, ObjectValueNode) or kind.name.endswith("Order"):
        return NO_WEIGHT
    found = []
    for one in node.fields:
        field = kind.fields.get(one.name.value)
        if field is not None and not isinstance(one.value, NullValueNode):
            below = _literal(_bare(field.type), one.value, uses)
            size = len(one.value.fields) if isinstance(one.value, ObjectValueNode) else 1
            found.append(_own(one.name.value, field.type, size).plus(below))
    return _sum(found)


_ITEM = Weight(1)
"""Of a list: a branch of `and` or `or`, or an order."""


def _own(name: str, kind: Any, comparisons: int) -> Weight:
    """What an entry of a filter is by itself, beside what is below it."""
    if not may_filter(kind):
        return Weight(comparisons)  # a column: each comparison is one condition
    if name in QUANTIFIERS:
        return Weight(0, 1)
    if name in {"and", "or"}:
        return NO_WEIGHT  # their branches count
    if name == "not" or get_named_type(kind).name.endswith("ListWhere"):
        return Weight(1)
    return Weight(0, 1)


def _bare(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _sum(weights: Iterable[Weight]) -> Weight:
    found = NO_WEIGHT
    for one in weights:
        found = found.plus(one)
    return found
