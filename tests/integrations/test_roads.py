"""Roads: exact travel times on small graphs, and what happens off them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from integrations.roads import Point, StraightLines, metres_between
from integrations.streets import Links, Roads, assemble

SIDE_DEGREES = 0.01
SIDE_METRES = 1111.95
A, B, C, D = (0.0, 0.0), (SIDE_DEGREES, 0.0), (SIDE_DEGREES, SIDE_DEGREES), (0.0, SIDE_DEGREES)
FAR = (1.0, 0.0)


def roads(points: list[Point], links: list[tuple[int, int, float]]) -> Roads:
    """Each link is (tail, head, seconds) on the street named after its tail."""
    tails, heads, seconds = (np.array(column) for column in zip(*links, strict=True))
    where = np.array(points)
    metres = np.array([metres_between(points[t], points[h]) for t, h, _ in links])
    graph = assemble(
        where[:, 0],
        where[:, 1],
        links=Links(
            tails.astype(np.int32),
            heads.astype(np.int32),
            seconds.astype(float),
            metres,
            tails.astype(np.int32),
        ),
        street_names=[f"Street {index}" for index in range(len(points))],
    )
    return Roads(graph)


def block() -> Roads:
    """Four corners, driven one way round, 100 s a side."""
    return roads([A, B, C, D], [(0, 1, 100.0), (1, 2, 100.0), (2, 3, 100.0), (3, 0, 100.0)])


def test_a_one_way_street_is_driven_around() -> None:
    square = block()
    assert square.seconds(A, B) == 100.0
    assert square.seconds(B, A) == 300.0


def test_a_route_follows_the_streets_with_the_time_at_each_point() -> None:
    route = block().route(B, A)
    assert route.line == (B, B, C, D, A, A)
    assert route.elapsed == (0.0, 0.0, 100.0, 200.0, 300.0, 300.0)
    assert route.seconds == 300.0
    assert route.metres == pytest.approx(3 * SIDE_METRES, abs=0.5)


def test_the_walk_at_both_ends_is_included() -> None:
    square = block()
    beside_a, beside_b = (0.0, -60 / 111_195), (SIDE_DEGREES, -120 / 111_195)
    assert square.seconds(beside_a, beside_b) == pytest.approx(50.0 + 100.0 + 100.0, abs=0.01)
    route = square.route(beside_a, beside_b)
    assert route.line == (beside_a, A, B, beside_b)
    assert route.elapsed == pytest.approx((0.0, 50.0, 150.0, 250.0), abs=0.01)


def test_short_ways_are_walked() -> None:
    square = block()
    near = (100 / 111_195, 0.0)
    assert square.seconds(near, A) == pytest.approx(100 / 1.2, abs=0.01)
    between, beside = (0.005, 0.0), (0.0052, 0.0)
    expected = metres_between(between, beside) * 1.3 / 1.2
    assert square.seconds(between, beside) == pytest.approx(expected)
    assert square.route(between, beside).line == (between, beside)
    assert square.route(between, beside).seconds == pytest.approx(expected)


def test_a_point_to_itself_takes_no_time() -> None:
    square = block()
    lost = (0.005, 0.005)
    assert square.seconds(lost, lost) == 0.0
    assert square.route(A, A).seconds == 0.0


def test_the_table_rounds_every_single_answer() -> None:
    square = block()
    points = [A, B, C, D, (0.001, 0.0003), (0.0, 0.0)]
    table = square.table(points)
    assert table.dtype == np.int32
    expected = [[round(square.seconds(origin, destination)) for destination in points] for origin in points]
    assert table.tolist() == expected
    assert table[:4, :4].tolist() == [
        [0, 100, 200, 300],
        [300, 0, 100, 200],
        [200, 300, 0, 100],
        [100, 200, 300, 0],
    ]


def test_a_table_larger_than_one_search() -> None:
    square = block()
    points = [(SIDE_DEGREES * index / 150, 0.0) for index in range(150)]
    table = square.table(points)
    assert table.shape == (150, 150)
    assert table[7, 149] == round(square.seconds(points[7], points[149]))
    assert table[149, 7] == round(square.seconds(points[149], points[7]))


def test_each_of_many_ways_takes_as_long_as_it_would_alone() -> None:
    ways = [(A, B), (B, A), (C, A), (A, FAR), (B, B), (C, B)]
    for known in (block(), StraightLines()):
        assert known.each(ways) == [known.seconds(start, end) for start, end in ways]
        assert known.each([]) == []


def test_an_empty_table() -> None:
    assert block().table([]).shape == (0, 0)
    assert StraightLines().table([]).shape == (0, 0)


def test_off_the_map_the_straight_line_answers() -> None:
    square = block()
    expected = metres_between(A, FAR) * 1.3 / 8.0
    assert square.seconds(A, FAR) == pytest.approx(expected)
    assert square.seconds(FAR, A) == pytest.approx(expected)
    assert square.table([A, FAR]).tolist() == [[0, round(expected)], [round(expected), 0]]
    route = square.route(FAR, A)
    assert route.line == (FAR, A)
    assert route.seconds == pytest.approx(expected)
    assert route.elapsed == (0.0, route.seconds)


def test_two_points_off_the_map_lie_apart() -> None:
    square = block()
    other = (1.0, 1.0)
    assert square.seconds(FAR, other) == pytest.approx(metres_between(FAR, other) * 1.3 / 8.0)
    assert square.seconds(FAR, FAR) == 0.0


def test_the_wrong_side_of_a_divided_street_costs_a_few_steps_only() -> None:
    # given: two one-way carriageways 20 m apart, joined at their ends, a kilometre away
    up = [(index * 0.001, 0.0) for index in range(19)]
    down = [(index * 0.001, 20 / 111_195) for index in reversed(range(19))]
    points = up + down
    divided = roads(points, [(index, (index + 1) % len(points), 10.0) for index in range(len(points))])
    # when: the fix is nearer to the eastbound side, the destination lies west
    fix, destination = (0.009, 8 / 111_195), down[-1]
    # then: 12 m on foot and nine pieces west, not nine east and eighteen west
    assert divided.snap(*fix) == 9
    assert divided.seconds(fix, destination) == pytest.approx(12 / 1.2 + 9 * 10.0, abs=0.05)


def test_only_what_can_be_entered_and_left_is_kept() -> None:
    # given: a dead end that can only be entered, and an island of two nodes
    points = [A, B, C, D, (0.02, 0.0), (0.05, 0.0), (0.06, 0.0)]
    links = [
        (0, 1, 100.0),
        (1, 2, 100.0),
        (2, 3, 100.0),
        (3, 0, 100.0),
        (1, 4, 9.0),
        (5, 6, 9.0),
        (6, 5, 9.0),
    ]
    kept = roads(points, links)
    assert kept.graph.longitude.tolist() == [0.0, SIDE_DEGREES, SIDE_DEGREES, 0.0]
    assert kept.graph.first_edge.tolist() == [0, 1, 2, 3, 4]
    assert kept.graph.heads.tolist() == [1, 2, 3, 0]


def test_of_parallel_streets_the_faster_counts() -> None:
    double = roads([A, B], [(0, 1, 300.0), (0, 1, 100.0), (1, 0, 200.0), (0, 0, 1.0)])
    assert double.seconds(A, B) == 100.0
    assert double.graph.seconds.tolist() == [100.0, 200.0]


def test_no_street_at_all_is_refused() -> None:
    nothing = np.zeros(0)
    links = Links(
        nothing.astype(np.int32), nothing.astype(np.int32), nothing, nothing, nothing.astype(np.int32)
    )
    with pytest.raises(ValueError, match="no street"):
        assemble(nothing, nothing, links=links, street_names=[])


def test_times_agree_with_floyd_and_warshall() -> None:
    # given: 40 nodes farther apart than anyone is let walk to a street, 160 random one-way streets
    random = np.random.default_rng(7)
    points = [(0.02 * (index % 8), 0.02 * (index // 8)) for index in range(40)]
    ring = [(index, (index + 1) % 40, float(random.integers(200, 900))) for index in range(40)]
    pairs = [
        (int(t), int(h), float(random.integers(60, 900)))
        for t, h in random.integers(0, 40, (120, 2))
        if t != h
    ]
    graph = roads(points, ring + pairs)
    # when
    best = np.full((40, 40), np.inf)
    np.fill_diagonal(best, 0.0)
    for tail, head, seconds in ring + pairs:
        best[tail, head] = min(best[tail, head], seconds)
    for middle in range(40):
        best = np.minimum(best, best[:, [middle]] + best[[middle], :])
    walked = np.array([[metres_between(p, q) * 1.3 / 1.2 for q in points] for p in points])
    # then
    assert (best < walked).sum() > 600  # the walk must not hide the streets
    assert graph.table(points).tolist() == np.rint(np.minimum(best, walked)).astype(int).tolist()


def test_a_saved_graph_answers_the_same(tmp_path: Path) -> None:
    square, path = block(), tmp_path / "roads.npz"
    square.save(path)
    loaded = Roads.load(path)
    assert loaded.table([A, B, C]).tolist() == square.table([A, B, C]).tolist()
    assert loaded.route(B, A) == square.route(B, A)
    assert loaded.street(1) == square.street(1) == "Street 1"
    assert [file.name for file in tmp_path.iterdir()] == ["roads.npz"]


def test_a_failed_save_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    # given: something that a file cannot replace
    path = tmp_path / "roads.npz"
    (path / "inside").mkdir(parents=True)
    # when, then
    with pytest.raises(OSError, match="directory"):
        block().save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["roads.npz"]
    assert (path / "inside").is_dir()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roads.npz"
    np.savez(path, file_format=np.int32(99))
    with pytest.raises(ValueError, match="another format"):
        Roads.load(path)


def test_a_file_that_carries_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roads.npz"
    np.savez(path, file_format=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        Roads.load(path)


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    square = block()
    square._capacity = 2
    answers = [square.seconds(A, destination) for destination in (A, B, C, B, D)]
    assert answers == [0.0, 100.0, 200.0, 100.0, 300.0]
    assert list(square._cache) == [B, D]
    assert square.table([A, B, C, D]).tolist()[0] == [0, 100, 200, 300]
    assert len(square._cache) == 2


def test_threads_may_share_it() -> None:
    square = block()
    square._capacity = 1
    asked = [(A, B), (B, A), (C, A), (A, D)] * 50
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: square.seconds(*pair), asked))
    assert answers == [100.0, 300.0, 200.0, 300.0] * 50


def test_snapping_measures_metres_not_degrees() -> None:
    # given: at 60° north a degree of longitude is half as long
    north = roads([(0.0, 60.0), (0.01, 60.0)], [(0, 1, 9.0), (1, 0, 9.0)])
    sixty = roads([(0.0, 60.0), (0.0, 60.0007)], [(0, 1, 9.0), (1, 0, 9.0)])
    # then: 50 m east beats 78 m north although it is more degrees
    assert north.snap(0.006, 60.0) == 1
    assert sixty.snap(0.0009, 60.0) == 0
    east = roads([(0.001, 60.0), (0.0, 60.0008)], [(0, 1, 9.0), (1, 0, 9.0)])
    assert east.snap(0.0, 60.0) == 0


def test_a_street_without_name_has_none() -> None:
    one = np.array([0, 1], np.int32)
    links = Links(
        one, one[::-1].copy(), np.array([9.0, 9.0]), np.array([90.0, 90.0]), np.array([-1, -1], np.int32)
    )
    unnamed = Roads(assemble(np.array([0.0, 0.01]), np.array([0.0, 0.0]), links=links, street_names=[]))
    assert unnamed.street(0) is None


def test_straight_lines_are_a_third_longer_at_one_pace() -> None:
    lines = StraightLines(10.0)
    metres = metres_between(A, B) * 1.3
    assert lines.seconds(A, B) == pytest.approx(metres / 10.0)
    assert lines.table([A, B]).tolist() == [[0, round(metres / 10.0)], [round(metres / 10.0), 0]]
    route = lines.route(A, B)
    assert route.line == (A, B)
    assert route.metres == pytest.approx(metres)
    assert route.elapsed == (0.0, route.seconds)


def test_great_circle_metres() -> None:
    assert metres_between((0.0, 0.0), (0.0, 1.0)) == pytest.approx(111_195.08, abs=0.01)
    assert metres_between((24.9384, 60.1699), (24.9384, 60.1699)) == 0.0
    assert metres_between((0.0, 60.0), (0.001, 60.0)) == pytest.approx(55.6, abs=0.01)
