"""Heartbeats: a client that has been quiet is asked whether it is there; one that does not say so is not."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple


class Quiet(NamedTuple):
    """How long a client may say nothing before it is asked, and then before it is given up."""

    quiet_seconds: float
    answer_seconds: float


class Heartbeat:
    """One timer per socket, armed again only when it fires: a message costs it the reading of a clock.

    While `is_busy`, nothing is held against the client: its words wait for us, or ours for it, and
    whoever writes has a patience of its own.
    """

    def __init__(
        self, quiet: Quiet, *, is_busy: Callable[[], bool], ask: Callable[[], None], lose: Callable[[], None]
    ) -> None:
        self._quiet = quiet
        self._is_busy = is_busy
        self._ask = ask
        self._lose = lose
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._timer = self._loop.call_later(quiet.quiet_seconds, self._look)

    def heard(self) -> None:
        """Whatever the client says is a sign of life."""
        self._heard_at = self._loop.time()
        self._asked_at = None

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if self._is_busy():
            self.heard()
        if self._asked_at is not None:
            left = self._asked_at + self._quiet.answer_seconds - now
            if left <= 0:
                self._lose()
                return
        else:
            left = self._heard_at + self._quiet.quiet_seconds - now
            if left <= 0:
                self._asked_at = now
                left = self._quiet.answer_seconds
                self._ask()
        self._timer = self._loop.call_later(left, self._look)
