"""Presences: what is remembered of a technician towards the fences of their visits, and what is told.

Values only, each with its JSON: the state of a technician is one jsonb row.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from realtime.positions import Fix, FixRow, fix_from_json
from realtime.spells import Spell, spell_from_json

MACHINE_VERSION = 1  # stands in every evidence: a stored decision is replayed with the rules that made it


class FenceState(StrEnum):
    """Where a technician stands towards one visit's fence."""

    FAR = "FAR"
    APPROACHING = "APPROACHING"
    INSIDE_PENDING = "INSIDE_PENDING"
    INSIDE = "INSIDE"
    OUTSIDE_PENDING = "OUTSIDE_PENDING"
    LEFT = "LEFT"


class FenceEvent(StrEnum):
    """What the machine tells. PASSED is never shown to a customer; REOPENED is never pushed again."""

    APPROACHING = "APPROACHING"
    ARRIVED = "ARRIVED"
    PASSED = "PASSED"
    DEPARTED = "DEPARTED"
    REOPENED = "REOPENED"


@dataclass(frozen=True, slots=True)
class Transition:
    """One decision about one fence, with what it rests on. Times are seconds since 1970 (UTC).

    `occurred_at` is when it happened, `decided_at` when the fixes (or the silence) had shown it.
    """

    key: str
    event: FenceEvent
    from_state: FenceState
    to_state: FenceState
    occurred_at: float
    decided_at: float
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Presence:
    """The state towards one fence and the candidates for its next transition.

    `passed` is whether the last approach came to nothing; `near_count` is 1 after a fix within 1 km; `seen`
    is the last fix inside, `leaving` the first after it that was not, `outside` the first well outside;
    `arrivals` counts the believed ones so far.
    """

    state: FenceState = FenceState.FAR
    approached: bool = False
    passed: bool = False
    near_count: int = 0
    spell: Spell | None = None
    seen: Fix | None = None
    leaving: Fix | None = None
    outside: Fix | None = None
    left_at: float | None = None
    arrivals: int = 0

    @property
    def resting(self) -> FenceState:
        """The state to fall back to when a candidate comes to nothing."""
        if self.left_at is not None:
            return FenceState.LEFT
        return FenceState.APPROACHING if self.approached and not self.passed else FenceState.FAR

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "approached": self.approached,
            "passed": self.passed,
            "near_count": self.near_count,
            "spell": None if self.spell is None else self.spell.to_json(),
            "seen": None if self.seen is None else self.seen.to_json(),
            "leaving": None if self.leaving is None else self.leaving.to_json(),
            "outside": None if self.outside is None else self.outside.to_json(),
            "left_at": self.left_at,
            "arrivals": self.arrivals,
        }


@dataclass(frozen=True, slots=True)
class Machine:
    """All that is remembered of one technician between two reports; one jsonb row.

    `watermark` is the event time reached, `last` the newest usable fix, `suspect` a fix that would be
    a teleport unless the next one agrees.
    """

    watermark: float | None = None
    last: Fix | None = None
    suspect: Fix | None = None
    presences: dict[str, Presence] = field(default_factory=dict)

    def presence(self, key: str) -> Presence:
        return self.presences.get(key, Presence())

    def only(self, keys: Iterable[str]) -> "Machine":
        """The machine without the fences of visits that are over."""
        kept = set(keys)
        return replace(self, presences={k: v for k, v in self.presences.items() if k in kept})

    def standing_inside(self, key: str) -> "Machine":
        """The machine after a person's word that the technician is there: it wins over any fix."""
        known = self.presence(key)
        if known.state in {FenceState.INSIDE, FenceState.OUTSIDE_PENDING}:
            return self
        inside = Presence(FenceState.INSIDE, approached=True, arrivals=max(1, known.arrivals))
        return replace(self, presences=self.presences | {key: inside})

    def to_json(self) -> dict[str, Any]:
        return {
            "version": MACHINE_VERSION,
            "watermark": self.watermark,
            "last": None if self.last is None else self.last.to_json(),
            "suspect": None if self.suspect is None else self.suspect.to_json(),
            "presences": {key: presence.to_json() for key, presence in self.presences.items()},
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Machine":
        return cls(
            watermark=row["watermark"],
            last=_fix_from_json(row["last"]),
            suspect=_fix_from_json(row["suspect"]),
            presences={key: _presence_from_json(value) for key, value in row["presences"].items()},
        )


def _presence_from_json(row: dict[str, Any]) -> Presence:
    return Presence(
        state=FenceState(row["state"]),
        approached=row["approached"],
        passed=row.get("passed", False),  # not in rows of before
        near_count=row["near_count"],
        spell=None if row["spell"] is None else spell_from_json(row["spell"]),
        seen=_fix_from_json(row["seen"]),
        leaving=_fix_from_json(row["leaving"]),
        outside=_fix_from_json(row["outside"]),
        left_at=row["left_at"],
        arrivals=row["arrivals"],
    )


def _fix_from_json(row: FixRow | None) -> Fix | None:
    return None if row is None else fix_from_json(row)
