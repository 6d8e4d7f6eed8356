"""Nearest: which technicians could take which seat of a visit, by the least added travel."""

from collections.abc import Iterator
from itertools import pairwise

from optimizer.partner import rules
from optimizer.partner.standing import Standing
from optimizer.partner.tracks import Seat, Track, ends, left, service_seconds, way
from optimizer.travel import way_bounds

Found = dict[int, list[str]]
"""Number of the seat → technicians, the nearest first."""


def able(standing: Standing, visit: int, *, relaxed: bool = False) -> Found:
    """Everyone who could take each seat, the nearest first; `relaxed`: windows and parts may give."""
    problem = standing.problem
    row = problem.visits[visit]
    found: Found = {}
    for number in range(len(row.crew) + 1):
        seat = Seat(visit, number)
        rows = [
            (added(standing, track, seat), place, key)
            for place, (key, track) in enumerate(standing.tracks.items())
            if rules.may_serve(problem, track.technician, row, seat=number)
            and _is_there(track, standing, seat, relaxed=relaxed)
            and (number > 0 or relaxed or _has_parts(standing, track, visit))
        ]
        found[number] = [key for _, _, key in sorted(rows)]
    return found


def added(standing: Standing, track: Track, seat: Seat) -> int:
    """The least seconds of travel that the seat adds to the route."""
    return min(there + back - without for there, back, without in _detours(standing, track, seat))


def saves_time(standing: Standing, track: Track, seat: Seat) -> bool:
    """Whether a way over the visit, its service included, is quicker anywhere than the way without."""
    service = service_seconds(standing.problem, seat)
    return any(there + service + back < without for there, back, without in _detours(standing, track, seat))


def _detours(standing: Standing, track: Track, seat: Seat) -> Iterator[tuple[int, int, int]]:
    """For each position: the way to the visit, the way on, and (at its slowest) the way without it."""
    problem, nodes = standing.problem, [None, *track.must, None]
    for tail, head in pairwise(nodes):
        idle = tail is None and head is None and not track.head.stops
        yield (
            way(problem, track, tail=tail, head=seat),
            way(problem, track, tail=seat, head=head),
            0 if idle else way_bounds(problem, *ends(problem, track, tail=tail, head=head))[1],
        )


def _is_there(track: Track, standing: Standing, seat: Seat, *, relaxed: bool) -> bool:
    """Whether the technician has the tools, or may fetch them, and works within a window at all."""
    technician, visit = track.technician, standing.problem.visits[seat.visit]
    if visit.tools - technician.tools and seat.number == 0 and not standing.problem.depots:
        return False
    last = technician.shift_end + technician.overtime_limit_seconds
    windows = () if relaxed else rules.starts(visit)
    return not windows or any(row.end >= track.head.free and row.start <= last for row in windows)


def _has_parts(standing: Standing, track: Track, visit: int) -> bool:
    have = left(standing.problem, track)
    parts = standing.problem.visits[visit].parts
    return bool(standing.problem.depots) or all(have[part] >= count for part, count in parts.items())
