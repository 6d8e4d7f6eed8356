"""What one process tells Prometheus about its doors, with labels that no client can multiply."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector
from starlette.types import Receive, Scope, Send

from fieldgraph.tallies import Tallies

if TYPE_CHECKING:
    from fieldgraph.transport.records import Record

Door = Literal["http", "sse", "websocket"]
Kind = Literal["query", "mutation", "subscription", "unknown"]

OUTCOMES = frozenset({
    "OK", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "BAD_REQUEST",
    "PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_NOT_SUPPORTED", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND",
    "CONFLICT", "RATE_LIMITED", "COST_EXCEEDED", "RESYNC_REQUIRED", "INTERNAL_SERVER_ERROR",
})  # fmt: skip
CLOSE_CODES = frozenset({1001, 1009, 1011, 1012, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429})
REASONS = ("long_alias", "introspection", "field")
"""Why an operation is not compiled: a name past 63 bytes, the schema itself, a field SQL cannot answer."""


class Metrics:
    """Counts requests, times them, and watches sockets; an ASGI callable that answers `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._tallies = Tallies()
        self.registry.register(self._tallies)
        self._sockets = Gauge("fieldgraph_sockets", "Open GraphQL sockets.", registry=self.registry)
        self._streams = Gauge("fieldgraph_event_streams", "Open event streams.", registry=self.registry)
        self._operations = Gauge(
            "fieldgraph_socket_operations", "Operations running over sockets.", registry=self.registry
        )
        self._closings = Counter(
            "fieldgraph_socket_closings",
            "Sockets that the server closed, by close code.",
            ("code",),
            registry=self.registry,
        )

    def operation(self, record: "Record", seconds: float) -> None:
        """One finished operation; an outcome that is no code of ours counts as OTHER."""
        outcome = record.outcome if record.outcome in OUTCOMES else "OTHER"
        self._tallies.count(record, outcome, seconds=seconds)

    def socket_opened(self) -> None:
        self._sockets.inc()

    def socket_left(self) -> None:
        self._sockets.dec()

    def stream_opened(self) -> None:
        self._streams.inc()

    def stream_left(self) -> None:
        self._streams.dec()

    def socket_closed(self, code: int) -> None:
        """The server itself closed a socket, for the reason that `code` names."""
        self._closings.labels(str(code) if code in CLOSE_CODES else "other").inc()

    def operation_started(self) -> None:
        self._operations.inc()

    def operation_ended(self) -> None:
        self._operations.dec()

    def watch_uncompiled(self, counted: Mapping[str, int]) -> None:
        """Tell how many operations went the plain way; `counted` grows by reason, in the executor's words."""
        self.registry.register(_Uncompiled(counted))

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def watch(self, collector: Collector) -> None:
        """Also tell what this one finds when somebody looks."""
        self.registry.register(collector)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers `/metrics`; whoever mounts it decides who may reach it."""
        del scope, receive
        body = self.text()
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Uncompiled(Collector):
    def __init__(self, counted: Mapping[str, int]) -> None:
        self.counted = counted

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "fieldgraph_uncompiled_operations",
            "Queries answered the plain way, by reason.",
            labels=("reason",),
        )
        found = Tally(dict.fromkeys(REASONS, 0))
        for reason, number in list(self.counted.items()):
            found[_reason(reason)] += number
        for name in REASONS:
            family.add_metric((name,), found[name])
        yield family


def _reason(text: str) -> str:
    """One of REASONS: `text` names a field, unless it says otherwise."""
    if text == "long alias":
        return "long_alias"
    return "introspection" if text.startswith("__") else "field"
