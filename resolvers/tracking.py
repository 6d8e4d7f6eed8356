"""Tracking: positions that come in, links that go out, and what the holder of a link may watch."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain import ids, tracking
from domain.errors import BadInput, Forbidden, Invalid, NotFound
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD, OFFICE, Role, Viewer
from domain.visits import FINAL
from realtime import arrivals, etas
from realtime.log import Entry, Place
from realtime.positions import Fix
from realtime.presences import Machine
from resolvers.context import Context, key, named
from resolvers.following import Feed, Start, on_behalf
from schema.steps import WithdrawArrivalInput
from schema.tracking import CreateTrackingLinkInput, ReportPositionsInput, RevokeTrackingLinkInput
from schema.verbs import Item
from schema.visits import RecordArrivalInput

USUAL_LINK = timedelta(days=30)
POSITION_PAUSE = timedelta(seconds=10)
CELL_METRES = 1_000.0
DEGREE_METRES = 111_195.0
TOLD = frozenset({"VisitArrived", "EtaChanged", "PositionChanged"})
NEARING = frozenset({"APPROACHING", "INSIDE_PENDING", "INSIDE"})
STATE = """
SELECT v.state, v.version, e.earliest, e.expected, e.latest, e.basis, e.as_of, a.technician_id,
    p.longitude, p.latitude, p.accuracy_metres, p.at, p.machine, v.customer_id, arr.occurred_at,
    (SELECT count(*)::int FROM assignment b
      JOIN visit w ON w.organization_id = b.organization_id AND w.id = b.visit_id
      WHERE b.organization_id = v.organization_id AND b.technician_id = a.technician_id AND b.occupies
        AND b.planned_start < a.planned_start AND b.planned_start > a.planned_start - interval '1 day'
        AND w.state NOT IN ('COMPLETED', 'INCOMPLETE', 'NO_ACCESS', 'CANCELLED')) AS stops_before
FROM visit v
LEFT JOIN assignment a ON a.organization_id = v.organization_id AND a.visit_id = v.id AND a.is_lead
    AND a.state IN ('OFFERED', 'ACCEPTED')
LEFT JOIN eta e ON e.organization_id = v.organization_id AND e.visit_id = v.id
LEFT JOIN arrival arr ON arr.organization_id = v.organization_id AND arr.visit_id = v.id
LEFT JOIN position_current p ON p.organization_id = v.organization_id AND p.technician_id = a.technician_id
WHERE v.organization_id = $1 AND v.id = $2
"""


async def report_positions(
    work: UnitOfWork, given: ReportPositionsInput, context: Context
) -> Mapping[str, Any]:
    """A technician reports their own; a gateway or the office names the technician."""
    viewer = context.viewer
    asked = named("tec", given.technician)
    if viewer.role in FIELD and asked not in {None, viewer.technician_id}:
        raise NotFound("No Technician has that id.", "technician")
    technician_id = viewer.technician_id if viewer.role in FIELD else asked
    if technician_id is None:
        raise Invalid("Say whose positions these are.", "technician")
    for number, one in enumerate(given.positions):
        if (one.accuracy_metres or 0) < 0 or (one.speed_metres_per_second or 0) < 0:
            raise Invalid("Accuracy and speed are not negative.", "positions", str(number))
    fixes = [
        Fix(
            at=one.at.timestamp(),
            longitude=one.point[0],  # type: ignore[index]  # the scalar gives (longitude, latitude)
            latitude=one.point[1],  # type: ignore[index]  # as above
            accuracy_metres=one.accuracy_metres,
            speed_metres_per_second=one.speed_metres_per_second,
            sequence=one.sequence,
        )
        for one in given.positions
    ]
    report = await arrivals.report(work, technician_id, fixes, seconds=context.services.roads.seconds)
    refused = [{"reason": reason, "count": count} for reason, count in sorted(report.refused.items())]
    return {
        "technician_id": technician_id,
        "accepted": report.accepted,
        "refused": refused,
        "arrived_visit_id": report.arrived[0] if report.arrived else None,
    }


async def record_arrival(work: UnitOfWork, given: RecordArrivalInput, _context: Context) -> Mapping[str, Any]:
    visit = await tracking.record_arrival(
        work,
        key("vis", given.visit),
        occurred_at=given.occurred_at,
        technician_id=named("tec", given.technician),
    )
    return {"visit_id": visit.id}


async def withdraw_arrival(
    work: UnitOfWork, given: WithdrawArrivalInput, context: Context
) -> Mapping[str, Any]:
    visit = await tracking.withdraw_arrival(
        work, key("vis", given.visit), reason=given.reason, expected_version=given.expected_version
    )
    await etas.refresh(work, visit, seconds=context.services.roads.seconds)
    return {"visit_id": visit.id}


async def create_tracking_link(
    work: UnitOfWork, given: CreateTrackingLinkInput, context: Context
) -> Mapping[str, Any]:
    services = context.services
    now = services.real_now()
    secret, digest = services.new_secret("trk_")
    link = await tracking.create_link(
        work,
        key("vis", given.visit),
        digest=digest,
        expires_at=given.expires_at or now + USUAL_LINK,
        real_now=now,
    )
    return {"tracking_link_id": link.id, "token": secret, "url": f"{services.base_url}/track/{secret}"}


async def revoke_tracking_link(
    work: UnitOfWork, given: RevokeTrackingLinkInput, context: Context
) -> Mapping[str, Any]:
    link = await tracking.revoke_link(
        work, key("trk", given.tracking_link), real_now=context.services.real_now()
    )
    return {"tracking_link_id": link.id}


async def visit_tracking(context: Context, arguments: Mapping[str, Any]) -> Feed:
    """Each item is the whole of what the watcher may know at that moment."""
    watching = await Watching.of(context, arguments.get("visit"))

    async def snapshot(start: Start) -> Sequence[Item]:
        values = await watching.values()
        return [Item("VisitTrackingSnapshot", {**values, "cursor": start.cursor()}, is_last=watching.over)]

    return Feed(
        topics=frozenset({"visit", "tracking"}),
        wants=lambda entry: str(watching.visit_id) in entry.scope_after["visits"],
        snapshot=snapshot,
        told=watching.told,
        conflate=lambda entry: entry.type if entry.topic == "tracking" else None,
    )


class Watching:
    """One watcher of one visit, and how exactly they may see it (REALTIME, Privacy)."""

    def __init__(self, context: Context, visit_id: UUID) -> None:
        self.context = context
        self.visit_id = visit_id
        self.over = False
        self._told_at: datetime | None = None
        self._shown: tuple[Any, ...] = ()
        self._asked: Place | None = None
        self._before: tuple[datetime | None, tuple[Any, ...]] = (None, ())

    @classmethod
    async def of(cls, context: Context, text: str | None) -> "Watching":
        """The token's own visit, or the one that somebody else names. Raises Forbidden or BadInput."""
        viewer = context.viewer
        named = ids.decode("vis", text) if text else None
        if viewer.role == Role.TRACKING:
            if named not in {None, viewer.visit_id} or viewer.visit_id is None:
                raise Forbidden("A tracking link opens one visit only.")
            return cls(context, viewer.visit_id)
        if named is None:
            raise BadInput("Say which visit.")
        rows = await context.services.reads.rows("SELECT 1 FROM visit WHERE id = $1", (named,), viewer=viewer)
        if not rows:
            raise BadInput("No Visit has that id.")
        return cls(context, named)

    async def told(self, entry: Entry) -> Item | None:
        """None for a position that comes too soon, or shows nothing new; the same again for the same fact."""
        if entry.place == self._asked:  # what was made of it came nowhere: the database went away
            self._told_at, self._shown = self._before
        self._asked, self._before = entry.place, (self._told_at, self._shown)
        named = "VisitStateChanged" if entry.topic == "visit" else "PositionChanged"
        kind = entry.type if entry.type in TOLD else named
        if kind == "PositionChanged" and not self._may_tell(entry.occurred_at):
            return None
        values = await self.values()
        if kind == "PositionChanged" and not self._moved(values) and not self.over:
            return None
        return Item(kind, values, is_last=self.over)

    def _may_tell(self, at: datetime) -> bool:
        """Positions at most every 10 seconds of business time."""
        if self._told_at is not None and at - self._told_at < POSITION_PAUSE:
            return False
        self._told_at = at
        return True

    def _moved(self, values: Mapping[str, Any]) -> bool:
        """Whether a position item shows anything new: within one cell it does not."""
        shown = (values.get("position_longitude"), values.get("position_latitude"))
        changed = shown != self._shown and shown[0] is not None
        self._shown = shown
        return changed

    async def values(self) -> dict[str, Any]:
        """What the watcher may know now."""
        viewer = self.context.viewer
        rows = await self.context.services.reads.rows(
            STATE, (viewer.organization_id, self.visit_id), viewer=on_behalf(viewer, "fieldgraph:tracking")
        )
        if not rows:
            raise BadInput("No Visit has that id.")
        row = rows[0]
        self.over = row["state"] in FINAL
        values = {"visit_id": self.visit_id, "state": row["state"], "occurred_at": row["occurred_at"]}
        if row["state"] in {"EN_ROUTE", "ARRIVED"} or viewer.role in OFFICE:
            values |= self._live(row, viewer)
        return values

    def _live(self, row: Any, viewer: Viewer) -> dict[str, Any]:
        stops = row["stops_before"]
        found: dict[str, Any] = {"stops_before": stops}
        if row["state"] == "EN_ROUTE" and row["expected"] is not None:
            found |= {
                "eta_earliest": _minute(row["earliest"], timedelta()),
                "eta_expected": _minute(row["expected"], timedelta(seconds=30)),
                "eta_latest": _minute(row["latest"], timedelta(seconds=59, microseconds=999_999)),
                "eta_basis": row["basis"],
                "eta_as_of": row["as_of"],
            }
        if row["longitude"] is None or (stops and viewer.role not in OFFICE):
            return found
        exact = viewer.role in OFFICE or row["state"] == "ARRIVED" or self._near(row["machine"])
        place = (row["longitude"], row["latitude"])
        longitude, latitude = place if exact else cell(*place)
        return found | {
            "position_longitude": longitude,
            "position_latitude": latitude,
            "position_accuracy_metres": row["accuracy_metres"] if exact else CELL_METRES,
            "position_at": row["at"],
        }

    def _near(self, machine: bytes | None) -> bool:
        if machine is None:
            return False
        return Machine.from_json(orjson.loads(machine)).presence(str(self.visit_id)).state in NEARING


def cell(longitude: float, latitude: float) -> tuple[float, float]:
    """The middle of the 1 km cell that holds a place; the same for all places in it."""
    step = CELL_METRES / DEGREE_METRES
    row = math.floor(latitude / step)
    middle = (row + 0.5) * step
    width = step / max(0.01, math.cos(math.radians(middle)))
    return round((math.floor(longitude / width) + 0.5) * width, 6), round(middle, 6)


def _minute(instant: datetime, upward: timedelta) -> datetime:
    """Whole minutes for customers; the interval is rounded outward."""
    return (instant + upward).replace(second=0, microsecond=0)
