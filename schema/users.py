"""Users: the people who get in, what an ADMIN says of them, and the secrets that are shown once."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import users
from domain.viewers import Role
from schema.customers import NO_CHANGE, VERSION
from schema.entities import Entity
from schema.errors import UserError
from schema.graph import column, listed, node, one, record

if TYPE_CHECKING:
    from schema.customers import Contact, Customer
    from schema.technicians import Technician

WHY_NOT = "Why nothing was done; empty when it was."
SHOWN_ONCE = (
    "The user's own bearer token: shown this once, kept only as a digest, good for 90 days or until"
    " renewUserToken."
)
ISSUER = "The identity provider that knows the user, as its tokens say it (`iss`)."
SUBJECT = "By what it knows them, as its tokens say it (`sub`)."


@node(users.User, prefix="usr", description="A person who gets in.", order=("name",))
class User(Entity):
    name: str = column("What the person is called.")
    email: str | None = column("Where they are written to; in lower case.")
    handle: str = column("What history and events call them as an actor, and `Customer.owner` names.")
    role: Role = column("What they may see and do hangs on it.")
    issuer: str | None = column(ISSUER)
    subject: str | None = column(SUBJECT)
    is_active: bool = column("Whether they get in.")
    customer: Annotated["Customer", strawberry.lazy("schema.customers")] | None = one(
        "A CUSTOMER's customer.", by="customer_id"
    )
    contact: Annotated["Contact", strawberry.lazy("schema.customers")] | None = one(
        "Which of its contacts they are.", by="contact_id"
    )
    technician: Annotated["Technician", strawberry.lazy("schema.technicians")] | None = one(
        "Who a TECHNICIAN or SUBCONTRACTOR is.", by="technician_id"
    )


@strawberry.input(description="A new user.")
class CreateUserInput:
    name: str = strawberry.field(description="What the person is called.")
    email: str | None = strawberry.field(default=None, description="Where they are written to.")
    role: Role = strawberry.field(description="Any but TRACKING and INTEGRATION.")
    issuer: str | None = strawberry.field(default=None, description=f"{ISSUER} With `subject`, or none.")
    subject: str | None = strawberry.field(default=None, description=SUBJECT)
    customer: strawberry.ID | None = strawberry.field(default=None, description="Of a CUSTOMER, and needed.")
    contact: strawberry.ID | None = strawberry.field(default=None, description="One of the customer's.")
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="Of a TECHNICIAN (an employee) or SUBCONTRACTOR, and needed."
    )


@strawberry.input(description="What shall be otherwise about a user.")
class UpdateUserInput:
    user: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    email: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    role: Role | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} The last ADMIN stays one, and so does who asks."
    )
    issuer: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    subject: str | None = strawberry.field(default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none.")
    customer: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    contact: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    technician: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: none."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A user who shall get in no more.")
class DeactivateUserInput:
    user: strawberry.ID = strawberry.field(description="Which one: not who asks, nor the last ADMIN.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A user who shall get in again.")
class RestoreUserInput:
    user: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A user who needs another token.")
class RenewUserTokenInput:
    user: strawberry.ID = strawberry.field(description="Which one.")


@record("The new user, and how they get in.", user_id="uuid", token="text", user_errors="jsonb")  # noqa: S106  # an SQL type
class CreateUserPayload:
    user: User | None = one("The new user.", by="user_id")
    token: str | None = column(SHOWN_ONCE)
    user_errors: list[UserError] = listed(WHY_NOT)


@record("The user as they are now.", user_id="uuid", user_errors="jsonb")
class UpdateUserPayload:
    user: User | None = one("The user as they are now.", by="user_id")
    user_errors: list[UserError] = listed(WHY_NOT)


@record("The user, shut out.", user_id="uuid", user_errors="jsonb")
class DeactivateUserPayload:
    user: User | None = one("The user as they are now.", by="user_id")
    user_errors: list[UserError] = listed(WHY_NOT)


@record("The user, let in again.", user_id="uuid", token="text", user_errors="jsonb")  # noqa: S106  # an SQL type
class RestoreUserPayload:
    user: User | None = one("The user as they are now.", by="user_id")
    token: str | None = column(SHOWN_ONCE)
    user_errors: list[UserError] = listed(WHY_NOT)


@record("The user's new token.", user_id="uuid", token="text", user_errors="jsonb")  # noqa: S106  # an SQL type
class RenewUserTokenPayload:
    user: User | None = one("Whose it is.", by="user_id")
    token: str | None = column(f"{SHOWN_ONCE} Those before it are revoked.")
    user_errors: list[UserError] = listed(WHY_NOT)
