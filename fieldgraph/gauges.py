"""Gauges: what the parts of a process know about themselves, asked only when somebody looks."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.buckets import Buckets
from integrations.identity import Identity
from realtime.hub import Hub
from resolvers.connections import Connections
from resolvers.execution import Executor

LOOK_SECONDS = 0.1
WINDOW_LOOKS = 100
WINDOWS = 6
"""The worst is that of the last minute, so that several scrapers see the same."""
REASONS_MOST = 40


class Lag:
    """How late the event loop comes back to who is due: ten looks a second, the worst of the last minute."""

    def __init__(self) -> None:
        self._windows: deque[float] = deque([0.0], maxlen=WINDOWS)

    @property
    def worst_seconds(self) -> float:
        return max(self._windows)

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            worst = 0.0
            self._windows.append(worst)
            for _ in range(WINDOW_LOOKS):
                due = loop.time() + LOOK_SECONDS
                await asyncio.sleep(LOOK_SECONDS)
                worst = max(worst, loop.time() - due)
                self._windows[-1] = worst


class Parts(NamedTuple):
    """Whom to ask."""

    executor: Executor
    connections: Connections
    identity: Identity
    hub: Hub
    buckets: Buckets | None
    lag: Lag


class Gauges(Collector):
    """All of it, at the moment of the look; no label of it is a client's."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        yield from self._documents()
        yield from self._buckets()
        yield from self._identity()
        yield from self._state()
        yield from self._followed()

    def _documents(self) -> Iterator[Metric]:
        documents = self._parts.executor.documents
        counts = documents.counts
        yield _counted(
            "fieldgraph_documents",
            "Documents asked for: of the manifest, kept from before, or not known.",
            "found",
            {"trusted": counts.trusted, "kept": counts.kept, "new": counts.new},
        )
        yield CounterMetricFamily(
            "fieldgraph_documents_looked_at", "Documents parsed and validated.", counts.looks
        )
        yield CounterMetricFamily(
            "fieldgraph_documents_wait_seconds",
            "Seconds that new documents waited for their turn to be parsed.",
            documents.queues.waited_seconds,
        )
        yield GaugeMetricFamily(
            "fieldgraph_documents_waiting",
            "New documents that are not looked at yet.",
            documents.queues.waiting,
        )

    def _buckets(self) -> Iterator[Metric]:
        buckets = self._parts.buckets
        if buckets is None:
            return
        yield _counted(
            "fieldgraph_cost_points",
            "Points of cost that operations asked for, by whether they were let in.",
            "state",
            {"granted": buckets.spent, "refused": buckets.refused},
        )
        yield GaugeMetricFamily(
            "fieldgraph_bucket_leases", "Clients for whom this process holds points.", buckets.leases
        )

    def _identity(self) -> Iterator[Metric]:
        identity = self._parts.identity
        yield CounterMetricFamily(
            "fieldgraph_identity_lookups", "Questions to the database about who somebody is.", identity.asked
        )
        reasons = identity.rejections.totals.most_common(REASONS_MOST)
        yield _counted("fieldgraph_tokens_refused", "Tokens refused, by reason.", "reason", dict(reasons))

    def _state(self) -> Iterator[Metric]:
        connections, hub = self._parts.connections, self._parts.hub
        yield GaugeMetricFamily(
            "fieldgraph_reads_used", "Connections that read at present.", connections.used
        )
        yield GaugeMetricFamily("fieldgraph_reads_most", "How many there may be.", connections.most)
        yield GaugeMetricFamily("fieldgraph_reads_waiting", "Reads that wait for one.", connections.waiting)
        yield CounterMetricFamily("fieldgraph_reads_waited", "Reads that had to wait.", connections.waits)
        yield GaugeMetricFamily(
            "fieldgraph_hub_behind_seconds", "Seconds since the event log was last read.", hub.behind_seconds
        )
        yield GaugeMetricFamily(
            "fieldgraph_hub_hinted", "1 while the broker brings hints of other processes.", int(hub.is_hinted)
        )
        yield GaugeMetricFamily("fieldgraph_hub_subscriptions", "Readers of events.", hub.subscriptions)
        yield GaugeMetricFamily("fieldgraph_tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))
        yield GaugeMetricFamily(
            "fieldgraph_loop_lag_seconds",
            "The longest that the event loop was late in the last minute.",
            self._parts.lag.worst_seconds,
        )

    def _followed(self) -> Iterator[Metric]:
        """What is worked out once for many."""
        executor = self._parts.executor
        cohorts, live, shared = executor.streams.cohorts, executor.live, executor.shared
        yield GaugeMetricFamily(
            "fieldgraph_cohorts", "Subscriptions that are executed, each for all its followers.", len(cohorts)
        )
        yield GaugeMetricFamily("fieldgraph_cohort_members", "Who follows one.", cohorts.members)
        yield GaugeMetricFamily(
            "fieldgraph_live_cohorts", "Live queries that are run, each for all its followers.", live.cohorts
        )
        yield GaugeMetricFamily("fieldgraph_live_followers", "Who follows one.", live.followers)
        yield CounterMetricFamily(
            "fieldgraph_shared_answers", "Queries that were answered by another's run.", shared.hits
        )


def _counted(name: str, words: str, label: str, numbers: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=(label,))
    for value, number in numbers.items():
        family.add_metric((value,), number)
    return family
