"""Pace: a search's budget, and how many changes are made between two looks at it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

CHUNK_SECONDS = 0.02
"""One kernel call: `stop` is asked between two of them."""
MEETINGS = 128
"""How often in a search two chains compare their best."""
MOST_APART = 20_000
"""At most so many changes between two meetings, where a budget of iterations has no sensible end."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: by the wall, by iterations, or by whichever ends first; and who may stop it."""

    seconds: float | None
    iterations: int | None
    stop: Callable[[], bool] | None
    started: float

    def spent(self) -> float:
        return time.perf_counter() - self.started

    def exhausted(self) -> bool:
        """Whether it was stopped, or the seconds are over."""
        return self.stopped() or (self.seconds is not None and self.spent() >= self.seconds)

    def stopped(self) -> bool:
        return self.stop is not None and self.stop()


@dataclass(slots=True)
class Pace:
    """How many changes each kernel call makes: for 20 ms, to the next meeting or to the end.

    Where the calls are cut changes nothing in what a chain does: only meetings do, and without `seconds`
    they are counted in changes.
    """

    budget: Budget
    ending: float
    began: float = field(init=False)
    done: int = 0
    meetings: int = 0
    count: int = 4

    def __post_init__(self) -> None:
        self.began = self.budget.spent()

    def left(self) -> float:
        """Seconds of the budget before the plan must be read out."""
        seconds = self.budget.seconds
        return float("inf") if seconds is None else seconds - self.ending - self.budget.spent()

    def over(self) -> bool:
        iterations = self.budget.iterations
        return (
            self.budget.stopped() or self.left() <= 0 or (iterations is not None and self.done >= iterations)
        )

    def total(self) -> float:
        """Changes in the whole search, as far as is known; the wall alone says nothing before the first."""
        total = float("inf") if self.budget.iterations is None else float(self.budget.iterations)
        if self.budget.seconds is not None and self.done:
            rate = self.done / max(1e-6, self.budget.spent() - self.began)
            total = min(total, self.done + rate * max(0.0, self.left()))
        return max(1.0, total)

    def next(self) -> int:
        until = self.total()
        if self.budget.seconds is None:
            until = min(until, float(self._meeting()))
        return int(min(self.count, max(1.0, until - self.done)))

    def note(self, changes: int, seconds: float) -> None:
        self.done += changes
        self.count = max(1, int(changes * min(4.0, CHUNK_SECONDS / max(1e-6, seconds))))

    def meets(self) -> bool:
        """Whether it is time for the chains to meet; asked once after each call."""
        seconds = self.budget.seconds
        if seconds is None:
            due = self.done >= self._meeting()
        else:
            due = self.budget.spent() - self.began >= (self.meetings + 1) * (seconds - self.began) / MEETINGS
        self.meetings += due
        return due

    def planned_meetings(self) -> int:
        """How many meetings a search by iterations has."""
        return max(1, (self.budget.iterations or 0) // self._apart())

    def _apart(self) -> int:
        return max(1, min((self.budget.iterations or 0) // MEETINGS, MOST_APART))

    def _meeting(self) -> int:
        """After how many changes the next meeting is, in a search by iterations."""
        return (self.meetings + 1) * self._apart()
