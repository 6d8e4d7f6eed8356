"""Visits: one planned presence at a site, its assignments, its state machine and the verbs that drive it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, Index
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlmodel import Field, col, select

from domain import stock, technicians, work_orders
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.events import Event, Scope
from domain.rows import Row, in_order, one_of, refers, text, timestamp
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.work_orders import WorkOrder


class VisitState(StrEnum):
    """Where a visit stands; COMPLETED, INCOMPLETE, NO_ACCESS and CANCELLED are final."""

    UNSCHEDULED = "UNSCHEDULED"
    SCHEDULED = "SCHEDULED"
    DISPATCHED = "DISPATCHED"
    EN_ROUTE = "EN_ROUTE"
    ARRIVED = "ARRIVED"
    IN_PROGRESS = "IN_PROGRESS"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    NO_ACCESS = "NO_ACCESS"
    CANCELLED = "CANCELLED"


class Pin(StrEnum):
    """What the optimizer may not move."""

    TECHNICIAN = "TECHNICIAN"
    TIME = "TIME"
    BOTH = "BOTH"


class AssignmentState(StrEnum):
    """OFFERED → ACCEPTED, DECLINED or EXPIRED → RELEASED; employees are ACCEPTED at once."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    RELEASED = "RELEASED"


Step = tuple[VisitState, str]
FINAL = frozenset({"COMPLETED", "INCOMPLETE", "NO_ACCESS", "CANCELLED"})
UNDER_WAY = frozenset({"EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED"})
TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("UNSCHEDULED", "SCHEDULED"),
        ("SCHEDULED", "UNSCHEDULED"),
        ("DISPATCHED", "UNSCHEDULED"),
        ("EN_ROUTE", "UNSCHEDULED"),
        ("SCHEDULED", "DISPATCHED"),
        ("DISPATCHED", "SCHEDULED"),
        ("DISPATCHED", "EN_ROUTE"),
        ("EN_ROUTE", "DISPATCHED"),
        ("DISPATCHED", "ARRIVED"),
        ("EN_ROUTE", "ARRIVED"),
        ("ARRIVED", "EN_ROUTE"),
        ("ARRIVED", "IN_PROGRESS"),
        ("ARRIVED", "NO_ACCESS"),
        ("IN_PROGRESS", "PAUSED"),
        ("PAUSED", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETED"),
        ("IN_PROGRESS", "INCOMPLETE"),
        ("PAUSED", "INCOMPLETE"),
        ("UNSCHEDULED", "CANCELLED"),
        ("SCHEDULED", "CANCELLED"),
        ("DISPATCHED", "CANCELLED"),
    }
)


class Visit(Row, table=True):
    """One planned presence at a site.

    Three groups of times, never mixed: `window_…` is the promise to the customer (the technician arrives
    within it), `planned_…` the internal plan, `en_route_at` to `ended_at` what happened.
    """

    __table_args__ = (
        one_of("state", VisitState),
        one_of("pin", Pin),
        CheckConstraint("duration_seconds > 0", name="duration_seconds"),
        in_order("window_start", "window_end"),
        in_order("planned_start", "planned_end"),
        CheckConstraint("(planned_start IS NULL) = (planned_end IS NULL)", name="planned"),
        Index(None, "organization_id", "planned_start", "id"),
        Index(None, "organization_id", "state"),
        *refers(work_order_id="work_order", customer_id="customer planned_start"),
        *refers(site_id="site planned_start", territory_id="territory", follow_up_of_id="visit"),
    )
    work_order_id: UUID
    customer_id: UUID
    site_id: UUID
    territory_id: UUID | None = None
    state: VisitState = text(default=VisitState.UNSCHEDULED)
    duration_seconds: int
    window_start: datetime | None = timestamp(default=None)
    window_end: datetime | None = timestamp(default=None)
    planned_start: datetime | None = timestamp(default=None)
    planned_end: datetime | None = timestamp(default=None)
    planned_travel_seconds: int | None = None
    en_route_at: datetime | None = timestamp(default=None)
    arrived_at: datetime | None = timestamp(default=None)
    started_at: datetime | None = timestamp(default=None)
    ended_at: datetime | None = timestamp(default=None)
    pin: Pin | None = text(default=None)
    reason: str | None = text(default=None)
    follow_up_of_id: UUID | None = None


class Assignment(Row, table=True):
    """A technician on a visit. `occupies` says that the planned time is taken: no two may overlap."""

    __table_args__ = (
        one_of("state", AssignmentState),
        in_order("planned_start", "planned_end"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("technician_id", "="),
            ("during", "&&"),
            using="gist",
            where="occupies",
            name="ex_assignment_double_booking",
            deferrable=True,
        ),
        Index(None, "organization_id", "planned_start", "id"),
        *refers(visit_id="visit", technician_id="technician planned_start", work_order_id="work_order"),
        *refers(customer_id="customer", site_id="site"),
    )
    # `during` is not asked back, because many rows go in by one statement then.
    __mapper_args__: ClassVar[dict[str, bool]] = {"eager_defaults": False}
    visit_id: UUID
    technician_id: UUID
    work_order_id: UUID
    customer_id: UUID
    site_id: UUID
    state: AssignmentState = text(default=AssignmentState.ACCEPTED)
    is_lead: bool = True
    occupies: bool = True
    planned_start: datetime = timestamp()
    planned_end: datetime = timestamp()
    during: Any = Field(
        default=None,
        sa_column=Column(
            TSTZRANGE, Computed("tstzrange(planned_start, planned_end, '[)')", persisted=True), nullable=False
        ),
    )


class VisitPart(Row, table=True):
    """Pieces of a part that a visit needs."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        *refers(visit_id="visit", part_id="part"),
    )
    visit_id: UUID
    part_id: UUID
    quantity: int = 1


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


def check_version(row: Row, expected: int | None) -> None:
    """Compare-and-set. Raises Conflict when the row has moved on; None asks for no comparison."""
    if expected is not None and row.version != expected:
        raise Conflict(f"It has changed since: it is at version {row.version} now.", "expectedVersion")


async def dispatch(work: UnitOfWork, visit_id: UUID, *, expected_version: int | None = None) -> Visit:
    """Tell the technician: SCHEDULED → DISPATCHED, pinned from now on."""
    visit = await work.get(Visit, visit_id, "visit")
    check_version(visit, expected_version)
    check_state(visit, VisitState.SCHEDULED, VisitState.DISPATCHED)
    if (assignment := await lead(work, visit)) is not None:
        assignment.state = AssignmentState.ACCEPTED
    await change(work, visit, VisitState.DISPATCHED, "VisitDispatched")
    visit.pin = Pin.BOTH
    return visit


async def start_travel(work: UnitOfWork, visit_id: UUID) -> Visit:
    """The technician sets off: DISPATCHED → EN_ROUTE. One visit under way at a time, on shift only."""
    visit = await work.get(Visit, visit_id, "visit")
    assignment = await own(work, visit)
    check_state(visit, VisitState.DISPATCHED, VisitState.EN_ROUTE)
    await technicians.check_shift(work, assignment.technician_id, work.at, work.at)
    busy = await under_way(work, assignment.technician_id)
    if [other for other in busy if other != visit.id]:
        raise Conflict("The technician is still on another visit.", "visit")
    await change(work, visit, VisitState.EN_ROUTE, "VisitEnRoute")
    visit.en_route_at = work.at
    return visit


async def start_work(work: UnitOfWork, visit_id: UUID) -> Visit:
    """Work begins at the site: ARRIVED → IN_PROGRESS."""
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    check_state(visit, VisitState.ARRIVED, VisitState.IN_PROGRESS)
    await change(work, visit, VisitState.IN_PROGRESS, "VisitStarted")
    visit.started_at = work.at
    return visit


async def complete(
    work: UnitOfWork, visit_id: UUID, *, parts_used: Sequence[tuple[UUID, int]] | None = None
) -> Visit:
    """The work is done: IN_PROGRESS → COMPLETED; the parts used leave the van, the rest is free again."""
    visit = await work.get(Visit, visit_id, "visit")
    await own(work, visit)
    await change(work, visit, VisitState.COMPLETED, "VisitCompleted")
    visit.ended_at = work.at
    await stock.consume(work, visit.id, parts_used)
    return visit


async def cancel(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """Not to happen at all: allowed before travel; what was reserved is released."""
    if not 1 <= len(reason.strip()) <= 500:
        raise Invalid("A reason is needed, of at most 500 characters.", "reason")
    visit = await work.get(Visit, visit_id, "visit")
    check_version(visit, expected_version)
    work.reason = visit.reason = reason
    await change(work, visit, VisitState.CANCELLED, "VisitCancelled")
    visit.pin = None
    await stock.release(work, visit.id)
    return visit


async def unschedule(work: UnitOfWork, visit: Visit, *, reason: str) -> None:
    """Back to the pool, its pin lifted: the technician became unavailable, or a plan gave it up."""
    give_up(work, visit, await lead(work, visit), reason=reason)
    await settle_order(work, visit)
    await stock.release(work, visit.id)


def give_up(work: UnitOfWork, visit: Visit, assignment: Assignment | None, *, reason: str) -> None:
    """The visit's own part of `unschedule`; `assignment` is the lead's."""
    work.reason = visit.reason = reason
    turn(work, visit, (VisitState.UNSCHEDULED, "VisitUnscheduled"), assignment=assignment, values={})
    visit.pin = visit.planned_start = visit.planned_end = visit.planned_travel_seconds = None
    visit.en_route_at = None


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
