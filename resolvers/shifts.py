"""Shifts: the mutations that say when technicians are there: shifts, their patterns, absences taken back."""

from collections.abc import Mapping
from typing import Any

from domain import staffing
from domain.technicians import patterns
from domain.technicians.patterns import Week
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.staffing import (
    CancelAbsenceInput,
    CancelShiftInput,
    CreateShiftInput,
    CreateShiftPatternInput,
    EndShiftPatternInput,
    UpdateShiftInput,
)

Values = Mapping[str, Any]


async def create_shift(work: UnitOfWork, given: CreateShiftInput, _context: Context) -> Values:
    shift = await staffing.create_shift(work, key("tec", given.technician), stated(given, *staffing.SHIFT))
    return {"shift_id": shift.id}


async def update_shift(work: UnitOfWork, given: UpdateShiftInput, _context: Context) -> Values:
    shift, changed = await staffing.update_shift(
        work,
        key("shf", given.shift),
        told(given, *staffing.SHIFT),
        expected_version=given.expected_version,
    )
    return {"shift_id": shift.id, "released": len(changed)}


async def cancel_shift(work: UnitOfWork, given: CancelShiftInput, _context: Context) -> Values:
    shift, changed = await staffing.cancel_shift(
        work, key("shf", given.shift), expected_version=given.expected_version
    )
    return {"shift_id": shift.id, "technician_id": shift.technician_id, "released": len(changed)}


async def create_shift_pattern(work: UnitOfWork, given: CreateShiftPatternInput, _context: Context) -> Values:
    week = Week(
        technician_id=key("tec", given.technician),
        days=[vars(day) for day in given.days],
        valid_from=given.valid_from,
        valid_until=given.valid_until,
        time_zone=given.time_zone,
    )
    return {"shift_pattern_id": (await patterns.create(work, week)).id}


async def end_shift_pattern(work: UnitOfWork, given: EndShiftPatternInput, _context: Context) -> Values:
    pattern, changed = await staffing.end_pattern(
        work,
        key("shp", given.shift_pattern),
        given.last_day,
        expected_version=given.expected_version,
    )
    return {"shift_pattern_id": pattern.id, "released": len(changed)}


async def cancel_absence(work: UnitOfWork, given: CancelAbsenceInput, _context: Context) -> Values:
    absence = await staffing.cancel_absence(
        work, key("abs", given.absence), expected_version=given.expected_version
    )
    return {"absence_id": absence.id, "technician_id": absence.technician_id}
