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

from resolvers import limits, overlaps
from resolvers.refusals import Refusal

MOST_TOKENS = 2_000
MOST_OPERATIONS = 50
"""In one document: the rules about variables walk every fragment once for each."""
MOST_ERRORS = 20
NOTHING = re.compile(r"\\u(?:0000|\{0+\})")
"""The escape of a character that Postgres cannot hold."""
CHEAP_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]


def validated(executable: GraphQLSchema, query: str) -> DocumentNode:
    """Raises Refusal for what does not parse, is beyond the limits, or does not fit the schema.

    The one rule that is not linear comes last, when what it would do has been counted.
    """
    document = _parsed(query)
    limits.check(document)
    operations = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
    if operations > MOST_OPERATIONS:
        message = f"The document has {operations} operations; at most {MOST_OPERATIONS} are allowed."
        raise Refusal.of("COST_EXCEEDED", message)
    for rules in (CHEAP_RULES, [OverlappingFieldsCanBeMergedRule]):
        if rules is not CHEAP_RULES:
            overlaps.check(document)
        errors = validate(executable, document, rules=rules, max_errors=MOST_ERRORS, hide_suggestions=True)
        if errors:
            raise Refusal([_formatted(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
    if not operations:
        raise Refusal.of("BAD_REQUEST", "The document has no operation.")
    return document


def _parsed(query: str) -> DocumentNode:
    if NOTHING.search(query):
        raise Refusal.of("BAD_USER_INPUT", "U+0000 is no character of a text.")
    try:
        return parse(query, max_tokens=MOST_TOKENS)
    except GraphQLError as error:
        raise Refusal([_formatted(error, "GRAPHQL_PARSE_FAILED")]) from error
    except RecursionError as error:
        raise Refusal.of("GRAPHQL_PARSE_FAILED", "The document is nested too deeply.") from error


def _formatted(error: GraphQLError, code: str) -> dict[str, object]:
    formatted: dict[str, object] = {"message": error.message, "extensions": {"code": code}}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return formatted
