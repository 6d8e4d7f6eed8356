"""Spans: between which seconds each way of a track may begin, as far as windows and the order tell."""

from collections.abc import Mapping
from itertools import pairwise

from optimizer.partner import rules
from optimizer.partner.tracks import Call, Node, Seat, Track, service_seconds, way
from optimizer.problem import Problem

Span = tuple[int, int]
Bounds = Mapping[Seat | Call, Span]
"""Node → its first and its last start."""


def spans(
    problem: Problem, track: Track, *, last: int, relaxed: int | None = None
) -> dict[tuple[Node, Node], Span]:
    """Arc → the first and the last second at which its way may begin; the arcs that have one.

    `last` is the latest end of the route, `relaxed` a visit whose windows do not count.
    """
    starts = _starts(problem, track, last=last, relaxed=relaxed)
    found: dict[tuple[Node, Node], Span] = {}
    for tail, head in dict.fromkeys(track.arcs()):
        begin = track.head.free if tail is None else starts[tail][0] + service_seconds(problem, tail)
        end = last if head is None else starts[head][1]
        end -= way(problem, track, tail=tail, head=head)
        if begin <= end:
            found[tail, head] = begin, end
        elif tail is None and head is None:
            # A route without movable stops is not bound by the shift.
            found[tail, head] = begin, begin
    return found


def _starts(problem: Problem, track: Track, *, last: int, relaxed: int | None) -> Bounds:
    """First and last start of every node: by its windows, and where the order is kept by its neighbours."""
    found = {node: _alone(problem, track, node, last=last, relaxed=relaxed) for node in track.nodes}
    before = track.head.free
    for tail, head in pairwise((None, *track.must)):
        if head is not None:
            first, final = found[head]
            found[head] = max(first, before + _least(problem, track, tail=tail, head=head)), final
            before = found[head][0] + service_seconds(problem, head)
    after = last
    for tail, head in pairwise(reversed((*track.must, None))):
        if head is not None:
            first, final = found[head]
            ready = after - _least(problem, track, tail=head, head=tail) - service_seconds(problem, head)
            found[head] = first, min(final, ready)
            after = found[head][1]
    return found


def _alone(problem: Problem, track: Track, node: Seat | Call, *, last: int, relaxed: int | None) -> Span:
    first, final = track.head.free, last - service_seconds(problem, node)
    if isinstance(node, Call):
        return first, final
    visit = problem.visits[node.visit]
    windows = rules.starts(visit)
    if windows and (relaxed != node.visit or visit.pin in {"TIME", "BOTH"}):
        first, final = max(first, windows[0].start), min(final, max(window.end for window in windows))
    until = rules.last_start(track.technician, visit, seat=node.number)
    return first, final if until is None else min(final, until)


def _least(problem: Problem, track: Track, *, tail: Node, head: Node) -> int:
    """The least seconds from the end of one node to the start of the next that is kept."""
    by = [way(problem, track, tail=tail, head=node) + service_seconds(problem, node) for node in track.may]
    return min([way(problem, track, tail=tail, head=head), *by])
