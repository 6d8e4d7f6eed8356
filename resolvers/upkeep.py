"""Upkeep: the mutations that keep templates of work, tasks, and what makes work orders by itself."""

import strawberry

from resolvers import maintenance, tasks, work_types
from resolvers.duties import AT_WORK, CLERKS, PLANNERS
from schema.maintenance import (
    ArchiveMaintenancePlanInput,
    ArchiveMaintenancePlanPayload,
    CreateMaintenancePlanInput,
    CreateMaintenancePlanPayload,
    MoveOccurrenceInput,
    MoveOccurrencePayload,
    PauseMaintenancePlanInput,
    PauseMaintenancePlanPayload,
    ResumeMaintenancePlanInput,
    ResumeMaintenancePlanPayload,
    SkipOccurrenceInput,
    SkipOccurrencePayload,
    UpdateMaintenancePlanInput,
    UpdateMaintenancePlanPayload,
)
from schema.tasks import (
    AddTaskInput,
    AddTaskPayload,
    CompleteTaskInput,
    CompleteTaskPayload,
    RemoveTaskInput,
    RemoveTaskPayload,
    ReopenTaskInput,
    ReopenTaskPayload,
)
from schema.verbs import verb
from schema.work_types import (
    ArchiveWorkTypeInput,
    ArchiveWorkTypePayload,
    CreateWorkTypeInput,
    CreateWorkTypePayload,
    UpdateWorkTypeInput,
    UpdateWorkTypePayload,
)


@strawberry.type
class Upkeep:
    """Fields of Mutation; a type of its own only in Python."""

    create_work_type: CreateWorkTypePayload = verb(
        work_types.create_work_type,
        CreateWorkTypeInput,
        "Add a template of work.",
        roles=CLERKS,
        scope="work:write",
    )
    update_work_type: UpdateWorkTypePayload = verb(
        work_types.update_work_type,
        UpdateWorkTypeInput,
        "Change a template: each list that is named is exchanged whole; work orders keep theirs.",
        roles=CLERKS,
        scope="work:write",
    )
    archive_work_type: ArchiveWorkTypePayload = verb(
        work_types.archive_work_type,
        ArchiveWorkTypeInput,
        "Keep a template without new work; refused while a maintenance plan makes work of it.",
        roles=CLERKS,
        scope="work:write",
    )
    complete_task: CompleteTaskPayload = verb(
        tasks.complete_task,
        CompleteTaskInput,
        "Check off a step: by who is at work there, or by the office.",
        roles=AT_WORK,
        scope="work:write",
    )
    reopen_task: ReopenTaskPayload = verb(
        tasks.reopen_task,
        ReopenTaskInput,
        "A step was not done after all.",
        roles=AT_WORK,
        scope="work:write",
    )
    add_task: AddTaskPayload = verb(
        tasks.add_task,
        AddTaskInput,
        "One more step of an open work order; a required one brings back what was COMPLETED.",
        roles=PLANNERS,
        scope="work:write",
    )
    remove_task: RemoveTaskPayload = verb(
        tasks.remove_task,
        RemoveTaskInput,
        "A step is not to be done; what is done stays.",
        roles=PLANNERS,
        scope="work:write",
    )
    create_maintenance_plan: CreateMaintenancePlanPayload = verb(
        maintenance.create_maintenance_plan,
        CreateMaintenancePlanInput,
        "Have work orders made again and again, by a rule of days or by a meter.",
        roles=CLERKS,
        scope="contracts:write",
    )
    update_maintenance_plan: UpdateMaintenancePlanPayload = verb(
        maintenance.update_maintenance_plan,
        UpdateMaintenancePlanInput,
        "Change a plan; what was skipped, moved or made stays.",
        roles=CLERKS,
        scope="contracts:write",
    )
    pause_maintenance_plan: PauseMaintenancePlanPayload = verb(
        maintenance.pause_maintenance_plan,
        PauseMaintenancePlanInput,
        "It makes nothing until it is resumed.",
        roles=CLERKS,
        scope="contracts:write",
    )
    resume_maintenance_plan: ResumeMaintenancePlanPayload = verb(
        maintenance.resume_maintenance_plan,
        ResumeMaintenancePlanInput,
        "It goes on; what would have started meanwhile is skipped.",
        roles=CLERKS,
        scope="contracts:write",
    )
    archive_maintenance_plan: ArchiveMaintenancePlanPayload = verb(
        maintenance.archive_maintenance_plan,
        ArchiveMaintenancePlanInput,
        "It makes nothing any more; the work orders that it made go on.",
        roles=CLERKS,
        scope="contracts:write",
    )
    skip_occurrence: SkipOccurrencePayload = verb(
        maintenance.skip_occurrence,
        SkipOccurrenceInput,
        "No work order for that time of a plan, however the plan changes: one that is there, and not begun,"
        " is cancelled.",
        roles=CLERKS,
        scope="contracts:write",
    )
    move_occurrence: MoveOccurrencePayload = verb(
        maintenance.move_occurrence,
        MoveOccurrenceInput,
        "Another time for that one, however the plan changes: the visit of a work order that is there goes"
        " back to the pool, promised for then.",
        roles=CLERKS,
        scope="contracts:write",
    )
