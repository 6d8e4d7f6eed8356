"""Roads: travel times and routes over straight lines, and what every kind of road has in common.

Points are (longitude, latitude) in degrees, times are seconds, lengths are metres. `StraightLines` and
streets.py's `Roads` answer the same questions: `seconds`, `each`, `table`, `route`, `streets`.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int32]

EARTH_RADIUS_METRES = 6_371_008.8
DETOUR = 1.3  # street length ÷ straight line (REALTIME.md, "ETA")
STRAIGHT_METRES_PER_SECOND = 8.0


class Route(NamedTuple):
    """One way from a point to another.

    `elapsed` has the seconds since the start at each point of `line`, walks included.
    """

    seconds: float
    metres: float
    line: tuple[Point, ...]
    elapsed: tuple[float, ...]


def metres_between(origin: Point, destination: Point) -> float:
    """Great-circle metres."""
    return float(distances(np.array([origin]), np.array([destination]))[0])


def distances(origins: Floats, destinations: Floats) -> Floats:
    """Great-circle metres between (longitude, latitude) rows, broadcast."""
    a, b = np.radians(origins), np.radians(destinations)
    half = np.sin((b - a) / 2) ** 2
    chord = half[..., 1] + np.cos(a[..., 1]) * np.cos(b[..., 1]) * half[..., 0]
    result: Floats = 2 * EARTH_RADIUS_METRES * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return result


def degree_metres(latitude: float) -> Floats:
    """Metres of one degree of longitude and of latitude there."""
    degree = np.radians(1.0) * EARTH_RADIUS_METRES
    return np.array([degree * np.cos(np.radians(latitude)), degree])


class StraightLines:
    """Travel times without a street graph: the straight line, 30 % longer, at one pace."""

    def __init__(self, metres_per_second: float = STRAIGHT_METRES_PER_SECOND) -> None:
        self.metres_per_second = metres_per_second

    def seconds(self, origin: Point, destination: Point) -> float:
        """Travel time."""
        return self.route(origin, destination).seconds

    def each(self, ways: Sequence[tuple[Point, Point]]) -> list[float]:
        """Seconds of each way, from its first point to its second."""
        places = np.array(ways, np.float64).reshape(len(ways), 2, 2)
        metres = distances(places[:, 0], places[:, 1]) * DETOUR
        return [float(seconds) for seconds in metres / self.metres_per_second]

    def table(self, points: Sequence[Point]) -> Integers:
        """Seconds from every point (row) to every point (column)."""
        places = np.array(points, np.float64).reshape(len(points), 2)
        metres = distances(places[:, None, :], places[None, :, :])
        return np.rint(metres * (DETOUR / self.metres_per_second)).astype(np.int32)

    def streets(self) -> list[list[Point]]:
        """There are none."""
        return []

    def route(self, origin: Point, destination: Point) -> Route:
        """The straight line; `metres` are those of the street it stands for."""
        return straight(origin, destination, metres_per_second=self.metres_per_second)


def straight(origin: Point, destination: Point, *, metres_per_second: float) -> Route:
    """The straight line; `metres` are those of the street it stands for."""
    metres = metres_between(origin, destination) * DETOUR
    seconds = metres / metres_per_second
    return Route(seconds, metres, (origin, destination), (0.0, seconds))
