"""Substatuses: what is said to make a company's own words for where a visit stands, and to use them."""

import strawberry

from domain.visits import VisitState
from schema.customers import NO_CHANGE, VERSION
from schema.errors import UserError
from schema.graph import listed, one, record
from schema.visits import Substatus, VisitOutcome


@strawberry.input(description="A new word for where a visit stands.")
class CreateSubstatusInput:
    code: str = strawberry.field(description="The company's own code for it, unlike any other.")
    name: str = strawberry.field(description="What it is called.")
    state: VisitState = strawberry.field(description="The state it belongs to, for good.")


@strawberry.input(description="What shall be otherwise about a substatus.")
class UpdateSubstatusInput:
    substatus: strawberry.ID = strawberry.field(description="Which one.")
    code: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"Whether it may still be set. {NO_CHANGE}"
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Where a visit stands more closely.")
class SetVisitSubstatusInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    substatus: strawberry.ID | None = strawberry.field(
        default=None, description="A word of the state it is in; null: none."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new substatus.", substatus_id="uuid", user_errors="jsonb")
class CreateSubstatusPayload:
    substatus: Substatus | None = one("The new substatus.", by="substatus_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The substatus as it is now.", substatus_id="uuid", user_errors="jsonb")
class UpdateSubstatusPayload:
    substatus: Substatus | None = one("The substatus as it is now.", by="substatus_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The visit as it is now.", visit_id="uuid", user_errors="jsonb")
class SetVisitSubstatusPayload(VisitOutcome):
    """What setVisitSubstatus answers."""
