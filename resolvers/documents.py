"""Documents: parsed and validated once, kept while they are in use; only accepted ones are kept."""

import re
from collections import OrderedDict
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

from resolvers.limits import check
from resolvers.refusals import Refusal
from resolvers.variables import Variables

MOST_TOKENS = 2_000
MOST_BYTES = 32 * 1024 * 1024
NOTHING = re.compile(r"\\u(?:0000|\{0+\})")
"""The escape of a character that Postgres cannot hold."""
TREE_BYTES = 40
"""About how many bytes of syntax tree a byte of document takes."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of one accepted document. `plans` are its compiled statements, by role and shape."""

    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    document: DocumentNode
    variables: Variables
    plans: dict[object, Any] = field(default_factory=dict)

    @cached_property
    def kind(self) -> Literal["query", "mutation", "subscription"]:
        return self.node.operation.value

    @cached_property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


class Documents:
    """The accepted documents of one schema, the least recently used dropped first."""

    def __init__(self, executable: GraphQLSchema) -> None:
        self.executable = executable
        self._kept: OrderedDict[str, tuple[dict[str | None, Operation], int]] = OrderedDict()
        self._bytes = 0

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
        kept = self._kept.get(query)
        if kept is not None:
            self._kept.move_to_end(query)
            return kept[0]
        operations = self._accept(query)
        size = len(query) * TREE_BYTES
        self._kept[query] = (operations, size)
        self._bytes += size
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
        return operations

    def _accept(self, query: str) -> dict[str | None, Operation]:
        if NOTHING.search(query):
            raise Refusal.of("BAD_USER_INPUT", "U+0000 is no character of a text.")
        try:
            document = parse(query, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            raise Refusal([_formatted(error, "GRAPHQL_PARSE_FAILED")]) from error
        except RecursionError as error:
            raise Refusal.of("GRAPHQL_PARSE_FAILED", "The document is nested too deeply.") from error
        check(document)
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
                operations[name] = Operation(node, fragments, document, Variables(self.executable, node))
        if not operations:
            raise Refusal.of("BAD_REQUEST", "The document has no operation.")
        return operations


def _formatted(error: GraphQLError, code: str) -> dict[str, object]:
    formatted: dict[str, object] = {"message": error.message, "extensions": {"code": code}}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return formatted
