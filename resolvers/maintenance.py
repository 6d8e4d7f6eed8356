"""Maintenance: the mutations that keep plans, and decide about their occurrences."""

from collections.abc import Mapping
from typing import Any

from domain import maintenance
from domain.maintenance import MaintenanceOccurrence, MaintenancePlan
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import stated, told
from schema.maintenance import (
    ArchiveMaintenancePlanInput,
    CreateMaintenancePlanInput,
    MoveOccurrenceInput,
    PauseMaintenancePlanInput,
    ResumeMaintenancePlanInput,
    SkipOccurrenceInput,
    UpdateMaintenancePlanInput,
)

Values = Mapping[str, Any]
REFERS = {"asset": "ast", "contract": "con", "work_type": "wty"}
SAID = (
    *("title", "description", "rrule", "starts_on", "local_time", "window", "horizon_days"),
    *("meter_every", "meter_lead", "meter_from"),
    *REFERS,
)


async def create_maintenance_plan(
    work: UnitOfWork, given: CreateMaintenancePlanInput, _context: Context
) -> Values:
    return _told(await maintenance.create(work, key("sit", given.site), _columns(stated(given, *SAID))))


async def update_maintenance_plan(
    work: UnitOfWork, given: UpdateMaintenancePlanInput, _context: Context
) -> Values:
    plan = await maintenance.update(
        work,
        key("mpl", given.maintenance_plan),
        _columns(told(given, *SAID)),
        expected_version=given.expected_version,
    )
    return _told(plan)


async def pause_maintenance_plan(
    work: UnitOfWork, given: PauseMaintenancePlanInput, _context: Context
) -> Values:
    plan = await maintenance.pause(
        work, key("mpl", given.maintenance_plan), reason=given.reason, expected_version=given.expected_version
    )
    return _told(plan)


async def resume_maintenance_plan(
    work: UnitOfWork, given: ResumeMaintenancePlanInput, _context: Context
) -> Values:
    plan = await maintenance.resume(
        work, key("mpl", given.maintenance_plan), expected_version=given.expected_version
    )
    return _told(plan)


async def archive_maintenance_plan(
    work: UnitOfWork, given: ArchiveMaintenancePlanInput, _context: Context
) -> Values:
    plan = await maintenance.archive(
        work, key("mpl", given.maintenance_plan), expected_version=given.expected_version
    )
    return _told(plan)


async def skip_occurrence(work: UnitOfWork, given: SkipOccurrenceInput, _context: Context) -> Values:
    occurrence = await maintenance.skip(
        work, key("moc", given.occurrence), reason=given.reason, expected_version=given.expected_version
    )
    return _told_of(occurrence)


async def move_occurrence(work: UnitOfWork, given: MoveOccurrenceInput, _context: Context) -> Values:
    occurrence = await maintenance.move(
        work,
        key("moc", given.occurrence),
        given.to,
        reason=given.reason,
        expected_version=given.expected_version,
    )
    return _told_of(occurrence)


def _columns(values: dict[str, Any]) -> Values:
    """By column: an edge's id is in a column of its own, a length in one of seconds."""
    found = {}
    for name, value in values.items():
        if name in REFERS:
            found[f"{name}_id"] = named(REFERS[name], value)
        else:
            found["window_seconds" if name == "window" else name] = value
    return found


def _told(plan: MaintenancePlan) -> Values:
    return {"maintenance_plan_id": plan.id}


def _told_of(occurrence: MaintenanceOccurrence) -> Values:
    return {"occurrence_id": occurrence.id}
