"""Staffing: the mutations that say who works, what they can, when and where."""

import strawberry

from resolvers import shifts, technicians, territories
from resolvers.duties import CLERKS, PLANNERS, STAFFERS
from schema.staffing import (
    AddCertificationInput,
    AddCertificationPayload,
    ArchiveTechnicianInput,
    ArchiveTechnicianPayload,
    CancelAbsenceInput,
    CancelAbsencePayload,
    CancelShiftInput,
    CancelShiftPayload,
    CreateShiftInput,
    CreateShiftPatternInput,
    CreateShiftPatternPayload,
    CreateShiftPayload,
    CreateSkillInput,
    CreateSkillPayload,
    CreateTechnicianInput,
    CreateTechnicianPayload,
    CreateTerritoryInput,
    CreateTerritoryPayload,
    EndShiftPatternInput,
    EndShiftPatternPayload,
    RestoreTechnicianInput,
    RestoreTechnicianPayload,
    RevokeCertificationInput,
    RevokeCertificationPayload,
    SetSkillsInput,
    SetSkillsPayload,
    UpdateCertificationInput,
    UpdateCertificationPayload,
    UpdateShiftInput,
    UpdateShiftPayload,
    UpdateSkillInput,
    UpdateSkillPayload,
    UpdateTechnicianInput,
    UpdateTechnicianPayload,
    UpdateTerritoryInput,
    UpdateTerritoryPayload,
)
from schema.verbs import verb


@strawberry.type
class Staffing:
    """Fields of Mutation; a type of its own only in Python."""

    create_technician: CreateTechnicianPayload = verb(
        technicians.create_technician,
        CreateTechnicianInput,
        "Take on a technician.",
        roles=STAFFERS,
        scope="technicians:write",
    )
    update_technician: UpdateTechnicianPayload = verb(
        technicians.update_technician,
        UpdateTechnicianInput,
        "Change a technician: terms, home, vehicle, costs, capacity.",
        roles=STAFFERS,
        scope="technicians:write",
    )
    archive_technician: ArchiveTechnicianPayload = verb(
        technicians.archive_technician,
        ArchiveTechnicianInput,
        "Give a technician nothing any more; refused while they hold a visit.",
        roles=STAFFERS,
        scope="technicians:write",
    )
    restore_technician: RestoreTechnicianPayload = verb(
        technicians.restore_technician,
        RestoreTechnicianInput,
        "Have an archived technician back.",
        roles=STAFFERS,
        scope="technicians:write",
    )
    set_skills: SetSkillsPayload = verb(
        technicians.set_skills,
        SetSkillsInput,
        "Say all that a technician can, in the place of what was said before.",
        roles=CLERKS,
        scope="technicians:write",
    )
    create_skill: CreateSkillPayload = verb(
        technicians.create_skill, CreateSkillInput, "Add a skill.", roles=CLERKS, scope="technicians:write"
    )
    update_skill: UpdateSkillPayload = verb(
        technicians.update_skill,
        UpdateSkillInput,
        "Change a skill: its name, whether it takes a certificate.",
        roles=CLERKS,
        scope="technicians:write",
    )
    add_certification: AddCertificationPayload = verb(
        technicians.add_certification,
        AddCertificationInput,
        "Add a certificate of a technician.",
        roles=CLERKS,
        scope="technicians:write",
    )
    update_certification: UpdateCertificationPayload = verb(
        technicians.update_certification,
        UpdateCertificationInput,
        "Put right what a certificate says.",
        roles=CLERKS,
        scope="technicians:write",
    )
    revoke_certification: RevokeCertificationPayload = verb(
        technicians.revoke_certification,
        RevokeCertificationInput,
        "Take a certificate back: it proves nothing from now on.",
        roles=CLERKS,
        scope="technicians:write",
    )
    create_shift: CreateShiftPayload = verb(
        shifts.create_shift,
        CreateShiftInput,
        "Add working time by hand.",
        roles=CLERKS,
        scope="technicians:write",
    )
    update_shift: UpdateShiftPayload = verb(
        shifts.update_shift,
        UpdateShiftInput,
        "Other times of a shift; visits that no longer lie in it go back to the pool.",
        roles=CLERKS,
        scope="technicians:write",
    )
    cancel_shift: CancelShiftPayload = verb(
        shifts.cancel_shift,
        CancelShiftInput,
        "Take a shift away; its visits go back to the pool.",
        roles=CLERKS,
        scope="technicians:write",
    )
    create_shift_pattern: CreateShiftPatternPayload = verb(
        shifts.create_shift_pattern,
        CreateShiftPatternInput,
        "Add a week by the clock, from which shifts are made six weeks ahead.",
        roles=CLERKS,
        scope="technicians:write",
    )
    end_shift_pattern: EndShiftPatternPayload = verb(
        shifts.end_shift_pattern,
        EndShiftPatternInput,
        "End a pattern; its later shifts are cancelled.",
        roles=CLERKS,
        scope="technicians:write",
    )
    cancel_absence: CancelAbsencePayload = verb(
        shifts.cancel_absence,
        CancelAbsenceInput,
        "They are there after all; an absence that has begun ends now.",
        roles=PLANNERS,
        scope="technicians:write",
    )
    create_territory: CreateTerritoryPayload = verb(
        territories.create_territory,
        CreateTerritoryInput,
        "Add an area of service.",
        roles=CLERKS,
        scope="technicians:write",
    )
    update_territory: UpdateTerritoryPayload = verb(
        territories.update_territory,
        UpdateTerritoryInput,
        "Change an area: its name, its outline.",
        roles=CLERKS,
        scope="technicians:write",
    )
