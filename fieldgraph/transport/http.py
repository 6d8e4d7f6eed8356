"""The HTTP door: GraphQL-over-HTTP on one path, as a bare ASGI callable."""

import itertools
import re
import secrets

from starlette.types import Receive, Scope, Send

from domain.errors import Busy, Unauthenticated
from domain.viewers import Viewer
from fieldgraph.transport import faults, negotiation, replies, requests
from fieldgraph.transport.bodies import Bodies, BodyLimits, Gone
from fieldgraph.transport.events import EventStreams, Followed
from fieldgraph.transport.negotiation import Accepted
from fieldgraph.transport.observers import Observer
from fieldgraph.transport.ports import Executor, Operation
from fieldgraph.transport.records import Record
from fieldgraph.transport.replies import Rejected, Reply
from fieldgraph.transport.requests import Parameters
from integrations.identity import Identity
from resolvers import notes
from resolvers.answers import refused
from resolvers.refusals import Refusal

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")
ADDRESS_BYTES_MOST = 16_384
ALLOW = (b"allow", b"GET, POST, OPTIONS")
ALLOW_POST = (b"allow", b"POST, OPTIONS")
ONCE = frozenset(
    {b"authorization", b"content-type", b"content-encoding", b"idempotency-key", b"x-request-id"}
)

Headers = dict[bytes, bytes]


class Exchange(Record):
    """One request, as far as it has been understood: what is known so far shapes even a bug's answer."""

    accepted: Accepted = negotiation.CURRENT
    headers: Headers

    def __init__(self) -> None:
        super().__init__("http")
        self.headers = {}


class GraphQLHTTP:
    """Answers with JSON, or with events; every refusal is a status, a code and a sentence, never a trace."""

    def __init__(
        self,
        executor: Executor,
        identity: Identity,
        *,
        observer: Observer,
        events: EventStreams,
        limits: BodyLimits | None = None,
    ) -> None:
        self._executor = executor
        self._identity = identity
        self._observer = observer
        self._events = events
        self._bodies = Bodies(limits or BodyLimits())
        self._boot = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange()
        notes.CURRENT.set(exchange)
        try:
            answer = await self._answer(exchange, scope, receive=receive)
            if isinstance(answer, Followed):
                exchange.door = "sse"
                await self._follow(answer, receive=receive, send=send)
                self._observer.end(exchange)
                return
            reply = answer
        except Gone:
            return
        except Rejected as reason:
            reply = replies.rejected(reason)
        except Unauthenticated as error:
            reply = replies.unauthenticated(error, has_token=b"authorization" in exchange.headers)
        except Busy as error:
            reply = replies.refused(refused(error), exchange.accepted.media)
        except Refusal as refusal:
            reply = replies.refused(refusal, exchange.accepted.media)
        except Exception:  # noqa: BLE001  # the last place before the server, which would answer without a code
            errors = faults.report(exchange.request_id, exchange.name)
            reply = Reply(500, replies.body(errors), "INTERNAL_SERVER_ERROR")
        await replies.send(reply, exchange.accepted.media, exchange.request_id, to=send)
        exchange.outcome = reply.outcome
        exchange.status = reply.status
        exchange.bytes = len(reply.body)
        self._observer.end(exchange)

    async def _follow(self, followed: Followed, *, receive: Receive, send: Send) -> None:
        metrics = self._observer.metrics
        metrics.stream_opened()
        try:
            await self._events.serve(followed, receive=receive, send=send)
        finally:
            metrics.stream_left()

    async def _answer(self, exchange: Exchange, scope: Scope, *, receive: Receive) -> Reply | Followed:
        self._open(exchange, scope["headers"])
        is_post = scope["method"] == "POST"
        if not is_post and scope["method"] != "GET":
            return _not_asked(scope["method"])
        headers = exchange.headers
        accepted = negotiation.choose(headers.get(b"accept"))
        if accepted is None:
            names = (negotiation.GRAPHQL.name, negotiation.JSON.name, negotiation.EVENTS.name)
            raise Rejected(406, f"Answers are {', '.join(names)}")
        exchange.accepted = accepted
        if is_post:
            _check_content(headers)
        token, address = _token(headers), _address(scope)
        viewer = exchange.viewer = await self._identity.viewer(token, address=address)  # no strangers' bodies
        if is_post:
            parameters = requests.read_body(await self._bodies.read(receive))
        else:
            parameters = _read_address(scope["query_string"])
        operation = await self._executor.prepare(parameters.ref, parameters.operation_name, viewer=viewer)
        # A body may take its time, and so may a document's turn: who asks counts when it is done.
        viewer = exchange.viewer = await self._identity.viewer(token, address=address)
        exchange.know(operation)
        self._observer.begin(exchange)
        if not is_post and operation.kind == "mutation":
            raise Rejected(405, "GET changes nothing: POST a mutation", ALLOW_POST)
        key = _idempotency_key(headers)
        if operation.is_streamed or accepted.media is negotiation.EVENTS:
            return self._followed(exchange, operation, parameters, asker=(viewer, token, key), scope=scope)
        return Reply(
            200,
            await self._executor.answer(operation, parameters.variables, viewer=viewer, idempotency_key=key),
        )

    def _followed(
        self,
        exchange: Exchange,
        operation: Operation,
        parameters: Parameters,
        *,
        asker: tuple[Viewer, str, str | None],
        scope: Scope,
    ) -> Followed:
        if not exchange.accepted.events:
            asked = "Queries @live" if operation.kind == "query" else "Subscriptions"
            raise Rejected(
                400, f"{asked} are answered over WebSocket (graphql-transport-ws), or as text/event-stream"
            )
        viewer, token, key = asker
        return Followed(operation, parameters.variables, viewer, token, _address(scope), exchange, key)

    def _open(self, exchange: Exchange, pairs: list[tuple[bytes, bytes]]) -> None:
        """Names the request and keeps its headers; one that must be single is refused when it is not."""
        headers = exchange.headers = dict(pairs)
        given = headers.get(b"x-request-id")
        if given is not None and REQUEST_ID.fullmatch(given):
            exchange.request_id = given.decode("ascii")
        else:
            exchange.request_id = f"{self._boot}-{next(self._numbers):x}"
        if b"traceparent" in headers:
            exchange.follow(headers[b"traceparent"].decode("latin-1"))
        if len(headers) == len(pairs):
            return
        names = [name for name, _ in pairs]
        for name in ONCE:
            if names.count(name) > 1:
                raise Rejected(400, f"The header {name.decode()} is there twice")
        if b"accept" in headers:
            headers[b"accept"] = b", ".join(value for name, value in pairs if name == b"accept")


def _token(headers: Headers) -> str:
    """Of a header that no browser sends by itself: other pages cannot even ask by GET."""
    scheme, _, said = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthenticated("A token is needed: Authorization: Bearer …")
    return said.strip().decode("latin-1")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _check_content(headers: Headers) -> None:
    if not negotiation.is_json(headers.get(b"content-type")):
        raise Rejected(415, "The body must be application/json in UTF-8")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Rejected(415, "Compressed bodies are not accepted", (b"accept-encoding", b"identity"))


def _read_address(query_string: bytes) -> Parameters:
    if len(query_string) > ADDRESS_BYTES_MOST:
        raise Rejected(414, f"The address has more than {ADDRESS_BYTES_MOST} bytes of parameters")
    parameters = requests.read_address(query_string)
    if parameters.ref.query is not None:
        # What is in an address is logged on its way, and cached by whoever likes to.
        raise Rejected(405, "GET is for trusted documents (documentId): POST a text", ALLOW_POST)
    return parameters


def _not_asked(method: str) -> Reply:
    if method == "OPTIONS":
        return Reply(204, b"", "OK", (ALLOW,))
    raise Rejected(405, "POST a request, or GET a trusted document", ALLOW)


def _idempotency_key(headers: Headers) -> str | None:
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Rejected(400, "Idempotency-Key is 1 to 255 printable ASCII characters without spaces")
    return key.decode("ascii")
