"""Visit scopes: which visits a stream is about, decided on facts before and after, and read by SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.errors import BadInput
from domain.viewers import FIELD, Role, Viewer
from domain.visits import FINAL, LIVE, VisitState
from realtime.log import Entry
from resolvers.context import Context, key

MOST = 1_000
"""Visits of a snapshot."""
ZONE = "SELECT time_zone FROM organization WHERE id = $1"
KEYS = {"customers": "cus", "technicians": "tec", "territories": "ter", "visits": "vis", "work_orders": "wor"}
COLUMNS = {
    "customers": "v.customer_id",
    "territories": "v.territory_id",
    "visits": "v.id",
    "work_orders": "v.work_order_id",
}
ASSIGNED = (
    "v.id IN (SELECT a.visit_id FROM assignment a WHERE a.organization_id = v.organization_id"
    " AND a.technician_id = ANY({0}::uuid[]) AND a.state = ANY({1}::text[]))"
)
ON_DAY = (
    "((v.planned_start >= {0}::timestamptz AND v.planned_start < {1}::timestamptz)"
    " OR (v.planned_start IS NULL AND v.state = 'UNSCHEDULED'))"
)
UNTIMED = (
    "((v.planned_start >= {0}::timestamptz AND v.planned_start < {1}::timestamptz)"
    " OR v.planned_start IS NULL)"
)
"""Of a visit that is told: in the pool, or called off there."""


@dataclass(frozen=True, slots=True)
class VisitMeasure:
    """What was asked for, and what of it the viewer may see: the same for all that share their rights."""

    keys: Mapping[str, frozenset[str]]
    """By a name of scope keys: one of these has to be among them."""
    states: frozenset[str]
    day: date | None
    zone: tzinfo
    """Of the organization, where a day was asked for."""
    own: tuple[str, str] | None
    """Where a role sees its own visits only: the name of scope keys, and what has to be among them."""

    @classmethod
    async def of(cls, context: Context, scope: Mapping[str, Any]) -> "VisitMeasure":
        """Raises BadInput for an id of another type, or for a CUSTOMER who asks for the plan."""
        viewer = context.viewer
        if viewer.role == Role.CUSTOMER and scope.get("day") is not None:
            raise BadInput("The plan is not for CUSTOMER: leave `day` out.")
        keys = {
            name: frozenset(str(key(prefix, one)) for one in scope[name])
            for name, prefix in KEYS.items()
            if scope.get(name)
        }
        states = frozenset(str(state) for state in scope.get("states") or ())
        day = scope.get("day")
        zone = UTC if day is None else await _zone(context)
        return cls(keys=keys, states=states, day=day, zone=zone, own=own_of(viewer))

    def holds_before(self, entry: Entry) -> bool:
        state = (entry.payload.get("before") or {}).get("state")
        return self._holds(entry.scope_before, state or entry.payload.get("state"))

    def holds_after(self, entry: Entry) -> bool:
        return self._holds(entry.scope_after, entry.payload.get("state"))

    def _holds(self, found: Mapping[str, Any], state: str | None) -> bool:
        if self.own is not None and self.own[1] not in found[self.own[0]]:
            return False
        if any(wanted.isdisjoint(found[name]) for name, wanted in self.keys.items()):
            return False
        # An event of an earlier release does not say the state: it is told, the visit says where it stands.
        if self.states and state is not None and state not in self.states:
            return False
        start = instant(found.get("start"))
        return self.day is None or start is None or start.astimezone(self.zone).date() == self.day

    @property
    def is_narrow(self) -> bool:
        """Whether a visit can leave it."""
        return bool(self.keys.keys() - {"visits", "work_orders", "customers"} or self.states or self.day)

    async def holds_now(self, context: Context, visit_id: UUID) -> bool:
        """Whether a visit is in it, as the viewer sees it. What a fact says may be older than that.

        Two changes of one visit may be told in the other order: a transaction has its number when it first
        writes, maybe before it waits for the visit.
        """
        if not self.is_narrow and (self.own is None or self.own[0] == "customers"):
            return True
        parameters: list[object] = [context.viewer.organization_id, visit_id]
        where = ["v.organization_id = $1", "v.id = $2", *self._conditions(parameters, UNTIMED)]
        sql = f"SELECT 1 FROM visit v WHERE {' AND '.join(where)}"
        return bool(await context.services.reads.rows(sql, parameters, viewer=context.viewer))

    async def visits(self, context: Context) -> tuple[list[UUID], bool]:
        """The ids of the visits there are, and whether these are all; as far as the viewer sees them."""
        parameters: list[object] = [context.viewer.organization_id]
        where = ["v.organization_id = $1", *self._conditions(parameters, ON_DAY)]
        if not (self.states or self.day or self.keys.keys() & {"visits", "work_orders"}):
            # By what they may be, not by what they may not: an index leads there past all that is over.
            parameters.append(sorted(set(VisitState) - FINAL))
            where.append(f"v.state = ANY(${len(parameters)}::text[])")
        sql = f"SELECT v.id FROM visit v WHERE {' AND '.join(where)}"
        sql += f" ORDER BY v.planned_start, v.id LIMIT {MOST + 1}"
        rows = await context.services.reads.rows(sql, parameters, viewer=context.viewer)
        return [row["id"] for row in rows[:MOST]], len(rows) <= MOST

    def _conditions(self, parameters: list[object], on_day: str) -> Sequence[str]:
        found = []

        def bind(value: object) -> str:
            parameters.append(value)
            return f"${len(parameters)}"

        for name, wanted in self.keys.items():
            place = bind(sorted(wanted))
            if name == "technicians":
                found.append(ASSIGNED.format(place, bind(list(LIVE))))
            else:
                found.append(f"{COLUMNS[name]} = ANY({place}::uuid[])")
        if self.states:
            found.append(f"v.state = ANY({bind(sorted(self.states))}::text[])")
        if self.day is not None:
            found.append(on_day.format(bind(self._midnight(0)), bind(self._midnight(1))))
        return found

    def _midnight(self, days: int) -> datetime:
        day = (self.day or date.min) + timedelta(days=days)
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


async def _zone(context: Context) -> ZoneInfo:
    viewer = context.viewer
    rows = await context.services.reads.rows(ZONE, (viewer.organization_id,), viewer=viewer)
    return ZoneInfo(rows[0]["time_zone"])


def own_of(viewer: Viewer) -> tuple[str, str] | None:
    """By which scope key a fact is a viewer's own; None for who sees every visit of the organization."""
    if viewer.role in FIELD:
        return "technicians", str(viewer.technician_id)
    return ("customers", str(viewer.customer_id)) if viewer.role == Role.CUSTOMER else None


def instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def uuid(text: object) -> UUID | None:
    return UUID(str(text)) if text else None
