"""Answers: the one place that turns errors into what a client is told, and fields into a response."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import orjson
import structlog

from domain.errors import Busy, FieldgraphError, Refused, TooCostly, TooMany
from resolvers import notes
from resolvers.charges import extensions_of
from resolvers.refusals import Refusal

LOG = structlog.get_logger(__name__)


def refused(error: FieldgraphError) -> Refusal:
    """A request error with the code of the business' error."""
    note = notes.CURRENT.get()
    if note is not None:
        note.failure = error.code
    path = getattr(error, "response_path", None)
    extensions: dict[str, object] = {"code": error.code}
    if isinstance(error, TooCostly | TooMany):
        extensions["cost"] = extensions_of(error)
    if isinstance(error, TooMany | Busy):
        extensions["retryAfterSeconds"] = error.seconds
    formatted: dict[str, object] = {"message": str(error), "extensions": extensions}
    if path:
        formatted["path"] = list(path)
    refusal = Refusal([formatted])
    if "cost" in extensions:  # where clients look for it, as well
        refusal.extensions = {"cost": extensions["cost"]}
    return refusal


def masked(error: BaseException) -> dict[str, object]:
    """A bug, told without detail and logged with its id."""
    note = notes.CURRENT.get()
    correlation = note.request_id if note is not None else str(uuid4())
    if note is not None:
        note.failure = "INTERNAL_SERVER_ERROR"
    LOG.error("operation failed", correlation_id=correlation, exc_info=error)
    return {
        "message": "Something went wrong on our side.",
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "correlationId": correlation},
    }


def response(data: Mapping[str, bytes] | None, errors: list[dict[str, object]]) -> Sequence[bytes]:
    """A response put together from fields that are JSON already; its last brace is still to come."""
    body = (
        b"null"
        if data is None
        else b"{" + b",".join(orjson.dumps(key) + b":" + value for key, value in data.items()) + b"}"
    )
    return b'{"data":', body, errors_of(errors)


def errors_of(errors: list[dict[str, object]]) -> bytes:
    """What follows the data in a response; nothing when there is no error."""
    return b',"errors":' + orjson.dumps(errors) if errors else b""


def user_errors(error: Refused) -> list[dict[str, object]]:
    """A rule's no, as the payload's `userErrors`."""
    path = ["input", *error.path] if error.path else []
    return [{"path": path, "message": error.message, "code": error.code}]
