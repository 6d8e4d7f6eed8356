"""Tracks: what may stand on each technician's route, and in which order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from optimizer.plan import Stop
from optimizer.problem import Problem, Technician
from optimizer.travel import way_bounds


class Seat(NamedTuple):
    """One seat of a visit: the visit's place in the Problem and the number of the seat (0: the lead)."""

    visit: int
    number: int


class Call(NamedTuple):
    """A restock at a depot: its place in the Problem."""

    depot: int


Node = Seat | Call | None
"""None: where the technician starts and ends."""


@dataclass(frozen=True, slots=True)
class Head:
    """The fixed visits of a route, as facts."""

    stops: tuple[Stop, ...]
    location: int
    """Where the movable part of the route begins."""
    free: int
    """When its first way may begin."""
    leave: int | None = None
    """When the technician left for the first fixed visit; None: no fixed visit."""

    @property
    def busy_seconds(self) -> int:
        """Travel and service of the fixed visits."""
        return sum(stop.travel_seconds + stop.end - stop.start for stop in self.stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One technician's part: `must` are there in this order, `may` anywhere between, in any order."""

    technician: Technician
    head: Head
    must: tuple[Seat | Call, ...] = ()
    may: tuple[Seat | Call, ...] = ()
    lunch_start: int | None = None
    """A lunch that was taken before the head's end."""

    @property
    def nodes(self) -> tuple[Seat | Call, ...]:
        return (*self.must, *self.may)

    @property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(node for node in self.nodes if isinstance(node, Seat))

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(node for node in self.nodes if isinstance(node, Call))

    def arcs(self) -> Iterator[tuple[Node, Node]]:
        """Every way that a route on this track can hold: (None, None) is a route without movable stops."""
        for tail, head in pairwise((None, *self.must, None)):
            yield tail, head
            for node in self.may:
                yield tail, node
                if head is not None or isinstance(node, Seat):
                    yield node, head
        for tail in self.may:
            for head in self.may:
                if tail != head and not (isinstance(tail, Call) and isinstance(head, Call)):
                    yield tail, head


def location(problem: Problem, node: Seat | Call) -> int:
    """Where the node is."""
    if isinstance(node, Call):
        return problem.depots[node.depot].location
    return problem.visits[node.visit].location


def service_seconds(problem: Problem, node: Seat | Call) -> int:
    """How long the node keeps the technician."""
    if isinstance(node, Call):
        return problem.depots[node.depot].service_seconds
    return problem.visits[node.visit].service_seconds


def ends(problem: Problem, track: Track, *, tail: Node, head: Node) -> tuple[int, int]:
    """The two locations of the way between two nodes of the track."""
    here = track.head.location if tail is None else location(problem, tail)
    there = track.technician.end_location if head is None else location(problem, head)
    return here, there


def way(problem: Problem, track: Track, *, tail: Node, head: Node) -> int:
    """Seconds of the way between two nodes of the track, at the time of day when it is quickest."""
    return way_bounds(problem, *ends(problem, track, tail=tail, head=head))[0]


def free_from(problem: Problem, technician: Technician) -> int:
    """When the technician's first movable way may begin where no visit is fixed."""
    leave = technician.shift_start
    if technician.available_from is not None:
        leave = max(leave, technician.available_from)
    return max(leave, problem.earliest_start)


def needed_calls(problem: Problem, track: Track) -> tuple[Call, ...]:
    """The depots at which something could be had that the van may lack."""
    visits = [problem.visits[seat.visit] for seat in track.seats if seat.number == 0]
    need = sum((Counter(visit.parts) for visit in visits), Counter())
    parts = {part for part, count in need.items() if count > left(problem, track)[part]}
    tools = {tool for visit in visits for tool in visit.tools} - track.technician.tools
    return tuple(
        Call(place)
        for place, depot in enumerate(problem.depots)
        if any(depot.stock is None or depot.stock.get(part, 0) for part in parts)
        or any(depot.tools is None or tool in depot.tools for tool in tools)
    )


def left(problem: Problem, track: Track) -> Counter[str]:
    """Part → pieces in the van after the head; less than nothing where facts used more than there was."""
    visits = {visit.key: visit for visit in problem.visits}
    have = Counter(track.technician.stock)
    for stop in track.head.stops:
        if stop.seat == 0:
            have.subtract(visits[stop.visit].parts)
    return have
