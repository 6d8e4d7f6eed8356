# house: init_is_empty: the capability is imported whole, as visits are
"""Maintenance: plans that make work orders by a rule of days or by a meter, and their occurrences."""

from domain.maintenance.decisions import move, skip
from domain.maintenance.meters import total
from domain.maintenance.occurrences import due, postpone, tick
from domain.maintenance.plans import (
    PLAN,
    archive,
    create,
    metered,
    pause,
    read_meter,
    renewed,
    resume,
    update,
)
from domain.maintenance.recurrences import instant, parse
from domain.maintenance.rows import (
    PLAN_TRANSITIONS,
    TRANSITIONS,
    MaintenanceOccurrence,
    MaintenancePlan,
    MaintenancePlanState,
    OccurrenceState,
)

__all__ = [
    "PLAN",
    "PLAN_TRANSITIONS",
    "TRANSITIONS",
    "MaintenanceOccurrence",
    "MaintenancePlan",
    "MaintenancePlanState",
    "OccurrenceState",
    "archive",
    "create",
    "due",
    "instant",
    "metered",
    "move",
    "parse",
    "pause",
    "postpone",
    "read_meter",
    "renewed",
    "resume",
    "skip",
    "tick",
    "total",
    "update",
]
