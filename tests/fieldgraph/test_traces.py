"""Traces: what a phone records on a known road, counted and compared with the truth."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fieldgraph.demo import traces
from fieldgraph.demo.traces import Batch, Fix
from integrations.roads import Point, Route, metres_between

START = 1_790_000_000.0
DOOR = (24.9416, 60.1699)


def straight(seconds: float) -> Route:
    """East from the door at 10 m/s."""
    end = (DOOR[0] + seconds * 10 / 55_322.0, DOOR[1])
    return Route(seconds, seconds * 10, (DOOR, end), (0.0, seconds))


def truth(fix: Fix) -> Point:
    return DOOR[0] + (fix.at - START) * 10 / 55_322.0, DOOR[1]


def errors(fixes: list[Fix]) -> np.ndarray:
    return np.array([metres_between((fix.longitude, fix.latitude), truth(fix)) for fix in fixes])


def test_the_same_seed_drives_the_same() -> None:
    first = list(traces.drive(straight(600.0), start=START, seed=3))
    assert list(traces.drive(straight(600.0), start=START, seed=3)) == first
    assert list(traces.drive(straight(600.0), start=START, seed=4)) != first


def test_a_fix_every_five_seconds_from_start_to_end() -> None:
    # given: a drive on which this seed goes through no tunnel
    fixes = sorted(set(traces.drive(straight(62.0), start=START, seed=3)))
    assert [fix.at - START for fix in fixes] == [*np.arange(0.0, 62.0, 5.0), 62.0]
    assert [fix.sequence for fix in fixes] == list(range(1, 15))


def test_numbers_and_times_go_up_together() -> None:
    fixes = list(traces.drive(straight(3_600.0), start=START, seed=5, first_sequence=100))
    distinct = list(dict.fromkeys(fixes))
    assert [fix.sequence for fix in distinct] == list(range(100, 100 + len(distinct)))
    assert all(later.at > earlier.at for earlier, later in pairwise(distinct))


def test_silences_last_20_to_95_seconds() -> None:
    fixes = list(traces.drive(straight(7_200.0), start=START, seed=5))
    steps = np.diff(np.array(sorted({fix.at for fix in fixes})))
    silences = steps[steps > 5.0]
    assert 4 <= len(silences) <= 20
    assert silences.min() >= 20.0
    assert silences.max() <= 95.0


def test_some_fixes_come_twice_unchanged() -> None:
    fixes = list(traces.drive(straight(7_200.0), start=START, seed=5))
    doubles = [sequence for sequence, count in Counter(fix.sequence for fix in fixes).items() if count == 2]
    assert 10 <= len(doubles) <= 50
    assert len(set(fixes)) == len({fix.sequence for fix in fixes}) == len(fixes) - len(doubles)


def test_the_error_is_what_the_accuracy_says() -> None:
    fixes = list(dict.fromkeys(traces.drive(straight(36_000.0), start=START, seed=5)))
    accuracy = np.array([fix.accuracy_metres for fix in fixes])
    error = errors(fixes)
    assert (accuracy.min(), accuracy.max()) == (4.0, 35.0)
    assert 0.6 < (error <= accuracy).mean() < 0.76  # 68 % within the radius, as phones define it


def test_the_error_drifts_and_does_not_jump() -> None:
    fixes = list(dict.fromkeys(traces.stay(DOOR, start=START, seconds=36_000.0, seed=5)))
    east = np.array([(fix.longitude - DOOR[0]) * 55_322.0 / fix.accuracy_metres for fix in fixes])
    east = east[np.abs(east) < 4]
    assert np.corrcoef(east[:-1], east[1:])[0, 1] > 0.75


def test_outliers_are_rare_and_far() -> None:
    fixes = list(dict.fromkeys(traces.drive(straight(36_000.0), start=START, seed=5)))
    outliers = errors(fixes)[errors(fixes) > 200.0]
    assert 5 <= len(outliers) <= 45
    assert outliers.min() >= 299.0
    assert outliers.max() <= 901.0


def test_a_faster_driver_arrives_sooner() -> None:
    fixes = list(traces.drive(straight(600.0), start=START, seed=3, speed_factor=2.0))
    assert max(fix.at for fix in fixes) == START + 300.0
    speeds = [fix.speed_metres_per_second for fix in fixes if fix.at > START]
    assert np.mean(speeds) == pytest.approx(20.0, abs=0.3)
    slow = list(traces.drive(straight(600.0), start=START, seed=3, speed_factor=0.5))
    assert max(fix.at for fix in slow) == START + 1_200.0


def test_corners_are_driven_around() -> None:
    # given: 1 km east in 100 s, a minute at a light, 1 km north in 100 s
    corner, end = (
        (DOOR[0] + 1_000 / 55_322.0, DOOR[1]),
        (DOOR[0] + 1_000 / 55_322.0, DOOR[1] + 1_000 / 111_195.0),
    )
    route = Route(260.0, 2_000.0, (DOOR, corner, corner, end), (0.0, 100.0, 160.0, 260.0))
    # when
    fixes = [fix for fix in traces.drive(route, start=START, seed=3) if 110 <= fix.at - START <= 155]
    # then
    assert len(fixes) >= 8
    assert all(metres_between((fix.longitude, fix.latitude), corner) < 70 for fix in fixes)
    assert max(fix.speed_metres_per_second for fix in fixes) < 0.5


def test_a_way_of_no_length_is_one_fix() -> None:
    fixes = set(traces.drive(Route(0.0, 0.0, (DOOR, DOOR), (0.0, 0.0)), start=START, seed=3))
    assert [(fix.at, fix.sequence) for fix in fixes] == [(START, 1)]


def test_a_phone_at_work_stays_near() -> None:
    fixes = list(dict.fromkeys(traces.stay(DOOR, start=START, seconds=1_800.0, seed=3, first_sequence=50)))
    assert [fix.at - START for fix in fixes] == np.arange(0.0, 1_800.0, 5.0).tolist()
    assert [fix.sequence for fix in fixes] == list(range(50, 410))
    away = np.array([metres_between((fix.longitude, fix.latitude), DOOR) for fix in fixes])
    assert np.median(away) < 20
    assert (away < 100).mean() > 0.98
    assert max(fix.speed_metres_per_second for fix in fixes) < 0.6


@pytest.fixture(scope="module")
def drive() -> list[Fix]:
    return list(traces.drive(straight(7_200.0), start=START, seed=5))


@pytest.fixture(scope="module")
def uploads(drive: list[Fix]) -> list[Batch]:
    return list(traces.batches(drive, seed=9))


def test_every_fix_is_uploaded_and_none_is_made_up(drive: list[Fix], uploads: list[Batch]) -> None:
    assert {fix for batch in uploads for fix in batch.fixes} == set(drive)
    assert list(traces.batches(drive, seed=9)) == uploads
    assert list(traces.batches(drive, seed=10)) != uploads


def test_uploads_follow_in_time_and_none_is_before_its_fixes(uploads: list[Batch]) -> None:
    assert all(batch.at >= max(fix.at for fix in batch.fixes) for batch in uploads)
    assert all(later.at > earlier.at for earlier, later in pairwise(uploads))


def test_an_outage_is_delivered_late_at_once(uploads: list[Batch]) -> None:
    waits = np.array([batch.at - min(fix.at for fix in batch.fixes) for batch in uploads])
    assert waits.min() >= 10.0
    assert waits.max() <= 120.0
    assert 5 <= (waits > 30.0).sum() <= 60
    assert max(len(batch.fixes) for batch in uploads) >= 10


def test_some_uploads_are_sent_twice_and_some_shuffled(uploads: list[Batch]) -> None:
    repeated = sum(one.fixes == two.fixes for one, two in pairwise(uploads))
    shuffled = sum(list(batch.fixes) != sorted(batch.fixes) for batch in uploads)
    assert 5 <= repeated <= 40
    assert 30 <= shuffled <= 120


def test_no_fixes_no_uploads() -> None:
    assert list(traces.batches([], seed=1)) == []
