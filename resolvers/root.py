"""Root: the whole graph put together: Query, Mutation, Subscription, and the executable schema."""

from typing import Annotated

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

from domain.viewers import FIELD, OFFICE, Role
from resolvers import assets, customers, plans, scheduling, sites, tracking, visits
from resolvers.queries import Query
from schema import scalars
from schema.assets import (
    CreateAssetInput,
    CreateAssetPayload,
    RecordMeterReadingInput,
    RecordMeterReadingPayload,
    UpdateAssetInput,
    UpdateAssetPayload,
)
from schema.customers import (
    ArchiveCustomerInput,
    ArchiveCustomerPayload,
    CreateContactInput,
    CreateContactPayload,
    CreateCustomerInput,
    CreateCustomerPayload,
    UpdateContactInput,
    UpdateContactPayload,
    UpdateCustomerInput,
    UpdateCustomerPayload,
)
from schema.filters import Filters
from schema.plans import (
    CommitPlanInput,
    CommitPlanPayload,
    DiscardPlanInput,
    DiscardPlanPayload,
    PlanProgressItem,
    ProposePlanInput,
    ProposePlanPayload,
)
from schema.scalars import Cursor
from schema.scheduling import CreateAbsenceInput, CreateAbsencePayload, ScheduleItem, ScheduleScope
from schema.sites import CreateSiteInput, CreateSitePayload, UpdateSiteInput, UpdateSitePayload
from schema.tracking import (
    CreateTrackingLinkInput,
    CreateTrackingLinkPayload,
    ReportPositionsInput,
    ReportPositionsPayload,
    RevokeTrackingLinkInput,
    RevokeTrackingLinkPayload,
    VisitTrackingItem,
)
from schema.verbs import stream, verb
from schema.visits import (
    CancelVisitInput,
    CancelVisitPayload,
    CompleteVisitInput,
    CompleteVisitPayload,
    DispatchVisitInput,
    DispatchVisitPayload,
    RecordArrivalInput,
    RecordArrivalPayload,
    ScheduleVisitInput,
    ScheduleVisitPayload,
    StartTravelInput,
    StartTravelPayload,
    StartWorkInput,
    StartWorkPayload,
)
from schema.work_orders import CreateWorkOrderInput, CreateWorkOrderPayload

PLANNERS = tuple(sorted(OFFICE))
AT_WORK = tuple(sorted(OFFICE | FIELD))
REPORTERS = (*AT_WORK, Role.INTEGRATION)
CLERKS = (*PLANNERS, Role.INTEGRATION)
"""Who keeps the books on customers, sites and assets."""
AFTER = (Cursor | None, "Go on after this cursor, without a snapshot; null: from now, with one.")


@strawberry.type(description="What can be done. Each field is one transaction; a rule's no is a userError.")
class Mutation:
    create_customer: CreateCustomerPayload = verb(
        customers.create_customer, CreateCustomerInput, "Take on a customer.", roles=CLERKS
    )
    update_customer: UpdateCustomerPayload = verb(
        customers.update_customer, UpdateCustomerInput, "Change a customer.", roles=CLERKS
    )
    archive_customer: ArchiveCustomerPayload = verb(
        customers.archive_customer,
        ArchiveCustomerInput,
        "Keep a customer without new work; refused while a work order is open.",
        roles=CLERKS,
    )
    create_contact: CreateContactPayload = verb(
        customers.create_contact, CreateContactInput, "Add a person at a customer.", roles=CLERKS
    )
    update_contact: UpdateContactPayload = verb(
        customers.update_contact,
        UpdateContactInput,
        "Change a contact: channels, language, what they agreed to.",
        roles=CLERKS,
    )
    create_site: CreateSitePayload = verb(
        sites.create_site, CreateSiteInput, "Add a place of work to a customer.", roles=CLERKS
    )
    update_site: UpdateSitePayload = verb(
        sites.update_site,
        UpdateSiteInput,
        "Change a site: where it is, its zone, how to get in, its geofence.",
        roles=CLERKS,
    )
    create_asset: CreateAssetPayload = verb(
        assets.create_asset, CreateAssetInput, "Add equipment at a site.", roles=CLERKS
    )
    update_asset: UpdateAssetPayload = verb(
        assets.update_asset, UpdateAssetInput, "Change an asset, or move it.", roles=CLERKS
    )
    record_meter_reading: RecordMeterReadingPayload = verb(
        assets.record_meter_reading,
        RecordMeterReadingInput,
        "Say what an asset's meter says.",
        roles=REPORTERS,
    )
    create_work_order: CreateWorkOrderPayload = verb(
        visits.create_work_order,
        CreateWorkOrderInput,
        "Take in what a customer needs: a work order and its first visit.",
        roles=(*PLANNERS, Role.INTEGRATION),
    )
    schedule_visit: ScheduleVisitPayload = verb(
        visits.schedule_visit,
        ScheduleVisitInput,
        "Put a visit on a technician's day, or move it there, if every hard rule holds.",
        roles=PLANNERS,
    )
    dispatch_visit: DispatchVisitPayload = verb(
        visits.dispatch_visit,
        DispatchVisitInput,
        "Tell the technician; from now on it is pinned.",
        roles=PLANNERS,
    )
    start_travel: StartTravelPayload = verb(
        visits.start_travel, StartTravelInput, "The technician sets off; tracking opens.", roles=AT_WORK
    )
    report_positions: ReportPositionsPayload = verb(
        tracking.report_positions,
        ReportPositionsInput,
        "Where a technician's device has been; arrivals and ETAs follow from it.",
        roles=REPORTERS,
    )
    record_arrival: RecordArrivalPayload = verb(
        tracking.record_arrival,
        RecordArrivalInput,
        "The technician is there, by somebody's word; it wins over the geofence.",
        roles=AT_WORK,
    )
    start_work: StartWorkPayload = verb(visits.start_work, StartWorkInput, "The work begins.", roles=AT_WORK)
    complete_visit: CompleteVisitPayload = verb(
        visits.complete_visit,
        CompleteVisitInput,
        "The work is done; the parts used leave the van.",
        roles=AT_WORK,
    )
    cancel_visit: CancelVisitPayload = verb(
        visits.cancel_visit, CancelVisitInput, "It shall not happen; only before travel.", roles=PLANNERS
    )
    create_absence: CreateAbsencePayload = verb(
        scheduling.create_absence,
        CreateAbsenceInput,
        "A technician is not there; their visits of that time go back to the pool.",
        roles=PLANNERS,
    )
    create_tracking_link: CreateTrackingLinkPayload = verb(
        tracking.create_tracking_link,
        CreateTrackingLinkInput,
        "Open a door to one visit; its secret is shown this once.",
        roles=PLANNERS,
    )
    revoke_tracking_link: RevokeTrackingLinkPayload = verb(
        tracking.revoke_tracking_link,
        RevokeTrackingLinkInput,
        "Close a door; what was opened through it ends within 2 seconds.",
        roles=PLANNERS,
    )
    propose_plan: ProposePlanPayload = verb(
        plans.propose_plan, ProposePlanInput, "Ask the optimizer for a plan of a day.", roles=PLANNERS
    )
    commit_plan: CommitPlanPayload = verb(
        plans.commit_plan,
        CommitPlanInput,
        "Make a plan real; where the graph has moved it becomes STALE and nothing is moved.",
        roles=PLANNERS,
    )
    discard_plan: DiscardPlanPayload = verb(
        plans.discard_plan, DiscardPlanInput, "Drop a plan; one that is being solved stops.", roles=PLANNERS
    )


@strawberry.type(description="What is told as it happens.")
class Subscription:
    schedule_changes: ScheduleItem = stream(
        scheduling.schedule_changes,
        "Every fact about visits in a part of the schedule; a technician's own for a technician.",
        roles=(*AT_WORK, Role.INTEGRATION),
        arguments={
            "scope": (ScheduleScope | None, "Which part of the schedule; null: all of it."),
            "after": AFTER,
        },
    )
    visit_tracking: VisitTrackingItem = stream(
        tracking.visit_tracking,
        "How one visit comes along: its state, ETA, and position as the privacy rule allows.",
        roles=(*PLANNERS, Role.CUSTOMER, Role.TRACKING),
        arguments={
            "visit": (strawberry.ID | None, "The visit; a tracking link knows its own."),
            "after": AFTER,
        },
    )
    plan_progress: PlanProgressItem = stream(
        plans.plan_progress,
        "How a plan comes along, to its end.",
        roles=PLANNERS,
        arguments={"plan": (strawberry.ID, "The plan."), "after": AFTER},
    )


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name="idempotent",
    description="Run this mutation once for this key: again with it, the first answer is given (for 7 days).",
)
def idempotent(
    value: DirectiveValue[object],
    key: Annotated[str, strawberry.argument(description="The client's own name for this one change.")],
) -> object:
    del key
    return value


def build() -> strawberry.Schema:
    """The graph, with the filters and orders of every connection."""
    Filters().complete([Query])
    config = StrawberryConfig(scalar_map=scalars.SCALARS)
    return strawberry.Schema(Query, Mutation, Subscription, directives=[idempotent], config=config)
