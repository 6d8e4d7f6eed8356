"""Traces: what a technician's phone records on the road and at work, and how it uploads it.

All is a function of its arguments, the seed included; times are unix seconds of business time.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from integrations.roads import Floats, Point, Route, degree_metres, metres_between

PERIOD_SECONDS = 5.0
ACCURACY_METRES = (4.0, 35.0)
SIGMA_SHARE = 1 / 1.51  # a phone's accuracy is the radius that holds 68 % (REALTIME.md, "Hygiene")
MEMORY = 0.9  # of the error, from one fix to the next: reflections last for tens of seconds
SILENCE_SECONDS = (20.0, 90.0)
SILENCE_CHANCE = 0.008  # per fix: about one in ten minutes of driving
OUTLIER_CHANCE = 0.003
OUTLIER_METRES = (300.0, 900.0)
DOUBLE_CHANCE = 0.02
UPLOAD_SECONDS = (10.0, 30.0)
OUTAGE_CHANCE = 0.05  # per upload
AGAIN_CHANCE = 0.05
SHUFFLE_CHANCE = 0.2


class Fix(NamedTuple):
    """One position as a device records it; `sequence` is the device's own number, equal on a double."""

    at: float
    longitude: float
    latitude: float
    accuracy_metres: float
    speed_metres_per_second: float
    sequence: int


class Batch(NamedTuple):
    """One upload: when it is sent, and its fixes in the order in which they are sent."""

    at: float
    fixes: tuple[Fix, ...]


class _Phone:
    """The receiver's state: an accuracy and an error that drift, and the device's counter."""

    def __init__(self, seed: int, first_sequence: int) -> None:
        self.random = np.random.default_rng(seed)
        self.sequence = first_sequence
        self.quality = self.random.normal()
        self.error = self.random.normal(size=2)

    def record(self, at: float, point: Point, *, speed: float) -> Iterator[Fix]:
        """The fix at a true place; now and then far off, now and then twice."""
        random, fresh = self.random, np.sqrt(1 - MEMORY**2)
        self.quality = MEMORY * self.quality + fresh * random.normal()
        self.error = MEMORY * self.error + fresh * random.normal(size=2)
        best, worst = ACCURACY_METRES
        accuracy = float(np.clip(best * 2 * np.exp(0.6 * self.quality), best, worst))
        offset = self.error * accuracy * SIGMA_SHARE
        if random.random() < OUTLIER_CHANCE:
            bearing, distance = random.uniform(0, 2 * np.pi), random.uniform(*OUTLIER_METRES)
            offset = distance * np.array([np.cos(bearing), np.sin(bearing)])
        longitude, latitude = np.array(point) + offset / degree_metres(point[1])
        measured = max(0.0, speed + random.normal(0.0, 0.3)) if speed else abs(random.normal(0.0, 0.1))
        fix = Fix(
            at, float(longitude), float(latitude), round(accuracy, 1), round(measured, 2), self.sequence
        )
        self.sequence += 1
        yield fix
        if random.random() < DOUBLE_CHANCE:
            yield fix


def drive(
    route: Route, *, start: float, seed: int, speed_factor: float = 1.0, first_sequence: int = 1
) -> Iterator[Fix]:
    """A fix every five seconds along the route's line, first and last point included.

    Now and then nothing for 20 to 90 s, as under a roof. `speed_factor` above 1 drives faster than the
    route says.
    """
    phone = _Phone(seed, first_sequence)
    elapsed = np.array(route.elapsed) / speed_factor
    line = np.array(route.line)
    duration = float(elapsed[-1])
    silent_until = 0.0
    for moment in (*np.arange(0.0, duration, PERIOD_SECONDS).tolist(), duration):
        if moment and phone.random.random() < SILENCE_CHANCE:
            silent_until = moment + phone.random.uniform(*SILENCE_SECONDS)
        if 0.0 < moment < min(silent_until, duration):
            continue
        before = max(0.0, moment - PERIOD_SECONDS)
        here, behind = _along(moment, line, elapsed=elapsed), _along(before, line, elapsed=elapsed)
        speed = metres_between(behind, here) / (moment - before) if moment else 0.0
        yield from phone.record(start + moment, here, speed=speed)


def stay(point: Point, *, start: float, seconds: float, seed: int, first_sequence: int = 1) -> Iterator[Fix]:
    """A fix every five seconds from a phone that lies still."""
    phone = _Phone(seed, first_sequence)
    for moment in np.arange(0.0, seconds, PERIOD_SECONDS).tolist():
        yield from phone.record(start + moment, point, speed=0.0)


def batches(fixes: Iterable[Fix], *, seed: int) -> Iterator[Batch]:
    """Uploads in the order of sending: every 10 to 30 s, no fix before it was recorded.

    In an outage nothing is sent for 20 to 90 s, then all of it at once. Some uploads are sent twice,
    some have their fixes shuffled.
    """
    random = np.random.default_rng(seed)
    waiting: list[Fix] = []
    due = float("-inf")
    for fix in fixes:
        if waiting and fix.at > due:
            yield from _upload(due, waiting, random=random)
            waiting = []
        if not waiting:
            pause = random.uniform(*UPLOAD_SECONDS)
            outage = random.uniform(*SILENCE_SECONDS) if random.random() < OUTAGE_CHANCE else 0.0
            due = fix.at + pause + outage
        waiting.append(fix)
    if waiting:
        yield from _upload(due, waiting, random=random)


def _upload(at: float, fixes: list[Fix], *, random: np.random.Generator) -> Iterator[Batch]:
    sent = tuple(fixes)
    if random.random() < SHUFFLE_CHANCE:
        sent = tuple(fixes[i] for i in random.permutation(len(fixes)).tolist())
    yield Batch(at, sent)
    if random.random() < AGAIN_CHANCE:
        yield Batch(at + 1.0, sent)


def _along(moment: float, line: Floats, *, elapsed: Floats) -> Point:
    """The point of the line at a moment."""
    return (
        float(np.interp(moment, elapsed, line[:, 0])),
        float(np.interp(moment, elapsed, line[:, 1])),
    )
