"""The HTTP door: GraphQL-over-HTTP on one path, as a bare ASGI callable."""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Mapping
from typing import NamedTuple

import orjson
from starlette.types import Message, Receive, Scope, Send

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from fieldgraph.metrics import Kind, Metrics
from fieldgraph.transport import faults, negotiation, requests
from fieldgraph.transport.negotiation import Media
from fieldgraph.transport.patience import Patience
from fieldgraph.transport.ports import Executor
from integrations.identity import Identity
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
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")
ALLOW = (b"allow", b"POST, OPTIONS")
CLOSE = (b"connection", b"close")
CHALLENGE = (b"www-authenticate", b'Bearer realm="fieldgraph"')
ONCE = frozenset(
    {b"authorization", b"content-type", b"content-encoding", b"idempotency-key", b"x-request-id"}
)

Headers = dict[bytes, bytes]


class BodyLimits(NamedTuple):
    """How much of a body is read, and for how long."""

    body_bytes: int = 262_144
    drained_bytes: int = 1_048_576  # read and dropped, so that the client hears the 413 and not a reset
    read_seconds: float = 10.0


class Rejected(Exception):
    """The door itself says no, before GraphQL is asked."""

    def __init__(
        self, status: int, message: str, *headers: tuple[bytes, bytes], code: str = "BAD_REQUEST"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class Gone(Exception):
    """The client left before its body was whole."""


class Reply(NamedTuple):
    """An answer ready to be sent."""

    status: int
    body: bytes
    outcome: str = "OK"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Exchange:
    """One request, as far as it has been understood: what is known so far shapes even a bug's answer."""

    __slots__ = ("headers", "kind", "media", "operation_name", "request_id")

    def __init__(self) -> None:
        self.headers: Headers = {}
        self.kind: Kind = "unknown"
        self.media: Media = negotiation.GRAPHQL
        self.operation_name: str | None = None
        self.request_id = ""


class GraphQLHTTP:
    """Answers POST with JSON; every refusal is a status, a code and a sentence, never a trace."""

    def __init__(
        self, executor: Executor, identity: Identity, *, metrics: Metrics, limits: BodyLimits | None = None
    ) -> None:
        self._executor = executor
        self._identity = identity
        self._metrics = metrics
        self._limits = limits or BodyLimits()
        self._patience = Patience(self._limits.read_seconds)
        self._boot = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        exchange = Exchange()
        try:
            reply = await self._reply(exchange, scope, receive=receive)
        except Gone:
            return
        except Rejected as rejected:
            errors = _errors(rejected.code, str(rejected))
            reply = Reply(rejected.status, _body(errors), rejected.code, rejected.headers)
        except Unauthenticated as error:
            reply = _unauthenticated(error, has_token=b"authorization" in exchange.headers)
        except Refusal as refusal:
            reply = _refused(refusal, exchange.media)
        except Exception:  # noqa: BLE001  # the last place before the server, which would answer without a code
            errors = faults.report(exchange.request_id, exchange.operation_name)
            reply = Reply(500, _body(errors), "INTERNAL_SERVER_ERROR")
        await _send(exchange, reply, send=send)
        seconds = time.perf_counter() - started
        self._metrics.request("http", exchange.kind, outcome=reply.outcome, seconds=seconds)

    async def _reply(self, exchange: Exchange, scope: Scope, *, receive: Receive) -> Reply:
        self._open(exchange, scope["headers"])
        if scope["method"] != "POST":
            return _not_a_post(scope["method"])
        headers = exchange.headers
        media = negotiation.choose(headers.get(b"accept"))
        if media is None:
            raise Rejected(406, f"Answers are {negotiation.GRAPHQL.name} or {negotiation.JSON.name}")
        exchange.media = media
        if not negotiation.is_json(headers.get(b"content-type")):
            raise Rejected(415, "The body must be application/json in UTF-8")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Rejected(415, "Compressed bodies are not accepted")
        viewer = await self._viewer(headers)
        idempotency_key = _idempotency_key(headers)
        parameters = requests.read_body(await self._read(receive))
        operation = self._executor.prepare(parameters.query, parameters.operation_name)
        exchange.kind = operation.kind
        exchange.operation_name = operation.name
        if operation.kind == "subscription":
            raise Rejected(400, "Subscriptions are answered over WebSocket (graphql-transport-ws)")
        variables = parameters.variables
        body = await self._executor.answer(
            operation, variables, viewer=viewer, idempotency_key=idempotency_key
        )
        return Reply(200, body)

    def _open(self, exchange: Exchange, pairs: list[tuple[bytes, bytes]]) -> None:
        """Names the request and keeps its headers; one that must be single is refused when it is not."""
        headers = exchange.headers = dict(pairs)
        given = headers.get(b"x-request-id")
        if given is not None and REQUEST_ID.fullmatch(given):
            exchange.request_id = given.decode("ascii")
        else:
            exchange.request_id = f"{self._boot}-{next(self._numbers):x}"
        if len(headers) == len(pairs):
            return
        names = [name for name, _ in pairs]
        for name in ONCE:
            if names.count(name) > 1:
                raise Rejected(400, f"The header {name.decode()} is there twice")
        if b"accept" in headers:
            headers[b"accept"] = b", ".join(value for name, value in pairs if name == b"accept")

    async def _viewer(self, headers: Headers) -> Viewer:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated("A token is needed: Authorization: Bearer …")
        return await self._identity.viewer(token.strip().decode("latin-1"))

    async def _read(self, receive: Receive) -> bytes:
        task = self._patience.begin()
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                return self._whole(message.get("body", b""))
            return await self._collect(message, receive)
        except asyncio.CancelledError as error:
            if not self._patience.ran_out(task):
                raise
            seconds = self._limits.read_seconds
            raise Rejected(408, f"The body did not arrive within {seconds:g} s", CLOSE) from error
        finally:
            self._patience.end(task)

    async def _collect(self, message: Message, receive: Receive) -> bytes:
        """The rest of a body that comes in pieces, counted as it comes."""
        pieces: list[bytes] = []
        total = 0
        while True:
            if message["type"] != "http.request":
                raise Gone
            piece = message.get("body", b"")
            total += len(piece)
            if total > self._limits.drained_bytes:
                raise self._too_large(CLOSE)
            if total <= self._limits.body_bytes:
                pieces.append(piece)
            if not message.get("more_body", False):
                break
            message = await receive()
        if total > self._limits.body_bytes:
            raise self._too_large()
        return b"".join(pieces)

    def _whole(self, body: bytes) -> bytes:
        if len(body) > self._limits.body_bytes:
            raise self._too_large()
        return body

    def _too_large(self, *headers: tuple[bytes, bytes]) -> Rejected:
        return Rejected(413, f"The body is larger than {self._limits.body_bytes} bytes", *headers)


def _not_a_post(method: str) -> Reply:
    if method == "OPTIONS":
        return Reply(204, b"", "OK", (ALLOW,))
    raise Rejected(405, "Use POST: GET is for trusted documents, and there are none", ALLOW)


def _idempotency_key(headers: Headers) -> str | None:
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Rejected(400, "Idempotency-Key is 1 to 255 printable ASCII characters without spaces")
    return key.decode("ascii")


def _unauthenticated(error: Unauthenticated, *, has_token: bool) -> Reply:
    name, challenge = CHALLENGE
    header = (name, challenge + b', error="invalid_token"') if has_token else CHALLENGE
    errors = _errors(error.code, str(error))
    return Reply(401, _body(errors), error.code, (header,))


def _refused(refusal: Refusal, media: Media) -> Reply:
    if isinstance(refusal, requests.Malformed):
        status = 400
    elif media.is_legacy:
        status = LEGACY_STATUSES.get(refusal.code, 200)
    else:
        status = STATUSES.get(refusal.code, 400)
    return Reply(status, _body(refusal.errors, refusal.extensions), refusal.code)


def _errors(code: str, message: str) -> list[dict[str, object]]:
    return [{"message": message, "extensions": {"code": code}}]


def _body(errors: list[dict[str, object]], extensions: Mapping[str, object] | None = None) -> bytes:
    return orjson.dumps({"errors": errors, "extensions": extensions} if extensions else {"errors": errors})


async def _send(exchange: Exchange, reply: Reply, *, send: Send) -> None:
    headers = [
        exchange.media.header,
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", exchange.request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    if reply.status == 204:
        headers = headers[2:]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
