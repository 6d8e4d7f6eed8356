"""Look-ups of who somebody is: remembered for a moment, asked once at a time, strangers in a narrow lane.

What was not found is never remembered: a flood asks for another secret each time, and whoever has just been
let in must not wait.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from domain.viewers import Viewer
from integrations.lanes import Lane

REMEMBERED_SECONDS = 1.0  # revocation must hold within 2 s
REMEMBERED_MOST = 4096

Key = TypeVar("Key", bound=Hashable)


class Known(NamedTuple):
    """A viewer already found, good until `until` (seconds since 1970)."""

    viewer: Viewer
    until: float


class Lookups(Generic[Key]):
    """Answers by key; a stranger for whom nobody waits any more is not asked about."""

    def __init__(self, ask: Callable[[Key], Awaitable[Viewer | None]], *, lane: Lane) -> None:
        self.asked = 0
        """Questions put to the database."""
        self._ask = ask
        self._lane = lane
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Viewer | None]] = {}
        self._standing: dict[asyncio.Task[Viewer | None], int] = {}
        """Those that may still have to wait in the lane, with how many wait for each."""
        self._forgotten: dict[Key, set[UUID]] = {}
        """What was to be forgotten while a question was under way, by what it asks for."""
        self._clearings = 0

    async def find(self, key: Key, address: str = "") -> Viewer | None:
        """The viewer, as the database said it at most a second ago; None where there is none.

        `address` is where it is asked from, if that is known. Raises Busy for a stranger among too many.
        """
        known = self._known.get(key)
        if known is not None and time.time() < known.until:
            return known.viewer
        line = address if known is None else None
        while True:
            clearings = self._clearings
            viewer = await self._waited(key, line)
            # Between an answer and its taker there are turns of the loop: it may be forgotten in them.
            kept = self._known.get(key)
            if clearings == self._clearings and (kept is None or kept.until > 0.0):
                return viewer

    async def _waited(self, key: Key, line: str | None) -> Viewer | None:
        """One question at a time for a key, however many wait for it."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look(key, line))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
            if line is not None:
                self._standing[task] = 0
        if task not in self._standing:
            return await asyncio.shield(task)
        self._standing[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._left(key, task)

    def forget(self, ground: UUID) -> None:
        """What stands on this row is asked for anew, also where its answer is still under way."""
        for grounds in self._forgotten.values():
            grounds.add(ground)
        for key, known in list(self._known.items()):
            if ground in known.viewer.grounds:
                self._known[key] = known._replace(until=0.0)

    def clear(self) -> None:
        """Nothing is known any more: the database is another one."""
        self._known.clear()
        self._clearings += 1

    async def _look(self, key: Key, line: str | None) -> Viewer | None:
        """Of a stranger in the line of an address; who was known a moment ago stands in none."""
        if line is None:
            return await self._answer(key)
        async with self._lane.turn(line):
            task: asyncio.Task[Viewer | None] | None = asyncio.current_task()
            if task is not None:
                self._standing.pop(task, None)
            return await self._answer(key)

    def _left(self, key: Key, task: "asyncio.Task[Viewer | None]") -> None:
        """Nobody is asked about for whom nobody waits; a question that has begun is brought to its end."""
        count = self._standing.get(task)
        if count is None:
            return
        self._standing[task] = count - 1
        if count == 1 and not task.done():
            self._end(key, task)
            task.cancel()

    async def _answer(self, key: Key) -> Viewer | None:
        try:
            while True:
                self.asked += 1
                asked_at = time.time()  # an answer is as old as its question
                forgotten = self._forgotten[key] = set()
                clearings = self._clearings
                viewer = await self._ask(key)
                if clearings == self._clearings and (viewer is None or forgotten.isdisjoint(viewer.grounds)):
                    return self._keep(key, viewer, asked_at)
        finally:
            self._forgotten.pop(key, None)

    def _keep(self, key: Key, viewer: Viewer | None, asked_at: float) -> Viewer | None:
        if viewer is None:
            self._known.pop(key, None)
            return None
        until = asked_at + REMEMBERED_SECONDS
        if viewer.expires_at is not None:
            until = min(until, viewer.expires_at.timestamp())
        self._known[key] = Known(viewer, until)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED_MOST:
            self._known.popitem(last=False)
        return viewer

    def _end(self, key: Key, task: "asyncio.Task[Viewer | None]") -> None:
        self._standing.pop(task, None)
        if self._asking.get(key) is task:
            del self._asking[key]
        if task.done() and not task.cancelled():
            task.exception()  # seen, also when whoever asked has left
