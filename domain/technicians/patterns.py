"""Patterns of shifts: a week by the clock of a place, made into shifts ahead, each day once.

An instant is the first one at which that clock shows the wall time or a later one: a time that the clock
leaps over is when it has leapt, of one that it shows twice it is the first. So times keep their order on
every day, and the shifts of a pattern that do not overlap on paper never do.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from domain import ids, inputs, organizations, outlines
from domain.errors import Conflict, Invalid
from domain.events import Event, Scope
from domain.technicians.people import in_use
from domain.technicians.rows import WALL_TIME, Shift, ShiftPattern, ShiftPatternDay, Technician
from domain.unit_of_work import UnitOfWork

AHEAD = timedelta(days=42)
"""So far ahead shifts are made; once a week has passed of it, another is added."""
A_WEEK = timedelta(days=7)
A_DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEK_MINUTES = 7 * 24 * 60
DAY_MINUTES = 24 * 60
MOST_BREAK_MINUTES = 240
TIME = re.compile(WALL_TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a pattern is asked for: whose, where, from when, until when, and its days as they were given."""

    technician_id: UUID
    days: Sequence[Mapping[str, Any]]
    valid_from: date
    valid_until: date | None = None
    time_zone: str | None = None


class Times(NamedTuple):
    """One shift of a pattern, in UTC."""

    starts_at: datetime
    ends_at: datetime
    break_earliest: datetime | None = None
    break_latest: datetime | None = None
    break_seconds: int = 0


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows this (naive) time or a later one."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _shown(found, zone) == wall:
        return found
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # before the leap, as `found` is after it
    while found - low > SECOND:
        middle = low + (found - low) // 2
        middle = middle.replace(microsecond=0)
        if _shown(middle, zone) < wall:
            low = middle
        else:
            found = middle
    return found


def _shown(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def times(row: ShiftPatternDay, day: date, zone: ZoneInfo) -> Times | None:
    """A weekday's shift on a day; None where the clock leaps over all of it.

    A break that has no room on that day is left out.
    """
    start = datetime.combine(day, time.fromisoformat(row.starts))

    def later(wall: str, *, whole: bool = False) -> datetime:
        found = datetime.combine(day, time.fromisoformat(wall))
        return found + A_DAY if found < start or (whole and found == start) else found

    starts_at, ends_at = instant(start, zone), instant(later(row.ends, whole=True), zone)
    if starts_at >= ends_at:
        return None
    if row.break_earliest is None or row.break_latest is None:
        return Times(starts_at, ends_at)
    length = timedelta(minutes=row.break_minutes)
    earliest = instant(later(row.break_earliest), zone)
    latest = min(instant(later(row.break_latest), zone), ends_at - length)
    if earliest > latest:
        return Times(starts_at, ends_at)
    return Times(starts_at, ends_at, earliest, latest, row.break_minutes * 60)


def expand(
    rows: Sequence[ShiftPatternDay], first: date, last: date, *, zone: ZoneInfo
) -> Iterator[tuple[date, Times]]:
    """The shifts of the days from the first to the last, both included."""
    by_weekday = {row.weekday: row for row in rows}
    for number in range(max(0, (last - first).days + 1)):
        day = first + timedelta(days=number)
        row = by_weekday.get(day.isoweekday())
        found = times(row, day, zone) if row is not None else None
        if found is not None:
            yield day, found


async def create(work: UnitOfWork, week: Week) -> ShiftPattern:
    """A pattern, and its shifts from today on. What stands there by hand stays in the place of the pattern's.

    Raises NotFound, Invalid, or Conflict where it meets another pattern of the technician.
    """
    key = ids.new()
    rows = [_day(given, key, week.technician_id) for given in week.days]
    _check_week(rows)
    technician = await in_use(work, week.technician_id, "technician")
    if week.valid_until is not None and week.valid_until < week.valid_from:
        raise Invalid("A pattern ends on its first day or later.", "validUntil")
    zone = await _zone(work, week.time_zone)
    today = work.at.astimezone(zone).date()
    pattern = work.add(
        ShiftPattern(
            id=key,
            technician_id=technician.id,
            time_zone=zone.key,
            valid_from=week.valid_from,
            valid_until=week.valid_until,
            generated_until=today + AHEAD,
        )
    )
    await work.session.flush()
    for row in rows:
        work.add(row)
    await _generate(work, pattern, rows, since=today, fresh=True)
    announce(work, pattern, "ShiftPatternCreated")
    return pattern


async def due(work: UnitOfWork) -> list[UUID]:
    """The patterns whose shifts do not reach far enough ahead any more."""
    statement = (
        select(ShiftPattern.id)
        .join(
            Technician,
            (col(Technician.id) == ShiftPattern.technician_id)
            & (col(Technician.organization_id) == ShiftPattern.organization_id),
        )
        .where(
            col(Technician.archived_at).is_(None),
            # A day's grace, because it is tomorrow already where the pattern is at home.
            col(ShiftPattern.generated_until) < work.at.date() + AHEAD - A_WEEK - A_DAY,
            col(ShiftPattern.valid_until).is_(None)
            | (col(ShiftPattern.valid_until) > ShiftPattern.generated_until),
        )
        .order_by(col(ShiftPattern.id))
    )
    return list((await work.session.exec(statement)).all())


async def extend(work: UnitOfWork, key: UUID) -> int:
    """Makes a pattern's shifts up to the horizon; again, it makes none. Says how many."""
    found = await work.find(ShiftPattern, key)
    technician = await work.get(Technician, found.technician_id)
    pattern = await work.get(ShiftPattern, key)
    today = work.at.astimezone(ZoneInfo(pattern.time_zone)).date()
    if technician.archived_at is not None or pattern.generated_until >= today + AHEAD:
        return 0
    since, pattern.generated_until = max(today, pattern.generated_until + A_DAY), today + AHEAD
    statement = select(ShiftPatternDay).where(col(ShiftPatternDay.shift_pattern_id) == key)
    made = await _generate(work, pattern, (await work.session.exec(statement)).all(), since=since)
    if made:
        announce(work, pattern, "ShiftsGenerated", {"shifts": made})
    return made


async def _generate(
    work: UnitOfWork,
    pattern: ShiftPattern,
    rows: Sequence[ShiftPatternDay],
    *,
    since: date,
    fresh: bool = False,
) -> int:
    """The shifts from a day up to `generated_until` that are not over and meet none that stands.

    The technician is locked. Raises Conflict for a fresh pattern that meets another.
    """
    zone = ZoneInfo(pattern.time_zone)
    until = min(pattern.generated_until, pattern.valid_until or date.max)
    wanted = [
        (day, found)
        for day, found in expand(rows, max(since, pattern.valid_from), until, zone=zone)
        if found.ends_at > work.at
    ]
    stands = await _standing(work, pattern, wanted)
    made = 0
    for day, found in wanted:
        met = [row for row in stands if row.starts_at < found.ends_at and row.ends_at > found.starts_at]
        if fresh and any(row.shift_pattern_id is not None for row in met):
            raise Conflict(f"On {day} another pattern has a shift of theirs.", "days")
        if not met:
            whose = pattern.technician_id
            shift = Shift(technician_id=whose, shift_pattern_id=pattern.id, day=day, **found._asdict())
            work.add(shift)
            made += 1
    await work.session.flush()
    return made


async def _standing(
    work: UnitOfWork, pattern: ShiftPattern, wanted: Sequence[tuple[date, Times]]
) -> Sequence[Shift]:
    if not wanted:
        return ()
    statement = select(Shift).where(
        col(Shift.technician_id) == pattern.technician_id,
        col(Shift.starts_at) < wanted[-1][1].ends_at,
        col(Shift.ends_at) > wanted[0][1].starts_at,
    )
    return (await work.session.exec(statement)).all()


async def _zone(work: UnitOfWork, name: str | None) -> ZoneInfo:
    if name is None:
        return await organizations.home_zone(work)
    return ZoneInfo(inputs.checked({"time_zone": name}, {"time_zone": outlines.time_zone})["time_zone"])


def _day(given: Mapping[str, Any], pattern_id: UUID, technician_id: UUID) -> ShiftPatternDay:
    wall = [given["starts"], given["ends"], given.get("break_earliest"), given.get("break_latest")]
    minutes = given.get("break_minutes") or 0
    if any(value is not None and not TIME.fullmatch(value) for value in wall):
        raise Invalid("A time of day is HH:MM, from 00:00 to 23:59.", "days")
    if not 1 <= given["weekday"] <= 7:
        raise Invalid("A weekday is 1 (Monday) to 7 (Sunday).", "days")
    if len({wall[2] is None, wall[3] is None, minutes == 0}) > 1:
        raise Invalid("A break has its earliest and latest start and its minutes.", "days")
    row = ShiftPatternDay(
        shift_pattern_id=pattern_id,
        technician_id=technician_id,
        weekday=given["weekday"],
        starts=wall[0],
        ends=wall[1],
        break_earliest=wall[2],
        break_latest=wall[3],
        break_minutes=minutes,
    )
    _check_break(row)
    return row


def _check_break(row: ShiftPatternDay) -> None:
    if row.starts == row.ends:
        raise Invalid("A shift ends at another time of day than it starts.", "days")
    if row.break_earliest is None or row.break_latest is None:
        return
    earliest, latest, end = (
        (_minute(wall) - _minute(row.starts)) % DAY_MINUTES
        for wall in (row.break_earliest, row.break_latest, row.ends)
    )
    if not 1 <= row.break_minutes <= MOST_BREAK_MINUTES or not earliest <= latest <= end - row.break_minutes:
        raise Invalid("A break starts and ends within its shift.", "days")


def _check_week(rows: Sequence[ShiftPatternDay]) -> None:
    if not rows or len({row.weekday for row in rows}) < len(rows):
        raise Invalid("A pattern has days, each weekday at most once.", "days")
    spans = []
    for row in sorted(rows, key=lambda one: one.weekday):
        start = (row.weekday - 1) * DAY_MINUTES + _minute(row.starts)
        spans.append((start, start + (_minute(row.ends) - _minute(row.starts)) % DAY_MINUTES))
    again = (spans[0][0] + WEEK_MINUTES, spans[0][1] + WEEK_MINUTES)
    if any(mine[1] > theirs[0] for mine, theirs in pairwise([*spans, again])):
        raise Invalid("The shifts of two days do not overlap.", "days")


def _minute(wall: str) -> int:
    return int(wall[:2]) * 60 + int(wall[3:])


def announce(
    work: UnitOfWork, pattern: ShiftPattern, type: str, values: Mapping[str, Any] | None = None
) -> None:
    scope = Scope(technicians=(pattern.technician_id,))
    work.emit(
        Event(
            type=type,
            topic="shift_pattern",
            subject=pattern,
            values={"generated_until": pattern.generated_until, **(values or {})},
            scope_before=scope,
            scope_after=scope,
        )
    )
