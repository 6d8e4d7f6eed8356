"""Work types: what the mutations that keep the templates of work take and answer."""

import strawberry

from domain.work_orders import Priority
from schema.customers import NO_CHANGE, VERSION
from schema.errors import UserError
from schema.graph import listed, one, record
from schema.scalars import Duration
from schema.tasks import REQUIRED, SAFETY
from schema.work_orders import WorkType

LISTS = "The whole list, in the place of the one that is there."


@strawberry.input(description="A skill that work of a type needs.")
class WorkTypeSkillInput:
    skill: strawberry.ID = strawberry.field(description="The skill.")
    level: int = strawberry.field(default=1, description="The least level, from 1 to 5.")


@strawberry.input(description="Pieces of a part that work of a type uses.")
class WorkTypePartInput:
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(default=1, description="How many pieces.")


@strawberry.input(description="A step that work of a type takes.")
class WorkTypeTaskInput:
    name: str = strawberry.field(description="What is to be done, in at most 200 characters.")
    required: bool = strawberry.field(default=True, description=REQUIRED)
    safety: bool = strawberry.field(default=False, description=SAFETY)


@strawberry.input(description="A new template of work.")
class CreateWorkTypeInput:
    code: str = strawberry.field(description="The company's own code for it; unique.")
    name: str = strawberry.field(description="What it is called.")
    duration: Duration = strawberry.field(description="How long it usually takes, a day at most.")
    priority: Priority | None = strawberry.field(default=None, description="Null: NORMAL.")
    needs_approval: bool | None = strawberry.field(
        default=None, description="Whether its work orders wait until somebody agrees; null: no."
    )
    crew_size: int | None = strawberry.field(
        default=None, description="How many technicians it usually takes, from 1 to 20; null: one."
    )
    signature_required: bool | None = strawberry.field(
        default=None, description="Whether its visits are COMPLETED with a signature only; null: no."
    )
    no_access_photo_required: bool | None = strawberry.field(
        default=None, description="Whether its visits are NO_ACCESS with a photo only; null: no."
    )
    skills: list[WorkTypeSkillInput] | None = strawberry.field(
        default=None, description="What it needs to be able to do."
    )
    parts: list[WorkTypePartInput] | None = strawberry.field(
        default=None, description="What it needs to have."
    )
    tasks: list[WorkTypeTaskInput] | None = strawberry.field(
        default=None, description="The steps that it takes, in their order."
    )


@strawberry.input(description="What shall be otherwise about a template of work; what was made of it stays.")
class UpdateWorkTypeInput:
    work_type: strawberry.ID = strawberry.field(description="Which one.")
    code: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    duration: Duration | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    priority: Priority | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    needs_approval: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    crew_size: int | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    signature_required: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    no_access_photo_required: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    skills: list[WorkTypeSkillInput] | None = strawberry.field(
        default=None, description=f"{LISTS} {NO_CHANGE}"
    )
    parts: list[WorkTypePartInput] | None = strawberry.field(default=None, description=f"{LISTS} {NO_CHANGE}")
    tasks: list[WorkTypeTaskInput] | None = strawberry.field(default=None, description=f"{LISTS} {NO_CHANGE}")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A template that nothing new shall be after.")
class ArchiveWorkTypeInput:
    work_type: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type(description="What a step of a template answers.")
class WorkTypeAnswer:
    work_type: WorkType | None = one("The template as it is now.", by="work_type_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The new template.", work_type_id="uuid", user_errors="jsonb")
class CreateWorkTypePayload(WorkTypeAnswer):
    """What createWorkType answers."""


@record("The template as it is now.", work_type_id="uuid", user_errors="jsonb")
class UpdateWorkTypePayload(WorkTypeAnswer):
    """What updateWorkType answers."""


@record("The template as it is now.", work_type_id="uuid", user_errors="jsonb")
class ArchiveWorkTypePayload(WorkTypeAnswer):
    """What archiveWorkType answers."""
