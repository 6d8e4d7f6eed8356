"""Steps of a visit: what every verb that moves one shares, from the lead's assignment to the event."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import work_orders
from domain.errors import Invalid, InvalidTransition, NotFound
from domain.events import Event, Scope
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits.rows import (
    FINAL,
    TRANSITIONS,
    UNDER_WAY,
    Assignment,
    AssignmentState,
    Pin,
    Visit,
    VisitState,
)
from domain.work_orders import WorkOrder

Step = tuple[VisitState, str]
LONGEST_REASON = 500


async def lead(work: UnitOfWork, visit: Visit) -> Assignment | None:
    """The assignment that leads a visit now."""
    return (await leads(work, [visit.id])).get(visit.id)


async def leads(work: UnitOfWork, visit_ids: Collection[UUID]) -> dict[UUID, Assignment]:
    statement = select(Assignment).where(
        col(Assignment.visit_id).in_(visit_ids),
        col(Assignment.is_lead),
        col(Assignment.state).in_(("OFFERED", "ACCEPTED")),
    )
    return {row.visit_id: row for row in (await work.session.exec(statement)).all()}


def scope(visit: Visit, technicians: Iterable[UUID]) -> Scope:
    return Scope(
        technicians=tuple(technicians),
        customers=(visit.customer_id,),
        territories=(visit.territory_id,) if visit.territory_id else (),
        visits=(visit.id,),
        work_orders=(visit.work_order_id,),
        start=visit.planned_start,
    )


async def scope_now(work: UnitOfWork, visit: Visit) -> Scope:
    assignment = await lead(work, visit)
    return scope(visit, [assignment.technician_id] if assignment else [])


def snapshot(visit: Visit, technician_id: UUID | None) -> dict[str, Any]:
    """What an event keeps of a visit as it was before."""
    return {
        "state": visit.state,
        "planned_start": visit.planned_start,
        "planned_end": visit.planned_end,
        "technician_id": technician_id,
    }


async def change(work: UnitOfWork, visit: Visit, state: VisitState, type: str, **values: Any) -> None:
    """One legal step: the state, the event with both scopes, and the work order's derived state."""
    turn(work, visit, (state, type), assignment=await lead(work, visit), values=values)
    await settle_order(work, visit)


def turn(
    work: UnitOfWork, visit: Visit, step_to: Step, *, assignment: Assignment | None, values: dict[str, Any]
) -> None:
    state, event = step_to
    technicians = [assignment.technician_id] if assignment else []
    before, scope_before = snapshot(visit, next(iter(technicians), None)), scope(visit, technicians)
    step(visit, state)
    if assignment and state in FINAL | {VisitState.UNSCHEDULED}:
        assignment.occupies = False
        if state in {VisitState.UNSCHEDULED, VisitState.CANCELLED}:
            assignment.state = AssignmentState.RELEASED
            technicians = []
    announce(
        work, visit, event, before=before, scopes=(scope_before, scope(visit, technicians)), values=values
    )


def step(visit: Visit, state: VisitState) -> None:
    if (visit.state, state) not in TRANSITIONS:
        raise InvalidTransition(f"A visit cannot go from {visit.state} to {state.value}.", "visit")
    visit.state = state


def check_state(visit: Visit, start: VisitState, end: VisitState) -> None:
    """For a verb that takes one of the ways to a state, where the others are another verb's."""
    if visit.state != start:
        raise InvalidTransition(f"A visit cannot go from {visit.state} to {end.value} so.", "visit")


def announce(
    work: UnitOfWork,
    visit: Visit,
    type: str,
    *,
    before: dict[str, Any],
    scopes: tuple[Scope, Scope],
    values: dict[str, Any] | None = None,
) -> None:
    work.emit(
        Event(
            type=type,
            topic="visit",
            subject=visit,
            before=before,
            scope_before=scopes[0],
            scope_after=scopes[1],
            values={"technician_id": next(iter(scopes[1].technicians), None), **(values or {})},
        )
    )


async def settle_order(work: UnitOfWork, visit: Visit) -> None:
    """From all the order's visits, also those that are somebody else's."""
    async with work.unscoped():
        await (await orders_of(work, [visit])).settle(work, visit.work_order_id)


async def orders_of(work: UnitOfWork, of: Iterable[Visit]) -> work_orders.Orders:
    """To be called where every row of the organization is seen, so that no sibling is missed."""
    rows = await work.lock(WorkOrder, {visit.work_order_id for visit in of})
    statement = select(Visit).where(col(Visit.work_order_id).in_(rows)).order_by(col(Visit.id))
    siblings: dict[UUID, list[Visit]] = {key: [] for key in rows}
    for visit in (await work.session.exec(statement)).all():
        siblings[visit.work_order_id].append(visit)
    return work_orders.Orders(rows, siblings)


def check_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(f"A reason is needed, of at most {LONGEST_REASON} characters.", "reason")


def check_pin(visit: Visit, *, technician: bool, time: bool) -> None:
    """Whether the office may change who goes there, or when. Raises InvalidTransition."""
    held = {Pin.BOTH: technician or time, Pin.TECHNICIAN: technician, Pin.TIME: time}
    if visit.pin is not None and held[visit.pin]:
        raise InvalidTransition(f"This visit is pinned ({visit.pin}): unpin it first.", "visit")


async def under_way(work: UnitOfWork, technician_id: UUID) -> list[UUID]:
    """The visits that a technician is driving to or working on."""
    statement = (
        select(Visit.id)
        .join(
            Assignment,
            (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id),
        )
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.state) == AssignmentState.ACCEPTED,
            col(Visit.state).in_(UNDER_WAY),
        )
    )
    return list((await work.session.exec(statement)).all())


async def own(work: UnitOfWork, visit: Visit) -> Assignment:
    """The lead's assignment; a technician may only move their own visits."""
    assignment = await lead(work, visit)
    if assignment is None:
        raise InvalidTransition(f"Nobody is assigned to this visit; it is {visit.state}.", "visit")
    viewer = work.viewer
    if viewer.role in FIELD and assignment.technician_id != viewer.technician_id:
        raise NotFound("No Visit has that id.", "visit")
    await work.find(Technician, assignment.technician_id)
    return assignment
