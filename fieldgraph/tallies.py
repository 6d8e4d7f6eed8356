"""Tallies: what operations have come to, by door and by name, with names that no client can multiply."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from fieldgraph.transport.records import Record

NAMES_MOST = 100
"""Of operations that are in no manifest, for the life of a process."""
UNNAMED, OTHER = "unnamed", "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COARSE = (0.005, 0.025, 0.1, 0.5, 2.5)
"""By name: each bound is a series for each name."""
LABELS = ("operation", "kind", "trusted")

Key = tuple[str | None, str, str, bool]
"""Name, kind, door, and whether the document is trusted."""


class Tally:
    """Of one name at one door."""

    __slots__ = ("actual", "outcomes", "requested", "seconds", "times")

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.times = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.requested = 0
        self.actual = 0

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.times = [mine + theirs for mine, theirs in zip(self.times, other.times, strict=True)]
        self.seconds += other.seconds
        self.requested += other.requested
        self.actual += other.actual

    def buckets(self, bounds: tuple[float, ...]) -> list[tuple[str, float]]:
        """As a histogram has them: how many took at most so long."""
        sums = list(accumulate(self.times))
        return [*((str(bound), sums[SECONDS.index(bound)]) for bound in bounds), ("+Inf", sums[-1])]


class Tallies(Collector):
    """Plain numbers until somebody looks: the library's own counters cost a point read a twentieth.

    A manifest's names all have a label of their own; of others the first hundred that were answered without
    an error. What is refused takes no label, so that one who floods with names has to be let in, and to pay,
    for each. The rest are `other`.
    """

    def __init__(self) -> None:
        self._tallies: dict[Key, Tally] = {}
        self._names: set[str] = set()

    def count(self, record: "Record", outcome: str, *, seconds: float) -> None:
        is_trusted = record.document_id is not None
        tally = self._tallies.get((record.name, record.kind, record.door, is_trusted))
        if tally is None:
            tally = self._of(record, is_trusted=is_trusted)
        tally.outcomes[outcome] += 1
        if record.requested is not None:
            tally.requested += record.requested
            tally.actual += record.actual or 0
        if record.items is None:
            tally.times[bisect_left(SECONDS, seconds)] += 1
            tally.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        yield from self._by_door()
        yield from self._by_name()

    def _by_door(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "fieldgraph_requests",
            "GraphQL operations answered, by door, kind and error code (OK when there was none).",
            labels=("door", "kind", "outcome"),
        )
        timed = HistogramMetricFamily(
            "fieldgraph_request_seconds",
            "Seconds from the request to its last byte; what is streamed is not timed.",
            labels=("door", "kind"),
        )
        for labels, tally in self._summed(lambda key: (key[2], key[1])).items():
            for outcome, number in tally.outcomes.items():
                counted.add_metric((*labels, outcome), number)
            if any(tally.times):
                timed.add_metric(labels, tally.buckets(SECONDS), tally.seconds)
        yield from (counted, timed)

    def _by_name(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "fieldgraph_operations",
            "Operations by name, kind, whether of a manifest, and error code (OK when there was none).",
            labels=(*LABELS, "outcome"),
        )
        timed = HistogramMetricFamily(
            "fieldgraph_operation_seconds",
            "Seconds from the request to its last byte, by operation; what is streamed is not timed.",
            labels=LABELS,
        )
        cost = CounterMetricFamily(
            "fieldgraph_operation_points",
            "Points of cost by operation: set aside before it ran (requested), and taken (actual).",
            labels=(*LABELS, "of"),
        )
        for labels, tally in self._summed(_labels).items():
            for outcome, number in tally.outcomes.items():
                counted.add_metric((*labels, outcome), number)
            if any(tally.times):
                timed.add_metric(labels, tally.buckets(COARSE), tally.seconds)
            cost.add_metric((*labels, "requested"), tally.requested)
            cost.add_metric((*labels, "actual"), tally.actual)
        yield from (counted, timed, cost)

    def _summed(self, labels: Callable[[Key], tuple[str, ...]]) -> dict[tuple[str, ...], Tally]:
        found: dict[tuple[str, ...], Tally] = {}
        for key, tally in self._tallies.items():
            found.setdefault(labels(key), Tally()).add(tally)
        return found

    def _of(self, record: "Record", *, is_trusted: bool) -> Tally:
        name = record.name
        if name is not None and not is_trusted and name not in self._names:
            if record.outcome == "OK" and len(self._names) < NAMES_MOST:
                self._names.add(name)
            else:
                name = OTHER
        return self._tallies.setdefault((name, record.kind, record.door, is_trusted), Tally())


def _labels(key: Key) -> tuple[str, ...]:
    name, kind, _, is_trusted = key
    return (UNNAMED if name is None else name, kind, "true" if is_trusted else "false")
