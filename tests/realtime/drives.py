"""Journeys in metres around one site, made into the fixes a device would report."""

import math

from realtime.fences import Fence, FenceEvent, Machine, Step, Transition, advance, replay, tick
from realtime.positions import EARTH_RADIUS_METRES, Fix

LONGITUDE, LATITUDE = 24.94, 60.17
METRES_PER_LATITUDE = math.radians(1) * EARTH_RADIUS_METRES
METRES_PER_LONGITUDE = METRES_PER_LATITUDE * math.cos(math.radians(LATITUDE))
START = 1_795_420_800.0

SITE = Fence("visit-a", LONGITUDE, LATITUDE)
NEIGHBOUR = Fence("visit-b", LONGITUDE + 300 / METRES_PER_LONGITUDE, LATITUDE)


def fix(seconds: float, east: float, north: float = 0.0, **reported: float | None) -> Fix:
    """A fix so many seconds after the start, so many metres from the site; accuracy 10 m unless said."""
    return Fix(
        START + seconds,
        LONGITUDE + east / METRES_PER_LONGITUDE,
        LATITUDE + north / METRES_PER_LATITUDE,
        reported.get("accuracy", 10.0),
        reported.get("speed"),
    )


def line(
    begin: float, metres: tuple[float, float], *, pace: float, every: float = 10.0, tell_speed: bool = True
) -> list[Fix]:
    """A straight way from west to east (or back), at one pace, one fix each `every` seconds."""
    start, end = metres
    duration = abs(end - start) / pace
    direction = 1 if end > start else -1
    count = int(duration // every) + 1
    return [
        fix(begin + n * every, start + direction * pace * n * every, speed=pace if tell_speed else None)
        for n in range(count)
    ]


def stay(
    begin: float, duration: float, *, east: float = 10.0, every: float = 10.0, speed: float | None = 0.0
) -> list[Fix]:
    """Standing at one spot with a jitter of 2 m, from `begin` for `duration` seconds."""
    count = int(duration // every) + 1
    return [fix(begin + n * every, east + (-2.0, 0.0, 2.0)[n % 3], speed=speed) for n in range(count)]


def told(step: Step, *, hidden: bool = False) -> list[tuple[str, FenceEvent, float]]:
    """What was decided, in seconds after the start; APPROACHING only where it is asked for."""
    return [
        (one.key, one.event, one.occurred_at - START)
        for one in step.transitions
        if hidden or one.event is not FenceEvent.APPROACHING
    ]


def settled(fixes: list[Fix], *fences: Fence, silence: float = 86_400.0) -> tuple[Transition, ...]:
    """All that a whole journey and a long silence after it give."""
    step = replay(fixes, fences)
    end = step.machine.watermark or START
    return step.transitions + tick(step.machine, end + silence, fences).transitions


def arrivals(transitions: tuple[Transition, ...]) -> list[str]:
    return [one.key for one in transitions if one.event in {FenceEvent.ARRIVED, FenceEvent.REOPENED}]


def one_by_one(fixes: list[Fix], *fences: Fence) -> Step:
    """The same fixes, each in its own report, the state stored as JSON in between."""
    step, transitions = Step(Machine()), list[Transition]()
    for one in fixes:
        step = advance(Machine.from_json(step.machine.to_json()), [one], fences)
        transitions += step.transitions
    return Step(step.machine, tuple(transitions))


def square(half: float) -> tuple[tuple[float, float], ...]:
    return tuple(
        (LONGITUDE + east * half / METRES_PER_LONGITUDE, LATITUDE + north * half / METRES_PER_LATITUDE)
        for east, north in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )


Way = list[tuple[float, float, float | None]]
"""Seconds since the fix before, metres to the east, the speed that is told."""
WAYS: dict[str, Way] = {
    "approach": [(60, -1503, 12), (60, -903, 12), (30, -603, 12)],
    "enter": [(30, 9, 0)],
    "rest": [(10, 9, 0), (10, 0, 0), (10, 9, 0), (10, 0, 0)],
    "sit": [(30, 0, None), (30, 9, None)],
    "busy": [(40, 47, 9), (40, -41, 9), (40, 47, 9), (40, -41, 9), (40, 47, 9)],
    "walk past": [(60, -203, 1.4), (100, -41, 1.4), (60, 47, 1.4), (100, 203, 1.4)],
    "edge": [(10, 97, 0), (10, 97, 0)],
    "moving edge": [(10, 97, 3)],
    "stop outside": [(30, 135, 0), (30, 135, 0), (30, 135, 0)],
    "step out": [(30, 203, 1.4)],
    "leave": [(30, 203, 1.4), (40, 203, None), (40, 203, 1.4)],
    "drive off": [(30, 603, 12), (10, 903, 12)],
    "next door": [(30, 300, 0), (20, 303, 0), (20, 300, 0)],
    "jump": [(10, 90_007, 30)],
    "stay away": [(10, 90_007, 0), (10, 90_007, 0)],
    "come back": [(700, 5003, 12), (100, 903, 12)],
}
"""What people do around the site. No place is near the edge of a rule, so that a story can tell."""

DRIVE_IN = line(0, (-2000, -20), pace=12.0)  # at 160 s it is 80 m west of the site
VISIT = [*DRIVE_IN, *stay(170, 1200), *line(1380, (20, 3000), pace=12.0)]
