"""Documents: parsed and validated once, kept while they are in use; only accepted ones are kept."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from domain.viewers import Role
from resolvers.costs import Cost
from resolvers.kept import Kept
from resolvers.limits import Limits
from resolvers.refusals import Refusal
from resolvers.variables import Variables

MOST_TOKENS = 2_000
MOST_BYTES = 32 * 1024 * 1024
NOTHING = re.compile(r"\\u(?:0000|\{0+\})")
"""The escape of a character that Postgres cannot hold."""
DOCUMENT_BYTES = 6_000
TREE_BYTES = 95
"""About how many bytes a document takes, and how many more each byte of its text: its syntax tree."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of one accepted document. `forbidden` is what was found out about it, by role."""

    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    document: DocumentNode
    variables: Variables
    size: int
    """About how many bytes its document takes."""
    cost: Cost
    forbidden: dict[Role, Any] = field(default_factory=dict)

    @cached_property
    def kind(self) -> Literal["query", "mutation", "subscription"]:
        return self.node.operation.value

    @cached_property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


class Documents:
    """The accepted documents of one schema, the least recently used dropped first."""

    def __init__(self, executable: GraphQLSchema, *, most_bytes: int = MOST_BYTES) -> None:
        self.executable = executable
        self.limits = Limits(executable)
        self.kept: Kept[str, dict[str | None, Operation]] = Kept(most_bytes)

    def operation(self, query: str, name: str | None) -> Operation:
        """Raises Refusal for what does not parse, validate, or name one operation."""
        operations = self._operations(query)
        if name is None and len(operations) == 1:
            return next(iter(operations.values()))
        if name is None:
            raise Refusal.of("BAD_REQUEST", "The document has several operations: say operationName.")
        if name not in operations:
            raise Refusal.of("BAD_REQUEST", f"The document has no operation “{name[:60]}”.")
        return operations[name]

    def _operations(self, query: str) -> dict[str | None, Operation]:
        found = self.kept.get(query)
        if found is None:
            found = self._accept(query)
            self.kept.put(query, found, size=_size(query))
        return found

    def _accept(self, query: str) -> dict[str | None, Operation]:
        if NOTHING.search(query):
            raise Refusal.of("BAD_USER_INPUT", "U+0000 is no character of a text.")
        try:
            document = parse(query, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            raise Refusal([_formatted(error, "GRAPHQL_PARSE_FAILED")]) from error
        except RecursionError as error:
            raise Refusal.of("GRAPHQL_PARSE_FAILED", "The document is nested too deeply.") from error
        costs = self.limits.check(document)
        errors = validate(
            self.executable, document, rules=specified_rules, max_errors=20, hide_suggestions=True
        )
        if errors:
            raise Refusal([_formatted(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        operations: dict[str | None, Operation] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                name = node.name.value if node.name else None
                operations[name] = Operation(
                    node, fragments, document, Variables(self.executable, node), _size(query), costs[node]
                )
        if not operations:
            raise Refusal.of("BAD_REQUEST", "The document has no operation.")
        return operations


def _size(query: str) -> int:
    return DOCUMENT_BYTES + len(query) * TREE_BYTES


def _formatted(error: GraphQLError, code: str) -> dict[str, object]:
    formatted: dict[str, object] = {"message": error.message, "extensions": {"code": code}}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return formatted
