"""Queues: work that would hold up the loop, done on a thread, each organization behind itself only."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from resolvers.refusals import Refusal

Result = TypeVar("Result")

THREADS = 1
"""At once: more would be no faster, and would take the interpreter's lock from the loop more often."""
MOST_WAITING = 64
"""Of one organization."""


class Queue:
    """What one organization has under way."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0


class Queues:
    """Runs one piece of an organization's work at a time, and so few in all that the loop gets its turn."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)
        self.waited_seconds = 0.0
        """In all, by the work that has had its turn."""
        self._queues: dict[UUID, Queue] = {}

    @property
    def waiting(self) -> int:
        """Pieces of work that are not done yet, the one under way among them."""
        return sum(queue.waiting for queue in self._queues.values())

    async def run(self, organization_id: UUID, work: Callable[[], Result]) -> Result:
        """What `work` answers; Refusal when too much of the organization waits already."""
        queue = self._queues.setdefault(organization_id, Queue())
        if queue.waiting >= MOST_WAITING:
            message = "Too many new documents at once."
            said = {"code": "RATE_LIMITED", "retryAfterSeconds": 1}
            raise Refusal([{"message": message, "extensions": said}])
        queue.waiting += 1
        began = time.perf_counter()
        try:
            async with queue.turn, self._free:
                self.waited_seconds += time.perf_counter() - began
                return await asyncio.to_thread(work)
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[organization_id]
