"""Work orders: the scope of work for a customer, and the types it is made after."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import work_orders
from domain.work_orders import Priority, WorkOrderOutcome, WorkOrderState
from schema.assets import Asset
from schema.contracts import Contract, Entitlement
from schema.costs import Cost
from schema.customers import WHY, Customer, ExternalId
from schema.entities import STAFF, WITH_COST, Entity
from schema.errors import UserError
from schema.graph import Connection, column, listed, many, node, one, record, several, sql
from schema.scalars import Duration
from schema.sites import Site
from schema.stock import Part
from schema.technicians import Skill
from schema.values import counted, derived

if TYPE_CHECKING:
    from schema.maintenance import MaintenanceOccurrence
    from schema.milestones import Milestone
    from schema.tasks import WorkTask, WorkTypeTask
    from schema.visits import ArrivalWindowInput, Visit


@node(work_orders.WorkTypeSkill, prefix="wts", description="A skill that a type of work needs.")
class WorkTypeSkill(Entity):
    level: int = column("The least level, from 1 to 5.")
    skill: Skill | None = one("The skill.", by="skill_id")


@node(work_orders.WorkTypePart, prefix="wtp", description="A part that a type of work uses.")
class WorkTypePart(Entity):
    quantity: int = column("How many pieces.")
    part: Part | None = one("The part.", by="part_id")


@node(
    work_orders.WorkType,
    prefix="wty",
    description="A template of work.",
    order=("name",),
    search=("code", "name"),
)
class WorkType(Entity):
    code: str = column("The company's own code for it.")
    name: str = column("What it is called.")
    duration: Duration = column("How long it usually takes.", of="duration_seconds")
    priority: Priority = column("How urgent it usually is.")
    crew_size: int = column("How many technicians it usually takes.")
    needs_approval: bool = column("Whether its work orders wait until somebody agrees.")
    signature_required: bool = column(
        "Whether its visits are COMPLETED with a signature only; asked of visits as it stands when they end."
    )
    no_access_photo_required: bool = column(
        "Whether its visits are NO_ACCESS with a photo only; asked as it stands then."
    )
    skills: Connection[WorkTypeSkill] = many("What it needs to be able to do.", via="work_type_id", expect=2)
    parts: Connection[WorkTypePart] = many("What it needs to have.", via="work_type_id", expect=2)
    tasks: Connection[Annotated["WorkTypeTask", strawberry.lazy("schema.tasks")]] = many(
        "The steps that it takes.", via="work_type_id", order=("position",), expect=3
    )
    archived_at: datetime | None = column("Since when nothing new is after it.")


@node(
    work_orders.WorkOrder,
    prefix="wor",
    description="The scope of work for a customer.",
    order=("-created_at",),
    search=("number", "title", "description"),
)
class WorkOrder(Entity):
    number: str = column("The organization's number, such as WO-000042.")
    title: str = column("What is wanted, in a line.")
    description: str | None = column("What is wanted, in full.")
    internal_notes: str | None = column("What only the company should read.", roles=STAFF)
    state: WorkOrderState = column("Where it stands; follows from its visits while it is under way.")
    priority: Priority = column("How urgent it is.")
    outcome: WorkOrderOutcome | None = column("What came of it, once it is CLOSED.")
    reason: str | None = column("Why it waits or was cancelled.", roles=STAFF)
    created_at: datetime = column("When it was asked for.")
    due_at: datetime | None = column(
        "The promise: the technician arrives by then; as its ARRIVE milestone says, or as somebody said."
    )
    is_open: bool = sql(
        "{t}.state NOT IN ('CLOSED', 'CANCELLED')", "Whether it is not closed or cancelled.", never_null=True
    )
    customer: Customer | None = one("For whom.", by="customer_id")
    site: Site | None = one("Where.", by="site_id")
    asset: Asset | None = one("On which equipment.", by="asset_id")
    contract: Contract | None = one("Under which agreement.", by="contract_id")
    entitlement: Entitlement | None = one("Which targets hold.", by="entitlement_id")
    work_type: WorkType | None = one("After which template.", by="work_type_id")
    visits: Connection[Annotated["Visit", strawberry.lazy("schema.visits")]] = many(
        "The times somebody goes there.", via="work_order_id", expect=3
    )
    milestones: Connection[Annotated["Milestone", strawberry.lazy("schema.milestones")]] = many(
        "The clocks of what its contract promises, by when they are due.",
        via="work_order_id",
        order=("due_at",),
        expect=3,
    )
    tasks: Connection[Annotated["WorkTask", strawberry.lazy("schema.tasks")]] = many(
        "The steps that it takes, in their order.", via="work_order_id", order=("position",), expect=3
    )
    maintenance_occurrence: (
        Annotated["MaintenanceOccurrence", strawberry.lazy("schema.maintenance")] | None
    ) = one("The time of a maintenance plan that made it.", via="work_order_id")
    visit_count: int = counted(
        "How many visits it has, cancelled ones too, as far as the viewer may see them.",
        via="visit.work_order_id",
    )
    coverage_minutes_left: int | None = derived(
        "coverage_left",
        "How long until it is due, in minutes of the entitlement's coverage hours in the site's zone; 0 when"
        " that is past. Null where it is not open, has no dueAt or no entitlement the viewer may see, or is"
        " due in more than 92 days.",
        needs="isOpen dueAt site { timeZone } entitlement { coverageOpens coverageCloses coverageWeekdays }",
        volatile=True,
    )
    cost: Cost | None = derived(
        "work_order_cost",
        "The sum over its visits that have ended: COMPLETED, INCOMPLETE or NO_ACCESS. An amount is null where"
        " that of one of them is. Null where none has ended, or their costs are in several currencies.",
        needs="id",
        reads=("visit", "visit_cost"),
        roles=WITH_COST,
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


@strawberry.input(description="What is asked for.")
class CreateWorkOrderInput:
    site: strawberry.ID = strawberry.field(description="Where.")
    work_type: strawberry.ID = strawberry.field(description="After which template.")
    title: str = strawberry.field(description="What is wanted, in a line.")
    description: str | None = strawberry.field(default=None, description="What is wanted, in full.")
    internal_notes: str | None = strawberry.field(
        default=None, description="What only the company should read; no customer does."
    )
    priority: Priority | None = strawberry.field(default=None, description="Null: as the template says.")
    asset: strawberry.ID | None = strawberry.field(
        default=None, description="On which equipment; it stands at the site."
    )
    contract: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Under which agreement. Left out: the customer's contract in force that covers the"
        " equipment and the type of work, the one that names most of it first. Null: none.",
    )
    arrival_window: Annotated["ArrivalWindowInput", strawberry.lazy("schema.visits")] | None = (
        strawberry.field(default=None, description="When the technician is promised to arrive.")
    )
    due_at: datetime | None = strawberry.field(
        default=None, description="By when to arrive; null: as the contract's entitlement says, in its hours."
    )
    duration: Duration | None = strawberry.field(default=None, description="Null: as the template says.")
    draft: bool = strawberry.field(
        default=False,
        description="Whether it stays NEW, such as what another system asks for: nothing is scheduled for it"
        " until `approveWorkOrder` takes it in.",
    )


@record("The new work order and its first visit.", work_order_id="uuid", visit_id="uuid", user_errors="jsonb")
class CreateWorkOrderPayload:
    work_order: WorkOrder | None = one("The new work order.", by="work_order_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "Its first visit, not yet scheduled.", by="visit_id"
    )
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.input(description="What is to be otherwise about a work order; what is left out stays.")
class UpdateWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="What is wanted, in a line.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What is wanted, in full; null: nothing more."
    )
    internal_notes: str | None = strawberry.field(
        default=strawberry.UNSET, description="What only the company should read; null: nothing."
    )
    priority: Priority | None = strawberry.field(default=strawberry.UNSET, description="How urgent it is.")
    due_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="By when to arrive; what is said here no longer goes with the milestone. Null: as its"
        " ARRIVE milestone says again, or at no time where it has none.",
    )
    asset: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="On which equipment; left out: as it is, null: none. Its contract stays.",
    )
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A work order that somebody agrees to.")
class ApproveWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A work order that shall wait.")
class HoldWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A work order that waits no longer.")
class ReleaseWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A work order that shall not happen.")
class CancelWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A work order that is reviewed.")
class CloseWorkOrderInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    outcome: WorkOrderOutcome = strawberry.field(
        description="What came of it; UNRESOLVED alone where it is not COMPLETED."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.input(description="One more visit of a work order.")
class AddVisitInput:
    work_order: strawberry.ID = strawberry.field(description="The work order.")
    arrival_window: Annotated["ArrivalWindowInput", strawberry.lazy("schema.visits")] | None = (
        strawberry.field(default=None, description="When the technician is promised to arrive.")
    )
    duration: Duration | None = strawberry.field(default=None, description="Null: as the template says.")
    expected_version: int | None = strawberry.field(
        default=None, description="The work order's version as it was read; null: whatever it is."
    )


@strawberry.type(description="What a step of a work order answers.")
class WorkOrderAnswer:
    work_order: WorkOrder | None = one("The work order as it is now.", by="work_order_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class UpdateWorkOrderPayload(WorkOrderAnswer):
    """What updateWorkOrder answers."""


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class ApproveWorkOrderPayload(WorkOrderAnswer):
    """What approveWorkOrder answers."""


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class HoldWorkOrderPayload(WorkOrderAnswer):
    """What holdWorkOrder answers."""


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class ReleaseWorkOrderPayload(WorkOrderAnswer):
    """What releaseWorkOrder answers."""


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class CancelWorkOrderPayload(WorkOrderAnswer):
    """What cancelWorkOrder answers."""


@record("The work order as it is now.", work_order_id="uuid", user_errors="jsonb")
class CloseWorkOrderPayload(WorkOrderAnswer):
    """What closeWorkOrder answers."""


@record("The new visit, and its work order.", visit_id="uuid", work_order_id="uuid", user_errors="jsonb")
class AddVisitPayload:
    work_order: WorkOrder | None = one("The work order as it is now.", by="work_order_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "The new visit, not yet scheduled.", by="visit_id"
    )
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
