"""Derived: the functions that answer `derived` fields, each for all rows of an operation in one call."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain import ids
from domain.coverage import Coverage
from domain.visits import FINAL
from resolvers import costs, evidence
from resolvers.compiler.bindings import Bindings
from resolvers.context import Context, Derive, Inputs, Point

FRESH = timedelta(minutes=15)
"""An older position says nothing about where a drive would begin."""
LONGEST_COVERAGE = timedelta(days=92)
"""Coverage is counted day by day; nobody watches a clock that runs out next year."""


async def drives(context: Context, inputs: Inputs) -> list[dict[str, Any] | None]:
    """The way of each visit's lead to its site; a thread of its own, since roads take their time."""
    services = context.services
    now = services.clock.now()
    found: list[dict[str, Any] | None] = []
    ways: list[tuple[Point, Point]] = []
    for one in inputs:
        technician = (one["lead"] or {}).get("technician")
        if one["state"] in FINAL or technician is None or one["site"] is None:
            found.append(None)
            continue
        start, at = _start(technician, now)
        ways.append((start, _point(one["site"]["location"])))
        found.append({"from_home": at is None, "position_at": at})
    seconds = iter(await asyncio.to_thread(services.roads.each, ways)) if ways else iter(())
    return [None if drive is None else {**drive, "seconds": round(next(seconds))} for drive in found]


def _start(technician: Mapping[str, Any], now: datetime) -> tuple[Point, datetime | None]:
    """Where the technician is by a fresh position, and when that was measured; else their home."""
    position = technician["position"]
    if position is not None and position["at"] is not None and position["point"] is not None:
        at = datetime.fromisoformat(position["at"])
        if now - at <= FRESH:
            return _point(position["point"]), at
    return _point(technician["home"]), None


def _point(geography: Mapping[str, Any]) -> Point:
    longitude, latitude = geography["coordinates"]
    return longitude, latitude


async def coverage_left(context: Context, inputs: Inputs) -> list[int | None]:
    """The whole minutes of coverage until each work order is due; in a thread, since days are counted up."""
    now = context.services.clock.now()
    return await asyncio.to_thread(lambda: [_coverage_left(one, now) for one in inputs])


def _coverage_left(one: Mapping[str, Any], now: datetime) -> int | None:
    entitlement, site = one["entitlement"], one["site"]
    if not one["isOpen"] or one["dueAt"] is None or entitlement is None or site is None:
        return None
    due = datetime.fromisoformat(one["dueAt"])
    if due - now > LONGEST_COVERAGE:
        return None
    try:
        zone = ZoneInfo(site["timeZone"])
    except (ZoneInfoNotFoundError, ValueError):
        return None
    coverage = Coverage(
        entitlement["coverageOpens"],
        entitlement["coverageCloses"],
        weekdays=entitlement["coverageWeekdays"],
        zone=zone,
    )
    return coverage.seconds(now, due) // 60


async def coverage_remaining(context: Context, inputs: Inputs) -> list[int | None]:
    """The whole seconds of coverage that each clock has left."""
    now = context.services.clock.now()
    return await asyncio.to_thread(lambda: [_coverage_remaining(one, now) for one in inputs])


def _coverage_remaining(one: Mapping[str, Any], now: datetime) -> int | None:
    if one["state"] not in {"RUNNING", "PAUSED"}:
        return None
    coverage = Coverage(
        one["coverageOpens"],
        one["coverageCloses"],
        weekdays=one["coverageWeekdays"],
        zone=ZoneInfo(one["timeZone"]),
    )
    since = datetime.fromisoformat(one["pausedAt"]) if one["pausedAt"] else now
    return coverage.seconds(since, datetime.fromisoformat(one["dueAt"]))


ROUTES = """
SELECT count(a.id) AS visits,
  coalesce(sum(v.planned_travel_seconds), 0) AS travel_seconds,
  coalesce(sum(extract(epoch FROM a.planned_end - a.planned_start))::bigint, 0) AS work_seconds
FROM unnest({technicians}, {days}) WITH ORDINALITY AS w(technician_id, day, n)
JOIN organization o ON {organization}
CROSS JOIN LATERAL (SELECT coalesce(w.day, ({now} AT TIME ZONE o.time_zone)::date) AS day) d
LEFT JOIN {assignments} a ON {assignment} AND a.technician_id = w.technician_id
  AND a.state IN ('OFFERED', 'ACCEPTED')
  AND a.planned_start >= d.day::timestamp AT TIME ZONE o.time_zone
  AND a.planned_start < (d.day + 1)::timestamp AT TIME ZONE o.time_zone
LEFT JOIN {visits} v ON {visit} AND v.id = a.visit_id
GROUP BY w.n ORDER BY w.n
"""


async def route_summaries(context: Context, inputs: Inputs) -> list[dict[str, Any]]:
    """What each technician has planned on a day of the organization's zone, by one statement."""
    services, viewer, writer = context.services, context.viewer, context.writer()
    people = [ids.decode("tec", one["id"]) for one in inputs]
    days = [one["arguments"].get("day") for one in inputs]
    sql = ROUTES.format(
        technicians=writer.bind("uuid[]", lambda _bindings: people),
        days=writer.bind("date[]", lambda _bindings: days),
        now=writer.now(),
        assignments=writer.source("assignment"),
        visits=writer.source("visit"),
        organization=writer.scope("organization", "o"),
        assignment=writer.scope("assignment", "a"),
        visit=writer.scope("visit", "v"),
    )
    bindings = Bindings(viewer, services.clock.now(), services.secret)
    parameters = [binder(bindings) for binder in writer.binders]
    return [dict(row) for row in await services.reads.rows(writer.statement(sql), parameters, viewer=viewer)]


DERIVED: Mapping[str, Derive] = MappingProxyType(
    {
        "drive": drives,
        "visit_cost": costs.of_visits,
        "work_order_cost": costs.of_orders,
        "download": evidence.downloads,
        "coverage_left": coverage_left,
        "coverage_remaining": coverage_remaining,
        "route_summary": route_summaries,
    }
)
"""By the key that a field's line names; start-up compares both (resolvers/catalogue.py)."""
