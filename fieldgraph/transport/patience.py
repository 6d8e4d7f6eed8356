"""Patience: ends what waits too long, by one timer for all: one each took a third of the door's own time."""

import asyncio
from typing import Any

LOOKS = 8
"""How often it looks within the time it grants; that share more is what somebody may get."""


class Patience:
    """Cancels the task of a wait that lasts longer than `seconds`; the waiter asks whether it was this."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[Any]:
        """The running task waits from now on, until it is handed to `end`; RuntimeError outside of one."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can wait")
        loop = task.get_loop()
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.seconds / LOOKS, self._look, loop)
        return task

    def end(self, task: asyncio.Task[Any]) -> None:
        self._since.pop(task, None)
        self._late.discard(task)

    def ran_out(self, task: asyncio.Task[Any]) -> bool:
        """Whether a cancellation that the task met was ours alone; then it is taken back."""
        return task in self._late and task.uncancel() == 0

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, since in self._since.items():  # the oldest first
            if now - since < self.seconds:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = loop.call_later(self.seconds / LOOKS, self._look, loop) if self._since else None
