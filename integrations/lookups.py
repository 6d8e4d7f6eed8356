"""Look-ups of who somebody is: remembered for a moment, asked once at a time, strangers in a narrow lane."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from domain.viewers import Viewer

REMEMBERED_SECONDS = 1.0  # revocation must hold within 2 s
REMEMBERED_MOST = 4096
LANE = 2
"""How many questions about strangers run at once: a flood of made-up secrets queues here, and leaves the
database's connections to those who are known."""

Key = TypeVar("Key", bound=Hashable)


class Known(NamedTuple):
    """A viewer already found, good until `until` (seconds since 1970)."""

    viewer: Viewer
    until: float


class Lookups(Generic[Key]):
    """Answers by key; what was not found is never remembered."""

    def __init__(self, ask: Callable[[Key], Awaitable[Viewer | None]], *, lane: asyncio.Semaphore) -> None:
        self._ask = ask
        self._lane = lane
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Viewer | None]] = {}
        self._forgotten: dict[Key, set[UUID]] = {}
        """What was to be forgotten while a question was under way, by what it asks for."""
        self._clearings = 0

    async def find(self, key: Key) -> Viewer | None:
        """The viewer, as the database said it at most a second ago; None where there is none."""
        known = self._known.get(key)
        if known is not None and time.time() < known.until:
            return known.viewer
        while True:
            clearings = self._clearings
            task = self._asking.get(key)
            if task is None:
                task = asyncio.get_running_loop().create_task(self._look(key, is_stranger=known is None))
                self._asking[key] = task
                task.add_done_callback(lambda done: self._end(key, done))
            viewer = await asyncio.shield(task)
            # Between an answer and its taker there are turns of the loop: it may be forgotten in them.
            known = self._known.get(key)
            if clearings == self._clearings and (known is None or known.until > 0.0):
                return viewer

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

    async def _look(self, key: Key, *, is_stranger: bool) -> Viewer | None:
        if not is_stranger:
            return await self._answer(key)
        async with self._lane:
            return await self._answer(key)

    async def _answer(self, key: Key) -> Viewer | None:
        try:
            while True:
                asked_at = time.time()  # an answer is as old as its question
                forgotten = self._forgotten[key] = set()
                clearings = self._clearings
                viewer = await self._ask(key)
                if clearings == self._clearings and (viewer is None or forgotten.isdisjoint(viewer.grounds)):
                    return self._keep(key, viewer, asked_at)
        finally:
            del self._forgotten[key]

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
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, also when whoever asked has left
