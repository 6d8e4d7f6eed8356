"""Substatuses: the mutations that make a company's own words, and say them of a visit."""

from collections.abc import Mapping
from typing import Any

from domain import visits
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import told
from schema.substatuses import CreateSubstatusInput, SetVisitSubstatusInput, UpdateSubstatusInput

Values = Mapping[str, Any]


async def create_substatus(work: UnitOfWork, given: CreateSubstatusInput, _context: Context) -> Values:
    values = {"code": given.code, "name": given.name, "visit_state": given.state}
    return {"substatus_id": (await visits.create_substatus(work, values)).id}


async def update_substatus(work: UnitOfWork, given: UpdateSubstatusInput, _context: Context) -> Values:
    row = await visits.update_substatus(
        work,
        key("sub", given.substatus),
        told(given, "code", "name", "is_active"),
        expected_version=given.expected_version,
    )
    return {"substatus_id": row.id}


async def set_visit_substatus(work: UnitOfWork, given: SetVisitSubstatusInput, _context: Context) -> Values:
    visit = await visits.set_substatus(
        work,
        key("vis", given.visit),
        substatus_id=named("sub", given.substatus),
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}
