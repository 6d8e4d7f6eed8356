"""Judging: what a watcher heard against the event table, which is the truth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import asyncpg

from realtime.log import EPOCH, Cursors, Place
from tests.faults.sights import Sight
from tests.faults.watching import Heard, Watcher
from tests.fieldgraph.installations import KEY

TRUTH = (
    "SELECT xid::text::bigint AS xid, n, subject_id, extract(epoch FROM recorded_at)::float8 AS at,"
    " ({must}) AS must FROM event WHERE organization_id = $1 AND ({allowed}) ORDER BY event.xid, event.n"
)


class Fact(NamedTuple):
    """One committed event. `at`: when it was written, in real seconds; a slow transaction commits later."""

    place: Place
    subject: str
    at: float
    must: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a watcher's story differs from the truth; nothing of it may be there."""

    lost: tuple[Place, ...] = ()
    doubled: tuple[Place, ...] = ()
    disordered: tuple[tuple[Place, Place], ...] = ()
    invented: tuple[Heard, ...] = ()
    resyncs: int = 0

    def __str__(self) -> str:
        parts = {name: getattr(self, name) for name in ("lost", "doubled", "disordered", "invented")}
        told = [
            f"{len(found)} {name}, from {found[0]} to {found[-1]}" for name, found in parts.items() if found
        ]
        return "; ".join([*told, f"{self.resyncs} resyncs"])

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.disordered or self.invented or self.resyncs)


@dataclass
class Judge:
    """Knows the log of one organization, and how places are spelt in cursors."""

    owner: asyncpg.Connection
    organization_id: UUID
    cursors: Cursors
    _places: dict[str, Place] = field(default_factory=dict)

    @classmethod
    async def of(cls, owner: asyncpg.Connection, organization_id: UUID) -> "Judge":
        return cls(owner, organization_id, Cursors(KEY.encode(), str(await owner.fetchval(EPOCH))))

    async def facts(self, sight: Sight) -> list[Fact]:
        """Everything of the log that this sight may tell, in order."""
        sql = TRUTH.format(must=sight.must, allowed=sight.allowed)
        rows = await self.owner.fetch(sql, self.organization_id)
        return [
            Fact(Place(row["xid"], row["n"]), str(row["subject_id"]), row["at"], row["must"]) for row in rows
        ]

    def place(self, heard: Heard) -> Place:
        if heard.cursor not in self._places:
            self._places[heard.cursor] = self.cursors.decode(heard.cursor)
        return self._places[heard.cursor]

    def has_all(self, watcher: Watcher, facts: Sequence[Fact]) -> bool:
        """Whether it has come to the last fact that it must hear."""
        last = next((fact.place for fact in reversed(facts) if fact.must), None)
        return last is None or bool(watcher.heard and self.place(watcher.heard[-1]) >= last)

    def verdict(self, watcher: Watcher, facts: Sequence[Fact], *, until: Place | None = None) -> Verdict:
        """Of all that was heard after the snapshot, up to a place where its sight ended."""
        snapshot, *told = watcher.heard
        start = self.place(snapshot)
        # By its time as well: ids that a crash has left no trace of are given out again.
        after = {fact.place: fact for fact in facts if fact.place > start or fact.at > snapshot.at}
        places = [self.place(heard) for heard in told]
        must = {place for place, fact in after.items() if fact.must and (until is None or place <= until)}
        return Verdict(
            lost=tuple(sorted(must - set(places))),
            doubled=tuple(place for place, times in Counter(places).items() if times > 1),
            disordered=tuple((one, next_) for one, next_ in pairwise(places) if next_ < one),
            invented=tuple(heard for heard in told if not self._is_true(heard, after)),
            resyncs=sum(heard.kind == "ResyncRequired" for heard in told),
        )

    def _is_true(self, heard: Heard, after: Mapping[Place, Fact]) -> bool:
        fact = after.get(self.place(heard))
        return fact is not None and heard.subject in {None, fact.subject}

    def recovery(self, watcher: Watcher, facts: Sequence[Fact], fault_at: float) -> float:
        """Seconds from a fault until the first item of what was written after it."""
        later = {fact.place for fact in facts if fact.at >= fault_at}
        found = [heard.at for heard in watcher.heard if self.place(heard) in later]
        assert found, f"nothing was written after the fault, or heard by {watcher.sight.stream}"
        return found[0] - fault_at

    def slowest(self, watcher: Watcher, facts: Sequence[Fact], since: float, until: float) -> float:
        """The longest that a fact of that time took from its writing to the watcher, in seconds."""
        at = {fact.place: fact.at for fact in facts if since <= fact.at <= until}
        waits = [heard.at - at[place] for heard in watcher.heard if (place := self.place(heard)) in at]
        return max(waits, default=0.0)
