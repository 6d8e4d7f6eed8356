"""Work types: the mutations that keep the templates of work."""

from collections.abc import Mapping
from typing import Any

from domain import work_types
from domain.checklists import Step
from domain.unit_of_work import UnitOfWork
from domain.work_types import Needs
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.work_types import ArchiveWorkTypeInput, CreateWorkTypeInput, UpdateWorkTypeInput

Values = Mapping[str, Any]
SAID = (
    *("code", "name", "duration", "priority", "needs_approval", "crew_size"),
    *("signature_required", "no_access_photo_required"),
)


async def create_work_type(work: UnitOfWork, given: CreateWorkTypeInput, _context: Context) -> Values:
    kind = await work_types.create(work, _columns(stated(given, *SAID)), _needs(given))
    return {"work_type_id": kind.id}


async def update_work_type(work: UnitOfWork, given: UpdateWorkTypeInput, _context: Context) -> Values:
    kind = await work_types.update(
        work,
        key("wty", given.work_type),
        _columns(told(given, *SAID)),
        _needs(given),
        expected_version=given.expected_version,
    )
    return {"work_type_id": kind.id}


async def archive_work_type(work: UnitOfWork, given: ArchiveWorkTypeInput, _context: Context) -> Values:
    kind = await work_types.archive(
        work, key("wty", given.work_type), expected_version=given.expected_version
    )
    return {"work_type_id": kind.id}


def _columns(values: dict[str, Any]) -> Values:
    return {"duration_seconds" if name == "duration" else name: value for name, value in values.items()}


def _needs(given: CreateWorkTypeInput | UpdateWorkTypeInput) -> Needs:
    skills, parts, tasks = given.skills, given.parts, given.tasks
    return Needs(
        skills=None if skills is None else [(key("skl", one.skill), one.level) for one in skills],
        parts=None if parts is None else [(key("prt", one.part), one.quantity) for one in parts],
        tasks=None
        if tasks is None
        else [Step(name=one.name, required=one.required, safety=one.safety) for one in tasks],
    )
