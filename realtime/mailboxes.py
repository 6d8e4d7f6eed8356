"""Mailboxes: what one subscriber has not taken yet, bounded and in order, and the ring that refills them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from realtime.log import Entry, Place

QUEUED = 64


@dataclass(frozen=True, slots=True)
class Lagged:
    """The subscriber was too slow: `count` events left its queue and are read again from `resume_from`."""

    count: int
    resume_from: Place


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a statement could see, by the text of its pg_current_snapshot()."""

    first_open: int
    first_unborn: int
    open: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        least, most, between = text.split(":")
        return cls(int(least), int(most), frozenset(int(xid) for xid in between.split(",") if xid))

    def sees(self, xid: int) -> bool:
        return xid < self.first_open or (xid < self.first_unborn and xid not in self.open)


class Ring:
    """The newest events, without a gap, from the place `start` on; bounded in number and age."""

    def __init__(self, start: Place, *, length: int, seconds: float) -> None:
        self.start = start
        self._length = length
        self._seconds = seconds
        self._entries: deque[tuple[float, Entry]] = deque()

    def add(self, entries: Iterable[Entry]) -> None:
        now = time.monotonic()
        self._entries.extend((now, entry) for entry in entries)
        while self._entries and (
            len(self._entries) > self._length or now - self._entries[0][0] > self._seconds
        ):
            self.start = self._entries.popleft()[1].place

    def after(self, place: Place) -> list[Entry]:
        """Every organization's events behind a place that must not lie before `start`."""
        newer: list[Entry] = []
        for _, entry in reversed(self._entries):
            if entry.place <= place:
                break
            newer.append(entry)
        newer.reverse()
        return newer


class Mailbox:
    """Live, it is filled by the hub; behind, it is refilled from the past by its taker.

    `reached`: everything up to here was taken, is in the refill, or is not wanted.
    """

    def __init__(
        self,
        reached: Place,
        *,
        live: bool,
        wants: Callable[[Entry], bool],
        conflate: Callable[[Entry], str | None] | None = None,
    ) -> None:
        self.reached = reached
        self.live = live
        self._wants = wants
        self._conflate = conflate
        self._refill: deque[Entry] = deque()
        self._states: dict[str | Place, Entry] = {}
        self._queued = 0
        self._dropped = 0

    def offer(self, entries: Sequence[Entry], *, since: Place | None = None) -> None:
        """What the hub has just read, in order. `since`: whatever was before that has been offered already.

        An overflow is no lag if the queue was empty before: nobody can take what comes in one go. Such a
        burst is taken from the past at the subscriber's own pace, without a word about it.
        """
        kept_up = not self._states
        if kept_up and self.live and since is not None:
            # Events of other topics pass it by: the place would stay behind while only those come.
            self.reached = max(self.reached, since)
        for entry in entries:
            if self.live:
                self._offer(entry, kept_up=kept_up)
            elif self._dropped and self._admits(entry):
                self._dropped += 1

    def refill(self, entries: Sequence[Entry], *, reached: Place, live: bool) -> None:
        """A stretch of the past, ending at `reached`; `live` if the hub's next offer follows it."""
        wanted = [entry for entry in entries if self._admits(entry)]
        latest = {self._key(entry): entry for entry in wanted}
        self._refill.extend(entry for entry in wanted if latest[self._key(entry)] is entry)
        self.reached = max(self.reached, reached)
        self.live = live

    @property
    def is_stirred(self) -> bool:
        """Whether its taker has something to do: to take what is here, or to read what is past."""
        return bool(self._states or self._refill or self._dropped or not self.live)

    def take(self) -> Entry | Lagged | None:
        """The next item; None if there is none now."""
        if self._refill:
            return self._refill.popleft()
        if self._dropped:
            count, self._dropped = self._dropped, 0
            return Lagged(count, self.reached)
        if not self._states:
            return None
        key = next(iter(self._states))
        entry = self._states.pop(key)
        self._queued -= isinstance(key, Place)
        self.reached = entry.place
        return entry

    def _offer(self, entry: Entry, *, kept_up: bool) -> None:
        if not self._admits(entry):
            if not self._states:
                self.reached = max(self.reached, entry.place)
            return
        self._put(entry)
        if self._queued > QUEUED:
            self._dropped = 0 if kept_up else len(self._states)
            self._clear()
            self.live = False

    def _put(self, entry: Entry) -> None:
        key = self._key(entry)
        self._states.pop(key, None)  # the new one goes to the end: the order stays the log's
        self._states[key] = entry
        self._queued = self._queued + isinstance(key, Place)

    def _clear(self) -> None:
        self._states.clear()
        self._queued = 0

    def _key(self, entry: Entry) -> str | Place:
        return (self._conflate(entry) if self._conflate else None) or entry.place

    def _admits(self, entry: Entry) -> bool:
        return entry.place > self.reached and self._wants(entry)
