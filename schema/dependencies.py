"""Dependencies: what is said to have a visit wait for another, or go with it."""

import strawberry

from domain.visits import DependencyKind
from schema.customers import REMOVED
from schema.errors import UserError
from schema.graph import column, listed, one, record
from schema.scalars import Duration
from schema.visits import Visit, VisitDependency, VisitOutcome


@strawberry.input(description="Which visit waits for which.")
class AddVisitDependencyInput:
    predecessor: strawberry.ID = strawberry.field(description="The visit that comes first.")
    successor: strawberry.ID = strawberry.field(description="The visit that depends on it; it has not begun.")
    kind: DependencyKind = strawberry.field(
        default=DependencyKind.FINISH_START, description="What they have to do with each other."
    )
    gap: Duration | None = strawberry.field(
        default=None, description="The least time between the end and the start; null: none."
    )


@strawberry.input(description="A dependency that is none any more.")
class RemoveVisitDependencyInput:
    visit_dependency: strawberry.ID = strawberry.field(description="Which one.")


@record(
    "The new dependency, and the visit that depends.",
    visit_dependency_id="uuid",
    visit_id="uuid",
    user_errors="jsonb",
)
class AddVisitDependencyPayload:
    visit_dependency: VisitDependency | None = one("The new dependency.", by="visit_dependency_id")
    visit: Visit | None = one("The visit that depends, as it is now.", by="visit_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The visit as it is now.", visit_id="uuid", removed_id="text", user_errors="jsonb")
class RemoveVisitDependencyPayload(VisitOutcome):
    """What removeVisitDependency answers."""

    removed_id: strawberry.ID | None = column(REMOVED)
