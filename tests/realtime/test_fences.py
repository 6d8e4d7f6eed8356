"""The fence machine: true stays arrive once, nothing else ever does."""

import json
from dataclasses import replace

import pytest

from realtime.fences import Fence, FenceEvent, FenceState, Machine, Step, advance, replay, tick
from realtime.positions import Fix
from realtime.presences import MACHINE_VERSION
from tests.realtime.drives import (
    DRIVE_IN,
    NEIGHBOUR,
    SITE,
    START,
    VISIT,
    arrivals,
    fix,
    line,
    settled,
    square,
    stay,
    told,
)


def test_a_visit_is_approached_arrived_at_and_left() -> None:
    step = replay(VISIT, [SITE])

    assert told(step, hidden=True) == [
        (SITE.key, FenceEvent.APPROACHING, 100.0),  # the second fix within 1 km
        (SITE.key, FenceEvent.ARRIVED, 170.0),  # the first fix at rest
        (SITE.key, FenceEvent.DEPARTED, 1380.0),  # the last fix inside
    ]
    states = [(one.from_state, one.to_state) for one in step.transitions]
    assert states == [
        (FenceState.FAR, FenceState.APPROACHING),
        (FenceState.INSIDE_PENDING, FenceState.INSIDE),
        (FenceState.OUTSIDE_PENDING, FenceState.LEFT),
    ]
    assert step.machine.presence(SITE.key).state is FenceState.LEFT


def test_an_arrival_says_what_it_rests_on() -> None:
    arrival = next(one for one in replay(VISIT, [SITE]).transitions if one.event is FenceEvent.ARRIVED)

    assert arrival.decided_at - START == 200.0
    evidence = arrival.evidence
    entered, rest, deciding = evidence.pop("fixes")
    assert (entered[0] - START, rest[0] - START, deciding[0] - START) == (160.0, 170.0, 200.0)
    assert evidence == {
        "machine_version": MACHINE_VERSION,
        "rule": "STILL",
        "probability": 1.0,
        "distance_metres": 8.0,
        "accuracy_metres": 10.0,
        "dwell_seconds": 40.0,
        "arrival_number": 1,
    }
    json.dumps(arrival.evidence)


@pytest.mark.parametrize("tell_speed", [True, False])
@pytest.mark.parametrize("every", [1.0, 5.0, 10.0, 30.0])
@pytest.mark.parametrize("pace", [1.4, 8.0, 14.0])
def test_who_passes_has_not_arrived(pace: float, every: float, *, tell_speed: bool) -> None:
    way = line(0, (-1500, 1500), pace=pace, every=every, tell_speed=tell_speed)

    transitions = settled(way, SITE)

    assert arrivals(transitions) == []
    assert {one.event for one in transitions} <= {FenceEvent.APPROACHING, FenceEvent.PASSED}


def test_a_walk_past_is_told_as_passed_and_never_more() -> None:
    step = replay(line(0, (-700, 700), pace=1.4), [SITE])

    passed = step.transitions[-1]
    assert passed.event is FenceEvent.PASSED
    assert (passed.from_state, passed.to_state) == (FenceState.INSIDE_PENDING, FenceState.FAR)
    assert passed.occurred_at - START == 440.0
    assert passed.evidence["dwell_seconds"] == 120.0


@pytest.mark.parametrize("tell_speed", [True, False])
def test_a_red_light_is_no_arrival(*, tell_speed: bool) -> None:
    light = stay(110, 25, east=-20, every=5, speed=0.0 if tell_speed else None)
    way = [
        *line(0, (-1100, -100), pace=10.0, every=5, tell_speed=tell_speed),
        *light,
        *line(140, (30, 2000), pace=10.0, every=5, tell_speed=tell_speed),
    ]

    assert arrivals(settled(way, SITE)) == []


def test_a_stop_200_metres_off_is_nothing() -> None:
    assert arrivals(settled([*line(0, (-2000, -200), pace=12.0), *stay(160, 3600, east=-200)], SITE)) == []


@pytest.mark.parametrize("gap", [10.0, 45.0, 300.0])
def test_one_outlier_inside_is_nothing(gap: float) -> None:
    before, after = stay(0, 300, east=-400, every=30), stay(600 + gap, 300, east=-400, every=30)
    outlier = fix(600, 0, speed=0.0)

    assert [one.event for one in settled([*before, outlier, *after], SITE)] == [FenceEvent.APPROACHING]


def test_a_lone_fix_inside_is_not_believed_by_silence() -> None:
    assert arrivals(settled([*line(0, (-500, -300), pace=10.0), fix(30, 0, speed=0.0)], SITE)) == []


def test_only_the_right_one_of_two_neighbours_is_arrived_at() -> None:
    transitions = settled(VISIT, SITE, NEIGHBOUR)

    assert arrivals(transitions) == [SITE.key]
    assert [one.event for one in transitions if one.key == NEIGHBOUR.key] == [
        FenceEvent.APPROACHING,
        FenceEvent.PASSED,  # on the way out
    ]


@pytest.mark.parametrize(("accuracy", "seconds"), [(5.0, 30.0), (10.0, 30.0), (20.0, 60.0), (None, 140.0)])
def test_without_speeds_two_fixes_must_rule_a_walk_out(accuracy: float | None, seconds: float) -> None:
    fixes = [fix(n * 10.0, 0.0, accuracy=accuracy) for n in range(40)]

    arrival = replay(fixes, [SITE]).transitions[-1]

    assert (arrival.event, arrival.occurred_at) == (FenceEvent.ARRIVED, START)
    assert arrival.decided_at - START == pytest.approx(seconds, abs=10.0)


def test_a_phone_that_never_rests_arrives_by_dwelling() -> None:
    circling = [fix(n * 10.0, 40.0 * (-1) ** n, speed=8.0) for n in range(20)]

    (arrival,) = (one for one in replay(circling, [SITE]).transitions if one.event is FenceEvent.ARRIVED)

    assert (arrival.occurred_at - START, arrival.decided_at - START) == (0.0, 180.0)
    assert arrival.evidence["rule"] == "DWELL"


def test_a_large_fence_asks_for_a_longer_dwell() -> None:
    yard = replace(SITE, radius_metres=300.0)

    assert arrivals(settled(line(0, (-1500, 1500), pace=1.4), yard)) == []


def test_a_silence_after_rest_confirms_at_the_same_instant_for_fix_and_clock() -> None:
    entered = [*DRIVE_IN, *stay(170, 10)]
    waiting = replay(entered, [SITE]).machine

    assert tick(waiting, START + 239.9, [SITE]).transitions == ()
    by_clock = tick(waiting, START + 240.0, [SITE]).transitions
    by_fix = advance(waiting, [fix(900, 5000.0)], [SITE]).transitions

    (arrival,) = by_clock
    assert by_fix[:1] == by_clock
    assert (arrival.event, arrival.evidence["rule"]) == (FenceEvent.ARRIVED, "SILENCE")
    assert (arrival.occurred_at - START, arrival.decided_at - START) == (170.0, 240.0)


def test_a_silence_after_passing_confirms_nothing() -> None:
    passing = line(0, (-500, 0), pace=10.0)

    assert arrivals(settled(passing, SITE)) == []
    assert arrivals(settled([*passing, fix(650, 20.0, speed=10.0), fix(660, 900.0)], SITE)) == []


def test_a_silent_departure_is_confirmed_after_three_minutes() -> None:
    inside = [*DRIVE_IN, *stay(170, 600), fix(800, 400.0, speed=12.0)]
    waiting = replay(inside, [SITE]).machine
    assert waiting.presence(SITE.key).state is FenceState.OUTSIDE_PENDING

    assert tick(waiting, START + 979, [SITE]).transitions == ()
    (departure,) = tick(waiting, START + 980, [SITE]).transitions

    assert departure.event is FenceEvent.DEPARTED
    assert departure.evidence["rule"] == "SILENCE"


def test_a_departure_lies_between_the_last_fix_inside_and_a_walk_before_the_first_outside() -> None:
    silent_visit = [*DRIVE_IN, *stay(170, 600), fix(7200, 280.0, speed=12.0), fix(7270, 280.0)]

    departure = replay(silent_visit, [SITE]).transitions[-1]

    assert departure.event is FenceEvent.DEPARTED
    assert departure.occurred_at - START == pytest.approx(7000.0, abs=0.1)  # 280 m at 1.4 m/s before 7200 s


def test_one_outlier_outside_does_not_end_a_visit() -> None:
    fixes = [*DRIVE_IN, *stay(170, 300), fix(480, 700.0), *stay(490, 300)]

    step = replay(fixes, [SITE])

    assert [event for _, event, _ in told(step)] == [FenceEvent.ARRIVED]
    assert step.machine.presence(SITE.key).state is FenceState.INSIDE


@pytest.mark.parametrize(("away", "event", "number"), [(400, "REOPENED", 1), (900, "ARRIVED", 2)])
def test_coming_back_soon_is_the_same_arrival(away: float, event: str, number: int) -> None:
    again = 480 + away
    fixes = [*DRIVE_IN, *stay(170, 300), *stay(500, away - 60, east=900), *stay(again, 300)]

    transitions = replay(fixes, [SITE]).transitions

    assert [one.event.value for one in transitions] == ["APPROACHING", "ARRIVED", "DEPARTED", event]
    assert transitions[-1].evidence["arrival_number"] == number


def test_a_teleport_counts_only_if_the_next_fix_agrees() -> None:
    home = stay(0, 60, east=50_000)

    alone = advance(Machine(), [*home, fix(70, 0.0), *stay(80, 60, east=50_000)], [SITE])
    agreed = advance(Machine(), [*home, *stay(70, 120)], [SITE])

    assert alone.machine.presence(SITE.key).state is FenceState.FAR
    assert alone.machine.suspect is None
    assert [(event, at) for _, event, at in told(agreed)] == [(FenceEvent.ARRIVED, 80.0)]


def test_an_inaccurate_fix_moves_nothing() -> None:
    vague = [fix(n * 10.0, 0.0, accuracy=201.0, speed=0.0) for n in range(60)]

    assert replay(vague, [SITE]) == Step(Machine())


def test_an_expected_arrival_within_ten_minutes_is_an_approach_from_anywhere() -> None:
    due = replace(SITE, expected_arrival=START + 1000)

    step = replay([fix(399, 9000.0), fix(400, 9000.0)], [due])

    assert told(step, hidden=True) == [(SITE.key, FenceEvent.APPROACHING, 400.0)]


def test_a_late_fix_changes_nothing_and_is_handed_back() -> None:
    reached = replay(VISIT[:30], [SITE]).machine

    step = advance(reached, [VISIT[12], VISIT[29]], [SITE])

    assert step == Step(reached, (), (VISIT[12],))


def test_a_polygon_decides_by_its_edge() -> None:
    yard = replace(SITE, polygon=square(60.0))

    assert arrivals(settled([*DRIVE_IN, *stay(170, 300, east=30)], yard)) == [SITE.key]
    assert arrivals(settled([*DRIVE_IN, *stay(170, 300, east=85)], yard)) == []
    left = [*DRIVE_IN, *stay(170, 300, east=30), *stay(480, 300, east=800)]
    assert settled(left, yard)[-1].event is FenceEvent.DEPARTED


def test_a_polygon_smaller_than_the_noise_is_never_believed() -> None:
    booth = replace(SITE, polygon=square(3.0))

    assert arrivals(settled([fix(n * 10.0, 0.0, accuracy=20.0, speed=0.0) for n in range(60)], booth)) == []


def test_a_fence_on_the_date_line_is_one_place() -> None:
    fence = Fence("visit-fiji", 179.9999, -17.0)
    fixes = [Fix(START + n * 10, (-179.9999, 179.9999)[n % 2], -17.0, 25.0, 0.0) for n in range(20)]

    assert arrivals(settled(fixes, fence)) == ["visit-fiji"]


def test_a_persons_word_stands_and_the_departure_follows() -> None:
    machine = Machine().standing_inside(SITE.key)

    step = advance(machine, [*stay(0, 30, east=10), *stay(60, 120, east=900)], [SITE])

    assert [event for _, event, _ in told(step)] == [FenceEvent.DEPARTED]
    assert step.machine.presence(SITE.key).arrivals == 1
    assert machine.standing_inside(SITE.key) is machine


def test_fences_of_visits_that_are_over_are_forgotten() -> None:
    machine = replay(VISIT, [SITE, NEIGHBOUR]).machine

    assert set(machine.only([SITE.key]).presences) == {SITE.key}
    assert machine.only([SITE.key]).last == machine.last


def test_a_doubtful_last_fix_is_not_believed_by_silence() -> None:
    at_the_edge = fix(190, 100.0, speed=0.0)

    assert arrivals(settled([*stay(170, 10), at_the_edge], SITE)) == []


@pytest.mark.parametrize("east", [10.0, 100.0])
def test_a_fix_in_motion_starts_the_proof_of_rest_anew(east: float) -> None:
    fixes = [*stay(0, 10), fix(20, east, speed=3.0), *stay(25, 60, every=5)]

    arrival = replay(fixes, [SITE]).transitions[-1]

    assert (arrival.event, arrival.occurred_at - START) == (FenceEvent.ARRIVED, 25.0)


def test_who_is_far_away_on_two_fixes_has_left_at_once() -> None:
    departure = replay([*stay(0, 60), fix(70, 520.0), fix(75, 560.0)], [SITE]).transitions[-1]

    assert (departure.event, departure.decided_at - START) == (FenceEvent.DEPARTED, 75.0)
    assert departure.evidence["rule"] == "AWAY"


def test_passing_twice_with_a_long_silence_between_is_no_dwell() -> None:
    passages = [fix(n * 700.0 + s, s - 20.0, speed=9.0) for n in range(2) for s in (0.0, 30.0, 60.0, 90.0)]

    assert arrivals(settled(passages, SITE)) == []


def test_of_two_fixes_of_one_instant_the_more_accurate_counts_in_any_order() -> None:
    vague = fix(100, 400.0, accuracy=150.0)
    fixes = [*stay(0, 100, speed=0.0), vague]

    assert replay(fixes, [SITE]) == replay(fixes[::-1], [SITE]) == replay(stay(0, 100), [SITE])


def test_an_outlier_after_passing_is_no_new_approach() -> None:
    walk = line(0, (-700, 700), pace=1.4)
    there_and_back = [*walk, fix(1100, 700.0), fix(1200, 0.0, speed=0.0), fix(1300, 700.0)]

    step = replay(there_and_back, [SITE])

    assert [one.event for one in step.transitions] == [FenceEvent.APPROACHING, FenceEvent.PASSED]
    assert step.machine.presence(SITE.key).state is FenceState.FAR


def test_a_presence_that_was_stored_before_passing_was_kept_is_read() -> None:
    stored = replay(VISIT[:10], [SITE]).machine
    row = stored.to_json()
    del row["presences"][SITE.key]["passed"]

    assert Machine.from_json(row) == stored
