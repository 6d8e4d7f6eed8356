"""Technicians' positions as they are told: who has moved, who has come and who is gone."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.chosen import chosen
from schema.graph import column, one, record
from schema.scalars import Cursor
from schema.technicians import Technician
from schema.tracking import Lagged, ResyncRequired

EXPECTED = 50
"""Technicians of a snapshot, for its cost; what it really had is settled afterwards."""


@strawberry.input(
    description="Which technicians. One has to be in all that is given; an empty list does not narrow."
)
class TechnicianScope:
    technicians: list[strawberry.ID] | None = strawberry.field(default=None, description="These.")
    territories: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Those who serve in these areas."
    )


@record(
    "A technician has reported another position, or has come into the scope. Only the latest is told, of each"
    " technician at most once in a second.",
    cursor="text",
    technician_id="uuid",
    occurred_at="timestamptz",
)
class TechnicianMoved:
    cursor: Cursor = column("Where this stands in the log.")
    occurred_at: datetime = column("When it was reported.")
    technician: Technician | None = one("Who; their `position` is the one of now.", by="technician_id")


@record(
    "A technician is archived or serves elsewhere now; nothing else of them is told.",
    cursor="text",
    technician_id="text",
)
class TechnicianRemoved:
    cursor: Cursor = column("Where this stands in the log.")
    technician_id: strawberry.ID = column("The technician's id.")


@record(
    "The technicians where the stream starts: apply to them what follows.",
    cursor="text",
    technician_ids="uuid[]",
    is_complete="boolean",
)
class TechnicianSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    technicians: list[Technician] = chosen(
        "The scope's technicians who are not archived; ask for their `position`. At most 1,000.",
        by="technician_ids",
        expect=EXPECTED,
    )
    is_complete: bool = column("Whether `technicians` are all of them; else read the rest by query.")


TechnicianItem = Annotated[
    TechnicianSnapshot | TechnicianMoved | TechnicianRemoved | Lagged | ResyncRequired,
    strawberry.union("TechnicianItem", description="What technicianPositions tells."),
]
