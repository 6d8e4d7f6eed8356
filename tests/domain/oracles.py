"""Oracle: what the rules of visits must say of rows that were seen, worked out without the verbs."""

from datetime import datetime, timedelta
from uuid import UUID

from domain import visits, work_orders
from tests.domain.ledgers import STANDING, Dump, Fact, moment
from tests.domain.world import World, at


class Oracle:
    """Looks at the last dump of one organization."""

    dump: Dump
    world: World

    def visit(self, number: int) -> Fact:
        rows = self.dump["visit"]
        return rows[number % len(rows)]

    def state(self, visit: Fact) -> str:
        return str(self.dump.by_id("visit")[visit["id"]]["state"])

    def order_of(self, visit: Fact) -> Fact:
        return self.dump.by_id("work_order")[visit["work_order_id"]]

    def waits(self, visit: Fact) -> bool:
        return self.order_of(visit)["state"] not in work_orders.DERIVED

    def is_held(self, visit: Fact) -> bool:
        return str(self.order_of(visit)["state"]) == "ON_HOLD"

    def leader(self, visit: Fact) -> str | None:
        return next((row["technician_id"] for row in self.dump.leads(visit)), None)

    def fits(self, visit: Fact, technician: UUID, start: datetime) -> bool:
        """The lead and all who go along are free then, and what it depends on lets it stand there."""
        end = start + timedelta(hours=1)
        others = [UUID(row["technician_id"]) for row in self.dump.crew(visit) if not row["is_lead"]]
        free = all(self.is_free(one, start, end, but=visit) for one in {technician, *others})
        return free and all(self.lets(row, visit, technician, start) for row in self.dump["visit_dependency"])

    def lets(self, row: Fact, visit: Fact, technician: UUID, start: datetime) -> bool:
        visits_, gap = self.dump.by_id("visit"), timedelta(seconds=row["gap_seconds"])
        if row["successor_id"] == visit["id"]:
            other = visits_[row["predecessor_id"]]
            if other["state"] == "CANCELLED":
                return True
            if row["kind"] == "SAME_TECHNICIAN":
                return self.leader(other) in {None, str(technician)}
            over = other["ended_at"] or other["arrived_at"]
            finish = over if other["state"] in visits.FINAL else other["planned_end"]
            return finish is not None and start >= moment(finish) + gap
        if row["predecessor_id"] == visit["id"]:
            other = visits_[row["successor_id"]]
            if other["state"] not in STANDING:
                return True
            if row["kind"] == "SAME_TECHNICIAN":
                return self.leader(other) == str(technician)
            return start + timedelta(hours=1) + gap <= moment(other["planned_start"])
        return True

    def may_begin(self, visit: Fact) -> bool:
        for row in self.dump.where("visit_dependency", successor_id=visit["id"], kind="FINISH_START"):
            other = self.dump.by_id("visit")[row["predecessor_id"]]
            over = other["ended_at"] or other["arrived_at"]
            if other["state"] == "CANCELLED":
                continue
            if other["state"] not in visits.FINAL:
                return False
            if self.world.now < moment(over) + timedelta(seconds=row["gap_seconds"]):
                return False
        return True

    def is_awaited(self, visit: Fact) -> bool:
        """Whether something stands in the schedule that waits for its end."""
        rows = self.dump.where("visit_dependency", predecessor_id=visit["id"], kind="FINISH_START")
        return any(self.dump.by_id("visit")[row["successor_id"]]["state"] in STANDING for row in rows)

    def is_busy(self, technician: str, *, but: Fact) -> bool:
        """On the way to another visit, or at work on it: it goes with the lead, others by their own word."""
        for row in self.dump.where("assignment", technician_id=technician, state="ACCEPTED"):
            visit = self.dump.by_id("visit")[row["visit_id"]]
            if visit["id"] == but["id"]:
                continue
            if row["is_lead"] and visit["state"] in {"EN_ROUTE", "IN_PROGRESS"}:
                return True
            if row["is_lead"] or visit["state"] not in {"DISPATCHED", *visits.UNDER_WAY}:
                continue
            if row["en_route_at"] and not row["arrived_at"]:
                return True
            if row["started_at"] and visit["state"] == "IN_PROGRESS":
                return True
        return False

    def is_away(self, own: Fact) -> bool:
        """Absent at this instant: from an absence's start, and before its end."""
        absences = self.dump.where("absence", technician_id=own["technician_id"])
        return any(moment(row["starts_at"]) <= self.world.now < moment(row["ends_at"]) for row in absences)

    def part(self, visit: Fact, technician: UUID | None) -> Fact | None:
        """The assignment of whoever acts: a technician's own, the lead's for the office."""
        crew = self.dump.crew(visit)
        if technician is None:
            return next((row for row in crew if row["is_lead"]), None)
        return next((row for row in crew if row["technician_id"] == str(technician)), None)

    def is_free(self, technician: UUID, start: datetime, end: datetime, *, but: Fact) -> bool:
        """On shift, not absent, on no other visit."""
        taken = [
            (moment(row["planned_start"]), moment(row["planned_end"]))
            for row in self.dump.where("assignment", technician_id=str(technician), occupies=True)
            if row["visit_id"] != but["id"]
        ]
        taken += [
            (moment(row["starts_at"]), moment(row["ends_at"]))
            for row in self.dump.where("absence", technician_id=str(technician))
        ]
        on_shift = at(8) <= start and end <= at(16)
        return on_shift and not any(start < others_end and begin < end for begin, others_end in taken)

    def may_come(self, visit: Fact, own: Fact) -> bool:
        told = visit["state"] in {"DISPATCHED", *visits.UNDER_WAY}
        return told and own["state"] == "ACCEPTED" and own["arrived_at"] is None
