"""Dependencies: the mutations by which a visit waits for another, or does no longer."""

from collections.abc import Mapping
from typing import Any

from domain import visits
from domain.unit_of_work import UnitOfWork
from domain.visits import Pair
from resolvers.context import Context, key
from schema.dependencies import AddVisitDependencyInput, RemoveVisitDependencyInput

Values = Mapping[str, Any]


async def add_visit_dependency(work: UnitOfWork, given: AddVisitDependencyInput, _context: Context) -> Values:
    pair = Pair(
        predecessor_id=key("vis", given.predecessor),
        successor_id=key("vis", given.successor),
        kind=given.kind,
        gap_seconds=given.gap or 0,
    )
    row = await visits.add_dependency(work, pair)
    return {"visit_dependency_id": row.id, "visit_id": row.successor_id}


async def remove_visit_dependency(
    work: UnitOfWork, given: RemoveVisitDependencyInput, _context: Context
) -> Values:
    visit = await visits.remove_dependency(work, key("vde", given.visit_dependency))
    return {"visit_id": visit.id, "removed_id": given.visit_dependency}
