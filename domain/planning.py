"""Planning: a day of the graph goes to the optimizer, and its Plan comes back as a proposal of changes."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from domain import plannable, statements
from domain.plans import Plan, PlanChange, PlanChangeKind, PlanReason, Proposal
from domain.statements import SECONDS, VISITS, Known, Spot, Statement, Table
from domain.unit_of_work import UnitOfWork
from optimizer import plan as answers
from optimizer import problem as problems

SAME_START_SECONDS = 60
"""A start that moves by less is no change."""
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DISPLACED = answers.Reason(
    answers.ReasonCode.NO_ROOM, "A visit that may not be moved takes longer than was planned."
)


async def load(work: UnitOfWork, plan: Plan, *, table: Table) -> Statement:
    """Read the plan's day and state it. `table` gives seconds of travel from each point to each point."""
    return statements.state(await plannable.read(work, plan), table=table)


def proposal(statement: Statement, solved: answers.Plan) -> Proposal:
    """The optimizer's Plan as changes against what stood, and reasons for what is left out.

    What may not change stands where it stood, even where the Problem found no room for it; a change that
    would meet such a visit, or another that is taken back for it, is not proposed.
    """
    spots = _settled(statement, solved)
    changes = [
        _change(statement, known, spots[key])
        for key, known in statement.known.items()
        if spots[key] != known.standing
    ]
    told = {row.visit: row.reasons for row in solved.unassigned}
    absent = [key for key, spot in spots.items() if spot is None]
    helped = sum(key != str(known.visit.id) for key, known in statement.known.items())
    reasons = [
        _reason(statement, key, _plain(statement, key, reason, spots=spots))
        for key in absent
        for reason in told.get(key, (DISPLACED,))
    ]
    return Proposal(
        changes=changes,
        reasons=reasons,
        objective=asdict(solved.objective),
        assigned_count=len(spots) - len(absent) - helped,
        unassigned_count=len(absent),
    )


def _settled(statement: Statement, solved: answers.Plan) -> dict[str, Spot | None]:
    """Where each visit ends up: as solved, as it stood if that is nearly the same, and without overlaps."""
    wanted: dict[str, Spot | None] = dict.fromkeys(statement.known)
    for route in solved.routes:
        for stop in route.stops:
            wanted[stop.visit] = Spot(route.technician, stop.start, stop.end, stop.travel_seconds)
    spots, firm, near = dict(wanted), set(), set()
    for key, known in statement.known.items():
        standing, spot = known.standing, wanted[key]
        if known.firm or (spot is None and known.visit.pin is not None and standing is not None):
            firm.add(key)
            spots[key] = standing
        elif standing is not None and spot is not None and _same(standing, spot):
            near.add(key)
            spots[key] = standing
    while (clash := _clash(statement, spots) or _crowded(statement, spots, firm)) is not None:
        if nearly := near.intersection(clash):
            near -= nearly
            spots.update({key: wanted[key] for key in nearly})
            continue
        key = next(key for key in clash if key not in firm)
        firm.add(key)
        spots[key] = statement.known[key].standing
    return spots


def _same(standing: Spot, spot: Spot) -> bool:
    return (
        standing.technician == spot.technician
        and abs(standing.start - spot.start) < SAME_START_SECONDS
        and abs(standing.end - spot.end) < SAME_START_SECONDS
    )


def _clash(statement: Statement, spots: Mapping[str, Spot | None]) -> tuple[str, str] | None:
    """Two visits of one technician that overlap, at least one of them where it did not stand before."""
    taken = sorted((spot.technician, spot.start, spot.end, key) for key, spot in spots.items() if spot)
    for (mine, _, end, first), (theirs, start, _, second) in pairwise(taken):
        stood = all(spots[key] == statement.known[key].standing for key in (first, second))
        if mine == theirs and start < end and not stood:
            return second, first
    return None


def _crowded(
    statement: Statement, spots: Mapping[str, Spot | None], firm: AbstractSet[str]
) -> tuple[str, ...] | None:
    """Visits that are new with somebody who takes on no more: what was taken back is there, too."""
    for technician in statement.problem.technicians:
        if all(_left(statement, technician, spots, key=key) >= 0 for key in (VISITS, SECONDS)):
            continue
        new = tuple(
            key
            for key, spot in spots.items()
            if spot is not None
            and spot.technician == technician.key
            and key not in firm
            and spot != statement.known[key].standing
        )
        if new:
            return new
    return None


def _left(
    statement: Statement, technician: problems.Technician, spots: Mapping[str, Spot | None], *, key: str
) -> int:
    """Of a part, or of what a subcontractor takes on, beside all that they have."""
    used = sum(
        visit.parts.get(key, 0)
        for visit in statement.problem.visits
        if (spot := spots.get(visit.key)) is not None and spot.technician == technician.key
    )
    return technician.stock.get(key, 0) - used


def _plain(
    statement: Statement, key: str, reason: answers.Reason, *, spots: Mapping[str, Spot | None]
) -> answers.Reason:
    """A reason that speaks of parts, in the graph's words where a day's capacity is among them."""
    if reason.code != answers.ReasonCode.MISSING_PART:
        return reason
    visit = next(one for one in statement.problem.visits if one.key == key)
    technician = next(one for one in statement.problem.technicians if one.key == reason.technician)
    parts = {part: count for part, count in visit.parts.items() if part not in {VISITS, SECONDS}}

    def lacks(*keys: str) -> bool:
        left = (_left(statement, technician, spots, key=one) - visit.parts.get(one, 0) for one in keys)
        return any(pieces < 0 for pieces in left)

    if lacks(VISITS, SECONDS) and not lacks(*parts):
        text = f"{technician.key} takes on no more on that day."
        return answers.Reason(answers.ReasonCode.NO_ROOM, text, technician.key)
    if VISITS not in reason.message and SECONDS not in reason.message:
        return reason
    needs = ", ".join(f"{count} of {part}" for part, count in sorted(parts.items()))
    text = f"The van of {technician.key} has not enough parts left: needs {needs}."
    return answers.Reason(reason.code, text, technician.key)


def _change(statement: Statement, known: Known, spot: Spot | None) -> PlanChange:
    standing, visit = known.standing, known.visit
    if spot is None:
        kind = PlanChangeKind.UNASSIGN
    elif standing is None:
        kind = PlanChangeKind.ASSIGN
    elif standing.technician != spot.technician:
        kind = PlanChangeKind.REASSIGN
    else:
        kind = PlanChangeKind.MOVE
    return PlanChange(
        plan_id=statement.plan_id,
        visit_id=visit.id,
        visit_version=visit.version,
        kind=kind,
        technician_id=UUID(spot.technician) if spot else None,
        from_technician_id=UUID(standing.technician) if standing else None,
        planned_start=statement.origin + timedelta(seconds=spot.start) if spot else None,
        planned_end=statement.origin + timedelta(seconds=spot.end) if spot else None,
        planned_travel_seconds=spot.travel_seconds if spot else None,
        from_planned_start=visit.planned_start,
    )


def _reason(statement: Statement, key: str, reason: answers.Reason) -> PlanReason:
    return PlanReason(
        plan_id=statement.plan_id,
        visit_id=statement.known[key].visit.id,
        code=reason.code.value,
        message=UUIDS.sub(lambda found: statement.names.get(found[0], found[0]), reason.message),
        technician_id=UUID(reason.technician) if reason.technician else None,
        minutes=reason.minutes,
    )
