"""What the database holds of one organization's work, and what must be true of it at any time."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from domain import visits, work_orders

TABLES = {
    "visit": "id",
    "assignment": "id",
    "work_order": "id",
    "work_type": "id",
    "reservation": "id",
    "stock_level": "id",
    "stock_movement": "id",
    "arrival": "id",
    "absence": "id",
    "visit_dependency": "id",
    "substatus": "id",
    "attachment": "id",
    "visit_cost": "id",
    "event": "xid, n",
}
DUMP = "SELECT json_build_object({})::text".format(
    ", ".join(
        f"'{table}', (SELECT coalesce(json_agg(r ORDER BY {order}), '[]') FROM {table} r"
        " WHERE organization_id = $1)"
        for table, order in TABLES.items()
    )
)
TIMES = ("en_route_at", "arrived_at", "started_at", "ended_at", "work_since")
STANDING = ("SCHEDULED", "DISPATCHED")
HELD = ("SCHEDULED", "DISPATCHED", *sorted(visits.UNDER_WAY))
Fact = dict[str, Any]


@dataclass(frozen=True)
class Dump:
    """Every row of the tables that a visit's verbs may write."""

    tables: dict[str, list[Fact]]

    @classmethod
    def of(cls, text: str) -> "Dump":
        return cls(json.loads(text))

    def __getitem__(self, table: str) -> list[Fact]:
        return self.tables[table]

    def by_id(self, table: str) -> dict[str, Fact]:
        return {row["id"]: row for row in self[table]}

    def where(self, table: str, **equal: object) -> list[Fact]:
        return [row for row in self[table] if all(row[name] == value for name, value in equal.items())]

    def leads(self, visit: Fact) -> list[Fact]:
        rows = self.where("assignment", visit_id=visit["id"], is_lead=True)
        return [row for row in rows if row["state"] in {"OFFERED", "ACCEPTED"}]

    def crew(self, visit: Fact) -> list[Fact]:
        """Who goes there, the lead first."""
        rows = [row for row in self.where("assignment", visit_id=visit["id"]) if row["state"] in visits.LIVE]
        return sorted(rows, key=lambda row: (not row["is_lead"], row["id"]))

    def holds(self, visit: Fact) -> list[Fact]:
        rows = self.where("reservation", visit_id=visit["id"])
        return [row for row in rows if row["state"] in {"HELD", "PICKED"}]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def broken(dump: Dump) -> Iterator[str]:
    """Whatever is not as it must be, in words; nothing when all is well."""
    yield from _stock(dump)
    yield from _orders(dump)
    for visit in dump["visit"]:
        yield from (f"visit {visit['id']} ({visit['state']}): {fault}" for fault in _visit(dump, visit))
    yield from _bookings(dump["assignment"])
    yield from _dependencies(dump)
    yield from _log(dump["event"])


def _stock(dump: Dump) -> Iterator[str]:
    moved: Counter[tuple[str, str]] = Counter()
    for row in dump["stock_movement"]:
        moved[row["stock_location_id"], row["part_id"]] += row["quantity"]
    held: Counter[tuple[str, str]] = Counter()
    for row in dump["reservation"]:
        if row["state"] in {"HELD", "PICKED"}:
            held[row["stock_location_id"], row["part_id"]] += row["quantity"]
    for level in dump["stock_level"]:
        key = level["stock_location_id"], level["part_id"]
        if not 0 <= level["reserved"] <= level["on_hand"]:
            yield f"reserved {level['reserved']} of {level['on_hand']}"
        if level["on_hand"] != moved.pop(key, 0):
            yield f"on hand {level['on_hand']} is not what the ledger says"
        if level["reserved"] != held.pop(key, 0):
            yield f"reserved {level['reserved']} is not the sum of the open reservations"
        if level["available"] != level["on_hand"] - level["reserved"]:
            yield "available is not what is free"
    yield from (f"{key} has no level" for key in (*moved, *held))


def _orders(dump: Dump) -> Iterator[str]:
    for order in dump["work_order"]:
        states = [visit["state"] for visit in dump.where("visit", work_order_id=order["id"])]
        wanted = work_orders.derived_state(states)
        if order["state"] in work_orders.DERIVED and order["state"] != wanted:
            yield f"work order is {order['state']} with visits {states}"


def _visit(dump: Dump, visit: Fact) -> Iterator[str]:
    state = visit["state"]
    yield from _assignments(dump, visit)
    if dump.holds(visit) and state not in HELD:
        yield "parts are still held"
    plan = [visit[name] for name in ("planned_start", "planned_end", "pin", "en_route_at")]
    if state == "UNSCHEDULED" and any(plan):
        yield f"it keeps {plan}"
    arrivals = [row["occurred_at"] for row in dump.where("arrival", visit_id=visit["id"])]
    if arrivals != [at for at in [visit["arrived_at"]] if at]:
        yield f"arrived at {visit['arrived_at']}, but {arrivals}"
    if (state in {"ARRIVED", "IN_PROGRESS", "PAUSED", "COMPLETED", "NO_ACCESS"}) > bool(arrivals):
        yield "no arrival shows that somebody is there"
    if (visit["pin"] == "BOTH") < (state in {"DISPATCHED", "EN_ROUTE"}):
        yield f"what is dispatched is pinned: {visit['pin']}"
    if (visit["ended_at"] is not None) != (state in visits.FINAL - {"CANCELLED"}):
        yield f"ended at {visit['ended_at']}"
    yield from _proved(dump, visit)
    if (visit["work_since"] is not None) != (state == "IN_PROGRESS"):
        yield f"its labour clock runs since {visit['work_since']}"


def _proved(dump: Dump, visit: Fact) -> Iterator[str]:
    """What has ended has its cost, once, and shows what its type of work asks for."""
    ended = visit["state"] in visits.ENDED
    costs = dump.where("visit_cost", visit_id=visit["id"])
    if len(costs) != ended:
        yield f"{len(costs)} costs"
    shown = {row["kind"] for row in dump.where("attachment", visit_id=visit["id"])}
    order = dump.by_id("work_order")[visit["work_order_id"]]
    kind = dump.by_id("work_type")[order["work_type_id"]]
    if visit["state"] == "COMPLETED" and kind["signature_required"] and "SIGNATURE" not in shown:
        yield "nobody signed"
    if visit["state"] == "NO_ACCESS" and kind["no_access_photo_required"] and "PHOTO" not in shown:
        yield "no photo of the door"
    worked = [row["worked_seconds"] for row in dump.where("assignment", visit_id=visit["id"])]
    if max(worked, default=0) > visit["worked_seconds"]:
        yield f"{worked} of {visit['worked_seconds']} seconds"


def _assignments(dump: Dump, visit: Fact) -> Iterator[str]:
    """Somebody leads it, one and only one, as long as it is to happen; their time is taken as planned."""
    leads, held = dump.leads(visit), visit["state"] in HELD
    if len(leads) > 1:
        yield f"{len(leads)} assignments lead"
    if bool(leads) != held and visit["state"] not in {"COMPLETED", "INCOMPLETE", "NO_ACCESS"}:
        yield f"{len(leads)} assignments lead"
    for row in dump.where("assignment", visit_id=visit["id"]):
        live = row["state"] in visits.LIVE
        if row["occupies"] != (held and live):
            yield f"an assignment that is {row['state']} occupies: {row['occupies']}"
        if live and row["state"] == "OFFERED" and visit["state"] in visits.FINAL:
            yield "what is over is still offered"
        if row in leads and [row[name] for name in TIMES] != [visit[name] for name in TIMES]:
            yield "the lead's own times are not the visit's"
        if row["is_lead"] and row["state"] == "OFFERED" and visit["state"] != "SCHEDULED":
            yield "who leads it has not accepted"
        if (
            live
            and held
            and (row["planned_start"], row["planned_end"])
            != (
                visit["planned_start"],
                visit["planned_end"],
            )
        ):
            yield "planned otherwise than assigned"


def _dependencies(dump: Dump) -> Iterator[str]:
    """Who waits stands behind what stands before, and has not begun before that has ended."""
    found, words = dump.by_id("visit"), dump.by_id("substatus")
    for row in dump.where("visit_dependency", kind="FINISH_START"):
        first, second = found[row["predecessor_id"]], found[row["successor_id"]]
        gap, both = timedelta(seconds=row["gap_seconds"]), {first["state"], second["state"]}
        if both <= set(STANDING) and moment(first["planned_end"]) + gap > moment(second["planned_start"]):
            yield f"visit {second['id']} stands before what it waits for"
        if second["started_at"] is not None and first["state"] not in visits.FINAL:
            yield f"visit {second['id']} has begun before {first['id']} ended"
    for visit in dump["visit"]:
        if visit["substatus_id"] and words[visit["substatus_id"]]["visit_state"] != visit["state"]:
            yield f"visit {visit['id']} keeps a substatus of another state"


def _bookings(assignments: Iterable[Fact]) -> Iterator[str]:
    booked = defaultdict(list)
    for row in assignments:
        if row["occupies"]:
            booked[row["technician_id"]].append((moment(row["planned_start"]), moment(row["planned_end"])))
    for times in booked.values():
        if any(later[0] < earlier[1] for earlier, later in pairwise(sorted(times))):
            yield "a technician is booked twice"


def _log(events: Iterable[Fact]) -> Iterator[str]:
    for xid, rows in groupby(events, key=lambda row: row["xid"]):
        numbers = [row["n"] for row in rows]
        if numbers != list(range(len(numbers))):
            yield f"events {numbers} of transaction {xid}"


def steps_between(before: Dump, after: Dump) -> set[tuple[str, str]]:
    was = before.by_id("visit")
    steps = ((was[visit["id"]]["state"], visit["state"]) for visit in after["visit"] if visit["id"] in was)
    return {step for step in steps if step[0] != step[1]}


def missteps(before: Dump, after: Dump) -> Iterator[str]:
    """What a change did that no change may do: an illegal step, one that nobody is told, a version kept."""
    yield from (f"an illegal step {step}" for step in steps_between(before, after) - visits.TRANSITIONS)
    yield from _telling(before, after)
    for table in set(TABLES) - {"event"}:
        kept = before.by_id(table)
        for key, row in after.by_id(table).items():
            if key in kept and (row != kept[key]) != (row["version"] > kept[key]["version"]):
                yield f"{table} went from {kept[key]} to {row}"


def _telling(before: Dump, after: Dump) -> Iterator[str]:
    """A visit that is in another state has an event, which says in which it was and its version now."""
    old, known = before["event"], before.by_id("visit")
    if after["event"][: len(old)] != old:
        yield "the log was rewritten"
    told = defaultdict(list)
    for event in after["event"][len(old) :]:
        told[event["subject_id"]].append(event)
    for visit in after["visit"]:
        events = told[visit["id"]]
        was = known.get(visit["id"], {"state": None})["state"]
        if was != visit["state"] and [event["payload"]["before"].get("state") for event in events] != [was]:
            yield f"{visit['id']} went from {was} to {visit['state']} with {events}"
        if events and events[-1]["subject_version"] != visit["version"]:
            yield f"{events[-1]['type']} is about version {events[-1]['subject_version']}"
