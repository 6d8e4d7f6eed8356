"""Ways: when a technician drives and serves, by the time of day and around absences, in plain Python."""

from bisect import bisect_right
from collections.abc import Sequence

from optimizer.problem import Absence, Problem


class Ways:
    """How long ways take. All times are seconds since the Problem's origin, all places its indices."""

    def __init__(self, problem: Problem) -> None:
        matrix = problem.travel_seconds
        self._slices = matrix if matrix.ndim == 3 else matrix[None]
        self._begins = problem.travel_slices

    def seconds(self, tail: int, head: int) -> int:
        """The way as it is in the first slice."""
        return int(self._slices.item(0, tail, head))

    def arrival(self, tail: int, head: int, *, leave: int) -> int:
        """When who leaves `tail` at `leave` and never waits is at `head`.

        In each further slice the share not yet driven is driven at that slice's pace, rounded up
        (Ichoua, Gendreau and Potvin 2003).
        """
        place = max(0, bisect_right(self._begins, leave) - 1) if len(self._slices) > 1 else 0
        whole = left = int(self._slices.item(place, tail, head))
        at = leave
        while place + 1 < len(self._slices) and at + left > self._begins[place + 1]:
            left -= self._begins[place + 1] - at
            at = self._begins[place + 1]
            place += 1
            onward = int(self._slices.item(place, tail, head))
            left = -(-left * onward // whole)
            whole = onward
        return at + left

    def way(self, tail: int, head: int, *, ready: int, absences: Sequence[Absence]) -> tuple[int, int]:
        """(leave, arrive) of the first way from `ready` on that meets no absence."""
        leave = ready
        while True:
            arrive = self.arrival(tail, head, leave=leave)
            met = [each.end for each in absences if each.start < arrive and leave < each.end]
            if arrive == leave or not met:
                return leave, arrive
            leave = max(met)


def clear(ready: int, seconds: int, *, absences: Sequence[Absence]) -> int:
    """The first time from `ready` on from which `seconds` without a break meet no absence."""
    at = ready
    for absence in sorted(absences, key=lambda each: each.start):
        # What takes no time is not done inside an absence either.
        if at < absence.end and absence.start < at + max(1, seconds):
            at = absence.end
    return at
