"""Flights: what several want at the same moment is worked out once, and kept for a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

KEPT_SECONDS = 2.0
MOST_BYTES = 16 * 1024 * 1024


class Flights:
    """Answers by a key, each worked out by the first who asks; who asks meanwhile or soon after has the same.

    What fails fails for all who wait, and is kept for nobody. Who gives up stops nobody else.
    """

    def __init__(self, *, kept_seconds: float = KEPT_SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._kept_seconds = kept_seconds
        self._most_bytes = most_bytes
        self._flights: dict[Hashable, tuple[asyncio.Task[bytes], float]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._flights)

    async def get(self, key: Hashable, work: Callable[[], Awaitable[bytes]]) -> bytes:
        self._tidy()
        found = self._flights.get(key)
        if found is None:
            task = asyncio.get_running_loop().create_task(self._worked(key, work))
            self._flights[key] = found = (task, time.monotonic())
        # Cancelling one who waits must not cancel what the others wait for.
        return await asyncio.shield(found[0])

    async def _worked(self, key: Hashable, work: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            answer = await work()
        except BaseException:
            del self._flights[key]
            raise
        self._bytes += len(answer)
        return answer

    def _tidy(self) -> None:
        """From the oldest on, which were put there first."""
        now = time.monotonic()
        while self._flights:
            key, (task, started) = next(iter(self._flights.items()))
            is_kept = now - started < self._kept_seconds and self._bytes <= self._most_bytes
            if is_kept or not task.done():
                return
            del self._flights[key]
            self._bytes -= len(task.result())
