"""Fieldwork: the mutations that move the work: work orders and their visits."""

import strawberry

from domain.viewers import Role
from resolvers import evidence, visits, work_orders
from resolvers.duties import APPROVERS, AT_WORK, PLANNERS
from schema.evidence import AddAttachmentInput, AddAttachmentPayload
from schema.steps import (
    CreateFollowUpInput,
    CreateFollowUpPayload,
    MarkIncompleteInput,
    MarkIncompletePayload,
    MarkNoAccessInput,
    MarkNoAccessPayload,
    PauseWorkInput,
    PauseWorkPayload,
    PinVisitInput,
    PinVisitPayload,
    RecallVisitInput,
    RecallVisitPayload,
    RescheduleVisitInput,
    RescheduleVisitPayload,
    ResumeWorkInput,
    ResumeWorkPayload,
    StopTravelInput,
    StopTravelPayload,
    UnpinVisitInput,
    UnpinVisitPayload,
    UnscheduleVisitInput,
    UnscheduleVisitPayload,
)
from schema.verbs import verb
from schema.visits import (
    CancelVisitInput,
    CancelVisitPayload,
    CompleteVisitInput,
    CompleteVisitPayload,
    DispatchVisitInput,
    DispatchVisitPayload,
    ScheduleVisitInput,
    ScheduleVisitPayload,
    StartTravelInput,
    StartTravelPayload,
    StartWorkInput,
    StartWorkPayload,
)
from schema.work_orders import (
    AddVisitInput,
    AddVisitPayload,
    ApproveWorkOrderInput,
    ApproveWorkOrderPayload,
    CancelWorkOrderInput,
    CancelWorkOrderPayload,
    CloseWorkOrderInput,
    CloseWorkOrderPayload,
    CreateWorkOrderInput,
    CreateWorkOrderPayload,
    HoldWorkOrderInput,
    HoldWorkOrderPayload,
    ReleaseWorkOrderInput,
    ReleaseWorkOrderPayload,
    UpdateWorkOrderInput,
    UpdateWorkOrderPayload,
)


@strawberry.type
class Fieldwork:
    """Fields of Mutation; a type of its own only in Python."""

    create_work_order: CreateWorkOrderPayload = verb(
        visits.create_work_order,
        CreateWorkOrderInput,
        "Take in what a customer needs: a work order and its first visit.",
        roles=(*PLANNERS, Role.INTEGRATION),
        scope="work:write",
    )
    update_work_order: UpdateWorkOrderPayload = verb(
        work_orders.update_work_order,
        UpdateWorkOrderInput,
        "Change what an open work order says.",
        roles=PLANNERS,
        scope="work:write",
    )
    approve_work_order: ApproveWorkOrderPayload = verb(
        work_orders.approve_work_order,
        ApproveWorkOrderInput,
        "Agree to a work order that waits for approval: it is READY. What is NEW is taken in by that, and"
        " waits for approval from then on where its type asks for it.",
        roles=APPROVERS,
        scope="work:write",
    )
    hold_work_order: HoldWorkOrderPayload = verb(
        work_orders.hold_work_order,
        HoldWorkOrderInput,
        "It waits: nothing is scheduled for it until it is released.",
        roles=PLANNERS,
        scope="work:write",
    )
    release_work_order: ReleaseWorkOrderPayload = verb(
        work_orders.release_work_order,
        ReleaseWorkOrderInput,
        "It goes on where it stood, or where its visits have come to meanwhile.",
        roles=PLANNERS,
        scope="work:write",
    )
    cancel_work_order: CancelWorkOrderPayload = verb(
        work_orders.cancel_work_order,
        CancelWorkOrderInput,
        "It shall not happen, nor its visits; only while none of them has started.",
        roles=PLANNERS,
        scope="work:write",
    )
    close_work_order: CloseWorkOrderPayload = verb(
        work_orders.close_work_order,
        CloseWorkOrderInput,
        "It is reviewed: COMPLETED, or READY after a started visit; what visits are open are cancelled.",
        roles=PLANNERS,
        scope="work:write",
    )
    add_visit: AddVisitPayload = verb(
        work_orders.add_visit,
        AddVisitInput,
        "One more visit of an open work order, not yet scheduled.",
        roles=PLANNERS,
        scope="work:write",
    )
    schedule_visit: ScheduleVisitPayload = verb(
        visits.schedule_visit,
        ScheduleVisitInput,
        "Put a visit on a technician's day, or move it there, if every hard rule holds.",
        roles=PLANNERS,
        scope="work:write",
    )
    dispatch_visit: DispatchVisitPayload = verb(
        visits.dispatch_visit,
        DispatchVisitInput,
        "Tell the technician; from now on it is pinned.",
        roles=PLANNERS,
        scope="work:write",
    )
    start_travel: StartTravelPayload = verb(
        visits.start_travel,
        StartTravelInput,
        "The technician sets off; tracking opens.",
        roles=AT_WORK,
        scope="work:write",
    )
    start_work: StartWorkPayload = verb(
        visits.start_work, StartWorkInput, "The work begins.", roles=AT_WORK, scope="work:write"
    )
    complete_visit: CompleteVisitPayload = verb(
        visits.complete_visit,
        CompleteVisitInput,
        "The work is done; the parts used leave the van. What its type of work asks for is signed.",
        roles=AT_WORK,
        scope="work:write",
    )
    cancel_visit: CancelVisitPayload = verb(
        visits.cancel_visit,
        CancelVisitInput,
        "It shall not happen; only before travel. A customer calls off their own.",
        roles=(*PLANNERS, Role.CUSTOMER),
        scope="work:write",
    )
    unschedule_visit: UnscheduleVisitPayload = verb(
        visits.unschedule_visit,
        UnscheduleVisitInput,
        "It goes back to the pool; not while it is pinned.",
        roles=PLANNERS,
        scope="work:write",
    )
    reschedule_visit: RescheduleVisitPayload = verb(
        visits.reschedule_visit,
        RescheduleVisitInput,
        "Another technician, another time, or both, as far as its pin lets it go.",
        roles=PLANNERS,
        scope="work:write",
    )
    recall_visit: RecallVisitPayload = verb(
        visits.recall_visit,
        RecallVisitInput,
        "The technician shall not set off for now; it is SCHEDULED again, and pinned no more.",
        roles=PLANNERS,
        scope="work:write",
    )
    pin_visit: PinVisitPayload = verb(
        visits.pin_visit,
        PinVisitInput,
        "Nobody moves it, or that part of it, until it is unpinned; while it is SCHEDULED.",
        roles=PLANNERS,
        scope="work:write",
    )
    unpin_visit: UnpinVisitPayload = verb(
        visits.unpin_visit,
        UnpinVisitInput,
        "It may be moved again; what is dispatched stays pinned until it is recalled.",
        roles=PLANNERS,
        scope="work:write",
    )
    stop_travel: StopTravelPayload = verb(
        visits.stop_travel,
        StopTravelInput,
        "The technician turns back or waits; the customer is told.",
        roles=AT_WORK,
        scope="work:write",
    )
    pause_work: PauseWorkPayload = verb(
        visits.pause_work,
        PauseWorkInput,
        "The work rests, and with it the labour clock.",
        roles=AT_WORK,
        scope="work:write",
    )
    resume_work: ResumeWorkPayload = verb(
        visits.resume_work, ResumeWorkInput, "The work goes on.", roles=AT_WORK, scope="work:write"
    )
    mark_incomplete: MarkIncompletePayload = verb(
        visits.mark_incomplete,
        MarkIncompleteInput,
        "It ends with a rest to do, which a follow-up visit does.",
        roles=AT_WORK,
        scope="work:write",
    )
    mark_no_access: MarkNoAccessPayload = verb(
        visits.mark_no_access,
        MarkNoAccessInput,
        "Nobody let the technician in; what was held for it is free again. Where its type of work asks for"
        " it, a photo shows that.",
        roles=AT_WORK,
        scope="work:write",
    )
    add_attachment: AddAttachmentPayload = verb(
        evidence.add_attachment,
        AddAttachmentInput,
        "Keep a photo, a signature or a document with a visit, for good.",
        roles=AT_WORK,
        scope="work:write",
    )
    create_follow_up: CreateFollowUpPayload = verb(
        visits.create_follow_up,
        CreateFollowUpInput,
        "What a visit that has ended left to do, in a new one of the same work order.",
        roles=PLANNERS,
        scope="work:write",
    )
