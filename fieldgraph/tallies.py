"""Tallies: what each operation by its name has come to, with names that no client can multiply."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from fieldgraph.transport.records import Record

NAMES_MOST = 100
"""Of operations that are in no manifest, for the life of a process."""
UNNAMED, OTHER = "unnamed", "other"
SECONDS = (0.005, 0.025, 0.1, 0.5, 2.5)
LABELS = ("operation", "kind", "trusted")

Key = tuple[str | None, str, bool]


class Tally:
    """Of one operation's name."""

    __slots__ = ("actual", "outcomes", "requested", "seconds", "times")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.times = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.requested = 0
        self.actual = 0


class Tallies(Collector):
    """By name, kind, and whether the document is trusted: a manifest's names all have a label of their own.

    Of others the first hundred that were answered without an error: what is refused takes no label, so
    that one who floods with names has to be let in, and to pay, for each. The rest are `other`.
    """

    def __init__(self) -> None:
        self._tallies: dict[Key, Tally] = {}
        self._names: set[str] = set()

    def count(self, record: "Record", outcome: str, *, seconds: float) -> None:
        trusted = record.document_id is not None
        tally = self._tallies.get((record.name, record.kind, trusted))
        if tally is None:
            tally = self._of(record, trusted=trusted)
        outcomes = tally.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        tally.requested += record.requested or 0
        tally.actual += record.actual or 0
        if record.items is None:
            tally.times[bisect_left(SECONDS, seconds)] += 1
            tally.seconds += seconds

    def collect(self) -> Iterator[Metric]:
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
        for (name, kind, is_trusted), tally in self._tallies.items():
            labels = (UNNAMED if name is None else name, kind, "true" if is_trusted else "false")
            for outcome, number in tally.outcomes.items():
                counted.add_metric((*labels, outcome), number)
            bounds = zip((*map(str, SECONDS), "+Inf"), accumulate(tally.times), strict=True)
            timed.add_metric(labels, list(bounds), tally.seconds)
            cost.add_metric((*labels, "requested"), tally.requested)
            cost.add_metric((*labels, "actual"), tally.actual)
        yield from (counted, timed, cost)

    def _of(self, record: "Record", *, trusted: bool) -> Tally:
        name = record.name
        if name is not None and not trusted:
            if name in (UNNAMED, OTHER):
                name = None if name == UNNAMED else OTHER  # else there would be two series of one name
            elif name not in self._names:
                if record.outcome == "OK" and len(self._names) < NAMES_MOST:
                    self._names.add(name)
                else:
                    name = OTHER
        return self._tallies.setdefault((name, record.kind, trusted), Tally())
