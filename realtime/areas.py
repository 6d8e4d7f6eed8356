"""Areas: how surely a fix lies inside a fence, from its distance and its accuracy.

A position is a two-dimensional normal distribution around the fix, so "inside" is a probability.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from shapely import Point, Polygon

from realtime.positions import EARTH_RADIUS_METRES, Fix

METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_METRES
ACCURACY_PER_SIGMA = 1.414  # iOS's reading; Android's 1.51 gives a smaller sigma: take the careful one
LEAST_SIGMA_METRES = 5.0  # no phone is better than this beside a building, whatever it says
CERTAIN_SIGMAS = 4.0  # beyond this the answer is 0 or 1 to 4 digits
BEYOND_SIGMAS = 9.0  # a normal distribution holds 1e-19 out there
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
WALK_SECONDS_PER_METRE = 1.8  # crossing a radius twice at 1.1 m/s, a slow walk


@dataclass(frozen=True, slots=True)
class Fence:
    """The ground of one visit: a circle, or a polygon of (longitude, latitude) where one is drawn.

    `key` is the visit's uuid as text; `expected_arrival` is in seconds since 1970 (UTC).
    """

    key: str
    longitude: float
    latitude: float
    radius_metres: float = 100.0
    polygon: tuple[tuple[float, float], ...] | None = None
    expected_arrival: float | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """One fix as seen from one fence.

    `distance_metres` is to the centre of a circle; for a polygon it is the fence's radius plus the
    signed distance to the edge, so that every rule in multiples of the radius reads the same.
    """

    distance_metres: float
    sigma_metres: float


@dataclass(frozen=True, slots=True)
class Area:
    """A fence made ready: in metres around its centre, where planar geometry is exact enough (1e-6)."""

    fence: Fence
    metres_per_longitude: float
    shape: Polygon | None
    dwell_seconds: float

    def see(self, fix: Fix) -> Sight:
        east = _wrapped(fix.longitude - self.fence.longitude) * self.metres_per_longitude
        north = (fix.latitude - self.fence.latitude) * METRES_PER_DEGREE
        if self.shape is None:
            return Sight(math.hypot(east, north), sigma_metres(fix))
        point = Point(east, north)
        edge = float(self.shape.exterior.distance(point))
        signed = -edge if self.shape.contains(point) else edge
        return Sight(self.fence.radius_metres + signed, sigma_metres(fix))

    def probability(self, sight: Sight, scale: float = 1.0) -> float:
        """How surely the fix is inside the fence, its radius multiplied by `scale`."""
        radius = self.fence.radius_metres * scale
        margin = radius - sight.distance_metres
        if margin <= -CERTAIN_SIGMAS * sight.sigma_metres:
            return 0.0
        if self.shape is not None:
            return self._polygon_probability(self.shape, sight, scale)
        if margin >= CERTAIN_SIGMAS * sight.sigma_metres:
            return 1.0
        return disc_probability(sight.distance_metres, radius, sight.sigma_metres)

    def _polygon_probability(self, shape: Polygon, sight: Sight, scale: float) -> float:
        """The edge taken as straight, but never more than a disc of the same area holds at best."""
        radius, sigma = self.fence.radius_metres, sight.sigma_metres
        equal_radius = math.sqrt(shape.area / math.pi) + radius * (scale - 1)
        best = -math.expm1(-(equal_radius**2) / (2 * sigma**2))
        inside = math.erfc((sight.distance_metres - radius * scale) / (sigma * math.sqrt(2))) / 2
        return min(inside, best)


def areas_of(fences: Iterable[Fence]) -> tuple[Area, ...]:
    return tuple(area_of(fence) for fence in fences)


def area_of(fence: Fence) -> Area:
    metres_per_longitude = METRES_PER_DEGREE * math.cos(math.radians(fence.latitude))
    if fence.polygon is None:
        return Area(fence, metres_per_longitude, None, _crossing_seconds(fence.radius_metres))
    shape = Polygon(
        [
            (
                _wrapped(longitude - fence.longitude) * metres_per_longitude,
                (latitude - fence.latitude) * METRES_PER_DEGREE,
            )
            for longitude, latitude in fence.polygon
        ]
    )
    west, south, east, north = shape.bounds
    reach = math.hypot(east - west, north - south) / 2
    return Area(fence, metres_per_longitude, shape, _crossing_seconds(reach))


def sigma_metres(fix: Fix) -> float:
    """The deviation per axis behind an accuracy (a 63 to 68 % radius)."""
    return max(LEAST_SIGMA_METRES, fix.radius_metres / ACCURACY_PER_SIGMA)


def disc_probability(distance_metres: float, radius_metres: float, sigma: float) -> float:
    """The mass of a round normal distribution within a disc.

    That is a noncentral chi-square distribution of 2 degrees of freedom. It is summed here over the chords
    across the line from the centre to the fix (Gauss-Legendre), because scipy's chndtr brings 40 MB along.
    """
    near = max(-1.0, (distance_metres - BEYOND_SIGMAS * sigma) / radius_metres)
    far = min(1.0, (distance_metres + BEYOND_SIGMAS * sigma) / radius_metres)
    if near >= far:
        return 0.0
    start, end = math.asin(near), math.asin(far)
    angles = (NODES * (end - start) + (end + start)) / 2
    half_chords = radius_metres * np.cos(angles)
    off = (radius_metres * np.sin(angles) - distance_metres) / sigma
    across = [math.erf(one) for one in half_chords / (sigma * math.sqrt(2))]
    mass = WEIGHTS * np.exp(-(off**2) / 2) * half_chords * across
    return min(1.0, float(mass.sum()) * (end - start) / 2 / (sigma * math.sqrt(2 * math.pi)))


def _crossing_seconds(radius_metres: float) -> float:
    """How long being inside proves a stay by itself: longer than a walk across a large fence takes."""
    return max(180.0, WALK_SECONDS_PER_METRE * radius_metres)


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
