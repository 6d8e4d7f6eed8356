"""ETA: when a technician will be there, how sure that is, and whether the change is worth telling.

Arithmetic only. Distances come from roads where there are any; `Pace` stands in where there are none.
"""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from realtime.positions import Fix, great_circle_metres, metres_between

__all__ = [
    "QUANTILES",
    "STRAIGHT_LINE_QUANTILES",
    "Basis",
    "Estimate",
    "Pace",
    "Quantile",
    "estimate",
    "great_circle_metres",
    "learnt",
    "worth_publishing",
]

Basis = Literal["PLAN", "TRAVEL", "POSITION"]

STALE_SECONDS: dict[Basis, float] = {"PLAN": 900.0, "TRAVEL": 300.0, "POSITION": 120.0}
DETOUR_FACTOR = 1.3  # roads against the straight line, in cities
PACE_WEIGHT = 0.1
PACE_LIMITS = (2.0, 30.0)
PACE_PAIR_SECONDS = (1.0, 300.0)  # two fixes further apart may hide a stop
PACE_ACCURACY_METRES = 100.0
LEAST_MOVE_SECONDS = 120.0
LEAST_MOVE_SHARE = 0.1
APPROACH_INTERVAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Quantile:
    """For predictions of at most `horizon_seconds`: actual ÷ predicted at 10 % and at 90 %."""

    horizon_seconds: float
    low: float
    high: float


# Over roads: assumed, the shared traces hold no road; learnt(...) makes an installation's own.
QUANTILES = (
    Quantile(300.0, 0.7, 1.8),
    Quantile(900.0, 0.75, 1.5),
    Quantile(1800.0, 0.8, 1.35),
    Quantile(math.inf, 0.8, 1.3),
)
# Over straight lines with a learnt pace: measured on the 20 journeys over 1 km and 2.5 m/s of the shared
# phone days (994 predictions), widened to hold 1. The last minutes are long: parking and walking.
STRAIGHT_LINE_QUANTILES = (
    Quantile(300.0, 1.0, 7.4),
    Quantile(900.0, 0.73, 3.7),
    Quantile(1800.0, 0.61, 1.52),
    Quantile(3600.0, 0.51, 1.21),
    Quantile(math.inf, 0.15, 1.0),
)
LEAST_SAMPLES = 30  # fewer ratios than this say little about a tenth


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expected arrival and the interval that holds it in 80 of 100 cases; all aware UTC."""

    earliest: datetime
    expected: datetime
    latest: datetime
    basis: Basis
    as_of: datetime
    stale_after: datetime


def estimate(
    *,
    now: datetime,
    route_seconds: float,
    basis: Basis,
    remaining_before_seconds: float = 0.0,
    quantiles: tuple[Quantile, ...] = QUANTILES,
) -> Estimate:
    """The arrival after what remains of the visit before and the way from there.

    `route_seconds` is the road's time already multiplied by its context factor (hour, weather). Only
    the way is spread: what remains of a visit has its own estimate.
    """
    if now.tzinfo is None:
        raise ValueError("an instant has a zone")
    as_of = now.astimezone(UTC)
    start = as_of + timedelta(seconds=max(0.0, remaining_before_seconds))
    way = max(0.0, route_seconds)
    spread = _spread(way, quantiles)
    return Estimate(
        earliest=start + timedelta(seconds=way * spread.low),
        expected=start + timedelta(seconds=way),
        latest=start + timedelta(seconds=way * spread.high),
        basis=basis,
        as_of=as_of,
        stale_after=as_of + timedelta(seconds=STALE_SECONDS[basis]),
    )


def learnt(
    pairs: Iterable[tuple[float, float]], *, quantiles: tuple[Quantile, ...] = QUANTILES
) -> tuple[Quantile, ...]:
    """The table with each horizon measured anew from (predicted, actual) seconds, where these suffice."""
    ratios: dict[Quantile, list[float]] = {row: [] for row in quantiles}
    for predicted, actual in pairs:
        if predicted > 0:
            ratios[_spread(predicted, quantiles)].append(actual / predicted)
    return tuple(_measured(row, sorted(found)) for row, found in ratios.items())


def _measured(row: Quantile, ratios: list[float]) -> Quantile:
    if len(ratios) < LEAST_SAMPLES:
        return row
    deciles = statistics.quantiles(ratios, n=10, method="inclusive")
    return Quantile(row.horizon_seconds, min(1.0, deciles[0]), max(1.0, deciles[-1]))


def worth_publishing(
    previous: Estimate | None, new: Estimate, *, approaching: bool, state_changed: bool, now: datetime
) -> bool:
    """Whether a customer should hear of it: the move is large, the state is new, or it is nearly there.

    `previous` is the estimate last published. Large is 2 minutes, or a tenth of what was left.
    """
    if previous is None or state_changed:
        return True
    if approaching and (now - previous.as_of).total_seconds() >= APPROACH_INTERVAL_SECONDS:
        return True
    left = (previous.expected - now).total_seconds()
    move = abs((new.expected - previous.expected).total_seconds())
    return move >= max(LEAST_MOVE_SECONDS, LEAST_MOVE_SHARE * left)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a technician travels, learnt from their own fixes; for places without a road graph.

    On real buses one learnt pace is 12 % off where a fixed one is 50 %.
    """

    metres_per_second: float = 8.0

    def observed(self, before: Fix, after: Fix) -> "Pace":
        """The pace after two fixes of one journey; unfit pairs change nothing."""
        elapsed = after.at - before.at
        if not PACE_PAIR_SECONDS[0] <= elapsed <= PACE_PAIR_SECONDS[1]:
            return self
        if max(before.radius_metres, after.radius_metres) > PACE_ACCURACY_METRES:
            return self
        seen = _clamped(metres_between(before, after) / elapsed)
        return replace(self, metres_per_second=_clamped(self._blended(seen)))

    def _blended(self, seen: float) -> float:
        return self.metres_per_second + PACE_WEIGHT * (seen - self.metres_per_second)

    def fallback_seconds(self, distance_metres: float) -> float:
        """The time over a straight-line distance where no road graph reaches."""
        return distance_metres * DETOUR_FACTOR / _clamped(self.metres_per_second)


def _clamped(metres_per_second: float) -> float:
    return min(max(metres_per_second, PACE_LIMITS[0]), PACE_LIMITS[1])


def _spread(seconds: float, quantiles: tuple[Quantile, ...]) -> Quantile:
    """The first row that reaches so far, else the last."""
    return next((row for row in quantiles if seconds <= row.horizon_seconds), quantiles[-1])
