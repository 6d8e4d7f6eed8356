"""Milestone alerts: clocks that warn or are breached, until they are met or their work order is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain import ids
from domain.viewers import Role, Viewer
from realtime.log import Entry
from resolvers.context import Context, key
from resolvers.following import Feed, Start
from resolvers.visit_scopes import instant
from schema.verbs import Item

MOST = 1_000
"""Alerts of a snapshot."""
PREFIXES = {"customers": "cus", "contracts": "con", "work_orders": "wor"}
COLUMNS = {"customers": "customer_id", "contracts": "contract_id", "work_orders": "work_order_id"}
COLUMNS_OF_WORDS = {"kinds": "kind"}
OVER = frozenset({"WorkOrderClosed", "WorkOrderCancelled"})
OPEN = "w.state NOT IN ('CLOSED', 'CANCELLED')"
ALERTING = "(m.state = 'BREACHED' OR (m.warned_at IS NOT NULL AND m.state IN ('RUNNING', 'PAUSED')))"
FROM = (
    "FROM milestone m JOIN work_order w ON w.organization_id = m.organization_id AND w.id = m.work_order_id"
    " WHERE m.organization_id = $1"
)
ONE = f"SELECT {ALERTING} AND {OPEN} AS is_alert {FROM} AND m.id = $2"


@dataclass(frozen=True, slots=True)
class MilestoneMeasure:
    """What was asked for: of each name one of these values has to be the milestone's."""

    wanted: Mapping[str, frozenset[str]]
    own_customer: str | None

    @classmethod
    def of(cls, viewer: Viewer, scope: Mapping[str, Any]) -> "MilestoneMeasure":
        """Raises BadInput for an id of another type."""
        wanted = {
            name: frozenset(str(key(prefix, one)) for one in scope[name])
            for name, prefix in PREFIXES.items()
            if scope.get(name)
        }
        if scope.get("kinds"):
            wanted["kinds"] = frozenset(map(str, scope["kinds"]))
        return cls(wanted, str(viewer.customer_id) if viewer.role == Role.CUSTOMER else None)

    def wants(self, entry: Entry) -> bool:
        customer = entry.scope_after["customers"][0]
        if self.own_customer is not None and customer != self.own_customer:
            return False
        found = {"customers": customer, "work_orders": entry.scope_after["work_orders"][0]}
        if entry.topic == "milestone":
            found |= {"contracts": entry.payload.get("contract_id"), "kinds": entry.payload["kind"]}
        elif entry.type not in OVER:
            return False
        fits = all(found.get(name) is None or found[name] in wanted for name, wanted in self.wanted.items())
        return fits and (entry.topic != "milestone" or any(_alerting(entry)))

    def conditions(self, parameters: list[object]) -> str:
        """As SQL, behind FROM; its values are added to the parameters."""
        found = [ALERTING]
        for name, values in self.wanted.items():
            parameters.append(sorted(values))
            column, kind = (COLUMNS[name], "uuid") if name in COLUMNS else (COLUMNS_OF_WORDS[name], "text")
            found.append(f"m.{column} = ANY(${len(parameters)}::{kind}[])")
        return " AND ".join(found)


async def milestone_alerts(context: Context, arguments: Mapping[str, Any]) -> Feed:
    """A work order that is over takes all its alerts along: its own fact tells that."""
    measure = MilestoneMeasure.of(context.viewer, arguments.get("scope") or {})
    reads, viewer = context.services.reads, context.viewer

    async def snapshot(start: Start) -> Sequence[Item]:
        parameters: list[object] = [viewer.organization_id]
        sql = f"SELECT m.id {FROM} AND {OPEN} AND {measure.conditions(parameters)}"
        sql += f" ORDER BY m.due_at, m.id LIMIT {MOST + 1}"
        found = [row["id"] for row in await reads.rows(sql, parameters, viewer=viewer)]
        values = {"milestone_ids": found[:MOST], "is_complete": len(found) <= MOST}
        return [Item("MilestoneSnapshot", {"cursor": start.cursor(), **values})]

    async def told(entry: Entry) -> Item | None:
        parameters: list[object] = [viewer.organization_id, entry.subject_id]
        if entry.topic == "work_order":
            sql = f"SELECT m.id {FROM} AND m.work_order_id = $2 AND {measure.conditions(parameters)} LIMIT 1"
            if not await reads.rows(sql, parameters, viewer=viewer):
                return None
            return Item("MilestonesRemoved", {"work_order_id": ids.encode("wor", entry.subject_id)})
        rows = await reads.rows(ONE, parameters, viewer=viewer)
        return Item(entry.type, {**_values(entry), "is_alert": rows[0]["is_alert"]}) if rows else None

    topics = frozenset({"milestone", "work_order"})
    return Feed(topics=topics, wants=measure.wants, snapshot=snapshot, told=told)


def _alerting(entry: Entry) -> tuple[bool, bool]:
    """Whether it was an alert, and is one, as far as the clock itself goes."""
    payload, before = entry.payload, entry.payload.get("before") or {}
    warned = payload.get("warned_at")
    now = _is_alert(payload["state"], warned)
    return _is_alert(before.get("state", payload["state"]), before.get("warned_at", warned)), now


def _is_alert(state: str, warned_at: object) -> bool:
    return state == "BREACHED" or (warned_at is not None and state in {"RUNNING", "PAUSED"})


def _values(entry: Entry) -> dict[str, Any]:
    payload, before = entry.payload, entry.payload.get("before") or {}
    return {
        "milestone_id": entry.subject_id,
        "occurred_at": entry.occurred_at,
        "origin": entry.origin,
        "reason": entry.reason,
        "before_state": before.get("state", payload["state"]),
        "before_due_at": instant(before.get("due_at", payload["due_at"])),
    }
