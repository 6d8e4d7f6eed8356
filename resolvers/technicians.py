"""Technicians: the mutations that keep who they are, what they can and what proves it."""

from collections.abc import Mapping
from typing import Any

from domain import staffing, technicians
from domain.technicians import certificates
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import stated, told
from schema.staffing import (
    AddCertificationInput,
    ArchiveTechnicianInput,
    CreateSkillInput,
    CreateTechnicianInput,
    RestoreTechnicianInput,
    RevokeCertificationInput,
    SetSkillsInput,
    UpdateCertificationInput,
    UpdateSkillInput,
    UpdateTechnicianInput,
)

Values = Mapping[str, Any]
TECHNICIAN = tuple(name for name in technicians.TECHNICIAN if name != "territory_id")
CERTIFICATION = tuple(certificates.CERTIFICATION)


async def create_technician(work: UnitOfWork, given: CreateTechnicianInput, _context: Context) -> Values:
    territory = {"territory_id": key("ter", given.territory)} if given.territory is not None else {}
    technician = await technicians.create(work, {**stated(given, *TECHNICIAN), **territory})
    return {"technician_id": technician.id}


async def update_technician(work: UnitOfWork, given: UpdateTechnicianInput, _context: Context) -> Values:
    values = told(given, *TECHNICIAN)
    for territory in told(given, "territory").values():
        values["territory_id"] = named("ter", territory)
    technician = await technicians.update(
        work, key("tec", given.technician), values, expected_version=given.expected_version
    )
    return {"technician_id": technician.id}


async def archive_technician(work: UnitOfWork, given: ArchiveTechnicianInput, _context: Context) -> Values:
    technician = await staffing.archive(
        work, key("tec", given.technician), expected_version=given.expected_version
    )
    return {"technician_id": technician.id}


async def restore_technician(work: UnitOfWork, given: RestoreTechnicianInput, _context: Context) -> Values:
    technician = await staffing.restore(
        work, key("tec", given.technician), expected_version=given.expected_version
    )
    return {"technician_id": technician.id}


async def set_skills(work: UnitOfWork, given: SetSkillsInput, _context: Context) -> Values:
    levels = [(key("skl", one.skill), one.level) for one in given.skills]
    technician = await technicians.set_skills(
        work, key("tec", given.technician), levels, expected_version=given.expected_version
    )
    return {"technician_id": technician.id}


async def create_skill(work: UnitOfWork, given: CreateSkillInput, _context: Context) -> Values:
    skill = await technicians.create_skill(work, stated(given, *technicians.SKILL))
    return {"skill_id": skill.id}


async def update_skill(work: UnitOfWork, given: UpdateSkillInput, _context: Context) -> Values:
    values = told(given, *technicians.SKILL)
    skill = await technicians.update_skill(
        work, key("skl", given.skill), values, expected_version=given.expected_version
    )
    return {"skill_id": skill.id}


async def add_certification(work: UnitOfWork, given: AddCertificationInput, _context: Context) -> Values:
    row = await certificates.add(
        work, key("tec", given.technician), key("skl", given.skill), stated(given, *CERTIFICATION)
    )
    return {"certification_id": row.id, "technician_id": row.technician_id}


async def update_certification(
    work: UnitOfWork, given: UpdateCertificationInput, _context: Context
) -> Values:
    row = await certificates.update(
        work,
        key("cer", given.certification),
        told(given, *CERTIFICATION),
        expected_version=given.expected_version,
    )
    return {"certification_id": row.id, "technician_id": row.technician_id}


async def revoke_certification(
    work: UnitOfWork, given: RevokeCertificationInput, _context: Context
) -> Values:
    row = await certificates.revoke(
        work, key("cer", given.certification), reason=given.reason, expected_version=given.expected_version
    )
    return {"certification_id": row.id, "technician_id": row.technician_id}
