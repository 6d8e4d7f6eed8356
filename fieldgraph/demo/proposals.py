"""The demo's proposals: two policies, and plans of past days: committed, thrown away, overtaken, failed."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from domain.organizations import Organization
from domain.plans import Plan, PlanChange, PlanChangeKind, PlanReason, PlanState
from domain.policies import SchedulingPolicy
from domain.visits import Assignment, Visit, VisitState
from fieldgraph.demo.companies import Book, Company
from optimizer.plan import Objective, ReasonCode

STORM: dict[str, Any] = {
    "overtime_limit_seconds": 2 * 3_600,
    "overtime_weight": 1,
    "emergency_lateness_weight": 8,
    "hold_planned_starts": True,
    "change_start_penalty": 300,
    "freeze_minutes": 60,
}
SECONDS = 10
BROKE_DOWN = "The optimizer broke down 3 times on this plan."


def weigh(company: Company, organization: Organization) -> None:
    """The default, by which days are planned as without any, and one for a storm that nothing uses yet."""
    book = company.apart(organization, "policies")
    book.add(SchedulingPolicy(name="Usual days", is_default=True), company.founded)
    book.add(SchedulingPolicy(name="Storm", **STORM), company.founded)


def propose(company: Company, organization: Organization) -> None:
    """Yesterday's plan that was committed, and what was tried before; today's is the visitor's to ask for."""
    book = company.apart(organization, "plans")
    usual, storm = company.rows_of(SchedulingPolicy)
    committed = _plan(company, book, 1, state=PlanState.COMMITTED)
    committed.scheduling_policy_id = usual.id
    changes = _assigned(company, book, committed, days_ago=1)
    committed.committed_at = (committed.solved_at or company.founded) + timedelta(minutes=2)
    _count(committed, assigned=len(changes), unassigned=0)

    tried = _plan(company, book, 2, state=PlanState.DISCARDED)
    tried.scheduling_policy_id = storm.id
    _turn_over(company, book, tried)

    stale = _plan(company, book, 3, state=PlanState.STALE)
    moved = _assigned(company, book, stale, days_ago=3)
    stale.failure = f"2 of {len(moved)} visits have changed since the plan was made."
    _count(stale, assigned=len(moved), unassigned=0)

    failed = _plan(company, book, 4, state=PlanState.FAILED)
    failed.failure, failed.solved_at = BROKE_DOWN, None


def _plan(company: Company, book: Book, days_ago: int, *, state: PlanState) -> Plan:
    """Of a past day, asked for when its shifts began."""
    at = company.hours.opens - timedelta(days=days_ago)
    plan = Plan(
        day=company.hours.day - timedelta(days=days_ago),
        state=state,
        seconds=SECONDS,
        request={"technicians": [], "visits": []},
        solved_at=at + timedelta(seconds=SECONDS),
    )
    return book.add(plan, at)


def _pairs(company: Company, days_ago: int) -> list[tuple[Visit, Assignment]]:
    """The completed visits that were asked for on a past morning, and who led them."""
    rows = company.book.rows[company.hours.opens - timedelta(days=days_ago)]
    visits = {row.id: row for row in rows if isinstance(row, Visit) and row.state == VisitState.COMPLETED}
    return [
        (visits[row.visit_id], row) for row in rows if isinstance(row, Assignment) and row.visit_id in visits
    ]


def _assigned(company: Company, book: Book, plan: Plan, *, days_ago: int) -> list[PlanChange]:
    at = company.hours.opens - timedelta(days=days_ago)
    return [
        book.add(_change(book, plan, visit, led, kind=PlanChangeKind.ASSIGN), at)
        for visit, led in _pairs(company, days_ago)
    ]


def _change(book: Book, plan: Plan, visit: Visit, led: Assignment, *, kind: PlanChangeKind) -> PlanChange:
    return PlanChange(
        plan_id=plan.id,
        visit_id=visit.id,
        visit_version=1,
        kind=kind,
        technician_id=led.technician_id,
        planned_start=led.planned_start,
        planned_end=led.planned_end,
        planned_travel_seconds=book.random.randrange(240, 900),
    )


def _turn_over(company: Company, book: Book, plan: Plan) -> None:
    """What if it had stormed: one visit to another technician, one later, one not at all, and why not."""
    at = company.hours.opens - timedelta(days=2)
    pairs = _pairs(company, 2)
    (passed, to), (late, whose), (out, had), (first, by) = pairs[0], pairs[1], pairs[2], pairs[3]
    other = _change(book, plan, passed, to, kind=PlanChangeKind.REASSIGN)
    other.technician_id, other.from_technician_id = by.technician_id, to.technician_id
    other.from_planned_start = to.planned_start
    later = _change(book, plan, late, whose, kind=PlanChangeKind.MOVE)
    later.from_technician_id, later.from_planned_start = whose.technician_id, whose.planned_start
    later.planned_start = whose.planned_start + timedelta(minutes=45)
    later.planned_end = whose.planned_end + timedelta(minutes=45)
    gone = PlanChange(plan_id=plan.id, visit_id=out.id, visit_version=1, kind=PlanChangeKind.UNASSIGN)
    gone.from_technician_id, gone.from_planned_start = had.technician_id, had.planned_start
    for row in (other, later, gone, _change(book, plan, first, by, kind=PlanChangeKind.ASSIGN)):
        book.add(row, at)
    names = {technician.id: technician.name for technician in company.technicians}
    reason = PlanReason(
        plan_id=plan.id,
        visit_id=out.id,
        code=ReasonCode.NO_ROOM,
        message=f"{names[had.technician_id]} has no room for it: 25 minutes are missing.",
        technician_id=had.technician_id,
        minutes=25,
    )
    book.add(reason, at)
    _count(plan, assigned=3, unassigned=1)


def _count(plan: Plan, *, assigned: int, unassigned: int) -> None:
    travel = 600 * assigned
    left_out = 50_000 * unassigned
    parts = Objective(travel + left_out, travel, 0, 0, left_out, 0)
    plan.assigned_count, plan.unassigned_count = assigned, unassigned
    plan.objective, plan.improvements = asdict(parts), 3 + assigned
