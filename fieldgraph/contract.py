"""The contract: the SDL that is served, and what in it would break a client of the last release."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    build_ast_schema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    lexicographic_sort_schema,
    parse,
    print_schema,
)
from graphql.language import Node
from graphql.utilities import BreakingChangeType, DangerousChangeType

from resolvers.compiler.shapes import executable_of
from resolvers.root import build
from schema import query_costs

REMOVAL = re.compile(r"removal (\d{4})-(\d{2})\b")
"""What the reason of @deprecated promises (GRAPHQL.md): it may go from the first day of that month."""
HARMLESS = (DangerousChangeType.OPTIONAL_ARG_ADDED, DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED)
"""What no client can notice that does not ask for it."""
PARTS = ("definitions", "fields", "arguments", "values")
"""Where a document keeps what can be deprecated, from the outside in."""


def published() -> str:
    """The SDL, sorted on export only: sorting at run time breaks every enum (strawberry 0.341)."""
    whole = build()
    plain = print_schema(lexicographic_sort_schema(build_schema(whole.as_str())))
    return query_costs.annotated(plain, executable_of(whole)) + "\n"


def differences(released: str, current: str, today: date) -> tuple[list[str], list[str]]:
    """What would break a client of the release, and what might surprise one (allowed, but listed).

    What the release deprecated with a removal date that has come may be gone.
    """
    now = build_schema(current)
    before = _without_lapsed(released, current, today)
    kept = _reachable(before)
    breaking = [
        change.description
        for change in find_breaking_changes(before, now)
        if change.type != BreakingChangeType.TYPE_REMOVED or change.description.split()[0] in kept
    ]
    dangerous = [
        change.description for change in find_dangerous_changes(before, now) if change.type not in HARMLESS
    ]
    return breaking, dangerous


def _without_lapsed(released: str, current: str, today: date) -> GraphQLSchema:
    """The released schema less what was announced to go, has come due, and is gone."""
    document = _kept(parse(released), _paths(parse(current)), today)
    return build_ast_schema(document, assume_valid=True)


def _kept(node: Any, still: set[tuple[str, ...]], today: date, path: tuple[str, ...] = ()) -> Any:
    """The node without what may be gone and is; nodes cannot be changed, so a new one."""
    parts = {}
    for part in PARTS:
        inner = getattr(node, part, None)
        if inner:
            parts[part] = tuple(
                _kept(one, still, today, (*path, _name(one)))
                for one in inner
                if (*path, _name(one)) in still or not lapsed(_deprecation(one), today)
            )
    return replace(node, **parts)


def _paths(document: DocumentNode) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()

    def walk(node: Node, path: tuple[str, ...]) -> None:
        for part in PARTS:
            for one in getattr(node, part, None) or ():
                found.add((*path, _name(one)))
                walk(one, (*path, _name(one)))

    walk(document, ())
    return found


def _name(node: Node) -> str:
    name = getattr(node, "name", None)
    return str(name.value) if name else node.kind


def _deprecation(node: Node) -> str | None:
    """The reason of a definition's @deprecated."""
    for directive in getattr(node, "directives", None) or ():
        if directive.name.value == "deprecated":
            reasons: Iterable[str] = (
                one.value.value for one in directive.arguments if one.name.value == "reason"
            )
            return next(iter(reasons), "")
    return None


def lapsed(reason: str | None, today: date) -> bool:
    """Whether what was deprecated for this reason may be removed by now."""
    found = REMOVAL.search(reason or "")
    if found is None or not 1 <= int(found[2]) <= 12:
        return False
    return date(int(found[1]), int(found[2]), 1) <= today


def _reachable(whole: GraphQLSchema) -> set[str]:
    """Types that a client can still come by; others went with the last field that led to them."""
    nodes = [
        kind for kind in whole.type_map.values() if isinstance(kind, GraphQLObjectType) and kind.interfaces
    ]
    used = GraphQLSchema(
        whole.query_type,
        whole.mutation_type,
        whole.subscription_type,
        directives=whole.directives,
        types=nodes,
    )
    return set(used.type_map)
