"""Figures: what rounds of fan-out say: percentiles, messages a second of a core, and goals."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.goals import Verdict

OURS, USUAL, RAW = "fieldgraph", "strawberry", "raw"
LEAST_USUAL = 15.0
"""Messages a second of a core, ours over plain strawberry's."""
MOST_RAW = 1.5
"""Raw frames' over ours."""
JUDGED = "1000"
MOST_P99_MS = 200.0
MOST_KILOBYTES = 40.0
MOST_MEGABYTES_MORE = 20.0
MOST_SLOWER = 2.0
Fanout = Mapping[str, Mapping[str, Sequence["Round"]]]


@dataclass(frozen=True)
class Round:
    """Some changes, each told to every socket. `written_cpu_seconds` is what one costs with nobody there."""

    messages: int
    changes: int
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    written_cpu_seconds: float = 0.0
    client_busy: float = 0.0

    @property
    def messages_per_s(self) -> float:
        """Of a core: over all that the server's processor did, the changes themselves too."""
        return self.messages / self.cpu_seconds

    @property
    def told_per_s(self) -> float:
        """The same without what the changes cost when nobody listens."""
        left = self.cpu_seconds - self.changes * self.written_cpu_seconds
        return self.messages / max(left, self.cpu_seconds / 10)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least of them that so large a share does not exceed; 0 of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "worst_ms": 1.0}
    return {name: round(quantile(ordered, share) * 1000, 3) for name, share in shares.items()}


def typical(rounds: Sequence[Round]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    names = ("messages_per_s", "p50_ms", "p99_ms", "told_per_s", "client_busy")
    return {name: round(statistics.median(getattr(one, name) for one in rounds), 3) for name in names}


def paired(ours: Sequence[Round], theirs: Sequence[Round], figure: str) -> tuple[float, float, float]:
    """Median, least and greatest of ours over theirs, each pair taken in the same round."""
    pairs = [getattr(one, figure) / getattr(other, figure) for one, other in zip(ours, theirs, strict=True)]
    return statistics.median(pairs), min(pairs), max(pairs)


def whole(fanout: Fanout, found: Mapping[str, Any]) -> dict[str, Any]:
    """The file that `--json` writes; `found` holds what the other scenes say."""
    idle: Mapping[str, Any] = found.get("idle", {})
    ours: Mapping[str, Any] = idle.get(OURS, {})
    goals = [verdict.to_json() for verdict in verdicts(fanout, found)]
    return {
        "fanout": {
            size: {name: typical(rounds) for name, rounds in contenders.items()}
            for size, contenders in fanout.items()
        },
        "idle_kb_per_socket": ours.get("kb_per_socket"),
        "subscribe_ms": ours.get("subscribe_ms"),
        **found,
        "goals": goals,
    }


def verdicts(fanout: Fanout, found: Mapping[str, Any]) -> Iterator[Verdict]:
    """Every goal of which this run has both sides."""
    for size, contenders in fanout.items():
        ours = contenders.get(OURS)
        if ours is None:
            continue
        for name, theirs in contenders.items():
            if name == USUAL:
                yield Verdict(f"{size} ÷ {name}", *paired(ours, theirs, "messages_per_s"), LEAST_USUAL)
            if name == RAW:
                taken = paired(theirs, ours, "told_per_s")  # where nothing is written there is no change
                yield Verdict(f"{size}, {name} ÷ ours, told alone", *taken, MOST_RAW, at_least=False)
        if size == JUDGED:
            slowest = [one.p99_ms for one in ours]
            taken = statistics.median(slowest), min(slowest), max(slowest)
            yield Verdict(f"{size}, p99 ms", *taken, MOST_P99_MS, at_least=False)
    if OURS in found.get("idle", {}):
        yield _at_most("kB of an idle socket", found["idle"][OURS]["kb_per_socket"], MOST_KILOBYTES)
    if "slow" in found:
        yield _at_most("MB more with slow readers", found["slow"]["megabytes_more"], MOST_MEGABYTES_MORE)
        yield _at_most("the others' p99 ÷ without them", found["slow"]["slower"], MOST_SLOWER)


def _at_most(name: str, figure: float, bound: float) -> Verdict:
    return Verdict(name, figure, figure, figure, bound, at_least=False)
