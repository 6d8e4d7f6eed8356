"""Positions: what a device reports, and which of its fixes are fit to be used.

Everything here is arithmetic: no clock, no SQL. Times are seconds since 1970 (UTC), event time.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

EARTH_RADIUS_METRES = 6_371_008.8  # mean radius, IUGG
ASSUMED_ACCURACY_METRES = 50.0  # for a device that does not say
FUTURE_TOLERANCE_SECONDS = 60.0  # clocks of devices are this wrong without anything being wrong

FixRow = list[float | int | None]


class RefusalReason(StrEnum):
    """Why a fix was not taken; the code that is counted and shown."""

    OUT_OF_RANGE = "OUT_OF_RANGE"
    NULL_ISLAND = "NULL_ISLAND"
    FUTURE = "FUTURE"
    DUPLICATE = "DUPLICATE"


@dataclass(frozen=True, slots=True)
class Fix:
    """One position of a device. `at` is event time; `sequence` is the device's own counter."""

    at: float
    longitude: float
    latitude: float
    accuracy_metres: float | None = None
    speed_metres_per_second: float | None = None
    sequence: int | None = None

    @property
    def radius_metres(self) -> float:
        """The accuracy, 50 m where the device did not say."""
        return ASSUMED_ACCURACY_METRES if self.accuracy_metres is None else self.accuracy_metres

    def to_json(self) -> FixRow:
        """A row of numbers: fixes stand inside states and evidence, where keys would triple the size."""
        return [
            self.at,
            self.longitude,
            self.latitude,
            self.accuracy_metres,
            self.speed_metres_per_second,
            self.sequence,
        ]


def fix_from_json(row: FixRow) -> Fix:
    at, longitude, latitude, accuracy, speed, sequence = row
    if at is None or longitude is None or latitude is None:
        raise ValueError("a stored fix has a time and a place")
    return Fix(
        float(at),
        float(longitude),
        float(latitude),
        None if accuracy is None else float(accuracy),
        None if speed is None else float(speed),
        None if sequence is None else int(sequence),
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fix that was not taken, and why."""

    fix: Fix
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Screened:
    """A batch after hygiene: `accepted` in event order without doubles, `refused` with reasons."""

    accepted: tuple[Fix, ...]
    refused: tuple[Refusal, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many fixes were refused for each reason."""
        return dict(Counter(refusal.reason.value for refusal in self.refused))


def screen(fixes: Sequence[Fix], *, now: float, last: Fix | None = None) -> Screened:
    """Refuse what cannot be true, fill what is missing, order by event time, drop doubles.

    `last` is the technician's newest stored fix. The result is the same for every order of `fixes`.
    """
    accepted: list[Fix] = []
    refused: list[Refusal] = []
    seen = set() if last is None else _identities(last)
    for fix in sorted(fixes, key=event_order):
        reason = _unfit(fix, now)
        if reason is None and not seen.isdisjoint(identities := _identities(fix)):
            reason = RefusalReason.DUPLICATE
        if reason is not None:
            refused.append(Refusal(fix, reason))
            continue
        seen |= identities
        accepted.append(_completed(fix))
    return Screened(tuple(accepted), tuple(refused))


def event_order(fix: Fix) -> tuple[float, ...]:
    """A total order by event time, so that no answer hangs on the order of arrival.

    Of two fixes of one instant the more accurate comes first.
    """
    speed = fix.speed_metres_per_second
    return (
        fix.at,
        fix.radius_metres,
        -1.0 if speed is None else speed,
        fix.longitude,
        fix.latitude,
        -1 if fix.sequence is None else fix.sequence,
    )


def great_circle_metres(longitude: float, latitude: float, to_longitude: float, to_latitude: float) -> float:
    """The distance over a sphere (haversine): within 0.5 % of the ellipsoid, exact across 180°."""
    phi, to_phi = math.radians(latitude), math.radians(to_latitude)
    half_chord = (
        math.sin((to_phi - phi) / 2) ** 2
        + math.cos(phi) * math.cos(to_phi) * math.sin(math.radians(to_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(1.0, half_chord)))


def metres_between(one: Fix, other: Fix) -> float:
    return great_circle_metres(one.longitude, one.latitude, other.longitude, other.latitude)


def _unfit(fix: Fix, now: float) -> RefusalReason | None:
    numbers = (fix.at, fix.longitude, fix.latitude)
    if not all(map(math.isfinite, numbers)) or abs(fix.longitude) > 180 or abs(fix.latitude) > 90:
        return RefusalReason.OUT_OF_RANGE
    if fix.at < 0 or not _measurable(fix.accuracy_metres) or not _measurable(fix.speed_metres_per_second):
        return RefusalReason.OUT_OF_RANGE
    if fix.longitude == 0 and fix.latitude == 0:
        return RefusalReason.NULL_ISLAND
    if fix.at > now + FUTURE_TOLERANCE_SECONDS:
        return RefusalReason.FUTURE
    return None


def _measurable(value: float | None) -> bool:
    return value is None or math.isfinite(value)


def _identities(fix: Fix) -> set[tuple[float, ...]]:
    """A fix is known by the device's counter and by its instant and place; either makes a double."""
    spot = (fix.at, fix.longitude, fix.latitude)
    return {spot} if fix.sequence is None else {spot, (fix.sequence,)}


def _completed(fix: Fix) -> Fix:
    """Phones say -1 (iOS) or 0 (Android) for an accuracy, and -1 for a speed, that they do not know."""
    accuracy, speed = fix.accuracy_metres, fix.speed_metres_per_second
    if accuracy is None or accuracy <= 0:
        accuracy = ASSUMED_ACCURACY_METRES
    if speed is not None and speed < 0:
        speed = None
    return Fix(fix.at, fix.longitude, fix.latitude, accuracy, speed, fix.sequence)
