"""The parameters of a GraphQL request, read from JSON that nobody has checked yet."""

import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson

from resolvers.documents import DocumentRef
from resolvers.refusals import Refusal

DEPTH_MOST = (
    64  # levels of nesting in variables: far above any input type, far below Python's recursion limit
)
PARAMETERS_MOST = 16


class Malformed(Refusal):
    """No well-formed GraphQL request: 400 under every media type."""


class Parameters(NamedTuple):
    """One request, by the names of GraphQL-over-HTTP."""

    ref: DocumentRef
    operation_name: str | None
    variables: Mapping[str, object]
    traceparent: str | None = None
    """W3C's, in `extensions`, for who has no headers."""


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
    if _may_repeat(body):
        _check_names(body)
    check_values(parameters.variables, body)
    return parameters


def read_address(query_string: bytes) -> Parameters:
    """The parameters in an address, `variables` and `extensions` as JSON; anything else raises Malformed."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MOST,
        )
    except ValueError as error:  # what is not UTF-8 is one as well
        raise malformed("The address does not hold parameters in UTF-8") from error
    payload: dict[str, object] = dict(pairs)
    if len(payload) < len(pairs):
        raise malformed("The address has a parameter twice")
    for name in ("variables", "extensions"):
        if name in payload:
            try:
                payload[name] = orjson.loads(str(payload[name]))
            except orjson.JSONDecodeError as error:
                raise malformed(f"`{name}` is not JSON") from error
    parameters = read_parameters(payload)
    check_values(parameters.variables, orjson.dumps(parameters.variables))
    return parameters


def read_parameters(payload: object) -> Parameters:
    """The parameters in a JSON value; a wrong type raises Malformed. Unknown members are ignored."""
    if type(payload) is not dict:
        raise malformed("A request is a JSON object")
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
    query = payload.get("query")
    traceparent = None
    if extensions or "documentId" in payload:
        said = (extensions or {}).get("traceparent")
        traceparent = said if isinstance(said, str) else None
        ref = _reference(query, payload.get("documentId"), extensions or {})
        if ref is not None:
            return Parameters(ref, operation_name, variables, traceparent)
    if type(query) is not str:
        raise malformed("`query` must be a string" if "query" in payload else "`query` is missing")
    return Parameters(DocumentRef(query), operation_name, variables, traceparent)


def _reference(query: object, document_id: object, extensions: Mapping[str, object]) -> DocumentRef | None:
    """The document by its id or its hash; None for a request that has neither.

    An empty text beside them is none: clients whose types ask for `query` send that.
    """
    if query is not None and type(query) is not str:
        raise malformed("`query` must be a string")
    if document_id is not None and (type(document_id) is not str or not document_id):
        raise malformed("`documentId` must be a string or null")
    if document_id and query:
        raise malformed("`query` and `documentId` are two documents: send one of them")
    persisted = extensions.get("persistedQuery")
    digest = None
    if isinstance(persisted, dict):
        digest = persisted.get("sha256Hash")
        if type(digest) is not str or persisted.get("version", 1) != 1:
            raise malformed("`extensions.persistedQuery` is {version: 1, sha256Hash: a string}")
    if document_id is None and digest is None:
        return None
    return DocumentRef(query or None, document_id, digest)


def _may_repeat(body: bytes) -> bool:
    """Whether a member of a request may be there twice, by its name or by escapes of the letters in it.

    Written out, since a loop over the names took a microsecond of each request.
    """
    return (
        body.count(b'"query"') > 1
        or body.count(b'"variables"') > 1
        or body.count(b'"operationName"') > 1
        or body.count(b'"documentId"') > 1
        or body.count(b'"extensions"') > 1
        or b"\\u004" in body
        or b"\\u006" in body
        or b"\\u007" in body
    )


def _check_names(body: bytes) -> None:
    """Refuses an object with a name twice: a proxy's rule or a log might read another request than we do."""
    try:
        json.loads(body, object_pairs_hook=_once)
    except RecursionError as error:
        raise malformed("The body is nested too deeply") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise malformed("An object has a name twice")
    return found


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
