"""Overlaps: how many pairs of fields the rule for merging would compare, told before it compares them."""

from collections.abc import Iterable, Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.refusals import Refusal

MOST_PAIRS = 10_000
"""Measured at up to 25 µs each. The most of any operation of ours is 100."""
MOST_VISITS = 20_000


class Overlaps:
    """Counts over one document, whose fragments are known and go round in no circle."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.pairs = 0
        self.visits = 0

    def count(self, sets: Iterable[SelectionSetNode]) -> None:
        """Adds what these sets, merged, would have compared; raises Refusal as soon as it is too much."""
        fields: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for one in sets:
            for node in self._fields(one, seen):
                fields.setdefault((node.alias or node.name).value, []).append(node)
        self.pairs += sum(len(nodes) * (len(nodes) - 1) // 2 for nodes in fields.values())
        if self.pairs > MOST_PAIRS or self.visits > MOST_VISITS:
            raise Refusal.of("COST_EXCEEDED", "The document asks for the same fields too often.")
        for nodes in fields.values():
            inner = [node.selection_set for node in nodes if node.selection_set]
            if inner:
                self.count(inner)

    def _fields(self, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for selection in selection_set.selections:
            self.visits += 1
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set, seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                yield from self._fields(self.fragments[selection.name.value].selection_set, seen)


def check(document: DocumentNode) -> None:
    """Raises Refusal where the comparing would take longer than a fraction of a second.

    The rule compares every two fields of one name, and whatever is below them: 280 times `visits {nodes
    {id}}`, a document of 5 kB, took it 2 s.
    """
    overlaps = Overlaps(document)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            overlaps.count([node.selection_set])
