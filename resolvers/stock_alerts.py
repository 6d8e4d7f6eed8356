"""Stock alerts: what the shelves with reorder rules have come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain import ids
from domain.stock.alerts import state_of
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from resolvers.visit_scopes import uuid
from schema.verbs import Item

MOST = 1_000
"""Alerts of a snapshot."""
KINDS = {"StockRanLow": "StockLow", "StockRanOut": "StockOut", "StockReplenished": "StockReplenished"}
KEYS = {"locations": ("stock_location_id", "stl"), "parts": ("part_id", "prt")}
WATCHED = (
    "SELECT r.id AS reorder_rule_id, l.id AS stock_level_id, r.stock_location_id, r.part_id, r.minimum,"
    " coalesce(l.available, 0) AS available"
    " FROM reorder_rule r LEFT JOIN stock_level l ON l.organization_id = r.organization_id"
    " AND l.stock_location_id = r.stock_location_id AND l.part_id = r.part_id"
    " WHERE r.organization_id = $1 AND r.is_active"
)
SHORT = f"{WATCHED} AND (coalesce(l.available, 0) <= 0 OR l.available <= r.minimum)"
ONE = f"{WATCHED} AND r.id = $2"
KINDS_OF_STATES = {"OUT": "StockOut", "LOW": "StockLow"}


@dataclass(frozen=True, slots=True)
class StockMeasure:
    """What was asked for, by column: one of these has to be the shelf's."""

    wanted: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "StockMeasure":
        """Raises BadInput for an id of another type."""
        return cls(
            {
                column: frozenset(str(key(prefix, one)) for one in scope[name])
                for name, (column, prefix) in KEYS.items()
                if scope.get(name)
            }
        )

    def wants(self, entry: Entry) -> bool:
        return all(entry.payload[column] in wanted for column, wanted in self.wanted.items())

    async def shortages(self, context: Context) -> tuple[list[dict[str, Any]], bool]:
        """What is low or out now, and whether that is all."""
        parameters: list[object] = [context.viewer.organization_id]
        sql = SHORT
        for column, values in self.wanted.items():
            parameters.append(sorted(values))
            sql += f" AND r.{column} = ANY(${len(parameters)}::uuid[])"
        sql += f" ORDER BY coalesce(l.available, 0) > 0, r.id LIMIT {MOST + 1}"
        rows = await context.services.reads.rows(sql, parameters, viewer=context.viewer)
        found = [{**row, "state": state_of(row["available"], row["minimum"])} for row in rows[:MOST]]
        return found, len(rows) <= MOST


async def stock_alerts(context: Context, arguments: Mapping[str, Any]) -> Feed:
    measure = StockMeasure.of(arguments.get("scope") or {})

    async def snapshot(start: Start) -> Sequence[Item]:
        shortages, is_complete = await measure.shortages(start.context)
        values = {"cursor": start.cursor(), "shortages": shortages, "is_complete": is_complete}
        return [Item("StockSnapshot", values)]

    async def told(entry: Entry) -> Item:
        """What a fact says may be older than what is now: only what no rule watches is removed."""
        parameters = (context.viewer.organization_id, entry.subject_id)
        rows = await context.services.reads.rows(ONE, parameters, viewer=context.viewer)
        now = state_of(rows[0]["available"], rows[0]["minimum"]) if rows else None
        kind = KINDS.get(entry.type) or KINDS_OF_STATES.get(str(now))
        if kind is None:
            return Item("StockAlertRemoved", {"reorder_rule_id": ids.encode("ror", entry.subject_id)})
        current = {f"now_{name}": rows[0][name] for name in ("available", "minimum")} if rows else {}
        return Item(kind, {**_values(entry), **current, "now_state": now})

    return Feed(topics=frozenset({"stock_alert"}), wants=measure.wants, snapshot=snapshot, told=told)


def _values(entry: Entry) -> dict[str, Any]:
    payload, before = entry.payload, entry.payload.get("before") or {}
    return {
        "reorder_rule_id": entry.subject_id,
        "stock_level_id": uuid(payload["stock_level_id"]),
        "stock_location_id": uuid(payload["stock_location_id"]),
        "part_id": uuid(payload["part_id"]),
        "state": payload["state"] or before["state"],
        "available": payload["available"],
        "minimum": payload["minimum"],
        "occurred_at": entry.occurred_at,
        "origin": entry.origin,
        "reason": entry.reason,
        "before_state": before["state"],
        "before_available": before["available"],
        "before_minimum": before["minimum"],
    }
