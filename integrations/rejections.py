"""Rejections: tokens that were refused, told to the log without them, at most a line a second."""

import time
from collections import Counter

import structlog

EVERY_SECONDS = 1.0


class Rejections:
    """Counts by reason; a line at once for the first, then one every second for all since."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        """Since the start, by reason."""
        self._counted: Counter[str] = Counter()
        self._told_at = float("-inf")

    def note(self, reason: str) -> None:
        """`reason` is a sentence of ours; what was refused is never in it."""
        self.totals[reason] += 1
        self._counted[reason] += 1
        now = time.monotonic()
        if now - self._told_at >= EVERY_SECONDS:
            structlog.get_logger(__name__).info("tokens_refused", reasons=dict(self._counted))
            self._counted.clear()
            self._told_at = now
