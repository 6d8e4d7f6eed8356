"""What one process tells Prometheus about its doors, with labels that no client can multiply."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Receive, Scope, Send

from fieldgraph.tallies import Tallies

if TYPE_CHECKING:
    from fieldgraph.transport.records import Record

Door = Literal["http", "sse", "websocket"]
Kind = Literal["query", "mutation", "subscription", "unknown"]

OUTCOMES = frozenset({
    "OK", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "BAD_REQUEST",
    "PERSISTED_QUERY_NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "RATE_LIMITED",
    "COST_EXCEEDED", "RESYNC_REQUIRED", "INTERNAL_SERVER_ERROR",
})  # fmt: skip
CLOSE_CODES = frozenset({1001, 1009, 1011, 1012, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429})
REASONS = ("long_alias", "introspection", "field")
"""Why an operation is not compiled: a name past 63 bytes, the schema itself, a field SQL cannot answer."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Requests(Collector):
    """Requests by door, kind and outcome, and how long they took: plain numbers until somebody looks.

    The library's own counters lock and look up labels each time, which cost a point read a twentieth.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[Door, Kind, str], int] = {}
        self._times: dict[tuple[Door, Kind], list[int]] = {}
        self._seconds: dict[tuple[Door, Kind], float] = {}

    def count(self, door: Door, kind: Kind, outcome: str, *, seconds: float) -> None:
        key = (door, kind, outcome)
        self._counts[key] = self._counts.get(key, 0) + 1
        if kind == "subscription":
            return
        times = self._times.get(key[:2])
        if times is None:
            times = self._times[key[:2]] = [0] * (len(SECONDS) + 1)
            self._seconds[key[:2]] = 0.0
        times[bisect_left(SECONDS, seconds)] += 1
        self._seconds[key[:2]] += seconds

    def collect(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "fieldgraph_requests",
            "GraphQL operations answered, by door, kind and error code (OK when there was none).",
            labels=("door", "kind", "outcome"),
        )
        for key, number in self._counts.items():
            counted.add_metric(key, number)
        yield counted
        timed = HistogramMetricFamily(
            "fieldgraph_request_seconds",
            "Seconds from the request to its last byte; subscriptions are not timed.",
            labels=("door", "kind"),
        )
        bounds = [*map(str, SECONDS), "+Inf"]
        for labels, times in self._times.items():
            buckets = list(zip(bounds, accumulate(times), strict=True))
            timed.add_metric(labels, buckets, self._seconds[labels])
        yield timed


class Metrics:
    """Counts requests, times them, and watches sockets; an ASGI callable that answers `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Requests()
        self._tallies = Tallies()
        for collector in (self._requests, self._tallies):
            self.registry.register(collector)
        self._sockets = Gauge("fieldgraph_sockets", "Open GraphQL sockets.", registry=self.registry)
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
        self._requests.count(record.door, record.kind, outcome, seconds=seconds)
        self._tallies.count(record, outcome, seconds=seconds)

    def socket_opened(self) -> None:
        self._sockets.inc()

    def socket_left(self) -> None:
        self._sockets.dec()

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
