"""Spells: one unbroken presence inside a fence, and whether its technician stands still.

Standing still is what tells a visit from a walk-past, so it must be shown: by the speed the device
reports, or by two fixes whose distance a walker could not have kept so small.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from realtime.areas import ACCURACY_PER_SIGMA, sigma_metres
from realtime.positions import Fix, FixRow, fix_from_json, metres_between

STILL_METRES_PER_SECOND = 1.0  # reported; phones at rest report 0 to 0.9
WALK_METRES_PER_SECOND = 1.4
PAIR_SECONDS = (10.0, 600.0)  # nearer says nothing; further apart it may be two passages
HOLD_SECONDS = 30.0  # inside and still for so long: longer than most red lights
BREAK_SECONDS = 600.0  # a silence after which a passing fix no longer belongs to the same presence
COUNTED_GAP_SECONDS = 60.0  # of a silence between two fixes, so much counts as dwell


class Proof(NamedTuple):
    """How much two fixes must say against a walk: its pace, their drift, the noise it could hide in."""

    walk_metres_per_second: float
    drift_metres_per_second: float
    walker_sigmas: float


UNREPORTED = Proof(1.1, 0.4, 3.0)  # all that speaks for rest: leaves a slow walker 1 chance in 1,000
REPORTED = Proof(WALK_METRES_PER_SECOND, 0.5, 2.0)  # beside the device's own word


@dataclass(frozen=True, slots=True)
class Spell:
    """A presence not yet believed: `entered` to `latest`, `count` fixes inside.

    `anchor` is where and when the technician may have come to rest; `still` says it is shown.
    `dwell_seconds` counts at most a minute of every silence.
    """

    entered: Fix
    latest: Fix
    anchor: Fix | None
    still: bool
    count: int = 1
    dwell_seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        return {
            "entered": self.entered.to_json(),
            "latest": self.latest.to_json(),
            "anchor": None if self.anchor is None else self.anchor.to_json(),
            "still": self.still,
            "count": self.count,
            "dwell_seconds": self.dwell_seconds,
        }

    def extended(self, fix: Fix) -> "Spell":
        """The spell with one more fix of the same presence."""
        gap = fix.at - self.latest.at
        if gap > BREAK_SECONDS and not self.still:
            return begun(fix)
        anchor, still = self._rest(fix)
        dwell = self.dwell_seconds + min(gap, COUNTED_GAP_SECONDS)
        return replace(
            self, latest=fix, anchor=anchor, still=still, count=self.count + 1, dwell_seconds=dwell
        )

    def doubted(self, fix: Fix) -> "Spell":
        """The spell after a fix that may be inside or not: it proves no rest, but may disprove it."""
        return replace(self, anchor=None, still=False) if _reports_motion(fix) else self

    @property
    def settled(self) -> bool:
        """Whether a stop is proved: at rest for 30 s, and not drifting away from where it began.

        Even a reported rest must not look like a walk: phones report 0 where they do not know.
        """
        if self.anchor is None or not self.still:
            return False
        held = self.latest.at - self.anchor.at
        return held >= HOLD_SECONDS and _refutes_walking(self.anchor, self.latest)

    def _rest(self, fix: Fix) -> tuple[Fix | None, bool]:
        if _reports_motion(fix):
            return None, False
        if self.anchor is None or _displaced(self.anchor, fix):
            return fix, _reports_rest(fix)
        return self.anchor, self.still or _reports_rest(fix) or _pair_shows_rest(self.anchor, fix)


def begun(fix: Fix) -> Spell:
    return Spell(fix, fix, None if _reports_motion(fix) else fix, _reports_rest(fix))


def spell_from_json(row: dict[str, object]) -> Spell:
    return Spell(
        entered=_fix(row["entered"]),
        latest=_fix(row["latest"]),
        anchor=None if row["anchor"] is None else _fix(row["anchor"]),
        still=row["still"] is True,
        count=int(str(row["count"])),
        dwell_seconds=float(str(row["dwell_seconds"])),
    )


def _fix(row: object) -> Fix:
    if not isinstance(row, list):
        raise TypeError("a stored fix is a row of numbers")
    fix_row: FixRow = row
    return fix_from_json(fix_row)


def _reports_rest(fix: Fix) -> bool:
    speed = fix.speed_metres_per_second
    return speed is not None and speed <= STILL_METRES_PER_SECOND


def _reports_motion(fix: Fix) -> bool:
    speed = fix.speed_metres_per_second
    return speed is not None and speed > STILL_METRES_PER_SECOND


def _displaced(anchor: Fix, fix: Fix) -> bool:
    """Whether the two fixes lie further apart than their accuracies allow for one spot."""
    allowed = ACCURACY_PER_SIGMA * (sigma_metres(anchor) + sigma_metres(fix))
    return metres_between(anchor, fix) > allowed


def _refutes_walking(anchor: Fix, fix: Fix) -> bool:
    """Whether a walker could not have made these two fixes, noise included."""
    proof = REPORTED if _reports_rest(anchor) else UNREPORTED
    elapsed = fix.at - anchor.at
    distance = metres_between(anchor, fix)
    noise = proof.walker_sigmas * math.hypot(sigma_metres(anchor), sigma_metres(fix))
    drifting = distance > proof.drift_metres_per_second * elapsed
    return not drifting and distance + noise <= proof.walk_metres_per_second * elapsed


def _pair_shows_rest(anchor: Fix, fix: Fix) -> bool:
    """What a device that reports no speed shows: two fixes, not too near nor too far apart in time."""
    timely = PAIR_SECONDS[0] <= fix.at - anchor.at <= PAIR_SECONDS[1]
    return timely and _refutes_walking(anchor, fix)
