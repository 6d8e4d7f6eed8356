"""Staffing: verbs about technicians and their hours that reach the visits they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select

from domain import inputs, technicians, visits
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.technicians import Absence, Shift, ShiftPattern, Technician, patterns
from domain.unit_of_work import UnitOfWork
from domain.visits import FINAL, UNDER_WAY, Assignment, AssignmentState, Visit

LONGEST = timedelta(hours=24)
SHIFT: Mapping[str, Check] = {
    "starts_at": inputs.given,
    "ends_at": inputs.given,
    "break_earliest": lambda value: value,
    "break_latest": lambda value: value,
    "break_seconds": lambda value: value or 0,
}
"""What may be said of a shift, by column."""
HELD = (AssignmentState.OFFERED, AssignmentState.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A time in which a technician no longer works, but for what is left of it."""

    technician_id: UUID
    period: tuple[datetime, datetime]
    left: tuple[datetime, datetime] | None = None

    def holds(self, at: datetime) -> bool:
        """Whether they worked at this instant, and no longer do."""
        stays = self.left is not None and self.left[0] <= at < self.left[1]
        return self.period[0] <= at < self.period[1] and not stays


async def archive(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Technician:
    """Kept, but given nothing any more. Raises InvalidTransition while they hold a visit that is not over."""
    technician = await work.get(Technician, key, "technician")
    inputs.check_version(technician, expected_version)
    if technician.archived_at is not None:
        raise InvalidTransition(f"{technician.name} is archived already.", "technician")
    statement = _held(key).where(col(Visit.state).not_in(FINAL)).limit(1)
    if (await work.session.exec(statement)).first() is not None:
        raise InvalidTransition(f"{technician.name} still has visits: give them to others.", "technician")
    technician.archived_at = work.at
    await work.session.flush()
    technicians.announce(work, technician, "TechnicianArchived")
    return technician


async def restore(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Technician:
    """Back in use. Raises InvalidTransition for one who is."""
    technician = await work.get(Technician, key, "technician")
    inputs.check_version(technician, expected_version)
    if technician.archived_at is None:
        raise InvalidTransition(f"{technician.name} is not archived.", "technician")
    technician.archived_at = None
    await work.session.flush()
    technicians.announce(work, technician, "TechnicianRestored")
    return technician


async def create_shift(work: UnitOfWork, technician_id: UUID, values: Mapping[str, Any]) -> Shift:
    """Working time by hand. Raises NotFound, Invalid, or Conflict where another shift stands."""
    technician = await technicians.in_use(work, technician_id, "technician")
    shift = Shift(technician_id=technician.id, **inputs.checked(values, SHIFT))
    await _check(work, shift)
    work.add(shift)
    await work.session.flush()
    _announce(work, shift, "ShiftCreated")
    return shift


async def update_shift(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> tuple[Shift, list[Visit]]:
    """Other times; the visits that lay in the shift and do not any more go back to the pool, pins lifted.

    Raises as `create_shift`, or InvalidTransition for a shift that is over, or with work under way in what
    it loses: who drops out in the midst of their work is absent (`scheduling.absent`).
    """
    shift = await _open(work, key, expected_version)
    period, scope = (shift.starts_at, shift.ends_at), shift.scope()
    with work.session.no_autoflush:
        before = inputs.write(shift, inputs.checked(values, SHIFT))
        await _check(work, shift)
    if not before:
        return shift, []
    await work.session.flush()
    left = (shift.starts_at, shift.ends_at)
    lost = Lost(technician_id=shift.technician_id, period=period, left=left)
    changed = await _give_back(work, lost, reason="The shift was changed.")
    _announce(work, shift, "ShiftChanged", before, scope_before=scope)
    return shift, changed


async def cancel_shift(
    work: UnitOfWork, key: UUID, *, expected_version: int | None = None
) -> tuple[Shift, list[Visit]]:
    """No working time any more; what was planned in it goes back to the pool. Raises as `update_shift`.

    The row goes; a pattern does not make it again, because it makes each day once.
    """
    shift = await _open(work, key, expected_version)
    return shift, await _cancel(work, shift)


async def end_pattern(
    work: UnitOfWork, key: UUID, last_day: date, *, expected_version: int | None = None
) -> tuple[ShiftPattern, list[Visit]]:
    """The pattern's last day; its shifts after it that have not begun are cancelled as by `cancel_shift`."""
    found = await work.find(ShiftPattern, key, "shiftPattern")
    await work.get(Technician, found.technician_id, "shiftPattern")
    pattern = await work.get(ShiftPattern, key, "shiftPattern")
    inputs.check_version(pattern, expected_version)
    if last_day < pattern.valid_from:
        raise Invalid("A pattern ends on its first day or later.", "lastDay")
    if pattern.valid_until is not None and last_day > pattern.valid_until:
        raise Invalid(f"The pattern ends on {pattern.valid_until}; begin another.", "lastDay")
    statement = select(Shift).where(
        col(Shift.shift_pattern_id) == key, col(Shift.day) > last_day, col(Shift.starts_at) > work.at
    )
    shifts = (await work.session.exec(statement.order_by(col(Shift.starts_at)).with_for_update())).all()
    changed = [visit for shift in shifts for visit in await _cancel(work, shift)]
    if pattern.valid_until != last_day:
        pattern.valid_until = last_day
        await work.session.flush()
        patterns.announce(work, pattern, "ShiftPatternEnded", {"valid_until": last_day})
    return pattern, changed


async def cancel_absence(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Absence:
    """They are there after all: an absence that has begun ends now, another goes.

    What went back to the pool stays there, for whoever plans. Raises NotFound, Conflict or InvalidTransition.
    """
    found = await work.find(Absence, key, "absence")
    await work.get(Technician, found.technician_id, "absence")
    absence = await work.get(Absence, key, "absence")
    inputs.check_version(absence, expected_version)
    if absence.ends_at <= work.at:
        raise InvalidTransition("This absence is over.", "absence")
    before = {"ends_at": absence.ends_at}
    if absence.starts_at < work.at:
        absence.ends_at = work.at
    else:
        await work.session.delete(absence)
    await work.session.flush()
    scope = Scope(technicians=(absence.technician_id,), start=absence.starts_at)
    work.emit(
        Event(
            type="AbsenceCancelled",
            topic="absence",
            subject=absence,
            before=before,
            scope_before=scope,
            scope_after=scope,
        )
    )
    return absence


async def _open(work: UnitOfWork, key: UUID, expected_version: int | None) -> Shift:
    """The technician is locked first, as by whoever gives them something."""
    found = await work.find(Shift, key, "shift")
    await work.get(Technician, found.technician_id, "shift")
    shift = await work.get(Shift, key, "shift")
    inputs.check_version(shift, expected_version)
    if shift.ends_at <= work.at:
        raise InvalidTransition("A shift that is over stays as it was.", "shift")
    return shift


async def _cancel(work: UnitOfWork, shift: Shift) -> list[Visit]:
    lost = Lost(technician_id=shift.technician_id, period=(shift.starts_at, shift.ends_at))
    changed = await _give_back(work, lost, reason="The shift was cancelled.")
    await work.session.delete(shift)
    await work.session.flush()
    _announce(work, shift, "ShiftCancelled", {"starts_at": shift.starts_at, "ends_at": shift.ends_at})
    return changed


async def _check(work: UnitOfWork, shift: Shift) -> None:
    if not shift.starts_at < shift.ends_at <= shift.starts_at + LONGEST:
        raise Invalid("A shift ends after its start, within 24 hours.", "endsAt")
    if shift.ends_at <= work.at:
        raise Invalid("A shift is not of the past.", "endsAt")
    earliest, latest, length = shift.break_earliest, shift.break_latest, shift.break_seconds
    if len({earliest is None, latest is None, length == 0}) > 1:
        raise Invalid("A break has its earliest and latest start and its length.", "breakEarliest")
    if earliest is not None and latest is not None:
        end = latest + timedelta(seconds=length)
        if length < 0 or not shift.starts_at <= earliest <= latest or end > shift.ends_at:
            raise Invalid("A break starts and ends within its shift.", "breakEarliest")
    others = select(Shift.id).where(
        col(Shift.technician_id) == shift.technician_id,
        col(Shift.id) != shift.id,
        col(Shift.starts_at) < shift.ends_at,
        col(Shift.ends_at) > shift.starts_at,
    )
    if (await work.session.exec(others.limit(1))).first() is not None:
        raise Conflict("Another shift of theirs stands at that time.", "startsAt")


async def _give_back(work: UnitOfWork, lost: Lost, *, reason: str) -> list[Visit]:
    """The visits that lay in the time and do not lie in what is left. Raises InvalidTransition.

    Where the time of now is lost, what they have in hand too, whenever it was planned.
    """
    lay = _within(lost.period)
    if lost.left is not None:
        lay &= ~_within(lost.left)
    if lost.holds(work.at):
        lay |= visits.in_hand(work.at)
    statement = _held(lost.technician_id).where(col(Assignment.occupies), col(Visit.state).not_in(FINAL), lay)
    locked = statement.order_by(col(Visit.id)).with_for_update(of=Visit, key_share=True)
    found = (await work.session.exec(locked)).all()
    if any(visit.state in UNDER_WAY for visit in found):
        raise InvalidTransition("Work is under way in that time: say that they are absent.", "shift")
    said = work.reason
    for visit in found:
        await visits.do_without(work, visit, lost.technician_id, reason=reason)
    work.reason = said
    return list(found)


def _within(period: tuple[datetime, datetime]) -> ColumnElement[bool]:
    return and_(col(Assignment.planned_start) >= period[0], col(Assignment.planned_end) <= period[1])


def _held(technician_id: UUID) -> Any:
    """The visits that are given to somebody, over or not."""
    same = (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id)
    return (
        select(Visit)
        .join(Assignment, same)
        .where(Assignment.technician_id == technician_id, col(Assignment.state).in_(HELD))
    )


def _announce(
    work: UnitOfWork,
    shift: Shift,
    type: str,
    before: Mapping[str, Any] | None = None,
    *,
    scope_before: Scope | None = None,
) -> None:
    scope = shift.scope()
    work.emit(
        Event(
            type=type,
            topic="shift",
            subject=shift,
            before=before or {},
            scope_before=scope_before or scope,
            scope_after=scope,
        )
    )
