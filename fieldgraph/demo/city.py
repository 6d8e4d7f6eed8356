"""The demo's city: customers, homes, warehouses and territories at real places of an extract.

A function of (extract, seed). Places and addresses are the map's; people's names are made here. Where the
map has too few named places, buildings and then street corners stand in, labelled "Street N".
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, zip_longest
from statistics import median
from typing import NamedTuple, Self

import numpy as np

from integrations.osm import Extract, Place
from integrations.roads import Floats, Point, distances, metres_between
from integrations.streets import Roads

SITES = 130
LEAST_SITES = 110
CHAINS = 12  # customers with several sites
CHAIN_SITES = 5
HOMES = 32
WAREHOUSES = 3
SITE_SPACING_METRES = 25.0
HOME_SPACING_METRES = 60.0
WAREHOUSE_SPACING_METRES = 500.0
ROAD_METRES = 150.0  # farther from a street, a place is inside a park or cut off by the extract's edge
CONSIDERED = 2_000  # places of a kind looked at: a whole country would take minutes
MARGIN_DEGREES = 0.01
GIVEN_NAMES = (
    "Aino", "Anneli", "Eero", "Elina", "Hannu", "Helmi", "Ilmari", "Jukka",
    "Kaisa", "Lauri", "Mika", "Noora", "Olavi", "Petra", "Sanna", "Timo",
)  # fmt: skip
FAMILY_NAMES = (
    "Aaltonen", "Hakala", "Heikkinen", "Järvinen", "Karjalainen", "Koskinen", "Laine", "Lehtonen",
    "Mäkelä", "Nieminen", "Rantanen", "Saarinen", "Salo", "Toivonen", "Virtanen", "Ylönen",
)  # fmt: skip
LANGUAGES = ("fi", "fi", "fi", "sv", "en")
TRADES = frozenset({
    "arts_centre", "bank", "bar", "bureau_de_change", "cafe", "car_rental", "car_wash", "childcare",
    "cinema", "clinic", "college", "community_centre", "conference_centre", "coworking_space",
    "dentist", "doctors", "driving_school", "events_venue", "fast_food", "food_court", "fuel",
    "hospital", "ice_cream", "kindergarten", "library", "marketplace", "pharmacy", "post_office", "pub",
    "restaurant", "school", "studio", "theatre", "university", "veterinary", "gallery", "guest_house",
    "hostel", "hotel", "museum",
})  # fmt: skip


class CitySite(NamedTuple):
    """A place of work; `address` is street and number as far as the map has them."""

    name: str
    address: str
    postcode: str | None
    city: str
    longitude: float
    latitude: float
    territory: str


class CityContact(NamedTuple):
    """A made-up person at a customer."""

    given_name: str
    family_name: str
    email: str
    language: str


class CityCustomer(NamedTuple):
    """A company of the map; several sites where the map has several places of its name."""

    name: str
    sites: tuple[CitySite, ...]
    contacts: tuple[CityContact, ...]


class CityHome(NamedTuple):
    """The home base of a made-up technician, at a real building."""

    given_name: str
    family_name: str
    address: str
    longitude: float
    latitude: float
    territory: str


class CityWarehouse(NamedTuple):
    """A depot at a real building."""

    name: str
    address: str
    longitude: float
    latitude: float


class CityTerritory(NamedTuple):
    """A quarter of the city; `ring` is closed and goes counter-clockwise."""

    name: str
    ring: tuple[Point, ...]


class City(NamedTuple):
    """Everything that the demo's first organization stands on."""

    name: str
    customers: tuple[CityCustomer, ...]
    homes: tuple[CityHome, ...]
    warehouses: tuple[CityWarehouse, ...]
    territories: tuple[CityTerritory, ...]
    roads: Roads


class _Quarters(NamedTuple):
    """Where the city is cut: a longitude, then a latitude in the west and one in the east."""

    longitude: float
    west_latitude: float
    east_latitude: float

    @classmethod
    def of(cls, points: Sequence[Point]) -> Self:
        """Cuts that leave about as many points in each quarter."""
        longitude = median(x for x, _ in points)
        west = median(y for x, y in points if x < longitude)
        east = median(y for x, y in points if x >= longitude)
        return cls(longitude, west, east)

    def name(self, longitude: float, latitude: float) -> str:
        west = longitude < self.longitude
        north = latitude >= (self.west_latitude if west else self.east_latitude)
        return f"{'North' if north else 'South'}-{'west' if west else 'east'}"

    def territories(self, points: Sequence[Point]) -> tuple[CityTerritory, ...]:
        """The four quarters; together they cover all points with a margin."""
        left, bottom = (min(axis) - MARGIN_DEGREES for axis in zip(*points, strict=True))
        right, top = (max(axis) + MARGIN_DEGREES for axis in zip(*points, strict=True))
        return (
            CityTerritory("South-west", _ring(left, bottom, right=self.longitude, top=self.west_latitude)),
            CityTerritory("North-west", _ring(left, self.west_latitude, right=self.longitude, top=top)),
            CityTerritory("South-east", _ring(self.longitude, bottom, right=right, top=self.east_latitude)),
            CityTerritory("North-east", _ring(self.longitude, self.east_latitude, right=right, top=top)),
        )


class _Labels:
    """Addresses: the map's own, else the nearest street and its next free number, the nearest known city."""

    def __init__(self, extract: Extract) -> None:
        graph = extract.roads.graph
        named = graph.street_of_node >= 0
        self.corners = np.column_stack((graph.longitude, graph.latitude))[named]
        self.streets = [str(name) for name in graph.street_names[graph.street_of_node[named]]]
        known = [place for place in extract.places if place.city]
        self.known = np.array([_point(place) for place in known])
        self.cities = [place.city or "" for place in known]
        self.used = {(place.street, place.house_number) for place in extract.places}
        self.last: defaultdict[str, int] = defaultdict(int)

    def city(self, place: Place) -> str:
        return place.city or _nearest(place, self.known, labels=self.cities) or "City"

    def address(self, place: Place) -> str:
        if place.street and place.house_number:
            return f"{place.street} {place.house_number}"
        street = place.street or _nearest(place, self.corners, labels=self.streets) or "Street"
        if place.name:
            return street  # a real place gets no invented number
        self.last[street] += 1
        while (street, str(self.last[street])) in self.used:
            self.last[street] += 1
        return f"{street} {self.last[street]}"


def build(extract: Extract, *, seed: int) -> City:
    """The city of an extract; ValueError where it is too small for the demo."""
    random = np.random.default_rng(seed)
    labels = _Labels(extract)
    businesses = _ordered(filter(_is_business, extract.places), random, roads=extract.roads)
    spare = _ordered(filter(_is_building, extract.places), random, roads=extract.roads)
    spare += _corners(extract.roads, random)
    sites = _spread([*_by_name(businesses), *spare], SITES, metres=SITE_SPACING_METRES)
    if len(sites) < LEAST_SITES:
        raise ValueError(f"{len(sites)} places are too few for the demo: it needs {LEAST_SITES}")
    quarters = _Quarters.of([_point(place) for place in sites])
    spare = [place for place in spare if place not in sites]
    warehouses = _spread(spare, WAREHOUSES, metres=WAREHOUSE_SPACING_METRES)
    homes = _homes([place for place in spare if place not in warehouses], quarters)
    town = _Town(quarters, labels, people=_people(random), random=random)
    return City(
        name=Counter(map(labels.city, sites)).most_common(1)[0][0],
        customers=tuple(town.customers(sites)),
        homes=tuple(map(town.home, homes)),
        warehouses=tuple(map(town.warehouse, warehouses)),
        territories=quarters.territories([_point(place) for place in (*sites, *homes, *warehouses)]),
        roads=extract.roads,
    )


class _Town:
    """Turns chosen places into what the demo shows."""

    def __init__(
        self,
        quarters: _Quarters,
        labels: _Labels,
        *,
        people: Iterator[tuple[str, str]],
        random: np.random.Generator,
    ) -> None:
        self.quarters = quarters
        self.labels = labels
        self.people = people
        self.random = random

    def customers(self, places: Sequence[Place]) -> Iterator[CityCustomer]:
        """One customer for each name, in the order of the names; a place without name is its own."""
        grouped: defaultdict[str, list[tuple[Place, str]]] = defaultdict(list)
        for place in places:
            address = self.labels.address(place)
            grouped[(place.name or address).casefold()].append((place, address))
        for key in sorted(grouped):
            first, address = grouped[key][0]
            name = first.name or address
            several = len(grouped[key]) > 1
            sites = tuple(
                self.site(place, address=where, name=f"{name}, {where}" if several else name)
                for place, where in grouped[key]
            )
            contacts = tuple(self.contact(name) for _ in range(2 if several else 1))
            yield CityCustomer(name, sites, contacts)

    def site(self, place: Place, *, address: str, name: str) -> CitySite:
        where, territory = _point(place), self.quarters.name(*_point(place))
        return CitySite(name, address, place.postcode, self.labels.city(place), *where, territory)

    def contact(self, customer: str) -> CityContact:
        given, family = next(self.people)
        language = LANGUAGES[int(self.random.integers(len(LANGUAGES)))]
        return CityContact(
            given, family, f"{_slug(given)}.{_slug(family)}@{_slug(customer)}.example", language
        )

    def home(self, place: Place) -> CityHome:
        territory = self.quarters.name(*_point(place))
        return CityHome(*next(self.people), self.labels.address(place), *_point(place), territory)

    def warehouse(self, place: Place) -> CityWarehouse:
        address = self.labels.address(place)
        return CityWarehouse(f"Depot {address}", address, *_point(place))


def _is_business(place: Place) -> bool:
    key, _, value = place.kind.partition("=")
    return len(place.name) >= 3 and (key in {"shop", "craft", "office"} or value in TRADES)


def _is_building(place: Place) -> bool:
    return place.kind.startswith("building=")


def _ordered(places: Iterable[Place], random: np.random.Generator, *, roads: Roads) -> list[Place]:
    """Places beside a street in a random order, those with a full address first."""
    pool = list(places)
    mixed = [pool[i] for i in random.permutation(len(pool))[:CONSIDERED].tolist()]
    beside = [place for place in mixed if _street_metres(place, roads) <= ROAD_METRES]
    return sorted(beside, key=lambda place: not (place.street and place.house_number))


def _corners(roads: Roads, random: np.random.Generator) -> Iterator[Place]:
    """Points of named streets, for a map with too few buildings."""
    graph = roads.graph
    for node in random.permutation(len(graph.longitude))[:CONSIDERED].tolist():
        where = float(graph.longitude[node]), float(graph.latitude[node])
        if roads.street(node):
            yield Place("", None, None, None, None, *where, "corner=yes")


def _by_name(businesses: Sequence[Place]) -> Iterator[Place]:
    """Some names with several places first, then one place of every other name."""
    grouped: defaultdict[str, list[Place]] = defaultdict(list)
    for place in businesses:
        grouped[place.name.casefold()].append(place)
    chains = [name for name, places in grouped.items() if len(places) > 1][:CHAINS]
    for name in chains:
        yield from grouped[name][:CHAIN_SITES]
    for name, places in grouped.items():
        if name not in chains:
            yield places[0]


def _homes(spare: Sequence[Place], quarters: _Quarters) -> list[Place]:
    """As many in each quarter, so that no territory is without technicians; turn by turn."""
    grouped: defaultdict[str, list[Place]] = defaultdict(list)
    for place in spare:
        grouped[quarters.name(*_point(place))].append(place)
    found = [_spread(grouped[name], HOMES // 4, metres=HOME_SPACING_METRES) for name in sorted(grouped)]
    return [place for turn in zip_longest(*found) for place in turn if place is not None]


def _spread(places: Sequence[Place], count: int, *, metres: float) -> list[Place]:
    """The first places that keep their distance from one another; closer together if too few do."""
    points = np.array([_point(place) for place in places])
    chosen: list[int] = []
    for spacing in (metres, metres / 2, metres / 4, 1.0):
        for index in range(len(places)):
            if len(chosen) == count:
                break
            if not chosen or distances(points[chosen], points[index]).min() >= spacing:
                chosen.append(index)
    return [places[index] for index in chosen]


def _people(random: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Given and family names, each pair once before any comes again."""
    pairs = [(given, family) for given in GIVEN_NAMES for family in FAMILY_NAMES]
    return cycle([pairs[i] for i in random.permutation(len(pairs)).tolist()])


def _nearest(place: Place, points: Floats, *, labels: Sequence[str]) -> str | None:
    return labels[int(distances(points, np.array(_point(place))).argmin())] if labels else None


def _street_metres(place: Place, roads: Roads) -> float:
    node = roads.snap(*_point(place))
    street = float(roads.graph.longitude[node]), float(roads.graph.latitude[node])
    return metres_between(_point(place), street)


def _point(place: Place) -> Point:
    return place.longitude, place.latitude


def _ring(left: float, bottom: float, *, right: float, top: float) -> tuple[Point, ...]:
    return (left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)


def _slug(text: str) -> str:
    """Letters and digits of a host name."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "customer"
