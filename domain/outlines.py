"""Outlines: points, polygons and time zones as clients give them, checked before anything is there."""

import math
import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import shapely

from domain.inputs import given

MOST_METRES = 5_000.0
MOST_CORNERS = 250
MOST_AREA_METRES = 2_000_000.0
MOST_AREA_CORNERS = 1_000
METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere with the mean radius of the Earth."""
ZONE = re.compile(r"(?!posix|right|localtime|Factory)[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")


def place(value: Any) -> tuple[float, float]:
    """(longitude, latitude) that are on the Earth."""
    longitude, latitude = given(value)
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError("Coordinates are longitude (-180 to 180), latitude (-90 to 90), in degrees.")
    return longitude, latitude


def time_zone(value: Any) -> str:
    """A zone that the database of zones has."""
    if isinstance(value, str) and ZONE.fullmatch(value):
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ValueError("A time zone is a name of the IANA database, such as Europe/Helsinki.")


def outline(value: Any) -> dict[str, Any] | None:
    """A GeoJSON polygon of one ring: closed, simple, at most 5 km across; null is none."""
    return _polygon(value, MOST_METRES, corners=MOST_CORNERS)


def area(value: Any) -> dict[str, Any] | None:
    """An outline as of a territory: at most 2,000 km across."""
    return _polygon(value, MOST_AREA_METRES, corners=MOST_AREA_CORNERS)


def _polygon(value: Any, most_metres: float, *, corners: int) -> dict[str, Any] | None:
    if value is None:
        return None
    rings = value.get("coordinates") if isinstance(value, dict) and value.get("type") == "Polygon" else None
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(rings[0], list):
        raise ValueError("An outline is a GeoJSON Polygon of one ring.")
    if not 4 <= len(rings[0]) <= corners:
        raise ValueError(f"A ring has 4 to {corners} positions, the first once more as the last.")
    ring = [_position(one) for one in rings[0]]
    if ring[0] != ring[-1]:
        raise ValueError("A ring is closed: its last position is its first.")
    if not shapely.Polygon(ring).is_valid:
        raise ValueError("A ring does not cross or touch itself.")
    if _across_metres(ring) > most_metres:
        raise ValueError(f"An outline is at most {most_metres:g} metres across.")
    return {"type": "Polygon", "coordinates": [[list(one) for one in ring]]}


def _position(value: Any) -> tuple[float, float]:
    numbers = value if isinstance(value, list) and 2 <= len(value) <= 3 else []
    # An int is compared as it is: of a very long one there is no float.
    if not numbers or not all(type(one) in {int, float} and abs(one) < math.inf for one in numbers):
        raise ValueError("A position is [longitude, latitude], in degrees.")
    if any(abs(one) > 180 for one in numbers[:2]):
        raise ValueError("A position is [longitude, latitude], in degrees.")
    return place((float(numbers[0]), float(numbers[1])))


def _across_metres(ring: list[tuple[float, float]]) -> float:
    """The longest way between two corners of its hull, by the lengths of degrees at the middle's latitude."""
    middle = math.cos(math.radians(sum(latitude for _, latitude in ring) / len(ring)))
    flat = [(x * middle * METRES_PER_DEGREE, y * METRES_PER_DEGREE) for x, y in ring]
    corners = shapely.get_coordinates(shapely.MultiPoint(flat).convex_hull).tolist()
    return max(math.dist(one, other) for one in corners for other in corners)
