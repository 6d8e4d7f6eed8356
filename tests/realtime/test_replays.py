"""What no order, batch, storage, clock or noise may change in the fence machine's decisions."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.fences import FenceEvent, Machine, Step, advance, replay, tick
from realtime.positions import Fix
from tests.realtime.drives import (
    METRES_PER_LATITUDE,
    METRES_PER_LONGITUDE,
    NEIGHBOUR,
    SITE,
    START,
    VISIT,
    arrivals,
    fix,
    line,
    one_by_one,
    settled,
    square,
    stay,
)


@st.composite
def reports(draw: st.DrawFn) -> list[Fix]:
    """A true stay as it may arrive: shuffled, some fixes twice."""
    doubled = draw(st.lists(st.sampled_from(VISIT), max_size=40))
    return draw(st.permutations([*VISIT, *doubled]))


@given(reports())
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_doubles_make_one_arrival(fixes: list[Fix]) -> None:
    step = replay(fixes, [SITE, NEIGHBOUR])

    assert step == replay(VISIT, [SITE, NEIGHBOUR])
    assert arrivals(step.transitions) == [SITE.key]


@st.composite
def wanderings(draw: st.DrawFn) -> list[Fix]:
    """Anything a device may say: leaps, gaps, noise, with and without accuracy and speed."""
    gaps = draw(
        st.lists(st.sampled_from([1.0, 10.0, 30.0, 60.0, 61.0, 200.0, 700.0]), min_size=1, max_size=40)
    )
    at, fixes = 0.0, []
    for gap in gaps:
        at += gap
        reported: dict[str, Any] = {
            "accuracy": draw(st.sampled_from([5.0, 30.0, 90.0, 250.0, None])),
            "speed": draw(st.sampled_from([0.0, 0.9, 1.4, 12.0, None])),
        }
        east = draw(st.sampled_from([0.0, 20.0, 95.0, 160.0, 300.0, 1500.0, 90_000.0]))
        fixes.append(fix(at, east, **reported))
    return fixes


@given(wanderings(), st.data())
@settings(max_examples=150, deadline=None)
def test_neither_batches_nor_storage_change_a_decision(fixes: list[Fix], data: st.DataObject) -> None:
    fences = (SITE, NEIGHBOUR, replace(SITE, key="visit-c", polygon=square(60.0)))
    whole = advance(Machine(), fixes, fences)
    cut = data.draw(st.integers(0, len(fixes)))

    first = advance(Machine(), fixes[:cut], fences)
    stored = Machine.from_json(json.loads(json.dumps(first.machine.to_json())))
    second = advance(stored, fixes[cut:], fences)

    assert stored == first.machine
    assert (second.machine, first.transitions + second.transitions) == (whole.machine, whole.transitions)
    assert one_by_one(fixes, *fences) == whole
    assert whole.late == ()


@given(wanderings())
@settings(max_examples=100, deadline=None)
def test_a_ticking_clock_decides_nothing_that_the_next_fix_would_not(fixes: list[Fix]) -> None:
    ticked, transitions = Step(Machine()), list[Any]()
    for one in fixes:
        ticked = tick(ticked.machine, one.at, [SITE])
        transitions += ticked.transitions
        ticked = advance(ticked.machine, [one], [SITE])
        transitions += ticked.transitions

    transitions += tick(ticked.machine, START + 86_400, [SITE]).transitions

    assert tuple(transitions) == settled(fixes, SITE)


@given(wanderings())
@settings(max_examples=100, deadline=None)
def test_the_story_of_a_fence_is_always_in_order(fixes: list[Fix]) -> None:
    transitions = settled(fixes, SITE)

    presence = [one for one in transitions if one.event not in {FenceEvent.APPROACHING, FenceEvent.PASSED}]
    entering = [one.event is not FenceEvent.DEPARTED for one in presence]
    assert entering == [index % 2 == 0 for index in range(len(presence))]
    assert sum(one.event is FenceEvent.APPROACHING for one in transitions) <= 1
    assert all(one.occurred_at <= one.decided_at for one in transitions)
    times = [one.occurred_at for one in presence]
    assert times == sorted(times)


def noisy(fixes: list[Fix], *, accuracy: float, chance: random.Random) -> list[Fix]:
    """The same fixes with the scatter that their accuracy promises."""
    sigma = accuracy / 1.414
    return [
        replace(
            one,
            longitude=one.longitude + chance.gauss(0, sigma) / METRES_PER_LONGITUDE,
            latitude=one.latitude + chance.gauss(0, sigma) / METRES_PER_LATITUDE,
            accuracy_metres=accuracy,
        )
        for one in fixes
    ]


@pytest.mark.parametrize("tell_speed", [True, False])
@pytest.mark.parametrize("accuracy", [5.0, 15.0, 40.0])
def test_noise_makes_no_arrival_of_a_walk_and_one_of_a_stay(accuracy: float, *, tell_speed: bool) -> None:
    chance = random.Random(7)  # noqa: S311  # a seed makes the noise the same in every run
    walk = line(0, (-500, 500), pace=1.4, tell_speed=tell_speed)
    visit = [*line(0, (-900, -20), pace=12.0), *stay(80, 1200, speed=0.2 if tell_speed else None)]

    for _ in range(25):
        assert arrivals(settled(noisy(walk, accuracy=accuracy, chance=chance), SITE)) == []
        assert arrivals(settled(noisy(visit, accuracy=accuracy, chance=chance), SITE)) == [SITE.key]
