"""Watches: who is told of the transactions that touch what they have read, found by table and key."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from uuid import UUID

import structlog

from realtime.mailboxes import Snapshot
from realtime.touches import Interest, Touch

FEW_KEYS = 64
"""So many keys of a table are found by the key that was touched; more are asked watch by watch."""
RECENT = 10_000
"""So many of the newest touches are kept, for who knows only after reading what they have read."""
Keys = frozenset[UUID] | None


class Watch:
    """Somebody who is told of the transactions that touch their interest, until they close it."""

    def __init__(
        self, watches: "Watches", organization_id: UUID, interest: Interest, touched: Callable[[int], None]
    ) -> None:
        self.organization_id = organization_id
        self.interest = interest
        self._watches = watches
        self._touched = touched
        self._closed = False

    def replace(self, interest: Interest, *, seen: str | None = None) -> None:
        """From now on. With `seen`, the pg_current_snapshot() text of the statement that read it, the new
        interest counts from that statement on, and what touched it since then is told at once.
        """
        if not self._closed:
            self._watches.replace(self, interest, Snapshot.parse(seen) if seen else None)

    def close(self) -> None:
        """Nothing is told after this, also if it comes from within a telling."""
        if not self._closed:
            self._closed = True
            self._watches.remove(self)

    def tell(self, xid: int) -> None:
        """One who fails is closed: the others are told all the same."""
        if self._closed:
            return
        try:
            self._touched(xid)
        except Exception as error:  # noqa: BLE001  # a watch that fails must end itself only
            structlog.get_logger(__name__).warning("A watch failed and is closed.", error=repr(error))
            self.close()


class Watches:
    """Every watch of a process, by organization, table and key: who is not met costs a touch nothing."""

    def __init__(self) -> None:
        self._watches: dict[Watch, None] = {}
        self._shelves: dict[tuple[UUID, str], _Shelf] = {}
        self._recent: deque[Touch] = deque()
        self._since = 0

    def __len__(self) -> int:
        return len(self._watches)

    def begin(self, xid: int) -> None:
        """What is told from now on are the touches of all transactions from that one on."""
        self._recent.clear()
        self._since = xid

    def add(self, watch: Watch, seen: Snapshot | None) -> None:
        self._watches[watch] = None
        for table, keys in watch.interest.tables.items():
            self._put(watch, table, keys)
        self._catch_up(watch, seen)

    def replace(self, watch: Watch, interest: Interest, seen: Snapshot | None) -> None:
        old, new = watch.interest.tables, interest.tables
        watch.interest = interest
        for table, keys in old.items():
            if table not in new or new[table] != keys:
                self._take(watch, table, keys)
        for table, keys in new.items():
            if table not in old or old[table] != keys:
                self._put(watch, table, keys)
        self._catch_up(watch, seen)

    def remove(self, watch: Watch) -> None:
        del self._watches[watch]
        for table, keys in watch.interest.tables.items():
            self._take(watch, table, keys)

    def tell(self, touches: Iterable[Touch]) -> None:
        """In the order of the touches, which is by transaction: each watch once for each that meets it."""
        for xid, group in groupby(touches, _xid):
            by_place: dict[tuple[UUID, str], set[UUID | None]] = {}
            for touch in group:
                self._recent.append(touch)
                by_place.setdefault((touch.organization_id, touch.table), set()).add(touch.key)
            met: dict[Watch, None] = {}
            for place, keys in by_place.items():
                if shelf := self._shelves.get(place):
                    shelf.meet(keys, met)
            for watch in met:
                watch.tell(xid)
        while len(self._recent) > RECENT:
            self._since = self._recent.popleft().xid + 1

    def tell_all(self, xid: int) -> None:
        """That anything may have changed, up to that transaction."""
        for watch in list(self._watches):
            watch.tell(xid)

    def _catch_up(self, watch: Watch, seen: Snapshot | None) -> None:
        """Tells of what the snapshot did not see; where it is too old, that it may have missed something."""
        if seen is None:
            return
        if seen.first_open < self._since:
            watch.tell(seen.first_unborn)
            return
        for touch in reversed(self._recent):
            if touch.xid < seen.first_open:
                return
            theirs = touch.organization_id == watch.organization_id and not seen.sees(touch.xid)
            if theirs and watch.interest.meets(touch):
                watch.tell(touch.xid)
                return

    def _put(self, watch: Watch, table: str, keys: Keys) -> None:
        if keys is not None and not keys:
            return
        place = (watch.organization_id, table)
        self._shelves.setdefault(place, _Shelf()).put(watch, keys)

    def _take(self, watch: Watch, table: str, keys: Keys) -> None:
        if keys is not None and not keys:
            return
        place = (watch.organization_id, table)
        shelf = self._shelves[place]
        shelf.take(watch, keys)
        if shelf.is_empty():
            del self._shelves[place]


class _Shelf:
    """The watches of one table: those of any row or of many, and those of few by each of their keys."""

    def __init__(self) -> None:
        self._broad: dict[Watch, Keys] = {}
        self._narrow: dict[UUID, dict[Watch, None]] = {}

    def is_empty(self) -> bool:
        return not self._broad and not self._narrow

    def put(self, watch: Watch, keys: Keys) -> None:
        if keys is None or len(keys) > FEW_KEYS:
            self._broad[watch] = keys
            return
        for key in keys:
            self._narrow.setdefault(key, {})[watch] = None

    def take(self, watch: Watch, keys: Keys) -> None:
        if keys is None or len(keys) > FEW_KEYS:
            del self._broad[watch]
            return
        for key in keys:
            watches = self._narrow[key]
            del watches[watch]
            if not watches:
                del self._narrow[key]

    def meet(self, touched: Collection[UUID | None], met: dict[Watch, None]) -> None:
        """Adds whom one transaction's touches of this table meet."""
        if None in touched:
            met.update(dict.fromkeys(self._broad))
            for watches in self._narrow.values():
                met.update(watches)
            return
        for watch, keys in self._broad.items():
            if keys is None or not keys.isdisjoint(touched):
                met[watch] = None
        for key in touched:
            if key in self._narrow:
                met.update(self._narrow[key])


def _xid(touch: Touch) -> int:
    return touch.xid
