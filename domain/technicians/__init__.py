# house: init_is_empty: the capability keeps the import path it had as one module, and is imported whole
"""Technicians: who does the work, what they can, when they are there."""

from domain.technicians import certificates, patterns
from domain.technicians.people import (
    SKILL,
    TECHNICIAN,
    announce,
    create,
    create_skill,
    in_use,
    set_skills,
    update,
    update_skill,
)
from domain.technicians.rows import (
    Absence,
    AbsenceReason,
    Certification,
    CertificationState,
    Shift,
    ShiftPattern,
    ShiftPatternDay,
    Skill,
    Technician,
    TechnicianKind,
    TechnicianSkill,
)
from domain.technicians.times import WorkingTimes, check_shift, working_times

__all__ = [
    "SKILL",
    "TECHNICIAN",
    "Absence",
    "AbsenceReason",
    "Certification",
    "CertificationState",
    "Shift",
    "ShiftPattern",
    "ShiftPatternDay",
    "Skill",
    "Technician",
    "TechnicianKind",
    "TechnicianSkill",
    "WorkingTimes",
    "announce",
    "certificates",
    "check_shift",
    "create",
    "create_skill",
    "in_use",
    "patterns",
    "set_skills",
    "update",
    "update_skill",
    "working_times",
]
