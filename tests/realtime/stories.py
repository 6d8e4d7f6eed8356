"""Stories: what all fixes of a technician say of one fence, told slowly and from the beginning each time.

REALTIME.md in plain lists: nothing is kept from one question to the next, nothing is shared with the machine.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from realtime.positions import Fix
from tests.realtime.drives import LONGITUDE, METRES_PER_LONGITUDE, START

RADIUS = 100.0
SURE, DOUBTFUL, GONE = 0.7, 0.3, 0.1
LINE = 400  # points to each side of the square that a chance is counted over


class Turn(NamedTuple):
    """One transition of a story; times in seconds after the start."""

    event: str
    start: str
    end: str
    occurred_at: float
    decided_at: float


def seconds(fix: Fix) -> float:
    return fix.at - START


def east(fix: Fix) -> float:
    """Everybody moves on one line, so a place is a number."""
    return (fix.longitude - LONGITUDE) * METRES_PER_LONGITUDE


def accuracy(fix: Fix) -> float:
    return 50.0 if fix.accuracy_metres is None else fix.accuracy_metres


def sigma(fix: Fix) -> float:
    return max(5.0, accuracy(fix) / 1.414)


@cache
def chance(metres: int, spread: float, radius: float) -> float:
    """How much of the scatter around a fix lies within a circle: counted point by point."""
    step = radius / LINE
    line = (np.arange(-LINE, LINE) + 0.5) * step
    across, along = np.meshgrid(line, line)
    density = np.exp(-((across - metres) ** 2 + along**2) / (2 * spread**2)) / (2 * math.pi * spread**2)
    found = float(density[across**2 + along**2 <= radius**2].sum()) * step**2
    assert all(abs(found - limit) > 0.005 for limit in (SURE, DOUBTFUL, GONE)), "too near to call"
    return found


def reachable(one: Fix, other: Fix) -> bool:
    apart = abs(east(one) - east(other)) - accuracy(one) - accuracy(other)
    return apart <= 60.0 * (other.at - one.at)


def rank(fix: Fix) -> tuple[float, ...]:
    """Whatever the order they come in, the same one is first."""
    speed = -1.0 if fix.speed_metres_per_second is None else fix.speed_metres_per_second
    return fix.at, accuracy(fix), speed, east(fix)


def believed(fixes: Iterable[Fix]) -> list[Fix]:
    """In the order of their time, of one instant the most accurate, without the vague and the impossible."""
    good: list[Fix] = []
    doubted: Fix | None = None
    seen = -math.inf
    for one in sorted(fixes, key=rank):
        if accuracy(one) > 200 or one.at == seen:
            continue
        seen = one.at
        if not good or reachable(good[-1], one) or (doubted is not None and reachable(doubted, one)):
            good.append(one)
            doubted = None
        else:
            doubted = one
    return good


def moves(fix: Fix) -> bool:
    return fix.speed_metres_per_second is not None and fix.speed_metres_per_second > 1.0


def rests(fix: Fix) -> bool:
    return fix.speed_metres_per_second is not None and not moves(fix)


def no_walk(one: Fix, other: Fix) -> bool:
    """Whether nobody who walks could have made both, as far as the device's own word helps."""
    pace, drift, sigmas = (1.4, 0.5, 2.0) if rests(one) else (1.1, 0.4, 3.0)
    elapsed, apart = other.at - one.at, abs(east(one) - east(other))
    noise = sigmas * math.hypot(sigma(one), sigma(other))
    return apart <= drift * elapsed and apart + noise <= pace * elapsed


@dataclass
class Story:
    """One fence, `centre` metres to the east, expected at `due`.

    `inside` holds the fixes of the presence there is now.
    """

    centre: float
    due: float | None
    state: str = "FAR"
    turns: list[Turn] = field(default_factory=list)
    told_of: bool = False
    near: bool = False
    back_to: str = "FAR"
    inside: list[Fix] = field(default_factory=list)
    outside: list[Fix] = field(default_factory=list)
    """From the first fix well outside on."""
    gone_at: float | None = None
    arrivals: int = 0

    def metres(self, fix: Fix) -> float:
        return abs(east(fix) - self.centre)

    def chance(self, fix: Fix, scale: float = 1.0) -> float:
        return chance(round(self.metres(fix)), sigma(fix), RADIUS * scale)

    def turn(self, event: str, end: str, occurred_at: float, decided_at: float) -> None:
        self.turns.append(Turn(event, self.state, end, occurred_at - START, decided_at - START))
        self.state = end

    def word(self) -> None:
        """A person says that the technician is there; it counts where no fix has said so."""
        if self.arrivals == 0:
            self.state, self.told_of, self.arrivals, self.inside = "INSIDE", True, 1, []

    def take(self, fix: Fix) -> None:
        if self.state == "INSIDE_PENDING":
            self.wait(fix)
        elif self.state in {"INSIDE", "OUTSIDE_PENDING"}:
            self.stay(fix)
        elif self.chance(fix) >= SURE:
            self.state, self.inside = "INSIDE_PENDING", [fix]
        elif not self.told_of:
            soon = self.due is not None and 0 <= self.due - fix.at <= 600
            if soon or (self.metres(fix) <= 1000 and self.near):
                self.told_of, self.back_to = True, "APPROACHING"
                self.turn("APPROACHING", "APPROACHING", fix.at, fix.at)
            self.near = self.metres(fix) <= 1000

    def wait(self, fix: Fix) -> None:
        """Inside, but not yet believed."""
        if self.chance(fix) < DOUBTFUL:
            self.pass_by(fix)
            return
        silent = fix.at - self.sure[-1].at > 600 and not self.at_rest
        if silent and self.chance(fix) >= SURE:
            self.inside = []
        self.inside.append(fix)
        if self.chance(fix) < SURE:
            return
        resting = self.resting
        held = bool(resting) and resting[-1].at - resting[0].at >= 30 and self.at_rest
        if held and no_walk(resting[0], resting[-1]):
            self.arrive(resting[0], fix.at)
        elif self.dwelt >= 180:
            self.arrive(self.inside[0], fix.at)

    def pass_by(self, fix: Fix) -> None:
        """A lone fix inside was none; who was there for more has passed, and is far until they come again."""
        if len(self.sure) == 1:
            self.state = self.back_to
            return
        if self.gone_at is None:
            self.back_to = "FAR"
        self.turn("PASSED", self.back_to, self.inside[0].at, fix.at)

    @property
    def sure(self) -> list[Fix]:
        return [one for one in self.inside if self.chance(one) >= SURE]

    @property
    def resting(self) -> list[Fix]:
        """The last fixes at one spot, none of them in motion."""
        found: list[Fix] = []
        for one in self.inside:
            if moves(one):
                found = []
            elif self.chance(one) >= SURE:
                apart = bool(found) and abs(east(one) - east(found[0])) > 1.414 * (
                    sigma(one) + sigma(found[0])
                )
                found = [one] if apart else [*found, one]
        return found

    @property
    def at_rest(self) -> bool:
        found = self.resting
        pairs = [one for one in found[1:] if 10 <= one.at - found[0].at <= 600 and no_walk(found[0], one)]
        return bool(pairs) or any(rests(one) for one in found)

    @property
    def dwelt(self) -> float:
        return sum(min(60.0, b.at - a.at) for a, b in zip(self.sure, self.sure[1:], strict=False))

    def arrive(self, since: Fix, decided_at: float) -> None:
        again = self.gone_at is not None and self.inside[0].at - self.gone_at <= 600
        self.arrivals += 0 if again else 1
        self.turn("REOPENED" if again else "ARRIVED", "INSIDE", since.at, decided_at)
        self.told_of, self.inside, self.outside, self.gone_at = True, self.sure, [], None

    def stay(self, fix: Fix) -> None:
        self.inside.append(fix)
        outer = self.chance(fix, 1.5)
        if not self.outside:
            if outer <= GONE:
                self.state, self.outside = "OUTSIDE_PENDING", [fix]
            return
        if outer > DOUBTFUL:
            self.state, self.outside = "INSIDE", []
        elif self.metres(fix) - accuracy(fix) > 5 * RADIUS or (
            outer <= GONE and fix.at - self.outside[0].at >= 60
        ):
            self.leave(fix.at)

    def leave(self, decided_at: float) -> None:
        """Between the last fix there and the first that was not: when a walker had to go."""
        there = [one for one in self.inside if self.chance(one) >= DOUBTFUL]
        after = [one for one in self.inside if not there or one.at > there[-1].at]
        walked = after[0].at - self.metres(after[0]) / 1.4
        self.gone_at = max([walked, *(one.at for one in there[-1:])])
        self.turn("DEPARTED", "LEFT", self.gone_at, decided_at)
        self.back_to, self.inside, self.outside = "LEFT", [], []

    def silence(self, last: Fix, now: float) -> None:
        if self.state == "INSIDE_PENDING" and now - last.at >= 60 and self.at_rest:
            if len(self.sure) > 1 and self.sure[-1] is last:
                self.arrive(self.resting[0], last.at + 60)
        elif self.state == "OUTSIDE_PENDING" and now - last.at >= 180:
            self.leave(last.at + 180)


def told(
    fixes: Sequence[Fix], centre: float, *, now: float, word: float | None = None, due: float | None = None
) -> Story:
    """The story at an instant; a word of a person counts with the first fix from then on."""
    story, last = Story(centre, due), None
    spoken = word is not None and any(one.at >= word for one in fixes)
    for one in believed(fixes):
        if word is not None and one.at >= word:
            story.word()
        if last is not None:
            story.silence(last, one.at)
        story.take(one)
        last = one
    if spoken:
        story.word()
    if last is not None:
        story.silence(last, now)
    return story
