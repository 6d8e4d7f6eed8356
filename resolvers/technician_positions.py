"""Technicians' positions: state, of which only the latest counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import ids
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from schema.verbs import Item

MOST = 1_000
"""Technicians of a snapshot."""
KEYS = {"technicians": "tec", "territories": "ter"}
COLUMNS = {"technicians": "t.id", "territories": "t.territory_id"}
COMES_OR_GOES = frozenset({"TechnicianCreated", "TechnicianRestored", "TechnicianArchived"})
THERE = "FROM technician t WHERE t.organization_id = $1 AND t.archived_at IS NULL"
HERE = f"SELECT 1 {THERE} AND t.id = $2::uuid"


@dataclass(frozen=True, slots=True)
class TechnicianMeasure:
    """What was asked for: of each name of scope keys one of these has to be the technician's."""

    wanted: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "TechnicianMeasure":
        """Raises BadInput for an id of another type."""
        return cls(
            {
                name: frozenset(str(key(prefix, one)) for one in scope[name])
                for name, prefix in KEYS.items()
                if scope.get(name)
            }
        )

    def holds(self, keys: Mapping[str, Any]) -> bool:
        return not any(wanted.isdisjoint(keys[name]) for name, wanted in self.wanted.items())

    def wants(self, entry: Entry) -> bool:
        was, now = self.holds(entry.scope_before), self.holds(entry.scope_after)
        if entry.topic == "position":
            return now
        return was != now or (now and entry.type in COMES_OR_GOES)

    def conditions(self, parameters: list[object]) -> str:
        """As SQL; its values are added to the parameters."""
        found = ""
        for name, values in self.wanted.items():
            parameters.append(sorted(values))
            found += f" AND {COLUMNS[name]} = ANY(${len(parameters)}::uuid[])"
        return found

    async def technicians(self, context: Context) -> tuple[list[UUID], bool]:
        """The ids of those who are there, and whether these are all."""
        parameters: list[object] = [context.viewer.organization_id]
        sql = f"SELECT t.id {THERE}{self.conditions(parameters)} ORDER BY t.id LIMIT {MOST + 1}"
        rows = await context.services.reads.rows(sql, parameters, viewer=context.viewer)
        return [row["id"] for row in rows[:MOST]], len(rows) <= MOST


async def technician_positions(context: Context, arguments: Mapping[str, Any]) -> Feed:
    measure = TechnicianMeasure.of(arguments.get("scope") or {})

    async def here(technician: str) -> bool:
        # As they are now: what a fact says may be older.
        parameters: list[object] = [context.viewer.organization_id, technician]
        sql = f"{HERE}{measure.conditions(parameters)}"
        return bool(await context.services.reads.rows(sql, parameters, viewer=context.viewer))

    async def snapshot(start: Start) -> Sequence[Item]:
        found, is_complete = await measure.technicians(start.context)
        values = {"cursor": start.cursor(), "technician_ids": found, "is_complete": is_complete}
        return [Item("TechnicianSnapshot", values)]

    async def told(entry: Entry) -> Item:
        technician = _technician(entry)
        if (entry.topic == "technician" or measure.wanted) and not await here(technician):
            return Item("TechnicianRemoved", {"technician_id": ids.encode("tec", UUID(technician))})
        values = {"technician_id": UUID(technician), "occurred_at": entry.occurred_at}
        return Item("TechnicianMoved", values)

    return Feed(
        topics=frozenset({"position", "technician"}),
        wants=measure.wants,
        snapshot=snapshot,
        told=told,
        conflate=lambda entry: _technician(entry) if entry.topic == "position" else None,
    )


def _technician(entry: Entry) -> str:
    return str(entry.scope_after["technicians"][0])
