"""Changes: the organization's log as integrations follow it, page by page or as a stream."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from domain.scopes import ANYBODY
from schema.audit import PREFIXES
from schema.graph import KEY, GraphField, Node, OneOf, column, record, records
from schema.scalars import JSON, Cursor
from schema.tracking import Lagged, ResyncRequired

SUBJECT_PREFIXES = {**PREFIXES, "import": "imp"}
"""By table, how the ids of its type begin."""
CHANGE = {
    "cursor": "text",
    "type": "text",
    "topic": "text",
    "subject_id": "text",
    "subject_type": "text",
    "subject_table": "text",
    "subject_key": "uuid",
    "version": "integer",
    "before": "jsonb",
    "payload": "jsonb",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "origin": "text",
    "actor": "text",
    "reason": "text",
}


def _entity(description: str) -> Any:
    """A key is told of nothing whose scope it has not, so that the edge itself needs none."""
    tables = tuple(sorted(SUBJECT_PREFIXES))
    source = OneOf(type="subject_table", by="subject_key", tables=tables, scope=ANYBODY)
    return GraphField(description=description, metadata={KEY: source}, default=None)


@record("A committed fact, as the log keeps it for 30 days.", **CHANGE)
class ChangeEvent:
    cursor: Cursor = column("Where this stands in the log.")
    type: str = column("What happened, such as VisitScheduled.")
    topic: str = column("What it is about, such as visit.")
    subject_id: strawberry.ID | None = column(
        "The global id of what it is about, also where that is gone; null for what is no type of the graph."
    )
    subject_type: str | None = column("The type of what it is about, such as Visit.")
    entity: Node | None = _entity("What it is about as it is now; null where it is gone.")
    version: int = column("The version of what it is about with this change.")
    before: JSON = column("What changed, as it was: by field name, with global ids.")
    payload: JSON = column("What else the fact says, likewise.")
    occurred_at: datetime = column("When it happened, by business time.")
    recorded_at: datetime = column("When the database took it in.")
    origin: str = column("By which door, such as API or OPTIMIZER.")
    actor: str = column("Who, as their token says.")
    reason: str | None = column("Why.")


@record("Where the stream starts: read everything by query, then apply what follows.", cursor="text")
class ChangesSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")


@record("A page of the log: whole transactions.", items="jsonb", cursor="text", has_more="boolean")
class ChangesPage:
    items: list[ChangeEvent] = records(
        "The facts in their order: those of one transaction together, so that there may be more than `first`;"
        " or fewer, even none, while `hasMore`, where few are wanted.",
        expect=1,
    )
    cursor: Cursor = column("Go on after this: the same for `changes` as a stream.")
    has_more: bool = column("Whether more follows now.")


ChangesItem = Annotated[
    ChangesSnapshot | ChangeEvent | Lagged | ResyncRequired,
    strawberry.union("ChangesItem", description="What changes tells."),
]
