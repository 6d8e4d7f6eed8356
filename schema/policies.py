"""Policies: how an organization's days are to be planned, as clients see and set it."""

import strawberry

from domain import policies
from schema.customers import NO_CHANGE, VERSION
from schema.entities import Entity
from schema.errors import UserError
from schema.graph import column, listed, node, one, record

PRICES = "All prices are in seconds of travel at a `travelWeight` of 1."


@node(
    policies.SchedulingPolicy,
    prefix="pol",
    description=f"How days are planned: hard work rules, and what the objectives weigh. {PRICES}",
    order=("name",),
)
class SchedulingPolicy(Entity):
    name: str = column("What it is called.")
    is_default: bool = column("Whether plans that name none are made by it.")
    hold_planned_starts: bool = column(
        "Whether a visit that keeps its technician waits for its planned start, less the tolerance."
    )
    start_tolerance_seconds: int = column("How far a start may move before that has its price.")
    overtime_limit_seconds: int = column("How long after the shift a route may end at the latest.")
    travel_weight: int = column("Price of one second of travel.")
    overtime_weight: int = column(
        "Price of one second between the end of the shift and the end of the route."
    )
    change_technician_penalty: int = column("Paid for each planned visit that goes to another technician.")
    change_start_penalty: int = column(
        "Paid for each planned visit whose start moves by more than `startToleranceSeconds`."
    )
    emergency_penalty: int = column("What an EMERGENCY that is left out costs.")
    high_penalty: int = column("What a visit of HIGH priority that is left out costs.")
    normal_penalty: int = column("What a visit of NORMAL priority that is left out costs.")
    low_penalty: int = column("What a visit of LOW priority that is left out costs.")
    emergency_lateness_weight: int = column("Price of one second after the due time of an EMERGENCY.")
    high_lateness_weight: int = column("Price of one second after the due time of HIGH priority.")
    normal_lateness_weight: int = column("Price of one second after the due time of NORMAL priority.")
    low_lateness_weight: int = column("Price of one second after the due time of LOW priority.")
    preferred_percent: int = column("What a PREFERRED customer's visit is worth, in % of a STANDARD one's.")
    key_percent: int = column("What a KEY customer's visit is worth, in % of a STANDARD one's.")
    freeze_minutes: int | None = column(
        "By the default policy: how long before its planned start a SCHEDULED visit is dispatched by itself,"
        " if its lead has accepted and its crew is whole. Null: never."
    )


@strawberry.input(
    description=f"A new policy; what is left out is as in a company that never made one. {PRICES}"
)
class CreateSchedulingPolicyInput:
    name: str = strawberry.field(description="Unique in the organization.")
    is_default: bool = strawberry.field(
        default=False, description="Whether it takes the place of the default."
    )
    hold_planned_starts: bool | None = strawberry.field(default=None, description="Null: false.")
    start_tolerance_seconds: int | None = strawberry.field(default=None, description="Null: 900.")
    overtime_limit_seconds: int | None = strawberry.field(
        default=None, description="Null: 0; at most 14,400."
    )
    freeze_minutes: int | None = strawberry.field(
        default=None, description="From so long before its start a visit is dispatched. Null: never."
    )
    travel_weight: int | None = strawberry.field(
        default=None, description="Price of one second of travel. Null: 1."
    )
    overtime_weight: int | None = strawberry.field(
        default=None,
        description="Price of one second between the end of the shift and the end of the route. Null: 2.",
    )
    change_technician_penalty: int | None = strawberry.field(
        default=None, description="Paid for each planned visit that goes to another technician. Null: 600."
    )
    change_start_penalty: int | None = strawberry.field(
        default=None,
        description="Paid for each planned visit whose start moves beyond the tolerance. Null: 0.",
    )
    emergency_penalty: int | None = strawberry.field(
        default=None, description="What an EMERGENCY that is left out costs. Null: 400000."
    )
    high_penalty: int | None = strawberry.field(
        default=None, description="What a visit of HIGH priority that is left out costs. Null: 150000."
    )
    normal_penalty: int | None = strawberry.field(
        default=None, description="What a visit of NORMAL priority that is left out costs. Null: 50000."
    )
    low_penalty: int | None = strawberry.field(
        default=None, description="What a visit of LOW priority that is left out costs. Null: 10000."
    )
    emergency_lateness_weight: int | None = strawberry.field(
        default=None, description="Price of one second after the due time of an EMERGENCY. Null: 4."
    )
    high_lateness_weight: int | None = strawberry.field(
        default=None, description="Price of one second after the due time of HIGH priority. Null: 2."
    )
    normal_lateness_weight: int | None = strawberry.field(
        default=None, description="Price of one second after the due time of NORMAL priority. Null: 1."
    )
    low_lateness_weight: int | None = strawberry.field(
        default=None, description="Price of one second after the due time of LOW priority. Null: 1."
    )
    preferred_percent: int | None = strawberry.field(
        default=None,
        description="What a PREFERRED customer's visit is worth, in % of a STANDARD one's. Null: 125.",
    )
    key_percent: int | None = strawberry.field(
        default=None,
        description="What a KEY customer's visit is worth, in % of a STANDARD one's. Null: 150.",
    )


@strawberry.input(description=f"What shall be otherwise about a policy. {PRICES}")
class UpdateSchedulingPolicyInput:
    scheduling_policy: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    is_default: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"True takes the place of the default. {NO_CHANGE}"
    )
    hold_planned_starts: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    start_tolerance_seconds: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    overtime_limit_seconds: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    travel_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    overtime_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    change_technician_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    change_start_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    emergency_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    high_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    normal_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    low_penalty: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    emergency_lateness_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    high_lateness_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    normal_lateness_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    low_lateness_weight: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    preferred_percent: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    key_percent: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    freeze_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: never; a week at most."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new policy.", scheduling_policy_id="uuid", user_errors="jsonb")
class CreateSchedulingPolicyPayload:
    scheduling_policy: SchedulingPolicy | None = one("The new policy.", by="scheduling_policy_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The policy as it is now.", scheduling_policy_id="uuid", user_errors="jsonb")
class UpdateSchedulingPolicyPayload:
    scheduling_policy: SchedulingPolicy | None = one("The policy as it is now.", by="scheduling_policy_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
