"""Slices: a way by time of day as a few pieces of leaving times, each with the longest that it may take."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from optimizer.problem import Problem
from optimizer.travel import way_seconds

FINEST = 60
"""Where a way crosses into another slice, its pieces differ by about so many seconds …"""
MOST = 6
"""… but are no more than so many."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Who leaves from `first` to `last` (both included) arrives after `seconds` at the latest."""

    first: int
    last: int
    seconds: int


def pieces(
    problem: Problem, origin: int, destination: int, *, span: tuple[int, int], exact: bool = False
) -> list[Piece]:
    """The pieces of one way over that span of leaving times.

    Where the way crosses into a slice they are somewhat too slow, or `exact` and many.
    """
    first, last = span
    if problem.travel_seconds.ndim == 2:
        return [Piece(first, last, int(problem.travel_seconds[origin, destination]))]
    found: list[Piece] = []
    begins = [first, *(at for at in problem.travel_slices[1:] if first < at <= last), last + 1]
    for begin, after in pairwise(begins):
        whole = _slice(problem, origin, destination, at=begin)
        end = next((at for at in problem.travel_slices[1:] if at > begin), None)
        # The last second at which one may leave and be there before the slice ends.
        inside = after - 1 if end is None else min(after - 1, max(begin - 1, end - whole))
        if inside >= begin:
            _extend(found, Piece(begin, inside, whole))
        crossing = _seconds if exact else _crossing
        for piece in crossing(problem, (origin, destination), first=inside + 1, after=after):
            _extend(found, piece)
    return found


def _slice(problem: Problem, origin: int, destination: int, *, at: int) -> int:
    """Seconds of the whole way at the pace of the slice in which `at` lies."""
    place = max(0, bisect_right(problem.travel_slices, at) - 1)
    return int(problem.travel_seconds[place, origin, destination])


def _seconds(problem: Problem, pair: tuple[int, int], *, first: int, after: int) -> list[Piece]:
    """Each leaving time from which a slice's end is met on the way, by itself."""
    return [Piece(at, at, way_seconds(problem, *pair, leave=at)) for at in range(first, after)]


def _crossing(problem: Problem, pair: tuple[int, int], *, first: int, after: int) -> list[Piece]:
    """Pieces of the leaving times from which a slice's end is met on the way."""
    if first >= after:
        return []
    ends = [way_seconds(problem, *pair, leave=at) for at in (first, after - 1)]
    many = max(1, min(MOST, abs(ends[1] - ends[0]) // FINEST, after - first))
    cuts = [first + (after - first) * number // many for number in range(many + 1)]
    return [
        Piece(begin, end - 1, _longest(problem, pair, first=begin, last=end - 1))
        for begin, end in pairwise(cuts)
    ]


def _longest(problem: Problem, pair: tuple[int, int], *, first: int, last: int) -> int:
    """The longest way within a piece: at one of its ends where it meets one slice, rounded up."""
    begins = problem.travel_slices
    ends = [way_seconds(problem, *pair, leave=at) for at in (first, last)]
    met = bisect_right(begins, last + ends[1]) - bisect_right(begins, first)
    if met <= 1:
        return max(ends) + 1
    return max(way_seconds(problem, *pair, leave=at) for at in range(first, last + 1))


def _extend(found: list[Piece], piece: Piece) -> None:
    """Append the piece, or make the last one longer where the way takes the same."""
    if found and found[-1].seconds == piece.seconds:
        found[-1] = Piece(found[-1].first, piece.last, piece.seconds)
    else:
        found.append(piece)
