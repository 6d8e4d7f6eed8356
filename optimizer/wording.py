"""Wording: what was found about a visit and a technician as Reasons, in plain sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimizer.model import LEAST, NEVER, Encoded, Ints, may_serve, starts
from optimizer.plan import Reason, ReasonCode, Relaxation
from optimizer.probing import (
    ABSENT,
    CODE,
    EASED_PRICE,
    FULL,
    MINUTES,
    NO_PART,
    NO_STOP,
    NO_TOOL,
    OFF_SHIFT,
    OTHER,
    OUTSIDE_WINDOW,
    OVERTIME_MINUTES,
    TOO_LONG,
    WAITS,
    WINDOW_MINUTES,
)
from optimizer.problem import Technician, Visit
from optimizer.state import LEFT, State


@dataclass(frozen=True, slots=True)
class Words:
    """The encoded problem, its routes, and which column of the kernels is which part."""

    encoded: Encoded
    state: State
    columns: Mapping[str, int]

    @classmethod
    def of(cls, encoded: Encoded, state: State) -> "Words":
        names = sorted({part for visit in encoded.problem.visits for part in visit.parts})
        return cls(encoded, state, {name: column for column, name in enumerate(names)})

    def found(self, place: int, visit: Visit, row: Ints) -> list[Reason]:
        """What the kernels found for a technician who may be sent but for whom the visit does not fit."""
        technician = self.encoded.problem.technicians[place]
        relaxation = self.relaxation(place, visit, row)
        reason = self._finding(place, visit, code=int(row[CODE]), minutes=int(row[MINUTES]))
        if relaxation is not None:
            text = f"{reason.message} {relieved(relaxation)}"
            reason = Reason(reason.code, text, technician.key, reason.minutes, relaxation)
        if row[OTHER] < 0:
            return [reason]
        other = self.encoded.problem.visits[self.encoded.jobs[int(row[OTHER])][0]]
        return [_displaces(technician, visit, other=other), reason]

    def relaxation(self, place: int, visit: Visit, row: Ints) -> Relaxation | None:
        """What the kernels found to be the cheapest way out; None: there is none."""
        if row[EASED_PRICE] >= NEVER:
            return None
        lacking = self.lacking(place, visit) if row[CODE] in {NO_PART, NO_STOP} else {}
        return Relaxation(
            technician=self.encoded.problem.technicians[place].key,
            price=int(row[EASED_PRICE]),
            window_minutes=int(row[WINDOW_MINUTES]),
            overtime_minutes=int(row[OVERTIME_MINUTES]),
            parts=lacking,
        )

    def lacking(self, place: int, visit: Visit) -> dict[str, int]:
        """Part → pieces that the van lacks for the visit beside all that it serves."""
        found = {}
        for part, count in sorted(visit.parts.items()):
            left = int(self.state.totals[place, LEFT + self.columns[part]])
            if count and count > left:
                found[part] = count - (max(0, left) if self.encoded.problem.depots else left)
        return found

    def _finding(self, place: int, visit: Visit, *, code: int, minutes: int) -> Reason:
        technician = self.encoded.problem.technicians[place]
        who, known = technician.key, minutes if minutes >= 0 else None
        by = "by more than a day" if known is None else f"by {known} minutes"
        if code in {NO_PART, NO_STOP, NO_TOOL}:
            return Reason(ReasonCode.MISSING_PART, self._supply(place, visit, code=code), who)
        kind, text = _TEXTS[code] if code in _TEXTS else _TEXTS[OTHERWISE]
        return Reason(kind, text.format(who=who, by=by, most=technician.most_visits), who, known)

    def _supply(self, place: int, visit: Visit, *, code: int) -> str:
        who = self.encoded.problem.technicians[place]
        lacking = self.lacking(place, visit)
        tools = sorted(visit.tools - who.tools)
        pieces = [*(f"{count} of {part}" for part, count in lacking.items())]
        pieces += [f"the tool {tool}" for tool in tools]
        text = f"The van of {who.key} lacks {' and '.join(pieces)}"
        if code == NO_STOP:
            text += ", and a stop at a depot for it does not fit"
        return text + "." + "".join(f" {self.nearest(place, visit, part, lacking[part])}" for part in lacking)

    def nearest(self, place: int, visit: Visit, part: str, count: int) -> str:
        """Where so many pieces of a part are left, by the travel from there to the visit."""
        problem, model, column = self.encoded.problem, self.encoded.model, self.columns[part]
        to_visit = model.travel[model.rules[LEAST], :, visit.location]
        found: list[tuple[int, str]] = []
        for number in (self.state.totals[:, LEFT + column] >= count).nonzero()[0].tolist():
            if number != place:
                van = problem.technicians[number]
                found.append((int(to_visit[van.start_location]), f"in the van of {van.key}"))
        for number in (self.state.supply[:, column] >= count).nonzero()[0].tolist():
            depot = problem.depots[number]
            found.append((int(to_visit[depot.location]), f"at depot {depot.key}"))
        if not found:
            return f"Nobody else has {count} of {part} left."
        seconds, where = min(found)
        return f"The nearest {part} is {where}, {-(-seconds // 60)} minutes from the visit."


OTHERWISE = -1
_TEXTS = {
    OFF_SHIFT: (ReasonCode.OFF_SHIFT, "Even alone it misses the shift of {who} {by}."),
    ABSENT: (ReasonCode.OFF_SHIFT, "{who} is absent when it could be served."),
    OUTSIDE_WINDOW: (ReasonCode.OUTSIDE_WINDOW, "Even alone {who} would miss the window {by}."),
    TOO_LONG: (ReasonCode.NO_ROOM, "With it the route of {who} would last longer than it may."),
    FULL: (ReasonCode.NO_ROOM, "{who} takes on {most} visits at most, and has them."),
    WAITS: (ReasonCode.WAITS_FOR, "{who} cannot be there in time after or before what it depends on."),
    OTHERWISE: (
        ReasonCode.NO_ROOM,
        "{who} has no room {by}: the shift and the windows of that route would have to end later.",
    ),
}


def relieved(relaxation: Relaxation) -> str:
    """What would have to give, in a sentence."""
    gives = [
        f"the visit started {relaxation.window_minutes} minutes outside its windows",
        f"the route ended {relaxation.overtime_minutes} minutes after its limit",
        *(f"{count} of {part} were brought" for part, count in relaxation.parts.items()),
    ]
    amounts = [relaxation.window_minutes, relaxation.overtime_minutes, *relaxation.parts.values()]
    said = " and ".join(text for text, amount in zip(gives, amounts, strict=True) if amount)
    return f"It would fit if {said}, at a price of {relaxation.price}."


def barred(words: Words, place: int, visit: Visit, *, seat: int = 0) -> list[Reason]:
    """Why a technician may not take that seat of a visit, whatever the times."""
    problem = words.encoded.problem
    technician = problem.technicians[place]
    reasons = list(_unskilled(technician, visit, seat=seat))
    if seat and technician.key in visit.forbidden:
        why = "may not be served by this technician"
    elif seat or (may_serve(technician, visit) and not _outside(words, technician, visit)):
        why = "" if reasons else "has begun with another technician"
    elif technician.key in visit.forbidden:
        why = "may not be served by this technician"
    elif not may_serve(technician, visit):
        why = "is pinned to another technician"
    else:
        why = f"lies in territory {visit.territory}, outside those of this technician"
    if why:
        reasons.append(Reason(ReasonCode.NOT_ALLOWED, f"Visit {visit.key} {why}.", technician.key))
    return reasons


def _outside(words: Words, technician: Technician, visit: Visit) -> bool:
    if words.encoded.problem.policy.outside_territory_price is not None or visit.territory is None:
        return False
    return visit.territory not in technician.territories


def _unskilled(technician: Technician, visit: Visit, *, seat: int) -> Iterator[Reason]:
    skills = visit.skills if seat == 0 else visit.crew[seat - 1]
    for skill, level in sorted(skills.items()):
        have, minutes = technician.skills.get(skill), None
        code, lack = ReasonCode.MISSING_SKILL, f"{technician.key} lacks skill {skill} at level {level}"
        if have is not None and have >= level:
            until = technician.certified_until.get(skill, NEVER)
            if until >= (first := _first_start(technician, visit)):
                continue
            code, minutes = ReasonCode.CERTIFICATION_EXPIRED, -(-(first - until) // 60)
            lack = f"The certification of {technician.key} for {skill} ends {minutes} minutes too early"
        elif have is not None:
            lack += f" (has level {have})"
        elif skill in technician.expired_skills:
            code = ReasonCode.CERTIFICATION_EXPIRED
            lack = f"The certification of {technician.key} for {skill} is not valid on the day"
        yield Reason(code, f"{lack}.", technician.key, minutes)


def _first_start(technician: Technician, visit: Visit) -> int:
    """The visit starts never before it, ways aside: a certificate that ends before is of no use."""
    leave = technician.shift_start if technician.available_from is None else technician.available_from
    opens = min((window.start for window in starts(visit)), default=-NEVER)
    return max(technician.shift_start, leave, opens)


def _displaces(technician: Technician, visit: Visit, *, other: Visit) -> Reason:
    return Reason(
        ReasonCode.WOULD_DISPLACE,
        f"With {technician.key} it would displace visit {other.key} of priority {other.priority}"
        f" (this one has priority {visit.priority}).",
        technician.key,
    )


def dearer(words: Words, technician: str, more: int, *, than: str) -> Reason:
    """That the visit fits there and costs so much more than another place, or less."""
    weight = max(1, words.encoded.problem.policy.travel_weight)
    seconds = abs(more) // weight
    if more < 0:
        text = f"It fits with {technician} and costs {seconds} s of travel less than {than}: search on."
    else:
        text = f"With {technician} it costs {seconds} s of travel more than {than}."
    return Reason(ReasonCode.COSTS_MORE, text, technician, more // weight // 60)
