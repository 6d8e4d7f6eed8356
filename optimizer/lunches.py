"""Lunches: a day without its lunch, for engines whose own breaks are weak or missing."""

from dataclasses import dataclass

from optimizer.problem import Break, Problem


@dataclass(frozen=True, slots=True)
class Cut:
    """The axis of time with `seconds` from `at` on taken out.

    A route that keeps its windows on the shorter axis keeps them on the real one too, once lunch is put
    back after the visit that runs across `at`, unless that one ends after the latest lunch.
    """

    at: int = 0
    seconds: int = 0

    def place(self, time: int) -> int:
        """Where a time of the real axis lies on the shorter one."""
        return time if time <= self.at else max(self.at, time - self.seconds)


def cut(problem: Problem) -> Cut | None:
    """The lunch that all technicians share, cut out where it may first begin; None: they differ."""
    lunches: set[Break | None] = {technician.lunch for technician in problem.technicians}
    if len(lunches) != 1:
        return None if lunches else Cut()
    lunch = lunches.pop()
    return Cut() if lunch is None else Cut(lunch.earliest, lunch.seconds)
