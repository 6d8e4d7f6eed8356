"""Milestones: a work order's SLA clocks, which run in coverage hours, rest with it, and are met by facts.

All of a clock follows from when it started, its target and coverage, the times at which its work order
rested (`WorkOrder.halts`), and the fact that meets it: what is told late is judged as if told in time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from domain.coverage import Coverage
from domain.events import Event, Scope
from domain.rows import Row, one_of, refers, text, timestamp
from domain.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from domain.contracts import Entitlement
    from domain.work_orders import WorkOrder


class MilestoneKind(StrEnum):
    """What a clock waits for."""

    RESPOND = "RESPOND"
    ARRIVE = "ARRIVE"
    RESOLVE = "RESOLVE"


class MilestoneState(StrEnum):
    """RUNNING and PAUSED in turns, then MET or BREACHED, which only a correction undoes."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    MET = "MET"
    BREACHED = "BREACHED"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("RUNNING", "PAUSED"),
        ("PAUSED", "RUNNING"),
        ("RUNNING", "MET"),
        ("PAUSED", "MET"),
        ("RUNNING", "BREACHED"),
        # Corrections: a fact that was told late, taken back, or dated otherwise.
        ("BREACHED", "MET"),
        ("MET", "RUNNING"),
        ("MET", "PAUSED"),
        ("MET", "BREACHED"),
    }
)
FINAL = frozenset({MilestoneState.MET, MilestoneState.BREACHED})
EVENTS = {"RUNNING": "MilestoneResumed", "PAUSED": "MilestonePaused", "MET": "MilestoneMet"}
HALTED = frozenset({"ON_HOLD", "CANCELLED", "CLOSED"})
"""States of a work order in which its clocks rest; where it is over, for good."""
ANSWERED = frozenset({"SCHEDULED", "IN_PROGRESS", "COMPLETED"})
"""States of a work order whose customer has been told when somebody comes."""
OPEN_AGAIN = frozenset({"READY", "SCHEDULED", "IN_PROGRESS"})
"""What a work order that was COMPLETED may become when there is more to do."""
MOST_AT_ONCE = 200
DUE = literal("SELECT DISTINCT organization_id FROM milestone WHERE next_at < :at ORDER BY 1")
Halts = Sequence[Sequence[str | None]]


class Milestone(Row, table=True):
    """One clock of a work order. `due_at` is when its target is used up, if it does not rest from now on.

    Target, coverage and zone are as they were when it started. `next_at` is when time alone changes it next.
    """

    __table_args__ = (
        one_of("kind", MilestoneKind),
        one_of("state", MilestoneState),
        UniqueConstraint("organization_id", "work_order_id", "kind"),
        CheckConstraint("target_seconds > 0", name="target_seconds"),
        CheckConstraint("(state = 'PAUSED') = (paused_at IS NOT NULL)", name="paused"),
        CheckConstraint("(state = 'MET') = (met_at IS NOT NULL)", name="met"),
        CheckConstraint("(state = 'BREACHED') = (breached_at IS NOT NULL)", name="breached"),
        CheckConstraint("breached_at = due_at", name="breached_at"),
        CheckConstraint("(state = 'RUNNING') = (next_at IS NOT NULL)", name="next_at"),
        Index(None, "organization_id", "due_at", "id"),
        Index("ix_milestone_next", "next_at", postgresql_where=literal("next_at IS NOT NULL")),
        *refers(work_order_id="work_order due_at", contract_id="contract due_at"),
        *refers(customer_id="customer", entitlement_id="entitlement"),
    )
    work_order_id: UUID
    customer_id: UUID
    contract_id: UUID
    entitlement_id: UUID
    kind: MilestoneKind = text()
    state: MilestoneState = text(default=MilestoneState.RUNNING)
    target_seconds: int
    coverage_opens: str = text()
    coverage_closes: str = text()
    coverage_weekdays: str = text()
    time_zone: str = text()
    warn_percent: int | None = None
    started_at: datetime = timestamp()
    due_at: datetime = timestamp()
    warn_at: datetime | None = timestamp(default=None)
    warned_at: datetime | None = timestamp(default=None)
    paused_at: datetime | None = timestamp(default=None)
    met_at: datetime | None = timestamp(default=None)
    breached_at: datetime | None = timestamp(default=None)
    next_at: datetime | None = timestamp(default=None)

    def coverage(self) -> Coverage:
        zone = ZoneInfo(self.time_zone)
        return Coverage(self.coverage_opens, self.coverage_closes, weekdays=self.coverage_weekdays, zone=zone)

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,), work_orders=(self.work_order_id,))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clock shows: its state, when its target is used up, when it warns, since when it rests."""

    state: MilestoneState
    due_at: datetime
    warn_at: datetime | None
    paused_at: datetime | None = None
    met_at: datetime | None = None

    @property
    def breached_at(self) -> datetime | None:
        return self.due_at if self.state == MilestoneState.BREACHED else None


def judge(row: Milestone, halts: Halts, fact: datetime | None, now: datetime) -> Verdict:
    """What a clock shows at a time, by everything that is known then; no fact meets it before it started."""
    if fact is not None and fact < row.started_at:
        fact = None
    target = timedelta(seconds=row.target_seconds)
    due, rests_since = _up(row, halts, target)
    warn = None
    if row.warn_percent is not None:
        warn, _ = _up(row, halts, timedelta(seconds=row.target_seconds * row.warn_percent // 100))
    if fact is not None and (rests_since or fact <= due):
        return Verdict(MilestoneState.MET, due, warn, met_at=fact)
    if rests_since is not None:
        return Verdict(MilestoneState.PAUSED, due, warn, paused_at=rests_since)
    if due < now or (halts and halts[-1][1] is None):  # that rest began when the target was used up
        return Verdict(MilestoneState.BREACHED, due, warn)
    return Verdict(MilestoneState.RUNNING, due, warn)


def _up(row: Milestone, halts: Halts, target: timedelta) -> tuple[datetime, datetime | None]:
    """When so much coverage has run, and, where the clock rests with some of it left, since when."""
    coverage, at, rest = row.coverage(), row.started_at, target
    for stopped, went_on in halts:
        pause = datetime.fromisoformat(str(stopped))
        run = coverage.between(at, pause)
        if run >= rest:
            break
        rest, at = rest - run, pause
        if went_on is None:
            return coverage.after(at, rest) or row.due_at, pause
        at = datetime.fromisoformat(went_on)
    return coverage.after(at, rest) or row.due_at, None


def draw(order: "WorkOrder", entitlement: "Entitlement", zone: str, at: datetime) -> list[Milestone]:
    """The clocks of a new work order: one for each target that its entitlement has."""
    targets = {
        MilestoneKind.RESPOND: entitlement.respond_minutes,
        MilestoneKind.ARRIVE: entitlement.arrive_minutes,
        MilestoneKind.RESOLVE: entitlement.resolve_minutes,
    }
    rows = []
    for kind, minutes in targets.items():
        row = Milestone(
            work_order_id=order.id,
            customer_id=order.customer_id,
            contract_id=entitlement.contract_id,
            entitlement_id=entitlement.id,
            kind=kind,
            target_seconds=(minutes or 0) * 60,
            coverage_opens=entitlement.coverage_opens,
            coverage_closes=entitlement.coverage_closes,
            coverage_weekdays=entitlement.coverage_weekdays,
            time_zone=zone,
            warn_percent=entitlement.warn_percent,
            started_at=at,
            due_at=at,
        )
        if row.coverage().after(at, timedelta(seconds=row.target_seconds)) not in {at, None}:
            show(row, judge(row, (), None, at))
            rows.append(row)
    return rows


def arrival(rows: Sequence[Milestone]) -> datetime | None:
    """By when somebody has to have arrived, by a work order's clocks."""
    return next((row.due_at for row in rows if row.kind == MilestoneKind.ARRIVE), None)


def start(work: UnitOfWork, rows: Sequence[Milestone]) -> None:
    """The clocks of a work order that is written begin to run."""
    for row in rows:
        work.add(row)
        _announce(work, row, "MilestoneStarted", {})


async def of_order(work: UnitOfWork, key: UUID) -> Sequence[Milestone]:
    """The clocks of one work order, as `of` has them."""
    return (await of(work, [key]))[key]


async def of(work: UnitOfWork, orders: Collection[UUID]) -> Mapping[UUID, Sequence[Milestone]]:
    """The clocks of some work orders, locked; to be called where every row of the organization is seen."""
    statement = (
        select(Milestone)
        .where(col(Milestone.work_order_id).in_(orders))
        .order_by(col(Milestone.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, list[Milestone]] = {key: [] for key in orders}
    for row in (await work.session.exec(statement)).all():
        found[row.work_order_id].append(row)
    return found


def follow(work: UnitOfWork, order: "WorkOrder", rows: Sequence[Milestone]) -> dict[str, Any]:
    """Its clocks (`rows`) after a work order that is in another state now; what of the order that changed."""
    before: dict[str, Any] = {}
    if rows:
        _halt(order, work.at)
    for row in rows:
        fact = _fact(row, order.state, work.at)
        if row.state not in FINAL or fact != row.met_at:
            before |= _settle(work, order, row, fact)
    return before


async def arrived(work: UnitOfWork, order: "WorkOrder", arrivals: Collection[datetime]) -> None:
    """When somebody arrived for a work order, as is known now; the first since a clock started meets it.

    To be called where every row of the organization is seen.
    """
    for row in await of_order(work, order.id):
        if row.kind == MilestoneKind.ARRIVE:
            first = min((at for at in arrivals if at >= row.started_at), default=None)
            _settle(work, order, row, first)


async def due(connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
    """The organizations that have clocks which time has changed by now.

    Asked as fieldgraph_system for the rest of the transaction, who may read no more of a clock than this.
    """
    await connection.execute(literal("SET LOCAL ROLE fieldgraph_system"))
    return (await connection.execute(DUE, {"at": at})).scalars().all()


async def tick(work: UnitOfWork) -> int:
    """What time alone changes, a few clocks at once; how many. Others' workers may do the same beside it."""
    statement = (
        select(Milestone)
        .where(col(Milestone.next_at) < work.at)
        .order_by(col(Milestone.next_at), col(Milestone.id))
        .limit(MOST_AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    rows = (await work.session.exec(statement)).all()
    for row in rows:
        if row.due_at < work.at:
            before = {"state": row.state}
            verdict = Verdict(MilestoneState.BREACHED, row.due_at, row.warn_at)
            show(row, verdict)
            _announce(work, row, "MilestoneBreached", before)
        else:
            row.warned_at, row.next_at = work.at, row.due_at
            _announce(work, row, "MilestoneWarned", {"warned_at": None})
    return len(rows)


def _fact(row: Milestone, state: str, at: datetime) -> datetime | None:
    """What meets a clock, by the state that its work order is in; an arrival is told by `arrived`."""
    known = row.met_at
    if row.kind == MilestoneKind.RESPOND:
        return known or (at if state in ANSWERED else None)
    if row.kind == MilestoneKind.RESOLVE:
        return None if state in OPEN_AGAIN else known or (at if state == "COMPLETED" else None)
    return known


def _halt(order: "WorkOrder", at: datetime) -> None:
    rests = bool(order.halts) and order.halts[-1][1] is None
    if order.state in HALTED and not rests:
        order.halts = [*order.halts, [at.isoformat(), None]]
    elif order.state not in HALTED and rests:
        order.halts = [*order.halts[:-1], [order.halts[-1][0], at.isoformat()]]


def _settle(work: UnitOfWork, order: "WorkOrder", row: Milestone, fact: datetime | None) -> dict[str, Any]:
    """A clock as it is judged now. What changed of the order: it is due with its clock, as far as it was."""
    state, due, met = row.state, row.due_at, row.met_at
    verdict = judge(row, order.halts, fact, work.at)
    if (verdict.state, verdict.met_at) == (state, met):
        return {}
    before = {"state": state, "due_at": due, "met_at": met}
    show(row, verdict)
    event = "MilestoneCorrected" if state in FINAL else EVENTS.get(verdict.state, "MilestoneBreached")
    _announce(work, row, event, before)
    if row.kind != MilestoneKind.ARRIVE or order.due_at != due or row.due_at == due:
        return {}
    order.due_at = row.due_at
    return {"due_at": due}


def show(row: Milestone, verdict: Verdict) -> None:
    """Sets what a clock shows; it warns once."""
    row.state, row.due_at, row.warn_at = verdict.state, verdict.due_at, verdict.warn_at
    row.paused_at, row.met_at, row.breached_at = verdict.paused_at, verdict.met_at, verdict.breached_at
    warns = row.warn_at if row.warned_at is None else None
    row.next_at = (warns or row.due_at) if verdict.state == MilestoneState.RUNNING else None


def _announce(work: UnitOfWork, row: Milestone, type: str, before: Mapping[str, Any]) -> None:
    scope = row.scope()
    names = ("contract_id", "state", "due_at", "warn_at", "warned_at", "met_at", "breached_at")
    work.emit(
        Event(
            type=type,
            topic="milestone",
            subject=row,
            before=before,
            values={"kind": row.kind, "work_order_id": row.work_order_id}
            | {name: getattr(row, name) for name in names},
            scope_before=scope,
            scope_after=scope,
        )
    )
