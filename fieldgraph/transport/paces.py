"""Paces: how many messages a socket may send, as a bucket that fills by itself."""


class Pace:
    """Holds `burst` messages when full and gets `a_second` more each second."""

    def __init__(self, *, a_second: float, burst: float, now: float) -> None:
        self._a_second = a_second
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float) -> float:
        """Takes one message; answers what is left then, below zero for one too many."""
        self._left = min(self._burst, self._left + (now - self._at) * self._a_second) - 1
        self._at = now
        return self._left

    def wait_seconds(self) -> float:
        """How long until there is a message again."""
        return max(0.0, (1 - self._left) / self._a_second)
