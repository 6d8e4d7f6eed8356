"""Work order changes: facts in the scope before or after, as far as the viewer may see the order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from domain import ids
from domain.viewers import FIELD, Role, Viewer
from domain.work_orders import OPEN
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from resolvers.visit_scopes import instant
from schema.verbs import Item

MOST = 1_000
"""Work orders of a snapshot."""
KEYS = {"customers": "cus", "sites": "sit", "work_orders": "wor"}
COLUMNS = {
    "customers": "o.customer_id = ANY({0}::uuid[])",
    "sites": "o.site_id = ANY({0}::uuid[])",
    "work_orders": "o.id = ANY({0}::uuid[])",
    "numbers": "o.number = ANY({0}::text[])",
    "states": "o.state = ANY({0}::text[])",
}
NAMED = frozenset(
    {
        "WorkOrderCreated",
        "WorkOrderApproved",
        "WorkOrderHeld",
        "WorkOrderReleased",
        "WorkOrderCancelled",
        "WorkOrderClosed",
    }
)
CHANGED, ASSIGNED = "WorkOrderChanged", "WorkOrderAssigned"
ONE = "SELECT id, customer_id, site_id, number, state FROM work_order WHERE id = $1"


@dataclass(frozen=True, slots=True)
class WorkOrderMeasure:
    """What was asked for: of each name one of these values has to be the order's."""

    wanted: Mapping[str, frozenset[str]]
    own_customer: str | None

    @classmethod
    def of(cls, viewer: Viewer, scope: Mapping[str, Any]) -> "WorkOrderMeasure":
        """Raises BadInput for an id of another type."""
        wanted = {
            name: frozenset(str(key(KEYS[name], one) if name in KEYS else one) for one in scope[name])
            for name in COLUMNS
            if scope.get(name)
        }
        return cls(wanted, str(viewer.customer_id) if viewer.role == Role.CUSTOMER else None)

    def holds(self, entry: Entry, state: object) -> bool:
        """Whether an order was or is in the scope, standing so."""
        keys, payload = entry.scope_after, entry.payload
        found = {
            "customers": keys["customers"][0],
            "sites": payload.get("site_id"),
            "work_orders": str(entry.subject_id),
            "numbers": payload.get("number"),
            "states": state,
        }
        return self.fits(found)

    def fits(self, found: Mapping[str, Any]) -> bool:
        if self.own_customer is not None and found["customers"] != self.own_customer:
            return False
        # An event of an earlier release does not say all of it: what is not said fits.
        return all(found[name] is None or str(found[name]) in wanted for name, wanted in self.wanted.items())

    def fits_row(self, row: asyncpg.Record) -> bool:
        found = {
            "customers": str(row["customer_id"]),
            "sites": row["site_id"],
            "work_orders": row["id"],
            "numbers": row["number"],
            "states": row["state"],
        }
        return self.fits(found)

    async def rows(self, context: Context) -> tuple[list[UUID], bool]:
        """The ids of the orders there are, and whether these are all; as far as the viewer sees them."""
        parameters: list[object] = [context.viewer.organization_id]
        where = ["o.organization_id = $1"]
        wanted = dict(self.wanted)
        if not wanted.keys() & {"states", "work_orders", "numbers"}:
            wanted["states"] = frozenset(map(str, OPEN))
        for name, values in wanted.items():
            parameters.append(sorted(values))
            where.append(COLUMNS[name].format(f"${len(parameters)}"))
        sql = f"SELECT o.id FROM work_order o WHERE {' AND '.join(where)}"
        sql += f" ORDER BY o.created_at DESC, o.id DESC LIMIT {MOST + 1}"
        found = await context.services.reads.rows(sql, parameters, viewer=context.viewer)
        return [row["id"] for row in found[:MOST]], len(found) <= MOST


async def work_order_changes(context: Context, arguments: Mapping[str, Any]) -> Feed:
    """To a technician visits tell which orders come in sight and go: an order's facts name no technician."""
    measure = WorkOrderMeasure.of(context.viewer, arguments.get("scope") or {})
    if context.viewer.role in FIELD:
        return Sight(context, measure).feed()

    async def told(entry: Entry) -> Item:
        if "states" in measure.wanted:  # the rest of it stays; a fact may be older than what is now
            rows = await context.services.reads.rows(ONE, (entry.subject_id,), viewer=context.viewer)
            if not rows or not measure.fits_row(rows[0]):
                return removed(entry.subject_id)
        return Item(entry.type if entry.type in NAMED else CHANGED, _values(entry))

    return Feed(
        topics=frozenset({"work_order"}),
        wants=lambda entry: _was_or_is(measure, entry),
        snapshot=lambda start: _snapshot(measure, start),
        told=told,
    )


class Sight:
    """The work orders of a technician, which are those of their visits: whatever is told is looked up."""

    def __init__(self, context: Context, measure: WorkOrderMeasure) -> None:
        self.context = context
        self.measure = measure
        self.technician = str(context.viewer.technician_id)

    def feed(self) -> Feed:
        return Feed(
            topics=frozenset({"work_order", "visit"}),
            wants=self._wants,
            snapshot=lambda start: _snapshot(self.measure, start),
            told=self._told,
        )

    def _wants(self, entry: Entry) -> bool:
        if entry.topic == "work_order":
            return _was_or_is(self.measure, entry)
        had, has = (
            self.technician in keys["technicians"] for keys in (entry.scope_before, entry.scope_after)
        )
        return had != has or (has and entry.type == "VisitCreated")

    async def _told(self, entry: Entry) -> Item | None:
        order = entry.subject_id if entry.topic == "work_order" else UUID(entry.scope_after["work_orders"][0])
        rows = await self.context.services.reads.rows(ONE, (order,), viewer=self.context.viewer)
        if rows and self.measure.fits_row(rows[0]):
            if entry.topic == "work_order":
                return Item(entry.type if entry.type in NAMED else CHANGED, _values(entry))
            gained = self.technician in entry.scope_after["technicians"]
            return Item(ASSIGNED, {**_values(entry), "work_order_id": order}) if gained else None
        lost = entry.topic == "visit" and self.technician in entry.scope_before["technicians"]
        return removed(order) if lost or (rows and entry.topic == "work_order") else None


def removed(key: UUID) -> Item:
    return Item("WorkOrderRemoved", {"work_order_id": ids.encode("wor", key)})


def _was_or_is(measure: WorkOrderMeasure, entry: Entry) -> bool:
    state = entry.payload.get("state")
    before = (entry.payload.get("before") or {}).get("state", state)
    return measure.holds(entry, state) or measure.holds(entry, before)


async def _snapshot(measure: WorkOrderMeasure, start: Start) -> Sequence[Item]:
    orders, is_complete = await measure.rows(start.context)
    values = {"cursor": start.cursor(), "work_order_ids": orders, "is_complete": is_complete}
    return [Item("WorkOrderSnapshot", values)]


def _values(entry: Entry) -> dict[str, Any]:
    before, state = entry.payload.get("before") or {}, entry.payload.get("state")
    known = entry.topic == "work_order" and entry.type != "WorkOrderCreated"
    return {
        "type": entry.type,
        "work_order_id": entry.subject_id,
        "occurred_at": entry.occurred_at,
        "origin": entry.origin,
        "actor": entry.actor,
        "reason": entry.reason,
        "before_state": before.get("state", state) if known else None,
        "before_priority": before.get("priority"),
        "before_title": before.get("title"),
        "before_due_at": instant(before.get("due_at")),
    }
