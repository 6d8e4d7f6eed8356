"""Replies: what one HTTP request is answered as a whole, from a status and a code to the bytes."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import orjson
from starlette.types import Send

from domain.errors import Unauthenticated
from fieldgraph.transport import frames, negotiation, requests
from fieldgraph.transport.negotiation import Media
from resolvers.refusals import Refusal

STATUSES = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "CONFLICT": 409,
    "RATE_LIMITED": 429,
    "INTERNAL_SERVER_ERROR": 500,
}
# What a legacy answer keeps of those: the rest are 200, as clients of that media type expect.
LEGACY_STATUSES = {"UNAUTHENTICATED": 401, "RATE_LIMITED": 429, "INTERNAL_SERVER_ERROR": 500}
CLOSE = (b"connection", b"close")
CHALLENGE = (b"www-authenticate", b'Bearer realm="fieldgraph"')


class Rejected(Exception):
    """The door itself says no, before GraphQL is asked."""

    def __init__(
        self, status: int, message: str, *headers: tuple[bytes, bytes], code: str = "BAD_REQUEST"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class Reply(NamedTuple):
    """An answer ready to be sent."""

    status: int
    body: bytes
    outcome: str = "OK"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media: Media | None = None
    """What the body is written in, where that is not what was negotiated."""


def rejected(reason: Rejected) -> Reply:
    return Reply(reason.status, body(errors(reason.code, str(reason))), reason.code, reason.headers)


def unauthenticated(error: Unauthenticated, *, has_token: bool) -> Reply:
    name, challenge = CHALLENGE
    header = (name, challenge + b', error="invalid_token"') if has_token else CHALLENGE
    return Reply(401, body(errors(error.code, str(error))), error.code, (header,))


def refused(refusal: Refusal, media: Media) -> Reply:
    """A request error: a status under the current media type; mostly 200 under a legacy one or in events."""
    said = body(refusal.errors, refusal.extensions)
    status = STATUSES.get(refusal.code, 400)
    if isinstance(refusal, requests.Malformed):
        status = 400
    elif media is negotiation.EVENTS and refusal.code not in LEGACY_STATUSES:
        # A client of events reads no body but these, and takes another status for a fault of the network.
        return Reply(200, frames.following(said) + frames.COMPLETE, refusal.code, media=media)
    elif media.is_legacy:
        status = LEGACY_STATUSES.get(refusal.code, 200)
    seconds = refusal.retry_after_seconds
    # RFC 9110, 10.2.3 knows whole seconds only, and one that is too early would be refused again.
    headers = () if seconds is None else ((b"retry-after", b"%d" % max(0, math.ceil(seconds))),)
    return Reply(status, said, refusal.code, headers)


def errors(code: str, message: str) -> list[dict[str, object]]:
    return [{"message": message, "extensions": {"code": code}}]


def body(told: list[dict[str, object]], extensions: Mapping[str, object] | None = None) -> bytes:
    return orjson.dumps({"errors": told, "extensions": extensions} if extensions else {"errors": told})


async def send(reply: Reply, media: Media, request_id: str, *, to: Send) -> None:
    """A reply that names no media of its own is JSON, of the kind that was negotiated."""
    json = media if media is not negotiation.EVENTS else negotiation.GRAPHQL
    headers = [
        (reply.media or json).header,
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    if reply.status == 204:
        headers = headers[2:]
    await to({"type": "http.response.start", "status": reply.status, "headers": headers})
    await to({"type": "http.response.body", "body": reply.body})
