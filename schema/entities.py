"""Entities: what every row with an id of its own shows, and the small objects many of them hold."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.audit import TOLD_OF
from domain.viewers import Role
from schema.graph import Connection, Node, column, many, value

if TYPE_CHECKING:
    from schema.audit import HistoryEntry

BACK_OFFICE = (Role.ADMIN, Role.MANAGER, Role.DISPATCHER, Role.SALES, Role.INTEGRATION)
WITH_COST = (Role.ADMIN, Role.MANAGER, Role.SALES, Role.INTEGRATION)
STAFF = (*BACK_OFFICE, Role.TECHNICIAN, Role.SUBCONTRACTOR)


@strawberry.type(description="A row that counts its changes.")
class Entity(Node):
    version: int = column("Counts the changes, from 1; give it back as expectedVersion.")
    updated_at: datetime = column("When it last changed.")
    history: Connection[Annotated["HistoryEntry", strawberry.lazy("schema.audit")]] = many(
        "Every change of this row and of what is part of it: who, why, when, before and after; the newest"
        " first. A work order's has its visits, their assignments, its tasks and milestones; a technician's"
        " shifts, certificates and assignments. `entityType` and `entityId` of an entry say of which row it"
        " is, also where that is gone; of this row alone: `where: {entityId: {eq: …}}`. What changed of parts"
        " before it was told here (version 0.1.0) is in their own history only. Empty for what is measured or"
        " computed, such as ETAs.",
        via="told_of",
        among=TOLD_OF,
        order=("-id",),
        expect=5,
        roles=BACK_OFFICE,
    )


@value(
    "An amount of money in its currency. Amounts have at most four decimals: what is given with more is"
    " refused (INVALID), what is computed is rounded once, at the end, half up."
)
class Money:
    amount: Decimal = column("The amount, in units of the currency.")
    currency: str = column("ISO 4217, such as EUR.")
