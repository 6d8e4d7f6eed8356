"""Plans: proposals of the optimizer, from the asking to the commit that makes them real."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as literal
from sqlmodel import col, select

from domain import inputs, policies, scheduling
from domain.errors import Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.jobs import Job
from domain.rows import Row, jsonb, one_of, refers, text, timestamp
from domain.scheduling import Placement
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits import Visit, VisitState


class PlanState(StrEnum):
    """DRAFT → SOLVING → PROPOSED → COMMITTED, DISCARDED, STALE (the graph moved) or FAILED."""

    DRAFT = "DRAFT"
    SOLVING = "SOLVING"
    PROPOSED = "PROPOSED"
    COMMITTED = "COMMITTED"
    DISCARDED = "DISCARDED"
    STALE = "STALE"
    FAILED = "FAILED"


class PlanChangeKind(StrEnum):
    """What a plan does with one visit."""

    ASSIGN = "ASSIGN"
    REASSIGN = "REASSIGN"
    MOVE = "MOVE"
    UNASSIGN = "UNASSIGN"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("DRAFT", "SOLVING"),
        ("DRAFT", "DISCARDED"),
        ("DRAFT", "FAILED"),
        ("SOLVING", "PROPOSED"),
        ("SOLVING", "DISCARDED"),
        ("SOLVING", "FAILED"),
        ("PROPOSED", "COMMITTED"),
        ("PROPOSED", "DISCARDED"),
        ("PROPOSED", "STALE"),
        ("STALE", "DISCARDED"),
    }
)


LEFT_OUT = "The optimizer left it out."


class Plan(Row, table=True):
    """A proposal. `request` holds whom and what it was asked for; `objective` the parts of its cost.

    With `stop_asked_at` the search ends as soon as its worker sees it, with the best plan so far.
    """

    __table_args__ = (
        one_of("state", PlanState),
        CheckConstraint("seconds BETWEEN 1 AND 120", name="seconds"),
        Index(None, "organization_id", "day"),
        Index(None, "organization_id", "created_at", "id"),
        *refers(scheduling_policy_id="scheduling_policy"),
    )
    day: date
    state: PlanState = text(default=PlanState.DRAFT)
    seconds: int = 10
    seed: int = 1
    request: dict[str, Any] = jsonb()
    scheduling_policy_id: UUID | None = None
    stop_asked_at: datetime | None = timestamp(default=None)
    objective: dict[str, Any] | None = jsonb(default=None)
    improvements: int = 0
    assigned_count: int = 0
    unassigned_count: int = 0
    failure: str | None = text(default=None)
    solved_at: datetime | None = timestamp(default=None)
    committed_at: datetime | None = timestamp(default=None)

    def move_to(self, state: PlanState) -> None:
        if (self.state, state) not in TRANSITIONS:
            raise InvalidTransition(f"A plan cannot go from {self.state} to {state.value}.", "plan")
        self.state = state


class PlanChange(Row, table=True):
    """One move of a plan. `visit_version` is what the optimizer saw: a later one makes it stale."""

    __table_args__ = (
        one_of("kind", PlanChangeKind),
        *refers(plan_id="plan", visit_id="visit", technician_id="technician"),
        *refers(from_technician_id="technician"),
    )
    plan_id: UUID
    visit_id: UUID
    visit_version: int
    kind: PlanChangeKind = text()
    technician_id: UUID | None = None
    from_technician_id: UUID | None = None
    planned_start: datetime | None = timestamp(default=None)
    planned_end: datetime | None = timestamp(default=None)
    planned_travel_seconds: int | None = None
    from_planned_start: datetime | None = timestamp(default=None)


class PlanReason(Row, table=True):
    """Why a visit is left out of a plan: one reason, with whom it is about and by how many minutes."""

    __table_args__ = (*refers(plan_id="plan", visit_id="visit", technician_id="technician"),)
    plan_id: UUID
    visit_id: UUID
    code: str = text()
    message: str = text()
    technician_id: UUID | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a plan is asked for. Empty `technicians` and `visits` mean all of the day."""

    day: date
    seconds: int = 10
    seed: int = 1
    technicians: tuple[UUID, ...] = ()
    visits: tuple[UUID, ...] = ()
    policy_id: UUID | None = None
    """None: the organization's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the optimizer answered, in the words of the graph."""

    changes: Sequence[PlanChange]
    reasons: Sequence[PlanReason]
    objective: dict[str, Any]
    assigned_count: int
    unassigned_count: int


async def propose(work: UnitOfWork, request: Request) -> Plan:
    """Ask for a plan: a DRAFT, and the job for a worker. Raises Invalid for a budget outside 1 to 120 s."""
    if not 1 <= request.seconds <= 120:
        raise Invalid("The optimizer may take from 1 to 120 seconds.", "seconds")
    for key in request.technicians:
        await work.find(Technician, key, "technicians")
    for key in request.visits:
        await work.find(Visit, key, "visits")
    policy = await policies.chosen(work, request.policy_id)
    plan = work.add(
        Plan(
            day=request.day,
            scheduling_policy_id=policy.id if policy.name else None,
            seconds=request.seconds,
            seed=request.seed,
            request={
                "technicians": [str(key) for key in request.technicians],
                "visits": [str(key) for key in request.visits],
            },
        )
    )
    await work.session.flush()
    work.add(Job(kind="plan", subject_id=plan.id, requested_by=work.viewer.subject))
    announce(work, plan, "PlanRequested")
    return plan


async def begin(work: UnitOfWork, plan_id: UUID) -> Plan | None:
    """A worker starts, or starts anew after a crash; None when it was discarded meanwhile."""
    plan = await work.get(Plan, plan_id)
    if plan.state == PlanState.DRAFT:
        plan.move_to(PlanState.SOLVING)
        announce(work, plan, "PlanStarted")
    return plan if plan.state == PlanState.SOLVING else None


async def improve(work: UnitOfWork, plan_id: UUID, proposal: Proposal) -> bool:
    """A better plan was found; False where nobody wants it any more, and nothing is written."""
    plan = await work.get(Plan, plan_id)
    if plan.state != PlanState.SOLVING:
        return False
    plan.objective, plan.improvements = proposal.objective, plan.improvements + 1
    plan.assigned_count, plan.unassigned_count = proposal.assigned_count, proposal.unassigned_count
    announce(work, plan, "PlanImproved")
    return True


async def finish(work: UnitOfWork, plan_id: UUID, proposal: Proposal) -> None:
    """SOLVING → PROPOSED, with every change and every reason."""
    plan = await work.get(Plan, plan_id)
    if plan.state != PlanState.SOLVING:
        return
    plan.move_to(PlanState.PROPOSED)
    plan.objective, plan.solved_at = proposal.objective, work.at
    plan.assigned_count, plan.unassigned_count = proposal.assigned_count, proposal.unassigned_count
    for row in (*proposal.changes, *proposal.reasons):
        row.plan_id = plan.id
        work.add(row)
    announce(work, plan, "PlanProposed")


async def fail(work: UnitOfWork, plan_id: UUID, failure: str) -> None:
    plan = await work.get(Plan, plan_id)
    if (plan.state, "FAILED") in TRANSITIONS:
        plan.move_to(PlanState.FAILED)
        plan.failure = failure
        announce(work, plan, "PlanFailed")


async def cancel(work: UnitOfWork, plan_id: UUID, *, expected_version: int | None = None) -> Plan:
    """No more searching: a DRAFT is DISCARDED, one that is SOLVING ends with the best it has found so far."""
    plan = await work.get(Plan, plan_id, "plan")
    inputs.check_version(plan, expected_version)
    if plan.state == PlanState.DRAFT:
        plan.move_to(PlanState.DISCARDED)
        announce(work, plan, "PlanDiscarded")
    elif plan.state != PlanState.SOLVING:
        raise InvalidTransition(f"A plan that is {plan.state} is not being solved.", "plan")
    elif plan.stop_asked_at is None:
        plan.stop_asked_at = work.at
        announce(work, plan, "PlanStopAsked")
    return plan


async def discard(work: UnitOfWork, plan_id: UUID) -> Plan:
    plan = await work.get(Plan, plan_id, "plan")
    plan.move_to(PlanState.DISCARDED)
    announce(work, plan, "PlanDiscarded")
    return plan


async def commit(
    work: UnitOfWork, plan_id: UUID, *, expected_version: int | None = None
) -> tuple[Plan, list[UUID]]:
    """Make a plan real: every change through the same rules and events as a dispatcher's own.

    When a visit has moved on since the optimizer saw it, the plan becomes STALE and nothing is moved; its
    `failure` says which. Returns the plan and the visits that did not match.
    """
    plan = await work.get(Plan, plan_id, "plan")
    inputs.check_version(plan, expected_version)
    if plan.state != PlanState.PROPOSED:
        raise InvalidTransition(f"A plan that is {plan.state} cannot be committed.", "plan")
    statement = select(PlanChange).where(PlanChange.plan_id == plan.id).order_by(col(PlanChange.visit_id))
    changes = (await work.session.exec(statement)).all()
    rows = await work.lock(Visit, [change.visit_id for change in changes])
    moved = [change.visit_id for change in changes if rows[change.visit_id].version != change.visit_version]
    if moved:
        plan.move_to(PlanState.STALE)
        plan.failure = f"{len(moved)} of {len(changes)} visits have changed since the plan was made."
        announce(work, plan, "PlanStale")
        return plan, moved
    # Deferred, because two who swap visits hold both for a moment; checked again before the verb returns.
    await work.session.execute(literal("SET CONSTRAINTS ex_assignment_double_booking DEFERRED"))
    await _apply(work, [(rows[change.visit_id], change) for change in changes])
    plan.move_to(PlanState.COMMITTED)
    plan.committed_at = work.at
    announce(work, plan, "PlanCommitted")
    await work.flush()
    await work.session.execute(literal("SET CONSTRAINTS ex_assignment_double_booking IMMEDIATE"))
    return plan, []


async def _apply(work: UnitOfWork, changes: Sequence[tuple[Visit, PlanChange]]) -> None:
    moves = [(visit, _placement(change)) for visit, change in changes]
    board = await scheduling.prepare(work, moves)
    for (visit, change), (_, placement) in zip(changes, moves, strict=True):
        # First of all, so that two who swap visits find the parts that the other's visit held.
        if change.kind in {PlanChangeKind.REASSIGN, PlanChangeKind.UNASSIGN}:
            board.holds.release(visit.id)
        if placement is not None and board.changes_hands(visit, placement.technician_id):
            board.free(visit, placement)
    await work.session.flush()
    for visit, placement in moves:
        if placement is not None:
            board.rules.check(visit, placement)
            await board.place(work, visit, placement)
        elif visit.state == VisitState.SCHEDULED:
            board.rules.links.check_free(visit)
            await board.give_up(work, visit, reason=LEFT_OUT)


def _placement(change: PlanChange) -> Placement | None:
    if change.technician_id is None or change.planned_start is None:
        return None
    return Placement(
        technician_id=change.technician_id,
        start=change.planned_start,
        travel_seconds=change.planned_travel_seconds,
        assignment_id=change.id,
    )


def announce(work: UnitOfWork, plan: Plan, type: str) -> None:
    scope = Scope(start=datetime(plan.day.year, plan.day.month, plan.day.day, tzinfo=UTC))
    work.emit(
        Event(
            type=type,
            topic="plan",
            subject=plan,
            scope_before=scope,
            scope_after=scope,
            values={
                "objective": plan.objective,
                "assigned": plan.assigned_count,
                "unassigned": plan.unassigned_count,
            },
        )
    )
