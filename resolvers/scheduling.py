"""Scheduling: absences, and the stream of a day's changes, measured by scope before and after each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain import ids, scheduling
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD, Viewer
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from schema.scheduling import CreateAbsenceInput
from schema.verbs import Item

KINDS = {
    "VisitCreated": "VisitCreated",
    "VisitScheduled": "VisitScheduled",
    "VisitRescheduled": "VisitRescheduled",
    "VisitUnscheduled": "VisitUnscheduled",
}
PROGRESSED = "VisitProgressed"
ZONE = "SELECT time_zone FROM organization WHERE id = $1"

Inside = Callable[[Mapping[str, Any]], bool]


async def create_absence(work: UnitOfWork, given: CreateAbsenceInput, _context: Context) -> Mapping[str, Any]:
    period = (given.starts_at, given.ends_at)
    absence, changed = await scheduling.absent(
        work, key("tec", given.technician), period, reason=given.reason
    )
    return {"absence_id": absence.id, "released": len(changed)}


async def schedule_changes(context: Context, arguments: Mapping[str, Any]) -> Feed:
    """Facts about visits in the scope before or after; one that leaves the scope is told as removed."""
    found = await context.services.reads.rows(ZONE, (context.viewer.organization_id,), viewer=context.viewer)
    inside = scope_of(arguments.get("scope") or {}, ZoneInfo(found[0]["time_zone"]), context.viewer)

    def wants(entry: Entry) -> bool:
        return inside(entry.scope_before) or inside(entry.scope_after)

    async def snapshot(start: Start) -> Sequence[Item]:
        return [Item("ScheduleSnapshot", {"cursor": start.cursor()})]

    async def told(entry: Entry) -> Item:
        if not inside(entry.scope_after):
            return Item("VisitRemoved", {"visit_id": ids.encode("vis", entry.subject_id)})
        return Item(KINDS.get(entry.type, PROGRESSED), _values(entry))

    return Feed(topics=frozenset({"visit"}), wants=wants, snapshot=snapshot, told=told)


def _values(entry: Entry) -> dict[str, Any]:
    before = entry.payload.get("before") or {}
    return {
        "visit_id": entry.subject_id,
        "technician_id": _uuid(entry.payload.get("technician_id")),
        "occurred_at": entry.occurred_at,
        "origin": entry.origin,
        "actor": entry.actor,
        "reason": entry.reason,
        "before_state": before.get("state"),
        "before_planned_start": _instant(before.get("planned_start")),
        "before_planned_end": _instant(before.get("planned_end")),
        "before_technician_id": _uuid(before.get("technician_id")),
    }


def scope_of(scope: Mapping[str, Any], zone: ZoneInfo, viewer: Viewer) -> Inside:
    """Whether scope keys lie in what was asked for and in what the viewer may see. Raises BadInput."""
    technicians = {str(key("tec", one)) for one in scope.get("technicians") or ()}
    territories = {str(key("ter", one)) for one in scope.get("territories") or ()}
    day: date | None = scope.get("day")
    own = str(viewer.technician_id) if viewer.role in FIELD else None

    def inside(keys: Mapping[str, Any]) -> bool:
        if own is not None and own not in keys["technicians"]:
            return False
        if technicians and technicians.isdisjoint(keys["technicians"]):
            return False
        if territories and territories.isdisjoint(keys["territories"]):
            return False
        start = _instant(keys.get("start"))
        return day is None or start is None or start.astimezone(zone).date() == day

    return inside


def _uuid(text: object) -> UUID | None:
    return UUID(str(text)) if text else None


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
