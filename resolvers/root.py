"""Root: the whole graph put together: Query, Mutation, Subscription, and the executable schema."""

from typing import Annotated

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

from domain.viewers import Role
from resolvers import imports, plans, scheduling, tracking
from resolvers.admission import Admission
from resolvers.audit import Erasing
from resolvers.bookkeeping import Bookkeeping
from resolvers.compiler.shapes import executable_of
from resolvers.crewing import Crewing
from resolvers.dealings import Dealings
from resolvers.duties import APPROVERS, AT_WORK, EXCHANGERS, PLANNERS, REPORTERS
from resolvers.exchange import Exchange
from resolvers.fieldwork import Fieldwork
from resolvers.listening import AFTER, Listening
from resolvers.provisioning import Provisioning
from resolvers.queries import Query
from resolvers.staffing import Staffing
from resolvers.storekeeping import Storekeeping
from resolvers.upkeep import Upkeep
from schema import scalars
from schema.filters import Filters
from schema.imports import ImportProgressItem
from schema.plans import (
    CancelPlanInput,
    CancelPlanPayload,
    CommitPlanInput,
    CommitPlanPayload,
    DiscardPlanInput,
    DiscardPlanPayload,
    PlanProgressItem,
    ProposePlanInput,
    ProposePlanPayload,
)
from schema.policies import (
    CreateSchedulingPolicyInput,
    CreateSchedulingPolicyPayload,
    UpdateSchedulingPolicyInput,
    UpdateSchedulingPolicyPayload,
)
from schema.query_costs import COST
from schema.scheduling import CreateAbsenceInput, CreateAbsencePayload
from schema.steps import WithdrawArrivalInput, WithdrawArrivalPayload
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
from schema.visits import RecordArrivalInput, RecordArrivalPayload


@strawberry.type(description="What can be done. Each field is one transaction; a rule's no is a userError.")
class Mutation(
    Bookkeeping,
    Dealings,
    Exchange,
    Staffing,
    Storekeeping,
    Provisioning,
    Upkeep,
    Fieldwork,
    Crewing,
    Erasing,
    Admission,
):
    report_positions: ReportPositionsPayload = verb(
        tracking.report_positions,
        ReportPositionsInput,
        "Where a technician's device has been; arrivals and ETAs follow from it.",
        roles=REPORTERS,
        scope="positions:write",
    )
    record_arrival: RecordArrivalPayload = verb(
        tracking.record_arrival,
        RecordArrivalInput,
        "The technician is there, by somebody's word; it wins over the geofence.",
        roles=AT_WORK,
        scope="work:write",
    )
    withdraw_arrival: WithdrawArrivalPayload = verb(
        tracking.withdraw_arrival,
        WithdrawArrivalInput,
        "They had not arrived: EN_ROUTE again, before the work begins; a correction that the log keeps.",
        roles=PLANNERS,
        scope="work:write",
    )
    create_absence: CreateAbsencePayload = verb(
        scheduling.create_absence,
        CreateAbsenceInput,
        "A technician is not there; their visits of that time go back to the pool.",
        roles=PLANNERS,
        scope="technicians:write",
    )
    create_tracking_link: CreateTrackingLinkPayload = verb(
        tracking.create_tracking_link,
        CreateTrackingLinkInput,
        "Open a door to one visit; its secret is shown this once.",
        roles=PLANNERS,
        scope="work:write",
    )
    revoke_tracking_link: RevokeTrackingLinkPayload = verb(
        tracking.revoke_tracking_link,
        RevokeTrackingLinkInput,
        "Close a door; what was opened through it ends within 2 seconds.",
        roles=PLANNERS,
        scope="work:write",
    )
    propose_plan: ProposePlanPayload = verb(
        plans.propose_plan,
        ProposePlanInput,
        "Ask the optimizer for a plan of a day.",
        roles=PLANNERS,
        scope="plans:write",
    )
    commit_plan: CommitPlanPayload = verb(
        plans.commit_plan,
        CommitPlanInput,
        "Make a plan real; where the graph has moved it becomes STALE and nothing is moved.",
        roles=PLANNERS,
        scope="plans:write",
    )
    cancel_plan: CancelPlanPayload = verb(
        plans.cancel_plan,
        CancelPlanInput,
        "End the search: what is being solved is proposed as good as it has become.",
        roles=PLANNERS,
        scope="plans:write",
    )
    create_scheduling_policy: CreateSchedulingPolicyPayload = verb(
        plans.create_scheduling_policy,
        CreateSchedulingPolicyInput,
        "Say anew how days shall be planned.",
        roles=APPROVERS,
        scope="plans:write",
    )
    update_scheduling_policy: UpdateSchedulingPolicyPayload = verb(
        plans.update_scheduling_policy,
        UpdateSchedulingPolicyInput,
        "Change how days shall be planned; what is being solved goes on as it began.",
        roles=APPROVERS,
        scope="plans:write",
    )
    discard_plan: DiscardPlanPayload = verb(
        plans.discard_plan,
        DiscardPlanInput,
        "Drop a plan; one that is being solved stops.",
        roles=PLANNERS,
        scope="plans:write",
    )


@strawberry.type(description="What is told as it happens.")
class Subscription(Listening):
    visit_tracking: VisitTrackingItem = stream(
        tracking.visit_tracking,
        "How one visit comes along: its state, ETA, and position as the privacy rule allows.",
        roles=(*PLANNERS, Role.CUSTOMER, Role.TRACKING),
        scope="positions:read",
        arguments={
            "visit": (strawberry.ID | None, "The visit; a tracking link knows its own."),
            "after": AFTER,
        },
    )
    plan_progress: PlanProgressItem = stream(
        plans.plan_progress,
        "How a plan comes along, to its end.",
        roles=PLANNERS,
        scope="plans:read",
        arguments={"plan": (strawberry.ID, "The plan."), "after": AFTER},
    )
    import_progress: ImportProgressItem = stream(
        imports.import_progress,
        "How an import comes along, to its end.",
        roles=EXCHANGERS,
        scope="imports:read",
        arguments={"import": (strawberry.ID, "The import."), "after": AFTER},
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


@strawberry.directive(
    locations=[DirectiveLocation.QUERY],
    name="live",
    description=(
        "Answer this query with its result, and with a new whole one whenever that has changed: over"
        " WebSocket, or as text/event-stream."
    ),
)
def live(value: DirectiveValue[object]) -> object:
    return value


def build() -> strawberry.Schema:
    """The graph, with the filters and orders of every connection."""
    Filters().complete([Query])
    config = StrawberryConfig(scalar_map=scalars.SCALARS)
    whole = strawberry.Schema(Query, Mutation, Subscription, directives=[idempotent, live], config=config)
    executable = executable_of(whole)
    # Strawberry knows directives of operations, and of its own types; this one is of printed fields.
    executable.directives = (*executable.directives, COST)
    return whole
