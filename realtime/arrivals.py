"""Arrivals: a technician's report becomes stored fixes, arrivals with their evidence, and a newer ETA."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from domain import tracking, tracks, visits
from domain.errors import Invalid, Refused
from domain.events import Origin
from domain.tracking import ConfirmedBy, PositionCurrent
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit, VisitState
from realtime import etas
from realtime.etas import Seconds
from realtime.fences import APPROACH_METRES, FenceEvent, Machine, Step, Transition, tick
from realtime.positions import Fix, RefusalReason, event_order, screen
from realtime.tracks import (
    GRACE,
    THERE,
    WINDOW,
    Finding,
    Memory,
    Watch,
    columns,
    findings,
    fixes_of,
    instant,
    metres_to,
    on_duty,
    rounded,
    run,
    spot,
    watches,
    window,
)

LOG = structlog.get_logger(__name__)
MOST_FIXES = 500
OFF_DUTY = "OFF_DUTY"
ANNOUNCED_SECONDS = 5.0  # of business time between two positions told for a visit
PLACED_SECONDS = 1.0  # and for their own sake


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a report: fixes taken, fixes refused by reason, visits that it made ARRIVED."""

    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    arrived: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class _Round:
    """One turn at a technician's locked row: what is remembered, what is watched, what was found."""

    current: PositionCurrent
    memory: Memory
    watched: list[Watch]
    step: Step
    replayed: bool = False
    stayed: frozenset[str] = frozenset()
    """Visits whose silence after the last fix would say ARRIVED; a replay does not contradict those."""


async def report(work: UnitOfWork, technician_id: UUID, fixes: Sequence[Fix], *, seconds: Seconds) -> Report:
    """Take a device's fixes, in any order and as often as it sends them.

    Raises Invalid for more than 500, NotFound for a technician that is not the viewer's. A fix that is
    refused is counted under its reason: OUT_OF_RANGE, NULL_ISLAND, FUTURE, OFF_DUTY or DUPLICATE.
    """
    if len(fixes) > MOST_FIXES:
        raise Invalid(f"A report has at most {MOST_FIXES} positions.", "positions")
    current = await tracks.current(work, technician_id)
    screened = screen(fixes, now=work.at.timestamp())
    accepted = [rounded(fix) for fix in screened.accepted]
    earliest = min([work.at - WINDOW, *(instant(fix.at) for fix in accepted[:1])])
    periods = await tracks.periods(work, technician_id, earliest - GRACE, work.at + GRACE)
    working = [fix for fix in accepted if on_duty(fix.at, periods)]
    new = await tracks.store(work, technician_id, columns(working)) if working else set()
    fresh = [fix for fix in working if spot(fix) in new]
    refused = Counter(screened.counts)
    refused[OFF_DUTY] += len(accepted) - len(working)
    refused[RefusalReason.DUPLICATE.value] += len(working) - len(fresh)
    arrived: tuple[UUID, ...] = ()
    if fresh:
        start = window(work.at, periods)
        arrived = await _taken(work, current, fresh, start=start, seconds=seconds)
    return Report(len(fresh), {reason: count for reason, count in sorted(refused.items()) if count}, arrived)


async def settle(work: UnitOfWork, technician_id: UUID) -> Report:
    """Let the clock speak for a silent technician; without effect where it has nothing new to say."""
    current = await tracks.current(work, technician_id)
    memory = Memory.from_json(current.machine)
    periods = await tracks.periods(work, technician_id, work.at - WINDOW - GRACE, work.at + GRACE)
    start = window(work.at, periods)
    watched = watches(await tracks.watched(work, technician_id, start), start)
    machine = memory.machine.only(one.fence.key for one in watched)
    step = tick(machine, work.at.timestamp(), [one.fence for one in watched])
    turn = _Round(current, memory, watched, step)
    arrived = await _apply(work, turn)
    kept = replace(memory, machine=step.machine, settled_at=work.at.timestamp())
    current.machine = kept.to_json()
    return Report(arrived=arrived)


async def waiting(work: UnitOfWork) -> list[UUID]:
    """The technicians of the viewer's organization for whom `settle` would have something to say now."""
    return await tracks.silent(work)


async def _taken(
    work: UnitOfWork, current: PositionCurrent, fresh: list[Fix], *, start: datetime, seconds: Seconds
) -> tuple[UUID, ...]:
    rows = await tracks.watched(work, current.technician_id, start)
    memory = Memory.from_json(current.machine)
    turn = _Round(current, memory, watches(rows, start), Step(memory.machine))
    turn = await _advanced(work, turn, fresh, start=start)
    arrived = await _apply(work, turn)
    await _follow(work, turn, seconds=seconds)
    return arrived


async def _advanced(work: UnitOfWork, turn: _Round, fresh: list[Fix], *, start: datetime) -> _Round:
    """The machine after the new fixes; after all of the window where one of them is older than the newest."""
    machine = turn.memory.machine.only(one.fence.key for one in turn.watched)
    reached = machine.watermark
    if reached is None or all(fix.at > reached for fix in fresh):
        return replace(turn, step=run(machine, fresh, turn.watched))
    if all(fix.at < start.timestamp() for fix in fresh):
        return replace(turn, step=Step(machine))
    stored = fixes_of(await tracks.raw(work, turn.current.technician_id, start))
    step = run(Machine(), sorted(stored, key=event_order), turn.watched)
    fences = [one.fence for one in turn.watched]
    silence = tick(step.machine, work.at.timestamp(), fences).transitions
    stayed = frozenset(one.key for one in silence if one.event in THERE)
    return replace(turn, step=step, replayed=True, stayed=stayed)


async def _apply(work: UnitOfWork, turn: _Round) -> tuple[UUID, ...]:
    """What was found becomes facts, as far as the visits have not moved on; told by the fence."""
    found = findings(turn.step.transitions)
    doubted = {one.fence.key for one in turn.watched if turn.replayed and _contradicted(one, turn, found)}
    affected = [one for one in turn.watched if one.fence.key in found or one.fence.key in doubted]
    if not affected:
        return ()
    await work.flush()
    asked, work.origin = work.origin, Origin.GEOFENCE
    arrived: list[UUID] = []
    ahead = _next(work, turn)
    touched = {one.row.visit.id for one in affected} | ({ahead.visit.id} if ahead else set())
    fresh = await tracks.locked(work, sorted(touched))
    for one in sorted(affected, key=lambda each: each.row.visit.id):
        visit = fresh[one.row.visit.id]
        if one.fence.key in doubted:
            if visit.state == VisitState.ARRIVED:
                await tracking.withdraw(work, visit)
            continue
        finding = found[one.fence.key]
        if await _arrive(work, turn, one, finding):
            arrived.append(visit.id)
        gone = await _leave(work, visit, one, finding.last)
        if gone and ahead is not None and not turn.replayed and visit.state in tracks.ENDED:
            await _set_off(work, ahead.visit, turn.current.technician_id)
    await work.flush()
    work.origin = asked
    return tuple(arrived)


def _contradicted(one: Watch, turn: _Round, found: dict[str, Finding]) -> bool:
    """Whether all fixes together no longer show an arrival that the fence had told."""
    arrival = one.row.arrival
    if arrival is None or arrival.confirmed_by != ConfirmedBy.GEOFENCE or one.inside_at is not None:
        return False
    return one.fence.key not in found and one.fence.key not in turn.stayed


async def _arrive(work: UnitOfWork, turn: _Round, one: Watch, finding: Finding) -> bool:
    """Make the visit ARRIVED if it still waits for that; date it anew if late fixes know better."""
    visit, arrived = one.row.visit, finding.arrived
    if arrived is None:
        return False
    occurred_at = instant(arrived.occurred_at)
    if visit.state in tracks.AHEAD:
        evidence = arrived.evidence | {"decided_at": arrived.decided_at}
        await tracking.arrive(
            work,
            visit,
            technician_id=turn.current.technician_id,
            occurred_at=occurred_at,
            confirmed_by=ConfirmedBy.GEOFENCE,
            evidence=evidence,
            late=turn.replayed,
        )
        return True
    if turn.replayed and one.inside_at is None:
        await tracking.correct(work, visit, occurred_at=occurred_at, evidence=arrived.evidence)
    return False


async def _leave(work: UnitOfWork, visit: Visit, one: Watch, last: Transition) -> bool:
    """Nobody has gone before they came: where only a word tells of that, a far first fix would say so."""
    gone, left_at = last.event is FenceEvent.DEPARTED, last.occurred_at
    if one.inside_at is not None and last.decided_at >= one.inside_at:
        left_at = max(left_at, one.inside_at)
    await tracking.depart(work, visit, instant(left_at) if gone else None)
    return gone


def _next(work: UnitOfWork, turn: _Round) -> tracks.Watched | None:
    """Where the technician is to go next, if that is today by the site's clocks and they were told."""
    rows = [one.row for one in turn.watched if one.row.visit.state == VisitState.DISPATCHED]
    for row in rows[:1]:
        zone, start = ZoneInfo(row.site.time_zone), row.visit.planned_start
        if start is not None and start.astimezone(zone).date() == work.at.astimezone(zone).date():
            return row
    return None


async def _set_off(work: UnitOfWork, visit: Visit, technician_id: UUID) -> None:
    """Who leaves the site of a visit that has ended is on the way to the next, unless a rule says no."""
    try:
        await visits.start_travel(work, visit.id, technician_id=technician_id)
    except Refused as refusal:
        LOG.info("travel not started", visit=str(visit.id), reason=refusal.message)


async def _follow(work: UnitOfWork, turn: _Round, *, seconds: Seconds) -> None:
    """The latest position, told for the visit they are on the way to; then its ETA."""
    machine, memory, current = turn.step.machine, turn.memory, turn.current
    last, now = machine.last, work.at.timestamp()
    moved = last is not None and last != memory.machine.last
    if last is not None:
        current.at, current.longitude, current.latitude = spot(last)
        current.accuracy_metres = last.radius_metres
    announced, placed, told = memory.announced_at, memory.placed_at, set(memory.told)
    if moved and now - placed >= PLACED_SECONDS:
        await tracks.tell(work, current)
        placed = now
    for one in turn.watched:
        if last is None or one.row.visit.state != VisitState.EN_ROUTE:
            continue
        if moved and now - announced >= ANNOUNCED_SECONDS:
            await tracking.move(work, one.row.visit, current)
            announced = now
        if one.fence.key not in told and _near(one, machine, last):
            distance_metres = metres_to(last, one.row.site)
            await tracking.approach(work, one.row.visit, distance_metres=distance_metres)
            told.add(one.fence.key)
        await etas.refresh(work, one.row.visit, seconds=seconds)
    kept = told & {one.fence.key for one in turn.watched}
    current.machine = Memory(machine, announced, 0.0, frozenset(kept), placed).to_json()


def _near(one: Watch, machine: Machine, last: Fix) -> bool:
    """Approached, and still so: a visit passed by before its turn is not being approached."""
    if not machine.presence(one.fence.key).approached:
        return False
    expected = one.fence.expected_arrival
    soon = expected is not None and expected - last.at <= 600.0
    return soon or metres_to(last, one.row.site) <= APPROACH_METRES
