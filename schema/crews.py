"""Crews: technicians who are assigned as a unit, who joins a visit, and the offers made to them."""

from datetime import datetime

import strawberry

from domain import crews
from schema.customers import NO_CHANGE, VERSION, WHY
from schema.entities import Entity
from schema.errors import UserError
from schema.graph import Connection, column, listed, many, node, one, record
from schema.technicians import Technician
from schema.values import foremost
from schema.visits import VisitOutcome

BY_THE_OFFICE = "For whom the office says it; null: the lead. A technician speaks for themselves."


@node(crews.CrewMember, prefix="cme", description="A technician of a crew.")
class CrewMember(Entity):
    is_lead: bool = column("Whether they lead it.")
    technician: Technician | None = one("Who.", by="technician_id")


@node(
    crews.Crew,
    prefix="crw",
    description="Technicians who are assigned as a unit.",
    order=("name",),
    search=("name",),
)
class Crew(Entity):
    name: str = column("What it is called.")
    is_active: bool = column("Whether visits are still given to it.")
    members: Connection[CrewMember] = many("Who is in it, the lead too.", via="crew_id", expect=3)
    lead: CrewMember | None = foremost("Who leads it.", via="crew_id", order=("id",), where="{t}.is_lead")


@strawberry.input(description="A new crew.")
class CreateCrewInput:
    name: str = strawberry.field(description="What it is called, unlike any other.")
    lead: strawberry.ID = strawberry.field(description="The technician who leads it, and has the skills.")
    members: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The technicians beside the lead; at most 19."
    )


@strawberry.input(
    description="What shall be otherwise about a crew; the visits it has stay with whom they are."
)
class UpdateCrewInput:
    crew: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"Whether visits are still given to it. {NO_CHANGE}"
    )
    lead: strawberry.ID | None = strawberry.field(
        default=None, description="Who leads it from now on; null: as it is."
    )
    members: list[strawberry.ID] | None = strawberry.field(
        default=None, description="All who are in it beside the lead; null: as they are."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="One more technician for a visit that stands in the schedule.")
class AssignTechnicianInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID = strawberry.field(description="Who joins it.")
    lead: bool = strawberry.field(
        default=False, description="Whether they lead it from now on; who led it stays and helps."
    )
    offer_expires_at: datetime | None = strawberry.field(
        default=None, description="Until when a subcontractor may accept; null: until the work begins."
    )
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A technician who does not go to a visit any more; not its lead.")
class ReleaseTechnicianInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An offer that is taken.")
class AcceptOfferInput:
    visit: strawberry.ID = strawberry.field(description="The visit that was offered.")
    technician: strawberry.ID | None = strawberry.field(default=None, description=BY_THE_OFFICE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An offer that is not taken, or a dispatched visit that its lead hands back.")
class DeclineOfferInput:
    visit: strawberry.ID = strawberry.field(description="The visit that was offered.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    technician: strawberry.ID | None = strawberry.field(default=None, description=BY_THE_OFFICE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new crew.", crew_id="uuid", user_errors="jsonb")
class CreateCrewPayload:
    crew: Crew | None = one("The new crew.", by="crew_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The crew as it is now.", crew_id="uuid", user_errors="jsonb")
class UpdateCrewPayload:
    crew: Crew | None = one("The crew as it is now.", by="crew_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class AssignTechnicianPayload(VisitOutcome):
    """What assignTechnician answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class ReleaseTechnicianPayload(VisitOutcome):
    """What releaseTechnician answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class AcceptOfferPayload(VisitOutcome):
    """What acceptOffer answers."""


@record(
    "The visit as it is now, where it is still the viewer's to see.", visit_id="uuid", user_errors="jsonb"
)
class DeclineOfferPayload(VisitOutcome):
    """What declineOffer answers."""
