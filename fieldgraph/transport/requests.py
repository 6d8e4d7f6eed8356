"""The parameters of a GraphQL request, read from JSON that nobody has checked yet."""

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from resolvers.documents import DocumentRef
from resolvers.refusals import Refusal

DEPTH_MOST = (
    64  # levels of nesting in variables: far above any input type, far below Python's recursion limit
)


class Malformed(Refusal):
    """No well-formed GraphQL request: 400 under every media type."""


class Parameters(NamedTuple):
    """One request, by the names of GraphQL-over-HTTP."""

    ref: DocumentRef
    operation_name: str | None
    variables: Mapping[str, object]


def malformed(message: str) -> Malformed:
    return Malformed.of("BAD_REQUEST", message)


def read_body(body: bytes) -> Parameters:
    """The parameters in an HTTP body; anything else raises Malformed."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed("The body is not JSON in UTF-8") from error
    if type(payload) is list:
        raise malformed("Batches are not accepted: send one request a body")
    parameters = read_parameters(payload)
    check_values(parameters.variables, body)
    return parameters


def read_parameters(payload: object) -> Parameters:
    """The parameters in a JSON value; a wrong type raises Malformed. Unknown members are ignored."""
    if type(payload) is not dict:
        raise malformed("A request is a JSON object")
    query = payload.get("query")
    if type(query) is not str:
        raise malformed("`query` must be a string" if "query" in payload else "`query` is missing")
    operation_name = payload.get("operationName")
    if operation_name is not None and type(operation_name) is not str:
        raise malformed("`operationName` must be a string or null")
    variables = payload.get("variables")
    if variables is None:
        variables = {}
    elif type(variables) is not dict:
        raise malformed("`variables` must be an object or null")
    extensions = payload.get("extensions")
    if extensions is not None and type(extensions) is not dict:
        raise malformed("`extensions` must be an object or null")
    return Parameters(DocumentRef(query), operation_name, variables)


def check_values(variables: Mapping[str, object], source: bytes) -> None:
    """Refuses what JSON can say but nothing behind us can hold: bottomless nesting and U+0000.

    `source` is the text that the variables came from; counting its brackets spares the walk almost
    always. Postgres stores no U+0000 in text, so it could only end as an error there.
    """
    if source.count(b"[") + source.count(b"{") <= DEPTH_MOST and b"\\u0000" not in source:
        return
    level: list[object] = [variables]
    for _ in range(DEPTH_MOST):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, dict):
                deeper += value.keys()
                deeper += value.values()
            elif isinstance(value, list):
                deeper += value
            elif isinstance(value, str) and "\0" in value:
                raise malformed("`variables` hold the character U+0000")
        if not deeper:
            return
        level = deeper
    raise malformed(f"`variables` are nested deeper than {DEPTH_MOST} levels")
