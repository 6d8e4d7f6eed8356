"""Validation: a text becomes a document that is within the limits and valid, in bounded time."""

import re

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from resolvers import overlaps
from resolvers.limits import Limits
from resolvers.query_costs import Cost
from resolvers.refusals import Refusal

MOST_TOKENS = 2_000
MOST_OPERATIONS = 50
"""In one document: the rules about variables walk every fragment once for each."""
MOST_ERRORS = 20
NOTHING = re.compile(r"\\u(?:0000|\{0+\})")
"""The escape of a character that Postgres cannot hold."""
CHEAP_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]


def validated(limits: Limits, query: str) -> tuple[DocumentNode, dict[OperationDefinitionNode, Cost]]:
    """The document, and what each of its operations costs.

    Raises Refusal for what does not parse, is beyond the limits, or does not fit the schema.

    Places in the text are made only to be told: with them a tree takes 2.5 times the memory, and a full
    cache of trees held everything up for 350 ms whenever the interpreter looked for garbage.
    """
    document = _parsed(query, placed=False)
    costs = limits.check(document)
    operations = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
    if operations > MOST_OPERATIONS:
        message = f"The document has {operations} operations; at most {MOST_OPERATIONS} are allowed."
        raise Refusal.of("COST_EXCEEDED", message)
    if _errors(limits.executable, document):
        errors = _errors(limits.executable, _parsed(query, placed=True))
        raise Refusal([_formatted(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
    if not operations:
        raise Refusal.of("BAD_REQUEST", "The document has no operation.")
    return document, costs


def _errors(executable: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """The one rule that is not linear comes last, when what it would do has been counted."""
    found = validate(executable, document, rules=CHEAP_RULES, max_errors=MOST_ERRORS, hide_suggestions=True)
    if found:
        return found
    overlaps.check(document)
    rules = [OverlappingFieldsCanBeMergedRule]
    return validate(executable, document, rules=rules, max_errors=MOST_ERRORS, hide_suggestions=True)


def _parsed(query: str, *, placed: bool) -> DocumentNode:
    if NOTHING.search(query):
        raise Refusal.of("BAD_USER_INPUT", "U+0000 is no character of a text.")
    try:
        return parse(query, max_tokens=MOST_TOKENS, no_location=not placed)
    except GraphQLError as error:
        raise Refusal([_formatted(error, "GRAPHQL_PARSE_FAILED")]) from error
    except RecursionError as error:
        raise Refusal.of("GRAPHQL_PARSE_FAILED", "The document is nested too deeply.") from error


def _formatted(error: GraphQLError, code: str) -> dict[str, object]:
    formatted: dict[str, object] = {"message": error.message, "extensions": {"code": code}}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return formatted
