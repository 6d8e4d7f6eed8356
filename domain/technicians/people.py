"""Technicians' own verbs: who they are, where they start from, what they cost, what they can."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from domain import inputs, outlines
from domain.errors import Conflict, Invalid, NotFound
from domain.events import Event, Scope
from domain.inputs import Check
from domain.organizations import Organization
from domain.rows import Row
from domain.technicians.certificates import certified_until
from domain.technicians.rows import Certification, Skill, Technician, TechnicianKind, TechnicianSkill
from domain.territories import Territory
from domain.unit_of_work import UnitOfWork

MOST_VISITS = 50
DAY_MINUTES = 24 * 60
MOST_SKILLS = 250


def count(most: int) -> Check:
    def check(value: Any) -> int | None:
        if value is not None and not 1 <= value <= most:
            raise ValueError(f"It lies between 1 and {most}; null is no limit.")
        return None if value is None else int(value)

    return check


TECHNICIAN: Mapping[str, Check] = {
    "code": inputs.words(30),
    "name": inputs.words(),
    "kind": inputs.any_of(TechnicianKind),
    "phone": inputs.phone,
    "home": outlines.place,
    "territory_id": lambda value: value,
    "hourly_cost": inputs.price,
    "overtime_hourly_cost": inputs.unless_null(inputs.price),
    "kilometre_cost": inputs.unless_null(inputs.price),
    "vehicle_registration": inputs.words(20, optional=True),
    "vehicle_name": inputs.words(100, optional=True),
    "max_visits_per_day": count(MOST_VISITS),
    "max_minutes_per_day": count(DAY_MINUTES),
}
"""What may be said of a technician, by column; `home` is (longitude, latitude)."""
SKILL: Mapping[str, Check] = {"name": inputs.words(), "requires_certification": inputs.given}


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> Technician:
    """A new technician, who costs in the organization's currency. Raises Invalid, NotFound or Conflict."""
    kept = await _kept(work, values)
    organization = await work.session.get(Organization, work.viewer.organization_id)
    technician = Technician(**kept, currency=organization.currency if organization else "EUR")
    await _check(work, technician)
    work.add(technician)
    await work.session.flush()
    announce(work, technician, "TechnicianCreated")
    return technician


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Technician:
    """Changes what is named and differs. Raises as `create`, or Conflict for a stale version."""
    technician = await work.get(Technician, key, "technician")
    inputs.check_version(technician, expected_version)
    kept, scope = await _kept(work, values), technician.scope()
    with work.session.no_autoflush:
        before = inputs.write(technician, kept)
        await _check(work, technician)
    if before:
        await work.session.flush()
        # The names only: what a person is called, costs or where they live is not the log's to keep.
        announce(work, technician, "TechnicianChanged", dict.fromkeys(before), scope_before=scope)
    return technician


async def in_use(work: UnitOfWork, key: UUID, *path: str) -> Technician:
    """A technician who may get something new, locked. Raises NotFound, or Invalid for one who is archived."""
    technician = await work.get(Technician, key, *path)
    if technician.archived_at is not None:
        raise Invalid(f"{technician.name} is archived.", *path)
    return technician


async def set_skills(
    work: UnitOfWork, key: UUID, levels: Sequence[tuple[UUID, int]], *, expected_version: int | None = None
) -> Technician:
    """All that a technician can, in the place of what was said before; the same set writes nothing.

    It counts as a change of the technician. Raises NotFound, Conflict, or Invalid.
    """
    technician = await work.get(Technician, key, "technician")
    inputs.check_version(technician, expected_version)
    wanted = await _wanted(work, levels)
    statement = select(TechnicianSkill).where(col(TechnicianSkill.technician_id) == key)
    had = {row.skill_id: row for row in (await work.session.exec(statement)).all()}
    before = {skill: row.level for skill, row in had.items()}
    if before == wanted:
        return technician
    certificates = select(Certification).where(col(Certification.technician_id) == key)
    proofs = (await work.session.exec(certificates)).all()
    for skill, row in had.items():
        if skill not in wanted:
            await work.session.delete(row)
    for skill, level in wanted.items():
        if skill in had:
            had[skill].level = level
        else:
            until = certified_until([one for one in proofs if one.skill_id == skill])
            work.add(TechnicianSkill(technician_id=key, skill_id=skill, level=level, certified_until=until))
    flag_modified(technician, "updated_at")
    await work.session.flush()
    announce(work, technician, "TechnicianSkillsSet", {"skills": _told(before)}, values=_told(wanted))
    return technician


async def create_skill(work: UnitOfWork, values: Mapping[str, Any]) -> Skill:
    """Something that technicians can. Raises Invalid, or Conflict for a name that another has."""
    skill = Skill(**inputs.checked(values, SKILL))
    await _unnamed(work, skill)
    work.add(skill)
    await work.session.flush()
    announce(work, skill, "SkillCreated")
    return skill


async def update_skill(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Skill:
    """Changes what is named and differs; visits that stand are not looked at again. Raises as above."""
    skill = await work.get(Skill, key, "skill")
    inputs.check_version(skill, expected_version)
    with work.session.no_autoflush:
        before = inputs.write(skill, inputs.checked(values, SKILL))
        await _unnamed(work, skill)
    if before:
        await work.session.flush()
        announce(work, skill, "SkillChanged", before)
    return skill


def announce(
    work: UnitOfWork,
    row: Technician | Skill,
    type: str,
    before: Mapping[str, Any] | None = None,
    *,
    values: Mapping[str, Any] | None = None,
    scope_before: Scope | None = None,
) -> None:
    scope = row.scope() if isinstance(row, Technician) else Scope()
    work.emit(
        Event(
            type=type,
            topic=str(row.__tablename__),
            subject=row,
            before=before or {},
            values={"skills": values} if values is not None else {},
            scope_before=scope_before or scope,
            scope_after=scope,
        )
    )


async def _kept(work: UnitOfWork, values: Mapping[str, Any]) -> dict[str, Any]:
    kept = inputs.checked(values, TECHNICIAN)
    if "home" in kept:
        kept["home_longitude"], kept["home_latitude"] = kept.pop("home")
    if kept.get("territory_id") is not None:
        await work.find(Territory, kept["territory_id"], "territory")
    return kept


async def _check(work: UnitOfWork, technician: Technician) -> None:
    for column in ("max_visits_per_day", "max_minutes_per_day"):
        if technician.kind != TechnicianKind.SUBCONTRACTOR and getattr(technician, column) is not None:
            raise Invalid("Only a subcontractor has a capacity.", inputs.field_name(column))
    if technician.vehicle_name is not None and technician.vehicle_registration is None:
        raise Invalid("A vehicle has a registration.", "vehicleRegistration")
    if await work.owner(Technician, "code", technician.code) not in {None, technician.id}:
        raise Conflict("Another technician has that code.", "code")


async def _unnamed(work: UnitOfWork, skill: Skill) -> None:
    if await _exists(work, Skill, col(Skill.name) == skill.name, but=skill):
        raise Conflict("Another skill has that name.", "name")


async def _exists(work: UnitOfWork, table: type[Any], condition: Any, *, but: Row) -> bool:
    others = select(table.id).where(condition, col(table.id) != but.id).limit(1)
    return (await work.session.exec(others)).first() is not None


async def _wanted(work: UnitOfWork, levels: Sequence[tuple[UUID, int]]) -> dict[UUID, int]:
    wanted = dict(levels)
    if len(levels) > MOST_SKILLS or len(wanted) < len(levels):
        raise Invalid(f"Each skill once, at most {MOST_SKILLS} of them.", "skills")
    if any(not 1 <= level <= 5 for level in wanted.values()):
        raise Invalid("A level lies between 1 and 5.", "skills")
    statement = select(Skill.id).where(col(Skill.id).in_(wanted))
    if len((await work.session.exec(statement)).all()) < len(wanted):
        raise NotFound("No Skill has that id.", "skills")
    return wanted


def _told(levels: Mapping[UUID, int]) -> dict[str, int]:
    return {str(skill): level for skill, level in levels.items()}
