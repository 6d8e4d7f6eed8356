"""Scheduling: absences, and the stream of a day's changes, measured by scope before and after each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain import ids, scheduling
from domain.unit_of_work import UnitOfWork
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from resolvers.visit_scopes import VisitMeasure, instant, uuid
from schema.scheduling import CreateAbsenceInput
from schema.verbs import Item

KINDS = frozenset({"VisitCreated", "VisitScheduled", "VisitRescheduled", "VisitUnscheduled"})
PROGRESSED = "VisitProgressed"


async def create_absence(work: UnitOfWork, given: CreateAbsenceInput, _context: Context) -> Mapping[str, Any]:
    period = (given.starts_at, given.ends_at)
    absence, changed = await scheduling.absent(
        work, key("tec", given.technician), period, reason=given.reason
    )
    return {"absence_id": absence.id, "released": len(changed)}


async def schedule_changes(context: Context, arguments: Mapping[str, Any]) -> Feed:
    """Facts about visits in the scope before or after; one that leaves the scope is told as removed."""
    measure = await VisitMeasure.of(context, arguments.get("scope") or {})
    return feed(context, measure, "ScheduleSnapshot", lambda name: name if name in KINDS else PROGRESSED)


def feed(context: Context, measure: VisitMeasure, snapshot: str, kind: Callable[[str], str]) -> Feed:
    """What follows the visits of a scope: `snapshot` and `kind` of an event name the types of its items."""

    async def begin(start: Start) -> Sequence[Item]:
        visits: list[UUID] = []
        is_complete = True
        if start.asked & {"visits", "isComplete"}:
            visits, is_complete = await measure.visits(start.context)
        values = {"cursor": start.cursor(), "visit_ids": visits, "is_complete": is_complete}
        return [Item(snapshot, values)]

    async def told(entry: Entry) -> Item:
        if not await measure.holds_now(context, entry.subject_id):
            return Item("VisitRemoved", {"visit_id": ids.encode("vis", entry.subject_id)})
        return Item(kind(entry.type), _values(entry))

    return Feed(
        topics=frozenset({"visit"}),
        wants=lambda entry: measure.holds_after(entry) or measure.holds_before(entry),
        snapshot=begin,
        told=told,
    )


def _values(entry: Entry) -> dict[str, Any]:
    before = entry.payload.get("before") or {}
    is_new = entry.type == "VisitCreated"
    # Facts that leave the plan as it is do not say how it was.
    start = before.get("planned_start", entry.scope_before["start"])
    technician = before.get("technician_id", next(iter(entry.scope_before["technicians"]), None))
    return {
        "type": entry.type,
        "visit_id": entry.subject_id,
        "technician_id": uuid(entry.payload.get("technician_id")),
        "occurred_at": entry.occurred_at,
        "origin": entry.origin,
        "actor": entry.actor,
        "reason": entry.reason,
        "before_state": None if is_new else before.get("state", entry.payload.get("state")),
        "before_planned_start": None if is_new else instant(start),
        "before_planned_end": instant(before.get("planned_end")),
        "before_technician_id": None if is_new else uuid(technician),
    }
