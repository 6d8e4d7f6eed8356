"""The steps beside a visit's usual course, for the machine that takes the verbs in any order."""

from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import rule

from domain import scheduling, tracking, visits
from domain.scheduling import Move
from domain.visits import AttachmentKind, IncompleteReason, Pin
from tests.domain.ledgers import moment
from tests.domain.machines import HALF_HOURS, SOME_VISIT, SOMEONE, Days, Verb
from tests.domain.world import at

TURNS = {
    "recall": {"DISPATCHED"},
    "call_off": {"SCHEDULED"},
    "pin": {"SCHEDULED"},
    "unpin": {"SCHEDULED"},
    "stop_travel": {"EN_ROUTE"},
    "pause": {"IN_PROGRESS"},
    "resume": {"PAUSED"},
    "mark_incomplete": {"IN_PROGRESS", "PAUSED"},
    "mark_no_access": {"ARRIVED"},
    "withdraw_arrival": {"ARRIVED"},
    "create_follow_up": {"COMPLETED", "INCOMPLETE", "NO_ACCESS"},
}
"""In which states a verb is a visit's next."""


class Detours(Days):
    """Any verb on any of the visits of a day, after some of its usual steps."""

    @rule(number=SOME_VISIT, who=SOMEONE, name=some.sampled_from(sorted(TURNS)))
    def turn_aside(self, number: int, who: int, name: str) -> None:
        """Mostly in its turn, so that chance comes to every step."""
        for _ in range(5):
            if self.visit(number)["state"] in TURNS[name] | {"IN_PROGRESS"}:
                break
            self.go_on(number, who, 1)
        if name == "resume":
            self.detour(number, "pause")
        self.detour(number, name)

    def detour(self, number: int, name: str) -> None:
        """Done in its turn, by whoever leads the visit or by the office; refused in any other state."""
        visit, before = self.visit(number), self.dump
        key, leader = UUID(visit["id"]), self.leader(visit)
        kept = name == "call_off" and (visit["pin"] is not None or self.is_awaited(visit))
        rests = {row["state"] for row in before.where("visit", follow_up_of_id=visit["id"])}
        kept |= name == "create_follow_up" and (
            not rests <= visits.FINAL or self.order_of(visit)["state"] in {"CLOSED", "CANCELLED"}
        )
        kept |= name == "resume" and self.is_busy(leader or "", but=visit)
        by_field = name in {"stop_travel", "pause", "resume", "mark_incomplete", "mark_no_access"}
        photo = self.evidence(AttachmentKind.PHOTO, UUID(leader) if leader else None) if number % 2 else None
        if name == "mark_no_access" and photo is None:
            kept |= not self.is_shown(visit, "no_access_photo_required", "PHOTO")
        verbs: dict[str, Verb] = {
            "recall": lambda work: visits.recall(work, key, reason="The part has not come"),
            "call_off": lambda work: visits.unschedule(work, key, reason="No hurry"),
            "pin": lambda work: visits.pin(work, key, pin=list(Pin)[number % 3]),
            "unpin": lambda work: visits.unpin(work, key),
            "stop_travel": lambda work: visits.stop_travel(work, key, reason="Snow"),
            "pause": lambda work: visits.pause(work, key, reason="Lunch"),
            "resume": lambda work: visits.resume(work, key),
            "mark_incomplete": lambda work: visits.mark_incomplete(work, key, reason=IncompleteReason.PARTS),
            "mark_no_access": lambda work: visits.mark_no_access(
                work, key, reason="The door is shut", photo=photo
            ),
            "withdraw_arrival": lambda work: tracking.withdraw_arrival(work, key, reason="The wrong door"),
            "create_follow_up": lambda work: visits.create_follow_up(work, key),
        }
        self.attempt(
            verbs[name],
            allowed=visit["state"] in TURNS[name] and not kept,
            technician=UUID(leader) if by_field and leader else None,
        )
        follow_ups = [row["follow_up_of_id"] for row in self.dump["visit"][len(before["visit"]) :]]
        wanted = name in {"mark_incomplete", "create_follow_up"} and visit["state"] in TURNS[name]
        assert follow_ups == ([visit["id"]] if wanted and not kept else [])

    @rule(number=SOME_VISIT, who=some.none() | SOMEONE, hour=some.none() | HALF_HOURS)
    def reschedule(self, number: int, who: int | None, hour: float | None) -> None:
        """As `schedule` with what is left out filled in, but only what is on somebody's day."""
        visit = self.visit(number)
        lead = self.leader(visit)
        technician = None if who is None else self.crew[who]
        start = None if hour is None else at(hour)
        allowed = visit["state"] == "SCHEDULED" and lead is not None
        if allowed:
            planned = moment(visit["planned_start"])
            person, begin = technician or UUID(lead), start or planned
            moved = (str(person) != lead, begin != planned)
            held = {"TECHNICIAN": moved[0], "TIME": moved[1], "BOTH": any(moved), None: False}
            allowed = self.fits(visit, person, begin) and not held[visit["pin"]]
        self.attempt(
            lambda work: scheduling.reschedule(
                work, UUID(visit["id"]), Move(technician_id=technician, start=start)
            ),
            allowed=allowed,
        )
