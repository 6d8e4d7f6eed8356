"""Maintenance: plans that make work orders again and again, and their occurrences."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain import maintenance
from domain.maintenance import MaintenancePlanState, OccurrenceState
from schema.assets import Asset
from schema.contracts import Contract
from schema.customers import NO_CHANGE, VERSION, Customer
from schema.entities import STAFF, Entity
from schema.errors import UserError
from schema.graph import Connection, column, listed, many, node, one, record
from schema.scalars import Duration
from schema.sites import Site
from schema.values import foremost
from schema.work_orders import WorkOrder, WorkType

REASON = "Why, in at most 500 characters."
RULE = (
    "Which days, as an RRULE of RFC 5545 such as FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO: FREQ (DAILY, WEEKLY,"
    " MONTHLY, YEARLY), INTERVAL, COUNT, UNTIL (a day), BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST."
)
STARTS = "The day from which the rule counts, in the site's zone."
TIME = (
    "When on such a day, HH:MM in the site's zone. Where the clocks leap over it, it is as much later; where"
    " it comes twice, it is the first."
)
WINDOW = "How long the arrival window is that is promised."
HORIZON = "How many days ahead its work orders are made, from 0 to 365."
EVERY = "After how many units of the asset's meter, over all meters that it has had."
LEAD = "So many units before, the work order is made."
FROM = "The units from which it counts."


@node(
    maintenance.MaintenanceOccurrence,
    prefix="moc",
    description="One time of a maintenance plan.",
    order=("starts_at",),
)
class MaintenanceOccurrence(Entity):
    day: date | None = column("The day of the rule, in the site's zone; null of a meter's.")
    threshold: Decimal | None = column("The units at which it is due; null of a rule's.")
    starts_at: datetime | None = column(
        "When it is to start: where it was moved to, else the plan's time; null: when the meter says so."
    )
    moved_to: datetime | None = column("Where it was moved to.")
    state: OccurrenceState = column("What came of it.")
    reason: str | None = column("Why it was skipped or moved.", roles=STAFF)
    plan: Annotated["MaintenancePlan", strawberry.lazy("schema.maintenance")] | None = one(
        "Whose time it is.", by="plan_id"
    )
    work_order: WorkOrder | None = one("What was made of it.", by="work_order_id")


@node(
    maintenance.MaintenancePlan,
    prefix="mpl",
    description="What makes work orders at a site again and again, by a rule of days or by a meter.",
    order=("title",),
    search=("title",),
)
class MaintenancePlan(Entity):
    title: str = column("What its work orders are called.")
    description: str | None = column("What its work orders say in full.")
    state: MaintenancePlanState = column("Whether it makes work orders.")
    reason: str | None = column("Why it is paused.", roles=STAFF)
    rrule: str | None = column(RULE)
    starts_on: date | None = column(STARTS)
    local_time: str | None = column(TIME)
    window: Duration | None = column(WINDOW, of="window_seconds")
    meter_every: Decimal | None = column(EVERY)
    meter_lead: Decimal | None = column(LEAD)
    meter_from: Decimal | None = column(FROM)
    horizon_days: int = column("How many days ahead its work orders are made.")
    customer: Customer | None = one("For whom.", by="customer_id")
    site: Site | None = one("Where.", by="site_id")
    asset: Asset | None = one("What is maintained; null: the site.", by="asset_id")
    contract: Contract | None = one(
        "Under which agreement: nothing is made beyond its term.", by="contract_id"
    )
    work_type: WorkType | None = one("After which template.", by="work_type_id")
    occurrences: Connection[MaintenanceOccurrence] = many(
        "Its times, those to come laid out a year ahead, 60 at most.",
        via="plan_id",
        order=("starts_at",),
        expect=10,
    )
    next_occurrence: MaintenanceOccurrence | None = foremost(
        "The next one whose work order is not made yet.",
        via="plan_id",
        order=("starts_at",),
        where="{t}.state = 'PLANNED'",
    )


@strawberry.input(description="A new maintenance plan: by rrule, startsOn and localTime, or by a meter.")
class CreateMaintenancePlanInput:
    site: strawberry.ID = strawberry.field(description="Where; for good.")
    work_type: strawberry.ID = strawberry.field(description="After which template.")
    title: str = strawberry.field(description="What its work orders are called.")
    description: str | None = strawberry.field(default=None, description="What they say in full.")
    asset: strawberry.ID | None = strawberry.field(
        default=None, description="What is maintained there; a meter's plan needs it."
    )
    contract: strawberry.ID | None = strawberry.field(
        default=None, description="An active agreement; nothing is made beyond its term."
    )
    rrule: str | None = strawberry.field(default=None, description=RULE)
    starts_on: date | None = strawberry.field(default=None, description=STARTS)
    local_time: str | None = strawberry.field(default=None, description=TIME)
    window: Duration | None = strawberry.field(default=None, description=f"{WINDOW} Null: four hours.")
    horizon_days: int | None = strawberry.field(default=None, description=f"{HORIZON} Null: 14.")
    meter_every: Decimal | None = strawberry.field(default=None, description=EVERY)
    meter_lead: Decimal | None = strawberry.field(default=None, description=f"{LEAD} Null: 0.")
    meter_from: Decimal | None = strawberry.field(default=None, description=f"{FROM} Null: as it says now.")


@strawberry.input(description="What shall be otherwise about a plan; what was skipped, moved or made stays.")
class UpdateMaintenancePlanInput:
    maintenance_plan: strawberry.ID = strawberry.field(description="Which one.")
    work_type: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    title: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    asset: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: the site."
    )
    contract: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    rrule: str | None = strawberry.field(default=strawberry.UNSET, description=f"{RULE} {NO_CHANGE}")
    starts_on: date | None = strawberry.field(default=strawberry.UNSET, description=f"{STARTS} {NO_CHANGE}")
    local_time: str | None = strawberry.field(default=strawberry.UNSET, description=f"{TIME} {NO_CHANGE}")
    window: Duration | None = strawberry.field(default=strawberry.UNSET, description=f"{WINDOW} {NO_CHANGE}")
    horizon_days: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"{HORIZON} {NO_CHANGE}"
    )
    meter_every: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description=f"{EVERY} {NO_CHANGE}"
    )
    meter_lead: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"{LEAD} {NO_CHANGE}")
    meter_from: Decimal | None = strawberry.field(default=strawberry.UNSET, description=f"{FROM} {NO_CHANGE}")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A plan that shall make nothing for now.")
class PauseMaintenancePlanInput:
    maintenance_plan: strawberry.ID = strawberry.field(description="Which one.")
    reason: str = strawberry.field(description=REASON)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A plan that goes on.")
class ResumeMaintenancePlanInput:
    maintenance_plan: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A plan that shall make nothing any more.")
class ArchiveMaintenancePlanInput:
    maintenance_plan: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(
    description="A time of a plan for which there shall be no work order; one that is there is cancelled."
)
class SkipOccurrenceInput:
    occurrence: strawberry.ID = strawberry.field(
        description="Which one; PLANNED, or GENERATED and not begun."
    )
    reason: str = strawberry.field(description=REASON)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A time of a plan that shall be another.")
class MoveOccurrenceInput:
    occurrence: strawberry.ID = strawberry.field(
        description="Which one; PLANNED, or GENERATED and not begun, pinned or dispatched."
    )
    to: datetime = strawberry.field(description="When it starts instead; to come, and within the contract.")
    reason: str = strawberry.field(description=REASON)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type(description="What a step of a maintenance plan answers.")
class MaintenancePlanAnswer:
    maintenance_plan: MaintenancePlan | None = one("The plan as it is now.", by="maintenance_plan_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.type(description="What a step of an occurrence answers.")
class OccurrenceAnswer:
    occurrence: MaintenanceOccurrence | None = one("The occurrence as it is now.", by="occurrence_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new plan.", maintenance_plan_id="uuid", user_errors="jsonb")
class CreateMaintenancePlanPayload(MaintenancePlanAnswer):
    """What createMaintenancePlan answers."""


@record("The plan as it is now.", maintenance_plan_id="uuid", user_errors="jsonb")
class UpdateMaintenancePlanPayload(MaintenancePlanAnswer):
    """What updateMaintenancePlan answers."""


@record("The plan as it is now.", maintenance_plan_id="uuid", user_errors="jsonb")
class PauseMaintenancePlanPayload(MaintenancePlanAnswer):
    """What pauseMaintenancePlan answers."""


@record("The plan as it is now.", maintenance_plan_id="uuid", user_errors="jsonb")
class ResumeMaintenancePlanPayload(MaintenancePlanAnswer):
    """What resumeMaintenancePlan answers."""


@record("The plan as it is now.", maintenance_plan_id="uuid", user_errors="jsonb")
class ArchiveMaintenancePlanPayload(MaintenancePlanAnswer):
    """What archiveMaintenancePlan answers."""


@record("The occurrence as it is now.", occurrence_id="uuid", user_errors="jsonb")
class SkipOccurrencePayload(OccurrenceAnswer):
    """What skipOccurrence answers."""


@record("The occurrence as it is now.", occurrence_id="uuid", user_errors="jsonb")
class MoveOccurrencePayload(OccurrenceAnswer):
    """What moveOccurrence answers."""
