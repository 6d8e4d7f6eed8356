"""OpenStreetMap: an extract (.osm.pbf) read into roads and places; only worker processes and the CLI do it.

Drivable ways with their one-way rules; speeds from `maxspeed` where it is tagged, else by class of road.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from integrations.roads import Floats, Integers, distances
from integrations.streets import Links, Roads, assemble

# What a car really does between two crossings of a town, by class of road.
FREE_KILOMETRES_PER_HOUR = {
    "motorway": 90.0, "trunk": 70.0, "primary": 44.0, "secondary": 40.0, "tertiary": 36.0,
    "motorway_link": 50.0, "trunk_link": 45.0, "primary_link": 35.0, "secondary_link": 32.0,
    "unclassified": 30.0, "residential": 26.0, "living_street": 12.0, "service": 12.0,
}  # fmt: skip
OTHER_KILOMETRES_PER_HOUR = 28.0
LIMIT_SHARE = 0.85  # of a tagged limit: the mean over a free stretch of town street
KILOMETRES_PER_MILE = 1.609344
CROSSING_SECONDS = 3.0
SIGNAL_SECONDS = 7.0  # green or red, on average
PIECE_METRES = 30.0  # longer straights are cut, so that a point snaps to within half of this
MINIMUM_METRES = 0.1
KINDS = ("shop", "craft", "office", "healthcare", "amenity", "tourism", "building")


class Place(NamedTuple):
    """Something on the map that has a name or is a building (`name` may be empty); `kind` is key=value."""

    name: str
    street: str | None
    house_number: str | None
    postcode: str | None
    city: str | None
    longitude: float
    latitude: float
    kind: str


class Extract(NamedTuple):
    """All that we take from one extract."""

    roads: Roads
    places: tuple[Place, ...]


class Segments(NamedTuple):
    """Straight pieces of ways as mapped, in the order of the way."""

    tails: Integers
    heads: Integers
    metres_per_second: Floats
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]
    street: Integers


class Network(NamedTuple):
    """The drivable ways: mapped nodes, the segments between them, and the streets' names."""

    longitude: Floats
    latitude: Floats
    signals: NDArray[np.bool_]
    segments: Segments
    street_names: list[str]


def read(path: Path) -> Extract:
    """The roads and places of an extract; ValueError where nothing in it can be driven on."""
    with warnings.catch_warnings():
        # Warnings of the reader and of the data frames under it are not about our use of them.
        warnings.simplefilter("ignore")
        import pyrosm  # noqa: PLC0415  # pulls pandas in: only who reads an extract pays for it

        reader = pyrosm.OSM(str(path))
        network = reader.get_network(nodes=True, network_type="driving")
        named = reader.get_pois(custom_filter=dict.fromkeys(KINDS[:-1], True))
        buildings = reader.get_buildings()
        places = tuple(_places(named, buildings))
    if network is None or network[0] is None or network[1] is None:
        raise ValueError(f"{path} has no street to drive on")
    return Extract(_roads(_network(*network)), places)


def speed(limit: str | None, highway: str | None) -> float:
    """Metres per second between two crossings, from `maxspeed` ("50", "30 mph") and the class of road."""
    tagged = re.match(r"(\d+(?:\.\d+)?)\s*(mph)?", limit or "")
    if tagged and float(tagged[1]) > 0:
        unit = KILOMETRES_PER_MILE if tagged[2] else 1.0
        return float(tagged[1]) * unit * LIMIT_SHARE / 3.6
    return FREE_KILOMETRES_PER_HOUR.get(highway or "", OTHER_KILOMETRES_PER_HOUR) / 3.6


def directions(oneway: str | None, junction: str | None, *, highway: str | None) -> tuple[bool, bool]:
    """Whether a way may be driven as drawn, and against it."""
    if oneway in {"-1", "reverse"}:
        return False, True
    if oneway in {"yes", "true", "1"}:
        return True, False
    implied = junction in {"roundabout", "circular"} or highway == "motorway"
    return True, not implied or oneway == "no"


def _network(nodes: Any, edges: Any) -> Network:
    number = {int(identity): index for index, identity in enumerate(nodes["id"])}
    names = _column(edges, "name")
    street_names = sorted({name for name in names if name})
    street = {name: index for index, name in enumerate(street_names)}
    highways, limits = _column(edges, "highway"), _column(edges, "maxspeed")
    ways = [
        directions(oneway, junction, highway=highway)
        for oneway, junction, highway in zip(
            _column(edges, "oneway"), _column(edges, "junction"), highways, strict=True
        )
    ]
    segments = Segments(
        tails=np.array([number[int(u)] for u in edges["u"]], np.int32),
        heads=np.array([number[int(v)] for v in edges["v"]], np.int32),
        metres_per_second=np.array([speed(*tags) for tags in zip(limits, highways, strict=True)]),
        forward=np.array([forward for forward, _ in ways], bool),
        backward=np.array([backward for _, backward in ways], bool),
        street=np.array([street.get(name or "", -1) for name in names], np.int32),
    )
    marks = nodes["tags"] if "tags" in nodes else [None] * len(nodes)
    signals = [isinstance(tags, dict) and tags.get("highway") == "traffic_signals" for tags in marks]
    longitude, latitude = nodes["lon"].to_numpy(np.float64), nodes["lat"].to_numpy(np.float64)
    return Network(longitude, latitude, np.array(signals, bool), segments, street_names)


def _roads(network: Network) -> Roads:
    """Cut, charge for crossings, and join."""
    segments = network.segments
    where = np.column_stack((network.longitude, network.latitude))
    metres = np.maximum(distances(where[segments.tails], where[segments.heads]), MINIMUM_METRES)
    pieces = np.ceil(metres / PIECE_METRES).astype(np.int32)
    segment = np.repeat(np.arange(len(pieces)), pieces)
    nodes, tails, heads = _cut(segments, where, segment=segment)
    length = (metres / pieces)[segment]
    seconds = length / segments.metres_per_second[segment]
    along, against = segments.forward[segment], segments.backward[segment]
    links = Links(
        tails=np.concatenate((tails[along], heads[against])),
        heads=np.concatenate((heads[along], tails[against])),
        seconds=np.concatenate((seconds[along], seconds[against])),
        metres=np.concatenate((length[along], length[against])),
        street=np.concatenate((segments.street[segment][along], segments.street[segment][against])),
    )
    delay = np.zeros(len(nodes))
    delay[: len(where)] = _delay(network)
    links = links._replace(seconds=links.seconds + delay[links.heads])
    return Roads(assemble(nodes[:, 0], nodes[:, 1], links=links, street_names=network.street_names))


def _cut(
    segments: Segments, where: Floats, *, segment: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """All nodes, and the tail and head of each piece; `segment` names the piece's segment, in order."""
    starts = np.flatnonzero(np.diff(segment, prepend=-1))
    step = np.arange(len(segment)) - starts[segment]
    inner = step > 0
    share = (step / np.bincount(segment)[segment])[inner, None]
    tails = segments.tails[segment].astype(np.int64)
    heads = segments.heads[segment].astype(np.int64)
    begin, end = where[tails[inner]], where[heads[inner]]
    tails[inner] = len(where) + np.arange(int(inner.sum()))
    heads[:-1][inner[1:]] = tails[1:][inner[1:]]
    return np.concatenate((where, begin + share * (end - begin))), tails, heads


def _delay(network: Network) -> Floats:
    """Seconds lost on entering each mapped node: at signals, else where three or more streets meet."""
    ends = np.column_stack((network.segments.tails, network.segments.heads))
    neighbours = np.unique(np.concatenate((ends, ends[:, ::-1])), axis=0)
    degree = np.bincount(neighbours[:, 0], minlength=len(network.longitude))
    crossing = np.where(degree >= 3, CROSSING_SECONDS, 0.0)
    return np.where(network.signals, SIGNAL_SECONDS, crossing)


def _places(*frames: Any) -> Iterator[Place]:
    """Places of the frames in the order of the map's identities, each element once."""
    found: dict[tuple[str, int], Place] = {}
    for frame in frames:
        if frame is None or not len(frame):
            continue
        points = frame.geometry.representative_point()
        keys = zip(_column(frame, "osm_type"), frame["id"], strict=True)
        names, addresses = _column(frame, "name"), _addresses(frame)
        rows = zip(keys, names, addresses, points.x, points.y, _kinds(frame), strict=True)
        for (element, identity), name, address, longitude, latitude, kind in rows:
            if name or kind.startswith("building="):
                street, house_number, postcode, city = address
                where = float(longitude), float(latitude)
                place = Place(name or "", street, house_number, postcode, city, *where, kind)
                found.setdefault((element or "", int(identity)), place)
    return iter(found[key] for key in sorted(found))


def _addresses(frame: Any) -> Iterator[tuple[str | None, str | None, str | None, str | None]]:
    """Street, house number, postcode and city of each row."""
    return zip(
        _column(frame, "addr:street"),
        _column(frame, "addr:housenumber"),
        _column(frame, "addr:postcode"),
        _column(frame, "addr:city"),
        strict=True,
    )


def _kinds(frame: Any) -> list[str]:
    """The most telling tag of each row, as key=value."""
    columns = [(key, _column(frame, key)) for key in KINDS]
    return [
        next((f"{key}={column[row]}" for key, column in columns if column[row]), "place=yes")
        for row in range(len(frame))
    ]


def _column(frame: Any, name: str) -> list[str | None]:
    """A column of tags; the reader leaves out columns that no row has, and marks absence by NaN."""
    if name not in frame:
        return [None] * len(frame)
    return [value if isinstance(value, str) and value else None for value in frame[name]]
