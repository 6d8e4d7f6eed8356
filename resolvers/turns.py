"""Turns: how much of something one client has at a time; others of the same client wait, nobody else does."""

import asyncio
from collections import deque
from collections.abc import Hashable


class Turns:
    """At most so many begun and not ended of each key, in the order in which they came."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._begun: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def begin(self, key: Hashable) -> None:
        """Returns without a suspension where there is room."""
        begun = self._begun.get(key, 0)
        if begun < self.most:
            self._begun[key] = begun + 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.end(key)
            raise

    def end(self, key: Hashable) -> None:
        """The turn is the next one's who still waits."""
        waiting = self._waiting.get(key)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(key, None)
        self._begun[key] -= 1
        if not self._begun[key]:
            del self._begun[key]
