"""Plans: what is asked of the optimizer, what it proposes, and how it comes along."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from domain import plans
from domain.plans import PlanChangeKind, PlanState
from schema.entities import Entity
from schema.errors import UserError
from schema.graph import Connection, column, embedded, listed, many, node, one, record, sql
from schema.policies import SchedulingPolicy
from schema.scalars import Cursor
from schema.technicians import Technician
from schema.tracking import Lagged, ResyncRequired
from schema.visits import PlannedTime, Visit


@node(plans.PlanReason, prefix="rea", description="Why a visit is left out of a plan.")
class Reason(Entity):
    code: str = column(
        "MISSING_SKILL, CERTIFICATION_EXPIRED, OFF_SHIFT, OUTSIDE_WINDOW, NO_ROOM, MISSING_PART,"
        " WOULD_DISPLACE, COSTS_MORE, NOT_ALLOWED or WAITS_FOR."
    )
    message: str = column("The same in a sentence, and the cheapest that would have to give.")
    minutes: int | None = column("By how many minutes.")
    visit: Visit | None = one("The visit.", by="visit_id")
    technician: Technician | None = one("The technician it is about; null: every one.", by="technician_id")


@node(plans.PlanChange, prefix="pch", description="One move of a plan.", order=("planned_start", "id"))
class PlanChange(Entity):
    kind: PlanChangeKind = column("What is done with the visit.")
    planned: PlannedTime | None = embedded("Where it goes.", prefix="planned_")
    from_planned_start: datetime | None = column("When the work was to start.")
    visit: Visit | None = one("The visit, as it is now.", by="visit_id")
    technician: Technician | None = one("Whose it becomes.", by="technician_id")
    from_technician: Technician | None = one("Whose it is.", by="from_technician_id")


@node(plans.Plan, prefix="pln", description="A proposal of the optimizer.", order=("-created_at",))
class Plan(Entity):
    day: date = column("The day that is planned, in the organization's zone.")
    state: PlanState = column("Where it stands.")
    seconds: int = column("How long the optimizer may take.")
    seed: int = column("The seed of its random numbers.")
    cost: float | None = sql("({t}.objective->>'total')::float8", "What it costs; less is better.")
    travel_seconds: int | None = sql("({t}.objective->>'travel_seconds')::int", "Driving, in seconds.")
    improvements: int = column("How often it has become better.")
    assigned_count: int = column("Visits with a technician.")
    unassigned_count: int = column("Visits left out.")
    failure: str | None = column("Why it failed or became stale.")
    created_at: datetime = column("When it was asked for.")
    solved_at: datetime | None = column("When it was proposed.")
    committed_at: datetime | None = column("When it was made real.")
    policy: SchedulingPolicy | None = one(
        "By which policy; null where the organization had none then.", by="scheduling_policy_id"
    )
    stop_asked_at: datetime | None = column("When somebody asked for the best so far.")
    changes: Connection[PlanChange] = many("What it would change.", via="plan_id", expect=50)
    reasons: Connection[Reason] = many("Why visits are left out.", via="plan_id", expect=10)


@strawberry.input(description="What to plan.")
class ProposePlanInput:
    day: date = strawberry.field(description="The day, in the organization's zone.")
    seconds: int = strawberry.field(default=10, description="How long the optimizer may take: 1 to 120.")
    seed: int = strawberry.field(default=1, description="The seed of its random numbers.")
    technicians: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these; null: all on shift."
    )
    visits: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these may move; null: all of the day."
    )
    scheduling_policy: strawberry.ID | None = strawberry.field(
        default=None, description="By which policy; null: the organization's default."
    )


@strawberry.input(description="A plan to be made real.")
class CommitPlanInput:
    plan: strawberry.ID = strawberry.field(description="The plan.")
    expected_version: int | None = strawberry.field(
        default=None, description="The plan's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A plan whose search shall end.")
class CancelPlanInput:
    plan: strawberry.ID = strawberry.field(description="The plan; it is a DRAFT or SOLVING.")
    expected_version: int | None = strawberry.field(
        default=None, description="The plan's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A plan nobody wants.")
class DiscardPlanInput:
    plan: strawberry.ID = strawberry.field(description="The plan.")


@strawberry.type(description="What a step of a plan answers.")
class PlanOutcome:
    plan: Plan | None = one("The plan as it is now.", by="plan_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new plan; planProgress tells how it comes along.", plan_id="uuid", user_errors="jsonb")
class ProposePlanPayload(PlanOutcome):
    """What proposePlan answers."""


@record("The plan: COMMITTED, or STALE when the graph has moved.", plan_id="uuid", user_errors="jsonb")
class CommitPlanPayload(PlanOutcome):
    """What commitPlan answers."""


@record("The plan: DISCARDED, or soon PROPOSED with the best so far.", plan_id="uuid", user_errors="jsonb")
class CancelPlanPayload(PlanOutcome):
    """What cancelPlan answers."""


@record("The plan, discarded.", plan_id="uuid", user_errors="jsonb")
class DiscardPlanPayload(PlanOutcome):
    """What discardPlan answers."""


STEP = {
    "cursor": "text",
    "plan_id": "uuid",
    "cost": "double precision",
    "assigned": "integer",
    "unassigned": "integer",
}


@strawberry.type(description="How a plan comes along.")
class PlanStep:
    cursor: Cursor = column("Where this stands in the log.")
    cost: float | None = column("What the plan cost at that moment.")
    assigned: int | None = column("Visits with a technician at that moment.")
    unassigned: int | None = column("Visits left out at that moment.")
    plan: Plan | None = one("The plan as it is now.", by="plan_id")


@record("How the plan stands at the start.", **STEP)
class PlanSnapshot(PlanStep):
    """The first item, unless the stream goes on from a cursor."""


@record("The optimizer has begun.", **STEP)
class PlanStarted(PlanStep):
    """DRAFT → SOLVING."""


@record("A better plan was found.", **STEP)
class PlanImproved(PlanStep):
    """Still SOLVING."""


@record("The plan is ready to be looked at.", **STEP)
class PlanProposed(PlanStep):
    """SOLVING → PROPOSED."""


@record("The plan has come to its end.", **STEP)
class PlanEnded(PlanStep):
    """COMMITTED, DISCARDED, STALE or FAILED."""


PlanProgressItem = Annotated[
    PlanSnapshot | PlanStarted | PlanImproved | PlanProposed | PlanEnded | Lagged | ResyncRequired,
    strawberry.union("PlanProgressItem", description="What planProgress tells."),
]
