"""Steps of a visit: what every verb that moves one shares, from who goes there to the event."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy import text as literal
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from domain import work_orders
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.events import Event, Scope
from domain.technicians import Technician, TechnicianKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits.rows import (
    ENDED,
    FINAL,
    LIVE,
    TRANSITIONS,
    UNDER_WAY,
    Assignment,
    AssignmentState,
    Pin,
    Visit,
    VisitState,
)
from domain.work_orders import WorkOrder, WorkOrderState

Step = tuple[VisitState, str]
LONGEST_REASON = 500
ONE_AT_A_TIME = literal("SELECT pg_advisory_xact_lock(hashtextextended('way of ' || :technician, 0))")


async def crews(work: UnitOfWork, visit_ids: Collection[UUID]) -> dict[UUID, list[Assignment]]:
    """Who goes to each visit now, offered or accepted, the lead first. A technician sees only themselves."""
    statement = select(Assignment).where(
        col(Assignment.visit_id).in_(visit_ids), col(Assignment.state).in_(LIVE)
    )
    statement = statement.order_by(col(Assignment.is_lead).desc(), col(Assignment.id))
    found: dict[UUID, list[Assignment]] = {key: [] for key in visit_ids}
    for row in (await work.session.exec(statement)).all():
        found[row.visit_id].append(row)
    return found


async def crew(work: UnitOfWork, visit: Visit) -> list[Assignment]:
    """Who goes to a visit now, the lead first. Seen whole only where every row is."""
    return (await crews(work, [visit.id]))[visit.id]


async def whole_crew(work: UnitOfWork, visit: Visit) -> list[Assignment]:
    """Who goes to a visit now, the lead first, whoever asks; what is not theirs they may not change."""
    if work.viewer.role not in FIELD:
        return await crew(work, visit)
    async with work.unscoped():
        return await crew(work, visit)


def leader(assignments: Iterable[Assignment]) -> Assignment | None:
    return next((row for row in assignments if row.is_lead), None)


async def lead(work: UnitOfWork, visit: Visit) -> Assignment | None:
    """The assignment that leads a visit now."""
    return leader(await crew(work, visit))


def assigned(visit: Visit, technician: Technician, *, at: datetime, until: datetime | None) -> Assignment:
    """A new assignment from `at` on. To a subcontractor it is offered, `until` its work begins if unsaid."""
    offered = technician.kind == TechnicianKind.SUBCONTRACTOR
    return Assignment(
        visit_id=visit.id,
        technician_id=technician.id,
        work_order_id=visit.work_order_id,
        customer_id=visit.customer_id,
        site_id=visit.site_id,
        state=AssignmentState.OFFERED if offered else AssignmentState.ACCEPTED,
        planned_start=at,
        planned_end=at + timedelta(seconds=visit.duration_seconds),
        offer_expires_at=(until or at) if offered else None,
    )


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
    return scope(visit, people(await crew(work, visit)))


def people(assignments: Iterable[Assignment]) -> list[UUID]:
    return [row.technician_id for row in assignments]


def snapshot(visit: Visit, assignments: Iterable[Assignment]) -> dict[str, Any]:
    """What an event keeps of a visit as it was before, with its lead."""
    led = leader(assignments)
    return {
        "state": visit.state,
        "planned_start": visit.planned_start,
        "planned_end": visit.planned_end,
        "technician_id": led.technician_id if led else None,
    }


async def change(
    work: UnitOfWork, visit: Visit, state: VisitState, type: str, **values: Any
) -> list[Assignment]:
    """One legal step: the state, the event with both scopes, and the work order's derived state.

    Answers with who went there, the lead first. Unscoped, since a technician sees neither the others of a
    crew nor the order's other visits.
    """
    async with work.unscoped():
        assignments = await crew(work, visit)
        turn(work, visit, (state, type), crew=assignments, values=values)
        await (await orders_of(work, [visit])).settle(work, visit.work_order_id)
    return assignments


def turn(
    work: UnitOfWork, visit: Visit, step_to: Step, *, crew: Sequence[Assignment], values: dict[str, Any]
) -> None:
    state, event = step_to
    before, scope_before = snapshot(visit, crew), scope(visit, people(crew))
    step(visit, state)
    _count(visit, crew, at=work.at)
    for row in crew:
        if state in FINAL | {VisitState.UNSCHEDULED}:
            _end(work, row, state)
        elif state == VisitState.SCHEDULED:
            row.en_route_at = row.arrived_at = None  # whoever set off alone is called back with the others
    scope_after = scope(visit, people(row for row in crew if row.state in LIVE))
    if state == VisitState.UNSCHEDULED:
        scope_after = replace(scope_after, start=None)  # its plan goes with the step, after the event
    told = {**_report(visit, at=work.at), **values} if state in ENDED else values
    announce(work, visit, event, before=before, scopes=(scope_before, scope_after), values=told)


def _report(visit: Visit, *, at: datetime) -> dict[str, Any]:
    """What the event of a visit's end tells whoever goes on from it, such as a CRM; never what it cost."""
    return {
        "outcome": visit.state,
        "customer_id": visit.customer_id,
        "site_id": visit.site_id,
        "work_order_id": visit.work_order_id,
        "follow_up_of_id": visit.follow_up_of_id,
        "started_at": visit.started_at,
        "ended_at": at,
        "worked_seconds": visit.worked_seconds,
    }


def _count(visit: Visit, crew: Sequence[Assignment], *, at: datetime) -> None:
    """The labour clock runs while the work does, and keeps what it ran, of each who was at work."""
    if visit.work_since is not None:
        visit.worked_seconds += _ran(visit.work_since, at)
        for row in crew:
            clock(visit, row, at=at)
    visit.work_since = at if visit.state == VisitState.IN_PROGRESS else None
    led = leader(crew)
    if led is not None:
        led.work_since = visit.work_since


def clock(visit: Visit, row: Assignment, *, at: datetime) -> None:
    """What the running clock adds to one who is at work: since it went on, or since they joined."""
    if visit.work_since is not None and row.started_at is not None and row.ended_at is None:
        row.worked_seconds += _ran(max(visit.work_since, row.started_at), at)


def _ran(since: datetime, at: datetime) -> int:
    return max(0, int((at - since).total_seconds()))


def _end(work: UnitOfWork, row: Assignment, state: VisitState) -> None:
    """Their time is free again; who was there has ended, who was not asked any more is released."""
    row.occupies = False
    if row.arrived_at is not None and row.ended_at is None:
        row.ended_at = work.at
    gone = state in {VisitState.UNSCHEDULED, VisitState.CANCELLED}
    if gone or row.state == AssignmentState.OFFERED:
        row.state = AssignmentState.RELEASED


def step(visit: Visit, state: VisitState) -> None:
    if (visit.state, state) not in TRANSITIONS:
        raise InvalidTransition(f"A visit cannot go from {visit.state} to {state.value}.", "visit")
    visit.state, visit.substatus_id = state, None


def touch(visit: Visit) -> None:
    """A visit that others read by its version has changed, though none of its own columns has."""
    flag_modified(visit, "updated_at")


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
            values={
                "technician_id": next(iter(scopes[1].technicians), None),
                **(values or {}),
                "state": visit.state,
            },
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


async def check_released(work: UnitOfWork, visit: Visit) -> None:
    """Nobody is sent, sets off or begins while the work order is on hold. Raises InvalidTransition."""
    async with work.unscoped():
        order = await work.get(WorkOrder, visit.work_order_id)
    if order.state == WorkOrderState.ON_HOLD:
        raise InvalidTransition(f"Work order {order.number} is on hold: release it first.", "visit")


def check_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(f"A reason is needed, of at most {LONGEST_REASON} characters.", "reason")


def because(work: UnitOfWork, reason: str | None) -> None:
    """Why the rest of a unit is done, where somebody says so; history and events keep it."""
    if reason is not None:
        check_reason(reason)
        work.reason = reason


def check_pin(visit: Visit, *, technician: bool, time: bool) -> None:
    """Whether the office may change who goes there, or when. Raises InvalidTransition."""
    held = {Pin.BOTH: technician or time, Pin.TECHNICIAN: technician, Pin.TIME: time}
    if visit.pin is not None and held[visit.pin]:
        raise InvalidTransition(f"This visit is pinned ({visit.pin}): unpin it first.", "visit")


async def check_alone(work: UnitOfWork, visit: Visit, technician_id: UUID) -> None:
    """A technician is on the way to one visit or at work on one, led or joined by themselves.

    What waits at a site or is PAUSED holds nobody. Raises Conflict. Held by a lock until the unit's end, one
    after the other, or somebody could begin two visits at once.
    """
    await work.session.execute(ONE_AT_A_TIME, {"technician": str(technician_id)})
    on_the_way = and_(
        col(Assignment.en_route_at).is_not(None),
        col(Assignment.arrived_at).is_(None),
        col(Visit.state).in_((VisitState.DISPATCHED, *UNDER_WAY)),
    )
    at_work = and_(col(Assignment.started_at).is_not(None), col(Visit.state) == VisitState.IN_PROGRESS)
    led = and_(col(Assignment.is_lead), col(Visit.state).in_((VisitState.EN_ROUTE, VisitState.IN_PROGRESS)))
    statement = (
        select(Visit.id)
        .join(
            Assignment,
            (col(Assignment.visit_id) == Visit.id) & (Assignment.organization_id == Visit.organization_id),
        )
        .where(
            Assignment.technician_id == technician_id,
            col(Assignment.state) == AssignmentState.ACCEPTED,
            col(Visit.id) != visit.id,
            or_(led, and_(~col(Assignment.is_lead), or_(on_the_way, at_work))),
        )
    )
    if (await work.session.exec(statement.limit(1))).first() is not None:
        raise Conflict("The technician is still on another visit.", "visit")


def in_hand(at: datetime) -> ColumnElement[bool]:
    """What somebody has in hand at an instant, whenever it was planned: under way, or left over by then."""
    left_over = and_(
        col(Visit.state).in_((VisitState.SCHEDULED, VisitState.DISPATCHED)),
        col(Assignment.planned_end) <= at,
    )
    return or_(col(Visit.state).in_(UNDER_WAY), left_over)


async def own(work: UnitOfWork, visit: Visit) -> Assignment:
    """The lead's assignment; a technician may only move their own visits, and only who leads them."""
    assignment, is_lead = await taking_part(work, visit)
    if not is_lead:
        raise InvalidTransition("Who leads this visit does that.", "visit")
    return assignment


async def taking_part(
    work: UnitOfWork, visit: Visit, technician_id: UUID | None = None
) -> tuple[Assignment, bool]:
    """The assignment of whoever acts, and whether they lead: a technician's own, else the lead's.

    The office may name one of the crew. Raises InvalidTransition where nobody is assigned, or NotFound.
    """
    viewer = work.viewer
    assignments = await crew(work, visit)
    if viewer.role in FIELD:
        technician_id = viewer.technician_id
    elif technician_id is None:
        technician_id = next((row.technician_id for row in assignments if row.is_lead), None)
        if technician_id is None:
            raise InvalidTransition(f"Nobody is assigned to this visit; it is {visit.state}.", "visit")
    found = next((row for row in assignments if row.technician_id == technician_id), None)
    if found is None:
        if viewer.role in FIELD:
            raise NotFound("No Visit has that id.", "visit")
        raise NotFound("Nobody of that id goes to this visit.", "technician")
    return found, found.is_lead
