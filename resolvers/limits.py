"""Limits: how deep and how wide a document may be, told in one pass that is linear in its size."""

from dataclasses import dataclass

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

DEEPEST = 15
MOST_FIELDS = 1_000
MOST_ROOTS = 20
MOST_MUTATIONS = 5
MOST_ALIASES = 30
MOST_DIRECTIVES = 50


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a selection set reaches with all its fragments spread."""

    depth: int = 0
    fields: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0


def check(document: DocumentNode) -> None:
    """Raises Refusal for a document beyond the limits. Each fragment is measured once."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    known: dict[str, Extent] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            extent = _extent(node.selection_set, fragments, known)
            _refuse(extent, mutation=node.operation.value == "mutation")


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


def _extent(
    selection_set: SelectionSetNode | None,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, Extent],
) -> Extent:
    depth = fields = roots = aliases = directives = 0
    for selection in selection_set.selections if selection_set else ():
        directives += len(selection.directives or ())
        if isinstance(selection, FieldNode):
            inner = _extent(selection.selection_set, fragments, known)
            # What is asked for below asOf is a root as well.
            roots += 1 + (inner.roots if selection.name.value == "asOf" else 0)
            inner = Extent(
                inner.depth + 1, inner.fields + 1, 0, inner.aliases + bool(selection.alias), inner.directives
            )
        elif isinstance(selection, InlineFragmentNode):
            inner = _extent(selection.selection_set, fragments, known)
            roots += inner.roots
        else:
            inner = _spread(selection, fragments, known)
            roots += inner.roots
        depth, fields = max(depth, inner.depth), fields + inner.fields
        aliases, directives = aliases + inner.aliases, directives + inner.directives
    return Extent(depth, fields, roots, aliases, directives)


def _spread(
    selection: object, fragments: dict[str, FragmentDefinitionNode], known: dict[str, Extent]
) -> Extent:
    name = selection.name.value if isinstance(selection, FragmentSpreadNode) else ""
    if name not in known:
        known[name] = Extent()  # a cycle counts once here; validation refuses it
        if name in fragments:
            known[name] = _extent(fragments[name].selection_set, fragments, known)
    return known[name]
