"""Patterns of shifts: a week by the clock of a place, over its changes of time, made into shifts once."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from domain import ids, staffing
from domain.errors import Conflict, Invalid
from domain.technicians import Shift, ShiftPattern, ShiftPatternDay, Technician, patterns
from domain.technicians.patterns import Week
from tests.domain.world import DAY, World, at

HELSINKI = ZoneInfo("Europe/Helsinki")
ZONES = (
    "Europe/Helsinki",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "UTC",
)
"""Changes by an hour and by half an hour, at midnight, of a whole day, and none."""
MINUTE = timedelta(minutes=1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
WALL = some.times().map(lambda found: found.replace(second=0, microsecond=0, fold=0))


def slowly(wall: datetime, zone: ZoneInfo) -> datetime:
    """Looks at the clock minute after minute, from two days before it can show this time."""
    at = datetime.combine(wall.date() - timedelta(days=2), time(), UTC)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


def weekday(number: int, starts: str, ends: str, **rest: Any) -> ShiftPatternDay:
    return ShiftPatternDay(
        shift_pattern_id=ids.new(), technician_id=ids.new(), weekday=number, starts=starts, ends=ends, **rest
    )


def local(found: patterns.Times | None, zone: ZoneInfo = HELSINKI) -> list[str]:
    assert found is not None
    return [f"{one.astimezone(zone):%d %H:%M%z}" for one in found[:4] if one is not None]


@given(
    zone=some.sampled_from(ZONES).map(ZoneInfo),
    day=some.dates(date(2011, 1, 1), date(2030, 12, 31))
    | some.sampled_from([SPRING, AUTUMN, date(2011, 12, 30), date(2026, 3, 8), date(2018, 11, 4)]),
    wall=WALL,
)
@example(zone=HELSINKI, day=SPRING, wall=time(3, 30))
@example(zone=HELSINKI, day=AUTUMN, wall=time(3, 30))
@example(zone=ZoneInfo("Pacific/Apia"), day=date(2011, 12, 30), wall=time(12))
@example(zone=ZoneInfo("America/Sao_Paulo"), day=date(2018, 11, 4), wall=time(0, 15))
@example(zone=ZoneInfo("America/Havana"), day=date(2026, 11, 1), wall=time(0, 30))
@example(zone=ZoneInfo("Australia/Lord_Howe"), day=date(2026, 10, 4), wall=time(2, 10))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_an_instant_is_the_first_at_which_the_clock_shows_the_time(
    zone: ZoneInfo, day: date, wall: time
) -> None:
    wanted = datetime.combine(day, wall)
    assert patterns.instant(wanted, zone) == slowly(wanted, zone)


@given(
    zone=some.sampled_from(ZONES).map(ZoneInfo),
    first=some.sampled_from([SPRING, AUTUMN, date(2011, 12, 30), date(2026, 3, 8), date(2018, 11, 4), DAY]),
    walls=some.tuples(WALL, WALL, WALL, WALL),
    minutes=some.integers(1, 90),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_a_week_is_as_somebody_would_live_it(
    zone: ZoneInfo, first: date, walls: tuple[time, ...], minutes: int
) -> None:
    start, end, earliest, latest = (f"{wall:%H:%M}" for wall in walls)
    rest = {"break_earliest": earliest, "break_latest": latest, "break_minutes": minutes}
    rows = [weekday(number, start, end, **rest) for number in (1, 3, 5, 7)]

    found = list(patterns.expand(rows, first - timedelta(days=3), first + timedelta(days=3), zone=zone))

    def lived(day: date, wall: time, *, after: bool = False) -> datetime:
        turned = wall < walls[0] or (after and wall == walls[0])
        return slowly(datetime.combine(day, wall) + timedelta(days=turned), zone)

    wanted = {}
    for number in range(-3, 4):
        day = first + timedelta(days=number)
        starts, ends = lived(day, walls[0]), lived(day, walls[1], after=True)
        if day.isoweekday() % 2 and starts < ends:
            room = (lived(day, walls[2]), min(lived(day, walls[3]), ends - minutes * MINUTE))
            wanted[day] = (starts, ends, *(room if room[0] <= room[1] else (None, None)))
    assert {day: one[:4] for day, one in found} == wanted
    assert all(mine[1].starts_at < theirs[1].starts_at for mine, theirs in pairwise(found))


def test_a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    night = weekday(6, "22:00", "06:00", break_earliest="01:00", break_latest="03:30", break_minutes=30)

    spring = patterns.times(night, SPRING - timedelta(days=1), HELSINKI)
    autumn = patterns.times(night, AUTUMN - timedelta(days=1), HELSINKI)

    assert local(spring) == ["28 22:00+0200", "29 06:00+0300", "29 01:00+0200", "29 04:00+0300"]
    assert local(autumn) == ["24 22:00+0300", "25 06:00+0200", "25 01:00+0300", "25 03:30+0300"]
    lengths = [one.ends_at - one.starts_at for one in (spring, autumn) if one]
    assert lengths == [timedelta(hours=7), timedelta(hours=9)]


def test_what_the_clock_leaps_over_is_no_shift_and_a_break_without_room_none() -> None:
    assert patterns.times(weekday(7, "03:00", "04:00"), SPRING, HELSINKI) is None
    early = weekday(7, "02:00", "04:10", break_earliest="03:05", break_latest="03:10", break_minutes=30)
    assert local(patterns.times(early, SPRING, HELSINKI)) == ["29 02:00+0200", "29 04:10+0300"]
    assert len(local(patterns.times(early, SPRING + timedelta(days=7), HELSINKI))) == 4


async def made(world: World, technician: UUID, **given: Any) -> UUID:
    days = given.pop(
        "days", [{"weekday": number, "starts": "08:00", "ends": "16:00"} for number in range(1, 6)]
    )
    week = Week(**{"technician_id": technician, "days": days, "valid_from": DAY, **given})
    async with world.unit() as work:
        return (await patterns.create(work, week)).id


async def spans(world: World, technician: UUID) -> list[tuple[datetime, datetime, UUID | None]]:
    rows = [
        (row.starts_at, row.ends_at, row.shift_pattern_id)
        for row in await world.all(Shift, technician_id=technician)
    ]
    return sorted(rows, key=lambda row: row[0])


async def test_shifts_are_made_six_weeks_ahead_and_on_as_time_passes(world: World) -> None:
    ada = await world.technician("Ada", shift=None)
    key = await made(world, ada)

    async def extended() -> int:
        async with world.unit() as work:
            keys = await patterns.due(work)
            return sum([await patterns.extend(work, one) for one in keys])

    found = await spans(world, ada)
    assert len(found) == 31  # from Monday the 23rd of November to Monday the 4th of January
    assert found[0] == (at(8), at(16), key)
    assert found[-1][0] == at(8 + 42 * 24)
    assert await extended() == 0
    world.now = at(24 * 6)
    assert await extended() == 0
    world.now = at(24 * 9 + 12)
    assert (await extended(), await extended()) == (7, 0)  # up to the 13th of January
    pattern = await world.read(ShiftPattern, key)
    assert (pattern.version, pattern.generated_until) == (2, date(2027, 1, 13))
    found = await spans(world, ada)
    assert len({start for start, _, _ in found}) == len(found) == 38


async def test_of_many_workers_who_make_the_same_week_one_does(world: World) -> None:
    ada = await world.technician("Ada", shift=None)
    key = await made(world, ada)
    world.now = at(24 * 10)

    async def extend() -> int:
        async with world.unit() as work:
            return await patterns.extend(work, key)

    assert Counter(await asyncio.gather(*(extend() for _ in range(6)))) == {8: 1, 0: 5}
    assert len(await spans(world, ada)) == 39


async def test_what_stands_by_hand_stays_and_what_was_cancelled_does_not_come_back(world: World) -> None:
    ada = await world.technician("Ada", shift=(10, 12))
    key = await made(world, ada)
    found = await spans(world, ada)
    assert [found[0][2], found[1][2]] == [None, key]
    assert len(found) == 31
    (tuesday,) = [row for row in await world.all(Shift, technician_id=ada) if row.starts_at == at(32)]
    async with world.unit() as work:
        await staffing.cancel_shift(work, tuesday.id)

    world.now = at(24 * 10)
    async with world.unit() as work:
        await patterns.extend(work, key)

    assert at(32) not in {start for start, _, _ in await spans(world, ada)}


async def test_two_patterns_of_a_technician_do_not_meet(world: World) -> None:
    ada = await world.technician("Ada", shift=None)
    await made(world, ada)
    evenings = [{"weekday": 3, "starts": "16:00", "ends": "20:00"}]
    with pytest.raises(Conflict, match="On 2026-11-27 another pattern") as refused:
        await made(world, ada, days=[{"weekday": 5, "starts": "15:00", "ends": "20:00"}])
    assert refused.value.path == ("days",)
    assert len(await world.all(ShiftPattern)) == 1
    other = await made(world, ada, days=evenings, valid_until=DAY + timedelta(days=9))
    assert [row[:2] for row in await spans(world, ada) if row[2] == other] == [
        (at(64), at(68)),
        (at(24 * 9 + 16), at(24 * 9 + 20)),
    ]


async def test_a_pattern_makes_nothing_of_the_past_or_for_who_is_archived(world: World) -> None:
    ada = await world.technician("Ada", shift=None)
    world.now = at(17)
    key = await made(world, ada, valid_from=DAY - timedelta(days=30))
    assert (await spans(world, ada))[0][0] == at(32)
    async with world.unit() as work:
        (await work.get(Technician, ada)).archived_at = world.now
    world.now = at(24 * 10)
    async with world.unit() as work:
        assert await patterns.due(work) == []
        assert await patterns.extend(work, key) == 0
    with pytest.raises(Invalid, match="archived"):
        await made(world, ada)
