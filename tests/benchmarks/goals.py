"""Goals: what the reads are to reach beside each opponent, and whether a run has reached it."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.measure import Round, ratio

Measured = Mapping[str, Mapping[str, Sequence[Round]]]
OURS = "fieldgraph"
AT_LEAST: dict[str, dict[str, float]] = {
    "point": {"postgraphile": 2.5, "mercurius": 1.0, "floor": 0.85},
    "list": {"postgraphile": 2.0, "mercurius": 2.4, "usual": 22.0, "floor": 0.95},
    "portal": {"postgraphile": 3.3, "mercurius": 2.1},
    "board": {"postgraphile": 4.0, "mercurius": 3.0, "usual": 50.0, "floor": 0.95},
}
"""Requests a second, ours over theirs."""
MOST_STATIC_CPU = 3.0
"""CPU of one point read over that of a static response of the same size."""
MOST_MEGABYTES = 160.0
"""A server's memory when it has answered everything."""


@dataclass(frozen=True)
class Verdict:
    """One goal: the median of the paired ratios (or one figure) with its spread, and the bound."""

    name: str
    found: float
    least: float
    most: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.found >= self.bound if self.at_least else self.found <= self.bound

    def line(self) -> str:
        spread = "" if self.least == self.most else f" ({self.least:.2f} to {self.most:.2f})"
        sign = "≥" if self.at_least else "≤"
        return f"{self.name}: {self.found:.2f}{spread}, goal {sign} {self.bound:g}: {self.word}"

    @property
    def word(self) -> str:
        return "met" if self.met else "not met"

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "found": round(self.found, 3),
            "least": round(self.least, 3),
            "most": round(self.most, 3),
            "bound": self.bound,
            "met": self.met,
        }


def verdicts(measured: Measured, loaded_megabytes: float | None) -> Iterator[Verdict]:
    """Every goal of which this run has both sides."""
    for read, opponents in AT_LEAST.items():
        servers = measured.get(read, {})
        for name, bound in opponents.items():
            if OURS in servers and name in servers:
                yield Verdict(f"{read} ÷ {name}", *ratio(servers[OURS], servers[name]), bound)
    point = measured.get("point", {})
    if OURS in point and "static" in point:
        pairs = [
            one.cpu_ms / other.cpu_ms
            for one, other in zip(point[OURS], point["static"], strict=True)
            if other.cpu_ms  # a round too short for the clock of /proc tells nothing
        ]
        if pairs:
            middle = statistics.median(pairs)
            yield Verdict(
                "point, CPU ÷ static", middle, min(pairs), max(pairs), MOST_STATIC_CPU, at_least=False
            )
    if loaded_megabytes is not None:
        figures = (loaded_megabytes, loaded_megabytes, loaded_megabytes)
        yield Verdict("MB after all reads", *figures, MOST_MEGABYTES, at_least=False)
