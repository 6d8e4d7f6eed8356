"""Fences in any order of steps: what the machine decides, step by step, is what the whole story says."""

import json
import math
import random
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, cast

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, rule

from domain.tracks import Watched
from realtime.fences import Machine, Step, Transition, tick
from realtime.positions import Fix, event_order
from realtime.tracks import Watch, run
from tests.domain.playing import play_alone
from tests.realtime.drives import NEIGHBOUR, SITE, START, WAYS, fix
from tests.realtime.stories import DOUBTFUL, SURE, Story, believed, told

HOPS = {
    ("FAR", "APPROACHING"),
    ("FAR", "INSIDE_PENDING"),
    ("APPROACHING", "INSIDE_PENDING"),
    ("INSIDE_PENDING", "INSIDE"),
    ("INSIDE", "OUTSIDE_PENDING"),
    ("OUTSIDE_PENDING", "LEFT"),
    # What is taken back:
    ("INSIDE_PENDING", "FAR"),
    ("INSIDE_PENDING", "APPROACHING"),
    ("INSIDE_PENDING", "LEFT"),
    ("OUTSIDE_PENDING", "INSIDE"),
    # Who has left may come again:
    ("LEFT", "INSIDE_PENDING"),
}
"""GLOSSARY.md's order, and the ways back of REALTIME.md."""
TURNS = {
    ("APPROACHING", "FAR", "APPROACHING"),
    ("ARRIVED", "INSIDE_PENDING", "INSIDE"),
    ("REOPENED", "INSIDE_PENDING", "INSIDE"),
    ("PASSED", "INSIDE_PENDING", "FAR"),
    ("PASSED", "INSIDE_PENDING", "LEFT"),
    ("DEPARTED", "OUTSIDE_PENDING", "LEFT"),
}
RULES = {"STILL", "SILENCE", "DWELL", "HELD", "AWAY"}
WORDS = {("FAR", "INSIDE"), ("APPROACHING", "INSIDE"), ("INSIDE_PENDING", "INSIDE")}
"""A person says so, whatever the fixes say."""

DUE = START + 3000
CENTRES = {SITE.key: (0.0, None), NEIGHBOUR.key: (300.0, DUE)}
FENCES = (SITE, replace(NEIGHBOUR, expected_arrival=DUE))
SPOTS = (-603.0, -41.0, 0.0, 9.0, 47.0, 97.0, 135.0, 203.0, 300.0, 903.0)
GAPS = (1.0, 10.0, 29.0, 30.0, 61.0, 130.0, 601.0)
SPEEDS = (0.0, 0.0, None, 1.4, 9.0)
ACCURACIES = (10.0, 10.0, 10.0, 40.0, 60.0, 250.0, None)
QUIET = (50.0, 60.0, 180.0, 600.0, 900.0)
OTHERS = ("wait", "wait", "hold", "deliver", "again", "twin", "word", "word")
STEPS = (*WAYS, *WAYS, *OTHERS, "spot", "spot", "spot", "spot")


class Doing(NamedTuple):
    """One step, and what it may need: after how long, where, what the phone says of it, in which order."""

    step: str
    gap: float
    spot: float
    speed: float | None
    accuracy: float | None
    quiet: float
    order: int


DOINGS = some.builds(
    Doing,
    step=some.sampled_from(STEPS),
    gap=some.sampled_from(GAPS),
    spot=some.sampled_from(SPOTS),
    speed=some.sampled_from(SPEEDS),
    accuracy=some.sampled_from(ACCURACIES),
    quiet=some.sampled_from(QUIET),
    order=some.integers(0, 99),
)


class Journeys(RuleBasedStateMachine):
    """A technician between two neighbours; their phone is silent, late, vague, or says things twice.

    The machine takes each fix as it comes, the clock speaks in between, and the state is stored as JSON
    each time; where a fix is late all is replayed, as in arrivals.
    """

    def __init__(self, seen: set[tuple[str, ...]]) -> None:
        super().__init__()
        self.seen = seen
        self.now, self.reports = START, 0
        self.machine = Machine()
        self.turns: list[Transition] = []
        self.sent: list[Fix] = []
        self.pocket: list[Fix] | None = None
        self.word: float | None = None

    @rule(doing=DOINGS)
    def go(self, doing: Doing) -> None:
        """One rule for all: a run leaves some rules out, and a fence needs several to get far."""
        step, order = doing.step, doing.order
        said = {"accuracy": doing.accuracy, "speed": doing.speed}
        if step in WAYS:
            for after, east, speed in WAYS[step]:
                self.report(after, east, accuracy=10.0, speed=speed)
        elif step == "spot":
            self.report(doing.gap, doing.spot, **said)
        elif step == "twin" and self.sent:
            self.take([replace(self.at(doing.spot, **said), at=self.sent[-1].at)])
        elif step == "again" and self.sent:
            self.take(self.sent[order % len(self.sent) :][:3])
        elif step == "word":
            self.say(spot=(9.0, 135.0)[order % 2])
        elif step == "hold":
            self.pocket = self.pocket or []
        elif step == "deliver":
            self.deliver(order)
        else:
            self.now += doing.quiet
        self.look()

    def at(self, east: float, *, accuracy: float | None, speed: float | None) -> Fix:
        return fix(self.now - START, east, accuracy=accuracy, speed=speed)

    def report(self, after: float, east: float, *, accuracy: float | None, speed: float | None) -> None:
        """One more fix; a phone whose network is bad keeps two of three."""
        self.now += after
        self.reports += 1
        one = self.at(east, accuracy=accuracy, speed=speed)
        if self.pocket is not None and self.reports % 3:
            self.pocket.append(one)
        else:
            self.take([one])

    def deliver(self, order: int) -> None:
        """What the phone kept, in any order and partly twice."""
        kept, self.pocket = self.pocket or [], None
        doubled = [*kept, *kept[: order % 4]]
        random.Random(order).shuffle(doubled)  # noqa: S311  # the same order in every run
        self.take(doubled)

    def say(self, spot: float) -> None:
        """The technician says that they are there, where the fence has not said so."""
        if self.word is None and self.machine.presence(SITE.key).arrivals == 0:
            self.now += 10
            self.clock()
            if self.machine.presence(SITE.key).arrivals == 0:
                self.word = self.now
                self.report_word(spot)

    def report_word(self, spot: float) -> None:
        before = self.machine.presence(SITE.key).state.value
        self.sent.append(self.at(spot, accuracy=10.0, speed=0.0))
        self.advance(self.sent[-1:])
        state = self.machine.presence(SITE.key).state.value
        assert state == "INSIDE"
        self.seen.add((before, state, "WORD"))

    def watches(self) -> list[Watch]:
        nobody = cast("Watched", None)  # of a visit's rows a run reads nothing
        words = {SITE.key: self.word}
        return [Watch(nobody, one, -math.inf, words.get(one.key)) for one in FENCES]

    def take(self, fixes: list[Fix]) -> None:
        """As arrivals does: doubles are dropped, and one that is late makes all be told anew."""
        known = set(self.sent)
        fresh = [one for one in dict.fromkeys(fixes) if one not in known]
        self.sent += fresh
        reached = self.machine.watermark
        if reached is not None and any(one.at <= reached for one in fresh):
            late = [one for one in sorted(fresh, key=event_order) if one.at < reached]
            assert run(self.machine, late, self.watches()) == Step(self.machine, (), tuple(late))
            self.replay()
        else:
            for one in sorted(fresh, key=event_order):
                self.clock(one.at)
                self.step([one])

    def replay(self) -> None:
        self.machine, self.turns = Machine(), []
        self.advance(sorted(self.sent, key=event_order))

    def step(self, fixes: list[Fix]) -> None:
        """One fix, of which each hop is looked at."""
        before = self.machine
        self.advance(fixes)
        self.hopped(before)

    def hopped(self, before: Machine) -> None:
        for one in FENCES:
            hop = before.presence(one.key).state.value, self.machine.presence(one.key).state.value
            if hop[0] != hop[1]:
                assert hop in HOPS, hop
                self.seen.add(hop)

    def advance(self, fixes: list[Fix]) -> None:
        found = run(self.machine, fixes, self.watches())
        self.machine = Machine.from_json(json.loads(json.dumps(found.machine.to_json())))
        assert self.machine == found.machine
        self.turns += found.transitions

    def clock(self, now: float | None = None) -> None:
        """The clock speaks up to an instant; what it says is looked at as a hop of its own."""
        before, found = self.machine, tick(self.machine, self.now if now is None else now, FENCES)
        self.machine = found.machine
        self.turns += found.transitions
        self.hopped(before)

    def look(self) -> None:
        self.clock()
        used = believed(self.sent)
        for one in FENCES:
            centre, due = CENTRES[one.key]
            word = self.word if one is FENCES[0] else None
            story = told(self.sent, centre, now=self.now, word=word, due=due)
            mine = [turn for turn in self.turns if turn.key == one.key]
            self.compare(one.key, story, mine)
            self.prove(story, mine, used)
        self.batch()

    def compare(self, key: str, story: Story, mine: list[Transition]) -> None:
        presence = self.machine.presence(key)
        assert (presence.state, presence.arrivals) == (story.state, story.arrivals)
        said = [(turn.event, turn.start, turn.end) for turn in story.turns]
        assert [(turn.event, turn.from_state, turn.to_state) for turn in mine] == said
        times = [time for turn in mine for time in (turn.occurred_at - START, turn.decided_at - START)]
        assert times == pytest.approx([time for turn in story.turns for time in turn[3:]], abs=0.01)

    def batch(self) -> None:
        """All at once says what was said one by one."""
        whole = run(Machine(), sorted(self.sent, key=event_order), self.watches())
        end = tick(whole.machine, self.now, FENCES)
        assert end.machine == self.machine
        keys = [one.key for one in FENCES]
        turns = [*whole.transitions, *end.transitions]
        assert [[t for t in turns if t.key == k] for k in keys] == [
            [t for t in self.turns if t.key == k] for k in keys
        ]

    def prove(self, story: Story, mine: list[Transition], used: list[Fix]) -> None:
        """Once a stay, in order, and not without what it takes."""
        self.seen |= {(str(turn.event), str(turn.from_state), str(turn.to_state)) for turn in mine}
        self.seen |= {(turn.evidence["rule"],) for turn in mine if "rule" in turn.evidence}
        presence = [turn for turn in mine if turn.event in {"ARRIVED", "REOPENED", "DEPARTED"}]
        for one, other in pairwise(presence):
            assert (one.event == "DEPARTED") != (other.event == "DEPARTED")
            gone = one.event == "DEPARTED"
            entered = other.evidence["fixes"][0][0]
            assert not gone or (other.event == "REOPENED") == (entered - one.occurred_at <= 600)
        assert sum(turn.event == "APPROACHING" for turn in mine) <= 1
        for turn in presence:
            if turn.event != "DEPARTED":
                self.prove_arrival(story, turn, used)

    def prove_arrival(self, story: Story, turn: Transition, used: list[Fix]) -> None:
        """On two fixes or more, none of them outside; at rest for 30 s or silent for 60, or there for 180."""
        first, last = turn.evidence["fixes"][0][0], turn.evidence["fixes"][-1][0]
        there = [one for one in used if first <= one.at <= last]
        assert len(there) >= 2
        assert min(story.chance(there[0]), story.chance(there[-1])) >= SURE
        assert all(story.chance(one) >= DOUBTFUL for one in there)
        quiet = not [one for one in used if last < one.at < last + 60]
        proofs = {
            "STILL": last - turn.occurred_at >= 30 and turn.decided_at == last,
            "SILENCE": turn.decided_at == last + 60 and quiet,
            "DWELL": last - first >= 180,
        }
        assert proofs[turn.evidence["rule"]]


def test_a_fence_in_any_order_of_steps_does_what_the_whole_story_says() -> None:
    seen = set[tuple[str, ...]]()

    play_alone(lambda: Journeys(seen), examples=120, steps=40)

    words = {(start, end, "WORD") for start, end in WORDS}
    assert seen == HOPS | TURNS | words | {(name,) for name in RULES}
