"""Nearest: which technicians could take which seat of a visit, by the least added travel."""

from itertools import pairwise

from optimizer.partner import rules
from optimizer.partner.standing import Standing
from optimizer.partner.tracks import Node, Seat, Track, left, way

Found = dict[int, list[str]]
"""Number of the seat → technicians, the nearest first."""


def able(standing: Standing, visit: int, *, parts_given: bool = False) -> Found:
    """Everyone who could take each seat, as far as one look can tell."""
    problem = standing.problem
    row = problem.visits[visit]
    found: Found = {}
    for number in range(len(row.crew) + 1):
        seat = Seat(visit, number)
        rows = [
            (added(standing, track, seat), place, key)
            for place, (key, track) in enumerate(standing.tracks.items())
            if rules.may_serve(problem, track.technician, row, seat=number)
            and _is_there(track, standing, seat)
            and (number > 0 or parts_given or _has_parts(standing, track, visit))
        ]
        found[number] = [key for _, _, key in sorted(rows)]
    return found


def added(standing: Standing, track: Track, seat: Seat) -> int:
    """The least seconds of travel that the seat adds to the route."""
    nodes: list[Node] = [None, *track.must, None]
    problem = standing.problem
    return min(
        way(problem, track, tail=tail, head=seat)
        + way(problem, track, tail=seat, head=head)
        - (way(problem, track, tail=tail, head=head) if tail or head or track.head.stops else 0)
        for tail, head in pairwise(nodes)
    )


def _is_there(track: Track, standing: Standing, seat: Seat) -> bool:
    """Whether the technician works within a window at all (windows are not asked where they may give)."""
    technician, visit = track.technician, standing.problem.visits[seat.visit]
    if visit.tools - technician.tools and seat.number == 0 and not standing.problem.depots:
        return False
    last = technician.shift_end + technician.overtime_limit_seconds
    windows = rules.starts(visit)
    return not windows or any(row.end >= track.head.free and row.start <= last for row in windows)


def _has_parts(standing: Standing, track: Track, visit: int) -> bool:
    have = left(standing.problem, track)
    parts = standing.problem.visits[visit].parts
    return bool(standing.problem.depots) or all(have[part] >= count for part, count in parts.items())
