"""ETAs: when the technician on the way will be there, and what that does to the rest of their day."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from domain import tracking, tracks
from domain.sites import Site
from domain.tracking import Eta, EtaBasis, PositionCurrent
from domain.tracks import Journey
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit, VisitState
from realtime.eta import Basis, Estimate, estimate, worth_publishing
from realtime.fences import APPROACH_SECONDS

Point: TypeAlias = tuple[float, float]
"""Longitude, latitude."""
Seconds: TypeAlias = Callable[[Point, Point], float]
"""The road's time from one point to another."""
FRESH = timedelta(minutes=2)  # an older position says where they were, not how the journey goes
SLACK_SECONDS = 120.0  # a later visit is late only beyond this; the least move that is told
REST_OF_DAY = timedelta(hours=16)


async def refresh(work: UnitOfWork, visit: Visit, *, seconds: Seconds) -> Eta | None:
    """The ETA of a visit that is EN_ROUTE, if it moved enough to be told; then the visits after it.

    From a fresh position (POSITION), else from where the journey began (TRAVEL): the last position known,
    or the technician's home.
    """
    if visit.state != VisitState.EN_ROUTE:
        return None
    journey = await tracks.journey(work, visit)
    if journey is None:
        return None
    found = _estimated(work.at, visit, journey, seconds)
    previous = journey.eta if journey.eta and journey.eta.technician_id == journey.technician.id else None
    if not _worth(previous, found, work.at):
        return None
    told = _row(visit, journey, found)
    await tracking.publish_eta(work, visit, told)
    await _cascade(work, visit, journey, found, seconds=seconds)
    return told


def _estimated(now: datetime, visit: Visit, journey: Journey, seconds: Seconds) -> Estimate:
    """What is left of the way; the time since the position was taken, or since the start, is behind them."""
    basis: Basis = "POSITION"
    start, since = _place(journey.current), journey.current.at if journey.current else None
    if start is None or since is None or now - since > FRESH:
        begun = visit.en_route_at or now
        basis, since = "TRAVEL", begun if since is None else max(since, begun)
        start = start or (journey.technician.home_longitude, journey.technician.home_latitude)
    route_seconds = seconds(start, _point(journey.site))
    elapsed = max(0.0, (now - since).total_seconds())
    return estimate(now=now, route_seconds=route_seconds - elapsed, basis=basis)


def _worth(previous: Eta | None, found: Estimate, now: datetime) -> bool:
    """Becoming a journey is a new state; from TRAVEL to POSITION only the time may move."""
    approaching = (found.expected - now).total_seconds() <= APPROACH_SECONDS
    begun = previous is not None and previous.basis == EtaBasis.PLAN and found.basis != "PLAN"
    return worth_publishing(
        None if previous is None else _estimate_of(previous),
        found,
        approaching=approaching and found.basis != "PLAN",
        state_changed=begun,
        now=now,
    )


async def _cascade(
    work: UnitOfWork, visit: Visit, journey: Journey, arrival: Estimate, *, seconds: Seconds
) -> None:
    """Carry a delay through the rest of the day; a visit is told when it becomes late, or no longer is."""
    free_at = arrival.expected + timedelta(seconds=visit.duration_seconds)
    place = _point(journey.site)
    start = visit.planned_start or arrival.expected
    rows = await tracks.later(work, journey.technician.id, start, start + REST_OF_DAY)
    for following, site, previous in rows:
        if following.planned_start is None:
            continue
        travel_seconds = seconds(place, _point(site))
        reached = free_at + timedelta(seconds=travel_seconds)
        late = (reached - following.planned_start).total_seconds() > SLACK_SECONDS
        expected = max(reached, following.planned_start)
        before = (expected - work.at).total_seconds() - travel_seconds
        found = estimate(
            now=work.at, route_seconds=travel_seconds, basis="PLAN", remaining_before_seconds=before
        )
        if (late or previous is not None) and _worth(previous, found, work.at):
            told = _row(following, journey, found)
            await tracking.publish_eta(work, following, told)
        place, free_at = _point(site), expected + timedelta(seconds=following.duration_seconds)


def _row(visit: Visit, journey: Journey, found: Estimate) -> Eta:
    return Eta(
        visit_id=visit.id,
        technician_id=journey.technician.id,
        earliest=found.earliest,
        expected=found.expected,
        latest=found.latest,
        basis=EtaBasis(found.basis),
        as_of=found.as_of,
        stale_after=found.stale_after,
    )


def _estimate_of(row: Eta) -> Estimate:
    basis: Basis = EtaBasis(row.basis).value
    return Estimate(row.earliest, row.expected, row.latest, basis, row.as_of, row.stale_after)


def _place(current: PositionCurrent | None) -> Point | None:
    if current is None or current.longitude is None or current.latitude is None:
        return None
    return current.longitude, current.latitude


def _point(site: Site) -> Point:
    return site.longitude, site.latitude
