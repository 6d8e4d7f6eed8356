"""Steps of a visit beside its usual course: what each of them takes and answers."""

from datetime import datetime

import strawberry

from domain.visits import IncompleteReason, Pin
from schema.customers import NO_CHANGE, VERSION, WHY
from schema.evidence import PhotoInput
from schema.graph import one, record
from schema.scalars import Duration
from schema.visits import ArrivalWindowInput, Visit, VisitOutcome


@strawberry.input(description="A visit that goes back to the pool.")
class UnscheduleVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="Where a visit that is SCHEDULED goes; what is left out stays.")
class RescheduleVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="Who goes there; null: whoever has it."
    )
    start: datetime | None = strawberry.field(
        default=None, description="When the work starts; null: as it is planned."
    )
    arrival_window: ArrivalWindowInput | None = strawberry.field(
        default=None, description="What the customer is promised with it; null: as it is."
    )
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A visit that its technician shall not set off to for now.")
class RecallVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="What nobody may move of a visit.")
class PinVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    pin: Pin = strawberry.field(description="What stays.")
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A visit that may be moved again.")
class UnpinVisitInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="A visit the technician is no longer on the way to.")
class StopTravelInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str | None = strawberry.field(default=None, description="Why, in at most 500 characters.")


@strawberry.input(description="A visit whose work rests.")
class PauseWorkInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")


@strawberry.input(description="A visit whose work goes on.")
class ResumeWorkInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")


@strawberry.input(description="A visit that ends with a rest to do.")
class MarkIncompleteInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: IncompleteReason = strawberry.field(description="Why.")


@strawberry.input(description="A visit where nobody let the technician in.")
class MarkNoAccessInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    photo: PhotoInput | None = strawberry.field(
        default=None,
        description="What shows it. Where its type of work asks for a photo, and no attachment of the visit"
        " is one, it is needed: MISSING_EVIDENCE.",
    )


@strawberry.input(description="A visit that has ended and left something to do.")
class CreateFollowUpInput:
    visit: strawberry.ID = strawberry.field(description="The visit whose rest is to be done.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="An arrival that was none.")
class WithdrawArrivalInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    reason: str = strawberry.field(description="Why, in at most 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The visit's version as it was read; null: whatever it is."
    )


@strawberry.input(description="What a visit is to be like.")
class UpdateVisitInput:
    visit: strawberry.ID = strawberry.field(description="Which one.")
    arrival_window: ArrivalWindowInput | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"The promise; what is planned has to lie in it. {NO_CHANGE} Null: none.",
    )
    duration: Duration | None = strawberry.field(
        default=strawberry.UNSET, description=f"How long the work takes, until it is dispatched. {NO_CHANGE}"
    )
    crew_size: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"From 1 to 20, until it is dispatched. {NO_CHANGE}"
    )
    reason: str | None = strawberry.field(default=None, description=WHY)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class UpdateVisitPayload(VisitOutcome):
    """What updateVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class UnscheduleVisitPayload(VisitOutcome):
    """What unscheduleVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class RescheduleVisitPayload(VisitOutcome):
    """What rescheduleVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class RecallVisitPayload(VisitOutcome):
    """What recallVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class PinVisitPayload(VisitOutcome):
    """What pinVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class UnpinVisitPayload(VisitOutcome):
    """What unpinVisit answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class StopTravelPayload(VisitOutcome):
    """What stopTravel answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class PauseWorkPayload(VisitOutcome):
    """What pauseWork answers."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class ResumeWorkPayload(VisitOutcome):
    """What resumeWork answers."""


@record(
    "The visit as it is now, and the one that does the rest.",
    visit_id="uuid",
    follow_up_id="uuid",
    user_errors="jsonb",
)
class MarkIncompletePayload(VisitOutcome):
    follow_up: Visit | None = one(
        "The new visit, not yet scheduled, as far as the viewer may see it.", by="follow_up_id"
    )


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class MarkNoAccessPayload(VisitOutcome):
    """What markNoAccess answers."""


@record("The new visit.", visit_id="uuid", user_errors="jsonb")
class CreateFollowUpPayload(VisitOutcome):
    """What createFollowUp answers: the new visit, not yet scheduled."""


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class WithdrawArrivalPayload(VisitOutcome):
    """What withdrawArrival answers."""
