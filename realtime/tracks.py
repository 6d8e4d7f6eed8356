"""Tracks: a technician's fixes run through the fences of their visits, each fence from when it holds.

Values only: rows come in, a machine and what it found go out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from domain import tracks
from domain.sites import Site
from domain.tracking import ConfirmedBy
from domain.tracks import Columns, Period, Watched
from domain.visits import VisitState
from realtime.areas import Fence
from realtime.fences import FenceEvent, Machine, Step, Transition, advance
from realtime.positions import Fix, great_circle_metres

GRACE = timedelta(minutes=60)  # before and after a shift: the way from and to home
WINDOW = timedelta(days=1)  # what a replay reads at most
NEXT_VISITS = 5
THERE = frozenset({FenceEvent.ARRIVED, FenceEvent.REOPENED})


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of a technician in `position_current.machine`.

    `announced_at` is when a position was last told for a visit, `placed_at` when it was for its own sake,
    `told` the visits whose approach was, `settled_at` when the clock last spoke; seconds since 1970 (UTC).
    """

    machine: Machine = field(default_factory=Machine)
    announced_at: float = 0.0
    settled_at: float = 0.0
    told: frozenset[str] = frozenset()
    placed_at: float = 0.0

    def to_json(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("announced_at", "settled_at", "placed_at")}
        return self.machine.to_json() | own | {"told": sorted(self.told)}

    @classmethod
    def from_json(cls, row: dict[str, Any] | None) -> "Memory":
        if row is None:
            return cls()
        times = (row["announced_at"], row["settled_at"], frozenset(row["told"]), row.get("placed_at", 0.0))
        return cls(Machine.from_json(row), *times)


class Watch(NamedTuple):
    """A visit under watch. No fix before `since` counts; from `inside_at` on the technician is there."""

    row: Watched
    fence: Fence
    since: float
    inside_at: float | None


class Finding(NamedTuple):
    """What a run says of one visit: its first arrival, and the last that was told of being there or not."""

    arrived: Transition | None
    last: Transition


def instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def on_duty(at: float, periods: Iterable[Period]) -> bool:
    """Within an hour of a shift, and in no absence: of other times nothing is kept."""
    moment = instant(at)
    shifts = [one for one in periods if not one.absent]
    if any(one.absent and one.starts_at <= moment < one.ends_at for one in periods):
        return False
    return any(one.starts_at - GRACE <= moment <= one.ends_at + GRACE for one in shifts)


def window(now: datetime, periods: Iterable[Period]) -> datetime:
    """From when on fixes are replayed: the latest shift's start, at most a day ago."""
    begun = sorted(
        one.starts_at - GRACE for one in periods if not one.absent and one.starts_at - GRACE <= now
    )
    return max([now - WINDOW, *begun[-1:]])


def watches(rows: Sequence[Watched], start: datetime) -> list[Watch]:
    """The visits they are at, have just ended, and the next five; of neighbours only the first.

    Where fences overlap a fix cannot tell one visit from the other, so the plan's order does: the second
    is watched from the end of the first.
    """
    there = [row for row in rows if row.visit.state in tracks.PRESENT]
    setting_out = [row for row in rows if row.visit.state == VisitState.EN_ROUTE]
    waiting = [row for row in rows if row.visit.state == VisitState.DISPATCHED]
    ended = [row for row in rows if row.visit.state in tracks.ENDED]
    chosen = there
    for row in (*setting_out, *waiting)[:NEXT_VISITS]:
        if not any(_overlap(row.site, other.site) for other in chosen):
            chosen = [*chosen, row]
    leaving = [row for row in ended if row.arrival is not None and row.arrival.departed_at is None]
    return [_watch(row, ended, start) for row in (*chosen, *leaving)]


def run(machine: Machine, fixes: Sequence[Fix], watched: Sequence[Watch]) -> Step:
    """`advance`, each fence from its own beginning, and a person's word from when it was given."""
    turns = {one.since for one in watched} | {one.inside_at for one in watched if one.inside_at is not None}
    begins = [float("-inf"), *sorted(turns)]
    transitions: list[Transition] = []
    late: list[Fix] = []
    for begin, end in zip(begins, [*begins[1:], float("inf")], strict=True):
        part = [fix for fix in fixes if begin <= fix.at < end]
        if not part:
            continue
        for one in watched:
            if one.inside_at is not None and one.inside_at <= begin:
                machine = _stood(machine, one.fence.key)
        step = advance(machine, part, [one.fence for one in watched if one.since <= begin])
        machine = step.machine
        transitions += step.transitions
        late += step.late
    return Step(machine, tuple(transitions), tuple(late))


def findings(transitions: Iterable[Transition]) -> dict[str, Finding]:
    """What was told of presence, by visit; APPROACHING and PASSED are not of it."""
    found: dict[str, Finding] = {}
    for one in transitions:
        if one.event not in THERE and one.event is not FenceEvent.DEPARTED:
            continue
        before = found.get(one.key)
        arrived = before.arrived if before else None
        if arrived is None and one.event is FenceEvent.ARRIVED:
            arrived = one
        found[one.key] = Finding(arrived, one)
    return found


def metres_to(fix: Fix, site: Site) -> float:
    return great_circle_metres(fix.longitude, fix.latitude, site.longitude, site.latitude)


def columns(fixes: Sequence[Fix]) -> Columns:
    return Columns(
        [instant(fix.at) for fix in fixes],
        [fix.longitude for fix in fixes],
        [fix.latitude for fix in fixes],
        [fix.radius_metres for fix in fixes],
        [fix.speed_metres_per_second for fix in fixes],
        [fix.sequence for fix in fixes],
    )


def spot(fix: Fix) -> tuple[datetime, float, float]:
    return instant(fix.at), fix.longitude, fix.latitude


def rounded(fix: Fix) -> Fix:
    """The fix as the database gives it back, so that a replay sees the very same numbers."""
    return replace(fix, at=instant(fix.at).timestamp())


def fixes_of(rows: Iterable[Any]) -> list[Fix]:
    return [Fix(row[0].timestamp(), *row[1:]) for row in rows]


def _watch(row: Watched, ended: Sequence[Watched], start: datetime) -> Watch:
    site, arrival = row.site, row.arrival
    before = [
        one.visit.ended_at
        for one in ended
        if one.visit.ended_at is not None
        and one.visit.id != row.visit.id
        and (arrival is None or one.visit.ended_at <= arrival.occurred_at)
        and _overlap(one.site, site)
    ]
    since = max([start, *before])
    inside_at = None
    if arrival is not None and (arrival.confirmed_by != ConfirmedBy.GEOFENCE or arrival.occurred_at < since):
        inside_at = arrival.occurred_at.timestamp()
    expected = row.eta.expected.timestamp() if row.eta and row.visit.state == VisitState.EN_ROUTE else None
    fence = Fence(
        str(row.visit.id),
        site.longitude,
        site.latitude,
        site.geofence_radius_metres,
        _polygon(site),
        expected,
    )
    return Watch(row, fence, since.timestamp(), inside_at)


def _polygon(site: Site) -> tuple[tuple[float, float], ...] | None:
    if site.geofence is None:
        return None
    return tuple((longitude, latitude) for longitude, latitude, *_height in site.geofence["coordinates"][0])


def _overlap(one: Site, other: Site) -> bool:
    apart = great_circle_metres(one.longitude, one.latitude, other.longitude, other.latitude)
    return apart < _reach(one) + _reach(other)


def _reach(site: Site) -> float:
    corners = _polygon(site)
    if corners is None:
        return site.geofence_radius_metres
    return max(great_circle_metres(site.longitude, site.latitude, *corner) for corner in corners)


def _stood(machine: Machine, key: str) -> Machine:
    """A word puts the technician inside once; where they go from there the fixes say."""
    return machine if machine.presence(key).arrivals else machine.standing_inside(key)
