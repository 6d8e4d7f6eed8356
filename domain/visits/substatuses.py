"""Substatuses: an organization's own words for where a visit stands, each of one state and ending with it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import inputs
from domain.errors import Conflict, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import Substatus, Visit, VisitState
from domain.visits.steps import announce, people, scope, snapshot, whole_crew

SUBSTATUS: Mapping[str, Check] = {
    "code": inputs.words(50),
    "name": inputs.words(),
    "visit_state": inputs.any_of(VisitState),
    "is_active": inputs.given,
}


async def create_substatus(work: UnitOfWork, values: Mapping[str, Any]) -> Substatus:
    """A new word for one of the states. Raises Invalid, or Conflict for a code that another has."""
    kept = inputs.checked(values, SUBSTATUS)
    await _check_code(work, kept["code"])
    row = work.add(Substatus(**kept))
    await work.session.flush()
    _announce(work, row, "SubstatusCreated", {})
    return row


async def update_substatus(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Substatus:
    """Another code or name, or not to be used any more; its state stays, because visits may be in it."""
    row = await work.get(Substatus, key, "substatus")
    inputs.check_version(row, expected_version)
    kept = inputs.checked(values, SUBSTATUS)
    if kept.get("code", row.code) != row.code:
        await _check_code(work, kept["code"])
    if before := inputs.write(row, kept):
        await work.session.flush()
        _announce(work, row, "SubstatusChanged", before)
    return row


async def set_substatus(
    work: UnitOfWork, visit_id: UUID, *, substatus_id: UUID | None, expected_version: int | None = None
) -> Visit:
    """Says more closely where a visit stands, by a word of the state it is in; None: no word."""
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    if substatus_id is not None:
        row = await work.find(Substatus, substatus_id, "substatus")
        if not row.is_active:
            raise InvalidTransition(f"“{row.name}” is not used any more.", "substatus")
        if row.visit_state != visit.state:
            raise InvalidTransition(
                f"“{row.name}” is for {row.visit_state}; it is {visit.state}.", "substatus"
            )
    assignments = await whole_crew(work, visit)
    before = snapshot(visit, assignments)
    if told := inputs.write(visit, {"substatus_id": substatus_id}):
        scopes = (scope(visit, people(assignments)),) * 2
        values = {"substatus_id": substatus_id}
        announce(work, visit, "VisitSubstatusSet", before={**before, **told}, scopes=scopes, values=values)
    return visit


async def _check_code(work: UnitOfWork, code: str) -> None:
    statement = select(Substatus.id).where(col(Substatus.code) == code)
    if (await work.session.exec(statement)).first() is not None:
        raise Conflict("Another substatus has that code.", "code")


def _announce(work: UnitOfWork, row: Substatus, type: str, before: Mapping[str, Any]) -> None:
    event = Event(
        type=type, topic="substatus", subject=row, before=before, scope_before=Scope(), scope_after=Scope()
    )
    work.emit(event)
