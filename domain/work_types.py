"""Work types: the verbs that keep the templates of work: skills, parts and tasks with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from domain import inputs
from domain.checklists import MOST_TASKS, TASK, Step
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.maintenance.rows import MaintenancePlan, MaintenancePlanState
from domain.rows import Row
from domain.stock import Part
from domain.technicians import Skill
from domain.unit_of_work import UnitOfWork
from domain.visits import LARGEST_CREW
from domain.work_orders import Priority, WorkType, WorkTypePart, WorkTypeSkill, WorkTypeTask

MOST_NEEDS = 50
"""Skills, or parts, of one type."""
MOST_PIECES = 10_000


def _seconds(value: Any) -> int:
    if not 60 <= int(inputs.given(value)) <= 86_400:
        raise ValueError("A visit lasts from a minute to a day.")
    return int(value)


WORK_TYPE: Mapping[str, Check] = {
    "code": inputs.words(60),
    "name": inputs.words(),
    "duration_seconds": _seconds,
    "priority": inputs.any_of(Priority),
    "needs_approval": inputs.given,
    "crew_size": lambda value: int(inputs.measure(1, LARGEST_CREW)(value)),
    "signature_required": inputs.given,
    "no_access_photo_required": inputs.given,
}
"""What may be said of a type, by column; what it needs comes beside it."""
NAMES = {"duration_seconds": "duration"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a type needs, each list whole: levels by skill, pieces by part, tasks; None: as it is."""

    skills: Sequence[tuple[UUID, int]] | None = None
    parts: Sequence[tuple[UUID, int]] | None = None
    tasks: Sequence[Step] | None = None


async def create(work: UnitOfWork, values: Mapping[str, Any], needs: Needs) -> WorkType:
    """A new template. Raises NotFound, Invalid, or Conflict for a code that another has."""
    kept = inputs.checked(values, WORK_TYPE, names=NAMES)
    await _unused(work, kept["code"])
    kind = work.add(WorkType(**kept))
    await work.session.flush()
    await _replace(work, kind, needs)
    await work.session.flush()
    _announce(work, kind, "WorkTypeCreated", {})
    return kind


async def update(
    work: UnitOfWork,
    key: UUID,
    values: Mapping[str, Any],
    needs: Needs,
    *,
    expected_version: int | None = None,
) -> WorkType:
    """Changes what is named and differs; work orders that there are keep theirs. Raises as `create`."""
    kind = await _kind(work, key, expected_version)
    kept = inputs.checked(values, WORK_TYPE, names=NAMES)
    if kept.get("code", kind.code) != kind.code:
        await _unused(work, kept["code"])
    changed = await _replace(work, kind, needs)
    before = inputs.write(kind, kept)
    if changed:
        flag_modified(kind, "updated_at")  # what it needs is part of it: its version counts it
    if before or changed:
        await work.session.flush()
        _announce(work, kind, "WorkTypeChanged", {**before, **dict.fromkeys(changed)})
    return kind


async def archive(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> WorkType:
    """Kept, but nothing new is after it. InvalidTransition while a maintenance plan makes work of it."""
    kind = await _kind(work, key, expected_version)
    plans = select(MaintenancePlan.title).where(col(MaintenancePlan.work_type_id) == key)
    plans = plans.where(col(MaintenancePlan.state) != MaintenancePlanState.ARCHIVED)
    if (title := (await work.session.exec(plans.limit(1))).first()) is not None:
        raise InvalidTransition(f"The maintenance plan “{title}” makes work of type {kind.code}.", "workType")
    kind.archived_at = work.at
    await work.session.flush()
    _announce(work, kind, "WorkTypeArchived", {"archived_at": None})
    return kind


async def _kind(work: UnitOfWork, key: UUID, expected_version: int | None) -> WorkType:
    kind = await work.get(WorkType, key, "workType")
    inputs.check_version(kind, expected_version)
    if kind.archived_at is not None:
        raise InvalidTransition(f"The type {kind.code} is archived.", "workType")
    return kind


async def _unused(work: UnitOfWork, code: str) -> None:
    found = await work.session.exec(select(WorkType.id).where(col(WorkType.code) == code))
    if found.first() is not None:
        raise Conflict("Another type of work has that code.", "code")


async def _replace(work: UnitOfWork, kind: WorkType, needs: Needs) -> list[str]:
    """The lists that were named and differ, by name."""
    changed = []
    if needs.skills is not None:
        levels = await _wanted(work, Skill, needs.skills, ("skills", "skill", "level"), most=5)
        if await _keyed(work, kind, WorkTypeSkill, levels):
            changed.append("skills")
    if needs.parts is not None:
        pieces = await _wanted(work, Part, needs.parts, ("parts", "part", "quantity"), most=MOST_PIECES)
        if await _keyed(work, kind, WorkTypePart, pieces):
            changed.append("parts")
    if needs.tasks is not None and await _tasks(work, kind, needs.tasks):
        changed.append("tasks")
    return changed


async def _wanted(
    work: UnitOfWork,
    table: type[Row],
    given: Sequence[tuple[UUID, int]],
    names: tuple[str, str, str],
    *,
    most: int,
) -> dict[UUID, int]:
    listed, one, amount = names
    if len(given) > MOST_NEEDS:
        raise Invalid(f"At most {MOST_NEEDS} {listed}.", listed)
    wanted: dict[UUID, int] = {}
    for number, (key, value) in enumerate(given):
        if not 1 <= value <= most:
            raise Invalid(f"It lies between 1 and {most}.", listed, str(number), amount)
        if key in wanted:
            raise Invalid(f"The same {one} is named twice.", listed, str(number), one)
        await work.find(table, key, listed, str(number), one)
        wanted[key] = value
    return wanted


async def _keyed(
    work: UnitOfWork,
    kind: WorkType,
    table: type[WorkTypeSkill] | type[WorkTypePart],
    wanted: Mapping[UUID, int],
) -> bool:
    key, amount = ("skill_id", "level") if table is WorkTypeSkill else ("part_id", "quantity")
    statement = select(table).where(col(table.work_type_id) == kind.id).with_for_update(key_share=True)
    there = {getattr(row, key): row for row in (await work.session.exec(statement)).all()}
    if {one: getattr(row, amount) for one, row in there.items()} == wanted:
        return False
    for one in there.keys() - wanted.keys():
        await work.session.delete(there[one])
    for one, value in wanted.items():
        if one in there:
            setattr(there[one], amount, value)
        else:
            values: dict[str, Any] = {"work_type_id": kind.id, key: one, amount: value}
            work.add(table(**values))
    return True


async def _tasks(work: UnitOfWork, kind: WorkType, steps: Sequence[Step]) -> bool:
    """By their places: what stands in one is changed to what shall stand there."""
    if len(steps) > MOST_TASKS:
        raise Invalid(f"At most {MOST_TASKS} tasks.", "tasks")
    wanted = []
    for number, step in enumerate(steps):
        try:
            name = inputs.checked({"name": step.name}, TASK)["name"]
        except Invalid as refusal:
            raise Invalid(refusal.message, "tasks", str(number), *refusal.path) from None
        wanted.append({"name": name, "required": step.required, "safety": step.safety})
    statement = select(WorkTypeTask).where(col(WorkTypeTask.work_type_id) == kind.id)
    ordered = statement.order_by(col(WorkTypeTask.position), col(WorkTypeTask.id))
    there = (await work.session.exec(ordered.with_for_update(key_share=True))).all()
    changed = len(there) != len(wanted)
    for number, said in enumerate(wanted):
        if number < len(there):
            changed |= bool(inputs.write(there[number], {**said, "position": number + 1}))
        else:
            work.add(WorkTypeTask(work_type_id=kind.id, position=number + 1, **said))
    for row in there[len(wanted) :]:
        await work.session.delete(row)
    return changed


def _announce(work: UnitOfWork, kind: WorkType, type: str, before: Mapping[str, Any]) -> None:
    nobody = Scope()
    work.emit(
        Event(
            type=type,
            topic="work_type",
            subject=kind,
            before=before,
            scope_before=nobody,
            scope_after=nobody,
        )
    )
