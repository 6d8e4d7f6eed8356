"""Fences: the machine that turns a technician's fixes into arrivals and departures, never false ones.

Pure: a machine and fixes in event order give a new machine and its transitions. What it decides hangs
on the fixes alone, not on how they were batched; a silence is decided at the same instant by a later
fix (`advance`) and by the clock (`tick`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from realtime.areas import Area, Fence, areas_of
from realtime.positions import Fix, event_order, metres_between
from realtime.presences import MACHINE_VERSION, FenceEvent, FenceState, Machine, Presence, Transition
from realtime.spells import WALK_METRES_PER_SECOND, Spell, begun

__all__ = ["Fence", "FenceEvent", "FenceState", "Machine", "Step", "Transition", "advance", "replay", "tick"]

USABLE_ACCURACY_METRES = 200.0
TELEPORT_METRES_PER_SECOND = 60.0
APPROACH_SECONDS = 600.0
APPROACH_METRES = 1000.0
INSIDE_AT_LEAST = 0.7
INSIDE_AT_MOST = 0.3  # less than this is outside; between the two nothing is decided
OUTER_SCALE = 1.5
OUTSIDE_AT_MOST = 0.1
ARRIVAL_SILENCE_SECONDS = 60.0
DEPARTURE_HOLD_SECONDS = 60.0
DEPARTURE_SILENCE_SECONDS = 180.0
AWAY_RADII = 5.0  # so many radii off on two fixes: gone without waiting
REOPEN_SECONDS = 600.0


class Step(NamedTuple):
    """The machine after, what it decided, and the fixes that came too late: the caller replays."""

    machine: Machine
    transitions: tuple[Transition, ...] = ()
    late: tuple[Fix, ...] = ()


class _Outcome(NamedTuple):
    presence: Presence
    transition: Transition | None = None


def advance(machine: Machine, fixes: Sequence[Fix], fences: Iterable[Fence]) -> Step:
    """Take fixes in event order. One older than the watermark changes nothing and is handed back."""
    areas = areas_of(fences)
    presences = dict(machine.presences)
    transitions: list[Transition] = []
    late: list[Fix] = []
    for fix in fixes:
        if machine.watermark is not None and fix.at <= machine.watermark:
            if fix.at < machine.watermark:
                late.append(fix)
            continue
        if fix.radius_metres > USABLE_ACCURACY_METRES:
            continue
        before, machine = machine.last, _followed(machine, fix)
        if machine.last is not fix:
            continue
        for area in areas:
            presence = presences.get(area.fence.key, _UNSEEN)
            for outcome in _outcomes(area, presence, before, fix):
                presence = outcome.presence
                if outcome.transition is not None:
                    transitions.append(outcome.transition)
            presences[area.fence.key] = presence
    return Step(replace(machine, presences=presences), tuple(transitions), tuple(late))


def tick(machine: Machine, now: float, fences: Iterable[Fence]) -> Step:
    """Let the clock speak: a silence after the last fix confirms what that fix had begun."""
    if machine.last is None:
        return Step(machine)
    presences = dict(machine.presences)
    transitions: list[Transition] = []
    for area in areas_of(fences):
        presence = presences.get(area.fence.key)
        if presence is None:
            continue
        outcome = _silence(area, presence, machine.last, now)
        presences[area.fence.key] = outcome.presence
        if outcome.transition is not None:
            transitions.append(outcome.transition)
    return Step(replace(machine, presences=presences), tuple(transitions))


def replay(fixes: Iterable[Fix], fences: Iterable[Fence]) -> Step:
    """Run the machine from nothing over stored fixes in any order, doubles included."""
    return advance(Machine(), sorted(fixes, key=event_order), fences)


_UNSEEN = Presence()


def _followed(machine: Machine, fix: Fix) -> Machine:
    """The machine with `fix` as its last, or as its suspect if nothing drives that fast.

    A suspect that the next fix agrees with was true, and what came before it was not.
    """
    if machine.last is None or _reachable(machine.last, fix):
        return replace(machine, watermark=fix.at, last=fix, suspect=None)
    if machine.suspect is not None and _reachable(machine.suspect, fix):
        return replace(machine, watermark=fix.at, last=fix, suspect=None)
    return replace(machine, watermark=fix.at, suspect=fix)


def _reachable(start: Fix, end: Fix) -> bool:
    slack = start.radius_metres + end.radius_metres
    return metres_between(start, end) - slack <= TELEPORT_METRES_PER_SECOND * (end.at - start.at)


def _outcomes(area: Area, presence: Presence, before: Fix | None, fix: Fix) -> tuple[_Outcome, ...]:
    """What the silence up to a fix decides, then what the fix itself decides."""
    if presence.state not in _PENDING or before is None:
        return (_moved(area, presence, fix),)
    silence = _silence(area, presence, before, fix.at)
    return (silence, _moved(area, silence.presence, fix))


_PENDING = frozenset({FenceState.INSIDE_PENDING, FenceState.OUTSIDE_PENDING})


def _silence(area: Area, presence: Presence, last: Fix, now: float) -> _Outcome:
    """Believe a candidate that nothing has contradicted: phones at rest and phones underground are silent.

    An arrival is believed only if the last fix was inside, at rest, and not the only one there.
    """
    spell, quiet = presence.spell, now - last.at
    if presence.state is FenceState.INSIDE_PENDING and spell is not None:
        trusted = spell.still and spell.count > 1 and spell.latest.at == last.at
        if trusted and quiet >= ARRIVAL_SILENCE_SECONDS:
            return _arrived(area, presence, spell, "SILENCE")
    if presence.state is FenceState.OUTSIDE_PENDING and quiet >= DEPARTURE_SILENCE_SECONDS:
        return _departed(area, presence, last, "SILENCE")
    return _Outcome(presence)


def _moved(area: Area, presence: Presence, fix: Fix) -> _Outcome:
    if presence.state is FenceState.INSIDE_PENDING and presence.spell is not None:
        return _entering(area, presence, presence.spell, fix)
    if presence.state in {FenceState.INSIDE, FenceState.OUTSIDE_PENDING}:
        return _leaving(area, presence, fix)
    return _outside(area, presence, fix)


def _outside(area: Area, presence: Presence, fix: Fix) -> _Outcome:
    sight = area.see(fix)
    if area.probability(sight) >= INSIDE_AT_LEAST:
        return _Outcome(replace(presence, state=FenceState.INSIDE_PENDING, spell=begun(fix)))
    if presence.approached or presence.arrivals:
        return _Outcome(presence)
    near = sight.distance_metres <= APPROACH_METRES
    expected = area.fence.expected_arrival
    soon = expected is not None and 0 <= expected - fix.at <= APPROACH_SECONDS
    if soon or (near and presence.near_count):
        after = replace(presence, state=FenceState.APPROACHING, approached=True, passed=False)
        told = _told(area, (presence, after), FenceEvent.APPROACHING, (fix.at, fix.at), _evidence(area, fix))
        return _Outcome(after, told)
    if near != bool(presence.near_count):
        return _Outcome(replace(presence, near_count=int(near)))
    return _Outcome(presence)


def _entering(area: Area, presence: Presence, spell: Spell, fix: Fix) -> _Outcome:
    probability = area.probability(area.see(fix))
    if probability < INSIDE_AT_MOST:
        return _passed(area, presence, spell, fix)
    if probability < INSIDE_AT_LEAST:
        return _Outcome(replace(presence, spell=spell.doubted(fix)))
    spell = spell.extended(fix)
    presence = replace(presence, spell=spell)
    if spell.settled:
        return _arrived(area, presence, spell, "STILL")
    if spell.dwell_seconds >= area.dwell_seconds:
        return _arrived(area, presence, spell, "DWELL")
    return _Outcome(presence)


def _leaving(area: Area, presence: Presence, fix: Fix) -> _Outcome:
    """INSIDE and OUTSIDE_PENDING: one fix well outside begins a departure, a later one may confirm it."""
    sight = area.see(fix)
    presence = _watched(presence, fix, inside=area.probability(sight) >= INSIDE_AT_MOST)
    probability = area.probability(sight, OUTER_SCALE)
    if presence.outside is None:
        if probability > OUTSIDE_AT_MOST:
            return _Outcome(presence)
        return _Outcome(replace(presence, state=FenceState.OUTSIDE_PENDING, outside=fix))
    if probability > INSIDE_AT_MOST:
        return _Outcome(replace(presence, state=FenceState.INSIDE, outside=None))
    if sight.distance_metres - fix.radius_metres > AWAY_RADII * area.fence.radius_metres:
        return _departed(area, presence, fix, "AWAY")
    if probability <= OUTSIDE_AT_MOST and fix.at - presence.outside.at >= DEPARTURE_HOLD_SECONDS:
        return _departed(area, presence, fix, "HELD")
    return _Outcome(presence)


def _watched(presence: Presence, fix: Fix, *, inside: bool) -> Presence:
    """Remember the last fix inside and the first one after it, between which a departure lies."""
    if inside:
        return replace(presence, seen=fix, leaving=None)
    return replace(presence, leaving=fix) if presence.leaving is None else presence


def _passed(area: Area, presence: Presence, spell: Spell, fix: Fix) -> _Outcome:
    """A lone fix inside was an outlier and is not worth a word."""
    if spell.count == 1:
        return _Outcome(replace(presence, state=presence.resting, spell=None))
    after = replace(presence, spell=None, passed=True)
    after = replace(after, state=after.resting)
    evidence = _evidence(area, fix) | {
        "fixes": [spell.entered.to_json(), spell.latest.to_json(), fix.to_json()],
        "dwell_seconds": spell.latest.at - spell.entered.at,
    }
    times = (spell.entered.at, fix.at)
    return _Outcome(after, _told(area, (presence, after), FenceEvent.PASSED, times, evidence))


def _arrived(area: Area, presence: Presence, spell: Spell, rule: str) -> _Outcome:
    """An arrival, or the same one again when the technician was gone for less than 10 minutes."""
    left_at = presence.left_at
    again = left_at is not None and spell.entered.at - left_at <= REOPEN_SECONDS
    rest = spell.entered if rule == "DWELL" or spell.anchor is None else spell.anchor
    number = presence.arrivals + (0 if again else 1)
    after = Presence(FenceState.INSIDE, approached=True, seen=spell.latest, arrivals=number)
    evidence = _evidence(area, spell.latest) | {
        "rule": rule,
        "fixes": [fix.to_json() for fix in dict.fromkeys((spell.entered, rest, spell.latest))],
        "dwell_seconds": spell.latest.at - spell.entered.at,
        "arrival_number": number,
    }
    decided_at = spell.latest.at + (ARRIVAL_SILENCE_SECONDS if rule == "SILENCE" else 0.0)
    event = FenceEvent.REOPENED if again else FenceEvent.ARRIVED
    return _Outcome(after, _told(area, (presence, after), event, (rest.at, decided_at), evidence))


def _departed(area: Area, presence: Presence, fix: Fix, rule: str) -> _Outcome:
    """A departure, dated between the last fix inside and the first outside: when a walker had to go."""
    leaving = presence.leaving or fix
    left_at = leaving.at - area.see(leaving).distance_metres / WALK_METRES_PER_SECOND
    if presence.seen is not None:
        left_at = max(left_at, presence.seen.at)
    after = Presence(FenceState.LEFT, approached=True, left_at=left_at, arrivals=presence.arrivals)
    used = (presence.seen or leaving, leaving, presence.outside or fix, fix)
    evidence = _evidence(area, fix, OUTER_SCALE) | {
        "rule": rule,
        "fixes": [one.to_json() for one in dict.fromkeys(used)],
        "dwell_seconds": fix.at - leaving.at,
    }
    times = (left_at, fix.at + (DEPARTURE_SILENCE_SECONDS if rule == "SILENCE" else 0.0))
    return _Outcome(after, _told(area, (presence, after), FenceEvent.DEPARTED, times, evidence))


def _told(
    area: Area,
    states: tuple[Presence, Presence],
    event: FenceEvent,
    times: tuple[float, float],
    evidence: dict[str, Any],
) -> Transition:
    before, after = states
    return Transition(area.fence.key, event, before.state, after.state, *times, evidence)


def _evidence(area: Area, fix: Fix, scale: float = 1.0) -> dict[str, Any]:
    """What the deciding fix showed, for dispatchers and for replays."""
    sight = area.see(fix)
    return {
        "machine_version": MACHINE_VERSION,
        "fixes": [fix.to_json()],
        "probability": round(area.probability(sight, scale), 4),
        "distance_metres": round(sight.distance_metres, 1),
        "accuracy_metres": fix.radius_metres,
    }
