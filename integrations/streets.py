"""Streets: travel times and routes over a street graph, with scipy's search.

Points are (longitude, latitude) in degrees, times are seconds, lengths are metres. Apart from roads.py
because scipy takes 40 MB, which a process without a street graph does not need.
"""

import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

from integrations.roads import (
    DETOUR,
    STRAIGHT_METRES_PER_SECOND,
    Floats,
    Integers,
    Point,
    Route,
    degree_metres,
    distances,
    metres_between,
    straight,
)

WALK_METRES_PER_SECOND = 1.2
REACH_METRES = 1_000.0  # farther from every street than this, a point is not in the extract
DOORS = 8  # nodes tried around a point: the nearest alone may be the wrong side of a divided street
CACHE_BYTES = 64_000_000
CHUNK = 64  # destinations searched at once; bounds the memory of a large table
FILE_FORMAT = 1
OUT = -1  # in Reach.onward: leave the streets here and walk
STRANDED = -2  # in Reach.onward: no way there


class Links(NamedTuple):
    """Pieces of street, one way each: from node `tails[i]` to `heads[i]`; a `street` of -1 has no name."""

    tails: Integers
    heads: Integers
    seconds: Floats
    metres: Floats
    street: Integers


class Graph(NamedTuple):
    """A street graph as arrays: every bend of a street is a node, edges are in CSR order."""

    longitude: Floats
    latitude: Floats
    first_edge: Integers
    heads: Integers
    seconds: Floats
    metres: Floats
    street_of_node: Integers
    street_names: NDArray[np.str_]


class Reach(NamedTuple):
    """How every node gets to one destination: seconds, and the next node on the way."""

    seconds: NDArray[np.float32]
    onward: Integers


def assemble(longitude: Floats, latitude: Floats, *, links: Links, street_names: Sequence[str]) -> Graph:
    """The graph of the largest part in which every node reaches every other; the rest is dropped."""
    if not len(links.tails):
        raise ValueError("no street to drive on")
    size = len(longitude)
    links = _fastest(links)
    matrix = csr_matrix((links.seconds, (links.tails, links.heads)), shape=(size, size))
    _, label = connected_components(matrix, directed=True, connection="strong")
    kept = label == np.bincount(label).argmax()
    links = _chosen(links, kept[links.tails] & kept[links.heads])
    number = np.cumsum(kept, dtype=np.int32) - 1
    nodes = int(kept.sum())
    first_edge = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(number[links.tails], minlength=nodes), out=first_edge[1:])
    street_of_node = np.full(nodes, -1, np.int32)
    for ends in (links.tails, links.heads):
        np.maximum.at(street_of_node, number[ends], links.street)
    return Graph(
        longitude=longitude[kept],
        latitude=latitude[kept],
        first_edge=first_edge,
        heads=number[links.heads],
        seconds=links.seconds,
        metres=links.metres,
        street_of_node=street_of_node,
        street_names=np.array(list(street_names), np.str_),
    )


class Roads:
    """A street graph that answers travel times; safe to share between threads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        size = len(graph.longitude)
        forward = csr_matrix((graph.seconds, graph.heads, graph.first_edge), shape=(size, size))
        self._backward = forward.T.tocsr()
        self._scale = degree_metres(float(graph.latitude.mean()))
        self._tree = KDTree(np.column_stack((graph.longitude, graph.latitude)) * self._scale)
        self._cache: OrderedDict[Point, Reach] = OrderedDict()
        self._capacity = max(CHUNK, CACHE_BYTES // (8 * size))
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Roads as `save` left them."""
        with np.load(path, allow_pickle=False) as stored:
            if "file_format" not in stored or int(stored["file_format"]) != FILE_FORMAT:
                raise ValueError(f"{path} was written in another format: make it again from its extract")
            return cls(Graph(*(stored[name] for name in Graph._fields)))

    def save(self, path: Path) -> None:
        """Write the graph so that a reader sees the old file or the new one, never half of one."""
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            try:
                np.savez(part, file_format=np.int32(FILE_FORMAT), **self.graph._asdict())
                part.flush()
                os.fsync(part.fileno())
                part.close()
                Path(part.name).replace(path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise

    def snap(self, longitude: float, latitude: float) -> int:
        """The nearest node."""
        return int(self._tree.query(np.array([longitude, latitude]) * self._scale)[1])

    def streets(self) -> list[list[Point]]:
        """Every stretch of street once, for a map."""
        graph = self.graph
        tails = np.repeat(np.arange(len(graph.longitude)), np.diff(graph.first_edge))
        pairs = np.unique(np.sort(np.column_stack((tails, graph.heads)), axis=1), axis=0)
        places = np.round(np.column_stack((graph.longitude, graph.latitude)), 6)
        return [[(float(x), float(y)) for x, y in places[pair]] for pair in pairs]

    def street(self, node: int) -> str | None:
        """The name of the street at a node."""
        number = int(self.graph.street_of_node[node])
        return None if number < 0 else str(self.graph.street_names[number])

    def seconds(self, origin: Point, destination: Point) -> float:
        """Travel time; well under a millisecond once a destination was asked for."""
        return float(
            self._column(np.array([origin], np.float64), destination, reach=self._reach(destination))[0]
        )

    def each(self, ways: Sequence[tuple[Point, Point]]) -> list[float]:
        """Seconds of each way, from its first point to its second; destinations are searched together."""
        result = [0.0] * len(ways)
        by_destination: dict[Point, list[int]] = {}
        for number, (_, destination) in enumerate(ways):
            by_destination.setdefault(destination, []).append(number)
        destinations = list(by_destination)
        for start in range(0, len(destinations), CHUNK):
            chunk = destinations[start : start + CHUNK]
            for destination, reach in zip(chunk, self._reaches(chunk), strict=True):
                numbers = by_destination[destination]
                origins = np.array([ways[number][0] for number in numbers], np.float64)
                column = self._column(origins, destination, reach=reach)
                for number, seconds in zip(numbers, column, strict=True):
                    result[number] = float(seconds)
        return result

    def table(self, points: Sequence[Point]) -> Integers:
        """Seconds from every point (row) to every point (column)."""
        places = np.array(points, np.float64).reshape(len(points), 2)
        result = np.zeros((len(points), len(points)), np.int32)
        for start in range(0, len(points), CHUNK):
            chunk = [(float(x), float(y)) for x, y in points[start : start + CHUNK]]
            reaches = self._reaches(chunk)
            for offset, destination in enumerate(chunk):
                column = self._column(places, destination, reach=reaches[offset])
                result[:, start + offset] = np.rint(column)
        return result

    def route(self, origin: Point, destination: Point) -> Route:
        """The quickest way, with its line; a straight one where walking is quicker or no street leads."""
        reach = self._reach(destination)
        doors, walks = self._doors(np.array([origin], np.float64))
        totals = walks[0] + reach.seconds[doors[0]]
        best = int(totals.argmin())
        total = float(totals[best])
        direct = straight(origin, destination, metres_per_second=_straight_pace(total))
        if direct.seconds <= total:
            return direct
        nodes = _follow(reach, int(doors[0, best]))
        graph = self.graph
        streets = [(float(graph.longitude[n]), float(graph.latitude[n])) for n in nodes]
        driven = sum(self._edge_metres(tail, head) for tail, head in pairwise(nodes))
        on_foot = metres_between(origin, streets[0]) + metres_between(streets[-1], destination)
        elapsed = [total - float(reach.seconds[n]) for n in nodes]
        return Route(total, driven + on_foot, (origin, *streets, destination), (0.0, *elapsed, total))

    def _edge_metres(self, tail: int, head: int) -> float:
        first, last = self.graph.first_edge[tail : tail + 2]
        return float(self.graph.metres[first + int(np.flatnonzero(self.graph.heads[first:last] == head)[0])])

    def _column(self, origins: Floats, destination: Point, *, reach: Reach) -> Floats:
        """Seconds from each origin, the walk at both ends included."""
        doors, walks = self._doors(origins)
        driven = (walks + reach.seconds[doors]).min(axis=1)
        direct = distances(origins, np.array([destination])) * DETOUR
        result: Floats = np.where(
            np.isinf(driven),
            direct / STRAIGHT_METRES_PER_SECOND,
            np.minimum(driven, direct / WALK_METRES_PER_SECOND),
        )
        return result

    def _doors(self, points: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The nodes around each point and the seconds on foot to them; infinite out of reach."""
        count = min(DOORS, len(self.graph.longitude))
        distance, node = self._tree.query(points * self._scale, k=list(range(1, count + 1)))
        return node, np.where(distance > REACH_METRES, np.inf, distance / WALK_METRES_PER_SECOND)

    def _reach(self, destination: Point) -> Reach:
        return self._reaches([destination])[0]

    def _reaches(self, destinations: Sequence[Point]) -> list[Reach]:
        """The destinations' rows, from the cache where they are, searched all at once where not."""
        with self._lock:
            found = {point: self._cache[point] for point in destinations if point in self._cache}
            missing = [point for point in dict.fromkeys(destinations) if point not in found]
            if missing:
                found.update(zip(missing, self._search(missing), strict=True))
            for point, reach in found.items():
                self._cache[point] = reach
                self._cache.move_to_end(point)
            while len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        return [found[point] for point in destinations]

    def _search(self, destinations: Sequence[Point]) -> list[Reach]:
        """Dijkstra against the one-ways, from a node added for each destination with its walks."""
        doors, walks = self._doors(np.array(destinations, np.float64))
        size, count = len(self.graph.longitude), len(destinations)
        reachable = np.isfinite(walks)
        added = np.cumsum(reachable.sum(axis=1)) + self._backward.indptr[-1]
        extended = csr_matrix(
            (
                np.concatenate((self._backward.data, walks[reachable])),
                np.concatenate((self._backward.indices, doors[reachable].astype(np.int32))),
                np.concatenate((self._backward.indptr, added.astype(np.int32))),
            ),
            shape=(size + count, size + count),
        )
        sources = np.arange(size, size + count)
        seconds, before = dijkstra(extended, indices=sources, return_predecessors=True)
        before = before[:, :size]
        onward = np.where(before >= size, OUT, np.where(before < 0, STRANDED, before)).astype(np.int32)
        return [Reach(seconds[i, :size].astype(np.float32), onward[i]) for i in range(count)]


def _straight_pace(driven: float) -> float:
    """On foot where streets compete with the straight line; driving blind where there are none."""
    return STRAIGHT_METRES_PER_SECOND if driven == np.inf else WALK_METRES_PER_SECOND


def _follow(reach: Reach, node: int) -> list[int]:
    nodes = [node]
    while (node := int(reach.onward[node])) >= 0:
        nodes.append(node)
    return nodes


def _fastest(links: Links) -> Links:
    """One link between any two nodes, sorted by tail then head: parallel streets would be added up."""
    order = np.lexsort((links.seconds, links.heads, links.tails))
    links = _chosen(links, order)
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(links.tails) != 0) | (np.diff(links.heads) != 0)
    first &= links.tails != links.heads
    return _chosen(links, first)


def _chosen(links: Links, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Links:
    return Links(
        links.tails[rows], links.heads[rows], links.seconds[rows], links.metres[rows], links.street[rows]
    )
